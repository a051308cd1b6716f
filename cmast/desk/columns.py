"""Columns of a list that say what a person would say, and not what the database holds."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.utils.html import format_html

from cmast import dates
from cmast.amounts import amount
from cmast.models import Record
from cmast.vocabulary import Rag, Unit

NOTHING = "–"
ACRONYMS = {"rag": "RAG", "sro": "SRO", "ods": "ODS", "gbp": "(£)", "url": "URL"}


def label(name: str) -> str:
    """The name of a field as a person writes it: "is active" -> "Active", "rag" -> "RAG"."""
    words = " ".join(ACRONYMS.get(word, word) for word in name.removeprefix("is ").split())
    return words[:1].upper() + words[1:]


def figure(value: Decimal | None, unit: str | None = None, qualifier: str | None = None) -> str:
    """An amount as it is said, or a dash when there is none."""
    return NOTHING if value is None else amount(value, unit or Unit.COUNT, qualifier)


def vague(name: str, heading: str, starts: str = "") -> Callable[[Record], str]:
    """A column for the vague date `<name>_on`, in words: "mid-May 2024"."""

    @admin.display(description=heading, ordering=f"{name}_on", empty_value=NOTHING)
    def column(record: Record) -> str:
        starts_on = getattr(record, starts) if starts else None
        return dates.describe(getattr(record, f"{name}_on"), getattr(record, f"{name}_precision"), starts_on)

    column.__name__ = f"{name}_in_words"
    return column


def tag(name: str, heading: str = "") -> Callable[[Record], str]:
    """A column that shows a word as a coloured tag; the word is always there, the colour only helps."""

    @admin.display(description=heading or label(name.replace("_", " ")), ordering=name)
    def column(record: Record) -> str:
        return word_tag(getattr(record, name), getattr(record, f"get_{name}_display")())

    column.__name__ = f"{name}_tag"
    return column


def related(name: str, heading: str) -> Callable[[Record], Any]:
    """A column for a relation, under a heading of its own."""

    @admin.display(description=heading, ordering=name, empty_value=NOTHING)
    def column(record: Record) -> Record | None:
        return getattr(record, name)

    column.__name__ = name
    return column


def word_tag(word: Any, text: str) -> str:
    """A word as a tag; its look is `.tag-<word>` in the style sheet."""
    return format_html('<span class="tag tag-{}">{}</span>', word, text) if word and word != Rag.NOT_SET else NOTHING
