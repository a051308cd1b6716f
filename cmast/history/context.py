"""Who makes a change, why, and from where. The triggers ask for it; nobody has to pass it on."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

from cmast.middleware import request_id
from cmast.vocabulary import Words


class Origin(Words):
    """The entrance that a change came in by."""

    API = "api", "API"
    ADMIN = "admin"
    TASK = "task"
    COMMAND = "command"
    ANSWER = "answer", "Answer to an e-mail"


@dataclass(frozen=True)
class Context:
    """What a change is written down with. The actor is asked for late: the API knows its caller only after the middleware."""

    actor: Callable[[], str] = str
    reason: str = ""
    origin: str = Origin.COMMAND
    is_maintenance: bool = False
    as_of: str = ""

    def as_settings(self) -> dict[str, str]:
        """As the database is told: names below `cmast.`."""
        return {
            "actor": self.actor(),
            "reason": self.reason,
            "origin": self.origin,
            "request_id": request_id.get() if request_id.get() != "-" else "",
            "maintenance": "on" if self.is_maintenance else "",
            "as_of": self.as_of,
        }


_NOBODY = Context()
_TELL = "SELECT " + ", ".join("set_config(%s, %s, false)" for _ in _NOBODY.as_settings())
_current: ContextVar[Context] = ContextVar("change_context")


def current() -> Context:
    return _current.get(_NOBODY)


@contextmanager
def changing(**values: Any) -> Iterator[Context]:
    """Changes inside this block carry these values: `with changing(reason="Moved by the board"):`."""
    token = _current.set(replace(current(), **values))
    try:
        yield current()
    finally:
        _current.reset(token)


_WRITING = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def _tell_postgresql(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Before a statement that writes, say who writes, in the same message to the server.

    Sent each time: what a session was told inside a transaction is forgotten when that rolls back.
    """
    if not isinstance(sql, str) or not sql.lstrip().upper().startswith(_WRITING):
        return execute(sql, params, many, context)
    tell, values = told()
    if many or params is None or isinstance(params, dict):
        context["connection"].connection.execute(tell, values)
        return execute(sql, params, many, context)
    done = execute(f"{tell}; {sql}", [*values, *params], many, context)
    context["cursor"].cursor.nextset()
    return done


def told() -> tuple[str, list[str]]:
    """The query that tells PostgreSQL who writes, with its parameters, to stand in a statement that writes."""
    settings = current().as_settings()
    return _TELL, [text for name, value in settings.items() for text in (f"cmast.{name}", value)]


def _prepare(sender: Any, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A new connection learns how to ask for the context."""
    if connection.vendor == "sqlite":
        # A program that does not bring this function along cannot write to the register at all.
        connection.connection.create_function("cmast_context", 1, lambda name: current().as_settings()[name])
        # Django counts with the 999 parameters of an old SQLite, and would write many rows in many statements.
        features: Any = connection.features
        features.max_query_params = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        return
    raw: Any = connection.connection
    raw.prepare_threshold, raw.prepared_max = 5, 500  # for `cmast.shapes`; Django's own cursors prepare nothing
    if _tell_postgresql not in connection.execute_wrappers:
        connection.execute_wrappers.append(_tell_postgresql)


connection_created.connect(_prepare, dispatch_uid="cmast.history.context")


class ChangeContextMiddleware:
    """Changes made by a request carry who asked and by which entrance."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def actor() -> str:
            user = getattr(request, "user", None)
            return user.key if user is not None and user.is_authenticated else ""

        origin = Origin.API if request.path.startswith("/api/") else Origin.ADMIN
        with changing(actor=actor, origin=origin):
            return self.get_response(request)
