"""Series as pictures: accessible inline SVG from plain data, and PNG from that.

Every chart has a title and a description that says in words what it shows. What is missing is a gap or "No data", never
zero. `prefix` begins the ids of a picture, so it must be unique in a page. `unit` is "%", "£" or a word such as "patients".
Sizes are those of the view box: a narrow screen is better served with size=(360, 320) or width=360 than by shrinking.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from types import MappingProxyType
from xml.etree.ElementTree import Element

import resvg_py

from cmast.drawing import (
    DARK_GREY,
    PALE,
    RED,
    WHITE,
    Scale,
    add,
    as_text,
    date_words,
    figure,
    rounded,
    shortened,
    text_width,
    tick_labels,
    ticks,
    write,
)
from metrics.icons import WORDS, draw_icon
from metrics.plots import (
    EDGE,
    LINE_HEIGHT,
    MARKS,
    NO_DATA,
    Heading,
    Legend,
    Plot,
    Points,
    draw_line,
    draw_mark,
    start,
    time_plot,
    write_no_data,
)
from metrics.spc import COMMON_LABEL, Analysis, Number, Point

Series = Sequence[tuple[dt.date, Number | None]]
Size = tuple[float, float]

SIZE: Size = (640, 320)
#: Height of a bar with its name, and of one of the small charts.
ROW = 26
PANEL = 142
#: Size of the words in a small chart.
SMALL = 12.5
#: How many stretches or dates a description lists before it counts the rest.
LISTED = 12
FONTS = Path(__file__).parent / "static/metrics/fonts"

RULES = {
    "Above UCL": "above the upper limit",
    "Below LCL": "below the lower limit",
    "7 Point Trend (Increasing)": "rising in a trend of seven or more",
    "7 Point Trend (Decreasing)": "falling in a trend of seven or more",
    "2 in 3 Above CL": "near the upper limit, two in three",
    "2 in 3 Below CL": "near the lower limit, two in three",
    "7 Points Above CL": "above the mean in a run of seven or more",
    "7 Points Below CL": "below the mean in a run of seven or more",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a league: who, how much, and whether that meets the target, where somebody has judged it."""

    name: str
    value: Number | None
    is_met: bool | None = None
    #: What is known where no number is: at least 85%.
    words: str = ""

    @property
    def mark(self) -> str:
        return {True: "met", False: "not_met", None: "not_judged"}[self.is_met]


@dataclass(frozen=True, slots=True)
class _Panel:
    """Where one of the small charts lies, and what its scales must have room for."""

    name: str
    left: float
    top: float
    width: float
    values: list[float]
    span: tuple[dt.date, dt.date]
    unit: str


def xmr_chart(
    analysis: Analysis, *, title: str, prefix: str, unit: str = "", target: Number | None = None, size: Size = SIZE
) -> str:
    """Values, mean, limits and special causes, broken where the limits were set anew, with the two icons.

    The icons are empty where the analysis does not suit an XmR chart, and a note says why.
    """
    points = _points(analysis)
    heading = Heading(title, _latest(points, unit), size[0], _icons(analysis))
    root = start(prefix, heading, _xmr_words(analysis, unit, target), size[1])
    if not _present(points):
        return _without_data(root, heading, size)
    legend = Legend(size[0], _kinds([analysis]), has_gap=_has_gap(points), notes=_notes(analysis))
    legend.draw(root, size[1] - EDGE / 2)
    levels = _levels(analysis.points[-1], target)
    values = [*_extent(analysis), *(value for _, value in levels)]
    area = (size[0], heading.height, size[1] - legend.height)
    plot = time_plot(root, area, [date for date, _ in points], values, unit, levels)
    _draw_xmr(plot, analysis, unit, target)
    return as_text(root)


def run_chart(
    series: Series,
    *,
    title: str,
    prefix: str,
    unit: str = "",
    target: Number | None = None,
    known: str = "",
    size: Size = SIZE,
) -> str:
    """Values and their median: what can be shown of a series that no XmR chart suits. Without values, what is known instead."""
    points = _floats(series)
    present = _present(points)
    levels = [("Median", median(present))] if present else []
    levels += [("Target", float(target))] if target is not None else []
    words = [_span(points), _stop(_latest(points, unit)), *(f"{name} {figure(value, unit)}." for name, value in levels)]
    heading = Heading(title, _latest(points, unit), size[0])
    root = start(prefix, heading, _sentences([*words, _stop(known) if known else _missing(points)]), size[1])
    if not present:
        return _without_data(root, heading, size, known)
    legend = Legend(size[0], has_gap=_has_gap(points))
    legend.draw(root, size[1] - EDGE / 2)
    dates = [date for date, _ in points]
    area = (size[0], heading.height, size[1] - legend.height)
    plot = time_plot(root, area, dates, [*present, *(value for _, value in levels)], unit, levels)
    plot.gaps(points)
    for name, value in levels:
        plot.level("target" if name == "Target" else "mean", value, dates)
    plot.joined("values", points)
    plot.marks([("actual", date, value) for date, value in points], unit)
    return as_text(root)


def burn_down(
    actual: Series,
    plan: Series,
    *,
    title: str,
    prefix: str,
    unit: str = "",
    goal: tuple[dt.date, Number] | None = None,
    size: Size = SIZE,
) -> str:
    """What is left against the trajectory, on a scale with zero; with a goal, the straight way to it from the latest value."""
    points, planned = _floats(actual), _floats(plan)
    ends = [] if goal is None else [(goal[0], float(goal[1]))]
    heading = Heading(title, _latest(points, unit), size[0])
    root = start(prefix, heading, _burn_down_words(points, planned, ends, unit), size[1])
    values = [*_present(points), *_present(planned), *(value for _, value in ends)]
    if not values:
        return _without_data(root, heading, size)
    drawn = {"actual": points, "plan": planned, "goal": ends}
    marks = [kind for kind, series in drawn.items() if _present(series)]
    way = [*[point for point in points if point[1] is not None][-1:], *ends]
    is_ahead = len(way) == 2 and way[0][0] < way[1][0]
    legend = Legend(size[0], marks, ["needed"] if is_ahead else [], _has_gap(points))
    legend.draw(root, size[1] - EDGE / 2)
    dates = sorted({date for series in drawn.values() for date, _ in series})
    plot = time_plot(root, (size[0], heading.height, size[1] - legend.height), dates, [0, *values], unit)
    plot.gaps(points)
    plot.joined("plan", planned)
    plot.joined("needed", way if is_ahead else [])
    plot.joined("actual", points)
    for kind in ("plan", "actual", "goal"):
        plot.marks([(kind, date, value) for date, value in drawn[kind]], unit)
    return as_text(root)


def league(
    bars: Sequence[Bar],
    *,
    title: str,
    prefix: str,
    unit: str = "",
    target: Number | None = None,
    improvement_direction: str = "increase",
    width: float = SIZE[0],
) -> str:
    """A bar for each, the best first and those without data last; as high as it needs to be.

    With direction neutral the largest is first.
    """
    rows = _ranked(bars, improvement_direction)
    heading = Heading(title, _caption(unit), width)
    is_judged = any(bar.is_met is not None for bar in bars)
    kinds = {bar.mark for bar in bars if bar.value is not None} if is_judged else set()
    legend = Legend(width, [kind for kind in MARKS if kind in kinds])
    top = heading.height + (LINE_HEIGHT if target is not None else 0)
    bottom = top + ROW * max(len(rows), 1) * (1.6 if _is_narrow(width) else 1)
    height = bottom + LINE_HEIGHT + EDGE + legend.height
    root = start(prefix, heading, _league_words(rows, unit, target), height)
    if not rows:
        return _without_data(root, heading, (width, height))
    legend.draw(root, height - EDGE / 2)
    _draw_bars(root, rows, (width, top, bottom), unit, target)
    return as_text(root)


def small_multiples(
    panels: Sequence[tuple[str, Analysis]],
    *,
    title: str,
    prefix: str,
    unit: str = "",
    target: Number | None = None,
    columns: int = 3,
    is_one_scale: bool = True,
    known: Mapping[str, str] = MappingProxyType({}),
    width: float = SIZE[0],
) -> str:
    """Small XmR charts side by side, such as one per trust. One scale compares levels; own scales show the course of each.

    What is known of those without any value is given by their names.
    """
    analyses = [analysis for _, analysis in panels]
    dates = sorted(point.date for analysis in analyses for point in analysis.points)
    heading = Heading(title, _panels_caption(analyses, dates, unit, is_one_scale), width)
    legend = Legend(width, _kinds(analyses), ["mean", "limit", *(["target"] if target is not None else [])])
    height = heading.height + PANEL * max(-(-len(panels) // columns), 1) + legend.height
    root = start(prefix, heading, _panels_words(panels, heading.caption, unit, known), height)
    if not dates:
        return _without_data(root, heading, (width, height))
    legend.draw(root, height - EDGE / 2)
    goals = [] if target is None else [float(target)]
    extents = [[*_extent(analysis), *goals] for analysis in analyses]
    everything = [value for extent in extents for value in extent]
    step = (width - EDGE) / columns
    for i, (name, analysis) in enumerate(panels):
        left, top = EDGE + i % columns * step, heading.height + i // columns * PANEL
        values = everything if is_one_scale else extents[i]
        _draw_panel(root, _Panel(name, left, top, step - EDGE, values, (dates[0], dates[-1]), unit), analysis, target, known)
    return as_text(root)


def to_png(svg: str, zoom: float = 2) -> bytes:
    """The picture with the bundled font and no other, so that it is the same wherever it is made."""
    files = [str(FONTS / f"OpenSans-{weight}.ttf") for weight in ("Regular", "Bold")]
    family = "Open Sans"
    return resvg_py.svg_to_bytes(
        svg_string=svg, zoom=zoom, skip_system_fonts=True, font_files=files, font_family=family, sans_serif_family=family
    )


# --- What is drawn


def _draw_xmr(plot: Plot, analysis: Analysis, unit: str, target: Number | None) -> None:
    points = analysis.points
    plot.gaps(_points(analysis))
    if target is not None:
        plot.level("target", float(target), plot.dates)
    for _, members in groupby(points, key=lambda point: point.rebase_group):
        _draw_group(plot, list(members))
    plot.marks([(_kind(analysis, point), point.date, point.value) for point in points], unit)


def _draw_group(plot: Plot, group: list[Point]) -> None:
    dates = [point.date for point in group]
    for kind, value in (("limit", group[0].lpl), ("limit", group[0].upl), ("mean", group[0].mean)):
        if value is not None:
            plot.level(kind, value, dates)
    plot.joined("values", [(point.date, point.value) for point in group])


def _draw_panel(root: Element, panel: _Panel, analysis: Analysis, target: Number | None, known: Mapping[str, str]) -> None:
    points = _points(analysis)
    write(root, panel.left, panel.top + 15, shortened(panel.name, panel.width), bold=True)
    for i, each in enumerate(_icons(analysis)):
        draw_icon(root, each, panel.left + panel.width - 61 + 32 * i, panel.top + 20, 29)
    if not _present(points):
        write_no_data(root, panel.left + panel.width / 2, panel.top + 90, known.get(panel.name, ""))
        return
    latest, room = _latest(points, panel.unit, ""), panel.width - 66
    if text_width(latest, SMALL) > room:
        latest = shortened(_said(_present(points)[-1], panel.unit), room, SMALL)
    write(root, panel.left, panel.top + 38, latest, size=SMALL, fill=DARK_GREY)
    _draw_xmr(_panel_plot(root, panel, [date for date, _ in points]), analysis, panel.unit, target)


def _panel_plot(root: Element, panel: _Panel, dates: list[dt.date]) -> Plot:
    """Room for the points below the panel's heading, with the outermost of its ticks."""
    marks = ticks(panel.values)
    labels = tick_labels(marks, panel.unit)
    left, right = panel.left + max(text_width(label, SMALL) for label in labels) + 4, panel.left + panel.width
    # On so little room the scale ends with the data, not with the next round number.
    low, high = max(marks[0], min(panel.values)), min(marks[-1], max(panel.values))
    y = Scale(low, high, panel.top + PANEL - 16, panel.top + 58)
    within = [(mark, label) for mark, label in zip(marks, labels, strict=True) if low <= mark <= high]
    for mark, _ in within:
        add(root, "line", class_="grid", x1=left, x2=right, y1=y(mark), y2=y(mark), stroke=PALE)
    for mark, label in within[:: max(len(within) - 1, 1)]:
        write(root, left - 4, y(mark) + 4, label, size=SMALL, fill=DARK_GREY, text_anchor="end")
    first, last = panel.span
    return Plot(root, Scale(first.toordinal(), last.toordinal(), left + 6, right - 6), y, dates)


def _draw_bars(root: Element, rows: list[Bar], area: tuple[float, float, float], unit: str, target: Number | None) -> None:
    """Names, bars from zero, and values in a column at the edge; the area is its width, top and bottom."""
    width, top, bottom = area
    values = [float(bar.value) for bar in rows if bar.value is not None]
    goals = [] if target is None else [float(target)]
    row = (bottom - top) / len(rows)
    left = EDGE if _is_narrow(width) else EDGE + 8 + min(max(text_width(bar.name) for bar in rows), width * 0.4)
    right = width - EDGE - 12 - max([30.0, *(text_width(figure(value, unit)) for value in values)])
    scale = _bar_scale(root, [0, *values, *goals], (left, right), (top, bottom), unit)
    heights = [(bar, top + row * (i + 1) - ROW / 2) for i, bar in enumerate(rows)]
    for bar, y in heights:
        if bar.value is not None:
            _draw_bar(root, bar.mark, sorted((scale(0), scale(float(bar.value)))), y)
    for goal in goals:
        _draw_goal(root, scale(goal), (top, bottom), f"Target {figure(goal, unit)}", width)
    for bar, y in heights:
        place = (EDGE, y - 12, width - 2 * EDGE) if _is_narrow(width) else (EDGE, y + 5, left - EDGE - 8)
        _write_name(root, bar.name, place)
        _draw_end(root, bar, (scale(float(bar.value or 0)), y), width - EDGE, unit)


def _is_narrow(width: float) -> bool:
    """Too narrow for a name beside its bar: it stands above."""
    return width < 480


def _bar_scale(root: Element, values: list[float], span: Size, area: Size, unit: str) -> Scale:
    left, right = span
    widest = max(text_width(label) for label in tick_labels(ticks(values), unit))
    marks = ticks(values, most=max(2, min(6, int((right - left) / (widest + 6)))))
    scale = Scale(marks[0], marks[-1], left + 2, right - 2)
    for mark, label in zip(marks, tick_labels(marks, unit), strict=True):
        add(root, "line", class_="grid", x1=scale(mark), x2=scale(mark), y1=area[0], y2=area[1], stroke=PALE)
        middle = max(scale(mark), EDGE + text_width(label) / 2)
        write(root, middle, area[1] + 18, label, fill=DARK_GREY, text_anchor="middle")
    return scale


def _draw_bar(root: Element, mark: str, ends: list[float], y: float) -> None:
    add(root, "rect", class_=f"bar {mark}", x=ends[0], y=y - 6, width=ends[1] - ends[0], height=12, fill=MARKS[mark][1])


def _write_name(root: Element, name: str, place: tuple[float, float, float]) -> None:
    """Edged in white, for where the target's line would cross it; `place` is where it starts, and its width."""
    x, y, width = place
    write(root, x, y, shortened(name, width), stroke=WHITE, stroke_width="3", paint_order="stroke")


def _draw_end(root: Element, bar: Bar, end: Size, edge: float, unit: str) -> None:
    x, y = end
    if bar.value is None:
        write(root, x + 6, y + 5, bar.words or NO_DATA, class_="no-data", fill=DARK_GREY)
        return
    words = figure(float(bar.value), unit)
    draw_mark(root, bar.mark, x, y, 5.5, f"{bar.name}: {words}")
    write(root, edge, y + 5, words, text_anchor="end")


def _draw_goal(root: Element, x: float, area: Size, words: str, width: float) -> None:
    """The target across the bars, in a white lane that keeps it apart from their colours."""
    top, bottom = area
    add(root, "line", class_="lane", x1=x, x2=x, y1=top, y2=bottom, stroke=WHITE, stroke_width=5)
    draw_line(root, "target", [(x, top - 4), (x, bottom)])
    half = text_width(words) / 2
    write(root, min(max(x, EDGE + half), width - EDGE - half), top - 8, words, fill=RED, text_anchor="middle")


def _without_data(root: Element, heading: Heading, size: Size, known: str = "") -> str:
    write_no_data(root, size[0] / 2, (heading.height + size[1]) / 2, known)
    return as_text(root)


# --- What is read from the data


def _icons(analysis: Analysis) -> tuple[str | None, str | None]:
    return (analysis.variation_icon, analysis.assurance_icon) if analysis.suitability.is_suitable else (None, None)


def _floats(series: Series) -> Points:
    return [(date, None if value is None else float(value)) for date, value in sorted(series, key=lambda point: point[0])]


def _points(analysis: Analysis) -> Points:
    return [(point.date, point.value) for point in analysis.points]


def _present(points: Points) -> list[float]:
    return [value for _, value in points if value is not None]


def _has_gap(points: Points) -> bool:
    return any(value is None for _, value in points)


def _extent(analysis: Analysis) -> list[float]:
    """Everything that must find room on the scale."""
    lines = [line for point in analysis.points for line in (point.value, point.mean, point.lpl, point.upl)]
    return [line for line in lines if line is not None]


def _levels(last: Point, target: Number | None) -> list[tuple[str, float]]:
    goal = None if target is None else float(target)
    levels = (("Upper", last.upl), ("Mean", last.mean), ("Lower", last.lpl), ("Target", goal))
    return [(name, value) for name, value in levels if value is not None]


def _kinds(analyses: Iterable[Analysis]) -> list[str]:
    """The marks that are drawn, in the order of the legend."""
    kinds = {_kind(analysis, point) for analysis in analyses for point in analysis.points if point.value is not None}
    return [kind for kind in MARKS if kind in kinds]


def _kind(analysis: Analysis, point: Point) -> str:
    """The mark of a point. What does not suit an XmR chart has no signals, though the reference would flag some."""
    is_judged = analysis.suitability.is_suitable or point.rebase_group != analysis.points[-1].rebase_group
    return point.point_type if is_judged else "not_judged"


def _ranked(bars: Sequence[Bar], direction: str) -> list[Bar]:
    sign = 1 if direction == "decrease" else -1
    return sorted(bars, key=lambda bar: (bar.value is None, sign * float(bar.value or 0), bar.name))


# --- What is said in words


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part) or f"{NO_DATA}."


def _stop(words: str) -> str:
    return f"{words}." if words else ""


def _caption(unit: str) -> str:
    return "" if unit in ("", "%", "£") else unit[:1].upper() + unit[1:]


def _said(value: float, unit: str) -> str:
    number = figure(value, unit)
    return f"{number} {unit}" if _caption(unit) else number


def _span(points: Points) -> str:
    if not points:
        return f"{NO_DATA}."
    say = date_words(date for date, _ in points)
    first, last = say(points[0][0]), say(points[-1][0])
    return f"1 point, {first}." if len(points) == 1 else f"{len(points)} points from {first} to {last}."


def _latest(points: Points, unit: str, opening: str = "Latest: ") -> str:
    say = date_words(date for date, _ in points)
    known = [(date, value) for date, value in points if value is not None]
    if not known:
        return ""
    date, value = known[-1]
    since = "" if points[-1][1] is not None else f"; no data for {say(points[-1][0])}"
    return f"{opening}{_said(value, unit)}, {say(date)}{since}"


def _listed(items: list[str]) -> str:
    rest = len(items) - LISTED
    return "; ".join(items[:LISTED]) + (f"; and {rest} more" if rest > 0 else "")


def _missing(points: Points) -> str:
    say = date_words(date for date, _ in points)
    missing = [say(date) for date, value in points if value is None]
    return f"No data for {_listed(missing)}." if missing else ""


def _signals(analysis: Analysis) -> str:
    """Stretches of points under the same rule."""
    say = date_words(point.date for point in analysis.points)
    found = []
    judged = [point for point in analysis.points if _kind(analysis, point) != "not_judged"]
    for label, members in groupby(judged, key=lambda point: point.special_cause_type):
        stretch = list(members)
        first, last = say(stretch[0].date), say(stretch[-1].date)
        if label != COMMON_LABEL:
            found.append(f"{first if first == last else f'{first} to {last}'} {RULES[label]}")
    return f"Special causes: {_listed(found)}." if found else ""


def _rebases(analysis: Analysis) -> str:
    say = date_words(point.date for point in analysis.points)
    starts = [next(members) for _, members in groupby(analysis.points, key=lambda point: point.rebase_group)][1:]
    return f"Limits set anew in {_listed([say(point.date) for point in starts])}." if starts else ""


def _notes(analysis: Analysis) -> list[str]:
    if analysis.suitability.reason:
        return [f"Not suited to an XmR chart. {analysis.suitability.reason}"]
    if analysis.short_group_warning:
        return ["Limits that rest on fewer than 13 points are provisional."]
    return []


def _verdicts(analysis: Analysis) -> str:
    if not analysis.suitability.is_suitable:
        return ""
    icons = [name for name in (analysis.variation_icon, analysis.assurance_icon) if name]
    return _sentences(f"{WORDS[name]}." for name in icons)


def _xmr_words(analysis: Analysis, unit: str, target: Number | None) -> str:
    points = _points(analysis)
    if not _present(points):
        return _sentences([_missing(points)])
    names = {"Upper": "Upper limit", "Lower": "Lower limit"}
    levels = [f"{names.get(name, name)} {rounded(value, unit)}." for name, value in _levels(analysis.points[-1], target)]
    parts = [_span(points), _stop(_latest(points, unit)), *levels, _verdicts(analysis), *_notes(analysis)]
    return _sentences([*parts, _signals(analysis), _rebases(analysis), _missing(points)])


def _burn_down_words(points: Points, planned: Points, ends: Points, unit: str) -> str:
    say = date_words(date for date, _ in [*points, *planned, *ends])
    goals = [f"Goal: {_said(value, unit)} by {say(date)}." for date, value in ends if value is not None]
    plan = [f"{_said(value, unit)}, {say(date)}" for date, value in planned if value is not None]
    course = f"Plan: from {plan[0]}, to {plan[-1]}." if plan else ""
    return _sentences([_span(points) if points else "", _stop(_latest(points, unit)), course, *goals, _missing(points)])


def _league_words(rows: list[Bar], unit: str, target: Number | None) -> str:
    verdicts = {True: ", target met", False: ", target not met", None: ""}
    words = [
        f"{bar.name}: {bar.words or NO_DATA.lower()}"
        if bar.value is None
        else f"{bar.name}: {_said(float(bar.value), unit)}{verdicts[bar.is_met]}"
        for bar in rows
    ]
    goal = "" if target is None else f"Target {_said(float(target), unit)}."
    return _sentences([goal, f"{'; '.join(words)}." if words else ""])


def _panels_caption(analyses: list[Analysis], dates: list[dt.date], unit: str, is_one_scale: bool) -> str:
    if not dates:
        return ""
    longest = max(analyses, key=lambda analysis: len(analysis.points))
    say = date_words(point.date for point in longest.points)
    scale = "all on one scale" if is_one_scale else "each on its own scale"
    return f"{say(dates[0])} to {say(dates[-1])}, {scale}{f', {unit}' if _caption(unit) else ''}"


def _panels_words(panels: Sequence[tuple[str, Analysis]], caption: str, unit: str, known: Mapping[str, str]) -> str:
    words = [f"{caption}."] if caption else []
    for name, analysis in panels:
        latest = _latest(_points(analysis), unit, "")
        words.append(f"{name}: {latest}. {_verdicts(analysis)}".strip() if latest else f"{name}: {known.get(name, 'no data')}.")
    return _sentences(words)
