"""The icons for variation and assurance, drawn anew after their description: letters and shapes say what colours say."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from cmast.drawing import BLUE, DARK_GREY, GREY, ORANGE, PURPLE, WHITE, add, as_text, picture, write

WORDS = {
    "common_cause": "Common cause: no significant change",
    "improvement_high": "Special cause, improving: higher values",
    "improvement_low": "Special cause, improving: lower values",
    "concern_high": "Special cause, of concern: higher values",
    "concern_low": "Special cause, of concern: lower values",
    "neutral_high": "Special cause, higher: neither good nor bad",
    "neutral_low": "Special cause, lower: neither good nor bad",
    "pass": "Consistently passes the target",
    "fail": "Consistently falls short of the target",
    "inconsistent": "Passes and falls short of the target by chance",
    "empty": "No target, or nothing to judge",
}
_MEANINGS = {
    "improvement": "Blue for improvement.",
    "concern": "Orange for concern.",
    "neutral": "Purple for a change that is neither good nor bad.",
    "pass": "Blue; the curve of the process lies clear of the dashed line of the target.",
    "fail": "Orange; the curve of the process lies clear of the dashed line of the target.",
    "inconsistent": "Grey; the dashed line of the target runs through the curve of the process.",
    "common": "Grey; points up and down about a middle.",
    "empty": "A dashed grey ring.",
}
_COLOURS = {"improvement": BLUE, "pass": BLUE, "concern": ORANGE, "fail": ORANGE, "neutral": PURPLE}
#: Everything is drawn in a square of this size and scaled.
_SIDE = 100
_ZIGZAG = [(20, 58), (35, 42), (50, 58), (65, 42), (80, 58)]
_RISE = [(22, 69), (35, 76), (48, 69), (64, 50), (78, 43)]


def icon(name: str | None, prefix: str, size: float = 64) -> str:
    """An icon as SVG; None is the empty one. Raises KeyError for a name that is not in `WORDS`."""
    name = name or "empty"
    root = picture(prefix, WORDS[name], _MEANINGS[name.partition("_")[0]], size, size)
    draw_icon(root, name, 0, 0, size)
    return as_text(root)


def draw_icon(parent: Element, name: str | None, x: float, y: float, size: float) -> None:
    """The icon with its upper left corner at x, y, without words of its own for a screen reader."""
    name = name or "empty"
    word, _, level = name.partition("_")
    colour = _COLOURS.get(word, GREY)
    group = add(parent, "g", class_=f"icon {name}", transform=f"translate({x:.1f} {y:.1f}) scale({size / _SIDE:.3f})")
    dashes = "12 8" if name == "empty" else None
    add(group, "circle", cx=50, cy=50, r=47, fill=WHITE, stroke=colour, stroke_width=5.5, stroke_dasharray=dashes)
    if name == "common_cause":
        _dots(group, _ZIGZAG, [GREY] * 5)
    elif word == "neutral":
        _arrow(group, level == "high")
    elif word in ("improvement", "concern"):
        _change(group, level == "high", colour)
    elif name != "empty":
        _assurance(group, name, colour)


def _dots(group: Element, places: Sequence[tuple[float, float]], colours: list[str]) -> None:
    line = " ".join(f"{x},{y}" for x, y in places)
    add(group, "polyline", points=line, fill="none", stroke=DARK_GREY, stroke_width=3)
    for (x, y), colour in zip(places, colours, strict=True):
        add(group, "circle", cx=x, cy=y, r=6.5, fill=colour)


def _change(group: Element, is_high: bool, colour: str) -> None:
    places = [(x, y if is_high else _SIDE - y) for x, y in _RISE]
    _dots(group, places, [DARK_GREY] * 3 + [colour] * 2)
    _letter(group, "H" if is_high else "L", 36, 52 if is_high else 76, colour)


def _letter(group: Element, letter: str, x: float, y: float, colour: str) -> None:
    write(group, x, y, letter, size=38, bold=True, fill=colour, text_anchor="middle")


def _arrow(group: Element, is_high: bool) -> None:
    places = [(24, 66), (53, 37), (42, 26), (77, 23), (74, 58), (63, 47), (34, 76)]
    points = " ".join(f"{x},{y if is_high else _SIDE - y}" for x, y in places)
    add(group, "polygon", points=points, fill=PURPLE)


def _assurance(group: Element, name: str, colour: str) -> None:
    """The curve is the process, the dashes are the target."""
    letter, curve, target = {"pass": ("P", 57, 75), "fail": ("F", 73, 55), "inconsistent": ("?", 64, 64)}[name]
    _letter(group, letter, 50, 41, DARK_GREY if name == "inconsistent" else colour)
    add(group, "line", x1=22, x2=78, y1=target, y2=target, stroke=colour, stroke_width=4.5, stroke_dasharray="8 4")
    wave = f"M 22 {curve} q 7 -19 14 0 t 14 0 t 14 0 t 14 0"
    add(group, "path", d=wave, fill="none", stroke=DARK_GREY, stroke_width=4.5)
