"""Every route is decided: each cell of the permission table is tried out, and a route that is not in it fails."""

from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from cmast.models import Organisation, Record
from cmast.urls import api as router
from programmes.models import Programme, Workstream
from tests.contract.permissions import PAGES, RESOURCES

HEAD, *ROWS = (line.split(maxsplit=6) for line in RESOURCES.strip().splitlines())
CELLS = [(row[0], role, cell) for row in ROWS for role, cell in zip(HEAD[1:6], row[1:6], strict=True)]
OWN_THROUGH = {row[0]: dict(pair.split("=") for pair in row[6].split()) for row in ROWS if row[6] != "-"}
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}

#: Where the roles of the test are held.
PLACES: dict[str, tuple[str, Any, str]] = {
    "trust_contributor": ("organisation", Organisation, "RWW"),
    "workstream_lead": ("workstream", Workstream, "ws-lims"),
    "programme_manager": ("programme", Programme, "diagnostics"),
}


def test_every_resource_has_a_row_in_the_table() -> None:
    assert {row[0] for row in ROWS} | {"tokens"} == set(VIEWSETS)


def test_every_other_route_has_a_row_in_the_table() -> None:
    names = set()
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern):
            names.add(pattern.name)
        elif isinstance(pattern, URLResolver) and pattern.namespace:
            names.add(pattern.namespace)
    assert names == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_pages_answer_each_reader_as_the_table_says(name: str, edition: Any, sign_in: Any) -> None:
    path = {"admin": "/admin/", "api-unknown": "/api/v1/nothing-here/"}.get(name) or reverse(name)
    assert tuple(sign_in(role).get(path).status_code for role in (None, "viewer", "pmo")) == PAGES[name]


@pytest.mark.parametrize("resource", VIEWSETS)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_every_route_refuses_strangers_and_people_without_a_role(
    resource: str, method: str, edition: Any, api: Any, person: Any
) -> None:
    for path in (f"/api/v1/{resource}/", f"/api/v1/{resource}/anything/"):
        assert getattr(api(None), method)(path).status_code == 401
        assert getattr(api(person(None)), method)(path).status_code == 403


@pytest.mark.parametrize(("resource", "role", "cell"), CELLS, ids=[f"{resource}-{role}" for resource, role, _ in CELLS])
def test_each_role_may_do_with_each_resource_what_the_table_says(
    resource: str, role: str, cell: str, edition: Any, api: Any, person: Any, make: Any
) -> None:
    model: Any = VIEWSETS[resource].queryset.model
    make(model)
    client = api(person(role, **place(role)))
    own, others = split(resource, role, cell, make)
    assert client.get(f"/api/v1/{resource}/").status_code == 200
    for record in others[:3]:
        assert client.get(address(resource, record)).status_code == 200
        assert client.patch(address(resource, record), {}).status_code == 403
        assert client.put(address(resource, record), {}).status_code == 403
        assert client.delete(address(resource, record)).status_code == 403
    assert (own == []) == (cell == "r")
    for record in own[:3]:
        assert client.patch(address(resource, record), {"note": "Changed."}).status_code == 200
    if own:
        assert client.delete(address(resource, own[0])).status_code in (204, 409)  # 409: others refer to it
    assert client.post(f"/api/v1/{resource}/", {}).status_code == (403 if cell == "r" else 400)


@pytest.mark.parametrize("resource", VIEWSETS)
def test_a_read_only_token_writes_nothing(resource: str, edition: Any, api: Any, person: Any) -> None:
    client = api(person("pmo"), scope="read")
    assert client.get(f"/api/v1/{resource}/").status_code == 200
    assert client.post(f"/api/v1/{resource}/", {}).status_code == 403
    assert client.patch(f"/api/v1/{resource}/anything/", {}).status_code == 403
    assert client.delete(f"/api/v1/{resource}/anything/").status_code == 403


def test_a_record_cannot_be_moved_out_of_the_area_of_the_one_who_moves_it(edition: Any, api: Any, person: Any) -> None:
    client = api(person("workstream_lead", workstream="ws-lims"))
    moved = client.patch("/api/v1/milestones/e-lims-contract-award/", {"workstream": "ws-endoscopy"})
    assert moved.status_code == 403
    assert client.get("/api/v1/milestones/e-lims-contract-award/").json()["workstream"] == "ws-lims"


def test_a_record_cannot_be_created_in_somebody_elses_area(edition: Any, api: Any, person: Any) -> None:
    client = api(person("workstream_lead", workstream="ws-lims"))
    body = {"title": "Kick-off", "type": "meeting", "workstream": "ws-endoscopy"}
    assert client.post("/api/v1/milestones/", body).status_code == 403
    assert client.get("/api/v1/milestones/kick-off/").status_code == 404
    assert client.post("/api/v1/milestones/", body | {"workstream": "ws-lims"}).status_code == 201


def test_a_leaver_is_refused_at_the_next_request(edition: Any, api: Any, person: Any) -> None:
    leaver = person("pmo")
    client = api(leaver)
    assert client.get("/api/v1/programmes/").status_code == 200
    type(leaver).objects.filter(pk=leaver.pk).update(is_active=False)
    assert client.get("/api/v1/programmes/").status_code == 401


def test_a_role_that_has_ended_gives_no_access(edition: Any, api: Any, person: Any) -> None:
    former = person("pmo")
    former.memberships.update(valid_to="2024-05-02")
    assert api(former).get("/api/v1/programmes/").status_code == 403


def place(role: str) -> dict[str, str]:
    """The area that a role is held in, as keyword of the `person` fixture."""
    area, _, key = PLACES.get(role, ("", None, ""))
    return {area: key} if area else {}


def address(resource: str, record: Record) -> str:
    return f"/api/v1/{resource}/{record.key}/"


def split(resource: str, role: str, cell: str, make: Any) -> tuple[list[Any], list[Any]]:
    """Rows that are the role's own according to the table, and the others. Where it has none, one is made."""
    model: Any = VIEWSETS[resource].queryset.model
    if cell == "r":
        return [], list(model.objects.all())
    if cell == "rw":
        return list(model.objects.all()), []
    area, area_model, key = PLACES[role]
    where, path = area_model.objects.get(key=key), OWN_THROUGH[resource][area]
    is_own = {path: where.pk if path == "pk" else where}
    if not model.objects.filter(**is_own).exists():
        make(model, **is_own)
    return list(model.objects.filter(**is_own)), list(model.objects.exclude(pk__in=model.objects.filter(**is_own)))
