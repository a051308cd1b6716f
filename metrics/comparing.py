"""What a figure is set beside: the period before, the year before, target, plan, region, the other trusts. Pure.

Each answer may be “unknown”, and then says why. Percents are apart by percentage points, never by percent.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cmast.vocabulary import ScopeLevel, Unit
from metrics.figures import (
    Change,
    Figure,
    Period,
    Side,
    change,
    day_in_words,
    one_of,
    previous,
    units_differ,
    year_before,
)
from metrics.plans import Trajectory, variance
from metrics.targets import Goal


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A figure beside another. `comparator` says what the other is; `other` is None where that is no figure, or is missing.

    `change` leads from the other to the figure. `is_better` goes by the metric's direction; None where nobody can say.
    """

    comparator: str
    side: Side
    change: Change | None
    is_better: bool | None
    other: Figure | None
    words: str

    @property
    def is_known(self) -> bool:
        return self.side is not Side.UNKNOWN


def with_previous(
    figure: Figure, series: Iterable[Figure], direction: str = "neutral", breaks: Collection[dt.date] = ()
) -> Comparison:
    """With the period before. A gap in the series is unknown: the value before the gap does not take its place.

    `breaks` are the days from which the metric counts something else.
    """
    return _with_earlier("prior_period", figure, previous(figure, series), "the period before", direction, breaks)


def with_last_year(
    figure: Figure, series: Iterable[Figure], direction: str = "neutral", breaks: Collection[dt.date] = ()
) -> Comparison:
    """With the same period of the year before."""
    other = year_before(figure, series)
    return _with_earlier("same_period_last_year", figure, other, "the same period last year", direction, breaks)


def with_target(figure: Figure, goal: Goal, direction: str = "neutral") -> Comparison:
    """How far it is from the target's number, on whatever side. For whether it meets it, judge."""
    words = f"the target of {goal.words}"
    if goal.accepted is None or goal.operator == "between":
        return _unknown("target", f"Unknown: {words} is no single number.")
    value = goal.value if goal.operator != "eliminate" else goal.accepted.only
    other = Figure(unit=goal.unit, period=figure.period, value=value)
    return _beside("target", figure, other, words, direction)


def with_trajectory(figure: Figure, trajectory: Trajectory, direction: str = "neutral") -> Comparison:
    """With the planned value of exactly its period."""
    found = variance(trajectory, figure)
    return Comparison(
        comparator="local_trajectory",
        side=found.side,
        change=found.change,
        is_better=found.side.is_better(direction),
        other=None,
        words=found.words,
    )


def with_peer(
    figure: Figure, peer: Figure | None, name: str, comparator: str = "region", direction: str = "neutral"
) -> Comparison:
    """With the figure of somebody else, such as the region, for the same period. `name` is what the words call it."""
    if peer is None:
        return _unknown(comparator, f"Unknown: there is no figure of {name}.")
    if (peer.period.ends_on, peer.period.kind) != (figure.period.ends_on, figure.period.kind):
        words = f"Unknown: the figure of {name} is for {peer.period.words}, this one for {figure.period.words}."
        return _unknown(comparator, words, peer)
    return _beside(comparator, figure, peer, name, direction)


def _with_earlier(
    comparator: str, figure: Figure, other: Figure | None, name: str, direction: str, breaks: Collection[dt.date]
) -> Comparison:
    if other is None:
        return _unknown(comparator, f"Unknown: there is no one figure for {name}.")
    broken = [day for day in breaks if other.period.ends_on < day <= figure.period.ends_on]
    if broken:
        since = day_in_words(max(broken))
        return _unknown(comparator, f"Unknown: the metric counts something else since {since}.", other)
    if figure.unfit:
        return _unknown(comparator, f"Unknown: {figure.unfit.words}.", other)
    difference = change(other, figure)
    words = f"{difference.moved} since {other.period.words} ({other.words})."
    return _comparison(comparator, difference, other, words, direction)


def _beside(comparator: str, figure: Figure, other: Figure, name: str, direction: str) -> Comparison:
    unfit = figure.unfit or other.unfit
    if unfit:
        return _unknown(comparator, f"Unknown: {unfit.words}.", other)
    difference = change(other, figure)
    value = f" ({other.words})" if comparator != "target" else ""
    words = f"{difference.distance}: {figure.words} beside {name}{value}."
    return _comparison(comparator, difference, other, words, direction)


def _comparison(comparator: str, difference: Change, other: Figure, words: str, direction: str) -> Comparison:
    return Comparison(
        comparator=comparator,
        side=difference.side,
        change=difference,
        is_better=difference.side.is_better(direction),
        other=other,
        words=words[0].upper() + words[1:],
    )


def _unknown(comparator: str, words: str, other: Figure | None = None) -> Comparison:
    return Comparison(comparator=comparator, side=Side.UNKNOWN, change=None, is_better=None, other=other, words=words)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A place among trusts, 1 for the best. Those with equal figures share the place; those without a figure have none.

    `place` is None where it is unknown: no figure, no direction, or a figure so inexact that it could change the place.
    `of` counts those that have a figure; `tied_with` and `missing` are codes.
    """

    place: int | None
    of: int
    tied_with: tuple[str, ...]
    missing: tuple[str, ...]
    words: str


def rank(organisation: str, figures: Iterable[Figure], period: Period, direction: str, among: Collection[str] = ()) -> Ranking:
    """Where a trust stands among all that have a figure for a period. `among` are those that should have one."""
    found = _placed(figures, period)
    own = found.get(organisation)
    found = {code: figure for code, figure in found.items() if own is None or not units_differ(figure.unit, own.unit)}
    missing = tuple(sorted(set(among) - set(found)))
    sides = {code: change(other, own).side for code, other in found.items() if own and code != organisation}
    without = f", {len(missing)} without a figure" if missing else ""
    why = _why_not_ranked(organisation in found, sides.values(), direction)
    if why:
        return Ranking(place=None, of=len(found), tied_with=(), missing=missing, words=f"Not ranked: {why}{without}.")
    place = 1 + sum(side.is_better(direction) is False for side in sides.values())
    tied = tuple(sorted(code for code, side in sides.items() if side is Side.SAME))
    shared = f", shared with {', '.join(tied)}" if tied else ""
    words = f"{place} of {len(found)}{shared}{without}."
    return Ranking(place=place, of=len(found), tied_with=tied, missing=missing, words=words)


def _placed(figures: Iterable[Figure], period: Period) -> dict[str, Figure]:
    """Code of a trust -> its figure. Ranks and levels are not ranked again; who says two things has no place."""
    ranked = [figure for figure in figures if _has_place(figure, period)]
    codes = {figure.organisation for figure in ranked}
    stated = {code: one_of(figure for figure in ranked if figure.organisation == code) for code in codes}
    return {code: figure for code, figure in stated.items() if figure}


def _has_place(figure: Figure, period: Period) -> bool:
    same = (figure.period.ends_on, figure.period.kind) == (period.ends_on, period.kind)
    is_level = figure.scope_level == ScopeLevel.PROVIDER and not figure.unfit and figure.span is not None
    return same and is_level and figure.unit not in (Unit.RANK, Unit.LEVEL)


def _why_not_ranked(has_figure: bool, sides: Collection[Side], direction: str) -> str:
    if not has_figure:
        return "no figure"
    if direction not in ("higher_is_better", "lower_is_better"):
        return "neither way is better"
    return "a figure is too inexact" if Side.UNKNOWN in sides else ""
