"""A POST that is sent again has one effect and gets the same answer.

`Idempotency-Key`, the effect and the stored answer are one transaction. A second request with the key waits for the first; if
that takes too long it is told to come again. Errors are not stored: nothing happened, so the request may simply run again.
"""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.core.files.base import File
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmast import shapes
from cmast.models import IdempotencyKey

HEADER = "Idempotency-Key"
_FORM = re.compile(r"[\x21-\x7e]{1,255}")
#: Headers of an answer that a replay repeats.
_REPEATED = ("Location", "ETag")
#: How long a second request waits for the first on PostgreSQL, and then for any lock. On SQLite writers queue anyway.
_PATIENCE = "3s"


class KeyReused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was used for another request. A new request needs a new key."
    default_code = "idempotency_key_reused"


class StillRunning(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The first request with this Idempotency-Key is still running. Send it again in a moment."
    default_code = "still_running"
    wait = 3  # becomes Retry-After


class KeyTaken(Exception):
    """Somebody has used the key since we looked."""


def once(handler: Callable[..., HttpResponse]) -> Any:
    """Lets a handler of POST be sent again under an `Idempotency-Key`.

    A view's `needs_key` names the actions that are refused without one: those whose effect cannot be taken back.
    """

    @wraps(handler)
    def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = key_of(request)
        if key is None:
            if view.action in view.needs_key:
                raise ValidationError({HEADER: ["This request needs a key of yours, such as a UUID."]}, "required")
            return handler(view, request, *args, **kwargs)
        try:
            return _run(handler, key, view, request, *args, **kwargs)
        except KeyTaken as taken:
            if (stored := _find(request, key)) is None:
                raise StillRunning from taken  # the first request has failed meanwhile
            return _replay(request, stored)

    marked: Any = wrapper
    marked.is_once = True  # for the OpenAPI document
    return marked


def key_of(request: Request) -> str | None:
    """The caller's key. Raises ValidationError when it has another form than 1 to 255 visible characters."""
    key = request.headers.get(HEADER)
    if key is not None and not _FORM.fullmatch(key):
        raise ValidationError({HEADER: ["Give 1 to 255 visible ASCII characters, such as a UUID."]})
    return key


def _find(request: Request, key: str) -> IdempotencyKey | None:
    caller: Any = request.user
    return IdempotencyKey.objects.filter(person=caller, key=key).first()


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(orjson.dumps(request.data, default=_digest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _digest(file: File) -> str:
    """What stands for a file that is sent."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _run(
    handler: Callable[..., HttpResponse], key: str, view: Any, request: Request, /, *args: Any, **kwargs: Any
) -> HttpResponse:
    with transaction.atomic():
        view.is_atomic = True
        claimed = _claim(request, key)
        response = handler(view, request, *args, **kwargs)
        body = orjson.dumps(response.data, default=str) if isinstance(response, Response) else response.content
        headers = {name: response.headers[name] for name in _REPEATED if name in response.headers}
        shapes.run(_ANSWER, [response.status_code, body.decode(), orjson.dumps(headers).decode(), claimed])
    return response


_ANSWER = "UPDATE cmast_idempotencykey SET status = %s, answer = %s, headers = %s WHERE id = %s RETURNING id"
_CLAIM = """
INSERT INTO cmast_idempotencykey (person_id, key, path, fingerprint, status, answer, headers, created_at)
VALUES (%s, %s, %s, %s, 0, {patience}, '{{}}', %s) ON CONFLICT (person_id, key) DO NOTHING RETURNING id
"""
#: What stands for the answer that is not known yet: an empty text, and for PostgreSQL how long to wait in the same breath.
_WITH_PATIENCE = {"postgresql": f"left(set_config('lock_timeout', '{_PATIENCE}', true), 0)", "sqlite": "''"}


def _claim(request: Request, key: str) -> int:
    """Write the key down first: whoever comes second with it waits here until we commit or fail."""
    values = [request.user.pk, key, request.path, _fingerprint(request), shapes.adapted(timezone.now())]
    try:
        claimed = shapes.run(_CLAIM.format(patience=_WITH_PATIENCE[connection.vendor]), values)
    except OperationalError as error:
        raise StillRunning from error
    if not claimed:
        raise KeyTaken
    return int(claimed[0][0])


def _replay(request: Request, stored: IdempotencyKey) -> HttpResponse:
    if (stored.path, stored.fingerprint) != (request.path, _fingerprint(request)):
        raise KeyReused
    headers = {**stored.headers, "Idempotency-Replayed": "true"}
    return HttpResponse(stored.answer, status=stored.status, content_type="application/json", headers=headers)
