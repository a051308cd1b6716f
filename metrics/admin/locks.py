"""Desk for months whose figures are final."""

from typing import Any

from django.http import HttpRequest

from cmast.desk.groups import METRICS
from cmast.desk.records import OPTIONAL, RecordAdmin


class PeriodLockAdmin(RecordAdmin):
    group = METRICS
    list_display = ("month_end_on", "metric", "programme", "reason", "locked_on", "locked_by", "unlocked_on")
    list_filter = ("programme",)
    questions = ("in_force",)
    search_fields = ("metric__name", "reason", "unlock_reason", "key")
    sections = (
        (None, ("month_end_on", ("metric", "programme"), "reason", ("locked_on", "locked_by"))),
        ("Opened again", (("unlocked_on", "unlocked_by"), "unlock_reason"), OPTIONAL),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A month is opened again, with the reason."""
        return False
