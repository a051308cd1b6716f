"""Desk for votes."""

from cmast.desk.columns import tag, vague
from cmast.desk.groups import GOVERNANCE
from cmast.desk.records import RecordAdmin


class VoteAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("body_label", "approval", tag("status"), "progress", vague("board", "Board"), "papers_due_on")
    list_filter = ("status", "progress", "organisation", "approval__programme")
    questions = ("awaiting_decision",)
    named_by = ("organisation",)
    search_fields = ("approval__subject", "organisation__name", "placeholder", "key")
    sections = (
        (
            None,
            (
                ("approval", "resolution"),
                ("organisation", "forum"),
                ("placeholder", "group"),
                ("status", "progress"),
                "conditions",
            ),
        ),
        (
            "When",
            (("board_on", "board_precision"), ("papers_due_on", "deferred_from_on"), ("decided_on", "decided_precision")),
        ),
        ("What it was cast for", (("paper_version", "cast_at"), ("is_current", "supersedes"))),
    )
    readonly_fields = ("cast_at", "is_current", "supersedes", "deferred_from_on")
