"""Desk for reporting periods, with their board."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cmast.desk.columns import tag
from cmast.desk.groups import REPORTING
from cmast.desk.records import RecordAdmin
from programmes.completeness import board


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
