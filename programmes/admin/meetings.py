"""Desks for what meetings deal with and what comes of it: agenda items, decisions, actions."""

from cmast.desk.columns import tag, vague
from cmast.desk.groups import GOVERNANCE
from cmast.desk.questions import Attention
from cmast.desk.records import PLACE, RecordAdmin, inline
from programmes.models import Action, Decision


class AgendaItemAdmin(RecordAdmin):
    group = GOVERNANCE
    is_detail = True
    list_display = ("number", "title", "meeting", tag("purpose"), "approval", "paper_title")
    list_display_links = ("title",)
    list_filter = ("purpose", "meeting__forum")
    search_fields = ("title", "paper_title", "key", "meeting__title")
    sections = (
        (None, ("meeting", ("number", "title"), "purpose", "approval")),
        ("Its paper", (("paper_title", "paper_url"),)),
    )
    inlines = (
        inline(Decision, "text", "status", "forum", "decided_on", "decided_precision"),
        inline(Action, "text", "status", "owner", "owner_role", "due_on", "due_precision"),
    )


class DecisionAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("text", tag("status"), "forum", vague("decided", "Decided"), "formalised_on", "workstream", "programme")
    list_filter = ("status", "forum")
    sections = (
        (None, ("text", "status", PLACE)),
        (
            "Who and when",
            (
                "forum",
                ("meeting", "agenda_item"),
                "approval",
                ("decided_on", "decided_precision"),
                "formalised_on",
                "superseded_by",
            ),
        ),
    )
    inlines = (inline(Action, "text", "status", "owner", "owner_role", "due_on", "due_precision"),)


class ActionAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("text", tag("status"), "owner", "owner_role", vague("due", "Due"), "done_on", "workstream", "programme")
    list_filter = ("status", "owner")
    questions = ("overdue", "outstanding", "orphaned")
    sections = (
        (None, ("text", "status", PLACE, ("meeting", "agenda_item"), "decision")),
        ("Who and when", (("owner", "owner_role"), ("due_on", "due_precision"), "done_on")),
        ("How much", (("quantity", "unit"),)),
    )
    attention = (
        Attention("Actions overdue", "overdue", hint="Still to be done after their date.", column="Actions overdue", order=40),
    )
    urgency = ("due_on", "pk")

    def when(self, action: Action) -> str:
        return vague("due", "")(action)
