"""The system's figure from those of the trusts, by the rule of the metric. Ranks and levels have none. No database.

A trust without a figure is not a trust with none: while one is missing the system's figure is unknown, and what the others come
to is said as that. A figure known only as “more than” counts as missing; one that is “about” makes the system's about.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from cmast.amounts import amount, number
from cmast.vocabulary import Qualifier, Unit
from metrics.figures import Figure
from metrics.targets import Goal, Outcome, judge_one

_PLACES = Decimal("0.000001")
_NAMED = 12
HUNDRED = Decimal(100)


class Share(NamedTuple):
    """What one trust brings in: a value, and for ratios and weighted means what it is made of."""

    value: Decimal
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    is_about: bool = False


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What the trusts that are there come to, and which of those that are expected are not."""

    unit: str
    result: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    stated: int
    missing: tuple[str, ...]
    is_about: bool

    @property
    def expected(self) -> int:
        return self.stated + len(self.missing)

    @property
    def value(self) -> Decimal | None:
        return None if self.missing else self.result

    @property
    def partial_value(self) -> Decimal | None:
        return self.result if self.missing else None

    @property
    def qualifier(self) -> str | None:
        if self.result is None:
            return None
        return str(Qualifier.APPROXIMATELY if self.is_about else Qualifier.EXACT)

    @property
    def words(self) -> str:
        if self.result is None:
            return f"Unknown: none of {self.expected} trusts has a figure that can be taken."
        about = "about " if self.is_about else ""
        if not self.missing:
            return f"{about}{amount(self.result, self.unit)}, from all {self.expected} trusts"
        names = ", ".join(self.missing[:_NAMED])
        further = f" and {len(self.missing) - _NAMED} more" if len(self.missing) > _NAMED else ""
        said = f"{about}{amount(self.result, self.unit)} from {self.stated} of {self.expected} trusts"
        return f"Unknown: {said}, none from {names}{further}"


def plain(figure: Figure | None, unit: str) -> Share | None:
    """A value that can be added and compared; None for a bound, for what is in another unit, and for none."""
    if figure is None or figure.value is None or figure.unit != unit:
        return None
    if figure.qualifier not in (None, Qualifier.EXACT, Qualifier.APPROXIMATELY):
        return None
    return Share(figure.value, is_about=figure.qualifier == Qualifier.APPROXIMATELY)


def weighed(figure: Figure | None, unit: str) -> Share | None:
    """A value with the number that it is out of."""
    share = plain(figure, unit)
    if share is None or figure is None or figure.denominator is None:
        return None
    return share._replace(numerator=share.value * figure.denominator, denominator=figure.denominator)


def ratio(part: Share | None, whole: Share | None, *, is_rest: bool) -> Share | None:
    """A numerator, or what is left of the denominator, out of a denominator."""
    if part is None or whole is None:
        return None
    top = whole.value - part.value if is_rest else part.value
    return Share(top, top, whole.value, part.is_about or whole.is_about)


def judged(figure: Figure | None, goal: Goal | None, before: Figure | None) -> Share | None:
    """1 for a trust that meets the target, 0 for one that does not; None where that cannot be judged."""
    if figure is None or goal is None:
        return None
    outcome = judge_one(goal, figure, before).outcome
    return None if outcome is Outcome.CANNOT_BE_JUDGED else Share(Decimal(outcome is Outcome.MET))


def combine(rule: str, shares: Mapping[str, Share], trusts: Collection[str], *, unit: str, is_high_good: bool) -> Whole:
    """The shares of the trusts by a word of `Metric.Aggregation`. `trusts` are the codes of all that should be there."""
    found = [shares[trust] for trust in trusts if trust in shares]
    tops = [share.numerator for share in found if share.numerator is not None]
    bottoms = [share.denominator for share in found if share.denominator is not None]
    top, bottom = (sum(tops, Decimal(0)), sum(bottoms, Decimal(0))) if bottoms else (None, None)
    values = [share.value for share in found]
    result: Decimal | None = None
    match rule:
        case "system_total" | "trusts_meeting_target":
            result = sum(values, Decimal(0)) if values else None
        case "system_worst":
            result = (min(values) if is_high_good else max(values)) if values else None
        case "system_ratio" if top is not None and bottom:
            result = top * (HUNDRED if unit == Unit.PERCENT else 1) / bottom
        case "system_weighted" if top is not None and bottom:
            result = top / bottom
    return Whole(
        unit=str(Unit.TRUSTS if rule == "trusts_meeting_target" else unit),
        result=None if result is None else result.quantize(_PLACES, ROUND_HALF_EVEN),
        numerator=top if rule == "system_ratio" else None,
        denominator=Decimal(len(found)) if rule == "trusts_meeting_target" else bottom,
        stated=len(found),
        missing=tuple(sorted(trust for trust in trusts if trust not in shares)),
        is_about=any(share.is_about for share in found),
    )


def in_words(whole: Whole) -> str:
    """With the counts behind a ratio."""
    if whole.numerator is not None and whole.denominator is not None and whole.result is not None:
        return f"{whole.words} ({number(whole.numerator)} of {number(whole.denominator)})"
    return whole.words
