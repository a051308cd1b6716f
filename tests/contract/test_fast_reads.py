"""What the database answers by itself is byte for byte what the serializers would say."""

import datetime as dt
import threading
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from zeal import zeal_ignore

from cmast import shapes
from cmast.api import authentication, lists
from cmast.api.finding import is_personal
from cmast.models import ApiToken, Membership, Note, Organisation, Restriction
from cmast.urls import api as router
from metrics.models import Observation
from programmes.models import Approval, Milestone, Programme

VIEWSETS: dict[str, Any] = {prefix: viewset for prefix, viewset, _ in router.registry if prefix != "tokens"}


def spoken(resource: str, person: Any, keys: list[str], day: dt.date) -> list[Any]:
    """The records in the words of the serializer."""
    viewset = VIEWSETS[resource]
    links, parts = viewset.serializer_class.relations(person)
    rows = viewset.queryset.visible_to(person).with_computed(day).select_related(*links).prefetch_related(*parts)
    context = {"request": SimpleNamespace(user=person), "view": SimpleNamespace(day_of_question=lambda: day)}
    by_key = {row.key: row for row in rows.filter(key__in=keys)}
    return list(viewset.serializer_class([by_key[key] for key in keys], many=True, context=context).data)


def same(resource: str, person: Any, answer: Any, day: dt.date) -> None:
    """The page's rows are those of the serializer, byte for byte."""
    results = answer.json()["results"]
    oracle = orjson.dumps(spoken(resource, person, [row["key"] for row in results], day), default=str)
    assert answer.content.endswith(b'"results":' + oracle + b"}")


@pytest.fixture
def difficult(make: Any) -> None:
    """Rows with the values that are easily said otherwise."""
    odd = "Ünïcödé “quotes” 'single' \\ back / slash % percent %s <tag> \U0001f3e5"
    make(Organisation, name=odd, aliases=[odd, "[]", "null"], note="line one\nline two\ttab")
    make(Milestone, title=odd, external_source="x", external_id="%s %% {}")
    for value in ("0", "0.000001", "100", "123456789.123456", "1e10", "0.1", "71.900000"):
        make(Observation, value=Decimal(value))
    make(Note, text="[]")


@pytest.mark.parametrize("resource", VIEWSETS)
def test_every_row_of_every_list_and_each_detail(
    resource: str, edition: Any, difficult: None, api: Any, person: Any, make: Any, today: dt.date
) -> None:
    officer = person("admin")
    client = api(officer)
    make(VIEWSETS[resource].queryset.model)
    answer = client.get(f"/api/v1/{resource}/?page_size=1000")
    same(resource, officer, answer, today)
    for row in answer.json()["results"][-3:]:
        detail = client.get(f"/api/v1/{resource}/{row['key']}/")
        assert detail.content == orjson.dumps(row)
        assert detail["ETag"] == row["etag"]


@pytest.mark.parametrize("resource", VIEWSETS)
def test_every_filter_and_order_selects_the_same_rows_from_a_kept_shape(
    resource: str, edition: Any, api: Any, person: Any, make: Any
) -> None:
    """The values of a second request with the same shape are its own."""
    officer = person("admin")
    client = api(officer)
    first, second = make(VIEWSETS[resource].queryset.model), make(VIEWSETS[resource].queryset.model)
    for record in (first, second):
        assert [row["key"] for row in client.get(f"/api/v1/{resource}/?key={record.key}").json()["results"]] == [record.key]
        moment = record.created_at.isoformat().replace("+00:00", "Z")
        path = f"/api/v1/{resource}/?created_at__gte={moment}&ordering=-created_at&page_size=1"
        page = client.get(path).json()
        assert page["results"]
        if page["next"]:
            assert client.get(page["next"]).status_code == 200
    unknown = client.get(f"/api/v1/{resource}/?source=nothing&source__isnull=true").json()
    assert unknown["results"] == []


def test_what_is_hidden_is_hidden_here_too(edition: Any, api: Any, person: Any, today: dt.date) -> None:
    named, other = person("pmo"), person("pmo")
    restriction = Restriction.objects.create(record_type="approval", record_key="a-lims", kind="commercial")
    restriction.named.add(named)
    for reader in (named, other, named):
        client = api(type(reader).objects.get(pk=reader.pk))
        for resource in ("approvals", "votes", "decisions", "milestones", "notes", "programmes"):
            same(resource, type(reader).objects.get(pk=reader.pk), client.get(f"/api/v1/{resource}/?page_size=1000"), today)
        keys = [row["key"] for row in client.get("/api/v1/approvals/").json()["results"]]
        assert ("a-lims" in keys) == (reader is named)
    assert Approval.objects.filter(key="a-lims").exists()


@pytest.mark.parametrize("resource", sorted(set(VIEWSETS) - {"restrictions", "webhooks", "calendar-feeds"}))
def test_the_shape_of_a_list_is_kept(resource: str, edition: Any, api: Any) -> None:
    view = VIEWSETS[resource]
    assert not is_personal(lists.involved(view))
    api("viewer").get(f"/api/v1/{resource}/?page_size=7")
    shapes_: dict[Any, Any] = dict(shapes._kept)
    kept = [found for shape, found in shapes_.items() if shape[0] == view and 7 in shape]
    assert len(kept) == 1 and kept[0] is not None


def statements(client: Any, path: str, **headers: str) -> int:
    client.get(path, **headers)  # the first time compiles the shape and reads the caller
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path, **headers).status_code in (200, 304)
    return len(queries)


@pytest.mark.parametrize("resource", VIEWSETS)
def test_a_list_a_detail_and_a_304_take_one_statement(resource: str, edition: Any, api: Any, person: Any, make: Any) -> None:
    record = make(VIEWSETS[resource].queryset.model)
    if resource in ("restrictions", "webhooks", "calendar-feeds"):
        pytest.skip("what is hidden, and whose it is, is asked for besides")
    client = api("programme_manager")
    path = f"/api/v1/{resource}/{record.key}/"
    assert statements(client, f"/api/v1/{resource}/") == 1
    assert statements(client, f"/api/v1/{resource}/?page_size=2&ordering=-updated_at&key={record.key}") == 1
    assert statements(client, path) == 1
    assert statements(client, path, HTTP_IF_NONE_MATCH=client.get(path)["ETag"]) == 1


@pytest.mark.parametrize(
    "path", ["/api/v1/milestones/", "/api/v1/milestones/e-lims-contract-award/", "/api/v1/milestones/?q=x", "/api/v1/changes/"]
)
def test_who_has_lost_the_right_is_refused_at_the_next_request(path: str, edition: Any, api: Any, person: Any) -> None:
    def refused(act: Any) -> bool:
        somebody = person("viewer")
        client = api(somebody)
        assert client.get(path).status_code == 200
        act(somebody)
        return client.get(path).status_code in (401, 403)

    assert refused(lambda somebody: ApiToken.objects.filter(user=somebody).delete())
    assert refused(lambda somebody: Membership.objects.filter(person=somebody).delete())
    assert refused(lambda somebody: Membership.objects.filter(person=somebody).update(valid_to="2024-05-02"))
    assert refused(lambda somebody: type(somebody).objects.filter(pk=somebody.pk).update(is_active=False))
    an_hour_ago = timezone.now() - dt.timedelta(hours=1)
    assert refused(lambda somebody: ApiToken.objects.filter(user=somebody).update(expiry=an_hour_ago))


def test_who_has_gained_the_right_is_let_in_at_the_next_request(edition: Any, api: Any, person: Any) -> None:
    somebody = person(None)
    client = api(somebody)
    assert client.get("/api/v1/milestones/").status_code == 403
    Membership.objects.create(person=somebody, role="viewer")
    assert client.get("/api/v1/milestones/").status_code == 200


def test_a_new_restriction_holds_at_the_next_request(edition: Any, api: Any, person: Any) -> None:
    client = api("viewer")
    assert client.get("/api/v1/approvals/a-lims/").status_code == 200
    Restriction.objects.create(record_type="approval", record_key="a-lims", kind="commercial")
    assert client.get("/api/v1/approvals/a-lims/").status_code == 404
    assert "a-lims" not in [row["key"] for row in client.get("/api/v1/approvals/").json()["results"]]


def test_a_role_that_ends_with_the_day_ends_in_memory_too(edition: Any, api: Any, person: Any) -> None:
    import time_machine

    somebody = person("viewer")
    Membership.objects.filter(person=somebody).update(valid_to="2024-05-03")
    client = api(somebody)
    assert client.get("/api/v1/milestones/").status_code == 200
    with time_machine.travel(dt.datetime(2024, 5, 4, 0, 1, tzinfo=timezone.get_current_timezone())):
        assert client.get("/api/v1/milestones/").status_code == 403


def test_values_that_cannot_be_told_apart_are_not_kept(edition: Any) -> None:
    def build(values: Any) -> Any:
        return Milestone.objects.filter(title__icontains=values["word"]).values_list("key")

    assert shapes.rows(("test", "word"), build, {"word": "LIMS"}) == list(build({"word": "LIMS"}))
    assert shapes._kept["test", "word"] is None


@pytest.mark.parametrize("resource", ["restrictions", "webhooks", "calendar-feeds"])
def test_what_is_personal_is_kept_for_each_person_alone(resource: str, edition: Any, api: Any, person: Any) -> None:
    view = VIEWSETS[resource]
    shapes._kept.clear()
    for somebody in (person("viewer"), person("pmo")):
        api(somebody).get(f"/api/v1/{resource}/?page_size=7")
    shapes_: list[Any] = list(shapes._kept)
    kept = [shape for shape in shapes_ if shape[0] == view and 7 in shape]
    assert len(kept) == 2


@pytest.mark.django_db(transaction=True)
def test_what_comes_below_a_hidden_record_is_hidden_at_the_next_request(api: Any, person: Any, make: Any) -> None:
    open_one, hidden_one = make(Programme), make(Programme)
    make(Milestone, programme=open_one, workstream=None)
    client, other_client = api(person("viewer")), api(person("viewer"))
    Restriction.objects.create(record_type="programme", record_key=hidden_one.key, kind="commercial")

    def seen(client: Any) -> set[str]:
        with zeal_ignore():  # a caller is read twice where others write meanwhile
            return {row["key"] for row in client.get("/api/v1/milestones/?page_size=1000").json()["results"]}

    before = seen(client)
    assert seen(client) == before
    moved = make(Milestone, programme=hidden_one, workstream=None)
    assert seen(client) == seen(other_client) == before
    Milestone.objects.filter(pk=moved.pk).update(programme=open_one)
    assert seen(client) == seen(other_client) == {*before, moved.key}
    Milestone.objects.filter(pk=moved.pk).update(programme=hidden_one)
    assert seen(client) == seen(other_client) == before


@pytest.mark.django_db(transaction=True)
def test_who_reads_while_others_write_is_answered(api: Any, person: Any, make: Any, monkeypatch: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("writers and readers of SQLite wait for each other")
    authentication._known.clear()
    client = api(person("viewer"))
    programme, milestone = make(Programme), make(Milestone)
    Restriction.objects.create(record_type="programme", record_key=programme.key, kind="commercial")
    execute = shapes.run

    def write() -> None:
        Programme.objects.filter(pk=programme.pk).update(note=Concat("note", Value(".")))
        connection.close()

    def overtaken(*statement: Any) -> Any:
        somebody = threading.Thread(target=write)
        somebody.start()
        somebody.join()
        return execute(*statement)

    monkeypatch.setattr(shapes, "run", overtaken)
    with zeal_ignore():  # the caller is read twice
        keys = {row["key"] for row in client.get("/api/v1/milestones/?page_size=1000").json()["results"]}
    assert milestone.key in keys
    (kept,) = authentication._known.values()
    assert "/" in kept.stamp  # with the state of the data, or the next request would read it again
