"""How savings stand to a target, what each month must bring, what months make, and what may be expected. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cmast.amounts import number
from cmast.dates import financial_year_days, month_end
from cmast.vocabulary import Qualifier
from metrics.figures import ZERO, Side, side_of
from metrics.savings import UPPER, Money, Total, as_total, one_word, pounds

PENNY = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A total beside a target. `gap` is what is left to find, negative where the target is passed; None where unknown."""

    target: Decimal
    side: Side
    gap: Decimal | None
    words: str


def against(target: Money, found: Total) -> Standing | None:
    """How a total stands to a target of the same unit, year and time; nothing where they cannot be compared.

    A target mostly says neither effect nor windfall; a total is set beside it as it is, and its heading says what it is.
    """
    mine, theirs = found.kind, target.kind
    same = (mine.unit, mine.year, mine.horizon) == (theirs.unit, theirs.year, theirs.horizon)
    if target.value is None or not same or mine.year is None:
        return None
    if "not_stated" not in (mine.effect, theirs.effect) and mine.effect != theirs.effect:
        return None
    aim = as_total(target).span
    side = side_of(found.reach.minus(aim)) if found.known else Side.UNKNOWN
    gap = target.value - found.value if found.known else None
    return Standing(target=target.value, side=side, gap=gap, words=_standing_words(target, found, side, gap))


def _standing_words(target: Money, found: Total, side: Side, gap: Decimal | None) -> str:
    beside = f"{found.words} against {target.words}"
    match side:
        case Side.SAME:
            return f"{beside}: as much"
        case Side.UNKNOWN:
            return f"{beside}: not known"
    return f"{beside}: {side}" + (f" by {_about(found)}{pounds(abs(gap))}" if gap and found.qualifier in _EXACT_ENOUGH else "")


#: Totals of which a distance can be said.
_EXACT_ENOUGH = (Qualifier.EXACT, Qualifier.APPROXIMATELY)


def _about(found: Total) -> str:
    return "about " if found.is_about else ""


#: Qualifier of a total -> of what is left of a target.
_REVERSED = {
    Qualifier.AT_LEAST: "at most ",
    Qualifier.MORE_THAN: "less than ",
    Qualifier.UP_TO: "at least ",
    Qualifier.LESS_THAN: "more than ",
}


def gap_words(target: Money, found: Total) -> str:
    """What is left of a target. Nothing is forced: what no scheme names is unallocated."""
    rest = "still to be delivered" if found.kind.basis == "ytd_actual" else "unallocated"
    if target.value is None or found.qualifier is None:
        return f"How much is {rest} is not known."
    if not found.known:
        return f"No scheme has such a figure: all of {target.words} is {rest}."
    gap = target.value - found.value
    if gap <= 0:
        is_known = found.qualifier not in UPPER
        return f"Nothing of {target.words} is {rest}." if is_known else f"How much of {target.words} is {rest} is not known."
    said = f"{_REVERSED.get(Qualifier(found.qualifier), '')}{_about(found)}{pounds(gap)} of {target.words} is {rest}."
    return said[:1].upper() + said[1:]


@dataclass(frozen=True, kw_only=True)
class RunRate:
    """What each remaining month must bring. None where it is not known or no month remains."""

    months: Decimal
    per_month: Decimal | None
    words: str


def run_rate(target: Money, found: Total, year_end: dt.date) -> RunRate | None:
    """From the day to which a year to date runs until the year's end; a part of a month is its days over the month's."""
    if found.kind.basis != "ytd_actual" or found.kind.as_at is None or target.value is None or not found.known:
        return None
    months = months_between(found.kind.as_at, year_end)
    to_find = target.value - found.value
    left = f"{number(round(months, 1))} {'month' if months == 1 else 'months'}"
    if to_find <= 0:
        return RunRate(months=months, per_month=ZERO, words=f"{found.words}: nothing more is needed for {target.words}.")
    if months <= 0:
        return RunRate(months=ZERO, per_month=None, words=f"The year is over: {_about(found)}{pounds(to_find)} was not found.")
    per_month = (to_find / months).quantize(PENNY, ROUND_HALF_UP)
    most = "" if found.is_complete else "at most "
    words = f"{most}{_about(found)}{pounds(per_month)} a month is needed over {left} to reach {target.words}."
    return RunRate(months=months, per_month=per_month, words=words[:1].upper() + words[1:])


def months_between(day: dt.date, last: dt.date) -> Decimal:
    """Months after a day up to another, both counted from their ends."""
    return _month_count(last + dt.timedelta(days=1)) - _month_count(day + dt.timedelta(days=1))


def _month_count(day: dt.date) -> Decimal:
    following = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    return day.year * 12 + day.month - 1 + Decimal(day.day - 1) / (following - day.replace(day=1)).days


# --- From months ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Month:
    """One month of a scheme, by its first day."""

    on: dt.date
    planned: Decimal | None = None
    actual: Decimal | None = None
    qualifier: str = Qualifier.EXACT


@dataclass(frozen=True, kw_only=True)
class YearToDate:
    """The sum of the actuals from April to a month. A month without one makes it “at least”.

    The value is None where the months are said in ways that do not add, as “at least” and “up to”.
    """

    value: Decimal | None
    qualifier: str
    as_at: dt.date
    missing: tuple[dt.date, ...]


def year_to_date(months: Iterable[Month], year: str, through: dt.date | None = None) -> YearToDate | None:
    """Up to the month of the day `through`, or to the last month that has an actual. Nothing where no month has one."""
    first, last = financial_year_days(year)
    told = {month.on: month for month in months if first <= month.on <= last and month.actual is not None}
    ends = through or max((month_end(day) for day in told), default=None)
    wanted = [day for day in _first_days(first) if ends and month_end(day) <= ends]
    counted = [told[day] for day in wanted if day in told]
    if not counted or ends is None:
        return None
    missing = tuple(day for day in wanted if day not in told)
    word = one_word(frozenset(month.qualifier for month in counted), is_complete=not missing)
    value = sum((month.actual for month in counted if month.actual is not None), ZERO) if word else None
    return YearToDate(value=value, qualifier=word or Qualifier.EXACT, as_at=month_end(wanted[-1]), missing=missing)


def _first_days(first: dt.date) -> list[dt.date]:
    """Of the twelve months of a year that begins on this day."""
    return [dt.date(first.year + (first.month + n - 1) // 12, (first.month + n - 1) % 12 + 1, 1) for n in range(12)]


# --- Weighted by confidence -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """What may be expected of a total. Schemes without a weight are left out, and named."""

    value: Decimal | None
    counted: tuple[str, ...]
    left_out: tuple[str, ...]
    words: str


def weighted(lines: Sequence[Money], weights: Mapping[str, Decimal]) -> Weighted:
    """Each line times the weight of its scheme, in percent. The product is not rounded."""
    counted = [line for line in lines if line.scheme in weights and line.value is not None]
    left_out = tuple(dict.fromkeys(line.scheme for line in lines if line not in counted))
    value = sum((line.value * weights[line.scheme] / 100 for line in counted if line.value is not None), ZERO)
    titles = {line.scheme: line.title or line.scheme for line in lines}
    names = ", ".join(titles[scheme] for scheme in left_out)
    without = f" Left out, for want of a weight or a figure: {names}." if left_out else ""
    schemes = tuple(dict.fromkeys(line.scheme for line in counted))
    if not counted:
        return Weighted(value=None, counted=(), left_out=left_out, words=f"No scheme has a weight.{without}")
    many = f"{len(schemes)} of {len({line.scheme for line in lines})} schemes"
    about = "about " if any(line.qualifier != Qualifier.EXACT for line in counted) else ""
    said = f"{about}{pounds(value.quantize(PENNY, ROUND_HALF_UP))} is to be expected of {many}.{without}"
    return Weighted(value=value, counted=schemes, left_out=left_out, words=said[:1].upper() + said[1:])
