"""The graph of dependencies as an accessible picture: what is waited for on the left, what waits on the right."""

from collections import defaultdict
from collections.abc import Callable
from xml.etree.ElementTree import Element

from cmast import drawing
from cmast.drawing import BLUE, DARK_GREY, GREY, INK, ORANGE, PALE, RED, WHITE, Picture, add, write
from programmes.dependencies import Graph, Node
from programmes.models import Thing
from programmes.slips import Standing

WIDTH, HEIGHT, GAP, ROW, TOP = 270, 92, 90, 26, 64
PAD = 24
#: Standing -> colour of the frame, and of the mark.
COLOURS = {
    Standing.DONE: BLUE,
    Standing.FREE: DARK_GREY,
    Standing.IN_TIME: DARK_GREY,
    Standing.AT_RISK: ORANGE,
    Standing.SLIPS: RED,
    Standing.STOPPED: RED,
    Standing.UNKNOWN: GREY,
}


def graph_picture(graph: Graph, prefix: str) -> Picture:
    """Each thing is a box with its kind, name, date and standing in words; the shape of its mark says the standing as well."""
    columns = _columns(graph)
    depth = max(columns.values(), default=0) + 1
    rows: dict[int, list[Thing]] = defaultdict(list)
    for thing in sorted(graph.nodes, key=lambda thing: (columns[thing], not graph.nodes[thing].is_own, thing)):
        rows[columns[thing]].append(thing)
    width = max(2 * PAD + depth * WIDTH + (depth - 1) * GAP, 480)
    height = TOP + max(map(len, rows.values()), default=1) * (HEIGHT + ROW) + PAD
    title = f"{graph.programme}: what waits for what"
    root = drawing.picture(prefix, title, describe(graph), width, height)
    drawing.background(root, width, height)
    write(root, PAD, 36, drawing.shortened(title, width - 2 * PAD, 17), size=17, bold=True)
    places = {
        thing: (PAD + column * (WIDTH + GAP), TOP + row * (HEIGHT + ROW))
        for column, things in rows.items()
        for row, thing in enumerate(things)
    }
    for edge in graph.edges:
        _arrow(root, places[edge.awaited], places[edge.waiting])
    for thing, place in places.items():
        _box(root, graph.nodes[thing], *place)
    if not places:
        write(root, PAD, TOP + 20, "Nothing is stated to wait for anything.", fill=DARK_GREY)
    return drawing.as_text(root)


def describe(graph: Graph) -> str:
    """The picture in words, for those who do not see it."""
    found = []
    for thing, node in graph.nodes.items():
        if awaited := graph.awaited_by(thing):
            names = ", ".join(f"“{other.title}”" for other in awaited)
            found.append(f"“{node.title}” ({node.planned or 'no date'}) waits for {names}: {node.forecast.words}.")
    return " ".join(found) or "Nothing is stated to wait for anything."


def _columns(graph: Graph) -> dict[Thing, int]:
    """How many steps each thing has before it. A loop, which no entrance lets in, ends by itself."""
    columns = dict.fromkeys(graph.nodes, 0)
    for _ in graph.nodes:
        before = dict(columns)
        for edge in graph.edges:
            columns[edge.waiting] = min(max(columns[edge.waiting], columns[edge.awaited] + 1), len(graph.nodes))
        if columns == before:
            break
    return columns


def _box(root: Element, node: Node, x: float, y: float) -> None:
    colour = COLOURS[node.forecast.standing]
    dashes = None if node.is_own else "6 4"
    group = add(root, "g")
    add(group, "title", f"{node.title}: {node.forecast.words}")
    add(
        group,
        "rect",
        x=x,
        y=y,
        width=WIDTH,
        height=HEIGHT,
        rx=4,
        fill=WHITE,
        stroke=colour,
        stroke_width=2,
        stroke_dasharray=dashes,
    )
    add(group, "rect", x=x + 1, y=y + 1, width=WIDTH - 2, height=20, fill=PALE)
    write(group, x + 10, y + 15, node.thing.kind.capitalize(), size=12, fill=DARK_GREY)
    if node.planned:
        write(
            group, x + WIDTH - 10, y + 15, drawing.shortened(node.planned, 170, 12), size=12, fill=DARK_GREY, text_anchor="end"
        )
    for number, line in enumerate(drawing.wrapped(node.title, WIDTH - 20, 13)):
        write(group, x + 10, y + 38 + number * 17, line, size=13)
    MARKS[node.forecast.standing](group, x + 16, y + HEIGHT - 13, colour)
    words = node.forecast.words.removeprefix("at risk: ")
    write(group, x + 30, y + HEIGHT - 9, drawing.shortened(words, WIDTH - 40, 12), size=12, fill=INK)


def _arrow(root: Element, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From what is waited for to what waits; past the columns between them in the gap below the rows."""
    x, y, to_x, to_y = start[0] + WIDTH, start[1] + HEIGHT / 2, end[0], end[1] + HEIGHT / 2
    half = GAP / 2
    if to_x - x > GAP:
        low = max(y, to_y) + (HEIGHT + ROW) / 2
        down = f"C {x + half:g} {y:g} {x + half:g} {low:g} {x + GAP:g} {low:g} L {to_x - GAP:g} {low:g}"
        way = f"{down} C {to_x - half:g} {low:g} {to_x - half:g} {to_y:g} {to_x - 8:g} {to_y:g}"
    else:
        way = f"C {x + half:g} {y:g} {to_x - half:g} {to_y:g} {to_x - 8:g} {to_y:g}"
    add(root, "path", d=f"M {x:g} {y:g} {way}", fill="none", stroke=DARK_GREY, stroke_width=1.5)
    add(root, "path", d=f"M {to_x:g} {to_y:g} l -9 -5 v 10 z", fill=DARK_GREY)


def _tick(group: Element, x: float, y: float, colour: str) -> None:
    add(group, "path", d=f"M {x - 6:g} {y:g} l 4 5 l 8 -10", fill="none", stroke=colour, stroke_width=2.5)


def _circle(group: Element, x: float, y: float, colour: str) -> None:
    add(group, "circle", cx=x, cy=y, r=5, fill="none", stroke=colour, stroke_width=2)


def _triangle(group: Element, x: float, y: float, colour: str) -> None:
    add(group, "path", d=f"M {x:g} {y - 7:g} l 7 12 h -14 z", fill=colour)


def _diamond(group: Element, x: float, y: float, colour: str) -> None:
    add(group, "path", d=f"M {x:g} {y - 7:g} l 7 7 l -7 7 l -7 -7 z", fill=colour)


def _cross(group: Element, x: float, y: float, colour: str) -> None:
    add(group, "path", d=f"M {x - 5:g} {y - 5:g} l 10 10 m 0 -10 l -10 10", stroke=colour, stroke_width=3, fill="none")


def _bar(group: Element, x: float, y: float, colour: str) -> None:
    add(group, "path", d=f"M {x - 6:g} {y:g} h 12", stroke=colour, stroke_width=3, stroke_dasharray="3 2", fill="none")


MARKS: dict[Standing, Callable[[Element, float, float, str], None]] = {
    Standing.DONE: _tick,
    Standing.FREE: _circle,
    Standing.IN_TIME: _circle,
    Standing.AT_RISK: _triangle,
    Standing.SLIPS: _diamond,
    Standing.STOPPED: _cross,
    Standing.UNKNOWN: _bar,
}
