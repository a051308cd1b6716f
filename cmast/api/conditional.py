"""Versions on the wire: ETag out, If-Match and If-None-Match in.

A tag is made of the kind, the key and the version, of the day where computed fields depend on it, and of what is hidden from
the reader. The version moves with everything that the record is shown with, so equal tags mean equal representations.
"""

import datetime as dt
import re
from typing import Any

from django.utils import timezone
from rest_framework.request import Request

from cmast.api.problems import PreconditionFailed, PreconditionRequired
from cmast.models import Change, Record
from cmast.models.restrictions import Hidden

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag_of(model: type[Record], key: str, version: int, day: dt.date, hidden: Hidden) -> str:
    """The tag of a version of a record for a reader, in quotes."""
    shown_on = day.isoformat() if model.depends_on_day else ""
    return '"{}"'.format("-".join(part for part in (model._meta.model_name, key, str(version), shown_on, hidden.mark) if part))


def tags(header: str) -> list[str]:
    """The tags of an If-Match or If-None-Match. A proxy that compresses makes a tag weak; that does not change our versions."""
    return [f'"{tag}"' for tag in _TAG.findall(header)]


def require_match(request: Request, record: Record) -> None:
    """The caller must have read the version that is stored now. Raises PreconditionRequired or PreconditionFailed."""
    given = tags(request.headers.get("If-Match", ""))
    if not given:
        raise PreconditionRequired
    versions = [version for tag in given if (version := version_in(tag, record)) is not None]
    if record.version not in versions:
        raise PreconditionFailed(position_of(request, record, max(versions, default=0)))


def require_match_if_given(request: Request, record: Record) -> None:
    """Who names a version must have read the one that is stored now. Raises PreconditionFailed."""
    if request.headers.get("If-Match", "*").strip() == "*":
        return
    try:
        require_match(request, record)
    except PreconditionRequired as error:
        raise PreconditionFailed(position_of(request, record, 0)) from error


def require_match_unless_last_writer(request: Request, record: Record) -> None:
    """As `require_match`, but a system that was the last to change its record need not have read it again."""
    caller: Any = request.user
    if request.headers.get("If-None-Match", "").strip() == "*":
        raise PreconditionFailed(position_of(request, record, 0))
    changes = Change.objects.filter(record_type=record._meta.label_lower, record_id=record.pk)
    last = changes.exclude(operation=Change.Operation.TOUCH).first()
    if request.headers.get("If-Match") or last is None or last.actor != caller.key:
        require_match(request, record)


def require_absence_allowed(request: Request) -> None:
    """Who names a version has read a record that is not there."""
    if request.headers.get("If-Match"):
        raise PreconditionFailed({})


def version_in(tag: str, record: Record) -> int | None:
    """The version that a tag of this record names; None for a tag of anything else."""
    of_record = rf"{record._meta.model_name}-{re.escape(record.key)}"
    found = re.fullmatch(rf'"{of_record}-(\d{{1,9}})(?:-\d{{4}}-\d\d-\d\d)?(?:-h[0-9a-f]{{8}})?"', tag)
    return int(found.group(1)) if found else None


def position_of(request: Request, record: Record, since: int) -> dict[str, Any]:
    """Where the record stands, and which fields of the request's body somebody else has changed since that version."""
    changed: set[str] = set()
    columns = {field.column: field.name for field in record._meta.concrete_fields}
    for change in Change.objects.filter(record_type=record._meta.label_lower, record_key=record.key).order_by("-id")[:200]:
        if change.table == record._meta.db_table:
            if (change.after or {}).get("version", 0) <= since:
                break
            changed |= {columns.get(column, column) for column in change.differences}
        else:
            changed.add(change.table.removeprefix(f"{record._meta.db_table}_"))
    body = request.data if isinstance(request.data, dict) else {}
    caller: Any = request.user
    return {
        "current_version": record.version,
        "current_etag": etag_of(type(record), record.key, record.version, timezone.localdate(), caller.reach.hidden),
        "changed_fields": sorted(changed),
        "clashing_fields": sorted(changed & set(body)),
    }
