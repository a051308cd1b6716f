"""The floor and the product answer the same; otherwise the benchmark refuses to measure."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection

from benchmarks.floor import READS
from programmes.models import Milestone

TODAY = "2024-05-03"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="The floor is written for PostgreSQL.")
@pytest.mark.parametrize(
    ("path", "query", "arguments"), [("/page", "page_size=50", [0]), ("/record", "key=all-stated", ["all-stated"])]
)
def test_the_floor_gives_the_rows_of_the_product(
    edition: str, make: Callable[..., Any], api: Callable[..., Any], path: str, query: str, arguments: list[Any]
) -> None:
    other = make(Milestone, title="Says little")
    make(Milestone, key="all-stated", forecast_on=dt.date(2024, 5, 31), forecast_precision="month").depends_on.add(other)

    answered = api("pmo").get(f"/api/v1/milestones/?{query}").json()["results"]

    with connection.cursor() as cursor:
        cursor.execute(READS[path], [TODAY, TODAY, *arguments])
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    as_text = [row | {name: orjson.loads(row[name]) for name in ("source_lines", "inferred")} for row in rows]
    assert orjson.dumps(as_text) == orjson.dumps(answered)
