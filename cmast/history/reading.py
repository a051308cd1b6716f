"""What a row of the history is about: its record, its fields, and the records that it names."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

from django.apps import apps
from django.db import models

from cmast.models import Change, Reader, Record


def changes_of(model: type[Record], key: str, reader: Reader) -> models.QuerySet[Change]:
    """Changes of a record, of its parts in many-to-many relations, and of one that is deleted."""
    changes = Change.objects.visible_to(reader).filter(record_type=model._meta.label_lower, record_key=key)
    return changes.exclude(operation=Change.Operation.TOUCH)


def is_row_of_record(change: Change) -> bool:
    """Whether the row is the record itself, and not a row of one of its relations."""
    return change.table == apps.get_model(change.record_type)._meta.db_table


@cache
def columns_of(table: str) -> dict[str, Any]:
    """Column -> field of the table's model."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.db_table == table:
            return {str(field.column): field for field in model._meta.concrete_fields}
    return {}


def relation_of(change: Change) -> Any:
    """For a row of a relation: the many-to-many field of the record. None for the record itself."""
    for relation in apps.get_model(change.record_type)._meta.many_to_many:
        if relation.remote_field.through._meta.db_table == change.table:
            return relation
    return None


def owner_column(change: Change) -> str | None:
    """For a row of a relation: the column that points at the record itself."""
    relation = relation_of(change)
    return relation.remote_field.through._meta.get_field(relation.m2m_field_name()).column if relation else None


def field_name(change: Change, field: Any, column: str) -> str:
    """A row of a relation is a change of the relation: `depends_on`."""
    if is_row_of_record(change):
        return field.name if field else column
    return change.table.removeprefix(f"{apps.get_model(change.record_type)._meta.db_table}_")


def linked(changes: Iterable[Change]) -> dict[str, set[int]]:
    """Table -> ids of all records that these changes link to or no longer link to."""
    found: dict[str, set[int]] = defaultdict(set)
    for change in changes:
        fields = columns_of(change.table)
        for column, values in change.differences.items():
            field = fields.get(column)
            if isinstance(field, models.ForeignKey):
                found[field.related_model._meta.db_table] |= {value for value in values if value is not None}
    return found


def keys_of(wanted: dict[str, set[int]], reader: Reader) -> dict[tuple[str, int], str]:
    """(table, id) -> key, from the history, so that deleted records are found too; not those hidden from the reader."""
    found = _rows(wanted, reader).filter(operation=Change.Operation.INSERT).values_list("table", "row_id", "record_key")
    return {(table, row_id): key for table, row_id, key in found}


def names_of(wanted: dict[str, set[int]], reader: Reader) -> dict[tuple[str, int], str]:
    """(table, id) -> the name that it had last, from the history, so that deleted records are named too."""
    last = _rows(wanted, reader).order_by().values("table", "row_id").annotate(last=models.Max("pk")).values("last")
    return {(change.table, change.row_id): name_of(change) for change in Change.objects.filter(pk__in=last)}


def name_of(change: Change) -> str:
    """What the record was called after a change of it, or before it was deleted."""
    row = change.after or change.before or {}
    model: Any = apps.get_model(change.record_type)
    return str(row.get(model.label_field) or change.record_key)


def _rows(wanted: dict[str, set[int]], reader: Reader) -> models.QuerySet[Change]:
    either = models.Q(pk__in=[])
    for table, ids in wanted.items():
        either |= models.Q(table=table, row_id__in=ids)
    return Change.objects.visible_to(reader).filter(either)
