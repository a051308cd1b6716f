"""An ETag changes if, and only if, the JSON of the record changes: by any edit of it, of its parts, of what it names."""

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.db.models import ProtectedError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cmast.history.context import changing
from cmast.models import Record, Restriction
from cmast.models.fields import FinancialYearField, KeyField, WordField, WordListField
from cmast.urls import api as router

#: Records that are shown with something of others: parts, names, counts, judgements.
WATCHED = {
    "approvals": "a-lims",
    "benefits": "b-procurement",
    "deliverables": "dx-d09",
    "metrics": "ae-4h",
    "milestones": "e-lims-contract-award",
    "notes": "n-nested-counts",
    "observations": "o-theatre-capped-lhch-2024-03",
    "organisations": "RBN",
    "risks": "r-endoscopy-mwl-coch",
    "sources": "cmast-update-2024-05",
    "trajectories": "traj-dx-activity-plan-2023-24",
    "updates": "u-2024-05-lims",
}
MODELS: dict[str, Any] = {prefix: viewset.queryset.model for prefix, viewset, _ in router.registry if prefix in WATCHED}
#: What is not edited: what the database keeps, what does not go out, and the key, which is fixed.
KEPT = ("id", "version", "created_at", "updated_at", "password", "last_login")


def address(resource: str, record: Record) -> str:
    return f"/api/v1/{resource}/{record.key}/"


def related(record: Any) -> Iterator[Any]:
    """What a record names, and what names it; three of each kind."""
    for field in record._meta.get_fields():
        if not field.is_relation or not issubclass(field.related_model, Record):
            continue
        if field.many_to_many or field.one_to_many:
            yield from getattr(record, field.get_accessor_name() if field.auto_created else field.name).order_by("pk")[:3]
        elif linked := getattr(record, field.get_accessor_name() if field.auto_created else field.name, None):
            yield linked


def surroundings(record: Any) -> list[Any]:
    """The record, what it is related to, and some of what that is related to."""
    near = list(related(record))
    return [record, *near, *(far for one in near for far in islice(related(one), 4))]


def another_value(field: Any, chance: Random) -> Any:
    """A value that the field could have."""
    if field.null and chance.random() < 0.2:
        return None
    match field:
        case models.ForeignKey():
            return chance.choice(list(field.related_model._default_manager.order_by("pk").values_list("pk", flat=True)))
        case WordField():
            return chance.choice([word for word, _ in field.flatchoices])
        case WordListField():
            return [chance.choice(["234", "235"])]
        case FinancialYearField():
            return chance.choice(["2023/24", "2024/25"])
        case models.BooleanField():
            return chance.choice([True, False])
        case models.DateField():
            return dt.date(2024, 5, 1) + dt.timedelta(days=chance.randrange(40))
        case models.DecimalField() | models.IntegerField():
            return chance.randrange(1, 5)
        case _:
            return f"Text {chance.randrange(100)}"[: field.max_length]


def edit(record: Any, chance: Random) -> None:
    """One random change, by one of the paths that changes come by. What the rules refuse does not happen."""
    model = type(record)
    fields = [f for f in model._meta.concrete_fields if f.name not in KEPT and not isinstance(f, KeyField)]
    field, path = chance.choice(fields), chance.randrange(6)
    rows = model._default_manager.filter(pk=record.pk)
    try:
        with transaction.atomic(), changing(reason="A test."):
            if path == 0:
                rows.update(**{field.name: models.F(field.name)})
            elif path == 1 and (stored := rows.first()):
                setattr(stored, field.attname, another_value(field, chance))
                stored.save()
            elif path == 2 and (stored := rows.first()):
                stored.pk, stored.key = None, f"copy-{chance.getrandbits(40)}"
                model._default_manager.bulk_create([stored])
            elif path == 3:
                rows.delete()
            elif path == 4 and model._meta.many_to_many and (stored := rows.first()):
                relation = chance.choice(model._meta.many_to_many)
                others = relation.related_model._default_manager.order_by("pk")[:5]
                getattr(stored, relation.name).set(chance.sample(list(others), k=min(2, len(others))))
            else:
                rows.update(**{field.attname: another_value(field, chance)})
    except (DatabaseError, ValidationError, ProtectedError):
        pass


def test_a_tag_changes_exactly_when_the_json_does(edition: Any, api: Any) -> None:
    client = api("pmo")
    records = {name: MODELS[name].objects.get(key=key) for name, key in WATCHED.items()}
    around = {name: surroundings(record) for name, record in records.items()}
    before = {name: client.get(address(name, record)) for name, record in records.items()}
    anything = [row for model in MODELS.values() for row in model.objects.order_by("pk")[:3]]
    changed = unchanged = 0

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(sorted(WATCHED)), st.integers(1, 4), st.randoms(use_true_random=False))
    def check(name: str, edits: int, chance: Random) -> None:
        nonlocal changed, unchanged
        with transaction.atomic():
            for _ in range(edits):
                edit(chance.choice(chance.choice([around[name], around[name], anything])), chance)
            now = client.get(address(name, records[name]))
            known = client.get(address(name, records[name]), HTTP_IF_NONE_MATCH=before[name]["ETag"])
            transaction.set_rollback(True)
        if now.status_code == 404:
            assert known.status_code == 404
            return
        is_same = now.content == before[name].content
        assert (now["ETag"] == before[name]["ETag"]) == is_same
        assert known.status_code == (304 if is_same else 200)
        changed, unchanged = changed + (not is_same), unchanged + is_same

    check()
    assert changed > 10 and unchanged > 10


@pytest.mark.parametrize("resource", WATCHED)
def test_the_tag_is_the_same_for_every_role_and_every_token(resource: str, edition: Any, api: Any, person: Any) -> None:
    record = MODELS[resource].objects.order_by("pk").first()
    officer = person("pmo")
    clients = [api(officer), api(officer, scope="read"), api("viewer"), api("trust_contributor")]
    answers = {(answer["ETag"], answer.content) for answer in (client.get(address(resource, record)) for client in clients)}
    assert len(answers) == 1


@pytest.mark.parametrize("resource", WATCHED)
def test_a_weakened_tag_of_the_present_version_allows_the_change_and_an_old_one_does_not(
    resource: str, edition: Any, api: Any
) -> None:
    client, path = api("pmo"), address(resource, MODELS[resource].objects.order_by("pk").first())
    tag = client.get(path)["ETag"]
    assert client.patch(path, {"note": "Anew."}, HTTP_IF_MATCH=f"W/{tag}").status_code == 200
    assert client.patch(path, {"note": "Again."}, HTTP_IF_MATCH=f"W/{tag}").status_code == 412


def test_a_record_that_is_made_anew_under_an_old_key_has_another_tag(edition: Any, api: Any) -> None:
    client, body = api("pmo"), {"key": "kick-off", "title": "Kick-off", "type": "meeting"}
    old = client.post("/api/v1/milestones/", body)["ETag"]
    assert client.delete("/api/v1/milestones/kick-off/", HTTP_IF_MATCH=old).status_code == 204
    client.post("/api/v1/milestones/", body | {"title": "Quite another"})
    assert client.get("/api/v1/milestones/kick-off/", HTTP_IF_NONE_MATCH=old).status_code == 200
    assert client.patch("/api/v1/milestones/kick-off/", {"note": "x"}, HTTP_IF_MATCH=old).status_code == 412


def test_what_is_hidden_from_a_reader_changes_the_tag_of_what_names_it(edition: Any, api: Any, make: Any) -> None:
    client, path = api("viewer"), "/api/v1/milestones/e-lims-contract-award/"
    before = client.get(path)
    make(Restriction, record_type="milestone", record_key="e-lims-fifth-approval")
    now = client.get(path)
    assert before.json()["depends_on"] != now.json()["depends_on"]
    assert now["ETag"] != before["ETag"]
    assert client.get(path, HTTP_IF_NONE_MATCH=before["ETag"]).status_code == 200
