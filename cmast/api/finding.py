"""Single records as a reader may see and change them, by SQL that is kept for all readers with the same rights."""

from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any

from django.db.models import QuerySet

from cmast import shapes
from cmast.models import Record, RecordQuerySet


def visible(kind: Any, key: str, reader: Any) -> Any:
    """The record of this kind with this key; null where there is none that the reader may see."""

    def build(values: shapes.Values) -> QuerySet:
        return kind._default_manager.visible_to(reader).filter(key=values["key"])

    found = shapes.records(kind, ("visible", *rights(reader, frozenset({kind}))), build, {"key": key})
    return found[0] if found else None


def is_editable(record: Record, reader: Any) -> bool:
    """Whether the reader may change this record as it is stored."""
    kind: Any = type(record)

    def build(values: shapes.Values) -> QuerySet:
        return kind._default_manager.editable_by(reader).filter(pk=values["pk"]).values_list("pk")

    shape = ("editable", kind, reader.rights, reader.reach.hidden.of(frozenset({kind})))
    return bool(shapes.rows(shape, build, {"pk": record.pk}))


def rights(reader: Any, kinds: frozenset[Any]) -> tuple[Hashable, ...]:
    """For whom queries for what is visible of these kinds are the same."""
    return (reader.rights if is_personal(kinds) else None, reader.reach.hidden.of(kinds))


@cache
def is_personal(kinds: Iterable[Any]) -> bool:
    """Whether what is visible of these kinds depends on the person by rules of its own."""
    return any(type(kind.objects.all()).visible_to is not RecordQuerySet.visible_to for kind in kinds)
