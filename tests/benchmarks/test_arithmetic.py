"""From readings to ratios, and to a picture."""

import xml.etree.ElementTree as ET

import pytest

from benchmarks.chart import Line, chart
from benchmarks.judging import Goal, Result, best_floor, divide, per_added_row, to_floor
from benchmarks.measuring import Reading
from benchmarks.reporting import table

pytestmark = pytest.mark.either_database

SVG = "{http://www.w3.org/2000/svg}"


def readings(*totals: float) -> list[Reading]:
    """One for each round, half of it the database's."""
    return [
        Reading(milliseconds / 2, milliseconds / 2, 1000 / milliseconds, milliseconds, milliseconds) for milliseconds in totals
    ]


def test_the_floor_is_the_variant_with_the_least_median() -> None:
    sides = {"product": readings(0.1, 0.1, 0.1), "floor, text": readings(2, 2, 9), "floor, json_agg": readings(1, 3, 3)}

    assert best_floor(sides) == sides["floor, text"]
    assert best_floor(sides, lambda reading: -reading.p95) == sides["floor, json_agg"]


def test_ratios_are_taken_within_a_round() -> None:
    found = {"detail": {"product": readings(3, 6, 30), "floor, text": readings(2, 4, 10)}}

    assert to_floor(found, "detail") == [1.5, 1.5, 3]
    assert Result(Goal("P5", "detail", 2.2), to_floor(found, "detail")).ratio == 1.5


def test_an_added_row_costs_what_500_rows_cost_more_than_50() -> None:
    small = {"product": readings(3), "floor, text": readings(2)}
    large = {"product": readings(12), "floor, text": readings(8), "floor, json_agg": readings(1)}

    found = {"list 50": small | {"floor, json_agg": readings(0.5)}, "list 500": large}

    assert per_added_row(found) == pytest.approx([9 / 0.5])


def test_rounds_must_match() -> None:
    with pytest.raises(ValueError, match="shorter"):
        divide([1, 2], [1])


@pytest.mark.parametrize(
    ("ratio", "is_least", "met"), [(1.5, False, True), (1.6, False, False), (1.5, True, True), (1.4, True, False)]
)
def test_a_goal_is_met_from_its_limit_on(ratio: float, is_least: bool, met: bool) -> None:
    result = Result(Goal("P", "something", 1.5, is_least=is_least), [ratio])

    assert result.meets(result.goal.goal) is met
    assert result.meets(result.goal.stretch) is None


def test_what_programs_read_has_the_ratio_its_limits_and_its_rounds() -> None:
    said = Result(Goal("P1", "list of 50", 1.5, 1.25), [1.3, 1.2, 1.4]).as_json()

    assert said == {"what": "list of 50", "ratio": 1.3, "goal": 1.5, "stretch": 1.25, "met": True, "rounds": [1.3, 1.2, 1.4]}


def test_a_table_lines_up() -> None:
    assert table([("a", "long"), ("longer", "b")]).splitlines() == [
        "| a      | long |",
        "|--------|------|",
        "| longer | b    |",
    ]


def test_the_picture_says_in_words_what_it_shows_and_names_every_line() -> None:
    lines = [Line("first <page>", [(1000, 2.0), (10_000, 3.0)]), Line("last", [(1000, 2.0), (10_000, 3.0)])]

    picture = ET.fromstring(chart("Growth", "milestones", "CPU ms", lines))

    texts = [(text.text or "", float(text.get("y", "0"))) for text in picture.iter(f"{SVG}text")]
    names = [y for text, y in texts if text in ("first <page> 3.0", "last 3.0")]
    assert "first <page>: 2.0 at 1,000, 3.0 at 10,000" in (picture.findtext(f"{SVG}desc") or "")
    assert abs(names[0] - names[1]) >= 16
    assert len(list(picture.iter(f"{SVG}polyline"))) == 2
