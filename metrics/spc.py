"""XmR charts by NHS England's "Making Data Count" method: limits, four rules, variation and assurance.

Equal to the R package NHSRplotthedots 0.2.2 in every number and label, its quirks included; the golden files of the tests
were made by it. Names of results are the reference's. Pure: numbers in, records out.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import groupby, pairwise
from statistics import mean as exact_mean
from typing import Any

Number = float | Decimal
Dated = tuple[dt.date, float | None]
#: 1, 0 or -1, and None where there is nothing to compare.
Signs = list[int | None]

DIRECTIONS = ("increase", "decrease", "neutral")
#: Points in a trend and in a run.
SEVEN = 7
#: A group with fewer points has provisional limits.
FULL_GROUP = 13
LEAST_FIXED = 12
#: Far from where limits and ranges would overflow.
LARGEST = 1e300

LIMIT = 2.66
NEAR_LIMIT = 2 * (2.66 / 3)
SCREEN = 3.267

POINT_TYPES = {
    "increase": {"high": "special_cause_improvement", "low": "special_cause_concern"},
    "decrease": {"high": "special_cause_concern", "low": "special_cause_improvement"},
    "neutral": {"high": "special_cause_neutral_high", "low": "special_cause_neutral_low"},
}
COMMON_CAUSE = "common_cause"
COMMON_LABEL = "Common Cause"
#: Labels of each rule in the order in which they apply: for a high or rising point, and for another.
OUTSIDE = ("Above UCL", "Below LCL")
TREND = ("7 Point Trend (Increasing)", "7 Point Trend (Decreasing)")
TWO_IN_THREE = ("2 in 3 Above CL", "2 in 3 Below CL")
RUN = ("7 Points Above CL", "7 Points Below CL")
HIGH = {high for high, _ in (OUTSIDE, TREND, TWO_IN_THREE, RUN)}

ASSURANCE_ICONS = {"consistent_pass": "pass", "consistent_fail": "fail", "inconsistent": "inconsistent"}

#: Kinds of metric whose values are no measurements of a stable process, with the reason in words.
UNSUITED_KINDS = {
    "rank": "A rank depends on what others do; ranks have no mean and no limits.",
    "ordinal": "Levels are names in an order; they have no mean and no limits.",
    "cumulative": "A running total grows by its nature, so every point would look like a signal.",
    "shrinking_cohort": "A closed cohort shrinks by its nature, so every point would look like a signal.",
}


class SeriesError(ValueError):
    """A series or an option that cannot be analysed.

    `code` is stable, `field` is the argument at fault and `index` the place in it, counted from 0, where there is one.
    """

    def __init__(self, code: str, message: str, field: str, index: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.index = index


@dataclass(frozen=True, slots=True)
class Suitability:
    """Whether an XmR chart says anything about a series; if not, a stable `code` and the reason in words."""

    is_suitable: bool
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One date with its value, the limits of its group and what the rules say of it. None: missing, or not to be told."""

    date: dt.date
    value: float | None
    mean: float | None
    amr: float | None
    lpl: float | None
    upl: float | None
    nlpl: float | None
    nupl: float | None
    relative_to_mean: int | None
    outside_limits: bool | None
    close_to_limits: bool | None
    special_cause_type: str
    special_cause_flag: bool
    point_type: str
    rebase_group: int
    short_group_warning: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Counts of the points that share their limits. With direction neutral, special causes are in neither count."""

    rebase_group: int
    n: int
    common_cause: int
    special_cause_improvement: int
    special_cause_concern: int
    variation_type: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """Points in the order of their dates, and what the last of them means.

    The types and icons are the reference's even where `suitability`, which judges the last group, advises against showing
    them. `no_limits` and `limits_width_zero` hold if any group is so. Without points there is no variation.
    """

    points: tuple[Point, ...]
    summary_by_group: tuple[Group, ...]
    variation_type: str | None
    variation_icon: str | None
    assurance_type: str | None
    assurance_icon: str | None
    no_limits: bool
    limits_width_zero: bool
    short_group_warning: bool
    suitability: Suitability

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values; `points` holds one list per name, dates are ISO texts."""
        answer = _as_dict(self)
        answer["points"] = {field.name: [getattr(point, field.name) for point in self.points] for field in fields(Point)}
        answer["points"]["date"] = [point.date.isoformat() for point in self.points]
        answer["summary_by_group"] = [_as_dict(group) for group in self.summary_by_group]
        answer["suitability"] = _as_dict(self.suitability)
        return answer


def analyse(
    dates: Sequence[dt.date],
    values: Sequence[Number | None],
    *,
    improvement_direction: str = "increase",
    target: Number | None = None,
    rebase: Iterable[dt.date] = (),
    fix_after_n_points: int | None = None,
    screen_outliers: bool = True,
    kind: str | None = None,
) -> Analysis:
    """Limits, special causes, variation and assurance of a series; raises SeriesError.

    A period without data is given as None: left out, its neighbours would be compared with each other. Limits are those of
    all points of a group or of its first `fix_after_n_points`; a group starts at each point whose date is in `rebase`.
    `kind` is the metric's, and changes only the suitability.
    """
    _check_options(improvement_direction, fix_after_n_points)
    goal = None if target is None else _number(target, "The target", "target")
    series = sorted(_series(dates, values))
    groups = [
        _points(number, members, improvement_direction, fix_after_n_points, screen_outliers)
        for number, members in _groups(series, set(rebase))
    ]
    points = tuple(point for group in groups for point in group)
    last = points[-1] if points else None
    assurance_type = _assurance(goal, last, improvement_direction)
    return Analysis(
        points=points,
        summary_by_group=tuple(_summary(group) for group in groups),
        variation_type=last.point_type if last else None,
        variation_icon=_icon(last.special_cause_type, last.point_type) if last else None,
        assurance_type=assurance_type,
        assurance_icon=ASSURANCE_ICONS[assurance_type] if assurance_type else None,
        no_limits=any(point.upl is None for point in points),
        limits_width_zero=any(point.amr == 0 for point in points),
        short_group_warning=any(point.short_group_warning for point in points),
        suitability=suitability([point.value for point in groups[-1]] if groups else [], kind, screen_outliers),
    )


def icon_of_last(tail: Sequence[float], mean: float, amr: float, direction: str) -> str:
    """The variation icon of the last of these points, where the mean and the ranges are known; eight points are enough."""
    limits, thirds = _around(mean, LIMIT, amr), _around(mean, NEAR_LIMIT, amr)
    outside = [_beyond(value, *limits) for value in tail]
    close = [not beyond and _beyond(value, *thirds) for value, beyond in zip(tail, outside, strict=True)]
    label = _labels(list(tail), [_sign(value, mean) for value in tail], outside, close)[-1]
    return _icon(label, _point_type(label, direction))


def suitability(values: Sequence[float | None], kind: str | None = None, screen_outliers: bool = True) -> Suitability:
    """Whether an XmR chart suits the values, which share one set of limits and are in the order of their dates.

    The reference draws any series. Seven values are the least that all four rules can speak about.
    """
    present = [value for value in values if value is not None]
    if kind in UNSUITED_KINDS:
        return Suitability(False, kind, UNSUITED_KINDS[kind])
    if not present:
        return Suitability(False, "no_values", "There is no value yet.")
    if len(present) < SEVEN:
        count = "is only 1 value" if len(present) == 1 else f"are only {len(present)} values"
        return Suitability(False, "few_values", f"There {count} with these limits; fewer than {SEVEN} show no pattern.")
    if 2 * len(present) < len(values):
        return Suitability(False, "mostly_missing", f"Only {len(present)} of {len(values)} periods have a value.")
    if min(present) == max(present):
        return Suitability(False, "constant", "All values are equal, so there is no variation to judge.")
    if not _moving_ranges(values):
        return Suitability(False, "no_neighbours", "No two periods in a row have a value, so variation cannot be estimated.")
    if not _average_range(values, screen_outliers):
        reason = "Nearly all values equal the one before, so the limits collapse and every other value would be outside."
        return Suitability(False, "mostly_equal", reason)
    return Suitability(True)


def _as_dict(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _check_options(direction: str, fix_after_n_points: int | None) -> None:
    if direction not in DIRECTIONS:
        message = f"The improvement direction must be one of {', '.join(DIRECTIONS)}."
        raise SeriesError("direction_unknown", message, "improvement_direction")
    if fix_after_n_points is not None and (type(fix_after_n_points) is not int or fix_after_n_points < LEAST_FIXED):
        message = f"Limits can be fixed after {LEAST_FIXED} or more points, given as a whole number."
        raise SeriesError("fix_after_n_points_invalid", message, "fix_after_n_points")


def _series(dates: Sequence[dt.date], values: Sequence[Number | None]) -> Iterator[Dated]:
    if len(dates) != len(values):
        raise SeriesError("lengths_differ", f"There are {len(dates)} dates but {len(values)} values.", "values")
    seen: dict[dt.date, int] = {}
    for index, (date, value) in enumerate(zip(dates, values, strict=True)):
        if date in seen:
            message = f"Points {seen[date] + 1} and {index + 1} have the same date, {date.isoformat()}."
            raise SeriesError("date_repeated", message, "dates", index)
        seen[date] = index
        yield date, None if value is None else _number(value, f"Value {index + 1}", "values", index)


def _number(value: Number, name: str, field: str, index: int | None = None) -> float:
    """A float in whose neighbourhood the arithmetic cannot overflow."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise SeriesError("not_a_number", f"{name} is not a number.", field, index)
    if not (value.is_finite() if isinstance(value, Decimal) else isinstance(value, int) or math.isfinite(value)):
        raise SeriesError("not_finite", f"{name} is infinite or not a number.", field, index)
    if not -LARGEST <= value <= LARGEST:
        raise SeriesError("too_large", f"{name} is too large: at most {LARGEST:g} either way.", field, index)
    return float(value)


def _groups(series: Iterable[Dated], rebase: set[dt.date]) -> Iterator[tuple[int, list[Dated]]]:
    number = 0
    numbered = []
    for date, value in series:
        number += date in rebase
        numbered.append((number, (date, value)))
    for key, members in groupby(numbered, key=lambda member: member[0]):
        yield key, [member for _, member in members]


def _moving_ranges(values: Sequence[float | None]) -> list[float]:
    return [abs(b - a) for a, b in pairwise(values) if a is not None and b is not None]


def _average_range(values: Sequence[float | None], screen_outliers: bool) -> float | None:
    """Screening drops moving ranges, once, and never values; it may leave none."""
    ranges = _moving_ranges(values)
    if ranges and screen_outliers:
        most = SCREEN * exact_mean(ranges)
        ranges = [each for each in ranges if each < most]
    # The exact mean, rounded once, as the reference has it: a bit more or less decides ties.
    return exact_mean(ranges) if ranges else None


def _points(number: int, members: list[Dated], direction: str, fixed: int | None, screen_outliers: bool) -> list[Point]:
    """The points of one group. Nothing here looks beyond it."""
    values = [value for _, value in members]
    basis = values[:fixed]
    present = [value for value in basis if value is not None]
    mean = exact_mean(present) if present else None
    amr = _average_range(basis, screen_outliers)
    lpl, upl = _around(mean, LIMIT, amr)
    nlpl, nupl = _around(mean, NEAR_LIMIT, amr)
    sides = [_sign(value, mean) for value in values]
    outside = [_beyond(value, lpl, upl) for value in values]
    close = [
        None if beyond is None else not beyond and _beyond(value, nlpl, nupl)
        for value, beyond in zip(values, outside, strict=True)
    ]
    labels = _labels(values, sides, outside, close)
    return [
        Point(
            date=date,
            value=value,
            mean=mean,
            amr=amr,
            lpl=lpl,
            upl=upl,
            nlpl=nlpl,
            nupl=nupl,
            relative_to_mean=sides[i],
            outside_limits=outside[i],
            close_to_limits=close[i],
            special_cause_type=labels[i],
            special_cause_flag=labels[i] != COMMON_LABEL,
            point_type=_point_type(labels[i], direction),
            rebase_group=number,
            short_group_warning=len(members) < FULL_GROUP,
        )
        for i, (date, value) in enumerate(members)
    ]


def _around(mean: float | None, factor: float, amr: float | None) -> tuple[float | None, float | None]:
    if mean is None or amr is None:
        return None, None
    return mean - factor * amr, mean + factor * amr


def _sign(value: float | None, other: float | None) -> int | None:
    if value is None or other is None:
        return None
    return (value > other) - (value < other)


def _beyond(value: float | None, low: float | None, high: float | None) -> bool | None:
    if value is None or low is None or high is None:
        return None
    return value < low or value > high


def _labels(values: list[float | None], sides: Signs, outside: list[bool | None], close: list[bool | None]) -> list[str]:
    """The label of each point: of the rules that flag it, the first."""
    steps: Signs = [None, *(_sign(b, a) for a, b in pairwise(values))]
    # Seven points rise in six steps, the first of which leaves the point before it.
    stretch = _unbroken(steps, SEVEN - 1)
    trend = stretch | {i - 1 for i in stretch}
    pairs = _two_in_three(sides, close)
    run = _unbroken(sides, SEVEN)
    labels = []
    for i, side in enumerate(sides):
        if outside[i]:
            labels.append(_word(OUTSIDE, side == 1))
        elif i in trend:
            # The step out of a point tells its direction, a level one too; this is the reference's way.
            labels.append(_word(TREND, steps[i + 1 if i + 1 in trend else i] == 1))
        elif i in pairs:
            labels.append(_word(TWO_IN_THREE, side == 1))
        elif i in run:
            labels.append(_word(RUN, side == 1))
        else:
            labels.append(COMMON_LABEL)
    return labels


def _word(words: tuple[str, str], is_high: bool) -> str:
    high, low = words
    return high if is_high else low


def _unbroken(signs: Signs, least: int) -> set[int]:
    """Places in stretches of at least so many equal signs, 0 and None not counted."""
    found: set[int] = set()
    for sign, stretch in groupby(range(len(signs)), key=lambda i: signs[i]):
        places = list(stretch)
        if sign and len(places) >= least:
            found.update(places)
    return found


def _two_in_three(sides: Signs, close: list[bool | None]) -> set[int]:
    found: set[int] = set()
    for start in range(len(sides) - 2):
        window = range(start, start + 3)
        near = [i for i in window if close[i]]
        if len(near) >= 2 and abs(sum(sides[i] or 0 for i in window)) == 3:
            found.update(near)
    return found


def _point_type(label: str, direction: str) -> str:
    if label == COMMON_LABEL:
        return COMMON_CAUSE
    return POINT_TYPES[direction]["high" if label in HIGH else "low"]


def _summary(group: list[Point]) -> Group:
    types = [point.point_type for point in group]
    return Group(
        rebase_group=group[0].rebase_group,
        n=len(group),
        common_cause=types.count(COMMON_CAUSE),
        special_cause_improvement=types.count("special_cause_improvement"),
        special_cause_concern=types.count("special_cause_concern"),
        variation_type=types[-1],
    )


def _icon(label: str, point_type: str) -> str:
    if label == COMMON_LABEL:
        return COMMON_CAUSE
    word = point_type.removeprefix("special_cause_").partition("_")[0]
    return f"{word}_{'high' if label in HIGH else 'low'}"


def _assurance(target: float | None, last: Point | None, direction: str) -> str | None:
    """The target against the limits of the last group, whatever the values are; the reference's word where there are none."""
    if target is None or last is None or direction == "neutral":
        return None
    if last.lpl is None or last.upl is None or last.lpl <= target <= last.upl:
        return "inconsistent"
    is_above = target > last.upl
    return "consistent_fail" if is_above == (direction == "increase") else "consistent_pass"
