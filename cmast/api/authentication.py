"""Who calls: a bearer token of a system, or the session of a browser.

What a token may do is kept in memory for some seconds. It is never used unconfirmed: a list or a detail reads the
`AccessStamp` in the statement that reads its rows, everything else reads it here, and where the number has moved, all is read
again. So a revoked token, a leaver, a role that ends or a new restriction holds from the next request on, in every process.
"""

import datetime as dt
import hashlib
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.request import Request

from cmast.models import AccessStamp, ApiToken, Person
from cmast.models.access import Stamp
from cmast.models.restrictions import Hidden

#: For how long a caller is kept, in seconds, and how many.
KEPT, MOST = 60, 1000


@dataclass(frozen=True)
class Known:
    """A caller as read from the database."""

    person: Person
    token: ApiToken
    stamp: str
    #: When they were read, and until when they may be used, in seconds since 1970.
    since: float
    until: float

    @property
    def is_fresh(self) -> bool:
        return self.since <= time.time() < self.until

    def caller(self) -> tuple[Person, ApiToken]:
        """The person for one request. Where the stamp does not tell that other records have come below what is hidden, that is
        found out anew."""
        person = Person.__new__(Person)
        person.__dict__ |= self.person.__dict__
        if self.person.reach.hidden and not Stamp.sees_data():
            person.__dict__["reach"] = replace(self.person.reach, hidden=Hidden(self.person.reach.hidden.stated))
        return person, self.token


_known: dict[bytes, Known] = {}
_lock = threading.Lock()


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>`. Every refusal reads the same, whatever was wrong with the token."""

    request: Any

    def authenticate(self, request: Request) -> Any:
        self.request = request
        return super().authenticate(request)

    def authenticate_credentials(self, token: bytes) -> tuple[Person, ApiToken]:
        digest = hashlib.sha256(token).digest()
        known = _known.get(digest)
        if known is None or not known.is_fresh or not (self._confirms_itself() or known.stamp == stamp_for(known.person)):
            known = self._read(token, digest)
        self.request.access_stamp, self.request.access_digest = known.stamp, digest
        return known.caller()

    def _confirms_itself(self) -> bool:
        view = self.request.parser_context.get("view")
        return self.request.method == "GET" and getattr(view, "action", None) in getattr(view, "confirms_access", ())

    def _read(self, token: bytes, digest: bytes) -> Known:
        _known.pop(digest, None)
        stamp = AccessStamp.now(with_data=True)  # before the rest, so that what changes meanwhile is noticed
        person, found = super().authenticate_credentials(token)
        stamp = stamp if person.reach.hidden else stamp.partition("/")[0]
        now = timezone.now()
        known = Known(person, found, stamp, now.timestamp(), _last_moment(found, now).timestamp())
        if person.reach.is_member:  # who is refused now may be let in at any moment
            with _lock:
                if len(_known) >= MOST:
                    _known.clear()
                _known[digest] = known
        return known


def _last_moment(token: ApiToken, now: dt.datetime) -> dt.datetime:
    """Until when a caller is kept. Roles begin and end with a day, tokens at a moment."""
    midnight = timezone.make_aware(dt.datetime.combine(timezone.localdate(now) + dt.timedelta(days=1), dt.time.min))
    return min(now + dt.timedelta(seconds=KEPT), midnight, token.expiry or midnight)


def stamp_for(reader: Any) -> str:
    """The stamp that this reader's rights are kept under: where something is hidden, they follow from other data as well."""
    return AccessStamp.now(with_data=bool(reader.reach.hidden))


def read_again(request: Any) -> None:
    """Forget what was known of the caller and ask the database."""
    _known.pop(request.access_digest, None)
    del request._user, request._auth
    request._authenticate()


def is_outdated(request: Any) -> bool:
    """Whether rights have changed since those of this token's owner were read. A session's are read with each request."""
    stamp = getattr(request, "access_stamp", None)
    return stamp is not None and stamp != stamp_for(request.user)
