"""What a figure is set beside."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.comparing import rank, with_last_year, with_peer, with_previous, with_target, with_trajectory
from metrics.figures import Figure, Period, Side, change
from metrics.plans import Point, Trajectory
from metrics.targets import Goal

pytestmark = pytest.mark.either_database


def month(year: int, number: int, kind: str = "month") -> Period:
    last = (dt.date(year + number // 12, number % 12 + 1, 1)) - dt.timedelta(days=1)
    return Period(starts_on=last.replace(day=1), ends_on=last, kind=kind)


MARCH, FEBRUARY = month(2024, 3), month(2024, 2)


def figure(value: str | None, unit: str = "percent", period: Period = MARCH, **fields: Any) -> Figure:
    return Figure(value=None if value is None else Decimal(value), unit=unit, period=period, **fields)


@pytest.mark.parametrize(
    ("unit", "earlier", "later", "words", "moved", "distance"),
    [
        ("percent", "68.1", "71.9", "3.8 percentage points", "up 3.8 percentage points", "3.8 percentage points above"),
        ("percent", "84", "83", "1 percentage point", "down 1 percentage point", "1 percentage point below"),
        ("patients", "300", "312", "12 patients (4.0%)", "up 12 patients (4.0%)", "12 patients (4.0%) above"),
        ("patients", "64850", "48872", "15,978 patients (24.6%)", "down 15,978 patients (24.6%)", None),
        ("patients", "0", "12", "12 patients", "up 12 patients", None),
        ("patients", "2", "1", "1 patient (50.0%)", "down 1 patient (50.0%)", None),
        ("gbp", "16000000", "18000000", "£2,000,000 (12.5%)", "up £2,000,000 (12.5%)", None),
        ("ratio", "2", "1.9", "0.1", "down 0.1", None),
        ("rank", "4", "6", "2 places", "down 2 places", "2 places below"),
        ("rank", "4", "3", "1 place", "up 1 place", "1 place above"),
        ("level", "3", "4", "from level 3 to level 4", "from level 3 to level 4", "above"),
        ("level", "3", "3", "no change", "no change", "no change"),
        ("percent", "71.90", "71.9", "no change", "no change", "no change"),
        ("unspecified_percent", "5", "6", "unknown: percent or points is not stated", None, None),
    ],
)
def test_a_change_has_its_unit(
    unit: str, earlier: str, later: str, words: str, moved: str | None, distance: str | None
) -> None:
    found = change(figure(earlier, unit), figure(later, unit))
    assert found.words == words
    assert found.moved == (moved or found.moved)
    assert found.distance == (distance or found.distance)
    assert found.unit == ("percentage_point" if unit == "percent" else unit)


def test_a_change_of_inexact_figures_is_about_right() -> None:
    before = figure("77000", "appointments", qualifier="approximately")
    found = change(before, figure("84000", "appointments", qualifier="more_than"))
    assert (found.words, found.side, found.is_exact) == ("about 7,000 appointments (9.1%)", Side.ABOVE, False)
    assert change(before, before).words == "no known change"
    assert change(before, before).side is Side.UNKNOWN


def test_a_change_is_unknown_between_units_and_from_what_is_not_stated() -> None:
    assert change(figure("0.8", "ratio"), figure("84")).words == "unknown: one figure is in ratio, the other in percent"
    assert change(figure(None), figure("84")).words == "unknown: a figure is not stated"
    bound = Figure(unit="percent", period=MARCH, bound_operator="gte", bound_value=Decimal(85))
    found = change(figure("76"), bound)
    assert (found.side, found.amount, found.words) == (Side.ABOVE, None, "unknown: from 76% to at least 85%")


# The period before, and the year before.


def test_the_period_before_is_the_month_before_in_points() -> None:
    found = with_previous(figure("71.9"), [figure("68.1", period=FEBRUARY), figure("71.9")], "higher_is_better")
    assert (found.side, found.is_better, found.words) == (
        Side.ABOVE,
        True,
        "Up 3.8 percentage points since February 2024 (68.1%).",
    )


def test_a_gap_is_unknown_and_not_the_month_before_it() -> None:
    found = with_previous(figure("71.9"), [figure("68.1", period=month(2024, 1))])
    assert (found.is_known, found.words) == (False, "Unknown: there is no one figure for the period before.")


@pytest.mark.parametrize(
    ("now", "before", "last_year"),
    [
        (month(2024, 1), month(2023, 12), month(2023, 1)),
        (month(2024, 2, "month_end_snapshot"), month(2024, 1, "month_end_snapshot"), month(2023, 2, "month_end_snapshot")),
        (
            Period(starts_on=dt.date(2023, 4, 1), ends_on=dt.date(2024, 3, 31), kind="financial_year"),
            Period(starts_on=dt.date(2022, 4, 1), ends_on=dt.date(2023, 3, 31), kind="financial_year"),
            Period(starts_on=dt.date(2022, 4, 1), ends_on=dt.date(2023, 3, 31), kind="financial_year"),
        ),
        (
            Period(starts_on=dt.date(2023, 4, 1), ends_on=dt.date(2024, 2, 29), kind="year_to_date"),
            Period(starts_on=dt.date(2023, 4, 1), ends_on=dt.date(2024, 1, 31), kind="year_to_date"),
            Period(starts_on=dt.date(2022, 4, 1), ends_on=dt.date(2023, 2, 28), kind="year_to_date"),
        ),
        (
            Period(ends_on=dt.date(2024, 4, 14), kind="date_snapshot"),
            Period(ends_on=dt.date(2024, 3, 2), kind="date_snapshot"),
            Period(ends_on=dt.date(2023, 4, 14), kind="date_snapshot"),
        ),
    ],
)
def test_every_kind_of_period_has_its_own_one_before(now: Period, before: Period, last_year: Period) -> None:
    series = [figure("1", "patients", before), figure("2", "patients", last_year), figure("3", "patients", now)]
    series.append(figure("9", "patients", Period(ends_on=before.ends_on, kind="unspecified")))
    assert with_previous(series[2], series[:1]).other == series[0]
    assert with_last_year(series[2], series[1:]).other == series[1]


def test_a_running_total_has_none_before_its_start() -> None:
    april = Period(starts_on=dt.date(2024, 4, 1), ends_on=dt.date(2024, 4, 30), kind="year_to_date")
    march = Period(starts_on=dt.date(2023, 4, 1), ends_on=dt.date(2024, 3, 31), kind="year_to_date")
    assert with_previous(figure("9", "tests", april), [figure("99", "tests", march)]).other is None
    part_of_a_year = Period(starts_on=dt.date(2023, 1, 1), ends_on=dt.date(2023, 4, 30), kind="year_to_date")
    assert with_last_year(figure("9", "tests", april), [figure("99", "tests", part_of_a_year)]).other is None


def test_nothing_is_compared_across_a_break_or_with_two_figures() -> None:
    series = [figure("68.1", period=FEBRUARY)]
    assert with_previous(figure("71.9"), series, breaks=[FEBRUARY.ends_on]).is_known
    assert not with_previous(figure("71.9"), series, breaks=[MARCH.ends_on]).is_known
    broken = with_previous(figure("71.9"), series, breaks=[dt.date(2024, 3, 1)])
    assert broken.words == "Unknown: the metric counts something else since 1 March 2024."
    assert with_previous(figure("71.9"), [*series, figure("68.2", period=FEBRUARY)]).other is None
    assert not with_previous(figure("9", value_status="forecast"), series).is_known


# Target, plan, region.


def test_the_distance_to_a_target_is_in_points() -> None:
    found = with_target(figure("71.9"), Goal(operator="gte", unit="percent", value=Decimal(76)), "higher_is_better")
    assert found.words == "4.1 percentage points below: 71.9% beside the target of at least 76%."
    assert (found.side, found.is_better) == (Side.BELOW, False)
    waits = with_target(figure("101", "patients"), Goal(operator="eliminate", unit="patients"), "lower_is_better")
    assert waits.change is not None and waits.change.words == "101 patients"


def test_a_target_without_one_number_has_no_distance() -> None:
    for goal in (Goal(operator="reduce", unit="gbp"), Goal(operator="meet_standard", unit="gbp")):
        assert not with_target(figure("1", "gbp"), goal).is_known
    band = Goal(operator="between", unit="percent", low=Decimal(1), high=Decimal(2))
    assert with_target(figure("1"), band).words == "Unknown: the target of between 1 and 2% is no single number."


def test_the_plan_for_another_month_is_no_comparator() -> None:
    plan = Trajectory(unit="percent", points=(Point(ends_on=MARCH.ends_on, value=Decimal(76)),))
    assert with_trajectory(figure("71.9"), plan, "higher_is_better").is_better is False
    assert not with_trajectory(figure("68.1", period=FEBRUARY), plan).is_known


def test_the_region_is_compared_for_the_same_period() -> None:
    region = figure("70.7", scope_level="region", organisation="north-west-region")
    found = with_peer(figure("71.9"), region, "the North West", direction="higher_is_better")
    assert found.words == "1.2 percentage points above: 71.9% beside the North West (70.7%)."
    assert with_peer(figure("71.9"), None, "England", "england").words == "Unknown: there is no figure of England."
    late = with_peer(figure("68.1", period=FEBRUARY), region, "the North West")
    assert late.words == "Unknown: the figure of the North West is for March 2024, this one for February 2024."
    assert not with_peer(figure("71.9"), figure("70", part="type 1"), "the North West").is_known


# Ranks.


def trusts(**values: str | None) -> list[Figure]:
    return [figure(value, organisation=code, scope_level="provider") for code, value in values.items()]


def test_ties_share_a_place_and_the_missing_have_none() -> None:
    figures = [*trusts(RBN="80", RBL="82", REM="82.0", RJR=None), figure("99"), *trusts(RWW="70")]
    places = {
        code: rank(code, figures, MARCH, "higher_is_better", ["RBL", "RJR", "RBQ"]) for code in ("RBL", "REM", "RBN", "RJR")
    }
    assert [found.place for found in places.values()] == [1, 1, 3, None]
    assert places["RBL"].words == "1 of 4, shared with REM, 2 without a figure."
    assert places["RBL"].missing == ("RBQ", "RJR")
    assert places["RJR"].words == "Not ranked: no figure, 2 without a figure."


def test_where_lower_is_better_the_lowest_is_first_and_where_neither_is_there_is_no_rank() -> None:
    figures = trusts(RBN="80", RBL="82")
    assert rank("RBN", figures, MARCH, "lower_is_better").place == 1
    assert rank("RBN", figures, MARCH, "on_target_is_best").words == "Not ranked: neither way is better."


def test_a_bound_is_ranked_where_it_cannot_change_the_place() -> None:
    bound = Figure(
        unit="percent",
        period=MARCH,
        organisation="RBQ",
        scope_level="provider",
        bound_operator="gte",
        bound_value=Decimal(85),
    )
    assert rank("RBQ", [*trusts(RBN="80"), bound], MARCH, "higher_is_better").place == 1
    assert rank("RBN", [*trusts(RBN="86"), bound], MARCH, "higher_is_better").words == "Not ranked: a figure is too inexact."


def test_other_months_units_and_contradictions_are_not_ranked() -> None:
    other = [figure("99", period=FEBRUARY, organisation="REM", scope_level="provider")]
    other += [figure("0.9", "ratio", organisation="RJR", scope_level="provider")]
    other += [*trusts(RBL="90"), *trusts(RBL="91")]
    assert rank("RBN", [*trusts(RBN="80"), *other], MARCH, "higher_is_better").words == "1 of 1."


CODES = st.sampled_from(["RBL", "RBN", "REM", "RJR", "RWW"])


@given(st.dictionaries(CODES, st.decimals(0, 100, places=0).map(str), min_size=1), st.sampled_from(["higher", "lower"]))
def test_places_are_those_of_a_sorted_list(values: dict[str, str], way: str) -> None:
    order = sorted((Decimal(value) for value in values.values()), reverse=way == "higher")
    for code, value in values.items():
        found = rank(code, trusts(**values), MARCH, f"{way}_is_better")
        assert found.place == order.index(Decimal(value)) + 1


@given(*[st.decimals(-1000, 1000, places=2).map(str)] * 2, st.sampled_from(["percent", "patients", "gbp", "ratio", "rank"]))
def test_a_change_and_its_reverse_are_opposites(one: str, other: str, unit: str) -> None:
    there, back = (change(figure(a, unit), figure(b, unit)) for a, b in ((one, other), (other, one)))
    assert there.amount is not None and back.amount is not None and there.amount == -back.amount
    assert {there.side, back.side} in ({Side.SAME}, {Side.ABOVE, Side.BELOW})
    assert unit != "percent" or (there.unit == "percentage_point" and "%" not in there.words)
