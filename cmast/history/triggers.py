"""The row triggers of the register, generated from the models for PostgreSQL and SQLite.

They hold what no application code could hold for every path:

* each insert, update and delete of a record, and of the rows of its many-to-many relations, is written to `Change`;
* an update moves the record's version by one, and is refused when it carries an older version than the stored one;
* a record shown with something of another (its name, its parts) moves its version when that changes: `Record.touches`,
  `Record.computed_from`;
* a record that names a workstream belongs to that workstream's programme, and moves along with it: `Record.follows`;
* nobody changes or deletes a `Change`.

SQLite drops triggers when a migration rebuilds a table, and both databases refuse to alter what a trigger or view reads, so
`remove` runs before and `install` after every migration.
"""

from typing import Any

from django.db import connections

from cmast.history import as_of, postgresql, sqlite
from cmast.history.rules import tables
from cmast.models import AccessStamp, Change, FeedEntry


def statements(vendor: str) -> list[str]:
    """Everything that is to be in the database."""
    return list(sqlite.statements() if vendor == "sqlite" else postgresql.statements())


def remove(using: str = "default", **_: Any) -> None:
    """Take away every trigger and view, so that a migration can alter the tables."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
            return
        as_of.remove(cursor)
        cursor.execute(
            "SELECT DISTINCT p.oid::regprocedure FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE NOT t.tgisinternal AND n.nspname = 'public'"
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {function} CASCADE")


def install(using: str = "default", **_: Any) -> None:
    """Make every trigger and view anew, once all tables are there. Runs after each app's migrations."""
    connection = connections[using]
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        needed = {table.name for table in tables()} | {kind._meta.db_table for kind in (Change, FeedEntry, AccessStamp)}
        if not needed <= present:
            return
        remove(using)
        for statement in statements(connection.vendor):
            cursor.execute(statement)
        if connection.vendor != "sqlite":
            as_of.install(cursor, [table.name for table in tables()])
