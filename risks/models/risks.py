"""Risks, issues, challenges and dependencies: one record each, whatever becomes of it."""

import datetime as dt
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cmast.errors import RuleBroken
from cmast.models import Record
from cmast.models.fields import (
    DayField,
    LineField,
    NumberField,
    ProseField,
    WordField,
    both_or_neither,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.models.verbs import verb
from cmast.vocabulary import Unit, Words
from programmes.models import Approval, Edge, Milestone, PlacedRecord, Thing, Workstream, refuse_loop
from risks.models.questions import RiskQuerySet
from risks.models.scoring import RiskAppetite, Score
from risks.models.treatment import Review

#: What can be done about each in principle.
THREAT_RESPONSES = ("avoid", "reduce", "transfer", "share", "accept", "prepare_contingency")
OPPORTUNITY_RESPONSES = ("exploit", "enhance", "share", "transfer", "accept")


class Risk(PlacedRecord):
    """Something that may happen, has happened, is hard, or is waited for. What a risk becomes, it stays the same record."""

    class Kind(Words):
        RISK = "risk"
        ISSUE = "issue"
        CHALLENGE = "challenge"
        DEPENDENCY = "dependency"

    class Sense(Words):
        THREAT = "threat"
        OPPORTUNITY = "opportunity"

    class IssueType(Words):
        REQUEST_FOR_CHANGE = "request_for_change"
        OFF_SPECIFICATION = "off_specification"
        PROBLEM_OR_CONCERN = "problem_or_concern"
        EXTERNAL_EVENT = "external_event"

    class Status(Words):
        DRAFT = "draft"
        OPEN = "open"
        ESCALATED = "escalated"
        MATERIALISED = "materialised"
        CLOSED = "closed"

    class ClosureReason(Words):
        MITIGATED = "mitigated"
        ACCEPTED = "accepted"
        EXPIRED = "expired"
        DUPLICATE = "duplicate"
        TRANSFERRED = "transferred"

    class Response(Words):
        AVOID = "avoid"
        REDUCE = "reduce"
        TRANSFER = "transfer"
        SHARE = "share"
        ACCEPT = "accept"
        PREPARE_CONTINGENCY = "prepare_contingency"
        EXPLOIT = "exploit"
        ENHANCE = "enhance"

    class Proximity(Words):
        IMMINENT = "imminent"
        WITHIN_3_MONTHS = "within_3_months"
        WITHIN_12_MONTHS = "within_12_months"
        BEYOND_12_MONTHS = "beyond_12_months"

    Appetite = RiskAppetite

    class Direction(Words):
        INBOUND = "inbound"
        OUTBOUND = "outbound"

    class DependencyStatus(Words):
        IDENTIFIED = "identified"
        AGREED = "agreed"
        ON_TRACK = "on_track"
        AT_RISK = "at_risk"
        MET = "met"
        MISSED = "missed"

    #: States in which it needs attention.
    OPEN: ClassVar = ("open", "escalated", "materialised")

    label_field = "title"
    depends_on_day = True
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}
    closes_with: ClassVar[dict[str, tuple[str, ...]]] = {"programme": ("programme",), "workstream": ("workstream",)}

    kind = WordField(Kind, help_text="Risk, issue, challenge or dependency.")
    title = LineField(help_text="What it is, in one line.")
    description = ProseField(blank=True, help_text="Cause, event and effect.")
    status = WordField(Status, default=Status.OPEN, help_text="Where it stands.")
    sense = WordField(Sense, null=True, help_text="Threat or opportunity.")
    issue_type = WordField(IssueType, null=True, help_text="For an issue.")
    owner = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="risks", help_text="Who answers for it."
    )
    organisations = models.ManyToManyField(
        "cmast.Organisation", blank=True, related_name="risks", help_text="Organisations concerned."
    )
    response = WordField(Response, null=True, help_text="What is done about it in principle.")
    materialised_on = DayField(null=True, help_text="When what was feared, or hoped for, happened.")
    escalated_to = models.ForeignKey(
        "programmes.Forum",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="escalations",
        help_text="Board that it was put to.",
    )
    escalated_on = DayField(null=True, help_text="When it was put to that board.")
    proximity = WordField(Proximity, null=True, help_text="How soon it may strike.")
    appetite = WordField(RiskAppetite, null=True, help_text="How much of it is borne.")
    quantity = NumberField(null=True, help_text="How many it concerns, where stated.")
    unit = WordField(Unit, null=True, help_text="What the quantity counts.")
    raised_on = DayField(null=True, help_text="When it was raised.")
    closed_on = DayField(null=True, help_text="When it was closed.")
    closure_reason = WordField(ClosureReason, null=True, help_text="Why it was closed.")
    is_transfer_recorded = models.BooleanField(
        null=True, blank=True, help_text="When it was closed with its programme: whether it is on record where it went."
    )
    transferred_to = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="transferred_from", help_text="Record that carries it on."
    )
    received_by = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="risks_received",
        help_text="When it was transferred: who carries it on.",
    )
    direction = WordField(Direction, null=True, help_text="For a dependency: we wait, or others wait for us.")
    dependency_status = WordField(DependencyStatus, null=True, help_text="For a dependency: where it stands.")
    giver_agreed_on = DayField(null=True, help_text="For a dependency: when the giver agreed to deliver.")
    giver_agreed_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who agreed for the giver."
    )
    receiver_agreed_on = DayField(null=True, help_text="For a dependency: when the receiver agreed to what is delivered.")
    receiver_agreed_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who agreed for the receiver."
    )
    settled_on = DayField(null=True, help_text="For a dependency: when it was met, or known to be missed.")
    giver = models.ForeignKey(
        Workstream,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="dependencies_given",
        help_text="For a dependency: workstream that must deliver.",
    )
    giver_organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="dependencies_given",
        help_text="For a dependency: organisation that must deliver.",
    )
    need_by_on = vague_day("For a dependency: date by which it is needed")
    need_by_precision = precision_of("that date")
    waits_for = models.ForeignKey(
        Approval,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="dependencies",
        help_text="For a dependency: approval that is waited for.",
    )
    holds_up = models.ForeignKey(
        Milestone,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="dependencies",
        help_text="For a dependency: milestone that waits.",
    )

    objects: ClassVar = RiskQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "risk"
        verbose_name_plural = "risks"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("need_by"),
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True) | Q(status="closed"),
                name="risks_risk_closed_on",
                violation_error_message="closed_on is for what has the status closed.",
            ),
            models.CheckConstraint(
                condition=Q(kind="dependency")
                | Q(
                    direction__isnull=True,
                    dependency_status__isnull=True,
                    giver_agreed_on__isnull=True,
                    receiver_agreed_on__isnull=True,
                    settled_on__isnull=True,
                    giver__isnull=True,
                    giver_organisation__isnull=True,
                    need_by_on__isnull=True,
                    waits_for__isnull=True,
                    holds_up__isnull=True,
                ),
                name="risks_risk_dependency",
                violation_error_message="Only a dependency has a giver, a direction, dates and what it waits for.",
            ),
            models.CheckConstraint(
                condition=Q(kind="issue") | Q(issue_type__isnull=True),
                name="risks_risk_issue_type",
                violation_error_message="Only an issue has an issue type.",
            ),
            models.CheckConstraint(
                condition=Q(sense__isnull=True)
                | Q(response__isnull=True)
                | Q(sense="threat", response__in=THREAT_RESPONSES)
                | Q(sense="opportunity", response__in=OPPORTUNITY_RESPONSES),
                name="risks_risk_response",
                violation_error_message="This response does not fit: a threat is avoided, reduced, transferred, shared, "
                "accepted or prepared for, an opportunity exploited, enhanced, shared, transferred or accepted.",
            ),
            both_or_neither("escalated_on", "escalated_to"),
            models.CheckConstraint(
                condition=~Q(closure_reason="transferred") | Q(transferred_to__isnull=False) | Q(received_by__isnull=False),
                name="risks_risk_transferred",
                violation_error_message="What is transferred needs the record that carries it on, or the person who does.",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if self.pk and self.transferred_to_id == self.pk:
            raise ValidationError({"transferred_to": "A risk cannot be transferred to itself."})
        if self.waits_for_id and self.holds_up_id and self.status != self.Status.CLOSED:
            waiting, awaited = Thing("milestone", self.holds_up_id), Thing("approval", self.waits_for_id)
            refuse_loop([Edge(waiting, awaited, ("risk", self.key))])

    @property
    def loose_end(self) -> str:
        """What a closure of its programme has still to say of it."""
        if self.status == self.Status.CLOSED:
            return "It was closed, and it is not on record where it went."
        return "It is open, and nobody takes it over."

    # --- Where it stands ----------------------------------------------------------------------------------------------

    @verb("Open it", given={"status": ("draft",)}, needs_reason=True, example={"change_reason": "Confirmed by the lead."})
    def open(self) -> None:
        """A draft becomes an open risk."""
        self.status = self.Status.OPEN
        self.save()

    @verb(
        "Escalate it to a board",
        given={"status": OPEN},
        needs=("escalated_to", "escalated_on"),
        needs_reason=True,
        example={"escalated_to": "cmast-leadership-board", "escalated_on": "2024-05-03", "change_reason": "Beyond our means."},
    )
    def escalate(self, escalated_to: Any, escalated_on: dt.date) -> None:
        """The board that it was put to, and when. What is escalated can be put to another board."""
        if escalated_to == self.escalated_to:
            raise RuleBroken("escalated_already", f"“{self}” has been put to “{escalated_to}” already.")
        self.status, self.escalated_to, self.escalated_on = self.Status.ESCALATED, escalated_to, escalated_on
        self.save()

    @verb(
        "Take it back from the board",
        given={"status": ("escalated",)},
        needs_reason=True,
        example={"change_reason": "The board has asked the programme to deal with it."},
    )
    def de_escalate(self) -> None:
        """The board has answered, or need not; it is open again, or an issue again if it has happened."""
        self.status = self._status_when_open()
        self.escalated_to = self.escalated_on = None
        self.save()

    @verb(
        "Record that it happened",
        given={"status": ("open", "escalated")},
        asks=("issue_type",),
        needs=("materialised_on",),
        needs_reason=True,
        example={"materialised_on": "2024-05-02", "issue_type": "problem_or_concern", "change_reason": "It has happened."},
    )
    def materialise(self, materialised_on: dt.date, issue_type: str | None = None) -> None:
        """The risk is an issue from now on: the same record, with its scores, mitigations and history."""
        if self.kind != self.Kind.RISK:
            raise RuleBroken("no_risk", f"“{self}” is no risk that could happen: its kind is “{self.get_kind_display()}”.")
        self.kind, self.status = self.Kind.ISSUE, self.Status.MATERIALISED
        self.materialised_on, self.issue_type = materialised_on, issue_type
        self.save()

    @verb(
        "Close it",
        given={"status": ("draft", *OPEN)},
        asks=("transferred_to", "received_by"),
        needs=("closure_reason", "closed_on"),
        needs_reason=True,
        example={"closure_reason": "mitigated", "closed_on": "2024-05-03", "change_reason": "All sites are protected."},
    )
    def close(
        self, closure_reason: str, closed_on: dt.date, transferred_to: "Risk | None" = None, received_by: Any = None
    ) -> None:
        """It needs no more attention here. What is transferred says which record, or which person, carries it on."""
        self.status, self.closure_reason, self.closed_on = self.Status.CLOSED, closure_reason, closed_on
        self.transferred_to, self.received_by = transferred_to, received_by
        if closure_reason == self.ClosureReason.TRANSFERRED:
            self.is_transfer_recorded = True
        self.save()

    @verb("Open it again", given={"status": ("closed",)}, needs_reason=True, example={"change_reason": "It has come back."})
    def reopen(self) -> None:
        """It needs attention again; how it was closed stays in its history."""
        self.status = self._status_when_open()
        self.closed_on = self.closure_reason = self.is_transfer_recorded = None
        self.transferred_to = self.received_by = self.escalated_to = self.escalated_on = None
        self.save()

    def _status_when_open(self) -> str:
        return self.Status.MATERIALISED if self.materialised_on else self.Status.OPEN

    # --- Looking at it ------------------------------------------------------------------------------------------------

    @verb(
        "Score it",
        given={"status": ("draft", *OPEN)},
        of="risks.Score",
        needs=("kind", "likelihood", "consequence", "scored_on"),
        example={"kind": "current", "likelihood": 3, "consequence": 4, "scored_on": "2024-05-03"},
    )
    def score(self, kind: str, likelihood: int, consequence: int, scored_on: dt.date, by: Any) -> None:
        """A new score, by you; earlier ones stay. One of each kind a day: a slip is corrected in that score."""
        Score.objects.create(
            risk=self, kind=kind, likelihood=likelihood, consequence=consequence, scored_on=scored_on, scored_by=by
        )

    @verb(
        "Record a review",
        given={"status": ("draft", *OPEN)},
        of="risks.Review",
        asks=("summary", "next_review_on"),
        needs=("reviewed_on",),
        example={"reviewed_on": "2024-05-03", "summary": "No change."},
    )
    def review(self, reviewed_on: dt.date, by: Any, summary: str = "", next_review_on: dt.date | None = None) -> None:
        """Somebody, you, has looked at it again. Without a next date the band of its score says when to look again."""
        Review.objects.create(
            risk=self, reviewed_on=reviewed_on, reviewed_by=by, summary=summary, next_review_on=next_review_on
        )

    # --- Dependencies -------------------------------------------------------------------------------------------------

    @verb(
        "Agree as the one who delivers",
        given={"kind": ("dependency",), "dependency_status": (None, "identified")},
        needs=("giver_agreed_on",),
        example={"giver_agreed_on": "2024-05-03"},
    )
    def agree_as_giver(self, giver_agreed_on: dt.date, by: Any) -> None:
        """The giver will deliver. Agreed is what both sides have confirmed."""
        self.giver_agreed_on, self.giver_agreed_by = giver_agreed_on, by
        self._agree()

    @verb(
        "Agree as the one who waits",
        given={"kind": ("dependency",), "dependency_status": (None, "identified")},
        needs=("receiver_agreed_on",),
        example={"receiver_agreed_on": "2024-05-03"},
    )
    def agree_as_receiver(self, receiver_agreed_on: dt.date, by: Any) -> None:
        """The receiver wants just that. Agreed is what both sides have confirmed."""
        self.receiver_agreed_on, self.receiver_agreed_by = receiver_agreed_on, by
        self._agree()

    def _agree(self) -> None:
        both = self.giver_agreed_on and self.receiver_agreed_on
        self.dependency_status = self.DependencyStatus.AGREED if both else self.DependencyStatus.IDENTIFIED
        self.save()

    @verb(
        "Record that it is met",
        given={"kind": ("dependency",), "dependency_status": ("agreed", "on_track", "at_risk")},
        needs=("settled_on",),
        example={"settled_on": "2024-05-03"},
    )
    def met(self, settled_on: dt.date) -> None:
        """What was agreed has come."""
        self.dependency_status, self.settled_on = self.DependencyStatus.MET, settled_on
        self.save()

    @verb(
        "Record that it is missed",
        given={"kind": ("dependency",), "dependency_status": ("agreed", "on_track", "at_risk")},
        needs=("settled_on",),
        example={"settled_on": "2024-05-03"},
    )
    def missed(self, settled_on: dt.date) -> None:
        """What was agreed has not come, and will not."""
        self.dependency_status, self.settled_on = self.DependencyStatus.MISSED, settled_on
        self.save()
