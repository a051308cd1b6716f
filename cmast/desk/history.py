"""The history of a record for people: who, when, why, and each field before and after in words."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from cmast import dates
from cmast.desk.columns import NOTHING, figure, label
from cmast.history.context import Origin
from cmast.history.reading import columns_of, is_row_of_record, linked, name_of, names_of, owner_column, relation_of
from cmast.models import Change, Person, Reader, Record

#: (table, id) -> name.
Names = dict[tuple[str, int], str]
DONE: dict[str, str] = {Change.Operation.INSERT: "Added", Change.Operation.DELETE: "Deleted"}
PER_PAGE = 50


@dataclass(frozen=True)
class Difference:
    """One field of a change, in words."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """What one person did to a record at one moment."""

    changed_at: dt.datetime
    done: str
    person: str
    origin: str
    reason: str
    record_id: int
    name: str
    differences: list[Difference]


class HistoryDesk(admin.ModelAdmin):
    """The history of each record, also of deleted ones. Django's own log of the admin is not kept beside it."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The database has written it down."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet) -> Any:
        """The database has written it down."""

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_deleted"
        return [path("deleted/", self.admin_site.admin_view(self.deleted_view), name=name), *super().get_urls()]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        try:
            seen = Change.objects.visible_to(request.user)
            last = seen.filter(table=self.opts.db_table, row_id=int(object_id)).first()
        except ValueError:
            last = None
        if last is None:
            raise Http404
        changes = seen.filter(record_type=last.record_type, record_key=last.record_key, record_id=last.record_id).exclude(
            operation=Change.Operation.TOUCH
        )
        context = {"title": f"History of “{record or name_of(last)}”", "record": record}
        return self._page(request, "admin/object_history.html", changes, context)

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """Records of this kind that are gone, each with a link to its history."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        seen = Change.objects.visible_to(request.user)
        changes = seen.filter(table=self.opts.db_table, operation=Change.Operation.DELETE)
        return self._page(request, "admin/deleted.html", changes, {"title": f"Deleted {self.opts.verbose_name_plural}"})

    def _page(
        self, request: HttpRequest, template: str, changes: models.QuerySet[Change], context: dict[str, Any]
    ) -> HttpResponse:
        paginator = self.get_paginator(request, changes, PER_PAGE)
        shown = paginator.get_page(request.GET.get(PAGE_VAR, 1))
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "entries": entries(shown.object_list, request.user),
                "shown": shown,
                "page_range": paginator.get_elided_page_range(shown.number),
                "page_var": PAGE_VAR,
                "list_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
                **context,
            },
        )


def since(model: type[Record], pk: int, version: int) -> models.QuerySet[Change]:
    """What was done to a record after it had this version."""
    rows = Change.objects.filter(table=model._meta.db_table, row_id=pk)
    seen = rows.filter(after__version__lte=version).values_list("pk", flat=True).first() or 0
    keys = rows.order_by().values("record_key")
    return Change.objects.filter(record_type=model._meta.label_lower, record_key__in=keys, record_id=pk, pk__gt=seen)


def entries(changes: Iterable[Change], reader: Reader) -> list[Entry]:
    """Changes as entries: what one request did is one entry. Two queries, however many there are."""
    rows = list(changes)
    names = names_of(linked(rows), reader)
    people = dict(Person.objects.filter(key__in={row.actor for row in rows}).values_list("key", "name"))
    return [_entry(list(together), names, people) for _, together in groupby(rows, _moment)]


def _moment(change: Change) -> tuple[Any, ...]:
    """Deletions of several records by one request stay apart."""
    return (change.request_id or change.pk, change.record_type, change.record_id, change.reason, change.origin)


def _entry(together: list[Change], names: Names, people: dict[str, str]) -> Entry:
    change = next(filter(is_row_of_record, together), together[0])
    return Entry(
        changed_at=change.changed_at,
        done=DONE.get(change.operation, "Changed") if is_row_of_record(change) else "Changed",
        person=people.get(change.actor, change.actor),
        origin=Origin(change.origin).label,
        reason=change.reason,
        record_id=change.record_id,
        name=name_of(change),
        differences=[*_fields(together, names), *_relations(together, names)],
    )


def _fields(together: list[Change], names: Names) -> Iterator[Difference]:
    """The fields of the record itself. A date and how exactly it is known are one thing."""
    for change in filter(is_row_of_record, reversed(together)):
        fields = columns_of(change.table)
        columns = dict.fromkeys(_date_of(column, fields) for column in change.differences)
        for column in columns:
            before, after = (_stated(column, fields, row, names) for row in (change.before, change.after))
            if before != after:
                yield Difference(label(column.removesuffix("_id").removesuffix("_on").replace("_", " ")), before, after)


def _relations(together: list[Change], names: Names) -> Iterator[Difference]:
    """The relations to many: what was taken away and what was added."""
    rows = [change for change in reversed(together) if not is_row_of_record(change)]
    for table, found in groupby(sorted(rows, key=lambda change: change.table), lambda change: change.table):
        changes = list(found)
        gone = [_other_end(change, change.before, names) for change in changes if change.before]
        come = [_other_end(change, change.after, names) for change in changes if change.after]
        said = label(str(relation_of(changes[0]).verbose_name)) if relation_of(changes[0]) else table
        yield Difference(
            said, f"without {'; '.join(gone)}" if gone else NOTHING, f"with {'; '.join(come)}" if come else NOTHING
        )


def _other_end(change: Change, row: dict[str, Any], names: Names) -> str:
    fields = columns_of(change.table)
    column = next(name for name in fields if name not in ("id", owner_column(change)))
    return in_words(fields[column], row[column], names)


def _date_of(column: str, fields: dict[str, Any]) -> str:
    """For the precision of a date: the date."""
    date = f"{column.removesuffix('_precision')}_on"
    return date if column.endswith("_precision") and date in fields else column


def _stated(column: str, fields: dict[str, Any], row: dict[str, Any] | None, names: Names) -> str:
    if row is None:
        return NOTHING
    value, precision = row.get(column), row.get(f"{column.removesuffix('_on')}_precision")
    if precision and column.endswith("_on"):
        # A range ends with its forecast.
        starts_on = row.get("starts_on") if column == "forecast_on" else None
        return dates.describe(_date(value) if value else None, precision, _date(starts_on) if starts_on else None)
    return in_words(fields.get(column), value, names)


def in_words(field: Any, value: Any, names: Names) -> str:
    """A value as a person says it, whether it comes from a form or from the history."""
    if value in (None, "", []):
        return NOTHING
    match field:
        case models.ForeignKey():
            return names.get((field.related_model._meta.db_table, value), str(value))
        case models.ManyToManyField():
            return "; ".join(in_words(None, names.get((field.related_model._meta.db_table, pk), pk), names) for pk in value)
        case models.JSONField():
            return _list(field, json.loads(value) if isinstance(value, str) else value)
        case models.DecimalField():
            return figure(Decimal(str(value)))
        case models.BooleanField():
            return "Yes" if value else "No"
        case models.DateField() if not isinstance(field, models.DateTimeField):
            return dates.describe(_date(value), dates.DatePrecision.DAY)
        case models.Field() if field.flatchoices:
            return str(dict(field.flatchoices).get(value, value))
        case _:
            return str(value)


def _list(field: Any, values: list[Any]) -> str:
    labels = dict(field.words.choices) if getattr(field, "words", None) else {}
    return "; ".join(str(labels.get(value, value)) for value in values) or NOTHING


def _date(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
