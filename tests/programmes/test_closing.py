"""Closing a programme, workstream or forum, and who takes over what it leaves."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.errors import RuleBroken
from cmast.history.context import changing
from metrics.models import Benefit
from programmes.models import Action, Closure, Forum, Handover, Meeting, Programme, Workstream
from programmes.models.closing import held_kinds, type_of
from risks.models import Risk
from tests.factories import restrict

MAY_3 = dt.date(2024, 5, 3)
ENDING = {"closed_on": "2024-05-03", "closure_outcome": "handed_over", "change_reason": "Agreed by the board."}


def end(subject: Any, **said: Any) -> None:
    with changing(reason="Agreed by the board."):
        subject.close(closed_on=MAY_3, closure_outcome="completed", **said)


# --- What the edition says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["programmes/workforce", "forums/workforce-programme-board"])
def test_the_closure_of_the_workforce_programme_lacks_its_transfers(subject: str, edition: str, api: Any) -> None:
    found = api("viewer").get(f"/api/v1/{subject}/closure-checklist/").json()
    assert (found["status"], found["closed_on"], found["closure"]) == ("closed", "2024-03-26", "c-workforce-board")
    assert found["confirmed_by"] == "workforce-programme-board"
    assert (found["is_risk_log_closed"], found["is_risk_transfer_recorded"]) == (True, False)
    assert (found["is_complete"], found["missing_count"]) == (False, 3)
    assert {(item["record_key"], item["missing"]) for item in found["items"]} == {
        ("ws-ahp-faculty", "It goes on, and nobody takes it over."),
        ("act-ahp-project-plan", "It is still to be done, and nobody is named who does it."),
        ("r-workforce-risk-log", "It was closed, and it is not on record where it went."),
    }


def test_the_closure_of_the_band_6_group_leaves_nothing(edition: str, api: Any) -> None:
    for subject in ("forums/band6-working-group", "workstreams/ws-band6"):
        found = api("viewer").get(f"/api/v1/{subject}/closure-checklist/").json()
        assert (found["closure"], found["closed_on"]) == ("c-band6-working-group", "2024-03-18")
        assert (found["is_complete"], found["items"]) == (True, [])
        assert found["is_risk_log_closed"] is None  # not stated
    assert len(Closure.objects.get(key="c-band6-working-group").outputs) == 3


def test_the_actions_of_the_band_6_group_have_gone_to_their_owners(edition: str) -> None:
    action = Action.objects.get(key="act-band6")
    assert (action.status, action.owner_role.key) == ("open", "role-band6-action-owners")
    assert action not in Action.objects.orphaned()


def test_the_faculty_is_the_one_orphan_among_the_workstreams(edition: str, api: Any, sign_in: Any) -> None:
    rows = api("viewer").get("/api/v1/workstreams/?orphaned=true").json()["results"]
    assert [row["key"] for row in rows] == ["ws-ahp-faculty"]
    assert "Workstreams of nobody" in sign_in("pmo").get(reverse("admin:index")).content.decode()


def test_the_faculty_has_a_home_once_somebody_takes_it_over(edition: str, api: Any) -> None:
    client = api("pmo")
    home = {
        "closure": "c-workforce-board",
        "record_type": "workstream",
        "record_key": "ws-ahp-faculty",
        "to_organisation": "QYG",
    }
    assert client.post("/api/v1/handovers/", home, format="json").status_code == 201
    assert not Workstream.objects.orphaned().exists()
    found = client.get("/api/v1/programmes/workforce/closure-checklist/").json()
    items = {item["record_key"]: item for item in found["items"]}
    assert (found["missing_count"], items["ws-ahp-faculty"]["is_done"]) == (1, True)
    assert items["act-ahp-project-plan"]["handover"] == items["ws-ahp-faculty"]["handover"]  # it goes along
    assert items["ws-ahp-faculty"]["receiver"] == "NHS Cheshire and Merseyside Integrated Care Board"
    assert items["ws-ahp-faculty"]["accepted_on"] is None


def test_the_page_of_a_closure_names_what_is_missing(edition: str, sign_in: Any) -> None:
    client = sign_in("pmo")
    for record in (Closure.objects.get(key="c-workforce-board"), Programme.objects.get(key="workforce")):
        page = client.get(reverse(f"admin:programmes_{record._meta.model_name}_change", args=[record.pk])).content.decode()
        assert "It goes on, and nobody takes it over." in page and "3 missing" in page


# --- The rule ---------------------------------------------------------------------------------------------------------


def test_all_that_outlasts_a_closure_is_asked_for() -> None:
    assert {type_of(kind) for kind in held_kinds()} == {"risk", "action", "benefit", "workstream"}


@pytest.mark.parametrize(
    ("kind", "settled"),
    [
        (Risk, {"status": "closed", "closure_reason": "mitigated"}),
        (Action, {"status": "done"}),
        (Benefit, {"status": "realised"}),
        (Workstream, {"status": "closed"}),
    ],
)
def test_a_programme_is_not_closed_over_what_nobody_takes_over(kind: Any, settled: Any, make: Any, person: Any) -> None:
    programme = make(Programme, name="Theatres")
    nobody = {"owner": None} if kind is Action else {}
    left = make(kind, programme=programme, **nobody)
    with pytest.raises(RuleBroken) as refused:
        end(programme)
    assert refused.value.code == "handover_missing"
    named = f"{type_of(kind)} “{left}”"
    assert refused.value.message == f"“Theatres” cannot be closed while nobody takes over what it leaves: {named}."
    other = make(Programme)
    left_too, settled_one = make(kind, programme=other, **nobody), make(kind, programme=other, **nobody, **settled)
    taken = {"record_type": type_of(kind), "record_key": left_too.key, "to_person": person(None)}
    make(Handover, closure=make(Closure, programme=other), **taken)
    end(other)
    assert Programme.objects.get(pk=other.pk).status == "closed"
    assert not kind.objects.orphaned().filter(pk__in=[left_too.pk, settled_one.pk]).exists()


def test_closing_is_refused_by_both_entrances_with_the_same_words(edition: str, api: Any, sign_in: Any) -> None:
    diagnostics = Programme.objects.get(key="diagnostics")
    answer = api("pmo").post("/api/v1/programmes/diagnostics/close/", ENDING, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "handover_missing")
    said = answer.json()["detail"]
    assert said.startswith("“Diagnostics Programme” cannot be closed while nobody takes over what it leaves: ")
    page = reverse("admin:programmes_programme_do", args=[diagnostics.pk, "close"])
    shown = sign_in("pmo").post(page, ENDING | {"opened_version": diagnostics.version})
    assert list(shown.context["form"].non_field_errors()) == [said]
    diagnostics.refresh_from_db()
    assert diagnostics.status == "active"


@pytest.mark.parametrize("subject", ["programmes/diagnostics", "workstreams/ws-lims", "forums/eas-board"])
def test_the_status_is_no_way_past_the_rule(subject: str, edition: str, api: Any) -> None:
    answer = api("pmo").patch(f"/api/v1/{subject}/", {"status": "closed", "change_reason": "Done."}, format="json")
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, ["/status"])


def test_a_closure_is_recorded_with_what_was_said(edition: str, api: Any, make: Any) -> None:
    workstream = make(Workstream)
    body = ENDING | {"confirmed_by": "cmast-leadership-board"}
    answer = api("pmo").post(f"/api/v1/workstreams/{workstream.key}/close/", body, format="json").json()
    assert (answer["status"], answer["closed_on"], answer["closure_outcome"]) == ("closed", "2024-05-03", "handed_over")
    closure = Closure.objects.get(workstream=workstream)
    assert (closure.closed_on, closure.closure_outcome, closure.confirmed_by.key) == (
        MAY_3,
        "handed_over",
        "cmast-leadership-board",
    )


def test_a_closure_that_was_prepared_is_the_one_that_is_concluded(make: Any) -> None:
    programme = make(Programme)
    prepared = make(Closure, programme=programme, closed_on=dt.date(2024, 4, 1))
    end(programme)
    assert Closure.objects.get(programme=programme).pk == prepared.pk
    assert Closure.objects.get(pk=prepared.pk).closed_on == MAY_3


def test_nothing_is_closed_before_the_day(make: Any) -> None:
    with pytest.raises(RuleBroken, match="yet to come"):
        make(Workstream).close(closed_on=dt.date(2024, 5, 4), closure_outcome="completed")


def test_a_forum_answers_for_its_actions_and_a_board_for_its_programme(make: Any) -> None:
    group, board = make(Forum), make(Forum, kind="programme_board")
    action = make(Action, meeting=make(Meeting, forum=group), owner=None)
    with pytest.raises(RuleBroken, match=str(action)):
        end(group)
    risk = make(Risk, programme=board.programme)
    with pytest.raises(RuleBroken, match=str(risk)):
        end(board)
    Risk.objects.filter(pk=risk.pk).update(status="closed")
    end(board)


def test_a_refusal_names_nothing_that_is_hidden(make: Any, person: Any) -> None:
    programme, reader = make(Programme), person("pmo")
    restrict(make(Risk, programme=programme, title="A secret deal"))
    with pytest.raises(RuleBroken) as refused:
        end(programme, by=reader)
    assert refused.value.message.endswith("what it leaves: something that is not open to you.")


def test_only_what_outlasts_a_closure_is_handed_over(make: Any) -> None:
    with pytest.raises(ValidationError, match="Only these are handed over"):
        make(Handover, record_type="programme", record_key=make(Programme).key)


def test_a_checklist_takes_as_many_queries_for_many_records(make: Any, api: Any) -> None:
    programme, client = make(Programme), api("viewer")
    path = f"/api/v1/programmes/{programme.key}/closure-checklist/"

    def cost() -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    make(Risk, programme=programme)
    few = cost()
    for kind in (Risk, Action, Benefit, Workstream) * 2:
        make(kind, programme=programme)
    assert cost() == few
