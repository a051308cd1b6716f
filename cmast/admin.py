"""Desks for people, places, sources, notes, and the system itself."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from cmast.desk.columns import tag
from cmast.desk.forms import RecordForm
from cmast.desk.groups import PEOPLE, REPORTING, SYSTEM
from cmast.desk.questions import Attention
from cmast.desk.reading import ReadOnly
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from cmast.errors import RuleBroken
from cmast.mail_admin import MailDeliveryAdmin, MailTransportAdmin, ReminderAdmin, ReminderRuleAdmin, SuppressionAdmin
from cmast.models import (
    AnswerLink,
    ApiToken,
    JobRun,
    MailDelivery,
    MailTransport,
    Membership,
    Note,
    NoteSubject,
    Organisation,
    Person,
    Reminder,
    ReminderRule,
    Restriction,
    Site,
    Source,
    SourceSection,
    Suppression,
    Webhook,
    WebhookDelivery,
)
from cmast.views import LIFETIME

# Rights follow from memberships.
admin.site.unregister(Group)

admin.site.register(ReminderRule, ReminderRuleAdmin)
admin.site.register(Reminder, ReminderAdmin)
admin.site.register(MailDelivery, MailDeliveryAdmin)
admin.site.register(MailTransport, MailTransportAdmin)
admin.site.register(Suppression, SuppressionAdmin)


@admin.register(Organisation)
class OrganisationAdmin(RecordAdmin):
    group = PEOPLE
    list_display = ("name", "ods_code", "abbreviation", "kind", "trust_type", "standing", "valid_from", "valid_to")
    list_filter = (
        "kind",
        "standing",
        "trust_type",
        "specialty",
        "is_foundation_trust",
        ("valid_to", admin.EmptyFieldListFilter),
    )
    search_fields = ("key", "name", "short_name", "abbreviation", "ods_code", "aliases")
    ordering = ("kind", "name")
    sections = (
        (None, ("name", ("short_name", "abbreviation"), "aliases", ("key", "ods_code"), "kind")),
        ("As an NHS trust", (("trust_type", "specialty"), "is_foundation_trust", "standing"), OPTIONAL),
        ("Before and after", ("parent", ("valid_from", "valid_to"), "successor"), OPTIONAL),
    )
    inlines = (inline(Site, "name", "kind", "site_count"),)


@admin.register(Site)
class SiteAdmin(RecordAdmin):
    group = PEOPLE
    list_display = ("name", "kind", "organisation", "site_count")
    list_filter = ("kind", "organisation")
    sections = ((None, ("name", "kind", "organisation", "site_count")),)


@admin.register(Person)
class PersonAdmin(RecordAdmin, UserAdmin):
    """Somebody's access: what they may do comes from the memberships, whether they sign in with a password from here."""

    group = PEOPLE
    add_form = RecordForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("name", "email", "is_active", "last_login")
    list_filter = ("is_active", "memberships__role", "memberships__programme", "memberships__organisation")
    search_fields = ("name", "email", "key")
    ordering = ("name",)
    filter_horizontal = ()
    readonly_fields = ("signing_in", "last_login")
    sections = (
        (None, ("name", "honours", "email")),
        ("Signing in", ("is_active", "signing_in", "last_login")),
    )
    inlines = (inline(Membership, "role", "programme", "workstream", "organisation", "valid_from", "valid_to"),)

    @admin.display(description="Password")
    def signing_in(self, person: Person) -> str:
        if not person.pk:
            return "Save the person first; a password can be given afterwards."
        if not person.email:
            return "None. Signing in needs an e-mail address."
        state = "Set." if person.has_usable_password() else "None. This person answers from e-mail and cannot sign in."
        return format_html('{} <a href="../password/">Set or clear the password</a>', state)


@admin.register(Membership)
class MembershipAdmin(RecordAdmin):
    group = PEOPLE
    list_display = ("person", "role", "programme", "workstream", "organisation", "valid_from", "valid_to")
    list_filter = ("role", "programme", "organisation", ("valid_to", admin.EmptyFieldListFilter))
    search_fields = ("person__name", "person__email", "key")
    named_by = ("person",)
    sections = (
        (None, ("person", "role")),
        ("Where", ("programme", "workstream", "organisation")),
        ("When", (("valid_from", "valid_to"),)),
    )


@admin.register(Source)
class SourceAdmin(RecordAdmin):
    group = REPORTING
    list_display = ("title", "kind", "issuer", "edition_month_on", "as_at_on", "plan_year")
    list_filter = ("kind", "issuer")
    search_fields = ("title", "key", "url")
    ordering = ("kind", "-as_at_on", "title")
    sections = (
        (None, ("title", "kind", "issuer", "url", "audiences")),
        ("What it covers", (("edition_month_on", "as_at_on"), "plan_year")),
    )
    inlines = (inline(SourceSection, "title", "lines", link="document"),)


@admin.register(SourceSection)
class SourceSectionAdmin(RecordAdmin):
    group = REPORTING
    is_detail = True
    list_display = ("title", "document", "lines_in_words")
    list_filter = ("document",)
    sections = ((None, ("document", "title", "lines")),)

    @admin.display(description="Lines")
    def lines_in_words(self, section: SourceSection) -> str:
        return ", ".join(section.lines)


@admin.register(Note)
class NoteAdmin(RecordAdmin):
    group = REPORTING
    list_display = ("__str__", "kind", tag("status"), "asked_of", "answered_on", "subjects_in_words")
    list_filter = ("kind", "status", "asked_of")
    search_fields = ("text", "treatment", "answer", "key", "subjects__record_key")
    also_fetch = ("subjects",)
    sections = (
        (None, ("kind", "text", "treatment")),
        ("For a query", (("status", "asked_of"), "answer", "answered_on"), OPTIONAL),
    )
    inlines = (inline(NoteSubject, "record_type", "record_key"),)
    attention = (
        Attention("Open queries", values={"kind": "query", "status": "open"}, hint="Nobody has answered yet.", order=70),
    )

    @admin.display(description="About")
    def subjects_in_words(self, note: Note) -> str:
        return ", ".join(f"{subject.record_type.replace('_', ' ')} {subject.record_key}" for subject in note.subjects.all())


@admin.register(NoteSubject)
class NoteSubjectAdmin(RecordAdmin):
    group = REPORTING
    is_detail = True
    list_display = ("record_key", "record_type", "about_note")
    list_filter = ("record_type",)
    sections = ((None, ("about_note", ("record_type", "record_key"))),)


@admin.register(Restriction)
class RestrictionAdmin(RecordAdmin):
    """Whoever restricts a record names themselves too, or would lose sight of it."""

    group = SYSTEM
    list_display = ("record_key", "record_type", "kind", "lifted_on")
    list_filter = ("kind", "record_type")
    sections = ((None, (("record_type", "record_key"), ("kind", "lifted_on"), "named")),)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"named": [request.user.pk]}

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The same rule as in the API: what has been written must still be one's own."""
        super().save_related(request, form, formsets, change)
        if not Restriction.objects.editable_by(request.user).filter(pk=form.instance.pk).exists():
            raise ValidationError("name yourself too, or you could no longer see it.")


@admin.register(Webhook)
class WebhookAdmin(RecordAdmin):
    """The secret is shown once, when a webhook is made; a new one comes from the API."""

    group = SYSTEM
    list_display = ("name", "url", "owner", "is_active", "disabled_reason")
    list_filter = ("is_active",)
    search_fields = ("name", "key", "url", "owner__name")
    questions = ("given_up",)
    readonly_fields = ("owner", "disabled_reason")
    sections = (
        (None, ("name", "url", "resources")),
        ("State", ("is_active", "disabled_reason", "owner")),
    )
    attention = (Attention("Webhooks given up", question="given_up", hint="Their receivers take nothing any more.", order=80),)

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self.message_user(
                request, f"The secret of {obj.name} is {obj.secret} – copy it now, it is not shown again.", messages.WARNING
            )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    """What was sent to whom. The register writes it; a person can have it sent again."""

    group = SYSTEM
    list_display = ("created_at", "webhook", "event", tag("state"), "attempts", "last_status", "last_error", "not_before")
    list_filter = ("state", "event", "webhook")
    list_select_related = ("webhook",)
    search_fields = ("id", "webhook__name", "webhook__key", "last_error")
    fields = (
        ("webhook", "event", "asked_by"),
        ("state", "attempts", "not_before"),
        ("created_at", "sent_at"),
        ("last_status", "last_error"),
        ("first_position", "last_position"),
    )
    actions = ("send_again",)

    @admin.action(description="Send the selected deliveries again", permissions=["view"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        for delivery in queryset.select_related("webhook"):
            try:
                delivery.send_again(request.user)
            except RuleBroken as error:
                self.message_user(request, f"{delivery.pk} was left as it is. {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{delivery.pk} will be sent again.", messages.SUCCESS)


class TokenForm(forms.ModelForm):
    """A new token. It ends within a year."""

    class Meta:
        model = ApiToken
        fields = ("name", "user", "scope", "expiry")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A token that can only be looked at has no fields.
        if "expiry" in self.fields:
            self.fields["expiry"].required = True
            self.initial.setdefault("expiry", timezone.now() + LIFETIME)

    def clean_expiry(self) -> Any:
        expiry = self.cleaned_data["expiry"]
        if not timezone.now() < expiry <= timezone.now() + LIFETIME:
            self.add_error("expiry", "A token ends within a year from now.")
        return expiry


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens are made and revoked, never changed. The secret is shown once; the register keeps its digest."""

    group = SYSTEM
    form = TokenForm
    list_display = ("name", "token_key", "user", "scope", "created", "expiry")
    list_filter = ("scope",)
    list_select_related = ("user",)
    search_fields = ("name", "token_key", "user__name", "user__email")
    autocomplete_fields = ("user",)
    fields = ("name", "user", "scope", "expiry")

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: forms.ModelForm, change: bool) -> None:
        token, secret = ApiToken.objects.create(
            user=obj.user, expiry=form.cleaned_data["expiry"] - timezone.now(), name=obj.name, scope=obj.scope
        )
        obj.__dict__.update(token.__dict__)
        self.message_user(
            request, f"The token of {obj.name} is {secret} – copy it now, it is not kept and not shown again.", messages.WARNING
        )


@admin.register(AnswerLink)
class AnswerLinkAdmin(ReadOnly):
    """Links in e-mails by which people answer. The register makes them; a person can take them back."""

    group = SYSTEM
    list_display = ("person", "record_type", "record_key", "created_at", "expires_at", "used_at", "answer", "revoked_at")
    list_filter = ("record_type", ("used_at", admin.EmptyFieldListFilter), ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("person",)
    search_fields = ("person__name", "person__email", "record_key", "answer")
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Take the selected links back", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AnswerLink]) -> None:
        links = AnswerLink.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, f"{links.revoke()} links no longer work.", messages.SUCCESS)


@admin.register(JobRun)
class JobRunAdmin(ReadOnly):
    """What the background did. It is written by the jobs themselves."""

    group = SYSTEM
    list_display = ("name", "outcome", "started_at", "finished_at", "detail")
    list_filter = ("name", "outcome")
    search_fields = ("name", "detail")
