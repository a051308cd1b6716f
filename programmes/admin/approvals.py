"""Desks for approvals, the counts that sources state, and the terms on which bodies agree."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from cmast.desk.columns import NOTHING, tag, vague
from cmast.desk.groups import GOVERNANCE
from cmast.desk.questions import Attention
from cmast.desk.records import PLACE, RecordAdmin, inline
from programmes import outcomes
from programmes.models import Approval, Snapshot, Vote
from programmes.models.votes import ballots_of
from programmes.positions import position_of


class ApprovalAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = (
        "subject",
        "kind",
        "position",
        "rule",
        vague("expected", "Expected"),
        vague("decided", "Decided"),
        "workstream",
    )
    list_filter = ("kind", "rule", "stated_status", "body", "organisation")
    questions = ("awaiting_decision", "overdue")
    also_read = ("body",)
    also_fetch = ("votes__organisation",)
    readonly_fields = ("outcome", "approved_at", "paper_version")
    sections = (
        (None, ("subject", "kind", PLACE, "outcome", "resolutions")),
        ("What it takes", (("rule", "required_count"), ("body", "organisation"), "delegate_to")),
        ("When", (("expected_on", "expected_precision"), ("decided_on", "decided_precision"), "as_at_on")),
        ("The paper", (("paper_version", "paper_revised_on"), "approved_at")),
        ("Where it stands", ("stated_status", "next_milestone")),
    )
    inlines = (
        inline(
            Vote,
            "organisation",
            "placeholder",
            "status",
            "progress",
            "board_on",
            "board_precision",
            "papers_due_on",
            "decided_on",
            "decided_precision",
        ),
        inline(Snapshot, "as_at_on", "approved_count", "pending_count"),
    )
    attention = (
        Attention(
            "Approvals awaiting a decision",
            "awaiting_decision",
            hint="Who has still to decide?",
            column="Approvals awaiting",
            order=20,
        ),
        Attention("Approvals overdue", "overdue", hint="Expected by now, and still open.", order=30),
    )
    urgency = ("expected_on", "pk")

    @admin.display(description="Position", empty_value=NOTHING)
    def position(self, approval: Approval) -> str:
        """Counted from the votes; as stated where there are none."""
        votes = sorted(approval.votes.all(), key=lambda vote: vote.pk) if approval.pk else []
        if not votes:
            return approval.get_stated_status_display() if approval.stated_status else ""
        names = dict(zip((ballot.body for ballot in ballots_of(votes)), map(_short, votes), strict=True))
        counts = approval.tallies(votes)
        said = [outcomes.sentence(count, names.__getitem__, lambda body: "") for count in counts]
        return "; ".join(said)

    @admin.display(description="Today", empty_value=NOTHING)
    def outcome(self, approval: Approval) -> str:
        """In full: who is outstanding, and when they meet next."""
        asked_by = getattr(approval, "asked_by", None)
        return position_of(approval, asked_by, timezone.localdate()).sentence if asked_by else ""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        record = super().get_object(request, object_id, from_field)
        if record is not None:
            record.asked_by = request.user  # what is said of it is for this reader
        return record

    def when(self, approval: Approval) -> str:
        return vague("expected", "")(approval)


def _short(vote: Vote) -> str:
    """The body by the name that people use."""
    organisation = vote.organisation
    return (organisation and (organisation.abbreviation or organisation.short_name)) or vote.body_label


class SnapshotAdmin(RecordAdmin):
    group = GOVERNANCE
    is_detail = True
    list_display = ("as_at_on", "approval", "approved_count", "pending_count")
    search_fields = ("approval__subject", "key")
    sections = ((None, ("approval", "as_at_on", ("approved_count", "pending_count"))),)


class ConditionAdmin(RecordAdmin):
    group = GOVERNANCE
    is_detail = True
    list_display = ("text", "vote", tag("status"), vague("due", "Due"), "settled_on")
    list_filter = ("status",)
    questions = ("outstanding", "overdue")
    sections = ((None, ("vote", "text", "status", ("due_on", "due_precision"), "settled_on")),)
