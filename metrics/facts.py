"""Flat tables for spreadsheets and Power BI: one row per fact, names instead of links, numbers as numbers."""

import csv
import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, F, FloatField, QuerySet, Value, When
from django.db.models.functions import Cast
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.pagination import refuse_unknown
from cmast.api.problems import QueryError
from metrics.models import BenefitFigure, Observation, SeriesSummary, SystemFigure, Target

MOST_ROWS = 10_000
_PARAMETERS = ("after", "page_size", "as")


@dataclass(frozen=True)
class Table:
    """A fact table: the records, and column -> where its value is. Columns are promised: add, never rename."""

    kind: Any
    columns: dict[str, str]
    #: Columns that are numbers.
    numbers: tuple[str, ...]

    def rows(self, reader: Any, after: int, size: int) -> QuerySet:
        """Rows as tuples, `id` first. The names of hidden records are left out as those records are."""
        found = self.kind.objects.visible_to(reader).filter(pk__gt=after).order_by("pk")
        columns = {f"{name}_": self._column(name, path, reader) for name, path in self.columns.items()}
        return found.annotate(**columns).values_list("pk", *columns)[:size]

    def _column(self, name: str, path: str, reader: Any) -> Any:
        """The value; of a linked record that is hidden, nothing."""
        if name in self.numbers:
            return Cast(path, FloatField())
        link, *further = path.split("__")
        hidden = reader.reach.hidden
        kind = self.kind._meta.get_field(link).related_model if further else None
        if kind is None or not any(hidden.paths(kind)):
            return F(path)
        return Case(When(hidden.condition(kind, f"{link}__"), then=Value(None)), default=F(path))


_WHOSE = {
    "organisation_key": "organisation__key",
    "organisation_name": "organisation__name",
    "ods_code": "organisation__ods_code",
}
_METRIC = {
    "metric_key": "metric__key",
    "metric_name": "metric__name",
    "programme_key": "metric__programme__key",
    "programme_name": "metric__programme__name",
}
TABLES = {
    "observations": Table(
        Observation,
        {
            "key": "key",
            **_METRIC,
            **_WHOSE,
            "scope_level": "scope_level",
            "breakdown_dimension": "breakdown_dimension",
            "breakdown_member": "breakdown_member",
            "period_type": "period_type",
            "period_start_on": "period_start_on",
            "period_end_on": "period_end_on",
            "as_at_on": "as_at_on",
            "financial_year": "financial_year",
            "value": "value",
            "unit": "unit",
            "qualifier": "qualifier",
            "bound_operator": "bound_operator",
            "bound_value": "bound_value",
            "denominator": "denominator",
            "comparison": "comparison",
            "value_status": "value_status",
            "review_state": "review_state",
            "revision": "revision",
            "supersedes_key": "supersedes__key",
        },
        ("value", "bound_value", "denominator"),
    ),
    "targets": Table(
        Target,
        {
            "key": "key",
            **_METRIC,
            **_WHOSE,
            "scope_level": "scope_level",
            "operator": "operator",
            "operator_source": "operator_source",
            "value": "value",
            "low": "low",
            "high": "high",
            "unit": "unit",
            "basis": "basis",
            "financial_year": "financial_year",
            "due_on": "due_on",
        },
        ("value", "low", "high"),
    ),
    "benefit-figures": Table(
        BenefitFigure,
        {
            "key": "key",
            "benefit_key": "benefit__key",
            "benefit_title": "benefit__title",
            "title": "title",
            "basis": "basis",
            "effect": "effect",
            "windfall": "windfall",
            "value": "value",
            "from_value": "from_value",
            "to_value": "to_value",
            "unit": "unit",
            "qualifier": "qualifier",
            "financial_year": "financial_year",
            "as_at_on": "as_at_on",
        },
        ("value", "from_value", "to_value"),
    ),
    "series-summaries": Table(
        SeriesSummary,
        {
            **_METRIC,
            **_WHOSE,
            "scope_level": "scope_level",
            "breakdown_member": "part",
            "period_type": "period_type",
            "unit": "unit",
            "figures": "figures",
            "latest_on": "latest_on",
            "latest_value": "latest__value",
            "latest_key": "latest__key",
            "previous_value": "previous__value",
            "previous_key": "previous__key",
            "change": "change",
            "trend": "trend",
            "mean": "mean",
            "lower_limit": "lower_limit",
            "upper_limit": "upper_limit",
            "unsuited": "unsuited",
            "variation_icon": "variation_icon",
            "assurance_icon": "assurance_icon",
            "target_key": "target__key",
            "outcome": "outcome",
            "outcome_code": "reason",
            "outcome_words": "verdict",
            "refreshed_at": "refreshed_at",
        },
        ("latest_value", "previous_value", "change", "mean", "lower_limit", "upper_limit"),
    ),
    "system-figures": Table(
        SystemFigure,
        {
            **_METRIC,
            "breakdown_member": "part",
            "period_type": "period_type",
            "period_end_on": "ends_on",
            "aggregation": "aggregation",
            "unit": "unit",
            "value": "value",
            "partial_value": "partial_value",
            "qualifier": "qualifier",
            "numerator": "numerator",
            "denominator": "denominator",
            "trusts_stated": "stated",
            "trusts_expected": "expected",
            "words": "words",
            "refreshed_at": "refreshed_at",
        },
        ("value", "partial_value", "numerator", "denominator"),
    ),
}


class FactsSerializer(serializers.Serializer):
    """A page of a fact table."""

    next_after = serializers.IntegerField(allow_null=True, help_text="`after` of the next page; null on the last.")
    rows = serializers.ListField(
        child=serializers.DictField(), help_text="The rows: every column in each, null where nothing is stated."
    )


class FactsView(APIView):
    """A flat table with the same columns for ever, for Power BI and spreadsheets: one row per fact.

    Tables: observations, targets, benefit-figures, and what is kept of them: series-summaries (one row per series, with its
    latest figure, limits and verdict) and system-figures (what the trusts come to, by period). Numbers are numbers, to fifteen
    digits; dates are ISO dates. Of observations all revisions are there: who wants the latest filters by what no other row
    supersedes. Ask again with `after` until `next_after` is null; as CSV until there are no rows.
    """

    @extend_schema(
        operation_id="facts_retrieve",
        summary="Read a fact table",
        parameters=[
            OpenApiParameter("table", str, OpenApiParameter.PATH, enum=list(TABLES), description="Which table."),
            OpenApiParameter("after", OpenApiTypes.INT, description="`next_after` of the page before."),
            OpenApiParameter(
                "page_size",
                {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 1000},
                description="Rows on a page.",
            ),
            OpenApiParameter("as", str, enum=["json", "csv"], description="JSON when left out."),
        ],
        responses=FactsSerializer,
    )
    def get(self, request: Request, table: str) -> Any:
        if table not in TABLES:
            raise NotFound
        after, size, is_csv = _asked(request)
        columns = ["id", *TABLES[table].columns]
        rows = list(TABLES[table].rows(request.user, after, size + 1))
        page, next_after = rows[:size], rows[size - 1][0] if len(rows) > size else None
        if is_csv:
            return _as_csv(columns, page, table)
        return Response({"next_after": next_after, "rows": [dict(zip(columns, row, strict=True)) for row in page]})


def _asked(request: Request) -> tuple[int, int, bool]:
    """Where to begin, how many rows, and whether as CSV. Raises QueryError."""
    query = request.query_params
    refuse_unknown(request, _PARAMETERS)
    if query.get("as", "json") not in ("json", "csv"):
        raise QueryError({"as": "Say json or csv."})
    after, size = _whole(query, "after", 0, 2**62), _whole(query, "page_size", 1, MOST_ROWS, 1000)
    return after, size, query.get("as") == "csv"


def _whole(query: Any, name: str, least: int, most: int, default: int = 0) -> int:
    given = query.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) < 20 and least <= int(given) <= most):
        raise QueryError({name: f"Give a whole number from {least} to {most}."})
    return int(given)


def _as_csv(columns: list[str], rows: list[Any], table: str) -> HttpResponse:
    """With a mark of its encoding, which Excel asks for."""
    response = HttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{table}.csv"'
    return response


def _with_iso_moments(row: Any) -> list[Any]:
    return [value.isoformat() if isinstance(value, dt.datetime) else value for value in row]


def _lines(columns: list[str], rows: list[Any]) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(map(_with_iso_moments, rows))
    yield b"\xef\xbb\xbf" + out.getvalue().encode()
