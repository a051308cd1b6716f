"""Vague dates, financial years and working days.

A date of the register is a day plus how exactly it is known: "mid-May 2024" is stored as 20 May 2024, `mid_month`. The day
is always the *latest* that the words allow, so that sorting and reminding err on the patient side.
"""

import calendar
import datetime as dt
from functools import cache

from cmast.vocabulary import DATELESS, DatePrecision

_SPAN_OF_MONTH = {DatePrecision.EARLY_MONTH: (1, 10), DatePrecision.MID_MONTH: (11, 20), DatePrecision.LATE_MONTH: (21, 31)}
_MONTHS_BACK = {DatePrecision.QUARTER: 2, DatePrecision.HALF_YEAR: 5, DatePrecision.FINANCIAL_YEAR: 11}


def month_end(day: dt.date) -> dt.date:
    """The last day of that day's month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def latest_day(year: int, month: int, precision: DatePrecision) -> dt.date:
    """The last day that a statement about a month allows: (2024, 5, mid_month) -> 20 May 2024."""
    last = month_end(dt.date(year, month, 1))
    return last.replace(day=min(_SPAN_OF_MONTH.get(precision, (1, 31))[1], last.day))


def window(on: dt.date | None, precision: str | None, starts_on: dt.date | None = None) -> tuple[dt.date, dt.date] | None:
    """First and last day that a vague date allows, or None where it has no window.

    A season has no calendar of its own: its first day must be given as `starts_on`.
    """
    if on is None or precision is None or precision in DATELESS:
        return None
    precision = DatePrecision(precision)
    if starts_on:
        return starts_on, on
    if precision in _SPAN_OF_MONTH:
        return on.replace(day=_SPAN_OF_MONTH[precision][0]), on
    if precision in (DatePrecision.MONTH, DatePrecision.BEFORE_MONTH_END):
        return on.replace(day=1), on
    if precision is DatePrecision.WEEK:
        return on - dt.timedelta(days=6), on
    if precision in _MONTHS_BACK:
        months = on.year * 12 + on.month - 1 - _MONTHS_BACK[precision]
        return dt.date(months // 12, months % 12 + 1, 1), on
    return on, on


def describe(on: dt.date | None, precision: str | None, starts_on: dt.date | None = None) -> str:
    """A vague date in words that claim no more than is known: "mid-May 2024"; "" when there is nothing to say."""
    if on is None:
        return DatePrecision(precision).label if precision else ""
    month = f"{on:%B} {on.year}"
    match precision:
        case DatePrecision.EARLY_MONTH | DatePrecision.MID_MONTH | DatePrecision.LATE_MONTH:
            part, space = {"early_month": ("early", " "), "mid_month": ("mid", "-"), "late_month": ("late", " ")}[precision]
            return f"{part}{space}{month}"
        case DatePrecision.MONTH:
            return month
        case DatePrecision.MONTH_END:
            return f"end of {month}"
        case DatePrecision.BEFORE_MONTH_END:
            return f"before the end of {month}"
        case DatePrecision.WEEK:
            return f"week ending {on.day} {month}"
        case DatePrecision.FINANCIAL_YEAR:
            return financial_year(on)
        case DatePrecision.SEASON | DatePrecision.QUARTER | DatePrecision.HALF_YEAR:
            first, last = window(on, precision, starts_on) or (on, on)
            return f"{first:%B} to {last:%B} {last.year}"
        case _:
            return f"{on.day} {month}"


def when(on: dt.date, precision: str | None) -> str:
    """A vague date as it stands after a verb: "in May 2024", "on 29 May 2024"."""
    words = describe(on, precision)
    match precision:
        case DatePrecision.BEFORE_MONTH_END:
            return words
        case DatePrecision.MONTH_END:
            return f"at the {words}"
        case DatePrecision.WEEK:
            return f"in the {words}"
        case DatePrecision.SEASON | DatePrecision.QUARTER | DatePrecision.HALF_YEAR:
            return f"from {words}"
        case None | DatePrecision.DAY:
            return f"on {words}"
        case _:
            return f"in {words}"


def financial_year(day: dt.date) -> str:
    """The NHS financial year, April to March, that a day falls in: 3 May 2024 -> "2024/25"."""
    first = day.year if day.month >= 4 else day.year - 1
    return f"{first}/{(first + 1) % 100:02d}"


def financial_year_days(name: str) -> tuple[dt.date, dt.date]:
    """First and last day of a financial year: "2024/25" -> 1 April 2024, 31 March 2025.

    Raises ValueError for any other spelling; nothing is guessed.
    """
    first, _, second = name.partition("/")
    if not (name.isascii() and len(first) == 4 and len(second) == 2 and first.isdigit() and second.isdigit()):
        raise ValueError(f"{name!r} is not a financial year such as 2024/25")
    if int(second) != (int(first) + 1) % 100:
        raise ValueError(f"{name!r} does not name two years in a row")
    return dt.date(int(first), 4, 1), dt.date(int(first) + 1, 3, 31)


# --- Working days -----------------------------------------------------------------------------------------------------


@cache
def _bank_holidays(year: int) -> frozenset[dt.date]:
    import holidays  # 14 MB, which only those need who count working days

    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def is_working_day(day: dt.date) -> bool:
    """Monday to Friday, unless it is a bank holiday in England."""
    return day.weekday() < 5 and day not in _bank_holidays(day.year)


def next_working_day(day: dt.date) -> dt.date:
    """The first working day after that day."""
    return add_working_days(day, 1)


def last_working_day(day: dt.date) -> dt.date:
    """The last working day before that day."""
    day -= dt.timedelta(days=1)
    while not is_working_day(day):
        day -= dt.timedelta(days=1)
    return day


def add_working_days(day: dt.date, number: int) -> dt.date:
    """The day that is so many working days later; 0 gives the day itself."""
    for _ in range(number):
        day += dt.timedelta(days=1)
        while not is_working_day(day):
            day += dt.timedelta(days=1)
    return day
