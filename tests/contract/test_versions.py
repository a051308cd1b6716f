"""No lost update: a change says which version it was made from, and an old version is refused."""

from typing import Any

import pytest

PATH = "/api/v1/milestones/e-lims-contract-award/"
METHODS = ["put", "patch", "delete"]
BODY = {"title": "LIMS contract signed", "type": "contract_award", "workstream": "ws-lims", "change_reason": "Corrected."}


def tag_of(client: Any, path: str = PATH) -> str:
    return client.get(path)["ETag"]


@pytest.mark.parametrize("method", METHODS)
def test_a_change_without_a_version_is_refused(method: str, edition: Any, api: Any) -> None:
    client = api("pmo")
    refused = getattr(client, method)(PATH, BODY, HTTP_IF_MATCH="")
    assert (refused.status_code, refused.json()["code"]) == (428, "precondition_required")


@pytest.mark.parametrize("tag", ["*", "1", '"1"', '"milestone-another-1"', "W/", '"'])
def test_a_tag_that_names_no_version_of_the_record_does_not_do(tag: str, edition: Any, api: Any) -> None:
    assert api("pmo").patch(PATH, {"title": "x"}, HTTP_IF_MATCH=tag).status_code in (412, 428)


@pytest.mark.parametrize("method", METHODS)
def test_a_change_of_an_old_version_is_refused_with_what_has_changed(method: str, edition: Any, api: Any) -> None:
    client = api("pmo")
    old = tag_of(client)
    client.patch(PATH, {"title": "Somebody else's title", "note": "Somebody else's note"})
    refused = getattr(client, method)(PATH, None if method == "delete" else BODY, HTTP_IF_MATCH=old)
    problem = refused.json()
    assert refused.status_code == 412
    assert problem["current_etag"] == tag_of(client)
    assert problem["current_version"] == client.get(PATH).json()["version"]
    assert problem["changed_fields"] == ["note", "title"]
    assert problem["clashing_fields"] == ([] if method == "delete" else ["title"])
    assert client.get(PATH).json()["title"] == "Somebody else's title"


def test_a_clash_in_a_relation_is_named_too(edition: Any, api: Any) -> None:
    client = api("pmo")
    old = tag_of(client)
    client.patch(PATH, {"depends_on": []})
    problem = client.patch(PATH, {"depends_on": ["e-lims-status-date"]}, HTTP_IF_MATCH=old).json()
    assert problem["clashing_fields"] == ["depends_on"]


def test_a_tag_that_a_proxy_has_weakened_still_does(edition: Any, api: Any) -> None:
    client = api("pmo")
    assert client.patch(PATH, {"title": "x"}, HTTP_IF_MATCH=f"W/{tag_of(client)}").status_code == 200


def test_each_answer_carries_its_tag(edition: Any, api: Any) -> None:
    client = api("pmo")
    created = client.post("/api/v1/milestones/", {"title": "Kick-off", "type": "meeting"})
    assert created["ETag"] == created.json()["etag"] == tag_of(client, "/api/v1/milestones/kick-off/")
    changed = client.patch("/api/v1/milestones/kick-off/", {"title": "Start"}, HTTP_IF_MATCH=created["ETag"])
    assert changed["ETag"] == changed.json()["etag"] == tag_of(client, "/api/v1/milestones/kick-off/") != created["ETag"]
    assert client.delete("/api/v1/milestones/kick-off/", HTTP_IF_MATCH=changed["ETag"]).status_code == 204


def test_the_tag_of_a_list_item_is_that_of_the_record(edition: Any, api: Any) -> None:
    client = api("viewer")
    for row in client.get("/api/v1/approvals/").json()["results"]:
        assert row["etag"] == tag_of(client, f"/api/v1/approvals/{row['key']}/")


def test_two_readers_of_one_version_see_one_tag(edition: Any, api: Any) -> None:
    assert tag_of(api("viewer")) == tag_of(api("pmo")) == tag_of(api("pmo"))


@pytest.mark.parametrize("form", ["{}", "W/{}", '"another", {}'])
def test_what_the_caller_knows_already_is_not_sent_again(form: str, edition: Any, api: Any) -> None:
    client = api("viewer")
    tag = tag_of(client)
    known = client.get(PATH, HTTP_IF_NONE_MATCH=form.format(tag))
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", tag)
    api("pmo").patch(PATH, {"title": "x"})
    assert client.get(PATH, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_a_known_version_of_what_one_may_not_see_is_not_confirmed(edition: Any, api: Any, person: Any) -> None:
    tag = tag_of(api("viewer"))
    assert api(person(None)).get(PATH, HTTP_IF_NONE_MATCH=tag).status_code == 403
    assert api("viewer").get("/api/v1/milestones/nothing/", HTTP_IF_NONE_MATCH='"milestone-nothing-1"').status_code == 404


def test_computed_fields_have_a_tag_for_each_day(edition: Any, api: Any) -> None:
    client = api("viewer")
    assert tag_of(client, f"{PATH}?on=2024-05-03") != tag_of(client, f"{PATH}?on=2024-06-03")
    assert tag_of(client, "/api/v1/programmes/diagnostics/") == tag_of(client, "/api/v1/programmes/diagnostics/")
