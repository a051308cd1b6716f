"""Flat tables for Power BI and spreadsheets."""

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cmast.models import Restriction
from metrics import rollups
from metrics.facts import TABLES

pytestmark = pytest.mark.either_database

#: What reports are built on: columns may be added at the end, never renamed or moved.
OBSERVATIONS = [
    "id",
    "key",
    "metric_key",
    "metric_name",
    "programme_key",
    "programme_name",
    "organisation_key",
    "organisation_name",
    "ods_code",
    "scope_level",
    "breakdown_dimension",
    "breakdown_member",
    "period_type",
    "period_start_on",
    "period_end_on",
    "as_at_on",
    "financial_year",
    "value",
    "unit",
    "qualifier",
    "bound_operator",
    "bound_value",
    "denominator",
    "comparison",
    "value_status",
    "review_state",
    "revision",
    "supersedes_key",
]


def test_the_columns_are_those_that_reports_are_built_on(edition: Any, api: Any) -> None:
    page = api("viewer").get("/api/v1/facts/observations/").json()
    assert list(page["rows"][0])[: len(OBSERVATIONS)] == OBSERVATIONS


@pytest.mark.parametrize("table", TABLES)
def test_every_record_is_a_row_once_however_small_the_pages(table: str, edition: Any, api: Any) -> None:
    rollups.refresh_all()
    seen: list[int] = []
    client = api("viewer")
    after: int | None = 0
    while after is not None:
        page = client.get(f"/api/v1/facts/{table}/?page_size=7&after={after}").json()
        seen += [row["id"] for row in page["rows"]]
        after = page["next_after"]
    assert seen == list(TABLES[table].kind.objects.order_by("pk").values_list("pk", flat=True))


def test_numbers_are_numbers_days_are_iso_and_what_is_unknown_is_null(edition: Any, api: Any) -> None:
    rows = api("viewer").get("/api/v1/facts/observations/").json()["rows"]
    by_key = {row["key"]: row for row in rows}
    system, trust = by_key["o-theatre-capped-2024-03"], by_key["o-theatre-capped-lhch-2024-03"]
    assert (system["value"], system["period_end_on"], system["organisation_name"]) == (
        76.0,
        "2024-03-31",
        "Cheshire and Merseyside",
    )
    assert (trust["value"], trust["bound_operator"], trust["bound_value"]) == (None, "gte", 85.0)


@pytest.mark.parametrize("table", ["targets", "series-summaries"])
def test_csv_says_the_same_with_the_columns_as_its_first_line(table: str, edition: Any, api: Any) -> None:
    rollups.refresh_all()
    client = api("viewer")
    answer = client.get(f"/api/v1/facts/{table}/?as=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    rows = client.get(f"/api/v1/facts/{table}/").json()["rows"]
    assert rows
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows] == lines


def test_what_is_hidden_is_no_row_and_a_hidden_link_has_no_name(edition: Any, api: Any) -> None:
    client = api("viewer")
    Restriction.objects.create(record_type="observation", record_key="o-theatre-capped-2024-03", kind="embargoed")
    Restriction.objects.create(record_type="organisation", record_key="RBQ", kind="commercial")
    by_key = {row["key"]: row for row in client.get("/api/v1/facts/observations/").json()["rows"]}
    assert "o-theatre-capped-2024-03" not in by_key
    assert by_key["o-theatre-capped-lhch-2024-03"]["organisation_name"] is None


@pytest.mark.parametrize(
    "query", ["page_size=0", "page_size=10001", "after=-1", "after=x", "as=xml", "on=2024-05-03", "after="]
)
def test_a_wrong_parameter_is_refused_by_name(query: str, edition: Any, api: Any) -> None:
    answer = api("viewer").get(f"/api/v1/facts/observations/?{query}")
    assert answer.status_code == 400 and answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_there_is_no_other_table(edition: Any, api: Any) -> None:
    assert api("viewer").get("/api/v1/facts/people/").status_code == 404


def test_a_page_is_one_statement_beside_those_that_every_call_makes(edition: Any, api: Any) -> None:
    client = api("viewer")
    client.get("/api/v1/facts/observations/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/api/v1/facts/observations/?page_size=10000")
    assert sum("metrics_observation" in query["sql"] for query in queries) == 1
