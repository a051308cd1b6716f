"""Deliverables of the plan, and milestones: everything that happens, or should, on a date."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.signals import m2m_changed

from cmast import dates
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import (
    DayField,
    FinancialYearField,
    LineField,
    NumberField,
    ProseField,
    WordField,
    WordListField,
    in_order,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.models.windows import DaysBetween, first_day
from cmast.vocabulary import DatePrecision, DateSense, Qualifier, Rag, Unit, Words
from programmes.models.forecasts import EXPECTED, PROMISED, restated, write_down
from programmes.models.milestone_verbs import SETTLED, MilestoneVerbs
from programmes.models.programmes import Objective, PlacedRecord
from programmes.models.waiting import Edge, Thing, refuse_loop


class Deliverable(Record):
    """What a plan promises under an objective. Targets of metrics and benefits measure it; often nothing does."""

    class Status(Words):
        NOT_STARTED = "not_started"
        IN_PROGRESS = "in_progress"
        ESTABLISHED = "established"
        SUBMITTED = "submitted"
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    label_field = "text"
    writers: ClassVar[dict[str, str]] = {"programme": "objective__programme"}

    objective = models.ForeignKey(Objective, models.PROTECT, related_name="deliverables", help_text="Objective that it serves.")
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", help_text="Deliverable that it is part of."
    )
    text = LineField(help_text="What is promised.")
    status = WordField(Status, null=True, help_text="Where it stands.")
    quantity = NumberField(null=True, help_text="How many, where the plan says so.")
    quantity_qualifier = WordField(Qualifier, null=True, help_text="How exactly the quantity was stated.")
    unit = WordField(Unit, null=True, help_text="What the quantity counts.")
    parts = WordListField(help_text="Things that it covers and that are only named, such as specialties.")

    class Meta(Record.Meta):
        verbose_name = "deliverable"
        verbose_name_plural = "deliverables"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(quantity__isnull=True) | Q(unit__isnull=False),
                name="programmes_deliverable_unit",
                violation_error_message="A quantity needs a unit.",
            ),
        ]


class MilestoneQuerySet(RecordQuerySet):
    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        """What is said of a date is written down here too."""
        milestones = list(objs)
        said = [found for one in milestones if (found := restated(one, getattr(one, "as_read", {})))]
        done = super().bulk_update(milestones, fields, batch_size)
        write_down(said)
        return done

    def dated(self) -> "MilestoneQuerySet":
        """Adds `due_on`: the day by which it was last expected, baseline where nobody has forecast."""
        return self.annotate(due_on=Coalesce("forecast_on", "baseline_on"))

    def settled(self) -> Q:
        """Nothing is left to ask: it happened, or somebody said what became of it."""
        said = Q(outcome__isnull=False) | Q(status__in=SETTLED)
        return Q(actual_on__isnull=False) | said | Q(stated=Milestone.Stated.OCCURRED)

    def overdue(self, today: dt.date) -> "MilestoneQuerySet":
        """The date has passed and it has neither happened nor been settled, even where it is said to be under way."""
        return self.dated().filter(~self.settled(), due_on__lt=today)

    def outcome_missing(self, today: dt.date) -> "MilestoneQuerySet":
        """The date has passed and nobody has said anything since: the question to put to the lead.

        These are the ones whose computed status is `past_due_outcome_unknown`. What is said to be ongoing is overdue only.
        """
        return self.overdue(today).filter(Q(stated__isnull=True) | ~Q(stated=Milestone.Stated.ONGOING))

    def due_within(self, today: dt.date, days: int) -> "MilestoneQuerySet":
        """Expected on that day or at most so many days after it, by the latest day that its date allows."""
        last = today + dt.timedelta(days=days)
        return self.dated().filter(~self.settled(), due_on__gte=today, due_on__lte=last)

    def due_soon(self, today: dt.date) -> "MilestoneQuerySet":
        """Expected within 30 days."""
        return self.due_within(today, 30)

    def with_slip(self) -> "MilestoneQuerySet":
        """Adds `slip_days_least` and `slip_days_most`: from the baseline to when it happened, or is expected now.

        Vague dates make a range, exact ones twice the same number. Null without a baseline, and where nobody knows when it
        happened.
        """
        happened, open_ = Q(baseline_on__isnull=False, actual_on__isnull=False), Q(baseline_on__isnull=False) & ~self.settled()
        first = Case(When(happened, then=first_day("actual")), When(open_, then=first_day("forecast", "starts_on")))
        last = Case(When(happened, then=F("actual_on")), When(open_, then=F("forecast_on")))
        return self.annotate(
            slip_days_least=DaysBetween(F("baseline_on"), first), slip_days_most=DaysBetween(first_day("baseline"), last)
        )

    def slipped(self) -> "MilestoneQuerySet":
        """Certainly later than first promised: the earliest day that the date allows is after the latest of the baseline."""
        return self.with_slip().filter(slip_days_least__gt=0)

    def undated(self) -> "MilestoneQuerySet":
        """Something ahead without any date: ask for one."""
        return self.dated().filter(~self.settled(), ~Q(stated=Milestone.Stated.ONGOING), due_on__isnull=True)

    def with_computed(self, today: dt.date) -> "MilestoneQuerySet":
        """Adds `due_on`, the slip, and `computed_status`: what the dates and the outcome say on that day."""
        words = Milestone.ComputedStatus
        happened = Q(stated=Milestone.Stated.OCCURRED) | Q(actual_on__isnull=False)
        dated: MilestoneQuerySet = self.dated().with_slip()
        return dated.annotate(
            computed_status=Case(
                When(Q(outcome__isnull=False) | Q(status__in=SETTLED), then=Value(words.PAST)),
                When(happened & Q(actual_on__isnull=True) & Q(due_on__isnull=True), then=Value(words.UNDATED_PAST)),
                When(happened, then=Value(words.PAST)),
                When(stated=Milestone.Stated.ONGOING, then=Value(words.ONGOING)),
                When(due_on__isnull=True, then=Value(words.UNDATED_FUTURE)),
                When(due_on__lt=today, then=Value(words.PAST_DUE_OUTCOME_UNKNOWN)),
                default=Value(words.FUTURE),
                output_field=models.CharField(),
            )
        )


class Milestone(MilestoneVerbs, PlacedRecord):
    """Something that happened, happens or should happen: a milestone, a meeting, a launch, a date for a decision.

    Three dates, each as vague as it was stated: what was first promised (baseline), what is expected now (forecast), and
    when it happened (actual). The status on a day is computed from them, never stored.
    """

    class Type(Words):
        BOARD_MEETING = "board_meeting"
        MEETING = "meeting"
        WORKSHOP = "workshop"
        ENGAGEMENT = "engagement"
        MARKET_ENGAGEMENT = "market_engagement"
        SITE_VISITS = "site_visits"
        PRESENTATION = "presentation"
        COMMUNICATION = "communication"
        LAUNCH = "launch"
        SERVICE_START = "service_start"
        GO_LIVE = "go_live"
        PROCUREMENT_LAUNCH = "procurement_launch"
        CONTRACT_AWARD = "contract_award"
        APPROVAL = "approval"
        DECISION_DUE = "decision_due"
        REPORT_DUE = "report_due"
        REPORT_SUBMITTED = "report_submitted"
        DOCUMENT_DUE = "document_due"
        DOCUMENT_UPDATE = "document_update"
        BID_SUBMISSION = "bid_submission"
        RECRUITMENT_START = "recruitment_start"
        REPORTING_CHANGE = "reporting_change"
        DATA_COLLECTION = "data_collection"
        REVIEW = "review"
        TARGET_DATE = "target_date"
        STATUS_DATE = "status_date"

    class Stated(Words):
        OCCURRED = "occurred"
        SCHEDULED = "scheduled"
        EXPECTED = "expected"
        PROPOSED = "proposed"
        PLANNED = "planned"
        ONGOING = "ongoing"

    class Status(Words):
        PLANNED = "planned"
        ON_TRACK = "on_track"
        AT_RISK = "at_risk"
        ACHIEVED = "achieved"
        MISSED = "missed"
        CANCELLED = "cancelled"

    class Outcome(Words):
        ACHIEVED = "achieved"
        MISSED = "missed"
        CANCELLED = "cancelled"

    class ComputedStatus(Words):
        PAST = "past"
        FUTURE = "future"
        PAST_DUE_OUTCOME_UNKNOWN = "past_due_outcome_unknown"
        UNDATED_PAST = "undated_past"
        UNDATED_FUTURE = "undated_future"
        ONGOING = "ongoing"

    label_field = "title"
    depends_on_day = True
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}

    title = LineField(help_text="What happens.")
    type = WordField(Type, help_text="What sort of event it is.")
    stated = WordField(Stated, null=True, help_text="How the source speaks of it: as done, as planned, as proposed.")
    status = WordField(Status, null=True, help_text="The lead's own word on it. Overdue is computed, never stored.")
    rag = WordField(Rag, default=Rag.NOT_SET, help_text="Delivery confidence.")
    sense = WordField(DateSense, null=True, help_text="Preposition of the date: on, by, from.")
    baseline_on = vague_day("First promised date")
    baseline_precision = precision_of("the baseline")
    starts_on = DayField(null=True, help_text="First day, for a season or a range; its last day is the forecast.")
    forecast_on = vague_day("Date expected now")
    forecast_precision = precision_of("the forecast")
    actual_on = vague_day("Date on which it happened")
    actual_precision = precision_of("the actual date")
    outcome = WordField(Outcome, null=True, help_text="What became of it.")
    outcome_note = ProseField(blank=True, help_text="The outcome in a sentence.")
    financial_year = FinancialYearField(null=True, help_text="Year that it is about, where stated.")
    forum = models.ForeignKey(
        "programmes.Forum",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="milestones",
        help_text="Body that meets or decides.",
    )
    meeting = models.ForeignKey(
        "programmes.Meeting", models.PROTECT, null=True, blank=True, related_name="milestones", help_text="Sitting that it is."
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="milestones",
        help_text="Organisation concerned.",
    )
    site = models.ForeignKey(
        "cmast.Site", models.PROTECT, null=True, blank=True, related_name="milestones", help_text="Where it takes place."
    )
    person = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="milestones", help_text="Who does it."
    )
    suppliers = models.ManyToManyField("cmast.Organisation", blank=True, related_name="+", help_text="Suppliers taking part.")
    depends_on = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="needed_by", help_text="Milestones that must come first."
    )

    objects: ClassVar = MilestoneQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "milestone"
        verbose_name_plural = "milestones"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("baseline"),
            vague_date_rule("forecast"),
            vague_date_rule("actual"),
            in_order("starts_on", "forecast_on"),
            models.CheckConstraint(
                condition=Q(actual_on__isnull=True) | ~Q(outcome__in=["missed", "cancelled"]),
                name="programmes_milestone_outcome",
                violation_error_message="What has an actual date was neither missed nor cancelled.",
            ),
        ]
        indexes = [
            # With the primary key, which orders what falls on one day: so that every page is a range of the index.
            models.Index(fields=["forecast_on", "id"], name="programmes_milestone_dates"),
            models.Index(fields=["programme", "forecast_on", "id"], name="programmes_milestone_plan"),
            # The expression of `dated()`: what is due on some days is a range, however many milestones there are.
            models.Index(Coalesce("forecast_on", "baseline_on"), name="programmes_milestone_due"),
        ]

    def clean(self) -> None:
        super().clean()
        if self.meeting and self.forum_id and self.meeting.forum_id != self.forum_id:
            raise ValidationError({"meeting": f"This is a meeting of “{self.meeting.forum}”."})
        read = getattr(self, "as_read", {})
        is_moved = any(read.get(name, getattr(self, name)) != getattr(self, name) for name in PROMISED)
        if read.get("baseline_on") and is_moved and self.said is None:
            raise ValidationError({"baseline_on": "A baseline stays as it was set. `rebaseline` says who allowed another one."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new date, whoever gives it and by which way, is written down as a forecast."""
        read = {} if self._state.adding else dict(getattr(self, "as_read", {}))
        if self.said is None and restated(self, read) is None:
            super().save(*args, **kwargs)
        else:
            with transaction.atomic():
                super().save(*args, **kwargs)
                said, self.said = self.said or restated(self, read), None
                write_down([said] if said else [])
        self.as_read |= {name: getattr(self, name) for name in (*EXPECTED, *PROMISED)}

    @classmethod
    def require_links(cls, relation: str, pairs: Collection[tuple[int, int]]) -> None:
        if relation == "depends_on":
            refuse_loop(Edge(Thing("milestone", waits), Thing("milestone", first), ("milestone", "")) for waits, first in pairs)

    @property
    def date_in_words(self) -> str:
        """The date that counts, as vaguely as it is known: "mid-May 2024"."""
        if self.actual_on:
            return dates.describe(self.actual_on, self.actual_precision)
        if self.forecast_on:
            return dates.describe(self.forecast_on, self.forecast_precision, self.starts_on)
        return dates.describe(self.baseline_on, self.baseline_precision or self.forecast_precision or DatePrecision.UNDATED)


def _keep_without_loops(action: str, instance: Milestone, pk_set: set[int], reverse: bool, **_: Any) -> None:
    """A relation to many is set by no save of its own; all but rows in bulk come by here."""
    if action == "pre_add":
        Milestone.require_links("depends_on", [(pk, instance.pk) if reverse else (instance.pk, pk) for pk in pk_set])


m2m_changed.connect(_keep_without_loops, sender=Milestone.depends_on.through, dispatch_uid="programmes.depends_on")
