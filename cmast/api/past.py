"""The moment that a request asks about: `?as_of=` for the register as it was, `?on=` for the day of a question."""

import datetime as dt
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.request import Request

from cmast.api.problems import QueryError
from cmast.history.as_of import reading_as_of


def day_of_question(request: Request) -> dt.date:
    """The day that computed fields speak about: `?on=`, else that of `?as_of=`, else today. Others refuse a wrong day."""
    query = request.query_params
    try:
        return dt.date.fromisoformat(query.get("on") or query.get("as_of", "")[:10])
    except ValueError:
        return timezone.localdate()


def asked_day(request: Request, name: str) -> dt.date | None:
    """A day of the query string, for what has no FilterSet to check it. Raises QueryError."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        day = dt.date.fromisoformat(given)
    except ValueError as error:
        raise QueryError({name: "Give a day, such as 2024-05-03."}) from error
    if not 1900 <= day.year <= 2200:
        raise QueryError({name: "Give a day between the years 1900 and 2200."})
    return day


def the_past(request: Request) -> AbstractContextManager[None]:
    """The register as it was, for `?as_of=` a moment, or the end of a day. Raises QueryError."""
    given = request.query_params.get("as_of")
    if given is None:
        return nullcontext()
    caller: Any = request.user
    # Found out before the tables are replaced: what the caller may see is decided by the roles and restrictions of today.
    caller.reach.hidden.settle()
    return reading_as_of(moment_of(given)) if caller.reach.is_member else nullcontext()


def moment_of(given: str) -> dt.datetime:
    """A moment, or a day, of which the end is meant. Raises QueryError."""
    try:
        day = parse_date(given)
        moment = dt.datetime.combine(day, dt.time.max) if day else parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None or not 1900 <= moment.year <= 2200:
        raise QueryError({"as_of": "Give a day (2024-05-03) or a moment (2024-05-03T12:00:00Z) between 1900 and 2200."})
    aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return aware.astimezone(dt.UTC)  # PostgreSQL reads no offset beyond 15:59
