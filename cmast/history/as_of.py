"""The register as it was at a moment.

For the length of a block each table is replaced by a view of the same name, made from the history: on PostgreSQL by views in
a schema `as_of` that comes first in the search path, on SQLite by temporary views. All code that reads runs unchanged, with
its filters, its links and their names as they were, deletions included.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from cmast.history.context import changing
from cmast.history.rules import tables


def install(cursor: Any, names: list[str]) -> None:
    """The views of PostgreSQL, made anew after each migration."""
    cursor.execute("CREATE SCHEMA as_of")
    for table in names:
        cursor.execute(
            f"CREATE VIEW as_of.{table} AS SELECT (jsonb_populate_record(NULL::public.{table}, latest.after)).* FROM ("
            "SELECT DISTINCT ON (row_id) after FROM public.cmast_change "
            f"WHERE \"table\" = '{table}' AND changed_at <= current_setting('cmast.as_of')::timestamptz "
            "ORDER BY row_id, id DESC) latest WHERE latest.after IS NOT NULL"
        )


def remove(cursor: Any) -> None:
    cursor.execute("DROP SCHEMA IF EXISTS as_of CASCADE")


@contextmanager
def reading_as_of(moment: dt.datetime) -> Iterator[None]:
    """Inside this block the register is as it was at that moment. It can only be read."""
    if connection.vendor == "sqlite":
        with changing(as_of=f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"):
            yield from _with_temporary_views()
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('cmast.as_of', %s, true)", [moment.isoformat()])
            cursor.execute("SET LOCAL search_path = as_of, public")
            try:
                yield
            finally:
                if not connection.needs_rollback:
                    cursor.execute("SET LOCAL search_path = public")


def _with_temporary_views() -> Iterator[None]:
    made: list[str] = []
    with connection.cursor() as cursor:
        try:
            for table in tables():
                columns = ", ".join(
                    f'{_stored(column) if column in table.shown else _withheld(column)} AS "{column}"'
                    for column in table.columns
                )
                cursor.execute(
                    f"CREATE TEMP VIEW {table.name} AS SELECT {columns} FROM main.cmast_change c JOIN ("
                    'SELECT max(id) AS id FROM main.cmast_change WHERE "table" = '
                    f"'{table.name}' AND changed_at <= cmast_context('as_of') GROUP BY row_id) latest ON latest.id = c.id "
                    "WHERE c.after IS NOT NULL"
                )
                made.append(table.name)
            yield
        finally:
            for name in made:
                cursor.execute(f"DROP VIEW temp.{name}")


def _stored(column: str) -> str:
    return f"json_extract(c.after, '$.{column}')"


def _withheld(column: str) -> str:
    """What the history does not keep, in the type of the column."""
    return "''" if column == "password" else "NULL"
