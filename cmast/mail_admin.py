"""Desks for reminders and mail: the rules with a preview, the ledger, what was sent, and what stands still."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from cmast import reminders
from cmast.desk import forms
from cmast.desk.columns import NOTHING, tag
from cmast.desk.groups import REMINDERS
from cmast.desk.questions import Attention, question_filter
from cmast.desk.reading import ReadOnly
from cmast.desk.records import OPTIONAL, RecordAdmin, said_reason
from cmast.errors import RuleBroken
from cmast.models import MailAction, MailDelivery, MailTransport, Reminder, ReminderRule


class ReminderRuleAdmin(RecordAdmin):
    """What is asked, of whom and when. The preview says who would get what."""

    group = REMINDERS
    list_display = ("name", "kind", "audience", "before", "after", "escalate_after", "is_active", "preview_link")
    list_filter = ("kind", "audience", "is_active")
    ordering = ("kind", "name")
    readonly_fields = ("preview_link",)
    sections = (
        (None, ("name", ("kind", "question"), "is_active", "preview_link")),
        ("When", ("days_before", "days_after")),
        ("Whom and how", (("audience", "channel"), "is_optional")),
        ("When nothing happens", (("escalate_after", "escalate_to"),), OPTIONAL),
    )

    @admin.display(description="Days before")
    def before(self, rule: ReminderRule) -> str:
        return ", ".join(rule.days_before) or NOTHING

    @admin.display(description="Days after")
    def after(self, rule: ReminderRule) -> str:
        return ", ".join(rule.days_after) or NOTHING

    @admin.display(description="Preview")
    def preview_link(self, rule: Any) -> str:
        if rule.pk is None:
            return NOTHING
        return format_html('<a href="{}">Who would get what</a>', reverse("admin:cmast_reminderrule_preview", args=[rule.pk]))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("<int:pk>/preview/", view, name="cmast_reminderrule_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who would get what on a day: the next working day, or `?on=`."""
        rule = ReminderRule.objects.visible_to(request.user).filter(pk=pk).first()
        if rule is None:
            raise Http404
        error = ""
        try:
            on = reminders.day_asked(request.GET.get("on", ""))
        except ValueError as wrong:
            on, error = reminders.day_asked(""), str(wrong)
        lines = reminders.preview(rule, on, request.user)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{rule.name}: who would get what",
            "opts": self.opts,
            "rule": rule,
            "on": on,
            "error": error,
            "lines": lines,
        }
        return TemplateResponse(request, "admin/cmast/reminder_preview.html", context)


class WrittenByTheRegister(ReadOnly):
    """The register's books of reminders and mail: each reader sees the lines that are for them."""

    group = REMINDERS
    list_per_page = 50
    show_full_result_count = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows: Any = super().get_queryset(request)
        return rows.visible_to(request.user)


class ReminderAdmin(WrittenByTheRegister):
    """The ledger: one line for each rule, record, person and day."""

    list_display = (
        "remind_on",
        "person",
        "record_type",
        "record_key",
        "rule",
        "due_on",
        "is_escalated",
        tag("state"),
        "reason",
    )
    list_filter = ("state", "rule", "is_escalated", "record_type")
    list_select_related = ("rule", "person")
    date_hierarchy = "remind_on"
    search_fields = ("record_key", "person__name", "person__email")
    fields = (
        ("rule", "person"),
        ("record_type", "record_key"),
        ("remind_on", "due_on", "is_escalated"),
        ("state", "reason"),
        ("mail", "created_at"),
    )


class MailActionInline(admin.TabularInline):
    """What people did about it, and why."""

    model = MailAction
    extra = 0
    can_delete = False
    fields = ("action", "by", "reason", "done_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("by")


class MailDeliveryAdmin(WrittenByTheRegister):
    """Every mail and where it stands. What failed is sent again or settled here, with a reason."""

    action_form = forms.ReasonedActionForm
    named_by = ("person",)
    urgency = ("not_before",)
    list_display = (
        "created_at",
        "person",
        "heading_or_purpose",
        tag("state"),
        "attempts",
        "ambiguous",
        "last_error",
        "sent_at",
    )
    list_filter = (question_filter("undelivered"), "state", "purpose", "transport", "for_on")
    list_select_related = ("person",)
    search_fields = ("id", "heading", "person__name", "person__email", "address", "last_error")
    fields = (
        ("purpose", "for_on", "created_at"),
        ("person", "address"),
        ("heading", "message"),
        ("state", "attempts", "not_before"),
        ("sent_at", "transport", "asked_by"),
        ("last_error", "ambiguous", "data_started_at"),
        ("id", "body_sha256"),
        "text",
    )
    readonly_fields = ("message",)
    inlines = (MailActionInline,)
    attention = (
        Attention("Mail failed or unknown", question="undelivered", hint="Send it again, or settle it, and say why.", order=60),
    )
    actions = ("send_again", "settle_arrived", "settle_given_up")

    def when(self, mail: MailDelivery) -> str:
        return f"{mail.person}, {mail.get_state_display().lower()}"

    @admin.display(description="Mail", ordering="heading")
    def heading_or_purpose(self, mail: MailDelivery) -> str:
        return str(mail)

    @admin.action(description="Send the selected mail again", permissions=["view"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[MailDelivery]) -> None:
        self._do(request, queryset, lambda mail, reason: mail.send_again(request.user, reason), "will be sent again")

    @admin.action(description="Settle the selected mail: it has arrived", permissions=["view"])
    def settle_arrived(self, request: HttpRequest, queryset: QuerySet[MailDelivery]) -> None:
        self._do(request, queryset, lambda mail, reason: mail.settle_by_hand(request.user, True, reason), "counts as sent")

    @admin.action(description="Settle the selected mail: not needed any more", permissions=["view"])
    def settle_given_up(self, request: HttpRequest, queryset: QuerySet[MailDelivery]) -> None:
        self._do(
            request, queryset, lambda mail, reason: mail.settle_by_hand(request.user, False, reason), "counts as cancelled"
        )

    def _do(self, request: HttpRequest, queryset: QuerySet[MailDelivery], act: Any, said: str) -> None:
        for mail in queryset:
            try:
                act(mail, said_reason(request))
            except RuleBroken as error:
                self.message_user(request, f"“{mail}” was left as it is. {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"“{mail}” {said}.", messages.SUCCESS)

    # --- What it said, where mail goes to files -----------------------------------------------------------------------

    @admin.display(description="Message")
    def message(self, mail: MailDelivery) -> str:
        if not _file(mail).exists():
            return NOTHING
        return format_html('<a href="{}">Read it</a>', reverse("admin:cmast_maildelivery_message", args=[mail.pk]))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view
        return [
            path("<uuid:pk>/message/", page(self.message_view), name="cmast_maildelivery_message"),
            path("<uuid:pk>/message.eml", page(self.file_view), name="cmast_maildelivery_file"),
            *super().get_urls(),
        ]

    def message_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The mail as text. Its HTML has styles of its own, which our pages do not allow: that is for a mail program."""
        mail, raw = self._readable(request, pk)
        message = message_from_bytes(raw, EmailMessage, policy=policy.default)
        text: Any = message.get_body(("plain",))
        context = {
            **self.admin_site.each_context(request),
            "title": message["Subject"],
            "opts": self.opts,
            "mail": mail,
            "headers": [(name, message[name]) for name in ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe")],
            "text": text.get_content() if text else "",
        }
        return TemplateResponse(request, "admin/cmast/mail_message.html", context)

    def file_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        _, raw = self._readable(request, pk)
        disposition = {"Content-Disposition": f'attachment; filename="{pk}.eml"'}
        return HttpResponse(raw, content_type="message/rfc822", headers=disposition)

    def _readable(self, request: HttpRequest, pk: Any) -> tuple[MailDelivery, bytes]:
        """A mail that tells of nothing that is hidden from this person."""
        mail = self.get_queryset(request).select_related("person").filter(pk=pk).first()
        if mail is None or not _file(mail).exists():
            raise Http404
        if mail.reminders.exclude(pk__in=Reminder.objects.visible_to(request.user).values("pk")).exists():
            raise Http404
        return mail, _file(mail).read_bytes()


def _file(mail: MailDelivery) -> Path:
    return Path(settings.MAIL_DIR) / f"{mail.pk}.eml"


class MailTransportAdmin(WrittenByTheRegister):
    """The ways by which mail goes, and whether they are open."""

    named_by = ()
    urgency = ("stopped_at",)
    list_filter = (question_filter("standing_still"),)
    list_display = ("name", "failures", "open_until", "stopped_at", "last_error")
    fields = ("name", ("failures", "open_until"), "stopped_at", "last_error")
    attention = (
        Attention(
            "Mail stands still", question="standing_still", hint="Nothing is lost: it goes when the way is open again.", order=5
        ),
    )

    def when(self, way: MailTransport) -> str:
        return way.last_error


class SuppressionAdmin(RecordAdmin):
    """Who is sent nothing any more. Deleting a suppression lifts it."""

    group = REMINDERS
    list_display = ("__str__", "person", "address", "rule", "cause", "detail", "created_at")
    list_filter = ("cause", "rule")
    search_fields = ("person__name", "address", "detail", "key")
    named_by = ("person",)
    sections = ((None, (("person", "address"), ("cause", "rule"), "detail")),)
