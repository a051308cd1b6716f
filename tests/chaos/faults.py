"""The product's application with five places at which a request can kill the process that serves it.

Only test_kills starts it, and the product knows nothing of it: the places are found from outside, by watching the statements on
the table of keys. A request names its place in the header `X-Fault`; each death is written to the file `FAULT_LOG` before it
happens.
"""

import os
import re
import signal
from typing import Any

from django.db import connection
from django.urls import resolve

from cmast.wsgi import application as product

CLAIM = re.compile(r'INSERT INTO "?cmast_idempotencykey')
STORED = re.compile(r'UPDATE "?cmast_idempotencykey')


def application(environ: dict[str, Any], start_response: Any) -> Any:
    fault = Fault(environ.get("HTTP_X_FAULT"))
    with connection.execute_wrapper(fault.watch):
        response = product(environ, start_response)
    if fault.is_stored:
        fault.die_at("after-the-commit")
    return response


class Fault:
    """Where one request is to kill its process."""

    def __init__(self, place: str | None) -> None:
        self.place = place
        self.is_stored = False

    def watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Around every statement of the request."""
        if CLAIM.search(sql):
            self.die_at("before-the-claim")
            result = execute(sql, params, many, context)
            self.die_at("before-the-work")
            return result
        if STORED.search(sql):
            self.die_at("before-the-answer-is-stored")
            result = execute(sql, params, many, context)
            self.die_at("before-the-commit")
            self.is_stored = True
            return result
        return execute(sql, params, many, context)

    def die_at(self, place: str) -> None:
        if self.place == place:
            with open(os.environ["FAULT_LOG"], "a") as log:
                log.write(f"{place}\n")
            os.kill(os.getpid(), signal.SIGKILL)


# Imports every route before the processes part, so that the next one can serve at once.
resolve("/health/live/")
