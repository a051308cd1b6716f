"""Trajectories and cohorts."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.figures import Figure, Period, Side
from metrics.models import Cohort as CohortRecord
from metrics.models import Trajectory as TrajectoryRecord
from metrics.plans import Cohort, Course, PlanReason, Point, Trajectory, planned, run_rate, variance

pytestmark = pytest.mark.either_database

FEBRUARY = Period(starts_on=dt.date(2024, 2, 1), ends_on=dt.date(2024, 2, 29), kind="month")
MARCH = Period(starts_on=dt.date(2024, 3, 1), ends_on=dt.date(2024, 3, 31), kind="month")
YEAR_TO_FEBRUARY = Period(starts_on=dt.date(2023, 4, 1), ends_on=dt.date(2024, 2, 29), kind="year_to_date")
HORIZON = dt.date(2024, 9, 30)


def figure(value: str | None, unit: str = "percent", period: Period = MARCH, **fields: Any) -> Figure:
    return Figure(value=None if value is None else Decimal(value), unit=unit, period=period, **fields)


def path(*points: tuple[dt.date, str | None], unit: str = "percent", **fields: Any) -> Trajectory:
    made = tuple(Point(ends_on=day, value=None if value is None else Decimal(value)) for day, value in points)
    return Trajectory(unit=unit, points=made, **fields)


# Trajectories.


def test_a_plan_has_a_value_for_its_own_months_only() -> None:
    plan = path((dt.date(2024, 1, 31), "70"), (dt.date(2024, 3, 31), "76"))
    assert planned(plan, MARCH).value == 76
    between = planned(plan, FEBRUARY)
    assert (between.code, between.value) == (PlanReason.NO_PLANNED_VALUE, None)
    assert between.words == "There is no planned value for February 2024."


def test_a_month_and_the_year_to_it_have_plans_of_their_own() -> None:
    points = tuple(
        Point(starts_on=period.starts_on, ends_on=period.ends_on, value=Decimal(value))
        for period, value in ((FEBRUARY, 91), (YEAR_TO_FEBRUARY, 1027))
    )
    plan = Trajectory(unit="tests", points=points)
    assert planned(plan, FEBRUARY).value == 91
    assert planned(plan, YEAR_TO_FEBRUARY).value == 1027
    vague = planned(plan, Period(ends_on=dt.date(2024, 2, 29)))
    assert vague.code is PlanReason.SEVERAL_PLANNED_VALUES


@pytest.mark.parametrize(
    ("value", "side", "words"),
    [
        ("71.9", Side.BELOW, "71.9% against a planned 76%: 4.1 percentage points below."),
        ("77", Side.ABOVE, "77% against a planned 76%: 1 percentage point above."),
        ("76.0", Side.SAME, "76% against a planned 76%: no change."),
    ],
)
def test_a_variance_has_a_side_and_its_unit(value: str, side: Side, words: str) -> None:
    found = variance(path((dt.date(2024, 3, 31), "76")), figure(value))
    assert (found.code, found.side, found.words) == (PlanReason.KNOWN, side, words)
    assert found.change is not None and found.change.amount == Decimal(value) - 76


def test_a_side_may_be_known_where_the_distance_is_not() -> None:
    plan = path((dt.date(2024, 3, 31), "76"))
    bound = Figure(unit="percent", period=MARCH, bound_operator="gte", bound_value=Decimal(85))
    assert (variance(plan, bound).side, variance(plan, bound).change.amount) == (Side.ABOVE, None)
    unsure = variance(plan, figure("76", qualifier="approximately"))
    assert (unsure.side, unsure.code) == (Side.UNKNOWN, PlanReason.VALUE_UNKNOWN)


def test_a_figure_in_another_unit_or_of_another_sort_has_no_variance() -> None:
    plan = path((dt.date(2024, 3, 31), "76"))
    assert variance(plan, figure("0.7", "ratio")).code is PlanReason.UNIT_DIFFERS
    assert variance(plan, figure("5", comparison="above_plan")).code is PlanReason.UNFIT_FIGURE


def test_the_editions_plans_are_not_worked_back(edition: str) -> None:
    def read(key: str) -> Trajectory:
        record = TrajectoryRecord.objects.select_related("metric").get(key=key)
        points = tuple(
            Point(starts_on=point.period_start_on, ends_on=point.period_end_on, value=point.value)
            for point in record.points.all()
        )
        stated_unit = record.variance_unit or "unspecified_percent"
        return Trajectory(
            unit=record.metric.unit, points=points, stated_variance=record.variance_value, stated_unit=stated_unit
        )

    local = variance(read("traj-ae-4h-local-2023-24"), figure("71.9"))
    assert (local.code, local.planned) == (PlanReason.NO_PLANNED_VALUE, None)
    assert local.words == (
        "There is no planned value for March 2024. The source gives the distance, 5 (percent or points, not stated) below; "
        "the plan is not worked back from it."
    )
    assert variance(read("traj-ae-4h-national-2023-24"), figure("71.9")).change.amount == Decimal("-4.1")
    activity = variance(read("traj-dx-activity-plan-2023-24"), figure("110964", "tests", FEBRUARY))
    assert activity.code is PlanReason.PLANNED_VALUE_NOT_STATED


# Cohorts.

MAY = Period(starts_on=dt.date(2024, 5, 1), ends_on=dt.date(2024, 5, 31), kind="date_snapshot")
APRIL_END = Period(ends_on=dt.date(2024, 4, 30), kind="date_snapshot")


def test_the_required_rate_names_the_day_that_it_counts_from(edition: str) -> None:
    record = CohortRecord.objects.get(key="cohort-65w-2024-09")
    cohort = Cohort(horizon_on=record.horizon_on, goal=record.goal)
    rate = run_rate(cohort, figure("48872", "patients", MAY))
    assert (rate.course, rate.months, rate.per_month) == (Course.TO_CLEAR, Decimal(5), Decimal("9774.4"))
    assert rate.weeks == Decimal(153) / 7
    assert rate.words == (
        "48,872 patients left, 48,872 to clear by 30 September 2024: about 9,774 a month or 2,236 a week, "
        "counted from 1 May 2024 (5 months)."
    )
    a_month_older = run_rate(cohort, figure("48872", "patients", MAY), from_on=dt.date(2024, 4, 1))
    assert a_month_older.months == 6
    assert "about 8,145 a month" in a_month_older.words


def test_after_an_exact_day_the_next_one_counts() -> None:
    rate = run_rate(Cohort(horizon_on=HORIZON, goal=Decimal(72)), figure("48872", "patients", APRIL_END))
    assert rate.from_on == dt.date(2024, 5, 1)
    assert (rate.to_clear, rate.months, rate.per_month) == (Decimal(48800), Decimal(5), Decimal(9760))


@pytest.mark.parametrize(
    ("fact", "from_on", "course"),
    [
        (figure("0", "patients", APRIL_END), None, Course.CLEARED),
        (figure("10", "patients", APRIL_END, qualifier="up_to"), None, Course.CLEARED),
        (figure("10", "patients", APRIL_END, qualifier="approximately"), None, Course.UNKNOWN),
        (figure("10", "patients", APRIL_END, qualifier="more_than"), None, Course.UNKNOWN),
        (figure(None, "patients", APRIL_END), None, Course.UNKNOWN),
        (figure("9", "patients", APRIL_END, value_status="forecast"), None, Course.UNKNOWN),
        (figure("11", "patients", APRIL_END), HORIZON, Course.TO_CLEAR),
        (figure("11", "patients", APRIL_END), dt.date(2024, 10, 1), Course.PAST_HORIZON),
        (figure("11", "patients", Period(ends_on=HORIZON)), None, Course.PAST_HORIZON),
    ],
)
def test_a_cohort_is_cleared_to_clear_past_its_horizon_or_unknown(fact: Figure, from_on: dt.date, course: Course) -> None:
    rate = run_rate(Cohort(horizon_on=HORIZON, goal=Decimal(10)), fact, from_on)
    assert rate.course is course
    assert (rate.per_month is not None) == (course is Course.TO_CLEAR)


@given(st.dates(dt.date(2023, 1, 1), HORIZON), st.integers(1, 10**6))
def test_the_rate_times_the_time_clears_the_rest(from_on: dt.date, left: int) -> None:
    rate = run_rate(Cohort(horizon_on=HORIZON), figure(str(left), "patients", APRIL_END), from_on)
    for pace, time in ((rate.per_month, rate.months), (rate.per_week, rate.weeks)):
        assert pace and time and abs(pace * time - left) < Decimal("1e-9")
