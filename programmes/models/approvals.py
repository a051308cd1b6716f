"""Approvals: what bodies must agree to, the counts that sources state, and the terms on which bodies agree."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.history.context import changing, current
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, WordField, WordListField, precision_of, vague_date_rule, vague_day
from cmast.models.verbs import verb
from cmast.vocabulary import Words
from programmes import outcomes
from programmes.models.governance import Forum
from programmes.models.programmes import PlacedRecord
from programmes.models.votes import IN_FAVOUR, OPEN, Vote, VoteStatus, ballots_of
from programmes.models.waiting import Edge, Thing, refuse_loop


class ApprovalQuerySet(RecordQuerySet):
    def awaiting_decision(self) -> "ApprovalQuerySet":
        """A body has still to decide: a vote is open, or, where there are no votes, the stated status is."""
        votes = Vote.objects.filter(approval=OuterRef("pk"))
        return self.filter(Exists(votes.awaiting_decision()) | (~Exists(votes) & Q(stated_status__in=OPEN)))

    def awaiting(self, organisation_key: str) -> "ApprovalQuerySet":
        """This organisation has still to vote."""
        votes = Vote.objects.awaiting_decision().filter(approval=OuterRef("pk"))
        return self.filter(Exists(votes.filter(organisation__key=organisation_key)))

    def overdue(self, today: dt.date) -> "ApprovalQuerySet":
        """Expected before that day and still open."""
        return self.awaiting_decision().filter(expected_on__lt=today)

    def held(self) -> "ApprovalQuerySet":
        """Locked until the transaction ends, so that votes on one approval are counted one after the other."""
        return self.select_related("body").order_by("pk").select_for_update(of=("self",))

    def with_computed(self, today: dt.date) -> "ApprovalQuerySet":
        """Adds `votes_total`, `votes_in_favour` and `votes_open`, counted from the votes that nothing has replaced."""

        def count(votes: models.QuerySet) -> Coalesce:
            of_this = votes.filter(approval=OuterRef("pk"), is_current=True).order_by().values("approval")
            return Coalesce(Subquery(of_this.annotate(count=models.Count("pk")).values("count")), 0)

        votes = Vote.objects.all()
        in_favour = votes.filter(status__in=IN_FAVOUR).exclude(paper_version__lt=F("approval__paper_version"))
        return self.annotate(
            votes_total=count(votes), votes_in_favour=count(in_favour), votes_open=count(votes.awaiting_decision())
        )


class Approval(PlacedRecord):
    """Something that bodies must agree to: one vote per deciding body, and a rule that says how many it takes."""

    class Kind(Words):
        BUSINESS_CASE = "business_case"
        INVESTMENT = "investment"
        DELEGATION = "delegation"
        CONTRACT_AWARD = "contract_award"
        PROCUREMENT_WAIVER = "procurement_waiver"
        CLINICAL_SAFETY_CASE = "clinical_safety_case"
        ANNUAL_PLAN = "annual_plan"
        SCOPE_CHANGE = "scope_change"
        CLOSURE = "closure"
        PRIORITIES = "priorities"
        FUNDING = "funding"
        CAPITAL_PLAN = "capital_plan"
        SPECIFICATION = "specification"
        REPORT = "report"
        GOVERNANCE = "governance"

    class Rule(Words):
        UNANIMOUS = "unanimous"
        UNANIMOUS_OF_NAMED_BODIES = "unanimous_of_named_bodies"
        MAJORITY = "majority"
        QUORUM = "quorum"
        PER_GROUP = "per_group"
        SINGLE_BODY = "single_body"

    label_field = "subject"

    subject = LineField(help_text="What is to be agreed.")
    kind = WordField(Kind, help_text="What sort of approval it is.")
    resolutions = WordListField(help_text="The resolutions that one paper puts, where there are several.")
    rule = WordField(Rule, null=True, help_text="What it takes. Empty where nobody has stated it.")
    required_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many bodies must agree.")
    body = models.ForeignKey(
        Forum,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approvals",
        help_text="The deciding body, or the group of them, where known.",
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approvals",
        help_text="The deciding organisation, where no forum is named.",
    )
    delegate_to = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="+", help_text="Body that the matter passes to once agreed."
    )
    stated_status = WordField(
        VoteStatus,
        null=True,
        help_text="Status as the source states it, for an approval without votes. With votes it is derived from them.",
    )
    decided_on = vague_day("Date of the decision")
    decided_precision = precision_of("the decision's date")
    expected_on = vague_day("Date by which the decision is expected")
    expected_precision = precision_of("the expected date")
    as_at_on = DayField(null=True, help_text="Day that the votes were last stated for.")
    paper_version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Version of the paper that is put. Votes for an older one do not count."
    )
    paper_revised_on = DayField(null=True, help_text="Day from which this version is put.")
    approved_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Moment at which the register first knew that enough bodies had agreed. Set once, whatever comes later.",
    )
    next_milestone = models.ForeignKey(
        "programmes.Milestone", models.PROTECT, null=True, blank=True, related_name="+", help_text="What follows from it."
    )

    objects: ClassVar = ApprovalQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "approval"
        verbose_name_plural = "approvals"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("decided"),
            vague_date_rule("expected"),
            models.CheckConstraint(
                condition=~Q(rule="quorum") | Q(required_count__isnull=False),
                name="programmes_approval_quorum",
                violation_error_message="A quorum needs required_count.",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if len(set(self.resolutions)) < len(self.resolutions):
            raise ValidationError({"resolutions": "A resolution is named once."})
        if self.pk and (voted := self._voted_resolutions() - set(self.resolutions)):
            raise ValidationError({"resolutions": f"There are votes on “{min(voted)}”."})
        if self.pk and self.next_milestone_id and self.as_read.get("next_milestone_id") != self.next_milestone_id:
            follows = Edge(Thing("milestone", self.next_milestone_id), Thing("approval", self.pk), ("approval", self.key))
            refuse_loop([follows])

    def _voted_resolutions(self) -> set[str]:
        if getattr(self, "as_read", {}).get("resolutions", self.resolutions) == self.resolutions:
            return set()
        return set(self.votes.exclude(resolution="").order_by().values_list("resolution", flat=True))

    # --- Counting -----------------------------------------------------------------------------------------------------

    def tallies(self, votes: Iterable["Vote"], on: dt.date | None = None) -> list[outcomes.Tally]:
        """The count of these votes for each resolution that is voted on by itself, else one count for the whole paper.

        The rule "unanimous" asks all members of the deciding body, so it reads `body`.
        """
        ballots = ballots_of(votes)
        members = self.body.member_count if self.body_id and self.body else None
        rule = outcomes.Rule(self.rule, self.required_count, members)
        version = outcomes.version_on(ballots, self.paper_version, self.paper_revised_on, on)
        resolutions = self.resolutions if any(ballot.resolution for ballot in ballots) else [""]
        return [outcomes.tally(ballots, rule, resolution, on, version) for resolution in resolutions]

    def settle(self) -> None:
        """Note the moment at which enough bodies have agreed. Called with the approval locked, after its votes have changed.

        Whoever sees the last vote first sets it, and nobody sets it again: so the change is in the history once.
        """
        if self.approved_at:
            return
        counts = self.tallies(self.votes.order_by("pk"))
        if outcomes.together(count.outcome for count in counts) is not outcomes.Outcome.APPROVED:
            return
        now = timezone.now()
        values: dict[str, Any] = {"approved_at": now, "updated_at": now}
        days = list(self.votes.filter(is_current=True, status__in=IN_FAVOUR, decided_on__isnull=False))
        if self.decided_on is None and days:
            last = max(days, key=lambda vote: vote.decided_on)
            values |= {"decided_on": last.decided_on, "decided_precision": last.decided_precision}
        with changing(reason=f"{counts[0].agreed} of {counts[0].total} have agreed."):
            Approval.objects.filter(pk=self.pk, approved_at=None).update(**values)

    # --- Verbs --------------------------------------------------------------------------------------------------------

    @verb("Put a changed paper", asks=("paper_revised_on",), needs_reason=True, needs_key=True)
    def revise_paper(self, paper_revised_on: dt.date | None = None) -> None:
        """The paper has changed: all bodies are asked again. Votes for the version before are kept, and count no more."""
        if self.approved_at:
            raise RuleBroken("cannot_revise_paper", f"“{self}” is approved: put a changed paper as a new approval.")
        self.paper_version += 1
        self.paper_revised_on = paper_revised_on or timezone.localdate()
        self.save()


class Snapshot(Record):
    """The same approval counted on another day: how many had agreed then, as a source states it."""

    label_field = "as_at_on"
    touches = ("approval",)
    writers: ClassVar[dict[str, str]] = {"programme": "approval__programme"}

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="snapshots", help_text="The approval.")
    as_at_on = DayField(help_text="Day of the count.")
    approved_count = models.PositiveIntegerField(help_text="How many bodies had agreed.")
    pending_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many had still to decide.")

    class Meta(Record.Meta):
        verbose_name = "approval snapshot"
        verbose_name_plural = "approval snapshots"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(fields=["approval", "as_at_on"], name="programmes_snapshot_day"),
        ]


class ConditionQuerySet(RecordQuerySet):
    def outstanding(self) -> "ConditionQuerySet":
        """Neither met nor waived."""
        return self.filter(status=Condition.Status.OPEN)

    def overdue(self, today: dt.date) -> "ConditionQuerySet":
        """Still outstanding after its date."""
        return self.outstanding().filter(due_on__lt=today)


class Condition(Record):
    """On what terms a body has agreed, until they are met or the body waives them."""

    class Status(Words):
        OPEN = "open"
        MET = "met"
        WAIVED = "waived"

    label_field = "text"
    writers: ClassVar[dict[str, str]] = {"programme": "vote__approval__programme", "organisation": "vote__organisation"}

    vote = models.ForeignKey(Vote, models.CASCADE, related_name="terms", help_text="Vote that it was made in.")
    text = LineField(help_text="What must be so.")
    status = WordField(Status, default=Status.OPEN, help_text="Whether it is met.")
    due_on = vague_day("Date by which it is to be met")
    due_precision = precision_of("that date")
    settled_on = DayField(null=True, help_text="When it was met or waived.")

    objects: ClassVar = ConditionQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "condition"
        verbose_name_plural = "conditions"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("due"),
            models.CheckConstraint(
                condition=Q(settled_on__isnull=True) | ~Q(status="open"),
                name="programmes_condition_settled",
                violation_error_message="settled_on is for a condition that is met or waived.",
            ),
        ]

    @verb("Record that it is met", given={"status": (Status.OPEN,)}, asks=("settled_on",))
    def meet(self, settled_on: dt.date | None = None) -> None:
        """What the body asked for is so; today, where no day is given."""
        self._settle(self.Status.MET, settled_on or timezone.localdate())

    @verb("Record that it is waived", given={"status": (Status.OPEN,)}, asks=("settled_on",), needs_reason=True)
    def waive(self, settled_on: dt.date | None = None) -> None:
        """The body no longer asks for it."""
        self._settle(self.Status.WAIVED, settled_on or timezone.localdate())

    @verb("Open it again", given={"status": (Status.MET, Status.WAIVED)}, needs_reason=True)
    def reopen(self) -> None:
        """It turned out not to be so."""
        self._settle(self.Status.OPEN, None)

    def _settle(self, status: str, on: dt.date | None) -> None:
        self.status, self.settled_on = status, on
        with changing(reason=current().reason or f"{self.Status(status).label}."):
            self.save()
