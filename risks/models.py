"""Risks, issues, challenges and dependencies; their scores, mitigations and reviews."""

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from cmast.models import Record, RecordQuerySet
from cmast.models.fields import (
    DayField,
    LineField,
    NumberField,
    ProseField,
    WordField,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.vocabulary import Unit, Words
from programmes.models import Approval, Milestone, PlacedRecord, Workstream


class RiskQuerySet(RecordQuerySet):
    def unresolved(self) -> "RiskQuerySet":
        """Everything that is not closed."""
        return self.exclude(status=Risk.Status.CLOSED)

    def overdue(self, today: dt.date) -> "RiskQuerySet":
        """What it needs was needed before that day, or its review was due before that day."""
        latest = Review.objects.filter(risk=OuterRef("pk")).order_by("-reviewed_on", "-id").values("next_review_on")[:1]
        return (
            self.unresolved()
            .annotate(review_due_on=Subquery(latest))
            .filter(Q(need_by_on__lt=today) | Q(review_due_on__lt=today))
        )

    def unmitigated(self) -> "RiskQuerySet":
        """Open without any mitigation."""
        return self.unresolved().filter(mitigations__isnull=True)

    def with_computed(self, today: dt.date) -> "RiskQuerySet":
        """Adds `inherent_score`, `current_score` and `target_score`: the latest of each, or null where nobody has scored."""

        def latest(kind: str) -> Subquery:
            scores = Score.objects.filter(risk=OuterRef("pk"), kind=kind).order_by("-scored_on", "-id")
            return Subquery(scores.annotate(product=models.F("likelihood") * models.F("consequence")).values("product")[:1])

        return self.annotate(**{f"{kind}_score": latest(kind) for kind in Score.Kind.values})


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

    class Appetite(Words):
        AVERSE = "averse"
        MINIMAL = "minimal"
        CAUTIOUS = "cautious"
        OPEN = "open"
        EAGER = "eager"

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

    label_field = "title"
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}

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
    proximity = WordField(Proximity, null=True, help_text="How soon it may strike.")
    appetite = WordField(Appetite, null=True, help_text="How much of it is borne.")
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
    direction = WordField(Direction, null=True, help_text="For a dependency: we wait, or others wait for us.")
    dependency_status = WordField(DependencyStatus, null=True, help_text="For a dependency: where it stands.")
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
                    giver__isnull=True,
                    giver_organisation__isnull=True,
                    need_by_on__isnull=True,
                    waits_for__isnull=True,
                    holds_up__isnull=True,
                ),
                name="risks_risk_dependency",
                violation_error_message="Only a dependency has a giver, a direction, a date of need and what it waits for.",
            ),
            models.CheckConstraint(
                condition=Q(kind="issue") | Q(issue_type__isnull=True),
                name="risks_risk_issue_type",
                violation_error_message="Only an issue has an issue type.",
            ),
        ]


class Score(Record):
    """Likelihood x consequence of a risk on a day, before anything is done, now, or as aimed at."""

    class Kind(Words):
        INHERENT = "inherent"
        CURRENT = "current"
        TARGET = "target"

    label_field = "key"
    touches = ("risk",)
    also_reasoned = ("likelihood", "consequence")
    writers: ClassVar[dict[str, str]] = {"programme": "risk__programme", "workstream": "risk__workstream"}

    risk = models.ForeignKey(Risk, models.CASCADE, related_name="scores", help_text="What is scored.")
    kind = WordField(Kind, help_text="Inherent: with nothing done. Current: now. Target: as aimed at.")
    likelihood = models.PositiveSmallIntegerField(help_text="1 rare, 2 unlikely, 3 possible, 4 likely, 5 almost certain.")
    consequence = models.PositiveSmallIntegerField(help_text="1 negligible, 2 minor, 3 moderate, 4 major, 5 catastrophic.")
    scored_on = DayField(help_text="When.")
    scored_by = models.ForeignKey("cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="By whom.")

    class Meta(Record.Meta):
        verbose_name = "score"
        verbose_name_plural = "scores"
        constraints = [
            *Record.Meta.constraints,
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__gte": 1, f"{name}__lte": 5}),
                    name=f"risks_score_{name}",
                    violation_error_message=f"{name} is a number from 1 to 5.",
                )
                for name in ("likelihood", "consequence")
            ),
            models.UniqueConstraint(
                fields=["risk", "kind", "scored_on"],
                name="risks_score_day",
                violation_error_message="This score was given for this day already.",
            ),
        ]


class ScoreBand(Record):
    """A band of scores and what it is called. Bodies draw the lines differently, so they are data."""

    name = LineField(max_length=50, help_text="Name of the band, such as high.")
    low = models.PositiveSmallIntegerField(help_text="Lowest score in it.")
    high = models.PositiveSmallIntegerField(help_text="Highest score in it.")

    class Meta(Record.Meta):
        verbose_name = "score band"
        verbose_name_plural = "score bands"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(low__gte=1, high__lte=25, high__gte=models.F("low")),
                name="risks_scoreband_range",
                violation_error_message="A band runs from low to high, within 1 to 25.",
            ),
        ]


class MitigationQuerySet(RecordQuerySet):
    def overdue(self, today: dt.date) -> "MitigationQuerySet":
        """Still to be done after its date."""
        return self.filter(due_on__lt=today).exclude(status__in=[Mitigation.Status.DONE, Mitigation.Status.CANCELLED])


class Mitigation(Record):
    """What is done about a risk."""

    class Kind(Words):
        PREVENTIVE = "preventive"
        CORRECTIVE = "corrective"
        DIRECTIVE = "directive"
        DETECTIVE = "detective"

    class Status(Words):
        OPEN = "open"
        DONE = "done"
        CANCELLED = "cancelled"

    label_field = "text"
    touches = ("risk",)
    writers: ClassVar[dict[str, str]] = {
        "programme": "risk__programme",
        "workstream": "risk__workstream",
        "organisation": "organisation",
    }

    risk = models.ForeignKey(Risk, models.CASCADE, related_name="mitigations", help_text="What it is done about.")
    text = LineField(help_text="What is done.")
    kind = WordField(Kind, null=True, help_text="How it works.")
    status = WordField(Status, null=True, help_text="Whether it is done; empty: not stated.")
    owner = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="mitigations", help_text="Who does it."
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mitigations",
        help_text="Organisation that does it.",
    )
    due_on = vague_day("Date by which it is due")
    due_precision = precision_of("the due date")

    objects: ClassVar = MitigationQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "mitigation"
        verbose_name_plural = "mitigations"
        constraints = [*Record.Meta.constraints, vague_date_rule("due")]


class Review(Record):
    """Somebody looked at a risk again."""

    label_field = "key"
    writers: ClassVar[dict[str, str]] = {"programme": "risk__programme", "workstream": "risk__workstream"}

    risk = models.ForeignKey(Risk, models.CASCADE, related_name="reviews", help_text="What was reviewed.")
    reviewed_on = DayField(help_text="When.")
    reviewed_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="By whom."
    )
    summary = ProseField(blank=True, help_text="What was found.")
    next_review_on = DayField(null=True, help_text="When to look again.")

    class Meta(Record.Meta):
        verbose_name = "review"
        verbose_name_plural = "reviews"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(next_review_on__isnull=True) | Q(next_review_on__gt=models.F("reviewed_on")),
                name="risks_review_next",
                violation_error_message="The next review is after this one.",
            ),
        ]
