"""Desk for what waits for what."""

from cmast.desk.groups import GOVERNANCE
from cmast.desk.records import RecordAdmin
from programmes.models.waiting import AWAITED, WAITING


class WaitAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("title", "programme")
    named_by = (*WAITING, "target__metric", *AWAITED)
    search_fields = ("key", "milestone__title", "for_approval__subject")
    sections = (
        ("What waits", ("milestone", "procurement", "target", "benefit")),
        ("For what", ("for_approval", "for_decision", "for_milestone")),
        ("Where it belongs", ("programme",)),
    )
    readonly_fields = ("programme",)
