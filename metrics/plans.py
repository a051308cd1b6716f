"""Planned paths and shrinking cohorts: how far a figure is from its plan, and how fast the rest must go. Pure.

A plan is never interpolated, carried forward or worked back from a distance: no point, no planned value.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cmast.amounts import amount, number
from cmast.dates import month_end
from cmast.vocabulary import Unit
from metrics.figures import (
    ZERO,
    Change,
    Figure,
    Period,
    Side,
    at_most,
    change,
    day_in_words,
    unit_words,
    units_differ,
)


class PlanReason(StrEnum):
    """Whether a distance from a plan is known, and why not. The words are kept by callers: add, never rename."""

    KNOWN = "known"
    NO_PLANNED_VALUE = "no_planned_value"
    PLANNED_VALUE_NOT_STATED = "planned_value_not_stated"
    SEVERAL_PLANNED_VALUES = "several_planned_values"
    UNIT_DIFFERS = "unit_differs"
    VALUE_UNKNOWN = "value_unknown"
    UNFIT_FIGURE = "unfit_figure"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One planned value, for a day or for a period that ends on it. A value that is not stated is None."""

    ends_on: dt.date
    starts_on: dt.date | None = None
    value: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """A planned path. `stated_variance` is a distance that the source gives in place of the plan: shown, never worked back."""

    unit: str
    points: tuple[Point, ...]
    stated_variance: Decimal | None = None
    stated_unit: str = Unit.UNSPECIFIED_PERCENT
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A planned value, or why there is none."""

    code: PlanReason
    value: Decimal | None
    words: str


@dataclass(frozen=True, kw_only=True)
class Variance:
    """How far a figure is from its plan, seen from the plan. `side` may be known where the distance is not."""

    code: PlanReason
    side: Side
    change: Change | None
    planned: Decimal | None
    words: str


def planned(trajectory: Trajectory, period: Period) -> Planned:
    """The planned value of exactly that period: never interpolated, nor that of the month before.

    A point or a period without a first day agrees with any that ends on the same day; one that states the same is preferred.
    """
    same_end = [point for point in trajectory.points if point.ends_on == period.ends_on]
    found = [point for point in same_end if point.starts_on == period.starts_on]
    found = found or [point for point in same_end if point.starts_on is None or period.starts_on is None]
    values = {point.value for point in found}
    if not found:
        words = f"There is no planned value for {period.words}."
        return Planned(code=PlanReason.NO_PLANNED_VALUE, value=None, words=words)
    if len(values) > 1:
        words = f"There are several planned values for {period.words}."
        return Planned(code=PlanReason.SEVERAL_PLANNED_VALUES, value=None, words=words)
    value = values.pop()
    if value is None:
        words = f"The planned value for {period.words} is not stated."
        return Planned(code=PlanReason.PLANNED_VALUE_NOT_STATED, value=None, words=words)
    words = f"The planned value for {period.words} is {amount(value, trajectory.unit)}."
    return Planned(code=PlanReason.KNOWN, value=value, words=words)


def variance(trajectory: Trajectory, figure: Figure) -> Variance:
    """Distance and side of a figure from the plan for its period."""
    plan = planned(trajectory, figure.period)
    if figure.unfit:
        return _no_variance(PlanReason.UNFIT_FIGURE, f"{figure.words}: {figure.unfit.words}.", plan)
    if plan.value is None:
        return _no_variance(plan.code, plan.words + _stated_distance(trajectory), plan)
    if units_differ(figure.unit, trajectory.unit):
        words = f"The figure is in {unit_words(figure.unit)}, the plan in {unit_words(trajectory.unit)}; nothing is converted."
        return _no_variance(PlanReason.UNIT_DIFFERS, words, plan)
    difference = change(Figure(unit=trajectory.unit, period=figure.period, value=plan.value), figure)
    code = PlanReason.VALUE_UNKNOWN if difference.side is Side.UNKNOWN else PlanReason.KNOWN
    words = f"{figure.words} against a planned {amount(plan.value, trajectory.unit)}: {difference.distance}."
    return Variance(code=code, side=difference.side, change=difference, planned=plan.value, words=words)


def _no_variance(code: PlanReason, words: str, plan: Planned) -> Variance:
    return Variance(code=code, side=Side.UNKNOWN, change=None, planned=plan.value, words=words)


def _stated_distance(trajectory: Trajectory) -> str:
    if trajectory.stated_variance is None:
        return ""
    side = "above" if trajectory.stated_variance > 0 else "below"
    stated = amount(abs(trajectory.stated_variance), trajectory.stated_unit)
    return f" The source gives the distance, {stated} {side}; the plan is not worked back from it."


class Course(StrEnum):
    """Where a cohort stands."""

    CLEARED = "cleared"
    TO_CLEAR = "to_clear"
    PAST_HORIZON = "past_horizon"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A closed group that can only shrink: at most `goal` may be left at the end of `horizon_on`."""

    horizon_on: dt.date
    goal: Decimal = ZERO
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class RunRate:
    """What must leave a cohort, and how fast. The rates are not rounded; None where there is nothing to say.

    The time runs from `from_on` to the horizon, both days included; a part of a month is its days over the month's.
    """

    course: Course
    figure: Figure
    words: str
    to_clear: Decimal | None = None
    from_on: dt.date | None = None
    weeks: Decimal | None = None
    months: Decimal | None = None
    per_week: Decimal | None = None
    per_month: Decimal | None = None


def run_rate(cohort: Cohort, figure: Figure, from_on: dt.date | None = None) -> RunRate:
    """The rate that clears the rest of a cohort by its horizon.

    It counts from the day after an exact snapshot, and from the first day that a vague one may mean (the most time that there
    can be), unless the caller names the day. The words name it in any case: the rate depends on it.
    """
    if figure.unfit or figure.value is None or figure.span is None:
        return RunRate(course=Course.UNKNOWN, figure=figure, words=f"How many are left is not known: {figure.words}.")
    goal, horizon = amount(cohort.goal, figure.unit), day_in_words(cohort.horizon_on)
    if figure.span.within(at_most(cohort.goal)):
        words = f"Cleared: {figure.words} left; {goal} may be left at the end of {horizon}."
        return RunRate(course=Course.CLEARED, figure=figure, words=words, to_clear=ZERO)
    to_clear = figure.value - cohort.goal
    if to_clear <= 0:
        return RunRate(
            course=Course.UNKNOWN, figure=figure, words=f"{figure.words} left: whether that is cleared is not known."
        )
    from_on = from_on or _first_day(figure.period)
    if from_on > cohort.horizon_on:
        words = f"The horizon was {horizon}: {figure.words} left, where {goal} might be."
        return RunRate(course=Course.PAST_HORIZON, figure=figure, words=words, to_clear=to_clear, from_on=from_on)
    return _rate(cohort, figure, to_clear, from_on)


def _first_day(period: Period) -> dt.date:
    if period.starts_on is None or period.starts_on == period.ends_on:
        return period.ends_on + dt.timedelta(days=1)
    return period.starts_on


def _rate(cohort: Cohort, figure: Figure, to_clear: Decimal, from_on: dt.date) -> RunRate:
    end = cohort.horizon_on + dt.timedelta(days=1)
    weeks, months = Decimal((end - from_on).days) / 7, _month_count(end) - _month_count(from_on)
    per_week, per_month = to_clear / weeks, to_clear / months
    words = (
        f"{figure.words} left, {number(to_clear)} to clear by {day_in_words(cohort.horizon_on)}: about {per_month:,.0f} "
        f"a month or {per_week:,.0f} a week, counted from {day_in_words(from_on)} ({number(round(months, 1))} months)."
    )
    return RunRate(
        course=Course.TO_CLEAR,
        figure=figure,
        words=words,
        to_clear=to_clear,
        from_on=from_on,
        weeks=weeks,
        months=months,
        per_week=per_week,
        per_month=per_month,
    )


def _month_count(day: dt.date) -> Decimal:
    """Months since the year 0 at the beginning of a day."""
    return day.year * 12 + day.month - 1 + Decimal(day.day - 1) / month_end(day).day
