"""SQL compiled once for each shape of a request.

The shape is which filters are used with how many values, the order and the kind of page; the values are bound anew each
time. What the ORM makes of a shape is found out by compiling it twice with two sets of made-up values: where the two results
differ by exactly these values, the parameters are slots, and the shape is kept. Where they differ in any other way (a search
that escapes its words, a list that looks into JSON) nothing is kept, and such requests are compiled each time.
"""

import datetime as dt
import json
import re
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from django.db.models import Field, Lookup, Model, QuerySet
from django.db.models.query import get_related_populators


@Field.register_lookup
class AnyOf(Lookup):
    """`key__any=[...]`: one of these, which are one parameter however many they are. The shape of one is another."""

    lookup_name = "any"
    prepare_rhs = False
    among = "{} IN (SELECT value FROM json_each(%s))"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, parameters = self.process_lhs(compiler, connection)
        if not self.rhs:
            raise EmptyResultSet
        if len(self.rhs) == 1:  # for a list PostgreSQL expects more, and would plan each time anew
            return f"{sql} = %s", [*parameters, self.rhs[0]]
        if connection.vendor == "postgresql":
            return f"{sql} = ANY (%s)", [*parameters, self.rhs]
        return self.among.format(sql), [*parameters, json.dumps(self.rhs)]


#: Name of a value -> the value: `{"programme": ["diagnostics"], "day": date(2024, 5, 3)}`.
Values = dict[str, Any]
#: How many shapes a process keeps. Beyond that it starts again: shapes are cheap to make and few in practice.
MOST = 2000

_UTC = dt.UTC


@dataclass(frozen=True)
class Slot:
    """Where a value goes: which one, of a list the one at which place or all, and as what the database is given it."""

    name: str
    place: int | None
    as_text: bool = False
    as_int: bool = False
    as_json: bool = False

    def value(self, values: Values) -> Any:
        value = values[self.name] if self.place is None else values[self.name][self.place]
        if self.as_json:
            return json.dumps(value)
        return value.isoformat() if self.as_text else int(value) if self.as_int else adapted(value)


@dataclass(frozen=True)
class Statement:
    """SQL with slots for its parameters. What is the same for all values is written into it, for the sake of the planner."""

    sql: str
    slots: tuple[Slot, ...]

    def bind(self, values: Values) -> list[Any]:
        return [slot.value(values) for slot in self.slots]


_kept: dict[Hashable, Statement | None] = {}
_readers: dict[Hashable, "Reader"] = {}
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
    return run(found.sql, found.bind(values))


def records(model: type[Model], shape: Hashable, build: Callable[[Values], QuerySet], values: Values) -> list[Any]:
    """The same as records of a model, with those that `build` selects beside them."""
    place = model, "records", shape
    found = rows(place, build, values)
    if not found:
        return []
    if place not in _readers:
        _readers[place] = Reader(build(values))
    return _readers[place].records(found)


class Reader:
    """Makes records of what the database answers to a queryset, as the ORM does."""

    def __init__(self, queryset: QuerySet) -> None:
        self.model = queryset.model
        self.compiler = queryset.query.get_compiler(using=connection.alias)
        self.compiler.pre_sql_setup()
        columns = [column for column, *_ in self.compiler.select]
        first, *_, last = self.compiler.klass_info["select_fields"]
        self.own = slice(first, last + 1)
        self.names = [column.target.attname for column in columns[self.own]]
        self.converters = self.compiler.get_converters(columns)
        populators_of: Any = get_related_populators  # its type is that of another Django
        self.related = populators_of(self.compiler.klass_info, self.compiler.select, connection.alias)

    def records(self, rows: Iterable[tuple[Any, ...]]) -> list[Any]:
        found = []
        for row in self.compiler.apply_converters(rows, self.converters):
            record = self.model.from_db(connection.alias, self.names, row[self.own])
            for populator in self.related:
                populator.populate(row, record)
            found.append(record)
        return found


def run(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """Rows that a statement answers which is the same each time.

    On PostgreSQL past Django's cursor, which binds on this side, so that the server keeps the plan. Who watches the connection
    sees it all the same.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql" or database.queries_logged or len(database.execute_wrappers) > 1:
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
    raw = database.connection
    if not hasattr(raw, "kept_cursor"):
        raw.kept_cursor = RawCursor(raw)
    with database.wrap_database_errors:
        found = raw.kept_cursor.execute(_numbered(sql), parameters, prepare=True).fetchall()
    database.health_check_done = True  # Django need not ask again whether it is there
    return found


@lru_cache(maxsize=MOST)
def _numbered(sql: str) -> bytes:
    """As PostgreSQL takes it, with `$1` for the first `%s`. psycopg would take a long statement apart each time it is sent."""
    numbers = count(1)
    return re.sub("%(%|s)", lambda found: "%" if found[1] == "%" else f"${next(numbers)}", sql).encode()


def _keep(shape: Hashable, found: Statement | None) -> None:
    with _lock:
        if len(_kept) >= MOST:
            _kept.clear()
            _readers.clear()
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
        places = [None, *range(len(value))] if isinstance(value, list) else [None]
        for slot in (slot for place in places for slot in _slots(name, place, value)):
            if (left, right) == (slot.value(one), slot.value(other)) and type(left) is type(slot.value(one)):
                return slot
    return None


def _slots(name: str, place: int | None, value: Any) -> list[Slot]:
    """The ways in which the ORM hands over a value."""
    as_text = [Slot(name, place, as_text=True)] if isinstance(value, dt.date) else []
    as_int = [Slot(name, place, as_int=True)] if isinstance(value, Decimal) else []
    as_json = [Slot(name, place, as_json=True)] if isinstance(value, list) and place is None else []
    return [Slot(name, place), *as_text, *as_int, *as_json]


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
