"""New rows in one statement that PostgreSQL keeps prepared, however many they are.

A column that is the same in all rows is said once, what differs goes as one JSON document; columns that are null are left out.
So a statement depends on which columns are which, and not on the number of rows. Values that JSON has no plain word for, and
SQLite, are left to the ORM, which writes the same.
"""

import datetime as dt
from collections.abc import Hashable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import orjson
from django.db import connection, models

from cmast import shapes
from cmast.history.context import told

#: Kind of field -> what its values are where nothing has to be made of them first.
PLAIN: dict[type[models.Field], type | None] = {
    models.CharField: str,
    models.TextField: str,
    models.BooleanField: bool,
    models.IntegerField: int,
    models.ForeignKey: int,
    models.DecimalField: Decimal,
    models.DateTimeField: None,
    models.DateField: dt.date,
    models.JSONField: list,
}
_STATEMENT = (
    "WITH told AS MATERIALIZED ({telling}) INSERT INTO {table} ({columns}) SELECT {values} FROM told{rows} RETURNING {pk}"
)


class NotPlain(Exception):
    """The ORM must write this."""


class Column:
    """A column with all that is known of it before there are rows."""

    def __init__(self, field: Any) -> None:
        self.field, self.name = field, connection.ops.quote_name(field.column)
        self.kind = next((kind for kind in PLAIN if isinstance(field, kind)), None)
        self.plain = {type(None), PLAIN.get(self.kind)} if self.kind else set()
        self.read = attrgetter(field.attname)
        self.is_moment = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
        # Without a length, which would cut a text off instead of refusing it.
        self.type = field.db_type(connection).split("(")[0]

    def values(self, records: Sequence[Any]) -> list[Any]:
        """What each record has for it, as JSON says it. Raises NotPlain."""
        if self.is_moment:  # what is written at once has one moment
            now = self.field.pre_save(records[0], True)
            for record in records:
                setattr(record, self.field.attname, now)
            return [now] * len(records)
        values = list(map(self.read, records))
        is_plain = {*map(type, values)} <= self.plain
        if self.kind is models.JSONField:
            is_plain = is_plain and all(type(item) is str for value in values if value for item in value)
        elif not is_plain and self.kind and not any(hasattr(value, "as_sql") for value in values):
            return [self.field.get_db_prep_save(value, connection) for value in values]
        if not is_plain:
            raise NotPlain
        return values


def insert(fields: Sequence[Any], records: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The primary keys of the new rows, in their order. Raises NotPlain."""
    if connection.vendor != "postgresql":
        raise NotPlain
    model: Any = type(records[0])
    columns = _columns(model)
    once: dict[str, str] = {}
    each: dict[str, list[Any]] = {}
    for field in fields:
        values = columns[field.column].values(records)
        first = values[0]
        if len(records) > 1 and (field.unique or values.count(first) < len(values)):
            each[field.column] = values
        elif first is not None:
            once[field.column] = _text(first)
    telling, told_values = told()
    document = [_document(each)] if each else []
    sql = _statement(telling, model, tuple(once), tuple(each))
    return shapes.run(sql, [*told_values, *once.values(), *document])


@cache
def _columns(model: Hashable) -> dict[str, Column]:
    kind: Any = model
    return {field.column: Column(field) for field in kind._meta.concrete_fields}


def _text(value: Any) -> str:
    """As PostgreSQL reads a value of any type from text."""
    return str(value) if isinstance(value, str) else orjson.dumps(value, default=str).decode().strip('"')


def _document(each: dict[str, list[Any]]) -> str:
    rows = [dict(zip(each, row, strict=True)) for row in zip(*each.values(), strict=True)]
    return orjson.dumps(rows, default=str).decode()


@lru_cache(shapes.MOST)
def _statement(telling: str, model: Hashable, once: tuple[str, ...], each: tuple[str, ...]) -> str:
    kind: Any = model
    columns, quote = _columns(model), connection.ops.quote_name
    given = ", ".join(f"{columns[name].name} {columns[name].type}" for name in each)
    return _STATEMENT.format(
        telling=telling,
        table=quote(kind._meta.db_table),
        columns=", ".join(columns[name].name for name in (*once, *each)),
        values=", ".join([*(f"%s::{columns[name].type}" for name in once), *(f"given.{columns[name].name}" for name in each)]),
        rows=f", json_to_recordset(%s) AS given ({given})" if each else "",
        pk=quote(kind._meta.pk.column),
    )
