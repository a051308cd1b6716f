"""Seven points at which a process of the register dies when it is told to. Only `tests.chaos.settings` puts them in.

The product knows nothing of them: they are found by watching its statements. A file in `VAR_DIR/armed` that is named like a
point kills the first process that comes there, which writes its death down before it happens.
"""

import os
import re
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created

POINTS = {
    "P0": "the plan is not committed",
    "P1": "the plan is committed",
    "P2": "a claim is committed",
    "P3": "the server has taken the address",
    "P4": "the mark before DATA is committed",
    "P5": "the server has taken the mail",
    "P6": "that is committed",
}


class Watched(NamedTuple):
    """A statement of the register, and the points before it, after it, and after its commit."""

    statement: re.Pattern[str]
    before: str = ""
    after: str = ""
    committed: str = ""


WATCHED = (
    Watched(re.compile(r'INSERT (OR IGNORE )?INTO "cmast_reminder" '), after="P0", committed="P1"),
    Watched(re.compile(r'UPDATE "cmast_maildelivery" SET .*, "lease_token" = %s'), committed="P2"),
    Watched(re.compile(r'UPDATE "cmast_maildelivery" SET "data_started_at" = %s'), before="P3", committed="P4"),
    Watched(re.compile(r'UPDATE "cmast_maildelivery" SET .*"sent_at" = %s'), before="P5", committed="P6"),
)


class Points(AppConfig):
    name = "tests.chaos"

    def ready(self) -> None:
        connection_created.connect(_watch_connection)


def _watch_connection(connection: Any, **_: Any) -> None:
    if _watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(_watch)


def _watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Around every statement. On PostgreSQL another one, which says who is at work, stands before it."""
    found = next((watched for watched in WATCHED if watched.statement.search(sql)), None)
    if found is None:
        return execute(sql, params, many, context)
    die_at(found.before)
    result = execute(sql, params, many, context)
    die_at(found.after)
    context["connection"].on_commit(lambda: die_at(found.committed))
    return result


def die_at(point: str) -> None:
    """Ends this process if the point is armed; of several that come there, one."""
    try:
        armed(settings.VAR_DIR, point).unlink()
    except OSError:
        return
    write_down(settings.VAR_DIR, point)
    os.kill(os.getpid(), signal.SIGKILL)


def armed(folder: Path, point: str) -> Path:
    return folder / "armed" / (point or "none")


def write_down(folder: Path, what: str) -> None:
    """One line in the log of deaths, whole whoever else writes."""
    log = os.open(folder / "deaths", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, f"{time.time():.3f} {what}\n".encode())
    os.close(log)
