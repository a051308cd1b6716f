"""What the charts are drawn with: colours, elements, words that fit, scales and round ticks.

Elements are built as a tree, so text is always escaped, and carry presentation attributes only, as the content security
policy asks. Lengths are in the units of the picture's view box.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# The identity colours of the NHS. Its orange has 2.4:1 on white, so orange is that of the SPC method with 3.3:1.
INK = "#212B32"
DARK_GREY = "#425563"
GREY = "#768692"
PALE = "#E8EDEE"
WHITE = "#FFFFFF"
BLUE = "#005EB8"
ORANGE = "#E46C0A"
PURPLE = "#490092"
RED = "#DE1B1B"

#: The first is bundled for pictures without a browser; the second is what the pages use.
FONTS = "Open Sans, Arial, sans-serif"
TITLE_SIZE = 17
TEXT_SIZE = 14

#: Width of a character as a part of the font's size, rounded up from the bold font.
_WIDTHS = {
    **dict.fromkeys("ijlI.,:;'!| ", 0.3),
    **dict.fromkeys("frtJ()[]{}-/", 0.43),
    **dict.fromkeys("mwMW%@", 0.95),
    **dict.fromkeys("GHNOQDU&", 0.8),
}
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")


def add(parent: Element, tag: str, words: str | None = None, /, **attributes: str | float | None) -> Element:
    """A new child. `stroke_width=2` becomes stroke-width, `class_` class; None is left out."""
    given = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    child = ElementTree.SubElement(parent, tag, {name: _attribute(value) for name, value in given.items()})
    child.text = None if words is None else clean(words)
    return child


def picture(prefix: str, title: str, description: str, width: float, height: float) -> Element:
    """The root of a picture on white. Ids begin with the prefix, which must be unique in the page."""
    name = _NOT_IN_ID.sub("-", prefix)
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    root.set("viewBox", f"0 0 {_attribute(width)} {_attribute(height)}")
    root.set("width", _attribute(width))
    root.set("height", _attribute(height))
    root.set("font-family", FONTS)
    add(root, "title", title, id=f"{name}-title")
    add(root, "desc", description, id=f"{name}-desc")
    return root


def background(root: Element, width: float, height: float) -> None:
    """White, in the dark theme too: the colours are chosen for it."""
    add(root, "rect", class_="background", width=width, height=height, fill=WHITE)


class Picture(str):
    """SVG made from elements, all words in it escaped already, so that a template may show it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def as_text(root: Element) -> Picture:
    return Picture(ElementTree.tostring(root, encoding="unicode"))


def clean(words: str) -> str:
    """Without the characters that no XML can hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", words)


def write(
    parent: Element,
    x: float,
    y: float,
    words: str,
    *,
    size: float = TEXT_SIZE,
    fill: str = INK,
    bold: bool = False,
    **look: str,
) -> None:
    """Words whose baseline starts at x, y; `text_anchor` may be middle or end."""
    weight = "bold" if bold else None
    add(parent, "text", words, x=x, y=y, font_size=size, font_weight=weight, fill=fill, **look)


def text_width(words: str, size: float = TEXT_SIZE) -> float:
    """How wide the words are at most, in the bundled font and in those like it."""
    return size * sum(_WIDTHS.get(letter, 0.68 if letter.isupper() else 1 if ord(letter) > 0x2E80 else 0.6) for letter in words)


def shortened(words: str, width: float, size: float = TEXT_SIZE) -> str:
    """The words, or as much of them as fits, with an ellipsis."""
    if text_width(words, size) <= width:
        return words
    while words and text_width(f"{words}…", size) > width:
        words = words[:-1]
    return f"{words.rstrip()}…"


def wrapped(words: str, width: float, size: float = TEXT_SIZE, most: int = 2) -> list[str]:
    """Lines that fit, the last of them shortened if there would be more than `most`."""
    lines: list[str] = []
    for word in words.split():
        if lines and (len(lines) == most or text_width(f"{lines[-1]} {word}", size) <= width):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [shortened(line, width, size) for line in lines]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values from low to high lie between start and end; in the middle if there is but one."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(values: Iterable[float], most: int = 6) -> list[float]:
    """Round numbers in steps of 1, 2 or 5 of some power of ten, from below the least value to above the greatest.

    There are at least two and at most so many, or three: values on both sides of zero need three.
    """
    given = list(values)
    low, high = min(given), max(given)
    size = max(abs(low), abs(high))
    if high - low <= max(size * 1e-6, 1e-9):
        room = size / 20 if size > 1e-6 else 1
        low, high = low - room, high + room
    exponent = math.floor(math.log10((high - low) / most))
    for power, factor in product((exponent, exponent + 1, exponent + 2), (1, 2, 5)):
        step = factor * 10.0**power
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first < max(most, 3):
            break
    # Rounded, or three steps of 0.1 were 0.30000000000000004.
    return [round(i * step, max(0, -power)) for i in range(first, last + 1)]


def tick_labels(marks: list[float], unit: str) -> list[str]:
    """The ticks in words, all with the same number of decimals."""
    most = max(abs(mark) for mark in marks)
    if most >= 1e12:
        return [in_unit(f"{mark:.3g}", unit) for mark in marks]
    divisor, letter = next((pair for pair in ((1e9, "bn"), (1e6, "m")) if most >= pair[0]), (1.0, ""))
    step = (marks[1] - marks[0]) / divisor
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return [in_unit(f"{mark / divisor:,.{places}f}{letter}" if mark or not letter else "0", unit) for mark in marks]


def figure(value: float, unit: str = "", places: int = 2) -> str:
    """A number as it is said: thousands apart, no more decimals than tell something."""
    if abs(value) >= 1e12:
        return in_unit(f"{value:.3g}", unit)
    if 0 < abs(value) < 1:
        places += 1 - max(math.floor(math.log10(abs(value))), -6)
    words = f"{value:,.{places}f}"
    words = words.rstrip("0").rstrip(".") if "." in words else words
    return in_unit("0" if words == "-0" else words, unit)


def rounded(value: float, unit: str = "") -> str:
    """A mean or a limit, which nobody wants to the last digit."""
    return figure(value, unit, 0 if abs(value) >= 1000 else 1)


def in_unit(number: str, unit: str) -> str:
    """Signs are written with the number; words are not, they stand once in the caption."""
    if unit == "£":
        return f"-£{number[1:]}" if number.startswith("-") else f"£{number}"
    return f"{number}%" if unit == "%" else number


def is_monthly(dates: Iterable[dt.date]) -> bool:
    """No two of them share a month."""
    different = set(dates)
    return len({(date.year, date.month) for date in different}) == len(different)


def date_words(dates: Iterable[dt.date]) -> Callable[[dt.date], str]:
    """How dates of a series are written: by their month, unless two of them share one."""
    by_month = is_monthly(dates)
    return lambda date: f"{date:%b} {date.year}" if by_month else f"{date.day} {date:%b} {date.year}"


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return clean(value)
    return f"{value:.2f}".rstrip("0").rstrip(".")
