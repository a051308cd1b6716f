"""Nobody writes what the server writes. One rule for every resource and every write:

* what is read but not written (version, moments, names beside links, what is computed) may come back in a body, so that an
  answer can be sent back as it was read, and changes nothing;
* the key may be given once;
* any other name is refused, whatever the model has under it.
"""

from typing import Any

import pytest

from cmast.models import ApiToken
from cmast.urls import api as router

pytestmark = pytest.mark.either_database

VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}
#: Those that callers write as a whole; an import is made by sending a file.
RESOURCES = [
    prefix for prefix, view in VIEWSETS.items() if prefix not in ("tokens", "imports") and "put" in view.http_method_names
]
#: What each change moves by itself.
MOVED = ("version", "etag", "updated_at")
FORGED = {"version": 99, "created_at": "2000-01-01T00:00:00Z", "updated_at": "2000-01-01T00:00:00Z"}


def fields(resource: str) -> dict[str, bool]:
    """Field of the JSON -> whether it is the server's."""
    return {name: field.read_only for name, field in VIEWSETS[resource].serializer_class().fields.items()}


def forged(resource: str) -> dict[str, Any]:
    return {name: FORGED.get(name, "forged") for name, is_servers in fields(resource).items() if is_servers}


def foreign(resource: str) -> dict[str, str]:
    """Everything that the model calls by a name that is no field of the JSON, and what it might have."""
    model = VIEWSETS[resource].queryset.model
    names = {name for field in model._meta.get_fields() for name in (field.name, getattr(field, "attname", field.name))}
    return dict.fromkeys({*names, "pk", "is_staff", "is_superuser", "_state", "nothing"} - set(fields(resource)), "forged")


def key_of(resource: str) -> dict[str, str]:
    """The header of a create that is refused without it; some are refused with it."""
    return {"HTTP_IDEMPOTENCY_KEY": resource} if "create" in VIEWSETS[resource].needs_key else {}


def whole(record: Any) -> Any:
    """The record with something in each list that callers must not leave empty."""
    for relation in record._meta.many_to_many:
        if not relation.blank:
            getattr(record, relation.name).add(relation.related_model.objects.first())
    return record


def assert_unforged(resource: str, answer: Any, read: dict[str, Any]) -> None:
    """The server's fields are as they were read, but for what each change moves."""
    for name in forged(resource):
        if name not in MOVED:
            assert answer[name] == read[name], name
    assert answer["version"] == read["version"] + 1 and str(answer["version"]) in answer["etag"]
    assert answer["updated_at"] >= read["updated_at"]


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_the_server_writes_is_not_written_by_callers(resource: str, edition: Any, api: Any, make: Any) -> None:
    client, record = api("admin"), whole(make(VIEWSETS[resource].queryset.model))
    path = f"/api/v1/{resource}/{record.key}/"
    read = client.get(path).json()
    assert set(read) == set(fields(resource)) - {"change_reason"} and set(forged(resource)) >= {*MOVED, "created_at"}

    patched = client.patch(path, forged(resource) | {"note": "Anew."})
    assert patched.status_code == 200 and patched.json()["note"] == "Anew.", patched.content
    assert_unforged(resource, patched.json(), read)

    put = client.put(path, read | forged(resource))
    assert put.status_code == 200, put.content
    assert_unforged(resource, put.json(), patched.json())

    if "delete" not in VIEWSETS[resource].http_method_names:
        return  # it stays, and none like it can be made
    assert client.delete(path).status_code == 204
    made = client.post(f"/api/v1/{resource}/", read | forged(resource), **key_of(resource))
    assert made.status_code == 201, made.content
    assert not [name for name, value in forged(resource).items() if made.json()[name] == value]


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_key_is_given_once(resource: str, edition: Any, api: Any, make: Any) -> None:
    client, record = api("admin"), whole(make(VIEWSETS[resource].queryset.model))
    refused = client.patch(f"/api/v1/{resource}/{record.key}/", {"key": "another"})
    assert refused.status_code == 400
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [("/key", "fixed")]


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_is_no_field_is_refused_by_every_write(resource: str, edition: Any, api: Any, make: Any) -> None:
    client, record = api("admin"), whole(make(VIEWSETS[resource].queryset.model))
    path = f"/api/v1/{resource}/{record.key}/"
    unchanged = client.get(path).json()
    for write, where in ((client.post, f"/api/v1/{resource}/"), (client.put, path), (client.patch, path)):
        refused = write(where, unchanged | foreign(resource), **key_of(resource))
        assert refused.status_code == 400
        assert {error["pointer"] for error in refused.json()["errors"]} == {f"/{name}" for name in foreign(resource)}
    assert client.get(path).json() == unchanged


def test_a_token_is_made_for_its_owner_with_what_may_be_said(edition: Any, api: Any, person: Any) -> None:
    officer, other = person("pmo"), person("pmo")
    client = api(officer)
    servers = {"key": "forged", "created_at": "2000-01-01T00:00:00Z", "token": "forged"}
    made = client.post("/api/v1/tokens/", {"name": "Power BI", **servers})
    assert made.status_code == 201
    assert all(made.json()[name] != value for name, value in servers.items())
    for name, value in {"user": other.key, "user_id": other.pk, "digest": "0" * 128, "token_key": "x", "nothing": 1}.items():
        assert client.post("/api/v1/tokens/", {"name": "Forged", name: value}).status_code == 400, name
    assert not ApiToken.objects.filter(name="Forged").exists() and ApiToken.objects.get(name="Power BI").user == officer
