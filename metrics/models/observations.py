"""Observations: one figure x one organisation x one period x one as-at date."""

import datetime as dt
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, ExtractMonth, ExtractYear

from cmast import dates
from cmast.amounts import amount
from cmast.errors import RuleBroken
from cmast.history.context import current
from cmast.models import Reader, Record, RecordQuerySet
from cmast.models.fields import (
    DayField,
    FinancialYearField,
    LineField,
    NumberField,
    WordField,
    both_or_neither,
    in_order,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.vocabulary import Qualifier, ScopeLevel, Unit, Words
from metrics.figures import NOT_YET_HAPPENED, Figure, Period
from metrics.models.definitions import Cohort, Metric, Operator, Target
from metrics.models.locks import PeriodLock, lock_of
from metrics.models.observation_verbs import ObservationVerbs

#: Fields that a figure of the target engine has under the same name.
_OF_FIGURES = (
    "unit",
    "scope_level",
    "value",
    "qualifier",
    "bound_operator",
    "bound_value",
    "quantifier",
    "denominator",
    "comparison",
    "value_status",
    "key",
)


#: What a revision does not take over from the one before.
_NOT_COPIED = ("id", "key", "version", "external_source", "external_id", "created_at", "updated_at", "review_state")
#: What a figure says. Once stated it is never overwritten: a correction is a revision, and both are kept.
FIGURE = ("value", "bound_operator", "bound_value", "quantifier", "denominator", "unit", "qualifier")
#: Columns that say which figure it is, of when, and whether it counts: in a locked month they stay as they are.
_FILED = (
    *FIGURE,
    "metric_id",
    "organisation_id",
    "scope_level",
    "role_of_scope",
    "breakdown_dimension",
    "breakdown_member",
    "comparison",
    "period_type",
    "period_start_on",
    "period_end_on",
    "as_at_on",
    "horizon_on",
    "value_status",
    "supersedes_id",
)


class ObservationQuerySet(RecordQuerySet):
    def locked(self) -> "ObservationQuerySet":
        """Figures of a month that is locked for their metric."""
        day = Coalesce(OuterRef("period_end_on"), OuterRef("as_at_on"))
        whose = Q(metric=OuterRef("metric")) | Q(metric__isnull=True, programme=OuterRef("metric__programme"))
        closed = PeriodLock.objects.in_force().filter(whose | Q(metric__isnull=True, programme__isnull=True))
        same_month = {"month_end_on__year": ExtractYear(day), "month_end_on__month": ExtractMonth(day)}
        return self.filter(Exists(closed.filter(**same_month)))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Raises RuleBroken where a figure of a locked month is among them."""
        if found := self.locked().select_related("metric").first():
            found.require_no_lock()
        return super().delete()

    def current(self, hidden: Q | None = None) -> "ObservationQuerySet":
        """The latest revision of each figure; where a later one is hidden, which the condition says, the one before."""
        return self.filter(Q(revisions__isnull=True) | hidden if hidden else Q(revisions__isnull=True))

    def current_to(self, reader: Reader) -> "ObservationQuerySet":
        """The latest revision of each figure that the reader may see."""
        hidden = reader.reach.hidden if reader.is_authenticated else None
        return self.visible_to(reader).current(hidden.condition(self.model, "revisions__") if hidden else None)

    def levels(self, reader: Reader, part: str = "") -> "ObservationQuerySet":
        """Figures that say how high something was: no difference, no forecast, nothing taken back. Of the whole, or of one part
        of a breakdown.
        """
        return (
            self.current_to(reader)
            .filter(breakdown_member=part, comparison__isnull=True, quantifier__isnull=True)
            .exclude(value_status__in=NOT_YET_HAPPENED)
            .exclude(review_state="withdrawn")
        )

    def with_computed(self, today: dt.date | None = None) -> "ObservationQuerySet":
        """Adds `meets_target`, judged against the target that the figure names: true, false, or null for unknown.

        A figure known only by a bound ("at least 85") is judged by the bound. A value stated as "more than" or the like
        is judged only where the qualifier cannot change the answer. Exclusions, scopes and trajectories are the target
        engine's matter.
        """
        goal = F("target__value")
        plain = Q(qualifier__in=[Qualifier.EXACT, Qualifier.APPROXIMATELY]) | Q(qualifier__isnull=True)
        at_least = Q(qualifier__in=[Qualifier.MORE_THAN, Qualifier.AT_LEAST])
        at_most = Q(qualifier__in=[Qualifier.LESS_THAN, Qualifier.UP_TO])
        bound_above = Q(bound_operator__in=[Operator.GT, Operator.GTE], bound_value__isnull=False)

        def known(test: Q, *ways: Q) -> Q:
            either = Q()
            for way in ways:
                either |= way
            return either & test

        operator = {word: Q(target__operator=word) for word in Operator.values}
        whens = [
            When(bound_above & operator["gte"] & Q(bound_value__gte=goal), then=Value(True)),
            When(bound_above & operator["gt"] & Q(bound_value__gt=goal), then=Value(True)),
            When(bound_above & operator["gt"] & Q(bound_operator=Operator.GT, bound_value__gte=goal), then=Value(True)),
            When(
                Q(value__isnull=True)
                | Q(target__isnull=True)
                | operator["increase"]
                | operator["reduce"]
                | operator["meet_standard"],
                then=Value(None, output_field=models.BooleanField()),
            ),
            When(operator["gte"] & known(Q(value__gte=goal), plain, at_least), then=Value(True)),
            When(operator["gte"] & known(Q(value__lt=goal), plain, at_most), then=Value(False)),
            When(operator["gt"] & known(Q(value__gt=goal), plain, at_least), then=Value(True)),
            When(operator["gt"] & Q(qualifier=Qualifier.MORE_THAN, value=goal), then=Value(True)),
            When(operator["gt"] & known(Q(value__lte=goal), plain, at_most), then=Value(False)),
            When(operator["lte"] & known(Q(value__lte=goal), plain, at_most), then=Value(True)),
            When(operator["lte"] & known(Q(value__gt=goal), plain, at_least), then=Value(False)),
            When(operator["lt"] & known(Q(value__lt=goal), plain, at_most), then=Value(True)),
            When(operator["lt"] & Q(qualifier=Qualifier.LESS_THAN, value=goal), then=Value(True)),
            When(operator["lt"] & known(Q(value__gte=goal), plain, at_least), then=Value(False)),
            When((operator["eq"] | operator["eliminate"]) & plain & Q(value=goal), then=Value(True)),
            When((operator["eq"] | operator["eliminate"]) & plain & ~Q(value=goal), then=Value(False)),
            When(operator["between"] & plain & Q(value__gte=F("target__low"), value__lte=F("target__high")), then=Value(True)),
            When(operator["between"] & plain, then=Value(False)),
        ]
        return self.annotate(meets_target=Case(*whens, default=Value(None), output_field=models.BooleanField(null=True)))

    def meets_target(self, answer: bool) -> "ObservationQuerySet":
        """Figures that are known to meet, or known to miss, the target that they name."""
        return self.with_computed().filter(meets_target=answer)


class Observation(ObservationVerbs, Record):
    """One figure. Value, bound or quantifier: exactly what was stated, and no more.

    Figures that are arithmetic on others (a change, a remainder, a distance) are computed and never stored; a difference
    that the source itself states is stored with its `comparison`.
    """

    class PeriodType(Words):
        MONTH = "month"
        MONTH_END_SNAPSHOT = "month_end_snapshot"
        DATE_SNAPSHOT = "date_snapshot"
        YEAR_TO_DATE = "year_to_date"
        CUMULATIVE_UNSPECIFIED_START = "cumulative_unspecified_start"
        FINANCIAL_YEAR = "financial_year"
        MULTI_YEAR_HORIZON = "multi_year_horizon"
        ROLLING_WEEKS = "rolling_weeks"
        UNSPECIFIED = "unspecified"

    class ValueStatus(Words):
        REPORTED = "reported"
        PROVISIONAL = "provisional"
        FORECAST = "forecast"
        PROJECTED_OUTTURN = "projected_outturn"
        PLANNED = "planned"

    class ReviewState(Words):
        SUBMITTED = "submitted"
        RETURNED = "returned"
        VALIDATED = "validated"
        REVISED = "revised"
        WITHDRAWN = "withdrawn"

    class Comparison(Words):
        ABOVE_PLAN = "above_plan"
        BELOW_LOCAL_TRAJECTORY = "below_local_trajectory"
        CHANGE_SINCE_PREVIOUS_MONTH = "change_since_previous_month"
        INCREASE_SINCE_PREVIOUS_MONTH = "increase_since_previous_month"

    class Quantifier(Words):
        MAJORITY_OF_TRUSTS = "majority_of_trusts"

    class Trend(Words):
        IMPROVED = "improved"
        UNCHANGED = "unchanged"
        WORSENED = "worsened"

    class RoleOfScope(Words):
        RECIPIENT = "recipient"
        DONOR = "donor"

    label_field = "key"
    also_reasoned = (*FIGURE, "review_state")
    touches = ("cohort",)
    computed_from = (("target", ("operator", "value", "low", "high")),)
    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme", "organisation": "organisation"}
    restates: ClassVar[tuple[str, ...]] = ("supersedes",)

    metric = models.ForeignKey(Metric, models.PROTECT, related_name="observations", help_text="What is measured.")
    organisation = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, related_name="observations", help_text="Scope: whose figure it is."
    )
    scope_level = WordField(ScopeLevel, help_text="Level that the figure speaks about.")
    role_of_scope = WordField(RoleOfScope, null=True, help_text="For what is given and received: which side the scope is on.")
    breakdown_dimension = LineField(
        max_length=60, blank=True, help_text="Dimension that the figure is a part along, such as breach_reason."
    )
    breakdown_member = LineField(max_length=100, blank=True, help_text="Which part of that dimension.")
    value = NumberField(null=True, help_text="The figure; empty where only a bound or nothing is known.")
    bound_operator = WordField(Operator, null=True, help_text="For a figure known only by a bound: at least, at most.")
    bound_value = NumberField(null=True, help_text="The bound.")
    quantifier = WordField(Quantifier, null=True, help_text="Whom it holds for, in words, where no count is given.")
    denominator = NumberField(null=True, help_text="Out of how many, where stated.")
    unit = WordField(Unit, help_text="What the value counts.")
    qualifier = WordField(Qualifier, null=True, help_text="How exactly the value was stated.")
    comparison = WordField(Comparison, null=True, help_text="For a stated difference: what it is a difference from.")
    comparator_for = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="comparators", help_text="Figure that it is set beside."
    )
    threshold_operator = WordField(Operator, null=True, help_text="For a count of those beyond a threshold: the comparison.")
    threshold_value = NumberField(null=True, help_text="The threshold.")
    threshold_unit = WordField(Unit, null=True, help_text="Unit of the threshold.")
    period_type = WordField(PeriodType, help_text="What stretch of time it covers.")
    period_start_on = DayField(null=True, help_text="First day of the period.")
    period_end_on = DayField(null=True, help_text="Last day of the period.")
    as_at_on = vague_day("Day that a snapshot holds for")
    as_at_precision = precision_of("the as-at date")
    horizon_on = DayField(null=True, help_text="For a cohort: the day that membership looks ahead to.")
    financial_year = FinancialYearField(null=True, help_text="Year that it belongs to, where stated.")
    value_status = WordField(ValueStatus, help_text="What the number is: reported, provisional, forecast.")
    review_state = WordField(ReviewState, null=True, help_text="Where it is in the review.")
    revision = models.PositiveIntegerField(default=1, help_text="1 for the first statement, higher for corrections.")
    supersedes = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="revisions",
        help_text="Earlier statement that it corrects. Both are kept.",
    )
    subset_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subsets",
        help_text="Figure that contains this one. They are never added.",
    )
    trend = WordField(Trend, null=True, help_text="Trend as the source states it.")
    target = models.ForeignKey(
        Target,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="observations",
        help_text="Target that the source sets it beside.",
    )
    cohort = models.ForeignKey(
        Cohort, models.PROTECT, null=True, blank=True, related_name="series", help_text="Cohort whose series it is part of."
    )
    members = models.ManyToManyField(
        "cmast.Organisation", blank=True, related_name="+", help_text="For a count of organisations: which ones, where named."
    )
    also_described_as = LineField(blank=True, help_text="Other words that the source has for it.")

    objects: ClassVar = ObservationQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "observation"
        verbose_name_plural = "observations"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("as_at"),
            in_order("period_start_on", "period_end_on"),
            both_or_neither("bound_operator", "bound_value"),
            models.CheckConstraint(
                condition=Q(value__isnull=True) | Q(bound_value__isnull=True),
                name="metrics_observation_value_or_bound",
                violation_error_message="A figure is a value or a bound, not both.",
            ),
            models.CheckConstraint(
                condition=Q(period_end_on__isnull=False) | Q(as_at_on__isnull=False) | Q(financial_year__isnull=False),
                name="metrics_observation_when",
                violation_error_message="Say when: a period, an as-at date or a financial year.",
            ),
            models.CheckConstraint(
                condition=Q(breakdown_dimension="", breakdown_member="")
                | ~(Q(breakdown_dimension="") | Q(breakdown_member="")),
                name="metrics_observation_breakdown",
                violation_error_message="A breakdown needs its dimension and its member.",
            ),
            models.CheckConstraint(
                condition=Q(denominator__isnull=True) | Q(denominator__gt=0),
                name="metrics_observation_denominator",
                violation_error_message="A denominator is more than 0.",
            ),
            models.CheckConstraint(
                condition=Q(revision=1, supersedes__isnull=True) | Q(revision__gt=1, supersedes__isnull=False),
                name="metrics_observation_revision",
                violation_error_message="A revision above 1 names what it supersedes; the first names nothing.",
            ),
            models.UniqueConstraint(
                fields=["supersedes"],
                name="metrics_observation_one_revision",
                violation_error_message="This figure has been revised already; revise the latest one.",
            ),
        ]
        indexes = [models.Index(fields=["metric", "organisation", "-period_end_on"], name="metrics_observation_series")]

    @property
    def period(self) -> Period:
        """The time that it speaks about; a vague day begins with the first day that its words allow."""
        if self.period_end_on:
            return Period(starts_on=self.period_start_on, ends_on=self.period_end_on, kind=self.period_type)
        days = dates.window(self.as_at_on, self.as_at_precision) or dates.financial_year_days(str(self.financial_year))
        return Period(starts_on=days[0], ends_on=days[1], kind=self.period_type)

    def as_figure(self) -> Figure:
        """For the target engine and the comparators. Reads `organisation` and `members`."""
        return Figure(
            **{name: getattr(self, name) for name in _OF_FIGURES},
            period=self.period,
            organisation=self.organisation.key,
            part=self.breakdown_member,
            members=tuple(sorted(member.key for member in self.members.all())) if self.pk else (),
        )

    def revise(self, figure: dict[str, Any]) -> "Observation":
        """A correction: the same figure said anew, beside what was said before. `figure` holds what changes.

        Raises RuleBroken where it has been revised already, and ValidationError where nobody says why.
        """
        copied = {f.attname: getattr(self, f.attname) for f in self._meta.concrete_fields if f.name not in _NOT_COPIED}
        copied |= {"supersedes_id": self.pk, **self._next()}
        with transaction.atomic():
            if Observation.objects.select_for_update().filter(supersedes=self.pk).exists():
                raise RuleBroken("revised_already", "This figure has been revised already; revise the latest one.")
            revision = Observation(**copied | figure)
            revision.save()
            revision.members.set(self.members.all())
        return revision

    def as_revised(self) -> dict[str, Any]:
        """What a form for a revision begins with: name of a field -> its value, for links the primary key."""
        fields = [f for f in self._meta.concrete_fields if f.name not in _NOT_COPIED]
        copied = {f.name: getattr(self, f.attname) for f in fields if getattr(self, f.attname) not in (None, "", [])}
        lists = {"inferred", "source_lines"}
        stated = {name: value for name, value in copied.items() if name not in lists}
        return stated | {"supersedes": self.pk, **self._next()}

    def _next(self) -> dict[str, Any]:
        """Number and key of the next revision."""
        number = self.revision + 1
        return {"revision": number, "key": f"{self.key.removesuffix(f'-r{self.revision}')}-r{number}"}

    def require_open(self) -> None:
        """Raises ValidationError where this writes into a locked month in any way but a revision that says why."""
        read = getattr(self, "as_read", {})
        is_new = self._state.adding
        filed = any(name in read and read[name] != getattr(self, name) for name in _FILED)
        withdrawn = self.review_state == self.ReviewState.WITHDRAWN != read.get("review_state")
        if not self.metric_id or not (is_new or filed or withdrawn):
            return
        lock = lock_of(self.metric, self._day) or self._lock_before(read)
        if lock is None or (is_new and self._revises_same_month and current().reason):
            return
        words = f"{lock.words}: revise the figure that was filed, and say why."
        raise ValidationError({"period_end_on": ValidationError(words, code="period_locked")})

    @property
    def _day(self) -> dt.date | None:
        """The day that decides which month it is of; of a whole year's figure none does."""
        return self.period_end_on or self.as_at_on

    @property
    def _revises_same_month(self) -> bool:
        day = self.supersedes._day if self.supersedes else None
        return bool(day and self._day and dates.month_end(day) == dates.month_end(self._day))

    def _lock_before(self, read: dict[str, Any]) -> PeriodLock | None:
        """The lock of where the figure was, which may be another month or metric."""
        if self._state.adding:
            return None
        metric: Any = self.metric
        if read.get("metric_id", self.metric_id) != self.metric_id:
            metric = Metric.objects.filter(pk=read["metric_id"]).first()
        return lock_of(metric, read.get("period_end_on") or read.get("as_at_on"))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises RuleBroken for a figure of a locked month."""
        self.require_no_lock()
        return super().delete(*args, **kwargs)

    def require_no_lock(self) -> None:
        """Raises RuleBroken for a figure of a locked month, which stays where it is."""
        if lock := lock_of(self.metric, self._day):
            raise RuleBroken("period_locked", f"{lock.words}: what was filed is revised, never deleted.")

    def clean(self) -> None:
        read = getattr(self, "as_read", {})
        self.require_open()
        if self._state.adding and self.supersedes_id and not current().reason:
            raise ValidationError({"change_reason": ValidationError("Say why it is corrected.", code="reason_required")})
        is_stated = read.get("value") is not None or read.get("bound_value") is not None or read.get("quantifier") is not None
        if changed := [name for name in FIGURE if is_stated and name in read and read[name] != getattr(self, name)]:
            words = "A figure is never overwritten: revise it, so that both are kept."
            raise ValidationError({name: ValidationError(words, code="revise_instead") for name in changed})
        if self.supersedes and (self.supersedes.metric_id, self.supersedes.organisation_id) != (
            self.metric_id,
            self.organisation_id,
        ):
            raise ValidationError({"supersedes": "A revision is of the same metric and the same organisation."})
        domain = self.metric.value_domain if self.metric_id else None
        if domain and self.value is not None and f"{self.value.normalize():f}" not in domain:
            raise ValidationError({"value": f"must be one of {', '.join(domain)}"})
        if self.target and self.target.metric_id != self.metric_id:
            raise ValidationError({"target": f"This is a target of “{self.target.metric}”."})
        if self.cohort and self.cohort.metric_id != self.metric_id:
            raise ValidationError({"cohort": f"This is a cohort of “{self.cohort.metric}”."})

    @property
    def in_words(self) -> str:
        """What it says, as it is known: "more than 84,000 appointments", "at least 85%", "not stated"."""
        if self.value is not None:
            return amount(self.value, self.unit, self.qualifier)
        if self.bound_value is not None:
            return f"{self.get_bound_operator_display()} {amount(self.bound_value, self.unit)}"
        return "not stated"

    def __str__(self) -> str:
        return f"{self.metric}, {self.organisation}: {self.in_words}"
