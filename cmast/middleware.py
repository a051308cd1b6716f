"""One id per request: in the answer, in every log line, in every error. And where a request came from."""

import ipaddress
import logging
import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

request_id: ContextVar[str] = ContextVar("request_id", default="-")
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Takes over a caller's `X-Request-ID` when it is harmless, makes one otherwise, and sends it back.

    What is answered here is for the caller alone, so nothing on the way may keep it; static files say otherwise themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        # Not taken back at the end: Django logs refusals after the middleware, and the next request sets its own.
        request_id.set(given if _ACCEPTABLE.fullmatch(given) else secrets.token_hex(16))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id.get()
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class RequestIdFilter(logging.Filter):
    """Puts the current request's id on each log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def client_address(request: HttpRequest) -> str:
    """The address that the outermost of our own proxies (`CMAST_PROXIES`) heard from; of IPv6 the network of one subscriber.

    Each proxy adds it to X-Forwarded-For on the right. Whatever stands further left, the caller may have invented.
    """
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    hops = [*told, request.META.get("REMOTE_ADDR", "")]
    return _subscriber(hops[-1 - min(settings.PROXIES, len(told))])


def _subscriber(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"  # a proxy that writes something else: then they are all one
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))
