"""A figure as the target engine and the comparators see it: what it says, for whom and when. No database.

Units, qualifiers, scope levels and kinds of period are the words of `cmast.vocabulary` and of the models, as they are stored.
What a figure leaves open stays open: it is a span of values, and nothing is concluded that another value of the span denies.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from cmast.amounts import amount, number
from cmast.dates import month_end
from cmast.vocabulary import Qualifier, ScopeLevel, Unit

#: Units whose values are counted, never below 0, and add up: a total is the sum of its parts.
COUNTED = frozenset(
    {
        Unit.PATIENTS,
        Unit.PATHWAYS,
        Unit.TESTS,
        Unit.APPOINTMENTS,
        Unit.PROCEDURES,
        Unit.TRUSTS,
        Unit.SITES,
        Unit.PRACTICES,
        Unit.SUPPLIERS,
        Unit.PEOPLE,
        Unit.POSTS,
        Unit.COUNT,
    }
)
#: Units whose differences are never given as a share of the value before.
WITHOUT_SHARE = frozenset({Unit.PERCENT, Unit.PERCENTAGE_POINT, Unit.UNSPECIFIED_PERCENT, Unit.RATIO, Unit.RANK, Unit.LEVEL})
#: What was meant or expected, not what happened.
NOT_YET_HAPPENED = frozenset({"forecast", "projected_outturn", "planned"})

Edge = tuple[Decimal, int]
ZERO = Decimal(0)
_ENDLESS = Decimal("Infinity")


class Span(NamedTuple):
    """All the values that a figure can have, or that a target accepts.

    An edge is a value and a side: 0 belongs to the span, 1 lies just above the value, -1 just below it. So edges sort.
    """

    low: Edge
    high: Edge

    def within(self, other: "Span") -> bool:
        return other.low <= self.low and self.high <= other.high

    def apart(self, other: "Span") -> bool:
        return self.high < other.low or other.high < self.low

    def minus(self, other: "Span") -> "Span":
        """All the differences between a value of this span and one of the other."""
        low = (self.low[0] - other.high[0], 1 if self.low[1] or other.high[1] else 0)
        high = (self.high[0] - other.low[0], -1 if self.high[1] or other.low[1] else 0)
        return Span(low, high)

    @property
    def only(self) -> Decimal | None:
        """The value, where there is no other."""
        return self.low[0] if self.low == self.high else None


def exactly(value: Decimal) -> Span:
    return Span((value, 0), (value, 0))


def between(low: Decimal, high: Decimal) -> Span:
    """Both ends belong to it."""
    return Span((low, 0), (high, 0))


def above(value: Decimal) -> Span:
    return Span((value, 1), (_ENDLESS, 0))


def at_least(value: Decimal) -> Span:
    return Span((value, 0), (_ENDLESS, 0))


def below(value: Decimal) -> Span:
    return Span((-_ENDLESS, 0), (value, -1))


def at_most(value: Decimal) -> Span:
    return Span((-_ENDLESS, 0), (value, 0))


def about(value: Decimal) -> Span:
    """“About” is read as rounded: half a unit of the last digit that is not a trailing nought, either way.

    About 8 is 7.5 to 8.5, about 16,000,000 is 15.5 to 16.5 million. The rule is ours: no source says how near “circa” is.
    """
    half = Decimal(5).scaleb(int(value.normalize().as_tuple().exponent) - 1)
    return between(value - half, value + half)


#: Comparison, as a bound or a target states it -> the values that it allows.
BOUNDS: dict[str, Callable[[Decimal], Span]] = {
    "gt": above,
    "gte": at_least,
    "lt": below,
    "lte": at_most,
    "eq": exactly,
}
_QUALIFIED: dict[str, Callable[[Decimal], Span]] = {
    Qualifier.EXACT: exactly,
    Qualifier.APPROXIMATELY: about,
    Qualifier.MORE_THAN: above,
    Qualifier.AT_LEAST: at_least,
    Qualifier.LESS_THAN: below,
    Qualifier.UP_TO: at_most,
}
_BOUND_IN_WORDS = {"gt": "more than ", "gte": "at least ", "lt": "less than ", "lte": "at most ", "eq": ""}


def share(part: Decimal, whole: Decimal) -> Decimal:
    """In percent, to one decimal. The whole must be more than 0."""
    return (part * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)


def day_in_words(day: dt.date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _earlier_month_end(day: dt.date, months: int = 1) -> dt.date:
    count = day.year * 12 + day.month - 1 - months
    return month_end(dt.date(count // 12, count % 12 + 1, 1))


@dataclass(frozen=True, kw_only=True)
class Period:
    """The time that a figure speaks about. A snapshot ends on its day; a vague one starts on the first day it may mean.

    `kind` is a word of `Observation.PeriodType`: figures of different kinds are never set beside each other as a series.
    """

    ends_on: dt.date
    starts_on: dt.date | None = None
    kind: str = "unspecified"

    @property
    def words(self) -> str:
        if self.starts_on is None or self.starts_on == self.ends_on:
            return day_in_words(self.ends_on)
        if self.starts_on.day == 1 and month_end(self.starts_on) == self.ends_on:
            return f"{self.ends_on:%B} {self.ends_on.year}"
        return f"{day_in_words(self.starts_on)} to {day_in_words(self.ends_on)}"

    @property
    def previous_end(self) -> dt.date | None:
        """Last day of the period before, for kinds that have a rhythm; None where the one before may end on any day."""
        match self.kind:
            case "month" | "month_end_snapshot" | "year_to_date":
                return _earlier_month_end(self.ends_on)
            case "financial_year":
                return _earlier_month_end(self.ends_on, 12)
        return None

    @property
    def end_last_year(self) -> dt.date:
        if self.ends_on == month_end(self.ends_on):
            return _earlier_month_end(self.ends_on, 12)
        return self.ends_on.replace(year=self.ends_on.year - 1)

    def continues(self, other: "Period") -> bool:
        """Of one kind; and a running total only from the same start."""
        return self.kind == other.kind and (self.kind != "year_to_date" or self.starts_on == other.starts_on)


class Unfit(StrEnum):
    """Why a figure is no level that could be judged or compared."""

    IS_A_DIFFERENCE = "is_a_difference"
    IS_A_PART = "is_a_part"
    IS_A_QUANTIFIER = "is_a_quantifier"
    NOT_YET_HAPPENED = "not_yet_happened"

    @property
    def words(self) -> str:
        return _UNFIT_IN_WORDS[self.value]


_UNFIT_IN_WORDS = {
    "is_a_difference": "it is a difference, not a level",
    "is_a_part": "it is a part of the figure, not the whole",
    "is_a_quantifier": "it says in words only for how many it holds",
    "not_yet_happened": "it is a plan or forecast, not what happened",
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One observation: a value with its qualifier, or a bound (`bound_operator` as in a target), or neither.

    `excluded` and `countable` are the parts of the value, in its unit, that a target's exclusions leave out and leave in;
    either may be unknown. `part` is the member of a breakdown, `comparison` the word of a stated difference, and `members` the
    organisations that a count of organisations names. `organisation` is a code, such as RBQ.
    """

    unit: str
    period: Period
    organisation: str = ""
    scope_level: str = ScopeLevel.SYSTEM
    value: Decimal | None = None
    qualifier: str | None = None
    bound_operator: str | None = None
    bound_value: Decimal | None = None
    quantifier: str | None = None
    denominator: Decimal | None = None
    excluded: Decimal | None = None
    countable: Decimal | None = None
    comparison: str | None = None
    part: str = ""
    value_status: str = "reported"
    members: tuple[str, ...] = ()
    key: str = ""

    @property
    def span(self) -> Span | None:
        """What is known of its value; None for nothing."""
        if self.value is not None:
            return _QUALIFIED[self.qualifier or Qualifier.EXACT](self.value)
        if self.bound_value is not None and self.bound_operator in BOUNDS:
            return BOUNDS[self.bound_operator](self.bound_value)
        return None

    @property
    def words(self) -> str:
        if self.value is not None:
            said = amount(self.value, self.unit, self.qualifier)
            return f"{said} of {number(self.denominator)}" if self.denominator is not None else said
        if self.bound_value is not None and self.bound_operator in BOUNDS:
            return _BOUND_IN_WORDS[self.bound_operator] + amount(self.bound_value, self.unit)
        return "a figure that is not stated"

    @property
    def unfit(self) -> Unfit | None:
        """Why it is no level, in the order that a reader should be told; None where it is one."""
        if self.comparison:
            return Unfit.IS_A_DIFFERENCE
        if self.part:
            return Unfit.IS_A_PART
        if self.quantifier:
            return Unfit.IS_A_QUANTIFIER
        return Unfit.NOT_YET_HAPPENED if self.value_status in NOT_YET_HAPPENED else None

    @property
    def is_provisional(self) -> bool:
        return self.value_status == "provisional"

    def of_series(self, other: "Figure") -> bool:
        """Whether the other is a level of the same series at another time."""
        mine = (self.organisation, self.scope_level)
        return mine == (other.organisation, other.scope_level) and not other.unfit and self.period.continues(other.period)


def one_of(figures: Iterable[Figure]) -> Figure | None:
    """The figure, where all of them say the same; None for none and for a contradiction."""
    found = list(figures)
    said = {(figure.span, figure.unit, figure.excluded, figure.countable) for figure in found}
    return min(found, key=repr) if len(said) == 1 else None


def previous(figure: Figure, series: Iterable[Figure]) -> Figure | None:
    """The figure of the period before; nothing older takes its place. What has no rhythm has the latest earlier one."""
    before = [other for other in series if figure.of_series(other) and other.period.ends_on < figure.period.ends_on]
    wanted = figure.period.previous_end or max((other.period.ends_on for other in before), default=None)
    return one_of(other for other in before if other.period.ends_on == wanted)


def year_before(figure: Figure, series: Iterable[Figure]) -> Figure | None:
    """The figure of the same period a year earlier. A running total counts from its own year's start."""

    def starts(period: Period, years: int) -> tuple[int, int] | None:
        return (period.starts_on.year + years, period.starts_on.month) if period.starts_on else None

    mine = figure.period
    return one_of(
        other
        for other in series
        if (other.organisation, other.scope_level) == (figure.organisation, figure.scope_level)
        and not other.unfit
        and (other.period.kind, other.period.ends_on) == (mine.kind, mine.end_last_year)
        and starts(other.period, 1) in (None, starts(mine, 0))
    )


class Side(StrEnum):
    """Where a value lies, seen from another."""

    ABOVE = "above"
    BELOW = "below"
    SAME = "same"
    UNKNOWN = "unknown"

    def is_better(self, direction: str) -> bool | None:
        """By the metric's direction; None for no difference and where neither way is better."""
        ways = {"higher_is_better": Side.ABOVE, "lower_is_better": Side.BELOW}
        if self in (Side.SAME, Side.UNKNOWN) or direction not in ways:
            return None
        return self is ways[direction]


def side_of(difference: Span) -> Side:
    if difference.only == 0:
        return Side.SAME
    if difference.within(above(ZERO)):
        return Side.ABOVE
    return Side.BELOW if difference.within(below(ZERO)) else Side.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Change:
    """From one figure to another. `amount` is signed, in `unit`, and None where it is unknown; `words` says it without a sign.

    Percents differ by percentage points. `percent`, the amount as a share of the first figure, is for what can be counted or
    paid; it is never given for percents, ranks and levels. `is_exact` is false where a figure is only “about” or “more than”.
    """

    side: Side
    amount: Decimal | None
    unit: str
    percent: Decimal | None
    is_exact: bool
    words: str

    @property
    def moved(self) -> str:
        """As a movement: “up 2.1 percentage points”. A rank that grows goes down."""
        return self._with({Side.ABOVE: "up {}", Side.BELOW: "down {}"})

    @property
    def distance(self) -> str:
        """As a distance from the first figure: “2.1 percentage points above”, or “above” alone."""
        if self.amount is None and self.side in (Side.ABOVE, Side.BELOW):
            return str(self.side)
        return self._with({Side.ABOVE: "{} above", Side.BELOW: "{} below"})

    def _with(self, ways: dict[Side, str]) -> str:
        side = {Side.ABOVE: Side.BELOW, Side.BELOW: Side.ABOVE}.get(self.side) if self.unit == Unit.RANK else self.side
        return ways[side].format(self.words) if self.amount and side in ways else self.words


def _unknown(words: str, unit: str, side: Side = Side.UNKNOWN) -> Change:
    return Change(side=side, amount=None, unit=unit, percent=None, is_exact=False, words=words)


def change(earlier: Figure, later: Figure) -> Change:
    """The difference, with its unit. Two levels of an ordinal scale are named, not subtracted."""
    unit = str(Unit.PERCENTAGE_POINT if later.unit == Unit.PERCENT else later.unit)
    if earlier.unit != later.unit:
        return _unknown(f"unknown: one figure is in {unit_words(earlier.unit)}, the other in {unit_words(later.unit)}", unit)
    if later.unit == Unit.UNSPECIFIED_PERCENT:
        return _unknown("unknown: percent or points is not stated", unit)
    if earlier.span is None or later.span is None:
        return _unknown("unknown: a figure is not stated", unit)
    side = side_of(later.span.minus(earlier.span))
    if later.unit == Unit.LEVEL and side is not Side.SAME:
        return _unknown(f"from {earlier.words} to {later.words}", unit, side)
    if earlier.value is None or later.value is None:
        return _unknown(f"unknown: from {earlier.words} to {later.words}", unit, side)
    return _known_change(earlier.value, later.value, unit, side, earlier.span.only is not None and later.span.only is not None)


def _known_change(earlier: Decimal, later: Decimal, unit: str, side: Side, is_exact: bool) -> Change:
    difference = later - earlier
    percent = share(difference, earlier) if unit not in WITHOUT_SHARE and earlier > 0 else None
    words = _size(abs(difference), unit)
    if percent is not None and difference:
        words += f" ({abs(percent)}%)"
    if not is_exact:
        words = f"about {words}"
    if not difference:
        words = "no change" if is_exact else "no known change"
    return Change(side=side, amount=difference, unit=unit, percent=percent, is_exact=is_exact, words=words)


def _size(value: Decimal, unit: str) -> str:
    if unit == Unit.RANK:
        return f"{number(value)} {'place' if value == 1 else 'places'}"
    return amount(value, unit)


def units_differ(unit: str, other: str) -> bool:
    """Nothing is converted. Two that are not stated need not be the same."""
    return unit != other or unit == Unit.UNSPECIFIED_PERCENT


def unit_words(unit: str) -> str:
    return str(Unit(unit).label).lower() if unit != Unit.GBP else "pounds"
