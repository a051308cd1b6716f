"""What is measured, what is aimed at, and by what path."""

import datetime as dt
from typing import Any, ClassVar

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from cmast.amounts import amount
from cmast.dates import financial_year_days
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import (
    DayField,
    FinancialYearField,
    LineField,
    NumberField,
    ProseField,
    WordField,
    WordListField,
    both_or_neither,
    in_order,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.vocabulary import ScopeLevel, TimeUnit, Unit, Words
from metrics import plans
from metrics.figures import WITHOUT_SHARE
from metrics.targets import Goal
from programmes.models import Approval, Deliverable, Programme


class Operator(Words):
    """How a value is compared with a target. `gt` is strict: exactly 5% does not pass `gt 5`."""

    GT = "gt", "more than"
    GTE = "gte", "at least"
    LT = "lt", "less than"
    LTE = "lte", "at most"
    EQ = "eq", "exactly"
    BETWEEN = "between"
    ELIMINATE = "eliminate"
    INCREASE = "increase"
    REDUCE = "reduce"
    MEET_STANDARD = "meet_standard"


#: Operators that need no number.
NUMBERLESS = (Operator.INCREASE, Operator.REDUCE, Operator.MEET_STANDARD)


class Metric(Record):
    """Something that is measured, and how. A change of its definition is history here, and a `SeriesBreak` for charts."""

    class Direction(Words):
        HIGHER_IS_BETTER = "higher_is_better"
        LOWER_IS_BETTER = "lower_is_better"
        ON_TARGET_IS_BEST = "on_target_is_best"
        NEUTRAL = "neutral"

    class Kind(Words):
        FLOW = "flow"
        SNAPSHOT = "snapshot"
        CUMULATIVE = "cumulative"
        SHRINKING_COHORT = "shrinking_cohort"
        RANK = "rank"
        ORDINAL = "ordinal"

    class Frequency(Words):
        DAILY = "daily"
        WEEKLY = "weekly"
        MONTHLY = "monthly"
        QUARTERLY = "quarterly"
        ANNUAL = "annual"
        AD_HOC = "ad_hoc"
        END_OF_PILOT = "end_of_pilot"

    class Aggregation(Words):
        SYSTEM_TOTAL = "system_total"
        SYSTEM_RATIO = "system_ratio"
        SYSTEM_WEIGHTED = "system_weighted"
        SYSTEM_WORST = "system_worst"
        TRUSTS_MEETING_TARGET = "trusts_meeting_target"

    class Confidence(Words):
        VERIFIED = "verified"
        PARTLY = "partly"
        DOMAIN = "domain"
        LOCAL = "local"

    writers: ClassVar[dict[str, str]] = {"programme": "programme"}

    name = LineField(help_text="Name of the metric.")
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="metrics", help_text="Programme that reports it.")
    unit = WordField(Unit, help_text="What its values count.")
    direction = WordField(Direction, help_text="Which way is better.")
    kind = WordField(Kind, null=True, help_text="How its values arise and may be combined.")
    scope_levels = WordListField(ScopeLevel, help_text="Levels that it is measured at.")
    breakdowns = WordListField(help_text="Dimensions that it is broken down by, such as breach_reason.")
    variants = WordListField(help_text="Ways in which it is stated, such as with and without windfall.")
    value_domain = WordListField(help_text="The only values it can have, for an ordinal metric.")
    numerator = ProseField(blank=True, help_text="What is counted.")
    denominator = ProseField(blank=True, help_text="Of what, for a ratio.")
    numerator_metric = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", help_text="Metric that counts the numerator."
    )
    complement_metric = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Metric that counts the rest of the denominator, where that is what is published.",
    )
    denominator_metric = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", help_text="Metric that counts the denominator."
    )
    aggregation = WordField(
        Aggregation, null=True, help_text="How the system's figure follows from those of the trusts; empty: it does not."
    )
    lowest = NumberField(null=True, help_text="Values below this cannot be: imports refuse them, the checks find them.")
    highest = NumberField(
        null=True, help_text="Values above this cannot be; in a file of percents also those above 100 where nothing is said."
    )
    exclusions = ProseField(blank=True, help_text="What is left out.")
    source_system = LineField(blank=True, help_text="Return or system that it comes from.")
    frequency = WordListField(Frequency, help_text="How often it is published.")
    lag_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Days from the end of a period to publication, where known."
    )
    definition_note = ProseField(blank=True, help_text="What a reader of the definition must know.")
    definition_confidence = WordField(Confidence, null=True, help_text="How well the definition is confirmed.")
    definition_sources = models.ManyToManyField(
        "cmast.Source", blank=True, related_name="+", help_text="Texts behind the definition."
    )

    class Meta(Record.Meta):
        verbose_name = "metric"
        verbose_name_plural = "metrics"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(denominator_metric__isnull=True, numerator_metric__isnull=True, complement_metric__isnull=True)
                | Q(denominator_metric__isnull=False, numerator_metric__isnull=False, complement_metric__isnull=True)
                | Q(denominator_metric__isnull=False, numerator_metric__isnull=True, complement_metric__isnull=False),
                name="metrics_metric_ratio",
                violation_error_message="A ratio has a metric for its denominator, and one for its numerator or for the rest.",
            ),
            models.CheckConstraint(
                condition=Q(aggregation__isnull=True)
                | (~Q(unit__in=[Unit.RANK, Unit.LEVEL]) & (Q(kind__isnull=True) | ~Q(kind__in=["rank", "ordinal"]))),
                name="metrics_metric_aggregation",
                violation_error_message="Ranks and levels of trusts say nothing of the system: leave the aggregation empty.",
            ),
            models.CheckConstraint(
                condition=Q(aggregation__isnull=True) | ~Q(aggregation="system_total") | ~Q(unit__in=sorted(WITHOUT_SHARE)),
                name="metrics_metric_total",
                violation_error_message="Percents and ratios of trusts are not added: say system_ratio or system_weighted.",
            ),
            models.CheckConstraint(
                condition=Q(aggregation__isnull=True) | ~Q(aggregation="system_ratio") | Q(denominator_metric__isnull=False),
                name="metrics_metric_aggregation_ratio",
                violation_error_message="A system ratio needs the metrics that count its numerator and its denominator.",
            ),
            models.CheckConstraint(
                condition=Q(aggregation__isnull=True)
                | ~Q(aggregation="system_worst")
                | Q(direction__in=["higher_is_better", "lower_is_better"]),
                name="metrics_metric_worst",
                violation_error_message="The worst can be told only where one way is better.",
            ),
            models.CheckConstraint(
                condition=Q(lowest__isnull=True) | Q(highest__isnull=True) | Q(highest__gte=models.F("lowest")),
                name="metrics_metric_range",
                violation_error_message="highest must not be below lowest.",
            ),
        ]

    @cached_property
    def locks(self) -> "list[Any]":
        """The locks that hold for its periods, read once."""
        locks: Any = apps.get_model("metrics", "PeriodLock")._default_manager  # its module needs this one
        return list(locks.holding(self).order_by("pk"))


class MetricLevel(Record):
    """What a level of an ordinal metric means."""

    label_field = "meaning"
    touches = ("metric",)
    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme"}

    metric = models.ForeignKey(Metric, models.CASCADE, related_name="levels", help_text="The ordinal metric.")
    level = LineField(max_length=20, help_text="The level, as in the metric's value domain.")
    meaning = LineField(help_text="What it means.")

    class Meta(Record.Meta):
        verbose_name = "metric level"
        verbose_name_plural = "metric levels"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(fields=["metric", "level"], name="metrics_metriclevel_once"),
        ]


class SeriesBreak(Record):
    """A day from which a metric counts something else, so that values before and after must not be compared."""

    label_field = "reason"
    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme"}

    metric = models.ForeignKey(Metric, models.CASCADE, related_name="series_breaks", help_text="The metric.")
    starts_on = vague_day("First day of the new count")
    starts_precision = precision_of("that day")
    reason = LineField(help_text="What changed.")

    class Meta(Record.Meta):
        verbose_name = "series break"
        verbose_name_plural = "series breaks"
        constraints = [*Record.Meta.constraints, vague_date_rule("starts")]


#: Fields that a goal of the target engine has under the same name.
_OF_GOALS = (
    "operator",
    "unit",
    "value",
    "low",
    "high",
    "operator_source",
    "intent",
    "scope_level",
    "basis",
    "baseline_on",
    "due_on",
    "key",
)


class TargetQuerySet(RecordQuerySet):
    def numberless(self) -> "TargetQuerySet":
        """Nothing to compare with: a direction or an outside standard without a number."""
        return self.filter(value__isnull=True, low__isnull=True)

    def overdue(self, today: dt.date) -> "TargetQuerySet":
        """The date by which it was to be met has passed."""
        return self.filter(due_on__lt=today)


class Target(Record):
    """What a metric is to reach, for whom and by when. A metric may have many: national, local, professional."""

    class OperatorSource(Words):
        STATED = "stated"
        INFERRED = "inferred"

    class Intent(Words):
        ACHIEVE = "achieve"
        MAINTAIN = "maintain"
        IMPROVE = "improve"

    class Basis(Words):
        NATIONAL = "national"
        LOCAL = "local"
        PROFESSIONAL_GUIDELINE = "professional_guideline"
        UNSPECIFIED = "unspecified"

    class Exclusion(Words):
        PATIENT_CHOICE = "patient_choice"
        CLINICAL_COMPLEXITY = "clinical_complexity"

    label_field = "key"
    touches = ("metric", "deliverables")
    also_reasoned = ("operator", "value", "low", "high", "within_amount", "within_unit", "scope_level")
    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme"}

    metric = models.ForeignKey(Metric, models.PROTECT, related_name="targets", help_text="What is measured.")
    operator = WordField(Operator, help_text="How a value is compared.")
    operator_source = WordField(OperatorSource, help_text="Whether the source states the comparison or we inferred it.")
    intent = WordField(Intent, null=True, help_text="To reach, to keep or to better.")
    value = NumberField(
        null=True, help_text="The number. Empty for a direction or an outside standard: then nothing can be computed."
    )
    low = NumberField(null=True, help_text="Lower end, for between.")
    high = NumberField(null=True, help_text="Upper end, for between.")
    unit = WordField(Unit, help_text="What the number counts.")
    within_amount = models.PositiveIntegerField(
        null=True, blank=True, help_text="Time limit that the metric counts, such as 10."
    )
    within_unit = WordField(TimeUnit, null=True, help_text="Unit of the time limit. Working days are never converted.")
    scope_level = WordField(ScopeLevel, help_text="Level that it holds for; each_provider is judged trust by trust.")
    organisation = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, related_name="targets", help_text="For whom: the system, a trust, a region."
    )
    basis = WordField(Basis, help_text="Who set it.")
    financial_year = FinancialYearField(null=True, help_text="Year that it is for.")
    due_on = vague_day("Date by which it is to be met")
    due_precision = precision_of("that date")
    exclusions = WordListField(Exclusion, help_text="Cases that the target leaves out. The count itself does not.")
    exclusions_source = models.ForeignKey(
        "cmast.Source", models.PROTECT, null=True, blank=True, related_name="+", help_text="Text that states the exclusions."
    )
    guidance_low = NumberField(null=True, help_text="Lower end of outside guidance, for comparison.")
    guidance_high = NumberField(null=True, help_text="Upper end of outside guidance, for comparison.")
    baseline_value = NumberField(null=True, help_text="Value that an increase or a reduction starts from.")
    baseline_on = DayField(null=True, help_text="Day of the baseline value.")
    supersedes = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by", help_text="Target that it replaces."
    )
    supersedes_text = LineField(blank=True, help_text="What it replaces, where that is no record.")
    successor_text = LineField(blank=True, help_text="What is known to follow, where that is no record.")
    deliverables = models.ManyToManyField(
        Deliverable, blank=True, related_name="measured_by", help_text="Deliverables of the plan that it measures."
    )
    drivers = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="outcomes", help_text="Targets whose result this one is."
    )
    awaits = models.ForeignKey(
        Approval, models.PROTECT, null=True, blank=True, related_name="targets_waiting", help_text="Decision that it waits for."
    )

    objects: ClassVar = TargetQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "target"
        verbose_name_plural = "targets"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("due"),
            both_or_neither("within_amount", "within_unit"),
            models.CheckConstraint(
                condition=Q(operator__in=list(NUMBERLESS))
                | Q(operator="between", low__isnull=False, high__isnull=False, high__gte=models.F("low"))
                | Q(~Q(operator="between"), value__isnull=False),
                name="metrics_target_number",
                violation_error_message="This comparison needs a value; between needs low and high, in order.",
            ),
            models.CheckConstraint(
                condition=~Q(operator="eliminate") | Q(value=0),
                name="metrics_target_eliminate",
                violation_error_message="To eliminate means a value of 0.",
            ),
        ]

    def as_goal(self, **more: Any) -> Goal:
        """For the target engine, with what else is known. Reads `organisation`, `metric` and `supersedes`."""
        starts_on, ends_on = financial_year_days(self.financial_year) if self.financial_year else (None, None)
        return Goal(
            **{name: getattr(self, name) for name in _OF_GOALS},
            direction=self.metric.direction,
            organisation=self.organisation.key,
            exclusions=tuple(self.exclusions),
            baseline=self.baseline_value,
            starts_on=starts_on,
            ends_on=ends_on,
            supersedes=self.supersedes.key if self.supersedes else "",
            **more,
        )

    def __str__(self) -> str:
        words = [str(self.metric), self.get_operator_display()]
        if self.value is not None:
            words.append(amount(self.value, self.unit))
        return " ".join(words)


class Trajectory(Record):
    """The path that a metric is planned to take through a year."""

    label_field = "key"
    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme"}

    metric = models.ForeignKey(Metric, models.PROTECT, related_name="trajectories", help_text="What is measured.")
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="trajectories",
        help_text="For whom, where stated.",
    )
    basis = WordField(Target.Basis, help_text="Who set it.")
    financial_year = FinancialYearField(null=True, help_text="Year that it covers.")
    variance_value = NumberField(null=True, help_text="Distance from it as stated, where the path itself is not.")
    variance_unit = WordField(Unit, null=True, help_text="Unit of that distance; points or percent may not be stated.")

    class Meta(Record.Meta):
        verbose_name = "trajectory"
        verbose_name_plural = "trajectories"
        constraints = [*Record.Meta.constraints, both_or_neither("variance_value", "variance_unit")]

    def as_plan(self) -> plans.Trajectory:
        """For comparing figures with it. Its values are in the metric's unit. Reads `metric` and `points`."""
        points = sorted(self.points.all(), key=lambda point: point.period_end_on)
        return plans.Trajectory(
            unit=self.metric.unit,
            points=tuple(plans.Point(starts_on=p.period_start_on, ends_on=p.period_end_on, value=p.value) for p in points),
            stated_variance=self.variance_value,
            stated_unit=self.variance_unit or Unit.UNSPECIFIED_PERCENT,
            key=self.key,
        )


class TrajectoryPoint(Record):
    """One planned value. A point whose value is not stated stays empty; it is never worked back from a variance."""

    label_field = "key"
    touches = ("trajectory",)
    writers: ClassVar[dict[str, str]] = {"programme": "trajectory__metric__programme"}

    trajectory = models.ForeignKey(Trajectory, models.CASCADE, related_name="points", help_text="The path.")
    period_start_on = DayField(null=True, help_text="First day of the period, for a flow.")
    period_end_on = DayField(help_text="Day, or last day of the period.")
    value = NumberField(null=True, help_text="Planned value; empty while not stated.")

    class Meta(Record.Meta):
        verbose_name = "trajectory point"
        verbose_name_plural = "trajectory points"
        constraints = [
            *Record.Meta.constraints,
            in_order("period_start_on", "period_end_on"),
            models.UniqueConstraint(
                fields=["trajectory", "period_start_on", "period_end_on"],
                name="metrics_trajectorypoint_once",
                violation_error_message="The trajectory has a point for this period already.",
            ),
        ]


class Cohort(Record):
    """A closed group that can only shrink: everybody who would reach a limit by a horizon date."""

    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme"}

    name = LineField(help_text="Who is in it.")
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="cohorts", help_text="Metric of those still in it.")
    horizon_on = DayField(help_text="Day by which it is to be cleared.")
    goal = NumberField(help_text="How many may be left on that day.")
    membership_rule = ProseField(help_text="Who belongs to it and how one leaves it.")
    is_closed = models.BooleanField(default=True, help_text="Nobody can join it.")

    class Meta(Record.Meta):
        verbose_name = "cohort"
        verbose_name_plural = "cohorts"

    def as_plan(self) -> plans.Cohort:
        """For finding the rate that clears it in time."""
        return plans.Cohort(horizon_on=self.horizon_on, goal=self.goal, key=self.key)
