"""Money of savings schemes: what may be added, what a total says, and how far it is from a target. Pure.

A line is a figure with all that decides what it can be added to. Unlike lines are never added: the refusal says why, in
words. What is not stated is like nothing else, and what is left out of a total is named in it.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from cmast.amounts import amount
from cmast.vocabulary import Qualifier, Unit
from metrics.figures import COUNTED, ZERO, Figure, Period, Span, at_least, day_in_words, unit_words

PENNY = Decimal("0.01")
_MILLION = Decimal(1_000_000)
#: Any day will do: the span of a figure does not depend on it.
_PERIOD = Period(ends_on=dt.date.max)

BASIS = {
    "planned": "plan",
    "target": "target",
    "ytd_actual": "year to date",
    "forecast_outturn": "forecast out-turn",
    "projected_outturn": "projected out-turn",
    "identified": "identified",
}
EFFECT = {"in_year_effect": "in-year effect", "full_year_effect": "full-year effect", "not_stated": "effect not stated"}
WINDFALL = {"excluding_windfall": "without windfall", "including_windfall": "with windfall"}
#: A figure that no windfall can be in goes with those without and with those with it.
NO_WINDFALL = "not_applicable"


class Unlike(Exception):
    """Two lines cannot be added. `code` says why to a program, the message to a reader."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True, order=True)
class Kind:
    """All that two figures must share before they are added. None is what nobody has stated.

    `horizon` is the time that it is a total over, in words, empty for the year. `as_at` is for what has happened: two
    years to date end on one day. `scope` is empty for the whole scheme, else the level whose part of it this is.
    """

    basis: str
    effect: str = "not_stated"
    windfall: str | None = None
    year: str | None = None
    horizon: str = ""
    as_at: dt.date | None = None
    unit: str = Unit.GBP
    scope: str = ""

    @property
    def words(self) -> str:
        """As a heading: forecast out-turn, in-year effect, without windfall, 2024/25."""
        parts = [
            BASIS[self.basis],
            EFFECT[self.effect],
            WINDFALL.get(self.windfall or "", ""),
            self.year or "year not stated",
            f"over {self.horizon}" if self.horizon else "",
            f"as at {day_in_words(self.as_at)}" if self.as_at else "",
            "" if self.unit == Unit.GBP else f"in {unit_words(self.unit)}",
        ]
        return ", ".join(filter(None, parts))


def difference(one: Kind, other: Kind) -> Unlike | None:
    """Why figures of these kinds are not added; nothing where they may be."""
    for code, name, said in _DIFFERENCES:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine != theirs and not (name == "windfall" and NO_WINDFALL in (mine, theirs)):
            first, second = sorted((said(mine), said(theirs)))
            return Unlike(code, f"Not added: {first} and {second}. {_WHY[code]}")
    if one.unit not in _ADDABLE:
        return Unlike("not_addable", f"Not added: figures in {unit_words(one.unit)} make no sum.")
    if one.basis == "ytd_actual" and one.as_at is None:
        return Unlike("as_at_unknown", "Not added: it is not stated to which day the year to date runs.")
    if one.year is None and not one.horizon:
        return Unlike("year_unknown", "Not added: the financial year is not stated.")
    return None


_DIFFERENCES = (
    ("unit", "unit", lambda unit: f"a figure in {unit_words(unit)}"),
    ("horizon", "horizon", lambda horizon: f"a total over {horizon}" if horizon else "a figure of one year"),
    ("year", "year", lambda year: f"a figure of {year}" if year else "a figure whose year is not stated"),
    ("basis", "basis", lambda basis: f"“{BASIS[basis]}”"),
    ("effect", "effect", lambda effect: f"“{EFFECT[effect]}”"),
    ("windfall", "windfall", lambda windfall: f"“{WINDFALL.get(windfall or '', 'windfall not stated')}”"),
    ("as_at", "as_at", lambda day: f"a figure as at {day_in_words(day)}" if day else "a figure whose day is not stated"),
    ("scope", "scope", lambda scope: f"a figure of the level “{scope}”" if scope else "a figure of the whole"),
)
_ADDABLE = {*COUNTED, Unit.GBP}
_WHY = {
    "unit": "They count different things.",
    "horizon": "No yearly profile is stated.",
    "year": "They are of different years.",
    "basis": "They say different things of the same schemes.",
    "effect": "They may be of the same schemes, seen over different times.",
    "windfall": "One holds what no scheme brought about.",
    "as_at": "They run to different days.",
    "scope": "One may be a part of the other.",
}


@dataclass(frozen=True, kw_only=True)
class Money:
    """One figure of one scheme. A value that is not stated is None. `owner` tells apart figures of one scheme, as by trust."""

    kind: Kind
    scheme: str
    value: Decimal | None
    qualifier: str = Qualifier.EXACT
    title: str = ""
    owner: str = ""
    key: str = ""

    @property
    def words(self) -> str:
        return pounds(self.value, self.qualifier, self.kind.unit) if self.value is not None else "not stated"


@dataclass(frozen=True, kw_only=True)
class Total:
    """The sum of like lines. `of` counts the schemes that there are, `known` those that have a figure in it.

    `said` holds the qualifiers of its parts. Where a scheme has no figure it is at least so much.
    """

    kind: Kind
    value: Decimal
    span: Span
    said: frozenset[str]
    parts: frozenset[tuple[str, str]]
    of: int

    @property
    def known(self) -> int:
        return len({scheme for scheme, _ in self.parts})

    @property
    def is_complete(self) -> bool:
        return self.known >= self.of

    @property
    def qualifier(self) -> str | None:
        """One word for all its parts and gaps; None where no word says what it is, as for “at least” and “up to” together."""
        return one_word(self.said, self.is_complete)

    @property
    def is_about(self) -> bool:
        return Qualifier.APPROXIMATELY in self.said

    @property
    def reach(self) -> Span:
        """All the values that it can have. What a scheme without a figure saves is not less than nothing."""
        return self.span if self.is_complete else Span(self.span.low, at_least(ZERO).high)

    @property
    def words(self) -> str:
        """“about £16m”, or “at least £3.9m (1 of 3 schemes)”. Nothing known is no sum of nought."""
        if not self.known:
            return f"no figure of any of {self.of} schemes" if self.of else "no schemes"
        schemes = "" if self.is_complete else f" ({self.known} of {self.of} schemes)"
        plain = pounds(self.value, unit=self.kind.unit)
        if self.qualifier is None:
            return f"{plain}{schemes}, of which some is at least and some at most so much"
        said = pounds(self.value, self.qualifier, self.kind.unit)
        if self.is_about and self.qualifier != Qualifier.APPROXIMATELY:
            said = f"{said.removesuffix(plain)}about {plain}"
        return f"{said}{schemes}"


def one_word(said: frozenset[str], is_complete: bool) -> str | None:
    lower, upper = said & LOWER, said & UPPER
    if not is_complete:
        lower |= {Qualifier.AT_LEAST}
    if lower and upper:
        return None
    if lower or upper:
        strict = (lower | upper) & {Qualifier.MORE_THAN, Qualifier.LESS_THAN}
        return str(next(iter(strict or lower or upper)))
    return str(Qualifier.APPROXIMATELY if Qualifier.APPROXIMATELY in said else Qualifier.EXACT)


LOWER = frozenset({Qualifier.AT_LEAST, Qualifier.MORE_THAN})
UPPER = frozenset({Qualifier.UP_TO, Qualifier.LESS_THAN})


def nothing(kind: Kind, of: int = 0) -> Total:
    """The total of no lines, to which others are added."""
    return Total(kind=kind, value=ZERO, span=Span((ZERO, 0), (ZERO, 0)), said=frozenset(), parts=frozenset(), of=of)


def as_total(line: Money) -> Total:
    """One line as a total of its scheme."""
    if line.value is None:
        return nothing(line.kind, of=1)
    span = Figure(unit=line.kind.unit, period=_PERIOD, value=line.value, qualifier=line.qualifier).span
    span = span or Span((line.value, 0), (line.value, 0))
    said, parts = frozenset({line.qualifier}), frozenset({(line.scheme, line.owner)})
    return Total(kind=line.kind, value=line.value, span=span, said=said, parts=parts, of=1)


def add(one: Total, other: Total) -> Total:
    """Raises Unlike."""
    if refused := difference(one.kind, other.kind):
        raise refused
    if twice := sorted(one.parts & other.parts):
        raise Unlike("twice", f"Not added: two figures of this kind are stated of “{twice[0][0]}”; which counts is not known.")
    kind = one.kind if other.kind.windfall == NO_WINDFALL else replace(one.kind, windfall=other.kind.windfall)
    return Total(
        kind=kind,
        value=one.value + other.value,
        span=Span(_edge(one.span.low, other.span.low, 1), _edge(one.span.high, other.span.high, -1)),
        said=one.said | other.said,
        parts=one.parts | other.parts,
        of=one.of + other.of - len({s for s, _ in one.parts} & {s for s, _ in other.parts}),
    )


def _edge(one: tuple[Decimal, int], other: tuple[Decimal, int], side: int) -> tuple[Decimal, int]:
    return one[0] + other[0], side if one[1] or other[1] else 0


def total(lines: Iterable[Money], schemes: int | None = None) -> Total:
    """The sum of one line or more. `schemes` says how many there are, where some of them have no line. Raises Unlike."""
    first, *others = [as_total(line) for line in lines]
    found = first
    for line in others:
        found = add(found, line)
    return found if schemes is None else replace(found, of=max(schemes, found.known))


def pounds(value: Decimal, qualifier: str | None = None, unit: str = Unit.GBP) -> str:
    """As it is said: £16m, £1.38m, about £450,000. Only what is exact in hundredths of a million is said in millions."""
    figure = Figure(unit=unit, period=_PERIOD, value=value, qualifier=qualifier or Qualifier.EXACT)
    plain = amount(value, unit)
    return figure.words.removesuffix(plain) + (_short(value) if unit == Unit.GBP else plain)


def _short(value: Decimal) -> str:
    millions = value / _MILLION
    if abs(value) < _MILLION or millions != millions.quantize(PENNY):
        return amount(value, Unit.GBP)
    return f"{amount(millions, Unit.GBP)}m"
