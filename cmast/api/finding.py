"""Single records as a reader may see and change them, by SQL that is kept for all readers with the same rights."""

from collections.abc import Collection, Hashable, Iterable
from functools import cache
from typing import Any

from django.db.models import QuerySet

from cmast import shapes
from cmast.models import Record, RecordQuerySet


def visible(kind: Any, key: str, reader: Any) -> Any:
    """The record of this kind with this key; null where there is none that the reader may see."""
    return all_visible(kind, [key], reader).get(key)


def all_visible(kind: Any, keys: Collection[str], reader: Any, beside: tuple[str, ...] = ()) -> dict[str, Any]:
    """Key -> the record of this kind, for those that the reader may see; with the records that these links `beside` lead to."""

    def build(values: shapes.Values) -> QuerySet:
        rows = kind._default_manager.visible_to(reader).filter(key__any=values["keys"]).order_by()
        return rows.select_related(*beside) if beside else rows

    shape = ("visible", len(keys) == 1, beside, *rights(reader, frozenset({kind})))
    found = shapes.records(kind, shape, build, {"keys": [*keys]}) if keys else []
    return {record.key: record for record in found}


def is_editable(record: Record, reader: Any) -> bool:
    """Whether the reader may change this record as it is stored."""
    return record.pk in editable(type(record), [record.pk], reader)


def is_plainly_own(record: Record, reader: Any) -> bool:
    """Whether a link of the record itself says already that the reader may change it. Where none does, the database knows."""
    rows: Any = type(type(record)._default_manager.all())
    if reader.reach.hidden or (rows.visible_to, rows.editable_by) != (RecordQuerySet.visible_to, RecordQuerySet.editable_by):
        return False
    return reader.reach.is_pmo or any(
        getattr(record, f"{path}_id", None) in reader.reach.writes[area] for area, path in record.writers.items()
    )


def editable(kind: Any, ids: Collection[int], reader: Any) -> dict[int, int]:
    """Primary key -> version, as stored, of those of these records that the reader may change."""

    def build(values: shapes.Values) -> QuerySet:
        rows = kind._default_manager.editable_by(reader).filter(pk__any=values["ids"])
        return rows.order_by().values_list("pk", "version")

    shape = ("editable", kind, len(ids) == 1, reader.rights, reader.reach.hidden.of(frozenset({kind})))
    return dict(shapes.rows(shape, build, {"ids": [*ids]})) if ids else {}


def rights(reader: Any, kinds: frozenset[Any]) -> tuple[Hashable, ...]:
    """For whom queries for what is visible of these kinds are the same."""
    return (reader.rights if is_personal(kinds) else None, reader.reach.hidden.of(kinds))


@cache
def is_personal(kinds: Iterable[Any]) -> bool:
    """Whether what is visible of these kinds depends on the person by rules of its own."""
    return any(type(kind.objects.all()).visible_to is not RecordQuerySet.visible_to for kind in kinds)
