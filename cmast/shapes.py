"""SQL compiled once for each shape of a request.

The shape is which filters are used with how many values, the order and the kind of page; the values are bound anew each
time. What the ORM makes of a shape is found out by compiling it twice with two sets of made-up values: where the two results
differ by exactly these values, the parameters are slots, and the shape is kept. Where they differ in any other way (a search
that escapes its words, a list that looks into JSON) nothing is kept, and such requests are compiled each time.
"""

import datetime as dt
import re
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from django.db.models import Model, QuerySet

#: Name of a value -> the value: `{"programme": ["diagnostics"], "day": date(2024, 5, 3)}`.
Values = dict[str, Any]
#: How many shapes a process keeps. Beyond that it starts again: shapes are cheap to make and few in practice.
MOST = 2000

_UTC = dt.UTC


@dataclass(frozen=True)
class Slot:
    """Where a value goes: which one, for a list at which place, and as what the ORM hands it to the database."""

    name: str
    place: int | None
    as_text: bool = False
    as_int: bool = False

    def value(self, values: Values) -> Any:
        value = values[self.name] if self.place is None else values[self.name][self.place]
        return value.isoformat() if self.as_text else int(value) if self.as_int else adapted(value)


@dataclass(frozen=True)
class Statement:
    """SQL with slots for its parameters. What is the same for all values is written into it, for the sake of the planner."""

    sql: str
    slots: tuple[Slot, ...]

    def bind(self, values: Values) -> list[Any]:
        return [slot.value(values) for slot in self.slots]


#: What turns a column's value as the database gives it into that of a field: the functions, and the column as an expression.
Converter = tuple[list[Any], Any]

_kept: dict[Hashable, Statement | None] = {}
_converters: dict[type[Model], list[Converter]] = {}
_lock = threading.Lock()


def rows(shape: Hashable | None, build: Callable[[Values], QuerySet], values: Values) -> list[tuple[Any, ...]]:
    """What the database answers to that which `build` makes of these values. Without a shape nothing is kept."""
    if shape is not None and shape not in _kept:
        _keep(shape, _compile(build, values))
    found = _kept.get(shape) if shape is not None else None
    if found is None:
        try:
            sql, parameters = build(values).query.sql_with_params()
        except EmptyResultSet:  # a number beyond what its column holds
            return []
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
    return _run(found.sql, found.bind(values))


def records(model: Any, shape: Hashable, build: Callable[[Values], QuerySet], values: Values) -> list[Any]:
    """The same as records of a model, of which `build` makes a plain queryset."""
    names = [field.attname for field in model._meta.concrete_fields]

    def stored(given: Values) -> QuerySet:
        return build(given).values_list(*names)

    converters = _converters_of(model)
    found = []
    for row in rows((model, "records", shape), stored, values):
        fields = [_converted(value, converter) for value, converter in zip(row, converters, strict=True)]
        found.append(model.from_db(connection.alias, names, fields))
    return found


def _converters_of(model: Any) -> list[Converter]:
    if model not in _converters:
        columns = [field.get_col(model._meta.db_table) for field in model._meta.concrete_fields]
        _converters[model] = [
            ([*connection.ops.get_db_converters(column), *column.get_db_converters(connection)], column) for column in columns
        ]
    return _converters[model]


def _converted(value: Any, converter: Converter) -> Any:
    functions, column = converter
    for function in functions:
        value = function(value, column, connection)
    return value


def _run(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """On PostgreSQL past Django's cursor, which binds on this side, so that the server keeps the plan."""
    database = connections[DEFAULT_DB_ALIAS]  # looked up once: `connection` looks for it with each of its attributes
    if database.vendor != "postgresql" or database.queries_logged:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
    try:
        return _run_prepared(database, sql, parameters)
    except (InterfaceError, OperationalError):
        if database.in_atomic_block:
            raise
        database.close()  # the server was started anew since this connection was last used
        return _run_prepared(database, sql, parameters)


def _run_prepared(database: Any, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    from psycopg import RawCursor

    database.ensure_connection()
    with database.wrap_database_errors, RawCursor(database.connection) as cursor:
        return cursor.execute(_numbered(sql), parameters, prepare=True).fetchall()


@lru_cache(maxsize=MOST)
def _numbered(sql: str) -> bytes:
    """As PostgreSQL takes it, with `$1` for the first `%s`. psycopg would take a long statement apart each time it is sent."""
    numbers = count(1)
    return re.sub("%(%|s)", lambda found: "%" if found[1] == "%" else f"${next(numbers)}", sql).encode()


def _keep(shape: Hashable, found: Statement | None) -> None:
    with _lock:
        if len(_kept) >= MOST:
            _kept.clear()
        _kept[shape] = found


def _compile(build: Callable[[Values], QuerySet], values: Values) -> Statement | None:
    """The statement with its slots; None where the values cannot be told from the rest."""
    one, other = (made_up(values, seed) for seed in (1, 2))
    try:
        sql, first = build(one).query.sql_with_params()
        again, second = build(other).query.sql_with_params()
    except EmptyResultSet:  # a made-up number beyond what its column holds
        return None
    if sql != again or len(first) != len(second):
        return None
    parts = [_slot(left, right, one, other) if left != right else left for left, right in zip(first, second, strict=True)]
    if None in [part for part, left, right in zip(parts, first, second, strict=True) if left != right]:
        return None
    return Statement(_with_constants(sql, parts), tuple(part for part in parts if isinstance(part, Slot)))


def _with_constants(sql: str, parts: list[Any]) -> str:
    """The SQL with all parameters written into it but the slots."""
    pieces = re.split(r"(?<!%)%s", sql)
    placed = ("%s" if isinstance(part, Slot) else _literal(part).replace("%", "%%") for part in parts)
    return "".join(piece for pair in zip(pieces, (*placed, ""), strict=True) for piece in pair)


def _literal(value: Any) -> str:
    if connection.vendor == "postgresql":
        from psycopg import sql

        raw: Any = connection.connection
        return sql.Literal(value).as_string(raw)
    return "NULL" if value is None else "'{}'".format(value.replace("'", "''")) if isinstance(value, str) else repr(value)


def _slot(left: Any, right: Any, one: Values, other: Values) -> Slot | None:
    """The slot that explains why a parameter differs, if there is one."""
    for name, value in one.items():
        places = range(len(value)) if isinstance(value, list) else [None]
        for slot in (slot for place in places for slot in _slots(name, place, value)):
            if (left, right) == (slot.value(one), slot.value(other)) and type(left) is type(slot.value(one)):
                return slot
    return None


def _slots(name: str, place: int | None, value: Any) -> list[Slot]:
    """The ways in which the ORM hands over a value."""
    as_text = [Slot(name, place, as_text=True)] if isinstance(value, dt.date) else []
    as_int = [Slot(name, place, as_int=True)] if isinstance(value, Decimal) else []
    return [Slot(name, place), *as_text, *as_int]


def made_up(values: Values, seed: int) -> Values:
    """Other values of the same types, each different from all others."""
    return {name: _made_up(value, seed * 1000 + number * 10) for number, (name, value) in enumerate(values.items())}


def _made_up(value: Any, seed: int) -> Any:
    match value:
        case list():
            return [_made_up(item, seed * 1000 + place) for place, item in enumerate(value)]
        case dt.datetime():
            return dt.datetime(1900, 1, 1, tzinfo=_UTC) + dt.timedelta(minutes=seed)
        case dt.date():
            return dt.date(1900, 1, 1) + dt.timedelta(days=seed)
        case Decimal():
            return Decimal(seed)
        case int():
            return 20_000 + seed  # fits into the smallest column
        case _:
            return f"made-up-{seed}"


def adapted(value: Any) -> Any:
    """As the database takes it."""
    match value:
        case dt.datetime():
            return connection.ops.adapt_datetimefield_value(value)
        case dt.date():
            return connection.ops.adapt_datefield_value(value)
        case _:
            return value
