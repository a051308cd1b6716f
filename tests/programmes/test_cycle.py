"""The month's round: periods open and lock, updates come in, are returned, approved, signed off, published and corrected."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cmast.errors import NotForYou, RuleBroken
from cmast.history.context import changing
from cmast.models import Change, JobRun, Person
from metrics.models import Observation
from programmes import periods
from programmes.changes import compare, words_changed
from programmes.completeness import board
from programmes.models import Action, Milestone, Programme, ReportingPeriod, Update, UpdateFact, Workstream
from programmes.tasks import open_periods
from tests.cmast.test_answers import day, path_of, send, text_of
from tests.conftest import NOW

JUNE = dt.date(2024, 6, 1)


@pytest.fixture
def period(edition: str) -> ReportingPeriod:
    return ReportingPeriod.objects.create(
        month_on=JUNE, opens_on=dt.date(2024, 6, 3), due_on=dt.date(2024, 6, 11), locks_on=dt.date(2024, 6, 20)
    )


@pytest.fixture
def lims(period: ReportingPeriod) -> Update:
    """The commissioned update of one workstream."""
    period.open()
    return Update.objects.get(workstream__key="ws-lims", month_on=JUNE)


def handed_in(update: Update, *facts: str, by: Person | None = None) -> Update:
    for fact in facts or ("Nothing has changed.",):
        UpdateFact.objects.create(update=update, text=fact)
    update.submit(by=by)
    return update


# --- Periods ----------------------------------------------------------------------------------------------------------


def test_a_period_opens_on_its_day_and_asks_everybody_who_reports_once(period: ReportingPeriod) -> None:
    assert periods.run(dt.date(2024, 6, 2)) == "0 opened, 0 locked"
    assert periods.run(dt.date(2024, 6, 5)) == "1 opened, 0 locked"
    assert periods.run(dt.date(2024, 6, 5)) == "0 opened, 0 locked"
    period.refresh_from_db()
    asked = Update.objects.filter(month_on=JUNE)
    assert {update.status for update in asked} == {"commissioned"}
    reporting = Workstream.objects.filter(status__in=["active", "closing", "reporting_only"])
    assert asked.filter(workstream__isnull=False).count() == reporting.exclude(programme__status="closed").count()
    assert not asked.filter(programme__key="workforce").exists(), "it is closed"
    assert period.commission() == 0


def test_a_programme_without_workstreams_that_report_is_asked_itself(period: ReportingPeriod, make: Callable[..., Any]) -> None:
    alone, other = make(Programme), make(Workstream).programme
    period.open()
    asked = Update.objects.filter(month_on=JUNE, workstream=None)
    assert asked.filter(programme=alone).exists()
    assert not asked.filter(programme=other).exists()


def test_after_its_last_day_a_period_locks(lims: Update, period: ReportingPeriod) -> None:
    assert periods.run(dt.date(2024, 6, 20)) == "0 opened, 0 locked"
    assert periods.run(dt.date(2024, 6, 21)) == "0 opened, 1 locked"


def test_a_locked_period_refuses_its_texts_at_every_entrance(
    lims: Update, period: ReportingPeriod, api: Any, sign_in: Callable[..., Client]
) -> None:
    fact = UpdateFact.objects.create(update=lims, text="Said in time.")
    period.refresh_from_db()
    period.lock_period()
    client = api("pmo")
    refusals = [
        client.patch(f"/api/v1/update-facts/{fact.key}/", {"text": "Said later."}),
        client.delete(f"/api/v1/update-facts/{fact.key}/"),
        client.post("/api/v1/update-facts/", {"update": lims.key, "text": "One more."}),
        client.patch(f"/api/v1/updates/{lims.key}/", {"rag": "green"}),
        client.post(f"/api/v1/updates/{lims.key}/submit/", {}, format="json"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refusals] == [(409, "period_locked")] * 5
    for delete in (fact.delete, UpdateFact.objects.filter(pk=fact.pk).delete, Update.objects.filter(pk=lims.pk).delete):
        with pytest.raises(RuleBroken):
            delete()
    said = sign_in("pmo").post(
        f"/admin/programmes/updatefact/{fact.pk}/change/",
        {"update": lims.pk, "text": "Said later.", "opened_version": fact.version, "source_lines": "", "inferred": ""},
        follow=True,
    )
    assert "is locked" in said.content.decode()
    fact.refresh_from_db()
    assert fact.text == "Said in time."
    with changing(reason="A wrong name"):
        period.unlock()
    fact.text = "Put right."
    fact.save()


@pytest.mark.either_database
def test_the_job_of_the_day_is_recorded(period: ReportingPeriod) -> None:
    with time_machine.travel(NOW + dt.timedelta(days=40)):
        open_periods()
    assert JobRun.objects.get(name="open_periods").detail == "1 opened, 0 locked"


@pytest.mark.either_database
def test_a_link_to_an_update_of_a_locked_period_says_so(lims: Update, period: ReportingPeriod, lead: Person) -> None:
    path = path_of(lead, lims)
    period.refresh_from_db()
    period.lock_period()
    response = Client().get(path)
    assert response.status_code == 410
    assert "is locked" in text_of(response)


# --- Updates ----------------------------------------------------------------------------------------------------------


def test_an_update_goes_from_hand_to_hand(lims: Update, person: Callable[..., Person]) -> None:
    lead, pmo = person("workstream_lead", workstream="ws-lims"), person("pmo")
    sro = person("sro", programme="diagnostics")
    lims.start(by=lead)
    handed_in(lims, by=lead)
    assert (lims.submitted_by, lims.submitted_on) == (lead, NOW.date())
    with pytest.raises(NotForYou):
        lims.approve(by=lead)
    with changing(reason="What about the contract?"):
        lims.hand_back(by=pmo)
    lims.submit(by=lead)
    lims.approve(by=pmo)
    with pytest.raises(NotForYou):
        lims.sign_off(by=pmo)
    lims.sign_off(by=sro)
    assert (lims.signed_off_by, lims.signed_off_on) == (sro, NOW.date())
    with pytest.raises(RuleBroken):
        lims.sign_off(by=sro)
    lims.publish(by=pmo)
    assert (lims.status, lims.published_on) == ("published", NOW.date())
    reasons = Change.objects.filter(record_key=lims.key, operation="update").order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["Begun", "Handed in", "What about the contract?", "Handed in", "Approved", "", "Published"]


@pytest.mark.either_database
def test_an_update_that_says_nothing_is_not_handed_in(lims: Update) -> None:
    with pytest.raises(RuleBroken, match="at least one fact"):
        lims.submit()


@pytest.mark.either_database
def test_what_has_a_senior_responsible_officer_is_signed_off_before_it_is_published(
    lims: Update, person: Callable[..., Person]
) -> None:
    lims.programme.sro = person("sro", programme="diagnostics")
    lims.programme.save()
    handed_in(lims).approve()
    with pytest.raises(RuleBroken, match="has not signed it off"):
        lims.publish()


@pytest.mark.either_database
def test_a_status_moves_by_verbs_only(lims: Update, api: Any) -> None:
    answer = api("pmo").patch(f"/api/v1/updates/{lims.key}/", {"status": "published", "change_reason": "So."})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/status")


def test_what_is_locked_is_corrected_by_a_revision_and_both_texts_stay(lims: Update, period: ReportingPeriod) -> None:
    handed_in(lims, "The award is planned for May.").approve()
    lims.publish()
    period.refresh_from_db()
    period.lock_period()
    with changing(reason="It is planned for June."):
        lims.revise()
    revision = Update.objects.get(supersedes=lims)
    with pytest.raises(RuleBroken):
        lims.revise()
    fact = revision.facts.get()
    fact.text = "The award is planned for June."
    fact.save()
    revision.submit()
    revision.approve()
    revision.publish()
    lims.refresh_from_db()
    assert (lims.status, revision.status, revision.revision) == ("superseded", "published", 2)
    assert lims.facts.get().text == "The award is planned for May."
    assert Change.objects.filter(record_key=lims.key, reason="It is planned for June.").exists()
    fact.text = "Later still."
    with pytest.raises(RuleBroken):
        fact.save()


def test_updates_are_outstanding_until_they_are_handed_in_and_late_after_the_last_day(lims: Update, api: Any) -> None:
    mine = Update.objects.filter(pk=lims.pk)
    due, after = dt.date(2024, 6, 11), dt.date(2024, 6, 12)
    assert (mine.not_started().exists(), mine.late(due).exists(), mine.late(after).exists()) == (True, False, True)
    lims.start()
    assert (mine.not_started().exists(), mine.outstanding().exists()) == (False, True)
    found = api("viewer").get("/api/v1/updates/?late=true&on=2024-06-12&workstream=ws-lims").json()["results"]
    assert [update["key"] for update in found] == [lims.key]
    handed_in(lims)
    assert not mine.outstanding().exists()
    assert not mine.late(after).exists()


# --- The board of a period --------------------------------------------------------------------------------------------


def test_the_board_says_who_has_answered_who_is_late_and_when_each_was_last_published(
    lims: Update, period: ReportingPeriod, api: Any, sign_in: Callable[..., Client]
) -> None:
    handed_in(lims)
    found = api("viewer").get(f"/api/v1/reporting-periods/{period.key}/completeness/?on=2024-06-12").json()
    assert (found["period"], found["answered"], found["late"]) == ("2024-06", 1, found["asked"] - 1)
    (mine,) = (row for row in found["updates"] if row["update"] == lims.key)
    assert (mine["status"], mine["is_late"], mine["last_published_month_on"]) == ("submitted", False, "2024-05-01")
    assert found["updates"][0]["is_late"]
    page = sign_in("pmo").get(f"/admin/programmes/reportingperiod/{period.pk}/change/").content.decode()
    assert f"1 of {found['asked']} handed in" in page


@pytest.mark.either_database
def test_the_board_costs_the_same_for_many_updates(period: ReportingPeriod, person: Any, make: Callable[..., Any]) -> None:
    reader = person("viewer")
    board(period, reader, NOW.date())
    for _ in range(3):
        make(Update, month_on=JUNE, author=make(Person))
    with CaptureQueriesContext(connection) as few:
        board(period, reader, NOW.date())
    period.open()
    with CaptureQueriesContext(connection) as many:
        [row.author for row in board(period, reader, NOW.date()).rows]
    assert len(many) == len(few) <= 8


# --- What has changed since last month --------------------------------------------------------------------------------


@pytest.mark.either_database
def test_facts_are_added_dropped_kept_and_reworded() -> None:
    before = ["Board met", "Central team open; award planned for May", "Gone"]
    now = ["Board met", "Central team open; award planned for June", "New supplier shortlisted"]
    found = compare(before, now)
    assert [one.change.value for one in found] == ["kept", "reworded", "added", "dropped"]
    assert [(part.value, text) for part, text in found[1].parts] == [
        ("same", "Central team open; award planned for "),
        ("dropped", "May"),
        ("added", "June"),
    ]
    assert [one.change.value for one in compare(["A", "A"], ["A"])] == ["kept", "dropped"]


@pytest.mark.either_database
def test_the_parts_of_a_text_put_together_are_the_text() -> None:
    before, now = "four of five  trusts have agreed", "all five trusts have now agreed"
    parts = words_changed(before, now)
    assert "".join(text for part, text in parts if part != "dropped") == now
    assert "".join(text for part, text in parts if part != "added").split() == before.split()


def test_changes_name_the_rag_and_the_dates_that_have_moved(lims: Update, api: Any, sign_in: Callable[..., Client]) -> None:
    milestone = Milestone.objects.get(key="e-lims-contract-award")
    with time_machine.travel(NOW + dt.timedelta(days=40)), changing(reason="Deferred"):
        milestone.forecast_on, milestone.forecast_precision = dt.date(2024, 9, 30), "month"
        milestone.save()
        lims.rag = "amber"
        lims.save()
    UpdateFact.objects.create(update=lims, text="Central team resourcing open; award planned for June")
    found = api("viewer").get(f"/api/v1/updates/{lims.key}/changes/").json()
    assert (found["previous"], found["rag_before"], found["rag"]) == ("u-2024-05-lims", "not_set", "amber")
    assert [fact["change"] for fact in found["facts"]].count("reworded") == 1
    assert [(moved["before"], moved["now"]) for moved in found["dates"]] == [("May 2024", "September 2024")]
    page = sign_in("pmo").get(f"/admin/programmes/update/{lims.pk}/change/").content.decode()
    assert "<ins>June</ins>" in page


# --- Writing it from an e-mail ----------------------------------------------------------------------------------------


@pytest.fixture
def lead(person: Callable[..., Person]) -> Person:
    return person("workstream_lead", workstream="ws-lims")


@pytest.mark.either_database
def test_the_page_shows_last_month_the_figures_and_asks_outright_about_passed_dates(lims: Update, lead: Person) -> None:
    with time_machine.travel(NOW + dt.timedelta(days=40)):
        page = text_of(Client().get(f"{path_of(lead, lims)}write/"))
    assert "Central team resourcing open; award planned for May" in page
    assert "These dates have passed: what happened?" in page
    assert "LIMS contract award" in page
    figure = Observation.objects.filter(metric__programme__key="diagnostics").first()
    assert figure.metric.name in page


def test_a_draft_can_be_gone_on_with_by_the_same_link_until_it_is_handed_in(lims: Update, lead: Person) -> None:
    path = path_of(lead, lims)
    saved = send(f"{path}write/", draft="1", facts="First fact\n• Second fact\n", **items(lims))
    assert (saved.status_code, saved["Location"]) == (303, f"{path}write/")
    lims.refresh_from_db()
    kept = lims.facts.get(text="First fact").pk
    assert (lims.status, lims.facts.count()) == ("draft", 2)
    assert send(f"{path}write/", submit="1", facts="First fact", **items(lims)).status_code == 422, "it has no RAG"
    send(f"{path}write/", submit="1", rag="amber", facts="First fact\nThird fact", **items(lims))
    lims.refresh_from_db()
    assert (lims.status, lims.rag, lims.submitted_by) == ("submitted", "amber", lead)
    assert list(lims.facts.order_by("pk").values_list("text", flat=True)) == ["First fact", "Third fact"]
    assert lims.facts.get(text="First fact").pk == kept
    assert "handed in" in text_of(Client().get(path))


def test_dates_and_actions_are_answered_with_the_update(lims: Update, lead: Person, make: Callable[..., Any]) -> None:
    action = make(Action, workstream=lims.workstream, due_on=dt.date(2024, 4, 1), due_precision="day")
    milestone = make(Milestone, workstream=lims.workstream, title="Pilot")
    path = f"{path_of(lead, lims)}write/"
    said = {"submit": "1", "rag": "green", "facts": "Well.", **items(lims)}
    unsaid = {name: value for name, value in said.items() if not name.startswith(milestone.key)}
    assert send(path, **unsaid).status_code == 422, "a passed date must be answered for"
    said |= {f"{action.key}-what": "happened", **day(f"{action.key}-on", dt.date(2024, 4, 2))}
    said |= {f"{milestone.key}-what": "moved", **day(f"{milestone.key}-on", dt.date(2024, 8, 1))}
    assert send(path, **said).status_code == 422, "a new date needs a reason"
    send(path, **said, **{f"{milestone.key}-change_reason": "Waits."})
    action.refresh_from_db()
    milestone.refresh_from_db()
    assert (action.status, action.done_on) == ("done", dt.date(2024, 4, 2))
    assert milestone.forecast_on == dt.date(2024, 8, 1)


def items(update: Update) -> dict[str, str]:
    """Nothing is said of any date or action of the place."""
    milestones = Milestone.objects.with_computed(NOW.date()).filter(workstream=update.workstream)
    actions = Action.objects.outstanding().filter(workstream=update.workstream)
    past = [item for item in (*milestones, *actions) if item.due_on and item.due_on < NOW.date()]
    return {f"{item.key}-what": "unknown" if item in past else "same" for item in (*milestones, *actions)}


# --- Signing it off from an e-mail ------------------------------------------------------------------------------------


@pytest.fixture
def approved(lims: Any, person: Callable[..., Person]) -> Any:
    """Waits for the senior responsible officer that its programme names."""
    Programme.objects.filter(pk=lims.programme_id).update(sro=person("sro", programme="diagnostics"))
    handed_in(lims, "Central team resourcing open; award planned for June").approve()
    lims.refresh_from_db()
    return lims


@pytest.mark.either_database
def test_the_senior_responsible_officer_signs_off_by_link_beside_what_has_changed(approved: Any) -> None:
    sro = approved.programme.sro
    path = path_of(sro, approved)
    first = Client().get(path)
    assert (first.status_code, first["Location"]) == (302, f"{path}sign-off/"), "there is one thing to say"
    page = text_of(Client().get(f"{path}sign-off/"))
    assert "<del>May</del>" in page and "<ins>June</ins>" in page and "Reworded" in page
    assert send(f"{path}sign-off/", sign="1").status_code == 303
    approved.refresh_from_db()
    assert approved.signed_off_by == sro
    assert "signed off the update" in text_of(Client().get(path))
    assert "is signed off" in text_of(Client().get(path_of(sro, approved)))


def test_what_is_sent_back_says_why_and_is_asked_for_again(approved: Any, lead: Person) -> None:
    path = path_of(approved.programme.sro, approved)
    assert send(f"{path}sign-off/", **{"return": "1"}).status_code == 422
    send(f"{path}sign-off/", **{"return": "1"}, change_reason="Which month in June?")
    approved.refresh_from_db()
    assert (approved.status, approved.approved_on) == ("returned", None)
    assert "Which month in June?" in text_of(Client().get(f"{path_of(lead, approved)}write/"))


@pytest.mark.either_database
def test_nobody_else_signs_off_by_link(approved: Any, lead: Person, person: Callable[..., Person]) -> None:
    for other in (lead, person("programme_manager", programme="diagnostics"), person("pmo")):
        response = Client().get(f"{path_of(other, approved)}sign-off/")
        assert response.status_code == 410
        assert "is approved" in text_of(response)
