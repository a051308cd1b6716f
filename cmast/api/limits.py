"""How many requests a caller has in a while, and headers that say so on every answer.

The counters are in the cache: the process's memory, or Redis where several processes serve. When Redis does not answer nobody
is refused, and it is left alone for a while so that nobody waits for it either.
"""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cmast.middleware import client_address

log = logging.getLogger(__name__)
_POLICY = "RateLimit-Policy"


class Counters:
    """Counts in the cache; where that fails, not at all for the next `PAUSE` seconds."""

    PAUSE = 30

    def __init__(self) -> None:
        self.paused_until = 0.0

    def up(self, key: str, seconds: int) -> int | None:
        """One more under this key, which is forgotten after so many seconds. Null when the cache does not answer."""
        if time.monotonic() < self.paused_until:
            return None
        try:
            count = self._up(key, seconds)
        except RedisError as error:
            if not self.paused_until:
                log.warning("The cache does not answer, so rate limits are not enforced until it does: %r", error)
            self.paused_until = time.monotonic() + self.PAUSE
            return None
        if self.paused_until:
            log.warning("The cache answers again: rate limits are enforced.")
            self.paused_until = 0.0
        return count

    @staticmethod
    def _up(key: str, seconds: int) -> int:
        try:
            return cache.incr(key)
        except ValueError:  # the first of its window
            cache.add(key, 0, seconds)
            return cache.incr(key)


counters = Counters()


class Limit(BaseThrottle):
    """So many requests in each window, counted for the token, else the person, else the address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        quota, seconds = settings.RATE_QUOTA, settings.RATE_WINDOW
        window, passed = divmod(int(time.time()), seconds)
        self.left = seconds - passed
        count = counters.up(f"limit:{_caller(request)}:{window}", 2 * seconds)
        view.headers[_POLICY] = f'"default";q={quota};w={seconds}'
        if count is None:
            return True
        view.headers["RateLimit"] = f'"default";r={max(0, quota - count)};t={self.left}'
        return count <= quota

    def wait(self) -> int:
        return self.left


def counted(exc: Exception, context: Any) -> Exception:
    """The refusal to answer with. DRF asks its throttles last, so what is refused before, as to strangers, is counted here."""
    request, view = context["request"], context["view"]
    if _POLICY in view.headers:
        return exc
    limit = Limit()
    return exc if limit.allow_request(request, view) else Throttled(limit.wait())


def _caller(request: Request) -> str:
    try:
        if request.auth is not None:
            return f"token:{request.auth.pk}"
        if request.user.is_authenticated:
            return f"person:{request.user.pk}"
    except APIException:  # a wrong token makes nobody of the caller
        pass
    return f"address:{client_address(request._request)}"
