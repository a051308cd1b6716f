"""Limits of many series at once are those that `spc.analyse` says of each."""

import datetime as dt
from random import Random

import numpy as np
import pytest

from metrics import limits, spc

pytestmark = pytest.mark.either_database


def whole(values: list[int], direction: str = "increase") -> spc.Analysis:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(len(values))]
    return spc.analyse(days, values, improvement_direction=direction)


@pytest.mark.parametrize("direction", spc.DIRECTIONS)
@pytest.mark.parametrize("length", [7, 8, 12, 60])
def test_what_is_clear_is_what_the_whole_analysis_says(direction: str, length: int) -> None:
    dice = Random(f"{direction} {length}")  # the same series in every run
    drifts = [dice.choice((0, 0, 1, -1)) for _ in range(80)]
    series = [[100_000 * round(10 * (70 + drift * n + dice.gauss(0, 4))) for n in range(length)] for drift in drifts]
    found = limits.of(np.array(series, dtype=np.int64))
    told = set()
    for n in np.flatnonzero(found.is_clear).tolist():
        expected = whole(series[n], direction)
        last = expected.points[-1]
        numbers = [float(column[n]) for column in (found.mean, found.amr, found.lower, found.upper)]
        assert numbers == pytest.approx([last.mean, last.amr, last.lpl, last.upl], rel=1e-12)
        tail = series[n][-limits.TAIL :]
        assert spc.icon_of_last(tail, numbers[0], numbers[1], direction) == expected.variation_icon
        if found.is_common[n]:
            assert expected.variation_icon == spc.COMMON_CAUSE
        assert expected.suitability.is_suitable
        told.add(bool(found.is_common[n]))
    assert told == {True, False}
    assert found.is_clear.sum() > 60


@pytest.mark.parametrize(
    "values", [[5] * 9, [1] * 8 + [2], [1, 2, 3, 2, 1, 2, 3], [0] * 7, [10**14] * 6 + [10**14 + 1], [1, 0, 0, 0, 0, 0, 0, 0, 0]]
)
def test_what_no_chart_suits_or_what_lies_on_an_edge_is_not_clear(values: list[int]) -> None:
    assert not limits.of(np.array([values])).is_clear[0]


def test_sums_of_the_largest_values_are_exact() -> None:
    values = [10**14 - n % 3 for n in range(1200)]
    assert limits.of(np.array([values])).mean[0] == sum(values) / len(values)
