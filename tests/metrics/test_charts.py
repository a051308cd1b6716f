"""What every chart owes its readers: words for those who do not see it, shapes for those who see no colours, no false zero."""

import datetime as dt
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmast.drawing import figure, shortened, text_width, tick_labels, ticks, wrapped
from metrics.charts import Bar, burn_down, league, run_chart, small_multiples, to_png, xmr_chart
from metrics.icons import WORDS, icon
from metrics.spc import Analysis, analyse

pytestmark = pytest.mark.either_database

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert('1')</script> & \"quotes\" \x00\ud800 ]]> <img onerror=x>"
VALUES = [82, 84, 81, 85, 83, 80, 84, 82, 83, 95, 84, 83, None, 81, 80, 79, 78, 77, 76, 75, 84, 82, 83, 84]


def months(count: int) -> list[dt.date]:
    return [dt.date(2022 + i // 12, i % 12 + 1, 1) for i in range(count)]


def analysis(values: list[Any], **options: Any) -> Analysis:
    return analyse(months(len(values)), values, **options)


def series(values: list[Any]) -> list[tuple[dt.date, Any]]:
    return list(zip(months(len(values)), values, strict=True))


CHARTS: dict[str, Callable[..., str]] = {
    "xmr": lambda title="Seen", **more: xmr_chart(
        analysis(VALUES, target=85), title=title, prefix="a", target=85, unit="%", **more
    ),
    "rebased": lambda title="Seen": xmr_chart(analysis(VALUES, rebase=months(24)[20:21]), title=title, prefix="a"),
    "neutral": lambda title="Seen": xmr_chart(analysis(VALUES, improvement_direction="neutral"), title=title, prefix="a"),
    "run": lambda title="Seen": run_chart(series(VALUES), title=title, prefix="a", target=85, unit="patients"),
    "burn-down": lambda title="Seen": burn_down(
        series([900, 800, None, 700]), series([900, 700, 500, 300, 100]), title=title, prefix="a", goal=(dt.date(2022, 6, 1), 0)
    ),
    "league": lambda title="Seen": league(
        [Bar("Mid Cheshire", 91, True), Bar(title, 70, False), Bar("Bridgewater", None), Bar("Wirral", 0)],
        title=title,
        prefix="a",
        target=85,
        unit="%",
    ),
    "small multiples": lambda title="Seen": small_multiples(
        [(title, analysis(VALUES)), ("Bridgewater", analysis([None] * 3)), ("Wirral", analysis([5] * 9))],
        title=title,
        prefix="a",
        target=85,
    ),
    **{name: lambda title="", name=name: icon(name, "a") for name in WORDS},
}


@pytest.fixture(params=CHARTS)
def drawn(request: pytest.FixtureRequest) -> Element:
    return ElementTree.fromstring(CHARTS[request.param]())


def found(root: Element, name: str) -> list[Element]:
    """All elements of that class."""
    return [element for element in root.iter() if name in element.get("class", "").split()]


def words(root: Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def description(svg: str) -> str:
    return ElementTree.fromstring(svg).findtext(f"{SVG}desc") or ""


# --- Every chart


def test_a_chart_has_a_role_a_title_and_a_description_with_ids_of_its_own(drawn: Element) -> None:
    assert drawn.get("role") == "img"
    title, description = drawn[0], drawn[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text and description.text
    assert drawn.get("aria-labelledby") == "a-title a-desc"
    assert [element.get("id") for element in drawn.iter() if element.get("id")] == ["a-title", "a-desc"]


def test_a_chart_needs_nothing_that_the_content_security_policy_forbids(drawn: Element) -> None:
    for element in drawn.iter():
        assert element.tag.removeprefix(SVG) in {
            *("svg", "title", "desc", "g", "rect", "line", "polyline", "polygon", "path", "circle", "text"),
        }
        assert not [name for name in element.attrib if name == "style" or name.startswith("on") or "href" in name]


def contrast(colour: str) -> float:
    """With white, as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def test_words_have_a_contrast_of_4_5_and_everything_that_carries_meaning_has_3(drawn: Element) -> None:
    in_icons = {element for group in found(drawn, "icon") for element in group.iter()}
    # Lines to guide the eye, paper, and the band of a gap, which the broken line shows as well.
    quiet = {element for name in ("grid", "background", "lane", "gap") for element in found(drawn, name)}
    for element in set(drawn.iter()) - quiet:
        colours = [element.get(name, "none") for name in ("fill", "stroke")]
        strongest = max((contrast(colour) for colour in colours if colour != "none"), default=None)
        if element.tag == f"{SVG}text" and element not in in_icons:
            assert contrast(colours[0]) >= 4.5
        elif strongest is not None:
            assert strongest >= 3


@pytest.mark.parametrize("name", ["xmr", "run", "burn-down", "league", "small multiples"])
def test_hostile_words_stay_words(name: str) -> None:
    svg = CHARTS[name](HOSTILE)
    root = ElementTree.fromstring(svg)
    assert "<script" not in svg and "<img" not in svg
    assert root.findtext(f"{SVG}title") == HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert svg.encode()


def test_a_prefix_cannot_break_out_of_its_ids() -> None:
    root = ElementTree.fromstring(icon("pass", 'a b"><script>'))
    assert root.get("aria-labelledby") == "a-b---script--title a-b---script--desc"


@pytest.mark.parametrize("name", ["xmr", "rebased", "run", "burn-down", "league", "small multiples"])
def test_nothing_is_drawn_beyond_the_edges(name: str) -> None:
    root = ElementTree.fromstring(CHARTS[name]("A long title " * 9))
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    for text in root.findall(f"{SVG}text"):
        size = text_width(text.text or "", float(text.get("font-size", 0)))
        left = float(text.get("x", 0)) - {"middle": size / 2, "end": size}.get(text.get("text-anchor", ""), 0)
        assert left >= -0.1 and left + size <= width + 0.1, text.text
        assert 0 < float(text.get("y", 0)) < height


@pytest.mark.parametrize("size", [(640, 320), (360, 320)])
def test_labels_do_not_lie_on_each_other(size: tuple[int, int]) -> None:
    root = ElementTree.fromstring(CHARTS["xmr"](size=size))
    boxes = []
    for text in root.findall(f"{SVG}text"):
        high, wide = float(text.get("font-size", 0)), text_width(text.text or "", float(text.get("font-size", 0)))
        x = float(text.get("x", 0)) - {"middle": wide / 2, "end": wide}.get(text.get("text-anchor", ""), 0)
        boxes.append((x, float(text.get("y", 0)) - high * 0.75, wide, high, text.text))
    for i, (x, y, wide, high, one) in enumerate(boxes):
        for x2, y2, wide2, high2, other in boxes[:i]:
            assert x + wide <= x2 or x2 + wide2 <= x or y + high <= y2 or y2 + high2 <= y, (one, other)


@pytest.mark.parametrize(
    "svg",
    [
        xmr_chart(analyse([], []), title="Seen", prefix="a", target=5),
        xmr_chart(analysis([None] * 12), title="Seen", prefix="a"),
        run_chart([], title="Seen", prefix="a", target=5),
        run_chart(series([None, None]), title="Seen", prefix="a"),
        burn_down([], [], title="Seen", prefix="a"),
        burn_down(series([None]), [], title="Seen", prefix="a"),
        league([], title="Seen", prefix="a"),
        league([Bar("Wirral", None)], title="Seen", prefix="a"),
        small_multiples([], title="Seen", prefix="a"),
        small_multiples([("Wirral", analyse([], []))], title="Seen", prefix="a"),
    ],
)
def test_an_empty_series_says_no_data(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert "No data" in words(root)
    assert "no data" in description(svg).lower()
    assert not found(root, "point")


# --- Single charts


def test_every_value_is_a_point_and_a_missing_one_is_a_gap() -> None:
    root = ElementTree.fromstring(CHARTS["xmr"]())
    assert len(found(root, "point")) == sum(value is not None for value in VALUES)
    assert [point.findtext(f"{SVG}title") for point in found(root, "point")][:2] == ["Jan 2022: 82%", "Feb 2022: 84%"]
    in_the_plot = [band for band in found(root, "gap") if float(band.get("height", 0)) > 20]
    assert len(in_the_plot) == VALUES.count(None)
    stretches = [len(line.get("points", "").split()) for line in found(root, "values")]
    assert stretches == [12, 11]


def test_a_point_lies_at_its_date_and_value() -> None:
    root = ElementTree.fromstring(run_chart(series([10, 20, None, 40]), title="Seen", prefix="a"))
    places = [(float(point.get("cx", 0)), float(point.get("cy", 0))) for point in found(root, "point")]
    (x1, y1), (x2, y2), (x4, y4) = places
    assert (y1 - y4) / (y1 - y2) == pytest.approx(3, rel=1e-3)
    assert (x4 - x1) / (x2 - x1) == pytest.approx(90 / 31, rel=1e-3)


def test_special_causes_differ_in_shape_as_well_as_in_colour() -> None:
    root = ElementTree.fromstring(CHARTS["xmr"]())
    shapes = {}
    for kind in ("common_cause", "special_cause_improvement", "special_cause_concern"):
        marks = found(root, kind)
        shapes[kind] = {(mark.tag, tuple(offsets(mark))) for mark in marks if "point" in mark.get("class", "").split()}
        assert len(shapes[kind]) == 1
    assert len({next(iter(shape)) for shape in shapes.values()}) == 3
    assert {"Common cause", "Improvement", "Concern", "No data"} <= set(words(root))


def offsets(mark: Element) -> list[float]:
    """A polygon's shape without its place."""
    corners = [tuple(map(float, corner.split(","))) for corner in mark.get("points", "").split()]
    return [round(after - before) for one, other in pairwise(corners) for before, after in zip(one, other, strict=True)]


def test_limits_and_target_are_named_at_their_lines_and_break_at_a_rebase() -> None:
    root = ElementTree.fromstring(CHARTS["xmr"]())
    assert {"Mean 82%", "Target 85%"} <= set(words(root))
    assert [len(found(root, kind)) for kind in ("mean", "limit", "target")] == [1, 2, 1]
    root = ElementTree.fromstring(CHARTS["rebased"]())
    assert [len(found(root, kind)) for kind in ("mean", "limit")] == [2, 4]


def test_an_xmr_chart_says_in_words_what_it_shows() -> None:
    said = description(CHARTS["xmr"]())
    for part in (
        "24 points from Jan 2022 to Dec 2023.",
        "Latest: 84%, Dec 2023.",
        "Upper limit 87.7%. Mean 82%. Lower limit 76.2%.",
        "Target 85%.",
        "Common cause: no significant change.",
        "Oct 2022 above the upper limit",
        "Feb 2023 to Jun 2023 falling in a trend of seven or more; Jul 2023 to Aug 2023 below the lower limit.",
        "No data for Jan 2023.",
    ):
        assert part in said
    assert "Limits set anew in Sep 2023." in description(CHARTS["rebased"]())


def test_what_does_not_suit_an_xmr_chart_shows_empty_icons_no_signals_and_the_reason() -> None:
    svg = xmr_chart(analysis([0] * 20 + [4], target=9), title="Never events", prefix="a")
    root = ElementTree.fromstring(svg)
    assert len(found(root, "empty")) == 2
    assert len(found(root, "not_judged")) == 21 + 1
    assert "Special cause" not in svg
    assert "Not suited to an XmR chart." in description(svg)
    assert any("Not suited to an XmR chart." in line for line in words(root))


def test_few_points_have_provisional_limits() -> None:
    svg = xmr_chart(analysis([3, 4, 5, 3, 4, 5, 3, 4]), title="Seen", prefix="a")
    assert "Limits that rest on fewer than 13 points are provisional." in words(ElementTree.fromstring(svg))


def test_a_run_chart_has_a_median_and_no_limits() -> None:
    root = ElementTree.fromstring(run_chart(series([1, 2, 9]), title="Seen", prefix="a"))
    assert "Median 2" in words(root)
    assert not found(root, "limit")


def test_a_burn_down_starts_at_zero_and_shows_the_way_to_the_goal() -> None:
    svg = CHARTS["burn-down"]()
    root = ElementTree.fromstring(svg)
    assert "0" in words(root)
    assert [len(found(root, kind)) - 1 for kind in ("actual", "plan", "goal")] == [3 + 2 - 1, 5 + 1, 1]
    assert {"Actual", "Plan", "Goal", "Needed from now on"} <= set(words(root))
    assert "Goal: 0 by Jun 2022." in description(svg)


def test_after_its_date_no_way_leads_to_a_goal() -> None:
    svg = burn_down(series([9, 8]), [], title="Seen", prefix="a", goal=(dt.date(2022, 1, 15), 0))
    assert "Needed from now on" not in words(ElementTree.fromstring(svg))


@pytest.mark.parametrize(
    ("direction", "order"),
    [("increase", ["C", "A", "D", "B"]), ("decrease", ["D", "A", "C", "B"]), ("neutral", ["C", "A", "D", "B"])],
)
def test_a_league_has_the_best_first_and_the_unknown_last(direction: str, order: list[str]) -> None:
    bars = [Bar("A", 5), Bar("B", None), Bar("C", 8), Bar("D", 0)]
    root = ElementTree.fromstring(league(bars, title="", prefix="a", improvement_direction=direction))
    assert [word for word in words(root) if word in "ABCD"] == order
    assert len(found(root, "bar")) == 3


def test_a_league_shows_verdicts_by_shape_and_draws_no_bar_without_data() -> None:
    svg = CHARTS["league"]()
    root = ElementTree.fromstring(svg)
    points = [point.get("class") for point in found(root, "point")]
    assert points == ["point met", "point not_met", "point not_judged"]
    assert {"Target 85%", "Target met", "Target not met", "Not judged", "No data"} <= set(words(root))
    assert "Mid Cheshire: 91%, target met" in description(svg) and "Bridgewater: no data" in description(svg)


def test_negative_bars_start_at_zero_as_well() -> None:
    root = ElementTree.fromstring(league([Bar("A", 10), Bar("B", -10)], title="", prefix="a"))
    up, down = found(root, "bar")
    assert float(down.get("x", 0)) + float(down.get("width", 0)) == pytest.approx(float(up.get("x", 0)))


@pytest.mark.parametrize(("is_one_scale", "heights"), [(True, 2), (False, 1)])
def test_small_multiples_share_a_scale_or_have_their_own(is_one_scale: bool, heights: int) -> None:
    panels = [("A", analysis([1, 2] * 7)), ("B", analysis([101, 102] * 7))]
    svg = small_multiples(panels, title="", prefix="a", columns=2, is_one_scale=is_one_scale)
    means = [line.get("points", "").split(",")[-1] for line in found(ElementTree.fromstring(svg), "mean")[-2:]]
    assert len(set(means)) == heights


def test_twelve_series_are_twelve_panels_with_their_icons() -> None:
    panels = [(f"Trust {i}", analysis([i, i + 1] * 9, target=i)) for i in range(12)]
    root = ElementTree.fromstring(small_multiples(panels, title="Seen", prefix="a", target=3))
    assert len(found(root, "icon")) == 24
    assert {f"Trust {i}" for i in range(12)} <= set(words(root))
    assert len(found(root, "point")) == 12 * 18


def test_small_multiples_have_one_time_for_all() -> None:
    panels = [("A", analysis([1, 2] * 12)), ("B", analysis([1, 2] * 6))]
    root = ElementTree.fromstring(small_multiples(panels, title="", prefix="a", columns=1))
    long, short = (line.get("points", "").split() for line in found(root, "values"))
    assert [corner.split(",")[0] for corner in short] == [corner.split(",")[0] for corner in long[:12]]


# --- Icons


def test_icons_tell_their_meaning_without_colour() -> None:
    pictures = {}
    for name in WORDS:
        root = ElementTree.fromstring(icon(name, "a"))
        assert root.findtext(f"{SVG}title") == WORDS[name]
        shapes = [
            {key: value for key, value in part.attrib.items() if key not in ("class", "fill", "stroke")} for part in root.iter()
        ]
        pictures[name] = repr([*shapes[3:], *words(root)])
    # H and L stand for better and for worse: the colour and the title tell which.
    assert pictures.pop("concern_high") == pictures["improvement_high"]
    assert pictures.pop("concern_low") == pictures["improvement_low"]
    assert len(set(pictures.values())) == len(pictures)


def test_no_icon_is_the_empty_icon_and_an_unknown_one_is_an_error() -> None:
    assert icon(None, "a") == icon("empty", "a")
    with pytest.raises(KeyError):
        icon("green", "a")


# --- PNG


@pytest.mark.parametrize("name", ["xmr", "league", "small multiples", "pass"])
def test_a_chart_becomes_a_png_of_twice_its_size(name: str) -> None:
    svg = CHARTS[name]()
    width, height = (float(part) for part in re.findall(r'viewBox="0 0 (\S+) (\S+)"', svg)[0])
    png = to_png(svg)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == pytest.approx(2 * width, abs=1)
    assert int.from_bytes(png[20:24]) == pytest.approx(2 * height, abs=1)


def test_the_bundled_font_is_what_a_png_is_written_with() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20" font-family="Open Sans">{}</svg>'
    assert to_png(svg.format('<text y="15">Mean</text>')) != to_png(svg.format(""))


# --- Numbers, words and ticks


@given(st.lists(st.floats(-1e12, 1e12).map(lambda value: round(value, 6)), min_size=1, max_size=9), st.integers(2, 9))
def test_ticks_are_round_few_and_around_all_values(values: list[float], most: int) -> None:
    marks = ticks(values, most)
    assert 2 <= len(marks) <= max(most, 3)
    slack = 1e-9 * max(abs(mark) for mark in marks)
    assert marks[0] <= min(values) + slack and max(values) <= marks[-1] + slack
    assert {f"{after - before:.3e}"[0] for before, after in pairwise(marks)} <= {"1", "2", "5"}
    assert len(set(tick_labels(marks, ""))) == len(marks)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 1], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([71, 96], ["70%", "80%", "90%", "100%"]),
        ([0, 4100], ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]),
        ([-4e6, 9e6], ["-£5m", "£0", "£5m", "£10m"]),
        ([0, 2.2e9], ["0", "0.5bn", "1.0bn", "1.5bn", "2.0bn", "2.5bn"]),
        ([0, 3e13], ["0", "1e+13", "2e+13", "3e+13"]),
    ],
)
def test_ticks_are_written_plainly(values: list[float], labels: list[str]) -> None:
    unit = next((sign for sign in "%£" if sign in labels[0]), "")
    assert tick_labels(ticks(values, 6), unit) == labels


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (84.0, "%", "84%"),
        (84.125, "%", "84.12%"),
        (1204.5, "", "1,204.5"),
        (-0.001, "", "-0.001"),
        (0.85123, "", "0.8512"),
        (-32500000, "£", "-£32,500,000"),
        (9, "patients", "9"),
        (1e15, "", "1e+15"),
    ],
)
def test_numbers_are_written_as_they_are_said(value: float, unit: str, said: str) -> None:
    assert figure(value, unit) == said


def test_words_are_wrapped_and_shortened_to_their_room() -> None:
    assert shortened("Wirral", 500) == "Wirral"
    assert shortened("Wirral University", 60).endswith("…")
    lines = wrapped("Mersey and West Lancashire Teaching Hospitals NHS Trust", 150, most=2)
    assert len(lines) == 2 and lines[1].endswith("…")
    assert all(text_width(line) <= 150 for line in lines)


@given(
    st.lists(st.none() | st.floats(-1e300, 1e300), max_size=30),
    st.sampled_from(["", "%", "£", "patients"]),
    st.none() | st.floats(-1e300, 1e300),
)
def test_any_series_can_be_drawn(values: list[Any], unit: str, target: float | None) -> None:
    result = analysis(values, target=target)
    for svg in (
        xmr_chart(result, title="Seen", prefix="a", unit=unit, target=target),
        run_chart(series(values), title="Seen", prefix="a", unit=unit, target=target),
        burn_down(series(values), [], title="Seen", prefix="a", unit=unit),
        small_multiples([("A", result)], title="Seen", prefix="a", unit=unit, target=target),
        league([Bar("A", value) for value in values], title="Seen", prefix="a", unit=unit, target=target),
    ):
        ElementTree.fromstring(svg)
        assert not re.search(r"\bnan\b|\binf\b", svg)
