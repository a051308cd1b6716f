"""The web process: `gunicorn cmast.wsgi`.

Calls of the API with a token take a way of their own through Django, without what only browsers need: sessions, messages,
forms, static files. Everything else takes the whole way, also the API where a browser calls it with its session.
"""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cmast.settings")

import django
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch, resolve
from django.utils.module_loading import import_string

django.setup(set_prefix=False)


class ApiHandler(WSGIHandler):
    """Django with the middleware of `API_MIDDLEWARE` only, none of which hooks into views."""

    def load_middleware(self, is_async: bool = False) -> None:
        handler: Any = self  # the stubs leave these out
        handler._view_middleware, handler._template_response_middleware, handler._exception_middleware = [], [], []
        chain = convert_exception_to_response(handler._get_response)
        for path in reversed(settings.API_MIDDLEWARE):
            chain = convert_exception_to_response(import_string(path)(chain))
        handler._middleware_chain = chain

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        request.resolver_match = found = _route(request.path_info)
        return found


@lru_cache(maxsize=4096)
def _route(path: str) -> ResolverMatch:
    """What answers at this address. Programs ask at the same addresses again and again."""
    return resolve(path)


whole, api = WSGIHandler(), ApiHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    is_call = environ["PATH_INFO"].startswith("/api/v1/") and "HTTP_AUTHORIZATION" in environ
    return (api if is_call else whole)(environ, start_response)
