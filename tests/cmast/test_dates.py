"""Vague dates and financial years."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmast.dates import describe, financial_year, financial_year_days, latest_day, month_end, window
from cmast.vocabulary import DATELESS, DatePrecision

pytestmark = pytest.mark.either_database

DAYS = st.dates(dt.date(1950, 1, 1), dt.date(2100, 12, 31))
IN_A_MONTH = ["early_month", "mid_month", "late_month", "month", "month_end", "before_month_end"]


@pytest.mark.parametrize(
    ("precision", "latest", "first", "words"),
    [
        ("early_month", 10, 1, "early May 2024"),
        ("mid_month", 20, 11, "mid-May 2024"),
        ("late_month", 31, 21, "late May 2024"),
        ("month", 31, 1, "May 2024"),
        ("month_end", 31, 31, "end of May 2024"),
        ("before_month_end", 31, 1, "before the end of May 2024"),
    ],
)
def test_a_part_of_a_month_has_a_latest_day_a_window_and_words(precision: str, latest: int, first: int, words: str) -> None:
    day = latest_day(2024, 5, DatePrecision(precision))
    assert day == dt.date(2024, 5, latest)
    assert window(day, precision) == (dt.date(2024, 5, first), day)
    assert describe(day, precision) == words


def test_a_season_needs_its_first_day() -> None:
    first, last = dt.date(2024, 6, 1), dt.date(2024, 8, 31)
    assert window(last, "season", first) == (first, last)
    assert describe(last, "season", first) == "June to August 2024"


@pytest.mark.parametrize(
    ("precision", "first"),
    [("week", (2024, 6, 24)), ("quarter", (2024, 4, 1)), ("half_year", (2024, 1, 1)), ("day", (2024, 6, 30))],
)
def test_longer_and_shorter_windows_end_on_the_stored_day(precision: str, first: tuple[int, int, int]) -> None:
    assert window(dt.date(2024, 6, 30), precision) == (dt.date(*first), dt.date(2024, 6, 30))


def test_a_financial_year_is_a_window_too() -> None:
    assert window(dt.date(2025, 3, 31), "financial_year") == (dt.date(2024, 4, 1), dt.date(2025, 3, 31))
    assert describe(dt.date(2025, 3, 31), "financial_year") == "2024/25"


@pytest.mark.parametrize("precision", [*DATELESS, None])
def test_what_has_no_date_has_no_window(precision: str | None) -> None:
    assert window(None, precision) is None
    assert window(dt.date(2024, 5, 3), precision) is None


def test_undated_says_so_and_nothing_says_nothing() -> None:
    assert describe(None, "undated") == "Undated"
    assert describe(None, None) == ""


@given(DAYS, st.sampled_from(IN_A_MONTH))
def test_the_latest_day_lies_in_its_month_and_ends_its_window(day: dt.date, precision: str) -> None:
    latest = latest_day(day.year, day.month, DatePrecision(precision))
    days = window(latest, precision)
    assert days is not None
    first, last = days
    assert first <= last == latest <= month_end(day)
    assert (latest.year, latest.month) == (first.year, first.month) == (day.year, day.month)


@given(DAYS)
def test_a_day_lies_in_its_financial_year(day: dt.date) -> None:
    first, last = financial_year_days(financial_year(day))
    assert first <= day <= last
    assert (first.month, first.day, last.month, last.day) == (4, 1, 3, 31)


@pytest.mark.parametrize("name", ["2024-25", "24/25", "2024/26", "204/5", "", "2024/25 ", "２０２４/25", "2024/2五"])
def test_another_spelling_of_a_financial_year_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"financial year|in a row"):
        financial_year_days(name)
