"""Keyset pages: the next page starts after the last row seen, so nothing is skipped or repeated while rows come and go."""

from typing import Any

from django.core import signing
from django.db.models import F, Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from cmast.api.problems import QueryError

PARAMETERS = ("cursor", "page_size", "count", "ordering", "as_of")
MAX_PAGE_SIZE = 1000
_SALT = "cmast.cursor"


class KeysetPagination(BasePagination):
    """`?page_size=` up to 1,000, `?ordering=` from the view's list, `?cursor=` as given in `next`, `?count=true`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.count = queryset.count() if self._flag("count") else None
        size = self._page_size(view)
        column, descending = self._ordering(view)
        rows = self._after_cursor(queryset, column, descending)
        rows = rows.order_by(*self._order_by(column, descending))[: size + 1]
        page = list(rows)
        self.next_cursor = self._cursor(page[size - 1], column, descending) if len(page) > size else None
        return page[:size]

    def _flag(self, name: str) -> bool:
        given = self.request.query_params.get(name, "false")
        if given not in ("true", "false"):
            raise QueryError({name: "Say true or false."})
        return given == "true"

    def _page_size(self, view: Any) -> int:
        given = self.request.query_params.get("page_size", "50")
        if not (given.isascii() and given.isdecimal() and len(given) <= 4 and 1 <= int(given) <= MAX_PAGE_SIZE):
            raise QueryError({"page_size": f"Give a whole number from 1 to {MAX_PAGE_SIZE}."})
        return int(given)

    def _ordering(self, view: Any) -> tuple[str, bool]:
        given = self.request.query_params.get("ordering", getattr(view, "default_ordering", "pk"))
        column, descending = given.removeprefix("-"), given.startswith("-")
        if column != "pk" and column not in view.ordering_fields:
            raise QueryError({"ordering": f"Order by one of {', '.join(view.ordering_fields)}, or by -name to reverse."})
        return column, descending

    @staticmethod
    def _order_by(column: str, descending: bool) -> list[Any]:
        """What is unknown comes last either way; the primary key makes the order total."""
        tie = "-pk" if descending else "pk"
        if column == "pk":
            return [tie]
        by = F(column).desc(nulls_last=True) if descending else F(column).asc(nulls_last=True)
        return [by, tie]

    def _cursor(self, row: Model, column: str, descending: bool) -> str:
        value = None if column == "pk" else getattr(row, column)
        text = None if value is None else value if isinstance(value, bool | int | str) else str(value)
        return signing.dumps([column, descending, text, row.pk], salt=_SALT, compress=False)

    def _after_cursor(self, queryset: QuerySet, column: str, descending: bool) -> QuerySet:
        given = self.request.query_params.get("cursor")
        if given is None:
            return queryset
        try:
            cursor_column, cursor_descending, value, pk = signing.loads(given, salt=_SALT)
        except signing.BadSignature as error:
            raise QueryError(
                {"cursor": "This is not a cursor of this list. Take it from `next` of the page before."}
            ) from error
        if (cursor_column, cursor_descending) != (column, descending):
            raise QueryError({"cursor": "This cursor belongs to another ordering."})
        later = "lt" if descending else "gt"
        tie = Q(**{f"pk__{later}": pk})
        if column == "pk":
            return queryset.filter(tie)
        if value is None:
            return queryset.filter(tie, **{f"{column}__isnull": True})
        after = Q(**{f"{column}__{later}": value}) | Q(**{column: value}) & tie | Q(**{f"{column}__isnull": True})
        return queryset.filter(after)

    def get_paginated_response(self, data: Any) -> Response:
        page: dict[str, Any] = {"next": None}
        if self.next_cursor:
            page["next"] = replace_query_param(self.request.build_absolute_uri(), "cursor", self.next_cursor)
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
        return [
            parameter("cursor", "Where the page starts, as given in `next`.", type="string"),
            parameter("page_size", "Rows on a page.", type="integer", minimum=1, maximum=MAX_PAGE_SIZE, default=50),
            parameter("count", "Also count the rows of all pages.", type="boolean", default=False),
            parameter("as_of", "The register as it was then: a day (its end) or a moment.", type="string", format="date-time"),
            parameter("ordering", "Order of the rows; what is unknown comes last.", type="string", enum=orderings),
        ]
