"""Mean, limits and the last point of many series at once: what `spc.analyse` says of each, at a hundredth of the work.

The series are of one process without gaps, and in whole numbers, whose sums are the same in whatever order.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics import spc

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: A trend or a run of seven that reaches the last point lies within the last eight.
TAIL = spc.SEVEN + 1
#: Share of a number within which another is not told from it.
_NEAR = 1e-9


class Limits(NamedTuple):
    """One number for each series. Where it is not clear, the order of adding may decide, or no XmR chart suits it."""

    mean: Floats
    amr: Floats
    lower: Floats
    upper: Floats
    is_clear: Flags
    #: None of the four rules flags the last point. Where it is false, one may.
    is_common: Flags


def of(values: NDArray[np.int64]) -> Limits:
    """`values` has a row for each series and a column for each period, `spc.SEVEN` or more."""
    ranges = np.abs(np.diff(values, axis=1))
    most = spc.SCREEN * ranges.sum(axis=1) / ranges.shape[1]
    is_kept = ranges < most[:, None]
    amr = np.where(is_kept, ranges, 0).sum(axis=1) / np.maximum(is_kept.sum(axis=1), 1)
    mean = values.sum(axis=1) / values.shape[1]
    lower, upper = mean - spc.LIMIT * amr, mean + spc.LIMIT * amr
    near = _NEAR * np.maximum.reduce([np.abs(lower), np.abs(upper), most])
    away = np.abs(values[:, -TAIL:] - mean[:, None])
    edges = (np.zeros_like(amr), spc.LIMIT * amr, spc.NEAR_LIMIT * amr)
    is_doubtful = np.any([_is_any(ranges, most, near), *(_is_any(away, edge, near) for edge in edges)], axis=0)
    seven = values[:, -spc.SEVEN :]
    steps = np.sign(np.diff(seven, axis=1))
    has_sides = (seven.min(axis=1) < mean) & (mean < seven.max(axis=1))
    has_turns = steps.min(axis=1) < steps.max(axis=1)
    is_common = has_sides & has_turns & (away[:, -1] < spc.NEAR_LIMIT * amr)
    return Limits(mean, amr, lower, upper, (amr > near) & ~is_doubtful, is_common)


def _is_any(values: NDArray[Any], edge: Floats, near: Floats) -> Flags:
    """Whether one of a series lies on the edge, as far as floating point can tell."""
    return np.asarray(np.any(np.abs(values - edge[:, None]) <= near[:, None], axis=1))
