"""Desk for what was said of the dates of milestones."""

from typing import Any

from django.contrib import admin

from cmast.desk.columns import vague
from cmast.desk.groups import PLAN
from cmast.desk.records import RecordAdmin
from programmes.admin.slips import days_in_words


class ForecastAdmin(RecordAdmin):
    group = PLAN
    is_detail = True
    list_display = ("said_on", "milestone", "kind", "said_by", vague("date", "Date"), vague("previous", "Before"), "notice")
    list_display_links = ("milestone",)
    list_filter = ("kind", "said_by")
    questions = ("slips", "declared_late")
    search_fields = ("milestone__title", "key", "reason")
    sections = (
        (None, ("milestone", "kind", ("said_on", "said_by"), "reason")),
        (
            "The date",
            (
                ("date_on", "date_precision"),
                "starts_on",
                ("previous_on", "previous_precision"),
                "previous_starts_on",
            ),
        ),
        ("Who allowed a new baseline", ("forum", "decision", "allowed_by")),
    )

    @admin.display(description="Notice", ordering="notice_days")
    def notice(self, forecast: Any) -> str:
        return days_in_words(forecast.notice_days, "after it")
