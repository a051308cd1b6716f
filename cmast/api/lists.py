"""Lists and details read in one statement, compiled once per shape, answered without models or serializers.

What a request asks for is taken apart here into its shape and its values. Whatever is not plainly right (an unknown
parameter, a wrong value) is left to the FilterSet and the serializers, which answer the same and know what to say.
"""

import datetime as dt
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, F, QuerySet
from rest_framework.request import Request

from cmast import shapes
from cmast.api.authentication import stamp_for
from cmast.api.filters import StrictBooleanFilter
from cmast.api.finding import rights
from cmast.api.pagination import PARAMETERS, Page, address_with, page_of, wants_count
from cmast.api.problems import QueryError
from cmast.api.rows import Columns, MomentText, joined_to, stored
from cmast.models import Record
from cmast.models.access import Stamp
from cmast.models.people import anybody

#: Columns beside the record's own: the one that orders the list, the primary key, and the stamp of all rights.
BESIDE = 3


class AccessChanged(Exception):
    """What the caller may do has changed since it was last read."""


class NotPlain(Exception):
    """The request is one for the FilterSet and the serializers."""


@dataclass(frozen=True)
class Asked:
    """What a list is asked for: the filters with their values, and of their values what the SQL depends on."""

    shape: tuple[Hashable, ...]
    values: shapes.Values
    #: Filters whose answer is a word, such as true or false.
    words: dict[str, str]


def page(view: Any, request: Request) -> bytes:
    """The body of a list. Raises NotPlain, AccessChanged."""
    day = view.day_of_question()
    try:
        wanted, is_counted = page_of(request, view), wants_count(request)
    except QueryError as error:
        raise NotPlain from error
    asked = _asked(view, request)
    place = _place(view, wanted)

    def build(values: shapes.Values) -> QuerySet:
        after = replace(wanted, value=values.get("value"), pk=values.get("pk", 0))
        found = after.by_index(stored(_filtered(view, request, asked, values)))
        return _columns(view, request, values, joined_to(found, values["day"]), wanted.column).order_by(*after.order)

    shape = ("list", *asked.shape, wanted.size, wanted.column, wanted.is_descending, *place)
    rows = _fetch(view, request, shape, build, {**asked.values, **place, "day": day})
    answer: dict[str, Any] = {"next": None}
    if len(rows) > wanted.size:
        del rows[wanted.size]
        value, pk, _ = rows[-1][-BESIDE:]
        answer["next"] = address_with(request, "cursor", wanted.cursor(value, pk))
    if is_counted:
        answer["count"] = _filtered(view, request, asked, {**asked.values, "day": day}).count()
    answer["results"] = loading(_class(view)).objects(rows)
    return orjson.dumps(answer)


def record(view: Any, request: Request, key: str, is_confirmed: bool = False) -> tuple[bytes, str] | None:
    """The body of a detail and its ETag; null where there is none that the caller may see.

    Raises AccessChanged, unless the caller's rights are confirmed already and may have changed by what they have just written.
    """

    def build(values: shapes.Values) -> QuerySet:
        rows = view.queryset.visible_to(request.user).with_computed(values["day"])
        return _columns(view, request, values, rows.filter(key=values["key"]), "pk")

    values = {"key": key, "day": view.day_of_question()}
    rows = _fetch(view, request, ("detail",), build, values, is_confirmed=is_confirmed)
    if not rows:
        return None
    (found,) = loading(_class(view)).objects(rows)
    return orjson.dumps(found), found["etag"]


def version(view: Any, request: Request, key: str) -> int | None:
    """The present version of a record that the caller may see. Raises AccessChanged."""

    def build(values: shapes.Values) -> QuerySet:
        rows = view.queryset.visible_to(request.user).filter(key=values["key"])
        return rows.annotate(stamp_=_stamp(request)).values_list("version", "stamp_")

    rows = _fetch(view, request, ("version",), build, {"key": key})
    return rows[0][0] if rows else None


def _asked(view: Any, request: Request) -> Asked:
    """The filters of the query string with what they are asked for."""
    filters = view.filterset_class.base_filters
    shape: list[Hashable] = []
    values: shapes.Values = {}
    words: dict[str, str] = {}
    for name, texts in request.query_params.lists():
        if len(texts) != 1 or not texts[0]:
            raise NotPlain
        if name in PARAMETERS:
            continue
        value = _cleaned(filters.get(name), request, name)
        if name == "on":
            continue
        if isinstance(filters[name], StrictBooleanFilter):
            words[name] = value
            shape.append((name, value))
        else:
            values[f"filter {name}"] = value
            shape.append((name, len(value) if isinstance(value, list) else None))
    return Asked(tuple(sorted(shape, key=str)), values, words)


def _cleaned(filter_: Any, request: Request, name: str) -> Any:
    """The value as the filter's form field understands it."""
    if filter_ is None:
        raise NotPlain
    try:
        value = filter_.field.clean(filter_.field.widget.value_from_datadict(request.query_params, {}, name))
    except ValidationError as error:
        raise NotPlain from error
    if value in (None, "", []):
        raise NotPlain
    return value


def _filtered(view: Any, request: Request, asked: Asked, values: shapes.Values) -> QuerySet:
    rows = view.queryset.visible_to(request.user).with_computed(values["day"])
    filterset = view.filterset_class(request=request)
    filterset.today = values["day"]
    given = {name.removeprefix("filter "): values[name] for name in asked.values} | asked.words
    for name, value in given.items():
        rows = filterset.filters[name].filter(rows, value)
    return rows


def _place(view: Any, wanted: Page) -> shapes.Values:
    """Where the page begins, in the types of the columns."""
    if wanted.is_first:
        return {}
    if wanted.column == "pk" or wanted.value is None:
        return {"pk": wanted.pk}
    return {"pk": wanted.pk, "value": _column(_class(view), wanted.column).to_python(wanted.value)}


@cache
def _column(view_class: Any, name: str) -> Any:
    """The field of a column of the table, or of one that is computed."""
    rows = view_class.queryset.with_computed(dt.date.min)
    return rows.query.annotations[name].output_field if name in rows.query.annotations else rows.model._meta.get_field(name)


def _columns(view: Any, request: Request, values: shapes.Values, rows: QuerySet, order: str) -> QuerySet:
    """The rows as tuples: every column of the record, then what stands beside."""
    day, mark = values["day"], values.get("mark", "")
    made = Columns(view.serializer_class(), request.user, day, mark).expressions
    found = {f"{name}_": expression for name, expression in made.items()}
    is_moment = order != "pk" and isinstance(_column(_class(view), order), DateTimeField)
    beside = {"order__": MomentText(order) if is_moment else F(order), "pk__": F("pk"), "stamp__": _stamp(request)}
    return rows.annotate(**found, **beside).values_list(*found, *beside)


def _stamp(request: Request) -> Stamp:
    caller: Any = request.user
    return Stamp(with_data=bool(caller.reach.hidden))


def _fetch(
    view: Any,
    request: Request,
    shape: tuple[Hashable, ...],
    build: Callable[[shapes.Values], QuerySet],
    values: shapes.Values,
    is_confirmed: bool = False,
) -> list[tuple[Any, ...]]:
    """The rows, read with the rights that hold now. Raises AccessChanged."""
    caller: Any = request.user
    if hidden := caller.reach.hidden:
        values = {**values, "mark": hidden.mark}
    view_class = _class(view)
    whose = (*rights(caller, involved(view_class)), bool(hidden) and Stamp.sees_data())
    rows = shapes.rows((view_class, *whose, *shape), build, values)
    stamp = None if is_confirmed else getattr(request, "access_stamp", None)  # a session's rights were read just now
    if stamp is not None and stamp != (rows[0][-1] if rows else stamp_for(caller)):
        raise AccessChanged
    return rows


def _class(view: Any) -> Any:
    return type(view)


@cache
def loading(view_class: Any) -> Columns:
    """How to load what the database answers; the same for every reader and day."""
    return Columns(view_class.serializer_class(), anybody(), dt.date.min, "")


@cache
def involved(view_class: Any) -> frozenset[type[Record]]:
    """Kinds of record that a list of this view reads or looks through, whose rights its SQL depends on."""
    model: Any = view_class.queryset.model
    declared = view_class.serializer_class._declared_fields
    parts = {model._meta.get_field(name).related_model for name in declared if name in _relations(model)}
    near = {model, *parts, *_linked(model)}
    return frozenset(kind for found in near for kind in {found, *_linked(found)} if issubclass(kind, Record))


def _relations(model: Any) -> set[str]:
    return {field.name for field in model._meta.get_fields() if field.is_relation}


def _linked(model: Any) -> set[Any]:
    return {field.related_model for field in (*model._meta.concrete_fields, *model._meta.many_to_many) if field.is_relation}
