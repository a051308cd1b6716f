"""Copies of the test database: quicker than making it again."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


@contextmanager
def kept() -> Iterator[Callable[[], None]]:
    """Keeps the database as it is now. What is given puts it back so."""
    if connection.vendor == "sqlite":
        copy = sqlite3.connect(":memory:")
        connection.connection.backup(copy)
        yield lambda: copy.backup(connection.connection)
        copy.close()
    else:
        name = connection.settings_dict["NAME"]
        copy_postgresql(name, f"{name}_kept")
        yield lambda: copy_postgresql(f"{name}_kept", name)
        drop_postgresql(f"{name}_kept")


def copy_to_file(file: Path) -> None:
    """The database of SQLite as a file, for other processes."""
    file.write_bytes(connection.connection.serialize())


def copy_postgresql(source: str, target: str) -> None:
    """Nobody may be connected to either while PostgreSQL copies, which it does file by file."""
    drop_postgresql(target)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}" STRATEGY file_copy')


def drop_postgresql(name: str) -> None:
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
