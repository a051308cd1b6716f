"""What slips, by how many days: windows in, windows out."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programmes.slips import Standing, State, Step, forecast

pytestmark = pytest.mark.either_database

TODAY = dt.date(2024, 5, 3)
DAYS = st.dates(dt.date(2024, 5, 3), dt.date(2025, 5, 3))
WINDOWS = st.tuples(DAYS, DAYS).map(lambda pair: (min(pair), max(pair)))


def day(number: int, month: int = 5) -> dt.date:
    return dt.date(2024, month, number)


def on(number: int, month: int = 5) -> Step:
    return Step(planned=(day(number, month), day(number, month)))


def award(awaited: Step, planned: Step) -> object:
    return forecast({"board": awaited, "award": planned}, [("award", "board")], TODAY)["award"]


def test_exact_dates_slip_by_exact_days() -> None:
    found = award(on(10, 6), on(31))
    assert (found.standing, found.days, found.words) == (Standing.SLIPS, (10, 10), "at risk: it slips by 10 days")
    assert award(on(30), on(31)).standing is Standing.IN_TIME


def test_vague_dates_slip_by_a_range() -> None:
    july = Step(planned=(day(1, 7), day(31, 7)))
    assert award(july, Step(planned=(day(10), day(20)))).days == (42, 82)
    both_in_june = award(Step(planned=(day(1, 6), day(30, 6))), Step(planned=(day(1, 6), day(30, 6))))
    assert (both_in_june.standing, both_in_june.days) == (Standing.AT_RISK, (0, 29))


def test_a_last_day_is_kept_by_all_that_comes_before_it() -> None:
    may, last_day = (day(3), day(31)), (day(31), day(31))
    deadline = Step(planned=last_day, within=may)
    assert award(Step(planned=may), deadline).standing is Standing.IN_TIME
    assert award(deadline, Step(planned=may)).days == (0, 28), "it may be the award's last day, or any before"


def test_a_slip_is_passed_on() -> None:
    steps = {"board": on(10, 6), "award": on(31), "go-live": on(5, 6), "review": on(30, 6)}
    found = forecast(steps, [("award", "board"), ("go-live", "award"), ("review", "go-live")], TODAY)
    assert found["go-live"].days == (5, 5) and found["go-live"].because == ("award",)
    assert found["review"].standing is Standing.IN_TIME


@pytest.mark.parametrize(
    ("awaited", "standing", "is_at_risk"),
    [
        (Step(State.DONE), Standing.FREE, False),
        (Step(State.STOPPED), Standing.STOPPED, True),
        (Step(State.PUT_OFF), Standing.AT_RISK, True),
        (Step(), Standing.UNKNOWN, False),
    ],
)
def test_what_is_waited_for_may_be_done_or_never_come(awaited: Step, standing: Standing, is_at_risk: bool) -> None:
    found = award(awaited, on(31))
    assert (found.standing, found.days, found.is_at_risk) == (standing, None, is_at_risk)


def test_of_what_is_overdue_only_the_least_is_known() -> None:
    overdue = Step(planned=(day(1, 4), day(30, 4)))
    found = award(overdue, on(1))
    assert (found.days, found.words) == ((2, None), "at risk: it slips by at least 2 days (overdue)")
    assert award(overdue, on(4)).words == "at risk: it may slip (overdue)"


def test_without_a_date_of_its_own_nothing_can_be_said_of_the_slip() -> None:
    found = award(on(10, 6), Step())
    assert (found.standing, found.expected) == (Standing.UNKNOWN, (day(10, 6), day(10, 6)))


def test_a_loop_ends() -> None:
    found = forecast({"a": on(1, 6), "b": on(2, 6)}, [("a", "b"), ("b", "a")], TODAY)
    assert {one.standing for one in found.values()} <= set(Standing)


def test_a_long_chain_is_no_deeper_than_a_short_one() -> None:
    steps = {n: on(10, 6) for n in range(1500)}
    assert forecast(steps, [(n, n + 1) for n in range(1499)], TODAY)[0].standing is Standing.IN_TIME


@given(WINDOWS, WINDOWS)
def test_the_range_holds_every_pair_of_days(awaited: tuple[dt.date, dt.date], planned: tuple[dt.date, dt.date]) -> None:
    least, most = award(Step(planned=awaited), Step(planned=planned)).days
    for there in awaited:
        for wanted in planned:
            assert least <= max(0, (there - wanted).days) <= most
