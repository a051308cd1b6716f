"""Figures and periods as people type them, and what they mean. Nothing is guessed: what is not plain is refused in words."""

import calendar
import datetime as dt
import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from cmast import dates
from cmast.vocabulary import Unit

#: How a table says that there is no figure. None of them is zero.
NOT_STATED = {"", "-", "–", "—", "*", "..", ":", "n/a", "na", "#n/a", "nil return", "not stated", "no data", "null", "tbc"}
PERCENTS = {Unit.PERCENT, Unit.PERCENTAGE_POINT, Unit.UNSPECIFIED_PERCENT}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PLACES = Decimal("0.000001")
_PLAIN = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]{1,6})?", re.ASCII)
_NUMBER = re.compile(r"([+-]?)(£?)([0-9]{1,3}(?:(?:, ?| )[0-9]{3})+|[0-9]+)(\.[0-9]+)?(%*)", re.ASCII)
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_YEAR_FIRST = re.compile(r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?(?:[T ]00:00(?::00)?)?", re.ASCII)
_IN_NUMBERS = re.compile(r"([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})", re.ASCII)
_IN_WORDS = re.compile(r"(?:([0-9]{1,2})[ -])?([A-Za-z]{3,9})[ -]?'?([0-9]{4}|[0-9]{2})", re.ASCII)
_MONTH_IN_NUMBERS = re.compile(r"([0-9]{1,2})/([0-9]{4})", re.ASCII)


class Unclear(ValueError):
    """What is printed cannot be taken. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Number(NamedTuple):
    """A figure with what its signs say it counts."""

    value: Decimal
    is_percent: bool = False
    is_money: bool = False


class Day(NamedTuple):
    """A day, or a whole month by its last day."""

    on: dt.date
    is_month: bool


def printable(text: str) -> str:
    """One line of text as the register can keep it, without control characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def quoted(text: str) -> str:
    """Printed text as it may stand in a sentence of ours."""
    said = printable(text)
    return f"“{said if len(said) <= 40 else said[:39] + '…'}”"


def number(printed: str) -> Number | None:
    """The figure that is meant, to six decimal places; None where none is stated. Raises Unclear.

    "71.9%%" is 71.9 percent, "77, 000" and "1,150,253" are whole numbers; "71,9" could be two things and is refused.
    """
    if _PLAIN.fullmatch(printed):
        return Number(Decimal(printed))
    text = printed.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-").strip()
    if text.casefold() in NOT_STATED:
        return None
    if text.startswith("="):
        raise Unclear("formula", "This is a formula. Open the file, let it calculate, and save it with the values.")
    found = _NUMBER.fullmatch(text.replace(" %", "%").replace("£ ", "£"))
    if not found:
        raise Unclear("not_a_number", f"{quoted(printed)} is no number that we can read.")
    sign, pound, whole, places, percent = found.groups()
    digits = re.sub("[, ]", "", whole)
    if len(digits.lstrip("0")) > 14 or len(places or "") > 40:
        raise Unclear("too_long", f"{quoted(printed)} has more digits than any figure of ours.")
    value = Decimal(f"{sign}{digits}{places or ''}").quantize(_PLACES, ROUND_HALF_EVEN)
    return Number(value, bool(percent), bool(pound))


def canonical(value: Decimal) -> str:
    """The number without padding: what a printed form is compared with."""
    return f"{value.normalize():f}" if value else "0"


def day(printed: str, *, is_month_first: bool = False) -> Day:
    """What period or day is meant: 2024-03, Mar-24, March 2024, 2024-03-31, 31/03/2024, 31 March 2024. Raises Unclear."""
    text = printed.strip()
    try:
        found = _day(text, is_month_first)
    except ValueError:
        found = None
    if found is None:
        raise Unclear("not_a_period", f"{quoted(printed)} is no month or day that we can read. Write it as 2024-03.")
    return found


def _day(text: str, is_month_first: bool) -> Day | None:
    if found := _YEAR_FIRST.fullmatch(text):
        return _of(int(found[1]), int(found[2]), found[3])
    if found := _IN_NUMBERS.fullmatch(text):
        first, second = (found[2], found[1]) if is_month_first else (found[1], found[2])
        return _of(int(found[3]), int(second), first)
    if found := _MONTH_IN_NUMBERS.fullmatch(text):
        return _of(int(found[2]), int(found[1]), None)
    if (found := _IN_WORDS.fullmatch(text)) and found[2].lower() in _MONTHS:
        year = int(found[3]) if len(found[3]) == 4 else 2000 + int(found[3])
        return _of(year, _MONTHS[found[2].lower()], found[1])
    return None


def _of(year: int, month: int, day_of_month: str | None) -> Day:
    if day_of_month is None:
        return Day(dates.month_end(dt.date(year, month, 1)), True)
    return Day(dt.date(year, month, int(day_of_month)), False)
