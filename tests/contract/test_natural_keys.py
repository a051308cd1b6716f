"""A record of another system is written under that system's own id, again and again, without losing anybody's change."""

from typing import Any

import pytest

from cmast.models import Change
from programmes.models import Milestone

PATH = "/api/v1/milestones/external/Project Online/M-17/"
BODY = {"title": "Kick-off", "type": "meeting"}


def put(client: Any, body: Any = BODY, path: str = PATH, **headers: str) -> Any:
    """Without the If-Match that the client of the tests sends by itself."""
    return client.generic(
        "PUT", path, data=_json(client, body), content_type="application/json", **{"HTTP_IF_MATCH": "", **headers}
    )


def _json(client: Any, body: Any) -> Any:
    return client._encode_data(body, "json")[0]


def test_the_first_put_creates_the_record_and_the_second_replaces_it(edition: Any, api: Any) -> None:
    client = api("pmo")
    first = put(client, BODY | {"note": "Draft."})
    assert (first.status_code, first.json()["external_id"]) == (201, "M-17")
    assert first["Location"] == f"/api/v1/milestones/{first.json()['key']}/"
    second = put(client, BODY | {"title": "Kick-off meeting"})
    assert (second.status_code, second.json()["title"], second.json()["note"]) == (200, "Kick-off meeting", "")
    assert second.json()["key"] == first.json()["key"]
    assert Milestone.objects.filter(external_source="Project Online").count() == 1


def test_what_somebody_else_has_changed_is_not_overwritten_unread(edition: Any, api: Any) -> None:
    system, officer = api("pmo"), api("pmo")
    created = put(system).json()
    officer.patch(f"/api/v1/milestones/{created['key']}/", {"note": "Checked."})
    assert put(system).status_code == 428
    assert put(system, HTTP_IF_MATCH=created["etag"]).status_code == 412
    now = system.get(f"/api/v1/milestones/{created['key']}/")
    assert put(system, BODY | {"note": "Checked."}, HTTP_IF_MATCH=now["ETag"]).status_code == 200
    assert put(system).status_code == 200


def test_who_expects_a_record_or_its_absence_is_told_otherwise(edition: Any, api: Any) -> None:
    client = api("pmo")
    assert put(client, HTTP_IF_MATCH='"milestone-x-1"').status_code == 412
    assert put(client, HTTP_IF_NONE_MATCH="*").status_code == 201
    assert put(client, HTTP_IF_NONE_MATCH="*").status_code == 412


def test_a_body_that_names_another_id_is_refused(edition: Any, api: Any) -> None:
    refused = put(api("pmo"), BODY | {"external_id": "M-18"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/external_id")


def test_an_id_may_hold_what_an_address_must_quote(edition: Any, api: Any) -> None:
    created = put(api("pmo"), path="/api/v1/milestones/external/Jira/A%2FB%20%C3%A9/")
    assert (created.status_code, created.json()["external_id"]) == (201, "A/B é")


@pytest.mark.parametrize("id", ["%00", "x" * 201])
def test_an_id_that_cannot_be_kept_is_refused(id: str, edition: Any, api: Any) -> None:
    assert put(api("pmo"), path=f"/api/v1/milestones/external/Jira/{id}/").status_code == 400


def test_a_lead_writes_only_into_the_own_workstream(edition: Any, api: Any, person: Any) -> None:
    lead = api(person("workstream_lead", workstream="ws-lims"))
    assert put(lead, BODY | {"workstream": "ws-endoscopy"}).status_code == 403
    assert put(lead, BODY | {"workstream": "ws-lims"}).status_code == 201
    put(api("pmo"), BODY | {"workstream": "ws-endoscopy"}, path=PATH.replace("17", "18"))
    assert put(lead, BODY | {"workstream": "ws-lims"}, path=PATH.replace("17", "18")).status_code == 403


def test_every_put_is_in_the_history(edition: Any, api: Any) -> None:
    client = api("pmo")
    key = put(client).json()["key"]
    put(client, BODY | {"note": "Again."})
    assert list(Change.objects.filter(record_key=key).values_list("operation", flat=True)) == ["update", "insert"]
