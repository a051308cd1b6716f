"""A walk over the pages of a list misses and repeats nothing that was there throughout, whatever else comes and goes.

`CMAST_WALKS=2000` walks further.
"""

import os
import random
from copy import copy
from typing import Any

import pytest
from django.db import transaction

from cmast.urls import api as router

WALKS = int(os.environ.get("CMAST_WALKS", "60"))
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}
#: Resource -> filters to walk under. Their orderings have texts, words, dates, numbers and moments, known and unknown.
RESOURCES = {
    "milestones": ["actual_on__isnull=false", "rag=not_set&type=meeting", "forecast_on__gte=2024-05-01"],
    "benefit-figures": ["value__gte=1000", "unit=gbp"],
    "funding": ["q=a"],
    "update-facts": ["q=the", "q=with"],
}


def insert_copies(model: Any, rows: list[Any], chance: random.Random, number: int) -> list[int]:
    """Rows that agree with others in everything but the key, so that each ordering has ties. Returns their primary keys."""
    copies = [copy(row) for row in chance.choices(rows, k=number)]
    for row in copies:
        row.pk, row.key = None, f"passing-{chance.getrandbits(60)}"
    return [row.pk for row in model.objects.bulk_create(copies)]


def keys(client: Any, resource: str, question: str) -> set[str]:
    return {row["key"] for row in client.get(f"/api/v1/{resource}/?page_size=1000&{question}").json()["results"]}


def walk(client: Any, resource: str, question: str, stable: set[str], chance: random.Random) -> None:
    """One walk in one random order, with rows inserted and deleted after each page."""
    viewset = VIEWSETS[resource]
    model: Any = viewset.queryset.model
    ordering = chance.choice(["", "-"]) + chance.choice(viewset().ordering_fields)
    rows = list(model.objects.filter(key__in=stable))
    passing = insert_copies(model, rows, chance, 4)
    seen: list[str] = []
    path = f"/api/v1/{resource}/?page_size={chance.randint(4, 12)}&ordering={ordering}&{question}"
    while path:
        page = client.get(path).json()
        seen += [row["key"] for row in page["results"] if row["key"] in stable]
        path = page["next"]
        gone = chance.sample(passing, k=min(len(passing), chance.randint(0, 2)))
        model.objects.filter(pk__in=gone).delete()
        passing = [pk for pk in passing if pk not in gone] + insert_copies(model, rows, chance, chance.randint(0, 2))
    assert len(seen) == len(set(seen)), (question, ordering)
    assert set(seen) == stable, (question, ordering)


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_walk_misses_or_repeats_a_row_that_was_there_throughout(resource: str, edition: Any, api: Any) -> None:
    client, chance = api("viewer"), random.Random(resource)
    stable = {question: keys(client, resource, question) for question in RESOURCES[resource]}
    assert all(len(found) > 5 for found in stable.values())
    for _ in range(WALKS // len(RESOURCES)):
        question = chance.choice(RESOURCES[resource])
        with transaction.atomic():
            walk(client, resource, question, stable[question], chance)
            transaction.set_rollback(True)
