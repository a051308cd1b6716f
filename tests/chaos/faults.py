"""The product's application with five places at which a request can kill the process that serves it.

Only test_kills starts it. The product knows nothing of it: functions of `cmast.api.idempotency` are wrapped from outside.
A request names its place in the header `X-Fault`; each death is written to the file `FAULT_LOG` before it happens.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from django.urls import resolve

from cmast import wsgi
from cmast.api import idempotency
from cmast.models import IdempotencyKey

_request = threading.local()
_claim, _run, _save = idempotency._claim, idempotency._run, IdempotencyKey.save


def application(environ: dict[str, Any], start_response: Any) -> Any:
    _request.fault = environ.get("HTTP_X_FAULT")
    return wsgi.application(environ, start_response)


def _die_at(place: str) -> None:
    if _request.fault == place:
        with open(os.environ["FAULT_LOG"], "a") as log:
            log.write(f"{place}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def _deadly_claim(*args: Any) -> IdempotencyKey:
    _die_at("before-the-claim")
    return _claim(*args)


def _deadly_run(handler: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    def work(*args: Any, **kwargs: Any) -> Any:
        _die_at("before-the-work")
        response = handler(*args, **kwargs)
        _die_at("before-the-answer-is-stored")
        return response

    response = _run(work, *args, **kwargs)
    _die_at("after-the-commit")
    return response


def _deadly_save(key: IdempotencyKey, *args: Any, **kwargs: Any) -> None:
    is_the_claim = key._state.adding
    _save(key, *args, **kwargs)
    if not is_the_claim:
        _die_at("before-the-commit")


for owner, name, deadly in (
    (idempotency, "_claim", _deadly_claim),
    (idempotency, "_run", _deadly_run),
    (IdempotencyKey, "save", _deadly_save),
):
    setattr(owner, name, deadly)

# Imports every route before the processes part, so that the next one can serve at once.
resolve("/health/live/")
