"""A restricted record does not exist for those who are not named, by whatever way they look."""

import datetime as dt
from typing import Any

import pytest

from cmast import tasks
from cmast.models import Note, NoteSubject, Restriction
from metrics.models import Observation
from programmes.models import Approval, Decision, Milestone
from risks.models import Risk


@pytest.fixture
def named(person: Any) -> Any:
    return person("pmo")


@pytest.fixture
def restrict(named: Any) -> Any:
    def restrict_record(record: Any) -> Any:
        kind = str(record._meta.verbose_name).replace(" ", "_")
        restriction = Restriction.objects.create(record_type=kind, record_key=record.key, kind="commercial")
        restriction.named.add(named)
        return restriction

    return restrict_record


def answer(response: Any) -> tuple[int, Any]:
    """What is answered, apart from the request's id."""
    return response.status_code, {name: value for name, value in response.json().items() if name != "request_id"}


@pytest.mark.parametrize("role", ["pmo", "programme_manager", "viewer"])
def test_a_restricted_record_and_its_parts_are_missing_for_others(
    role: str, edition: Any, api: Any, named: Any, restrict: Any
) -> None:
    approval = Approval.objects.get(key="a-lims")
    vote = approval.votes.first()
    restrict(approval)
    other = api(role)
    for path in (f"approvals/{approval.key}", f"votes/{vote.key}"):
        assert api(named).get(f"/api/v1/{path}/").status_code == 200
        assert answer(other.get(f"/api/v1/{path}/")) == answer(other.get(f"/api/v1/{path.split('/')[0]}/nothing/"))
        assert other.get(f"/api/v1/{path}/history/").status_code == 404
        assert other.get(f"/api/v1/{path}/?as_of=2024-05-03").status_code == 404
        assert other.patch(f"/api/v1/{path}/", {"note": "x"}, HTTP_IF_MATCH='"x"').status_code in (403, 404)
    keys = [found["key"] for found in other.get("/api/v1/votes/?page_size=1000").json()["results"]]
    assert vote.key not in keys
    assert other.get("/api/v1/votes/?count=true").json()["count"] == len(keys)


def test_links_to_it_look_like_no_link(edition: Any, api: Any, make: Any, named: Any, restrict: Any) -> None:
    approval = Approval.objects.get(key="a-lims")
    decision = make(Decision, approval=approval, text="Award the contract")
    restrict(approval)
    other, path = api("pmo"), f"/api/v1/decisions/{decision.key}/"
    assert api(named).get(path).json()["approval"] == "a-lims"
    seen = other.get(path).json()
    assert (seen["approval"], seen["approval_name"]) == (None, None)
    for query in ("approval=a-lims", "approval=nothing"):
        assert other.get(f"/api/v1/decisions/?{query}").json()["results"] == []
    unlinked = [
        found["key"] for found in other.get("/api/v1/decisions/?approval__isnull=true&page_size=1000").json()["results"]
    ]
    assert decision.key in unlinked
    refusals = [other.post("/api/v1/decisions/", {"text": "x", "approval": key}) for key in ("a-lims", "nothing")]
    told = [response.content.decode().replace("a-lims", "nothing") for response in refusals]
    assert {response.status_code for response in refusals} == {400}
    assert told[0].partition("request_id")[0] == told[1].partition("request_id")[0]
    changes = other.get(f"{path}history/").json()["results"][0]["changes"]
    assert "approval" not in [change["field"] for change in changes]


def test_writing_back_what_one_has_read_does_not_take_the_link_away(edition: Any, api: Any, make: Any, restrict: Any) -> None:
    approval = Approval.objects.get(key="a-lims")
    decision = make(Decision, approval=approval, text="Award the contract")
    restrict(approval)
    other, path = api("pmo"), f"/api/v1/decisions/{decision.key}/"
    read = other.get(path).json()
    of_the_register = ("version", "etag", "created_at", "updated_at")
    written = {name: value for name, value in read.items() if not name.endswith("_name") and name not in of_the_register}
    assert other.put(path, written).status_code == 200
    assert other.patch(path, {"approval": None, "note": "x"}).status_code == 200
    decision.refresh_from_db()
    assert decision.approval == approval


def test_lists_of_links_keep_what_is_hidden(edition: Any, api: Any, make: Any, named: Any, restrict: Any) -> None:
    relation = next(r for r in Milestone._meta.many_to_many)
    milestone, shown, secret = make(Milestone), make(relation.related_model), make(relation.related_model)
    getattr(milestone, relation.name).set([shown, secret])
    restrict(secret)
    other, path = api("pmo"), f"/api/v1/milestones/{milestone.key}/"
    assert other.get(path).json()[relation.name] == [shown.key]
    assert other.patch(path, {relation.name: []}).json()[relation.name] == []
    assert api(named).get(path).json()[relation.name] == [secret.key]


def test_notes_about_it_are_missing_too(edition: Any, api: Any, make: Any, named: Any, restrict: Any) -> None:
    risk = make(Risk)
    note = make(Note)
    NoteSubject.objects.create(about_note=note, record_type="risk", record_key=risk.key)
    restrict(risk)
    assert api("pmo").get(f"/api/v1/notes/{note.key}/").status_code == 404
    assert api(named).get(f"/api/v1/notes/{note.key}/").status_code == 200


def test_what_hangs_on_a_restricted_workstream_is_missing(edition: Any, api: Any, make: Any, restrict: Any) -> None:
    milestone = Milestone.objects.filter(workstream__isnull=False).first()
    restrict(milestone.workstream)
    assert api("viewer").get(f"/api/v1/milestones/{milestone.key}/").status_code == 404


def test_what_hangs_on_a_restricted_programme_is_missing_however_deep(edition: Any, api: Any, restrict: Any) -> None:
    observation = Observation.objects.first()
    restrict(observation.metric.programme)
    client = api("viewer")
    assert client.get(f"/api/v1/observations/{observation.key}/").status_code == 404
    assert client.get(f"/api/v1/observations/?programme={observation.metric.programme.key}").json()["results"] == []


def test_it_stays_hidden_when_it_is_deleted(edition: Any, api: Any, make: Any, named: Any, restrict: Any) -> None:
    risk = make(Risk, title="Secret deal")
    restrict(risk)
    key = risk.key
    risk.delete()
    assert api(named).get(f"/api/v1/risks/{key}/history/").status_code == 200
    assert api("pmo").get(f"/api/v1/risks/{key}/history/").status_code == 404
    assert "Secret deal" not in api("pmo").get("/api/v1/changes/?page_size=1000&resource=risks").content.decode()


def test_lifting_the_restriction_shows_it_again_and_says_so_in_the_feed(
    edition: Any, api: Any, make: Any, named: Any, restrict: Any
) -> None:
    risk = make(Risk)
    restriction = restrict(risk)
    other = api("viewer")
    after = other.get("/api/v1/changes/?after=latest").json()["after"]
    assert api(named).delete(f"/api/v1/restrictions/{restriction.key}/").status_code == 204
    assert other.get(f"/api/v1/risks/{risk.key}/").status_code == 200
    found = other.get("/api/v1/changes/", {"after": after}).json()["results"]
    assert {(change["key"], change["operation"]) for change in found} == {(risk.key, "touch")}


def test_who_restricts_a_record_must_be_named(edition: Any, api: Any, person: Any, make: Any) -> None:
    officer, risk = person("pmo"), make(Risk)
    body = {"record_type": "risk", "record_key": risk.key, "kind": "commercial"}
    assert api(officer).post("/api/v1/restrictions/", body | {"named": []}).status_code in (400, 403)
    assert not Restriction.objects.exists()
    made = api(officer).post("/api/v1/restrictions/", body | {"named": [officer.key]})
    assert made.status_code == 201
    assert api("pmo").get(f"/api/v1/restrictions/{made.json()['key']}/").status_code == 404
    assert api("admin").get(f"/api/v1/restrictions/{made.json()['key']}/").status_code == 200
    assert api("admin").get(f"/api/v1/risks/{risk.key}/").status_code == 404
    assert api("workstream_lead").post("/api/v1/restrictions/", body).status_code == 403


def test_what_says_who_may_do_what_cannot_be_restricted(edition: Any, api: Any, person: Any) -> None:
    officer = person("pmo")
    body = {"record_type": "person", "record_key": officer.key, "kind": "commercial", "named": [officer.key]}
    refused = api(officer).post("/api/v1/restrictions/", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/record_type")


def test_where_nothing_is_restricted_nothing_is_asked_twice(edition: Any, person: Any) -> None:
    hidden = person("viewer").reach.hidden
    assert not hidden
    assert list(hidden.paths(Milestone)) == []


def test_the_desk_shows_no_trace_of_it(edition: Any, sign_in: Any, make: Any, named: Any, restrict: Any) -> None:
    approval = Approval.objects.get(key="a-lims")
    decision = make(Decision, approval=approval, text="Award the contract")
    title = str(approval)
    restrict(approval)
    other = sign_in("pmo")
    pages = [
        "/admin/",
        "/admin/programmes/approval/",
        "/admin/programmes/vote/",
        "/admin/programmes/decision/",
        f"/admin/programmes/decision/{decision.pk}/change/",
        f"/admin/programmes/decision/{decision.pk}/history/",
        f"/admin/programmes/programme/{approval.programme_id}/change/",
        f"/admin/autocomplete/?app_label=programmes&model_name=decision&field_name=approval&term={title[:10]}",
    ]
    for page in pages:
        shown = other.get(page)
        assert shown.status_code == 200, page
        assert title not in shown.content.decode(), page
    assert other.get(f"/admin/programmes/approval/{approval.pk}/change/").status_code == 302
    assert other.get(f"/admin/programmes/approval/{approval.pk}/history/").status_code in (302, 404)
    assert sign_in(named).get(f"/admin/programmes/approval/{approval.pk}/change/").status_code == 200


def test_an_embargo_ends_with_its_day(edition: Any, api: Any, time_machine: Any) -> None:
    path, known = "/api/v1/observations/o-theatre-capped-2024-03/", {"record_type": "observation", "kind": "embargoed"}
    made = Restriction.objects.create(record_key="o-theatre-capped-2024-03", lifted_on="2024-05-09", **known)
    assert api("viewer").get(path).status_code == 404
    time_machine.move_to(dt.datetime(2024, 5, 8, 22, tzinfo=dt.UTC))
    tasks.lift_restrictions()
    assert api("viewer").get(path).status_code == 404
    time_machine.move_to(dt.datetime(2024, 5, 8, 23, 30, tzinfo=dt.UTC))  # in summer time the ninth has begun
    client = api("viewer")
    assert client.get(path).status_code == 200
    after = client.get("/api/v1/changes/?after=latest").json()["after"]
    tasks.lift_restrictions()
    assert not Restriction.objects.filter(pk=made.pk).exists() and client.get(path).status_code == 200
    told = client.get(f"/api/v1/changes/?after={after}").json()["results"]
    assert ("touch", "o-theatre-capped-2024-03") in [(change["operation"], change["key"]) for change in told]
