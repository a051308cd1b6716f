"""Keyset pages: the next page starts after the last row seen, so nothing is skipped or repeated while rows come and go."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.encoding import escape_uri_path
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.api.problems import QueryError

PARAMETERS = ("cursor", "page_size", "count", "ordering", "as_of")
MAX_PAGE_SIZE = 1000
_SALT = "cmast.cursor"


def parameters_of(view: Any) -> tuple[str, ...]:
    """Those of every list, less the past of what has none."""
    return tuple(name for name in PARAMETERS if name != "as_of" or getattr(view, "has_past", True))


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    """For what is no list of records and has no FilterSet. Raises QueryError."""
    for name, values in request.query_params.lists():
        if name not in known:
            raise QueryError({name[:100]: f"The parameters are {', '.join(known)}."})
        if len(values) > 1 or not values[0]:
            raise QueryError({name: "Give one value, or leave the parameter out."})


def page_size_of(request: Request) -> int:
    """How many rows the caller wants on a page. Raises QueryError."""
    given = request.query_params.get("page_size", "50")
    if not (given.isascii() and given.isdecimal() and len(given) <= 4 and 1 <= int(given) <= MAX_PAGE_SIZE):
        raise QueryError({"page_size": f"Give a whole number from 1 to {MAX_PAGE_SIZE}."})
    return int(given)


class Pair(Func):
    """Two columns that are compared together, as an index over both can."""

    template, arg_joiner, output_field = "(%(expressions)s)", ", ", BooleanField()


@dataclass(frozen=True)
class Page:
    """Which rows a caller wants: how many, in what order, after which."""

    size: int
    column: str
    is_descending: bool
    is_first: bool = True
    #: What the last row seen has in the column, as text; null where it is unknown there.
    value: Any = None
    pk: Any = 0

    @property
    def order(self) -> list[Any]:
        """What is unknown comes last either way."""
        tie = "-pk" if self.is_descending else "pk"
        if self.column == "pk":
            return [tie]
        column = F(self.column)
        return [column.desc(nulls_last=True) if self.is_descending else column.asc(nulls_last=True), tie]

    def of(self, rows: QuerySet) -> QuerySet:
        """These rows, and one more if there is a next page."""
        return self._first(rows if self.is_first else rows.filter(self._after(rows)))

    def by_index(self, rows: QuerySet) -> QuerySet:
        """The same as `of`, for rows as they are stored, such that an index on the column serves a page far behind.

        "Later or unknown" is no range of an index, but later is one and unknown is another.
        """
        may_be_unknown = any(field.name == self.column and field.null for field in rows.model._meta.concrete_fields)
        if self.is_first or self.value is None or not may_be_unknown or connection.vendor != "postgresql":
            return self.of(rows)
        later, unknown = self._first(rows.filter(self._later(rows))), self._first(rows.filter(self._is_unknown()))
        return self._first(later.union(unknown, all=True))

    def _first(self, rows: QuerySet) -> QuerySet:
        return rows.order_by(*self.order)[: self.size + 1]

    def _after(self, rows: QuerySet) -> Q:
        if self.column == "pk":
            return self._is_behind()
        if self.value is None:
            return self._is_unknown() & self._is_behind()
        return self._later(rows) | self._is_unknown()

    def _later(self, rows: QuerySet) -> Q:
        later = LessThan if self.is_descending else GreaterThan
        kind = F(self.column).resolve_expression(rows.query).output_field
        return Q(later(Pair(F(self.column), F("pk")), Pair(Value(self.value, kind), Value(self.pk, rows.model._meta.pk))))

    def _is_unknown(self) -> Q:
        return Q(**{f"{self.column}__isnull": True})

    def _is_behind(self) -> Q:
        return Q(**{"pk__lt" if self.is_descending else "pk__gt": self.pk})

    def cursor(self, value: Any, pk: Any) -> str:
        """Where the page after the row with these begins."""
        text = None if value is None or self.column == "pk" else value if isinstance(value, bool | int | str) else str(value)
        place = pk if isinstance(pk, int) else str(pk)
        return signing.dumps([self.column, self.is_descending, text, place], salt=_SALT, compress=False)


def page_of(request: Request, view: Any) -> Page:
    """What the query string asks for. Raises QueryError."""
    query = request.query_params
    given = query.get("ordering", getattr(view, "default_ordering", "pk"))
    column, is_descending = given.removeprefix("-"), given.startswith("-")
    if column != "pk" and column not in view.ordering_fields:
        raise QueryError({"ordering": f"Order by one of {', '.join(view.ordering_fields)}, or by -name to reverse."})
    page = Page(page_size_of(request), column, is_descending)
    if "cursor" not in query:
        return page
    try:
        *order, value, pk = signing.loads(query["cursor"], salt=_SALT)
    except signing.BadSignature as error:
        raise QueryError({"cursor": "This is not a cursor of this list. Take it from `next` of the page before."}) from error
    if order != [column, is_descending]:
        raise QueryError({"cursor": "This cursor belongs to another ordering."})
    return replace(page, is_first=False, value=value, pk=pk)


def wants_count(request: Request) -> bool:
    """Whether to count the rows of all pages. Raises QueryError."""
    given = request.query_params.get("count", "false")
    if given not in ("true", "false"):
        raise QueryError({"count": "Say true or false."})
    return given == "true"


def address_with(request: Request, name: str, value: str) -> str:
    """The address of this request with another value of a parameter."""
    query = dict(request.query_params.lists()) | {name: [value]}
    path = escape_uri_path(request.path)
    return f"{request.scheme}://{request.get_host()}{path}?{urlencode(sorted(query.items()), doseq=True)}"


class KeysetPagination(BasePagination):
    """`?page_size=` up to 1,000, `?ordering=` from the view's list, `?cursor=` as given in `next`, `?count=true`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.count = queryset.count() if wants_count(request) else None
        page = page_of(request, view)
        rows = list(page.of(queryset))
        last = rows[page.size - 1] if len(rows) > page.size else None
        self.next_cursor = page.cursor(getattr(last, page.column), last.pk) if last else None
        return rows[: page.size]

    def get_paginated_response(self, data: Any) -> Response:
        page: dict[str, Any] = {"next": None}
        if self.next_cursor:
            page["next"] = address_with(self.request, "cursor", self.next_cursor)
        if self.count is not None:
            page["count"] = self.count
        return Response(page | {"results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "Address of the next page.",
                    "example": None,
                },
                "count": {"type": "integer", "example": 1, "description": "Rows in all pages; only with `?count=true`."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        def parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
            return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}

        orderings = [sign + name for name in view.ordering_fields for sign in ("", "-")]
        of_any_page = [
            parameter("cursor", "Where the page starts, as given in `next`.", type="string"),
            parameter("page_size", "Rows on a page.", type="integer", minimum=1, maximum=MAX_PAGE_SIZE, default=50),
            parameter("count", "Also count the rows of all pages.", type="boolean", default=False),
        ]
        if getattr(view, "action", "list") != "list":
            return of_any_page
        of_any_list = [
            *of_any_page,
            parameter("as_of", "The register as it was then: a day (its end) or a moment.", type="string", format="date-time"),
            parameter("ordering", "Order of the rows; what is unknown comes last.", type="string", enum=orderings),
        ]
        return [given for given in of_any_list if given["name"] in parameters_of(view)]
