"""A new row is the same whether it goes to the database by a statement of our own or by the ORM's."""

import copy
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models.functions import Lower

from cmast.history.context import changing
from cmast.models import Change, Record
from programmes.models import Deliverable, Milestone
from tests.factories import FACTORIES

EVERYWHERE: dict[str, Any] = {
    "note": "“Quoted”, 'single', back\\slash, 100 %s, {\"a\": [null]}, \u2028, é, 😀\nnext line",
    "printed_as": '£1.2m \\N "x" null',
    "source_lines": ["1", "234-238"],
    "inferred": ['a"b', "c\\d", "é, 😀"],
}
RECORDS = sorted((model for model in FACTORIES if issubclass(model, Record)), key=lambda model: model._meta.label)


def by_the_orm(records: list[Any]) -> None:
    models.QuerySet(type(records[0])).bulk_create(records)


def by_our_own(records: list[Any]) -> None:
    type(records[0])._default_manager.bulk_create(records)


def stored(records: list[Any], write: Callable[[list[Any]], None]) -> list[dict[str, Any]]:
    """The rows of copies that are written in the place of these records; then all is as before."""
    rows: Any = models.QuerySet(type(records[0])).filter(pk__in=[record.pk for record in records]).order_by("pk")
    copies = [copy.copy(record) for record in records]
    with transaction.atomic():
        rows._raw_delete(rows.db)
        write(copies)
        found = list(rows.values())
        transaction.set_rollback(True)
    return [
        {name: value for name, value in row.items() if name not in ("version", "created_at", "updated_at")} for row in found
    ]


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model._meta.model_name)
def test_a_row_is_the_same_by_both_ways(model: Any, edition: Any, make: Any) -> None:
    records = [make(model), make(model)]
    for name, value in EVERYWHERE.items():
        setattr(records[0], name, value)
    for some in (records, records[:1]):
        found = stored(some, by_our_own)
        assert found == stored(some, by_the_orm)
        assert len(found) == len(some)
        assert {name: found[0][name] for name in EVERYWHERE} == EVERYWHERE


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Deliverable, {"quantity": Decimal("12345678901234.123456"), "unit": "count"}),
        (Deliverable, {"quantity": Decimal("0.1000"), "unit": "count"}),
        (Deliverable, {"quantity": 3, "unit": "count"}),
        (Milestone, {"forecast_on": dt.date(999, 12, 31), "forecast_precision": "day"}),
        (Milestone, {"forecast_on": "2031-05-03", "forecast_precision": "day"}),
        (Milestone, {"type": Milestone.Type.LAUNCH}),
        (Milestone, {"title": Lower(models.Value("AN EXPRESSION"))}),
    ],
)
def test_values_of_other_types_are_written_as_the_orm_writes_them(model: Any, values: Any, edition: Any, make: Any) -> None:
    records = [make(model), make(model)]
    for name, value in values.items():
        setattr(records[0], name, value)
    assert stored(records, by_our_own) == stored(records, by_the_orm)
    assert stored(records[:1], by_our_own) == stored(records[:1], by_the_orm)


def test_a_text_that_is_too_long_is_refused_and_never_cut(edition: Any, make: Any) -> None:
    records = [make(Milestone), make(Milestone)]
    records[0].printed_as = "x" * 301
    if connection.vendor == "postgresql":
        for some in (records, records[:1]):
            with pytest.raises(Exception, match="too long"):
                stored(some, by_our_own)


def test_rows_written_at_once_are_in_the_history_with_who_and_why(edition: Any, make: Any) -> None:
    with changing(actor=lambda: "somebody", reason="Because."):
        made = Milestone.objects.bulk_create([Milestone(title=f"Launch {n}", type="launch") for n in range(3)])
    changes = Change.objects.filter(record_type="programmes.milestone", record_key__in=[one.key for one in made])
    assert [one.key for one in made] == ["launch-0", "launch-1", "launch-2"]
    assert {(one.actor, one.reason, one.operation) for one in changes} == {("somebody", "Because.", "insert")}
    assert [one.pk for one in made] == sorted(changes.values_list("row_id", flat=True))
