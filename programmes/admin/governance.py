"""Desks for who decides: forums, their meetings, and who holds which role."""

from cmast.desk.columns import tag, vague
from cmast.desk.groups import GOVERNANCE, PEOPLE
from cmast.desk.records import PLACE, RecordAdmin, inline
from programmes.admin.closing import ClosureDesk
from programmes.models import AgendaItem, Meeting


class ForumAdmin(ClosureDesk, RecordAdmin):
    group = GOVERNANCE
    list_display = ("name", "kind", tag("status"), "decision_power", "organisation", "programme", "cadence")
    list_filter = ("kind", "status", "decision_power", "organisation")
    ordering = ("name",)
    sections = (
        (None, ("name", "kind", "decision_power", ("status", "closed_on"))),
        ("Whose it is", (("programme", "organisation"),)),
        ("How it meets", (("cadence", "member_count"),)),
    )
    inlines = (inline(Meeting, "title", "held_on", "held_precision", "papers_due_on", "session", "is_cancelled"),)


class MeetingAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("title", "forum", vague("held", "Held"), "papers_due_on", "composition", "session", "is_cancelled")
    list_filter = ("forum", "composition", "session", "is_cancelled", "forum__programme")
    search_fields = ("title", "forum__name", "key")
    sections = (
        (None, ("title", "forum", ("composition", "session"), "is_cancelled")),
        ("When", (("held_on", "held_precision"), "papers_due_on")),
    )
    inlines = (inline(AgendaItem, "number", "title", "purpose", "approval", "paper_title", "paper_url"),)


class RoleHolderAdmin(RecordAdmin):
    group = PEOPLE
    list_display = ("title", "person", "organisation", "forum", tag("post_status"), vague("expected", "From"), "people_count")
    list_filter = ("post_status", "organisation")
    sections = (
        (None, ("title", ("person", "people_count"), "post_status", ("expected_on", "expected_precision"))),
        ("Where", (PLACE, ("organisation", "forum"))),
    )
