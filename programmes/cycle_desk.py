"""Desks for the month's round: reporting periods with their board, updates with what has changed, calendars."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cmast.desk.columns import tag
from cmast.desk.questions import Attention
from cmast.desk.records import PLACE, RecordAdmin, inline
from programmes.calendars import address_of
from programmes.changes import changes_since_last, shown
from programmes.completeness import board
from programmes.models import CalendarFeed, ReportingPeriod, Update, UpdateFact

REPORTING = "Reporting"


@admin.register(ReportingPeriod)
class ReportingPeriodAdmin(RecordAdmin):
    group = REPORTING
    change_form_template = "admin/programmes/reportingperiod/change_form.html"
    list_display = ("title", tag("status"), "opens_on", "due_on", "locks_on", "as_at_on")
    list_filter = ("status", "plan_year")
    search_fields = ("key",)
    ordering = ("-month_on",)
    readonly_fields = ("status",)
    sections = (
        (None, (("month_on", "plan_year"), "status")),
        ("When", (("opens_on", "due_on", "locks_on"), "as_at_on")),
        ("For whom", ("audiences",)),
    )

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        if context.get("original"):
            reader: Any = request.user
            context["board"] = board(context["original"], reader, timezone.localdate())
        return super().render_change_form(request, context, *args, **options)


@admin.register(Update)
class UpdateAdmin(RecordAdmin):
    group = REPORTING
    change_form_template = "admin/programmes/update/change_form.html"
    list_display = (
        "title",
        "month_on",
        tag("status"),
        tag("rag", "RAG"),
        "author",
        "submitted_by",
        "submitted_on",
        "approved_on",
        "signed_off_on",
        "programme",
    )
    list_filter = ("status", "rag", "month_on")
    questions = ("late", "outstanding", "not_started")
    named_by = ("workstream", "programme")
    search_fields = ("workstream__name", "programme__name", "key")
    ordering = ("-month_on", "programme", "workstream")
    readonly_fields = ("status", "revision", "supersedes", "signed_off_by", "signed_off_on", "published_on")
    sections = (
        (None, (PLACE, "month_on", ("status", "rag"), "author")),
        (
            "Sign-off",
            (
                ("submitted_by", "submitted_on"),
                ("approved_by", "approved_on"),
                ("signed_off_by", "signed_off_on"),
                "published_on",
                ("revision", "supersedes"),
            ),
        ),
    )
    inlines = (inline(UpdateFact, "text", "activity_month_on", "forum", "quantity", "unit"),)
    attention = (
        Attention("Updates late", "late", hint="Asked for, and not handed in by the day.", column="Updates late", order=25),
    )
    urgency = ("month_on", "pk")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        if context.get("original"):
            reader: Any = request.user
            context["changes"] = found = changes_since_last(context["original"], reader)
            context["fact_changes"] = shown(found.facts)
        return super().render_change_form(request, context, *args, **options)


@admin.register(UpdateFact)
class UpdateFactAdmin(RecordAdmin):
    group = REPORTING
    is_detail = True
    list_display = ("text", "update", "activity_month_on", "forum")
    also_read = ("update__workstream", "update__programme")
    sections = (
        (None, ("update", "text", "activity_month_on", "forum")),
        ("How much", (("quantity", "unit"), "parts", "financial_year")),
    )


@admin.register(CalendarFeed)
class CalendarFeedAdmin(RecordAdmin):
    """The address is shown once, when a calendar is made or renewed."""

    group = "People and places"
    list_display = ("name", "owner", "programme", "forum", tag("status"))
    list_filter = ("programme", "status")
    search_fields = ("name", "key", "owner__name", "programme__name", "forum__name")
    readonly_fields = ("owner", "status")
    sections = ((None, ("name", ("programme", "forum"), ("owner", "status"))),)
    actions = ("renew",)

    def save_model(self, request: HttpRequest, obj: CalendarFeed, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self._show_address(request, obj)

    @admin.action(description="Renew the address", permissions=["change"])
    def renew(self, request: HttpRequest, queryset: QuerySet[CalendarFeed]) -> None:
        for feed in queryset:
            self._show_address(request, feed)

    def _show_address(self, request: HttpRequest, feed: CalendarFeed) -> None:
        said = f"The address of “{feed}” is {address_of(feed.renew())} – copy it now, it is not shown again."
        self.message_user(request, said, messages.WARNING)
