"""The parts that charts are put together from: heading, legend, axes over time, marks and lines."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element

from cmast.drawing import (
    BLUE,
    DARK_GREY,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    TEXT_SIZE,
    TITLE_SIZE,
    WHITE,
    Scale,
    add,
    background,
    date_words,
    figure,
    is_monthly,
    picture,
    rounded,
    text_width,
    tick_labels,
    ticks,
    wrapped,
    write,
)
from metrics.icons import draw_icon

#: Points in the order of their dates; None is no data.
Points = Sequence[tuple[dt.date, float | None]]

EDGE = 10
LINE_HEIGHT = 20
ICON = 40
NO_DATA = "No data"
#: Steps between written dates, of months and of days or weeks.
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_DAY_STEPS = (1, 2, 7, 14, 28, 56, 112, 224, 448, 896)

#: Marks of points: shape, colour, and what the legend calls them.
MARKS = {
    "common_cause": ("circle", GREY, "Common cause"),
    "special_cause_improvement": ("square", BLUE, "Improvement"),
    "special_cause_concern": ("diamond", ORANGE, "Concern"),
    "special_cause_neutral_high": ("up", PURPLE, "Special cause, higher"),
    "special_cause_neutral_low": ("down", PURPLE, "Special cause, lower"),
    "actual": ("circle", BLUE, "Actual"),
    "plan": ("diamond", WHITE, "Plan"),
    "goal": ("square", RED, "Goal"),
    "met": ("square", BLUE, "Target met"),
    "not_met": ("diamond", ORANGE, "Target not met"),
    "not_judged": ("circle", GREY, "Not judged"),
}
#: Corners of the marks that are no circles, for a radius of 1.
_CORNERS = {
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    "up": [(0, -1.25), (1.2, 0.95), (-1.2, 0.95)],
    "down": [(0, 1.25), (1.2, -0.95), (-1.2, -0.95)],
}
#: Lines: colour, width, dashes, and what the legend calls them.
LINES: dict[str, tuple[str, float, str | None, str]] = {
    "values": (DARK_GREY, 2, None, "Values"),
    "mean": (INK, 1.5, None, "Mean"),
    "limit": (GREY, 2, "3 3", "Limits"),
    "target": (RED, 2, "10 4", "Target"),
    "plan": (PURPLE, 2, "7 4", "Plan"),
    "actual": (BLUE, 2.5, None, "Actual"),
    "needed": (BLUE, 2, "2 4", "Needed from now on"),
}


@dataclass(frozen=True, slots=True)
class Heading:
    """The visible title and a line below it, beside icons if there are any."""

    title: str
    caption: str
    width: float
    icons: tuple[str | None, ...] = ()

    @property
    def lines(self) -> list[str]:
        return wrapped(self.title, self._room, TITLE_SIZE, most=3)

    @property
    def height(self) -> float:
        words = EDGE + (TITLE_SIZE + 5) * len(self.lines) + LINE_HEIGHT * len(self._captions) + 6
        return max(words, EDGE + ICON + 6) if self.icons else words

    @property
    def _captions(self) -> list[str]:
        return wrapped(self.caption, self._room)

    @property
    def _room(self) -> float:
        return self.width - 2 * EDGE - (ICON + 6) * len(self.icons)

    def draw(self, root: Element) -> None:
        y = float(EDGE)
        for line in self.lines:
            y += TITLE_SIZE + 5
            write(root, EDGE, y - 5, line, size=TITLE_SIZE, bold=True)
        for i, line in enumerate(self._captions):
            write(root, EDGE, y + (i + 1) * LINE_HEIGHT - 5, line, fill=DARK_GREY)
        for i, name in enumerate(reversed(self.icons)):
            draw_icon(root, name, self.width - EDGE - ICON - i * (ICON + 6), EDGE, ICON)


@dataclass(frozen=True, slots=True)
class Legend:
    """What marks and lines mean, in as many rows as they need, and notes below."""

    width: float
    marks: Sequence[str] = ()
    lines: Sequence[str] = ()
    has_gap: bool = False
    notes: Sequence[str] = ()

    @property
    def height(self) -> float:
        return LINE_HEIGHT * (len(self._rows) + len(self._notes)) + (EDGE if self._rows or self._notes else 0)

    @property
    def _notes(self) -> list[str]:
        return [line for note in self.notes for line in wrapped(note, self.width - 2 * EDGE, most=3)]

    @property
    def _keys(self) -> list[tuple[str, str, str]]:
        keys = [("mark", name, MARKS[name][2]) for name in self.marks] + [("line", name, LINES[name][3]) for name in self.lines]
        return [*keys, ("gap", "gap", NO_DATA)] if self.has_gap else keys

    @property
    def _rows(self) -> list[list[tuple[float, str, str, str]]]:
        rows: list[list[tuple[float, str, str, str]]] = []
        x = self.width
        for sort, name, words in self._keys:
            needed = text_width(words) + 36
            if x + needed > self.width:
                rows.append([])
                x = EDGE
            rows[-1].append((x, sort, name, words))
            x += needed
        return rows

    def draw(self, root: Element, bottom: float) -> None:
        y = bottom - self.height
        for row in self._rows:
            y += LINE_HEIGHT
            for x, sort, name, words in row:
                _sample(root, sort, name, x, y - 5)
                write(root, x + 26, y, words)
        for note in self._notes:
            y += LINE_HEIGHT
            write(root, EDGE, y, note, fill=DARK_GREY)


def _sample(root: Element, sort: str, name: str, x: float, y: float) -> None:
    if sort == "mark":
        draw_mark(root, name, x + 10, y, 5, class_="key")
    elif sort == "line":
        draw_line(root, name, [(x, y), (x + 21, y)])
    else:
        add(root, "rect", class_="gap", x=x + 4, y=y - 8, width=12, height=16, fill=PALE)


def draw_mark(
    parent: Element, kind: str, x: float, y: float, radius: float, words: str | None = None, class_: str = "point"
) -> None:
    """A mark in an ink outline, by which light ones stand out too; its words show under the pointer."""
    shape, colour, _ = MARKS[kind]
    look: dict[str, str | float] = {"class_": f"{class_} {kind}", "fill": colour, "stroke": INK, "stroke_width": 1}
    if shape == "circle":
        drawn = add(parent, "circle", cx=x, cy=y, r=radius, **look)
    else:
        corners = " ".join(f"{x + dx * radius:.1f},{y + dy * radius:.1f}" for dx, dy in _CORNERS[shape])
        drawn = add(parent, "polygon", points=corners, **look)
    if words:
        add(drawn, "title", words)


def draw_line(parent: Element, kind: str, places: Sequence[tuple[float, float]]) -> None:
    if len(places) < 2:
        return
    colour, width, dashes, _ = LINES[kind]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    look = {"class_": f"line {kind}", "fill": "none", "stroke": colour, "stroke_dasharray": dashes}
    add(parent, "polyline", points=points, stroke_width=width, stroke_linejoin="round", **look)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where dates and values lie in a picture."""

    root: Element
    x: Scale
    y: Scale
    dates: Sequence[dt.date]

    @property
    def spacing(self) -> float:
        """From one point to the next, on average."""
        return (self.x(self.dates[-1].toordinal()) - self.x(self.dates[0].toordinal())) / max(len(self.dates) - 1, 1)

    def at(self, date: dt.date, value: float) -> tuple[float, float]:
        return self.x(date.toordinal()), self.y(value)

    def level(self, kind: str, value: float, dates: Sequence[dt.date]) -> None:
        """A level line over the dates and a little beyond them."""
        beyond = min(EDGE, self.spacing / 2 - 1) if len(self.dates) > 1 else EDGE
        first, last = self.at(dates[0], value), self.at(dates[-1], value)
        draw_line(self.root, kind, [(first[0] - beyond, first[1]), (last[0] + beyond, last[1])])

    def joined(self, kind: str, points: Points) -> None:
        """A line from point to point, broken where there is no data."""
        stretch: list[tuple[float, float]] = []
        for date, value in points:
            if value is None:
                draw_line(self.root, kind, stretch)
                stretch = []
            else:
                stretch.append(self.at(date, value))
        draw_line(self.root, kind, stretch)

    def gaps(self, points: Points) -> None:
        """A pale band where a value is missing."""
        width = max(3, min(14, self.spacing * 0.7))
        top, bottom = sorted((self.y.start, self.y.end))
        for date, value in points:
            if value is None:
                x = self.x(date.toordinal()) - width / 2
                add(self.root, "rect", class_="gap", x=x, y=top, width=width, height=bottom - top, fill=PALE)

    def marks(self, points: Iterable[tuple[str, dt.date, float | None]], unit: str) -> None:
        radius = max(2, min(4.5, self.spacing * 0.38)) if len(self.dates) > 1 else 4.5
        say = date_words(self.dates)
        for kind, date, value in points:
            if value is not None:
                draw_mark(self.root, kind, *self.at(date, value), radius, f"{say(date)}: {figure(value, unit)}")


def time_plot(
    root: Element,
    area: tuple[float, float, float],
    dates: Sequence[dt.date],
    values: Iterable[float],
    unit: str,
    levels: Sequence[tuple[str, float]] = (),
) -> Plot:
    """Axes in the area (its width, top and bottom), with the levels named at the right end of their lines."""
    width, top, bottom = area
    bottom -= LINE_HEIGHT + 8
    marks = ticks(values, most=max(3, int((bottom - top) / 34)))
    labels = tick_labels(marks, unit)
    names = [(value, f"{name} {rounded(value, unit)}", RED if name == "Target" else INK) for name, value in levels]
    left = EDGE + 8 + max(text_width(label) for label in labels)
    right = width - EDGE - max([30.0, *(text_width(words) for _, words, _ in names)])
    x = Scale(dates[0].toordinal(), dates[-1].toordinal(), left + EDGE, right - EDGE)
    plot = Plot(root, x, Scale(marks[0], marks[-1], bottom, top + 6), dates)
    for mark, label in zip(marks, labels, strict=True):
        y = plot.y(mark)
        add(root, "line", class_="grid", x1=left, x2=right, y1=y, y2=y, stroke=PALE)
        write(root, left - 8, y + 5, label, fill=DARK_GREY, text_anchor="end")
    add(root, "line", class_="axis", x1=left, x2=right, y1=bottom, y2=bottom, stroke=GREY)
    _write_dates(plot, bottom, width)
    _write_levels(root, [(plot.y(value), words, colour) for value, words, colour in names], right + 4, (top + 6, bottom - 5))
    return plot


def _write_dates(plot: Plot, y: float, width: float) -> None:
    """As many dates as have room, counted back from the last."""
    say = date_words(plot.dates)
    room = max(text_width(say(date)) for date in plot.dates)
    chosen = list(plot.dates[-1:])
    for step in _MONTH_STEPS if is_monthly(plot.dates) else _DAY_STEPS:
        candidates = plot.dates[::-1][::step]
        if all(plot.x(a.toordinal()) - plot.x(b.toordinal()) > room for a, b in pairwise(candidates)):
            chosen = list(candidates)
            break
    for date in chosen:
        x = plot.x(date.toordinal())
        add(plot.root, "line", class_="axis", x1=x, x2=x, y1=y, y2=y + 5, stroke=GREY)
        middle = min(max(x, room / 2), width - room / 2)
        write(plot.root, middle, y + 20, say(date), fill=DARK_GREY, text_anchor="middle")


def _write_levels(root: Element, labels: list[tuple[float, str, str]], x: float, span: tuple[float, float]) -> None:
    """Each label at its height, or as near to it as the others let it."""
    apart = TEXT_SIZE + 3
    labels = sorted(labels)
    lowest = span[1] - apart * (len(labels) - 1)
    heights: list[float] = []
    for i, (y, _, _) in enumerate(labels):
        heights.append(max(min(y, lowest + apart * i), heights[-1] + apart if heights else span[0]))
    for height, (_, words, colour) in zip(heights, labels, strict=True):
        write(root, x, height + 5, words, fill=colour)


def start(prefix: str, heading: Heading, description: str, height: float) -> Element:
    """A picture with its heading."""
    root = picture(prefix, heading.title, description, heading.width, height)
    background(root, heading.width, height)
    heading.draw(root)
    return root


def write_no_data(root: Element, x: float, y: float, known: str = "") -> None:
    """Or what is known instead of numbers: at least 85%."""
    write(root, x, y, known or NO_DATA, class_="no-data", fill=DARK_GREY, text_anchor="middle")
