"""Desks for metrics, targets, figures and benefits."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import formats

from cmast import dates
from cmast.desk.columns import NOTHING, figure, tag, vague
from cmast.desk.questions import Attention, JudgementFilter, question_filter, verb
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from metrics.models import (
    Benefit,
    BenefitFigure,
    Cohort,
    Metric,
    MetricLevel,
    Observation,
    SeriesBreak,
    Target,
    Trajectory,
    TrajectoryPoint,
)

PLACE = (("workstream", "programme"),)


class MetricsAdmin(RecordAdmin):
    group = "Metrics and benefits"


@admin.register(Metric)
class MetricAdmin(MetricsAdmin):
    list_display = ("name", "programme", "latest", "unit", "direction", "kind", "definition_confidence")
    list_filter = ("unit", "direction", "kind", "definition_confidence")
    search_fields = ("name", "key", "source_system")
    readonly_fields = ("latest",)
    sections = (
        (None, ("name", "programme", ("unit", "direction"), "kind", "latest")),
        (
            "What is counted",
            ("numerator", "denominator", "exclusions", "scope_levels", "breakdowns", "variants", "value_domain"),
        ),
        ("Where it comes from and how often", ("source_system", "frequency", "lag_days")),
        ("How well it is defined", ("definition_note", "definition_confidence", "definition_sources")),
    )
    inlines = (
        inline(
            Target,
            "operator",
            "operator_source",
            "value",
            "unit",
            "scope_level",
            "organisation",
            "basis",
            "due_on",
            "due_precision",
        ),
        inline(SeriesBreak, "starts_on", "starts_precision", "reason"),
        inline(MetricLevel, "level", "meaning"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the latest figure of the whole metric: no part of a breakdown and no stated difference."""
        plain = Observation.objects.current().filter(
            metric=OuterRef("pk"), value__isnull=False, breakdown_dimension="", comparison=None
        )
        last = plain.annotate(day=Coalesce("period_end_on", "as_at_on")).order_by(F("day").desc(nulls_last=True), "-pk")
        columns = {"value": "value", "unit": "unit", "qualifier": "qualifier", "day": "day", "scope": "organisation__name"}
        return (
            super()
            .get_queryset(request)
            .annotate(**{f"latest_{name}": Subquery(last.values(column)[:1]) for name, column in columns.items()})
        )

    @admin.display(description="Latest figure")
    def latest(self, metric: Any) -> str:
        if metric.pk is None or metric.latest_value is None:
            return NOTHING
        value = figure(metric.latest_value, metric.latest_unit, metric.latest_qualifier)
        day = f", {formats.date_format(metric.latest_day, 'SHORT_DATE_FORMAT')}" if metric.latest_day else ""
        return f"{value} ({metric.latest_scope}{day})"


@admin.register(MetricLevel)
class MetricLevelAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("metric", "level", "meaning")
    sections = ((None, ("metric", "level", "meaning")),)


@admin.register(SeriesBreak)
class SeriesBreakAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("reason", "metric", vague("starts", "From"))
    sections = ((None, ("metric", "reason", ("starts_on", "starts_precision"))),)


@admin.register(Target)
class TargetAdmin(MetricsAdmin):
    list_display = ("metric", "aim", "operator_source", "organisation", "basis", vague("due", "By"), "financial_year")
    list_filter = ("operator", "operator_source", "intent", "basis", "scope_level", "financial_year", "organisation")
    questions = ("numberless", "overdue")
    named_by = ("metric",)
    search_fields = ("metric__name", "key", "supersedes_text", "successor_text")
    sections = (
        (
            None,
            (
                "metric",
                ("operator", "operator_source"),
                "value",
                ("low", "high"),
                "unit",
                ("within_amount", "within_unit"),
                "intent",
            ),
        ),
        ("For whom and by when", (("scope_level", "organisation"), "basis", "financial_year", ("due_on", "due_precision"))),
        ("What it leaves out", ("exclusions", "exclusions_source"), OPTIONAL),
        ("What it is compared with", (("guidance_low", "guidance_high"), ("baseline_value", "baseline_on")), OPTIONAL),
        (
            "What it replaces and serves",
            (("supersedes", "supersedes_text"), "successor_text", "deliverables", "drivers", "awaits"),
        ),
    )
    attention = (Attention("Targets without a number", "numberless", hint="Nothing to compare a figure with.", order=80),)

    @admin.display(description="Target", ordering="value")
    def aim(self, target: Target) -> str:
        """The comparison in words; a time limit is said as it is set."""
        words = target.get_operator_display().capitalize()
        if target.low is not None and target.high is not None:
            words += f" {figure(target.low)} and {figure(target.high, target.unit)}"
        elif target.value is not None:
            words += f" {figure(target.value, target.unit)}"
        if target.within_amount:
            words += f" within {target.within_amount} {target.get_within_unit_display().lower()}"
        return words


@admin.register(Trajectory)
class TrajectoryAdmin(MetricsAdmin):
    list_display = ("metric", "organisation", "basis", "financial_year", "variance")
    list_filter = ("basis", "financial_year", "organisation")
    search_fields = ("metric__name", "key")
    sections = (
        (None, ("metric", "organisation", "basis", "financial_year")),
        ("Distance from it", (("variance_value", "variance_unit"),), OPTIONAL),
    )
    inlines = (inline(TrajectoryPoint, "period_start_on", "period_end_on", "value"),)

    @admin.display(description="Stated distance")
    def variance(self, trajectory: Trajectory) -> str:
        return figure(trajectory.variance_value, trajectory.variance_unit)


@admin.register(TrajectoryPoint)
class TrajectoryPointAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("trajectory", "period_start_on", "period_end_on", "value")
    search_fields = ("trajectory__metric__name", "key")
    sections = ((None, ("trajectory", ("period_start_on", "period_end_on"), "value")),)


@admin.register(Cohort)
class CohortAdmin(MetricsAdmin):
    list_display = ("name", "metric", "horizon_on", "goal_in_words", "is_closed")
    list_filter = ("is_closed",)
    sections = ((None, ("name", "metric", ("horizon_on", "goal"), "membership_rule", "is_closed")),)

    @admin.display(description="Goal", ordering="goal")
    def goal_in_words(self, cohort: Cohort) -> str:
        return figure(cohort.goal)


@admin.register(Observation)
class ObservationAdmin(MetricsAdmin):
    list_display = ("metric", "figure", "organisation", "part", "when_in_words", "value_status", "meets_target", "revision")
    list_filter = (
        question_filter("meets_target", JudgementFilter),
        "organisation",
        "scope_level",
        "unit",
        "period_type",
        "value_status",
        "review_state",
        "financial_year",
    )
    questions = ("current",)
    named_by = ("metric", "organisation")
    search_fields = ("metric__name", "organisation__name", "key", "also_described_as", "printed_as")
    sections = (
        (None, ("metric", ("organisation", "scope_level", "role_of_scope"), ("breakdown_dimension", "breakdown_member"))),
        (
            "The figure",
            (("value", "unit", "qualifier"), ("bound_operator", "bound_value"), "quantifier", "denominator", "members"),
        ),
        (
            "When",
            (
                "period_type",
                ("period_start_on", "period_end_on"),
                ("as_at_on", "as_at_precision"),
                "horizon_on",
                "financial_year",
            ),
        ),
        ("What the number is", (("value_status", "review_state"), ("revision", "supersedes"), "trend", "also_described_as")),
        (
            "What it belongs with",
            (
                "target",
                "cohort",
                "subset_of",
                ("comparison", "comparator_for"),
                ("threshold_operator", "threshold_value", "threshold_unit"),
            ),
        ),
    )
    actions = (
        verb("validate", "Mark as validated", {"review_state": (None, "submitted", "revised")}, review_state="validated"),
        verb(
            "hand_back", "Return to whoever sent it", {"review_state": (None, "submitted", "revised")}, review_state="returned"
        ),
    )

    @admin.display(description="Figure", ordering="value")
    def figure(self, observation: Observation) -> str:
        if observation.value is None and observation.bound_value is not None:
            return f"{observation.get_bound_operator_display()} {figure(observation.bound_value, observation.unit)}"
        return figure(observation.value, observation.unit, observation.qualifier)

    @admin.display(description="Part")
    def part(self, observation: Observation) -> str:
        return observation.breakdown_member.replace("_", " ") or NOTHING

    @admin.display(description="When", ordering=Coalesce("period_end_on", "as_at_on"))
    def when_in_words(self, observation: Observation) -> str | None:
        """The period where there is one, else the day, else the financial year."""
        if observation.period_end_on:
            days = (observation.period_start_on, observation.period_end_on)
            return " to ".join(formats.date_format(day, "SHORT_DATE_FORMAT") for day in days if day)
        return dates.describe(observation.as_at_on, observation.as_at_precision) or observation.financial_year

    @admin.display(description="Meets target", boolean=True)
    def meets_target(self, observation: Any) -> Any:
        return observation.meets_target


@admin.register(Benefit)
class BenefitAdmin(MetricsAdmin):
    list_display = ("title", "benefit_type", tag("status"), "workstream", "programme", "organisation", "owner", "maturity")
    list_filter = (
        "benefit_type",
        "appraisal_category",
        "status",
        "driver",
        "recurrence",
        "delivery_risk",
        "maturity",
        "organisation",
    )
    sections = (
        (None, ("title", ("benefit_type", "appraisal_category"), "is_disbenefit", "status", ("organisation", "owner"))),
        ("Where it belongs", (*PLACE, ("objective", "deliverable"), "metric", "tracked_by")),
        ("As a saving", (("driver", "counts_towards_target"), ("recurrence", "delivery_risk"), "maturity"), OPTIONAL),
    )
    inlines = (
        inline(
            BenefitFigure,
            "title",
            "basis",
            "effect",
            "windfall",
            "value",
            "from_value",
            "to_value",
            "unit",
            "qualifier",
            "financial_year",
        ),
    )


@admin.register(BenefitFigure)
class BenefitFigureAdmin(MetricsAdmin):
    list_display = ("title", "benefit", "figure", "basis", "effect", "windfall", "financial_year", vague("as_at", "As at"))
    list_filter = ("basis", "effect", "windfall", "financial_year", "unit", "organisation")
    sections = (
        (None, ("benefit", "title", ("basis", "effect", "windfall"))),
        ("The figure", ("value", ("from_value", "to_value"), ("unit", "qualifier"), "observation")),
        (
            "For whom and when",
            (
                ("organisation", "scope_level"),
                "financial_year",
                ("as_at_on", "as_at_precision"),
                ("horizon_amount", "horizon_unit"),
            ),
        ),
    )

    @admin.display(description="Figure", ordering="value")
    def figure(self, row: BenefitFigure) -> str:
        if row.from_value is not None:
            return f"{figure(row.from_value)} to {figure(row.to_value, row.unit, row.qualifier)}"
        return figure(row.value, row.unit, row.qualifier)
