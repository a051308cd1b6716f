"""Desks for what is aimed at and by what path: targets, trajectories, cohorts."""

from django.contrib import admin

from cmast.desk.columns import figure, vague
from cmast.desk.groups import METRICS
from cmast.desk.questions import Attention
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from metrics.models import Cohort, Target, Trajectory, TrajectoryPoint


class TargetAdmin(RecordAdmin):
    group = METRICS
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


class TrajectoryAdmin(RecordAdmin):
    group = METRICS
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


class TrajectoryPointAdmin(RecordAdmin):
    group = METRICS
    is_detail = True
    list_display = ("trajectory", "period_start_on", "period_end_on", "value")
    search_fields = ("trajectory__metric__name", "key")
    sections = ((None, ("trajectory", ("period_start_on", "period_end_on"), "value")),)


class CohortAdmin(RecordAdmin):
    group = METRICS
    list_display = ("name", "metric", "horizon_on", "goal_in_words", "is_closed")
    list_filter = ("is_closed",)
    sections = ((None, ("name", "metric", ("horizon_on", "goal"), "membership_rule", "is_closed")),)

    @admin.display(description="Goal", ordering="goal")
    def goal_in_words(self, cohort: Cohort) -> str:
        return figure(cohort.goal)
