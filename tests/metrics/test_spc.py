"""The XmR analysis against what the reference computed, and against itself."""

import datetime as dt
import gzip
import json
import math
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metrics.spc import DIRECTIONS, Analysis, SeriesError, analyse, suitability

pytestmark = pytest.mark.either_database

GOLDEN = Path(__file__).parent / "golden/golden_synthetic.json.gz"
#: Beside the project, and not everywhere.
PROVIDERS = Path(__file__).parents[3] / "shared/spc/golden_providers.json.gz"
SUMMARY = ("variation_type", "variation_icon", "assurance_type", "assurance_icon")
#: The tags that name what the analysis reports.
REPORTS = ("no_limits", "limits_width_zero")


def cases(path: Path) -> list[Any]:
    """One parameter per case of a golden file, named as the file names it."""
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{path.name} is not beside the project"))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(gzip.decompress(path.read_bytes()))["cases"]]


def run(case: dict[str, Any]) -> Analysis:
    given = case["input"]
    options = given["options"] | {"rebase": days(given["options"]["rebase"])}
    return analyse(days(given["dates"]), given["values"], **options)


def days(texts: list[str]) -> list[dt.date]:
    return [dt.date.fromisoformat(text) for text in texts]


def same(found: Any, expected: Any) -> bool:
    """Numbers to 1e-9, relative or absolute; everything else to the letter."""
    if type(found) is float and isinstance(expected, int | float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == expected)


def check(case: dict[str, Any]) -> None:
    answer, expected = run(case).as_dict(), case["output"]
    for name, column in expected["points"].items():
        for i, (ours, theirs) in enumerate(zip(answer["points"][name], column, strict=True)):
            assert same(ours, theirs), f"{name} of point {i}: {ours}, expected {theirs}"
    assert {name: answer[name] for name in SUMMARY} == {name: expected[name] for name in SUMMARY}
    assert answer["summary_by_group"] == expected["summary_by_group"]


def check_where_the_reference_stops(case: dict[str, Any]) -> None:
    """A trend is seven present values, whatever stands beside them."""
    points = run(case).points
    trends = set()
    for start in range(len(points) - 6):
        window = [point.value for point in points[start : start + 7] if point.value is not None]
        if len(window) == 7 and (rises(window) or rises(window[::-1])):
            trends |= set(range(start, start + 7))
    assert {i for i, point in enumerate(points) if "Trend" in point.special_cause_type} == trends
    assert all(point.special_cause_type == "Common Cause" for point in points if point.value is None)


def rises(values: list[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


@pytest.mark.parametrize("case", cases(GOLDEN))
def test_every_synthetic_case_is_as_the_reference_has_it(case: dict[str, Any]) -> None:
    if case["reference_error"]:
        check_where_the_reference_stops(case)
    else:
        check(case)
        analysis = run(case)
        assert {tag for tag in REPORTS if getattr(analysis, tag)} == set(case["tags"]) & set(REPORTS)


@pytest.mark.parametrize("case", cases(PROVIDERS))
def test_every_provider_case_is_as_the_reference_has_it(case: dict[str, Any]) -> None:
    check(case)


def months(count: int) -> list[dt.date]:
    return [dt.date(2020 + i // 12, i % 12 + 1, 1) for i in range(count)]


def test_the_golden_file_is_whole() -> None:
    assert len(cases(GOLDEN)) == 238


def test_the_worked_example_can_be_followed_by_hand() -> None:
    values = [82, 84, 81, 85, 83, 80, 84, 82, 83, 95, 84, 83]
    analysis = analyse(months(12), values, target=Decimal(85))
    outlier = analysis.points[9]
    assert outlier.mean == 1006 / 12
    assert outlier.amr == 45 / 11
    assert outlier.special_cause_type == "Above UCL"
    assert (analysis.variation_type, analysis.assurance_type) == ("common_cause", "inconsistent")
    assert analysis.short_group_warning


def test_without_points_there_is_nothing_to_say() -> None:
    analysis = analyse([], [], target=85)
    assert (analysis.points, analysis.summary_by_group) == ((), ())
    assert (analysis.variation_type, analysis.variation_icon, analysis.assurance_type) == (None, None, None)
    assert analysis.suitability.code == "no_values"


# --- What is refused


@pytest.mark.parametrize(
    ("change", "code", "field", "index", "words"),
    [
        ({"values": [1, 2]}, "lengths_differ", "values", None, "3 dates but 2 values"),
        ({"dates": [*months(2), months(1)[0]]}, "date_repeated", "dates", 2, "Points 1 and 3 have the same date, 2020-01-01"),
        ({"values": [1, 2, "3"]}, "not_a_number", "values", 2, "Value 3 is not a number"),
        ({"values": [True, 2, 3]}, "not_a_number", "values", 0, "Value 1 is not a number"),
        ({"values": [1, math.nan, 3]}, "not_finite", "values", 1, "Value 2 is infinite"),
        ({"values": [1, 2, -math.inf]}, "not_finite", "values", 2, "Value 3 is infinite"),
        ({"values": [Decimal("sNaN"), 2, 3]}, "not_finite", "values", 0, "Value 1 is infinite"),
        ({"values": [1, 10**400, 3]}, "too_large", "values", 1, "Value 2 is too large"),
        ({"values": [1, 2, Decimal("1e400")]}, "too_large", "values", 2, "Value 3 is too large"),
        ({"target": math.inf}, "not_finite", "target", None, "The target is infinite"),
        ({"target": "85%"}, "not_a_number", "target", None, "The target is not a number"),
        ({"improvement_direction": "up"}, "direction_unknown", "improvement_direction", None, "increase, decrease, neutral"),
        ({"fix_after_n_points": 11}, "fix_after_n_points_invalid", "fix_after_n_points", None, "12 or more points"),
        ({"fix_after_n_points": 12.5}, "fix_after_n_points_invalid", "fix_after_n_points", None, "whole number"),
    ],
)
def test_what_cannot_be_analysed_is_refused_with_its_place(
    change: dict[str, Any], code: str, field: str, index: int | None, words: str
) -> None:
    with pytest.raises(SeriesError, match=words) as refused:
        analyse(**{"dates": months(3), "values": [1, 2, 3], **change})
    assert (refused.value.code, refused.value.field, refused.value.index) == (code, field, index)


def test_the_largest_values_do_not_overflow() -> None:
    analysis = analyse(months(14), [1e300, -1e300] * 7, screen_outliers=False)
    assert all(math.isfinite(limit) for limit in column(analysis, "upl"))


# --- What is not suited


@pytest.mark.parametrize(
    ("values", "kind", "code"),
    [
        ([3, 4] * 7, None, None),
        ([3, 4] * 7, "flow", None),
        ([3, 4] * 7, "rank", "rank"),
        ([3, 4] * 7, "ordinal", "ordinal"),
        ([3, 4] * 7, "cumulative", "cumulative"),
        ([3, 4] * 7, "shrinking_cohort", "shrinking_cohort"),
        ([], None, "no_values"),
        ([None] * 20, None, "no_values"),
        ([5], None, "few_values"),
        ([1, 2, 3, 4, 5, 6, None], None, "few_values"),
        ([1, 2, 3, 4, 5, 6, 7, *[None] * 8], None, "mostly_missing"),
        ([100] * 24, None, "constant"),
        ([1, None] * 4 + [2, None] * 4, None, "no_neighbours"),
        ([0] * 20 + [4], None, "mostly_equal"),
        ([0] * 7 + [None] + [4] * 7, None, "mostly_equal"),
    ],
)
def test_a_series_that_no_xmr_chart_suits_is_answered_with_the_reason(values: list, kind: str | None, code: str | None) -> None:
    answer = suitability(values, kind)
    assert (answer.is_suitable, answer.code) == (code is None, code)
    assert bool(answer.reason) is not answer.is_suitable
    assert analyse(months(len(values)), values, kind=kind).suitability == answer


def test_suitability_is_that_of_the_limits_that_the_icons_stand_for() -> None:
    rebased = analyse(months(20), [3, 4] * 10, rebase=[months(20)[17]])
    assert rebased.suitability.code == "few_values"
    assert rebased.suitability.reason == "There are only 3 values with these limits; fewer than 7 show no pattern."


# --- What must not change, and what must change with the series

WHOLE = st.integers(-50, 50)
SERIES = st.lists(st.none() | WHOLE | WHOLE | WHOLE, min_size=1, max_size=40)
#: Long trends and runs, which chance rarely makes.
SLOPES = st.lists(st.integers(-2, 3), min_size=8, max_size=40).map(lambda steps: [sum(steps[:i]) for i in range(len(steps))])
OPTIONS = st.fixed_dictionaries(
    {
        "improvement_direction": st.sampled_from(DIRECTIONS),
        "target": st.none() | WHOLE,
        "fix_after_n_points": st.none() | st.integers(12, 20),
        "screen_outliers": st.booleans(),
        "rebase": st.lists(st.sampled_from(months(40)), max_size=3),
    }
)
LINES = ("value", "mean", "lpl", "upl", "nlpl", "nupl")
OTHERS = ("relative_to_mean", "outside_limits", "close_to_limits", "special_cause_type", "point_type", "rebase_group")


def column(analysis: Analysis, name: str) -> list[Any]:
    return [getattr(point, name) for point in analysis.points]


def verdict(analysis: Analysis) -> list[Any]:
    return [getattr(analysis, name) for name in SUMMARY] + [column(analysis, name) for name in OTHERS]


def moved(values: list[Any], move: Any) -> list[Any]:
    return [None if value is None else move(value) for value in values]


def targeted(options: dict[str, Any], move: Any) -> dict[str, Any]:
    return options | {"target": moved([options["target"]], move)[0]}


def has_tie(analysis: Analysis, target: float | None) -> bool:
    """A value or the target lies so near a limit that rounding decides."""
    return any(
        limit is not None and value is not None and abs(value - limit) < 1e-9
        for point in analysis.points
        for limit in (point.lpl, point.upl, point.nlpl, point.nupl)
        for value in (point.value, target)
    )


@given(SERIES | SLOPES, OPTIONS, st.integers(-1000, 1000))
def test_a_shifted_series_has_shifted_limits_and_the_same_labels(values: list, options: dict[str, Any], shift: int) -> None:
    before = analyse(months(len(values)), values, **options)
    assume(not has_tie(before, options["target"]))
    after = analyse(months(len(values)), moved(values, lambda value: value + shift), **targeted(options, lambda t: t + shift))
    for name in LINES:
        expected = moved(column(before, name), lambda value: value + shift)
        assert all(same(a, b) for a, b in zip(column(after, name), expected, strict=True))
    assert verdict(after) == verdict(before)


@given(SERIES | SLOPES, OPTIONS, st.integers(-20, 20))
def test_a_scaled_series_has_scaled_limits_and_the_same_labels(values: list, options: dict[str, Any], power: int) -> None:
    factor = 2.0**power
    before = analyse(months(len(values)), values, **options)
    after = analyse(months(len(values)), moved(values, lambda value: value * factor), **targeted(options, lambda t: t * factor))
    for name in (*LINES, "amr"):
        assert column(after, name) == moved(column(before, name), lambda value: value * factor)
    assert verdict(after) == verdict(before)


@given(SERIES | SLOPES, OPTIONS)
def test_a_mirrored_series_means_the_same_if_better_is_mirrored_too(values: list, options: dict[str, Any]) -> None:
    # A level step between two trends is "decreasing" to the reference, in the mirror as well.
    assume(all(a != b for a, b in pairwise(values)))
    turned = {"increase": "decrease", "decrease": "increase", "neutral": "neutral"}[options["improvement_direction"]]
    before = analyse(months(len(values)), values, **options)
    after = analyse(
        months(len(values)),
        moved(values, lambda value: -value),
        **targeted(options, lambda t: -t) | {"improvement_direction": turned},
    )
    assert column(after, "upl") == moved(column(before, "lpl"), lambda limit: -limit)
    assert column(after, "relative_to_mean") == moved(column(before, "relative_to_mean"), lambda side: -side)
    assert column(after, "special_cause_flag") == column(before, "special_cause_flag")
    assert after.assurance_type == before.assurance_type
    if turned == "neutral":
        swapped = {"special_cause_neutral_high": "special_cause_neutral_low", "common_cause": "common_cause"}
        swapped |= {low: high for high, low in swapped.items()}
        assert column(after, "point_type") == [swapped[word] for word in column(before, "point_type")]
    else:
        assert column(after, "point_type") == column(before, "point_type")


@given(SERIES | SLOPES, OPTIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(values: list, options: dict[str, Any], random: Any) -> None:
    pairs = list(zip(months(len(values)), values, strict=True))
    ordered = analyse(months(len(values)), values, **options)
    random.shuffle(pairs)
    dates, shuffled = zip(*pairs, strict=True)
    assert analyse(dates, shuffled, **options) == ordered


@given(SERIES | SLOPES, OPTIONS, st.lists(st.dates(dt.date(1990, 1, 2), dt.date(2030, 1, 1)), max_size=5))
def test_a_rebase_at_no_points_date_is_ignored(values: list, options: dict[str, Any], dates: list[dt.date]) -> None:
    others = [date for date in dates if date not in months(len(values))]
    again = options | {"rebase": [*options["rebase"], *others]}
    assert analyse(months(len(values)), values, **again) == analyse(months(len(values)), values, **options)


@given(SERIES, OPTIONS)
def test_a_missing_value_is_never_flagged_and_ends_what_it_stands_in(values: list, options: dict[str, Any]) -> None:
    for point in analyse(months(len(values)), values, **options).points:
        if point.value is None:
            assert not point.special_cause_flag
            assert (point.relative_to_mean, point.outside_limits, point.close_to_limits) == (None, None, None)
