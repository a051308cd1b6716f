"""Lines on logarithmic axes as an SVG that can also be read aloud, and printed without colours."""

import math
from html import escape
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 50, 60
#: Least distance between two names at the ends of lines.
LINE_HEIGHT = 16
#: Dark enough on white, and told apart by their dashes as well.
STYLES = [
    ("#005eb8", ""),
    ("#005eb8", "8 4"),
    ("#006747", ""),
    ("#006747", "8 4"),
    ("#ae2573", ""),
    ("#330072", ""),
    ("#425563", "2 3"),
    ("#425563", "9 3 2 3"),
]


class Line(NamedTuple):
    """A name, and (x, y) for each point."""

    name: str
    points: list[tuple[float, float]]


def chart(title: str, x_name: str, y_name: str, lines: list[Line]) -> str:
    """The picture. The description holds the figures."""
    xs = sorted({x for line in lines for x, _ in line.points})
    top, bottom = _decades([y for line in lines for _, y in line.points])

    def across(x: float) -> float:
        share = math.log(x / xs[0]) / math.log(xs[-1] / xs[0]) if len(xs) > 1 else 0
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return HEIGHT - BOTTOM - math.log(y / bottom) / math.log(top / bottom) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title desc" '
        'font-family="Arial, sans-serif" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(_in_words(x_name, y_name, lines))}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 24, title, size=16, weight="bold"),
        _text(LEFT, 42, y_name),
        _text(WIDTH - RIGHT, HEIGHT - 14, x_name, anchor="end"),
    ]
    y = bottom
    while y <= top * 1.001:
        parts.append(f'<path d="M{LEFT} {down(y):.1f}H{WIDTH - RIGHT}" stroke="#d8dde0"/>')
        parts.append(_text(LEFT - 8, down(y) + 4, f"{y:g}", anchor="end"))
        y *= 10
    parts += [_text(across(x), HEIGHT - BOTTOM + 20, f"{x:,.0f}", anchor="middle") for x in xs]
    places = _spread([down(line.points[-1][1]) for line in lines])
    for line, (colour, dashes), place in zip(lines, STYLES, places, strict=False):
        at = [(across(x), down(y)) for x, y in line.points]
        parts.append(
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
        parts.append(
            f'<path d="M{at[-1][0] + 5:.1f} {at[-1][1]:.1f}L{WIDTH - RIGHT + 22} {place:.1f}" stroke="{colour}" '
            'stroke-width=".5"/>'
        )
        parts.append(_text(WIDTH - RIGHT + 26, place + 4, f"{line.name} {line.points[-1][1]:.1f}", colour=colour))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(
    x: float, y: float, text: str, anchor: str = "start", size: int = 13, weight: str = "normal", colour: str = "#212b32"
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'


def _decades(values: list[float]) -> tuple[float, float]:
    """The powers of ten above and below all values."""
    return 10 ** math.ceil(math.log10(max(values))), 10 ** math.floor(math.log10(min(values)))


def _spread(places: list[float]) -> list[float]:
    """The same places, moved down where two would overlap, and all up again where the last would leave the picture."""
    order = sorted(range(len(places)), key=places.__getitem__)
    found = list(places)
    for above, below in pairwise(order):
        found[below] = max(found[below], found[above] + LINE_HEIGHT)
    too_low = max(0.0, found[order[-1]] - (HEIGHT - BOTTOM))
    return [place - too_low for place in found]


def _in_words(x_name: str, y_name: str, lines: list[Line]) -> str:
    said = (f"{line.name}: " + ", ".join(f"{y:.1f} at {x:,.0f}" for x, y in line.points) for line in lines)
    return f"{y_name} by number of {x_name}. " + "; ".join(said) + "."
