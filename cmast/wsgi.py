"""The web process: `gunicorn cmast.wsgi`.

Calls of the API with a token take a way of their own past Django's middleware and signals: without what only browsers need
(sessions, messages, forms, static files), and with what is the same in every answer found out once. Everything else takes the
whole way, also the API where a browser calls it with its session.
"""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cmast.settings")

import django
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse
from django.http.request import HttpHeaders
from django.middleware.security import SecurityMiddleware
from django.urls import ResolverMatch, resolve
from django.utils.functional import cached_property
from django.utils.log import log_response

from cmast.history.context import ChangeContextMiddleware
from cmast.middleware import RequestIdMiddleware

django.setup(set_prefix=False)

#: What the pages' middleware does for an answer that is no page.
NO_PAGE = [("X-Frame-Options", "DENY"), ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]


#: The stubs would have its inner store an attribute.
DjangoHeaders: Any = HttpHeaders


class Headers(DjangoHeaders):
    """Looked up where they stand. Django takes all of them apart before it looks for one."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ

    def __getitem__(self, name: str) -> str:
        return self.environ[self.to_wsgi_name(name)]

    @cached_property
    def _store(self) -> Any:
        return DjangoHeaders(self.environ)._store


class Request(WSGIRequest):
    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        self.headers = Headers(environ)


class Api:
    """The program for calls with a token. An answer is complete when this returns; none is streamed."""

    def __init__(self) -> None:
        self.answer = RequestIdMiddleware(ChangeContextMiddleware(self._answer))
        self.security = SecurityMiddleware(self._answer)
        self.always: dict[bool, list[tuple[str, str]]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        database = connections[DEFAULT_DB_ALIAS]
        database.close_if_unusable_or_obsolete()
        request = Request(environ)
        response = self.answer(request)
        if response.status_code >= 400:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        request.close()
        database.close_if_unusable_or_obsolete()
        headers = [*response.items(), *_length(response), *self._always(request)]
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        return [] if request.method == "HEAD" else [response.content]

    def _answer(self, request: HttpRequest) -> HttpResponse:
        """What the view says, what becomes of its errors, or the way to https."""
        try:
            request.get_host()  # refuses hosts that are not ours
            if elsewhere := self.security.process_request(request):
                return elsewhere
            request.resolver_match = found = _route(request.path_info)
            response: Any = found.func(request, *found.args, **found.kwargs)
            return response.render() if hasattr(response, "render") else response
        except Exception as error:
            return response_for_exception(request, error)

    def _always(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Headers that are the same in every answer, as Django's own middleware makes them."""
        is_secure = request.is_secure()
        if is_secure not in self.always:
            blank = HttpResponse()
            del blank.headers["Content-Type"]
            self.always[is_secure] = [*NO_PAGE, *self.security.process_response(request, blank).items()]
        return self.always[is_secure]


def _length(response: HttpResponse) -> list[tuple[str, str]]:
    """Of an answer that has a body. On a 304 it would speak of what was not sent."""
    return [] if response.status_code in (204, 304) else [("Content-Length", str(len(response.content)))]


@lru_cache(maxsize=4096)
def _route(path: str) -> ResolverMatch:
    """What answers at this address. Programs ask at the same addresses again and again."""
    return resolve(path)


whole, api = WSGIHandler(), Api()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    is_call = environ["PATH_INFO"].startswith("/api/v1/") and "HTTP_AUTHORIZATION" in environ
    return (api if is_call else whole)(environ, start_response)
