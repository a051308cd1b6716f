"""The desk under the guarantees: a reason where one is due, nothing overwritten unseen, every change to be read."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from zeal import zeal_ignore

from cmast.history.context import changing
from cmast.models import Change, Organisation
from programmes.models import Action, Milestone
from risks.models import Mitigation, Risk
from tests.cmast.test_admin import page, posted, queries

DUE, LATER = dt.date(2024, 5, 20), dt.date(2024, 6, 20)


@pytest.fixture(autouse=True)
def some_rows() -> Iterator[None]:
    """Saving checks each row of a form by itself; and who is signed in and who is on the page are two people and no loop."""
    with zeal_ignore([{"model": "risks.*", "field": "*"}, {"model": "cmast.Person", "field": "get()"}]):
        yield


@pytest.fixture
def desk(sign_in: Callable[[str], Client]) -> Client:
    return sign_in("pmo")


@pytest.fixture
def risk(make: Callable) -> Risk:
    """A risk with two mitigations."""
    risk = make(Risk, title="Crane late")
    for text in ("Second supplier", "Night shift"):
        make(Mitigation, risk=risk, text=text, status="open", due_on=DUE, due_precision="day")
    return Risk.objects.get(pk=risk.pk)


def row_of(data: dict[str, Any], text: str) -> str:
    """Prefix of the row with this text."""
    return next(name for name, value in data.items() if value == text).removesuffix("text")


def again(response: Any) -> dict[str, Any]:
    """What the button “Save mine all the same” sends."""
    return dict(response.context["data"])


# --- Reason ---------------------------------------------------------------------------------------------------------


def test_a_stated_date_does_not_change_without_a_reason(desk: Client, make: Callable) -> None:
    action = make(Action, due_on=DUE, due_precision="day")
    url = page(Action, "change", action.pk)
    data = posted(desk.get(url)) | {"due_on": "2024-06-20", "text": "Mine"}
    response = desk.post(url, data | {"change_reason": "  "})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["change_reason"] == ["Say why: due_on changes."]
    assert Action.objects.get(pk=action.pk).text == action.text
    assert desk.post(url, data | {"change_reason": "Agreed with the trust"}).status_code == 302
    change = Change.objects.filter(record_key=action.key).first()
    assert (change.reason, change.origin) == ("Agreed with the trust", "admin")
    assert change.differences["due_on"] == ("2024-05-20", "2024-06-20")


def test_a_reason_is_asked_of_changes_and_not_of_additions(desk: Client, make: Callable) -> None:
    assert b'name="change_reason"' not in desk.get(page(Action, "add")).content
    assert b'name="change_reason"' in desk.get(page(Action, "change", make(Action).pk)).content


def test_a_change_of_words_needs_no_reason(desk: Client, make: Callable) -> None:
    url = page(Action, "change", make(Action).pk)
    assert desk.post(url, posted(desk.get(url)) | {"text": "Better said"}).status_code == 302


def test_a_row_that_needs_a_reason_asks_for_it_before_anything_is_saved(desk: Client, risk: Risk) -> None:
    url = page(Risk, "change", risk.pk)
    data = posted(desk.get(url)) | {"title": "Crane very late"}
    data[row_of(data, "Night shift") + "status"] = "done"
    response = desk.post(url, data)
    assert "Say why: a row above changes" in response.context["adminform"].form.errors["change_reason"][0]
    assert "Say why: status changes." in response.content.decode()
    assert not Change.objects.filter(origin="admin").exists()
    assert desk.post(url, data | {"change_reason": "Shift arranged"}).status_code == 302
    written = Change.objects.filter(origin="admin", operation="update")
    assert {(change.record_type, change.reason) for change in written} == {
        ("risks.risk", "Shift arranged"),
        ("risks.mitigation", "Shift arranged"),
    }


# --- Two people at one record ---------------------------------------------------------------------------------------


def test_the_second_of_two_people_sees_both_values(desk: Client, sign_in: Callable, person: Callable, make: Callable) -> None:
    action = make(Action, text="As it was", due_on=DUE, due_precision="day")
    url = page(Action, "change", action.pk)
    first = person("pmo")
    mine = posted(desk.get(url)) | {"text": "Mine", "change_reason": "I know better"}
    theirs = posted(desk.get(url)) | {"text": "Theirs", "due_on": "2024-06-20", "change_reason": "Board of 2 May"}
    assert sign_in(first).post(url, theirs).status_code == 302

    response = desk.post(url, mine)
    assert response.status_code == 409
    text = response.content.decode()
    assert all(words in text for words in ("Mine", "Theirs", "20 May 2024", "20 June 2024", first.name, "Board of 2 May"))
    (clash,) = response.context["clashes"]
    assert clash.differences == [("Text", "Mine", "Theirs"), ("Due on", "20 May 2024", "20 June 2024")]
    assert Action.objects.get(pk=action.pk).text == "Theirs"

    assert desk.post(url, again(response)).status_code == 302
    action.refresh_from_db()
    assert (action.text, action.due_on, action.version) == ("Mine", DUE, 3)


def test_saving_mine_all_the_same_goes_through_the_rules(desk: Client, make: Callable) -> None:
    action = make(Action, due_on=DUE, due_precision="day")
    url = page(Action, "change", action.pk)
    mine = posted(desk.get(url))
    action.due_on = LATER
    with changing(reason="Moved"):
        action.save()
    response = desk.post(url, again(desk.post(url, mine)))
    assert response.context["adminform"].form.errors["change_reason"] == ["Say why: due_on changes."]


def test_a_third_change_meanwhile_is_shown_as_well(desk: Client, make: Callable) -> None:
    action = make(Action)
    url = page(Action, "change", action.pk)
    mine = posted(desk.get(url)) | {"text": "Mine"}
    for text in ("Theirs", "Theirs again"):
        action.text = text
        action.save()
        response = desk.post(url, mine)
        assert response.status_code == 409
    action.text = "Theirs once more"
    action.save()
    response = desk.post(url, again(response))
    assert response.status_code == 409
    assert len(response.context["clashes"][0].entries) == 1


def test_a_form_without_the_version_is_not_trusted(desk: Client, make: Callable) -> None:
    url = page(Action, "change", make(Action).pk)
    assert desk.post(url, posted(desk.get(url)) | {"opened_version": "1٣x"}).status_code == 409


def test_a_row_that_somebody_else_has_changed_is_shown_by_its_name(desk: Client, risk: Risk) -> None:
    url = page(Risk, "change", risk.pk)
    mine = posted(desk.get(url))
    mine[row_of(mine, "Night shift") + "text"] = "Night and day shift"
    other = Mitigation.objects.get(text="Night shift")
    other.text = "Weekend shift"
    other.save()
    response = desk.post(url, mine)
    named = {clash.name: clash.differences for clash in response.context["clashes"]}
    assert named == {"Crane late": [], "Weekend shift": [("Text", "Night and day shift", "Weekend shift")]}
    assert desk.post(url, again(response)).status_code == 302
    assert Mitigation.objects.get(pk=other.pk).text == "Night and day shift"


def test_a_row_is_not_deleted_over_somebody_elses_change(desk: Client, risk: Risk) -> None:
    url = page(Risk, "change", risk.pk)
    mine = posted(desk.get(url))
    mine[row_of(mine, "Night shift") + "DELETE"] = "on"
    Mitigation.objects.filter(text="Night shift").update(text="Weekend shift")
    assert desk.post(url, mine).status_code == 409
    assert Mitigation.objects.filter(text="Weekend shift").exists()


def test_a_row_that_somebody_else_has_deleted_stays_deleted(desk: Client, risk: Risk) -> None:
    url = page(Risk, "change", risk.pk)
    mine = posted(desk.get(url)) | {"title": "Crane very late"}
    Mitigation.objects.get(text="Night shift").delete()
    response = desk.post(url, mine)
    assert response.status_code == 409
    assert "It has been deleted." in response.content.decode()
    assert desk.post(url, again(response)).status_code == 302
    assert [row.text for row in risk.mitigations.all()] == ["Second supplier"]
    assert Risk.objects.get(pk=risk.pk).title == "Crane very late"


def test_the_record_and_all_its_rows_are_saved_together(desk: Client, risk: Risk) -> None:
    """The record moves the versions of its rows, and they move its own."""
    url = page(Risk, "change", risk.pk)
    data = posted(desk.get(url)) | {"title": "Crane very late", "change_reason": "All at once"}
    for text in ("Night shift", "Second supplier"):
        data[row_of(data, text) + "status"] = "done"
    assert desk.post(url, data).status_code == 302
    assert set(risk.mitigations.values_list("status", flat=True)) == {"done"}
    assert Risk.objects.get(pk=risk.pk).title == "Crane very late"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="A database in memory has one connection.")
@pytest.mark.django_db(transaction=True)
def test_of_people_who_save_at_the_same_moment_one_wins(sign_in: Callable, person: Callable, make: Callable) -> None:
    action = make(Action, text="As it was")
    url = page(Action, "change", action.pk)
    clients = [sign_in(person("pmo")) for _ in range(4)]
    opened = [posted(client.get(url)) | {"text": f"Text {index}"} for index, client in enumerate(clients)]
    start = threading.Barrier(len(clients))

    def save(index: int) -> int:
        start.wait()
        try:
            return clients[index].post(url, opened[index]).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(save, range(len(clients))))
    assert sorted(answers) == [302, 409, 409, 409]
    action.refresh_from_db()
    assert (action.text, action.version) == (f"Text {answers.index(302)}", 2)


# --- History --------------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(make: Callable, person: Callable) -> Milestone:
    """A milestone that somebody has moved, and given something to wait for."""
    milestone = make(Milestone, title="Go-live", forecast_on="2024-05-20", forecast_precision="mid_month")
    milestone = Milestone.objects.get(pk=milestone.pk)
    milestone.forecast_on, milestone.forecast_precision = LATER, "day"
    mover = person("pmo")
    with changing(actor=lambda: mover.key, reason="The supplier is late", origin="api"):
        milestone.save()
    milestone.depends_on.add(make(Milestone, title="Training done"))
    return milestone


def test_the_history_is_told_in_words(desk: Client, moved: Milestone) -> None:
    response = desk.get(page(Milestone, "history", moved.pk))
    linked, changed, added = response.context["entries"]
    assert [(row.field, row.before, row.after) for row in changed.differences] == [("Forecast", "mid-May 2024", "20 June 2024")]
    assert (changed.done, changed.reason, changed.origin) == ("Changed", "The supplier is late", "API")
    assert changed.person not in ("", None)
    assert [(row.field, row.after) for row in linked.differences] == [("Depends on", "with Training done")]
    assert added.done == "Added"
    assert "The supplier is late" in response.content.decode()


def test_a_range_of_dates_is_told_from_its_start(desk: Client, make: Callable) -> None:
    milestone = make(Milestone, starts_on="2024-06-01", forecast_on="2024-08-31", forecast_precision="season")
    (added,) = desk.get(page(Milestone, "history", milestone.pk)).context["entries"]
    assert "June to August 2024" in {difference.after for difference in added.differences}


def test_the_history_is_paged_and_costs_the_same_for_more(desk: Client, moved: Milestone) -> None:
    url = page(Milestone, "history", moved.pk)
    few = queries(desk, url)
    for number in range(60):
        moved.refresh_from_db()
        moved.title = f"Go-live {number}"
        with changing(reason=f"Reason {number}"):  # apart, as from as many requests
            moved.save()
    assert queries(desk, url) <= few  # no links to name on a page of titles
    assert len(desk.get(url).context["entries"]) == 50
    assert len(desk.get(url, {"p": 2}).context["entries"]) == 13


def test_several_deleted_at_once_carry_the_same_reason(desk: Client, make: Callable) -> None:
    url = page(Organisation, "changelist")
    data = {"action": "delete_selected", "_selected_action": [make(Organisation).pk, make(Organisation).pk]}
    asked = desk.post(url, data | {"change_reason": "Entered twice"})
    assert b'name="change_reason" value="Entered twice"' in asked.content
    desk.post(url, data | {"post": "yes", "change_reason": "Entered twice"})
    gone = Change.objects.filter(record_type="cmast.organisation", operation="delete")
    assert [change.reason for change in gone] == ["Entered twice"] * 2
    assert len(desk.get(page(Organisation, "deleted")).context["entries"]) == 2


def test_a_deleted_record_is_found_and_its_history_read(desk: Client, make: Callable) -> None:
    organisation = make(Organisation, name="Gone Trust")
    pk = organisation.pk
    assert b"/deleted/" in desk.get(page(Organisation, "changelist")).content
    desk.post(page(Organisation, "delete", pk), {"post": "yes", "change_reason": "Entered twice"})
    listed = desk.get(page(Organisation, "deleted"))
    assert "Gone Trust" in listed.content.decode()
    assert "Entered twice" in listed.content.decode()
    history = desk.get(page(Organisation, "history", pk))
    assert [entry.done for entry in history.context["entries"]] == ["Deleted", "Added"]
    assert "This organisation has been deleted." in history.content.decode()


@pytest.mark.parametrize("pk", ["999999", "nothing"])
def test_what_never_was_has_no_history(desk: Client, pk: str) -> None:
    assert desk.get(page(Organisation, "history", pk)).status_code == 404


def test_only_the_desk_reads_histories(sign_in: Callable, make: Callable) -> None:
    viewer = sign_in("viewer")
    for url in (page(Organisation, "history", make(Organisation).pk), page(Organisation, "deleted")):
        assert viewer.get(url, follow=True).status_code == 403
