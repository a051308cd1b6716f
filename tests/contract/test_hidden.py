"""Hidden and missing are the same answer: what is asked about a restricted record is asked about one that never was as well.

Both answers must be equal byte for byte, headers included, with the one key in the place of the other.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cmast.api.filters import StrictBooleanFilter
from cmast.history.context import changing
from cmast.models import Note, NoteSubject, Organisation, Record
from cmast.models.fields import LineField, ProseField
from cmast.models.restrictions import belongs_to, restrictable
from cmast.urls import api as router
from programmes.models import Approval, Decision, Vote
from risks.models import Risk
from tests import factories

# On PostgreSQL what is hidden is found out once and not for each request, which takes a quarter of the time.
pytestmark = pytest.mark.either_database(on="postgresql")

#: Keys, and ids in another system. The word for what is hidden is in nothing else.
HIDDEN, MISSING = "zebra", "okapi"
KINDS: dict[str, Any] = {
    prefix: viewset.queryset.model
    for prefix, viewset, _ in router.registry
    if prefix not in ("people", "memberships", "restrictions", "tokens", "webhooks")  # these cannot be restricted
}
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}
#: Method, path below the resource, body, headers.
Request = tuple[str, str, Any, dict[str, str]]
#: Fields of an answer that move when something is done around the record.
MOVING = ("version", "etag", "updated_at")


def requests_about(key: str, tag: str) -> Iterator[Request]:
    """All that can be asked about one record, by one who has read that version of it. First what only reads."""
    natural = {"external_source": "Test", "external_id": key}
    matching = {"HTTP_IF_MATCH": tag}
    yield "GET", f"{key}/", None, {}
    yield "GET", f"{key}/", None, {"HTTP_IF_NONE_MATCH": tag}
    yield "GET", f"{key}/history/", None, {}
    yield "GET", f"?key={key}&count=true&ordering=-key", None, {}
    yield "GET", f"{key}/?as_of=2024-05-03", None, {}
    yield "GET", f"?q={key}&count=true", None, {}
    yield "GET", f"?external_id={key}&count=true", None, {}
    yield "PUT", f"{key}/", {}, matching
    yield "PATCH", f"{key}/", {"note": "Mine."}, matching
    yield "PATCH", f"{key}/", {"note": "Mine."}, {}
    yield "DELETE", f"{key}/", None, matching
    yield "PUT", f"external/Test/{key}/", {}, {}
    yield "PUT", f"external/Test/{key}/", {}, matching
    yield "PUT", f"external/Test/{key}/", {}, {"HTTP_IF_NONE_MATCH": "*"}
    rows = [{"key": key, "etag": tag}, {**natural, "etag": tag}]
    yield "POST", "bulk/", {"operation": "update", "rows": rows}, {}
    yield "POST", "bulk/", {"operation": "upsert", "rows": [natural]}, {}


#: Here an empty body gets as far as the database, which says that the natural key is taken, as it does to any full body.
ALL_OPTIONAL = ("waits",)
#: How many of them only read, each in another way.
READING = 5


def requests_with_links(key: str, fields: list[Any], own: Record) -> Iterator[Request]:
    """Every way to name a linked record."""
    body = {field.name: [key] if field.many_to_many else key for field in fields}
    for field in fields:
        yield "GET", f"?{field.name}={key}&count=true", None, {}
    yield "POST", "", body, {}
    yield "PATCH", f"{own.key}/", body, {"HTTP_IF_MATCH": tag_of(own, own.key)}
    yield "PUT", "external/Test/new/", body, {}
    yield "POST", "bulk/", {"operation": "create", "rows": [body]}, {}


def tag_of(record: Record, key: str) -> str:
    return f'"{record._meta.model_name}-{key}-{record.version}"'


def links_of(kind: Any) -> list[Any]:
    """The relations of a kind of record to kinds that can be restricted."""
    fields = (*kind._meta.concrete_fields, *kind._meta.many_to_many)
    return [field for field in fields if field.related_model in KINDS.values() and field.editable]


def resource_of(kind: Any) -> str:
    return next(prefix for prefix, known in KINDS.items() if known is kind)


class Pairs:
    """Asks the same twice and keeps what differs."""

    def __init__(self, client: APIClient) -> None:
        self.client = client
        self.differing: list[str] = []

    def compare(self, resource: str, hidden: Iterator[Request], missing: Iterator[Request]) -> None:
        for one, other in zip(hidden, missing, strict=True):
            answers = self.answer(resource, one), self.answer(resource, other)
            if answers[0] != answers[1]:
                self.differing.append(f"{one[0]} /{resource}/{one[1]} {one[2]}: {answers[0]} is not {answers[1]}")

    def answer(self, resource: str, request: Request) -> tuple[Any, ...]:
        method, path, body, given = request
        headers: Any = {**given, "HTTP_X_REQUEST_ID": "the-same-id", "HTTP_IDEMPOTENCY_KEY": "one-of-mine"}
        with transaction.atomic():
            sent = "" if body is None else json.dumps(body)
            response = self.client.generic(method, f"/api/v1/{resource}/{path}", sent, "application/json", **headers)
            transaction.set_rollback(True)
        shown = {name: value for name, value in response.items() if name != "RateLimit"}
        return response.status_code, shown, response.content.decode().replace(HIDDEN, MISSING)


@pytest.fixture
def named(person: Any) -> Any:
    return person("pmo")


@pytest.fixture
def pairs(api: Any) -> Pairs:
    """The questions are asked by somebody who may do everything, but is not named."""
    client = APIClient()
    client.credentials(**api("pmo")._credentials)
    return Pairs(client)


@pytest.fixture
def secret(make: Any) -> Callable[..., Any]:
    """`secret(Risk, ...)`: a record that says in all its words what nobody may read."""

    def make_secret(kind: Any, key: str = HIDDEN, **fields: Any) -> Any:
        texts = (LineField, ProseField)
        words = {
            f.name: "Zebra"
            for f in kind._meta.concrete_fields
            if f.name == kind.label_field != "record_key" and isinstance(f, texts)
        }
        return make(kind, key=key, external_source="Test", external_id=key, note="Zebra.", **{**words, **fields})

    return make_secret


@pytest.fixture
def restrict(named: Any) -> Callable[[Record], None]:
    """`restrict(record)`: hides it from all but one."""

    def restrict_record(record: Record) -> None:
        restriction = factories.restrict(record)
        restriction.named.add(named)

    return restrict_record


# --- The API ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", KINDS)
def test_what_is_asked_about_a_hidden_record_is_answered_as_if_it_were_missing(
    resource: str, edition: Any, pairs: Pairs, api: Any, named: Any, secret: Any, restrict: Any
) -> None:
    record = secret(KINDS[resource])
    restrict(record)
    record.refresh_from_db()
    assert api(named).get(f"/api/v1/{resource}/{HIDDEN}/").status_code == 200
    asked = [list(requests_about(key, tag_of(record, key))) for key in (HIDDEN, MISSING)]
    if resource in ALL_OPTIONAL:
        asked = [[request for request in requests if "external" not in json.dumps(request)] for requests in asked]
    pairs.compare(resource, *map(iter, asked))
    assert pairs.differing == []


def test_the_feed_does_not_tell_of_hidden_records(
    edition: Any, pairs: Pairs, api: Any, named: Any, secret: Any, restrict: Any
) -> None:
    after = pairs.client.get("/api/v1/changes/?after=latest").json()["after"]
    keys = [f"zebra-{resource}" for resource in KINDS]
    for key, kind in zip(keys, KINDS.values(), strict=True):
        restrict(secret(kind, key=key))
    query = {"after": after, "page_size": "1000"}
    told = api(named).get("/api/v1/changes/", query).json()["results"]
    assert {change["key"] for change in told} >= set(keys)
    assert "zebra" not in pairs.client.get("/api/v1/changes/", query).content.decode().lower()


@pytest.mark.parametrize("resource", KINDS)
def test_a_link_to_a_hidden_record_is_refused_and_found_like_one_to_a_missing_record(
    resource: str, edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    kind, fields = KINDS[resource], links_of(KINDS[resource])
    own = make(kind)
    for target in dict.fromkeys(field.related_model for field in fields):
        restrict(secret(target))
    own.refresh_from_db()
    pairs.compare(resource, *(requests_with_links(key, fields, own) for key in (HIDDEN, MISSING)))
    assert pairs.differing == []


@pytest.mark.parametrize("resource", [resource for resource, kind in KINDS.items() if belongs_to(kind)])
def test_what_belongs_to_a_hidden_record_is_missing_too(
    resource: str, edition: Any, pairs: Pairs, secret: Any, restrict: Any
) -> None:
    kind = KINDS[resource]
    for number, (link, parent) in enumerate(belongs_to(kind).items()):
        above = secret(parent, key=f"zebra-above-{number}")
        # What hangs on its own kind is where that is.
        places = {place: getattr(above, place) for place in belongs_to(kind) if parent is kind}
        with changing(reason="A slip."):
            part = secret(kind, key=f"zebra-{number}", **places | anew(above, link) | {link: above})
        restrict(above)
        hidden, missing = (requests_about(key, tag_of(part, key)) for key in (f"zebra-{number}", f"okapi-{number}"))
        pairs.compare(resource, islice(hidden, READING), islice(missing, READING))
    assert pairs.differing == []


def anew(above: Any, link: str) -> dict[str, Any]:
    """What says that a record is a revision of this one, where it links to it so."""
    if link != "supersedes" or not hasattr(above, "revision"):
        return {}
    whose = {"organisation": above.organisation} if hasattr(above, "organisation") else {}
    return {"revision": above.revision + 1, **whose}


@pytest.mark.parametrize("resource", KINDS)
def test_a_link_to_a_hidden_record_looks_like_no_link(
    resource: str, edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    kind = KINDS[resource]
    own = make(kind, key="own")
    loose = [field for field in links_of(kind) if field.name not in belongs_to(kind) and link(own, field, None)]
    before = shown(pairs.client, resource)
    linked = [field for field in loose if link_to_hidden(own, field, secret, restrict)]
    assert shown(pairs.client, resource) == before
    assert "zebra" not in pairs.client.get(f"/api/v1/{resource}/own/history/").content.decode().lower()
    for field in linked:
        if not field.many_to_many:
            found = pairs.client.get(f"/api/v1/{resource}/?{field.name}__isnull=true&key=own").json()["results"]
            assert len(found) == 1, field.name


def link_to_hidden(own: Any, field: Any, secret: Any, restrict: Any) -> Any:
    """The hidden record at the other end; None where the rules of the register do not let it stand by itself."""
    place = {"programme": own.programme} if field.name == "workstream" else {}
    target = secret(field.related_model, key=f"zebra-{field.name}", **place)
    is_linked = link(own, field, target)
    restrict(target)
    return target if is_linked else None


def link(record: Any, field: Any, target: Any) -> bool:
    """Link, or take the link away. Whether the rules of the register let it be so."""
    if field.many_to_many:
        getattr(record, field.name).set([target] if target else [])
        return True
    setattr(record, field.name, target)
    try:
        record.save()
    except ValidationError:
        record.refresh_from_db()
        return False
    return True


@pytest.mark.parametrize("resource", [resource for resource, kind in KINDS.items() if kind in restrictable().values()])
def test_a_record_looks_as_if_what_is_hidden_of_it_were_not_there(
    resource: str, edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    kind = KINDS[resource]
    for field in links_of(kind):
        if field.name not in (*belongs_to(kind), *kind.touches):
            continue
        whole, above = make(field.related_model, key=f"own-{field.name}"), resource_of(field.related_model)
        before = shown(pairs.client, above, whole.key)
        places = {place: getattr(whole, place) for place in belongs_to(kind) if hasattr(whole, place)}
        linked = {} if field.many_to_many else anew(whole, field.name) | {field.name: whole}
        with changing(reason="A slip."):
            part = secret(kind, key=f"zebra-{field.name}", **places | linked)
        if field.many_to_many:
            link(part, field, whole)
        restrict(part)
        assert shown(pairs.client, above, whole.key) == before, field.name


@pytest.mark.parametrize("resource", KINDS)
def test_what_names_records_by_kind_and_key_does_not_tell_whether_a_hidden_one_is_there(
    resource: str, edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    record, kind = secret(KINDS[resource]), str(KINDS[resource]._meta.verbose_name).replace(" ", "_")
    restrict(record)
    about = {"about_note": make(Note).key, "record_type": kind}
    pairs.compare("note-subjects", *(iter([("POST", "", about | {"record_key": key}, {})]) for key in (HIDDEN, MISSING)))
    about = {"named": [], "record_type": kind, "kind": "commercial"}
    pairs.compare("restrictions", *(iter([("POST", "", about | {"record_key": key}, {})]) for key in (HIDDEN, MISSING)))
    assert pairs.differing == []


def test_a_question_about_a_hidden_organisation_finds_nothing(
    edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    organisation = secret(Organisation)
    make(Vote, organisation=organisation)
    assert len(pairs.client.get("/api/v1/approvals/?awaiting=zebra").json()["results"]) == 1
    restrict(organisation)
    pairs.compare("approvals", *(iter([("GET", f"?awaiting={key}", None, {})]) for key in (HIDDEN, MISSING)))
    assert pairs.differing == []


def test_a_part_that_has_come_below_a_hidden_record_takes_its_past_with_it(
    edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    part, above = secret(Vote), make(Approval)
    restrict(above)
    Vote.objects.filter(pk=part.pk).update(approval=above)
    hidden, missing = (requests_about(key, tag_of(part, key)) for key in (HIDDEN, MISSING))
    pairs.compare("votes", islice(hidden, READING), islice(missing, READING))
    assert pairs.differing == []


def test_a_note_about_a_hidden_record_stays_hidden_when_that_is_deleted(
    edition: Any, pairs: Pairs, make: Any, secret: Any, restrict: Any
) -> None:
    risk, note = make(Risk), secret(Note)
    NoteSubject.objects.create(about_note=note, record_type="risk", record_key=risk.key)
    restrict(risk)
    risk.delete()
    hidden, missing = (requests_about(key, tag_of(note, key)) for key in (HIDDEN, MISSING))
    pairs.compare("notes", islice(hidden, READING), islice(missing, READING))
    assert pairs.differing == []


def test_the_refusal_to_delete_what_a_hidden_record_refers_to_does_not_name_it(
    edition: Any, pairs: Pairs, desk: Client, make: Any, secret: Any, restrict: Any
) -> None:
    approval = make(Approval)
    restrict(secret(Decision, approval=approval))
    status, _, text = pairs.answer(
        "approvals", ("DELETE", f"{approval.key}/", None, {"HTTP_IF_MATCH": tag_of(approval, approval.key)})
    )
    assert status == 409 and "in_use" in text and MISSING not in text
    for url, body in (
        (page(Approval, "delete", approval.pk), {}),
        (page(Approval, "changelist"), {"action": "delete_selected", "_selected_action": [approval.pk]}),
    ):
        refused = desk.post(url, {**body, "post": "yes"}, follow=True)
        assert "Nothing was deleted: other records refer to it." in refused.content.decode()
        assert not told(refused, "zebra")
    assert Approval.objects.filter(pk=approval.pk).exists()


def shown(client: APIClient, resource: str, key: str = "own") -> tuple[dict[str, Any], dict[str, list[str]]]:
    """How a record is shown, apart from what moves, and its answers to all questions of yes and no."""
    record = client.get(f"/api/v1/{resource}/{key}/").json()
    filters = VIEWSETS[resource].filterset_class.base_filters
    questions = [
        name for name, found in filters.items() if isinstance(found, StrictBooleanFilter) and not name.endswith("__isnull")
    ]
    yes = {
        name: [row["key"] for row in client.get(f"/api/v1/{resource}/?key={key}&{name}=true").json()["results"]]
        for name in questions
    }
    return {name: value for name, value in record.items() if name not in MOVING}, yes


# --- The desk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(sign_in: Any) -> Client:
    return sign_in("pmo")


def page(kind: Any, view: str, *args: object) -> str:
    return reverse(f"admin:{kind._meta.app_label}_{kind._meta.model_name}_{view}", args=args)


@pytest.mark.parametrize("resource", KINDS)
def test_the_desk_answers_as_if_a_hidden_record_were_missing(
    resource: str, edition: Any, desk: Client, secret: Any, restrict: Any
) -> None:
    kind = KINDS[resource]
    record = secret(kind)
    links = [field.name for field in kind._meta.concrete_fields if field.related_model]
    above = [linked for name in links if (linked := getattr(record, name))]
    url = page(kind, "change", record.pk)
    restrict(record)
    for view in ("change", "history", "delete"):
        assert refusal(desk, kind, view, record.pk) == refusal(desk, kind, view, 99_999_999)
    assert found(desk, kind, q="zebra") == 0
    shown = [desk.get(page(kind, "changelist")), autocomplete(desk, kind)]
    for whole in above:
        shown += [desk.get(page(type(whole), view, whole.pk)) for view in ("change", "delete")]
        chosen = {"action": "delete_selected", "_selected_action": [whole.pk]}
        shown.append(desk.post(page(type(whole), "changelist"), chosen))
    tell = [f"{answer.request['PATH_INFO']}" for answer in shown if told(answer, url)]
    assert tell == []
    record.delete()
    assert not told(desk.get(page(kind, "deleted")), url)


@pytest.mark.parametrize("resource", KINDS)
def test_the_desk_does_not_tell_what_a_record_links_to_when_that_is_hidden(
    resource: str, edition: Any, desk: Client, make: Any, secret: Any, restrict: Any
) -> None:
    kind = KINDS[resource]
    own = make(kind, key="own")
    loose = [field for field in links_of(kind) if field.name not in belongs_to(kind)]
    hidden = {field.name: link_to_hidden(own, field, secret, restrict) for field in loose}
    shown = [desk.get(page(kind, "changelist"))]
    shown += [desk.get(page(kind, view, own.pk)) for view in ("change", "history", "delete")]
    assert [answer.request["PATH_INFO"] for answer in shown if told(answer, "zebra")] == []
    assert found(desk, kind, q="zebra") == 0
    for field, target in hidden.items():
        if target:
            assert found(desk, kind, **{f"{field}__id__exact": target.pk}) == 0, field


def refusal(desk: Client, kind: Any, view: str, pk: int) -> tuple[Any, ...]:
    """What is answered and said about a record, apart from its number."""
    answer = desk.get(page(kind, view, pk))
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    return answer.status_code, answer.get("Location"), re.sub(r"\d+", "?", said[-1])


def found(desk: Client, kind: Any, **query: Any) -> int:
    answer = desk.get(page(kind, "changelist"), query)
    assert answer.status_code == 200
    return int(answer.context["cl"].result_count)


def autocomplete(desk: Client, kind: Any) -> Any:
    """The choices of a field that leads to this kind; the list where there is none."""
    for relation in kind._meta.related_objects:
        if relation.related_model in KINDS.values():
            meta = relation.related_model._meta
            query = {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": relation.field.name}
            return desk.get(reverse("admin:autocomplete"), query | {"term": "zebra"})
    return desk.get(page(kind, "changelist"))


def told(answer: Any, url: str) -> bool:
    """Whether a page names the record or leads to it."""
    text = answer.content.decode().lower()
    return answer.status_code == 200 and ("zebra" in text or url in text)
