"""Verbs and computed columns of the desks for programmes."""

from collections.abc import Callable, Iterable

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.models import Change, Record
from programmes.models import Action, Approval, Milestone, Update, Vote


@pytest.fixture
def desk(sign_in: Callable[[str], Client]) -> Client:
    return sign_in("pmo")


def act(client: Client, verb: str, records: Iterable[Record], reason: str = "Said by the board") -> list[str]:
    """Does a bulk action and returns what the desk says to it."""
    records = list(records)
    meta = records[0]._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    data = {"action": verb, "_selected_action": [record.pk for record in records], "change_reason": reason}
    response = client.post(url, data, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


def test_actions_are_done_today(desk: Client, make: Callable, today: object) -> None:
    actions = [make(Action), make(Action)]
    assert act(desk, "done", actions) == ["Record that it is done: 2 done."]
    for action in actions:
        action.refresh_from_db()
        assert (action.status, action.done_on, action.version) == ("done", today, 2)
    written = Change.objects.filter(record_type="programmes.action", operation="update", origin="admin")
    assert [change.reason for change in written] == ["Said by the board"] * 2
    assert not LogEntry.objects.exists()


def test_a_verb_that_needs_a_reason_changes_nothing_without_one(desk: Client, make: Callable) -> None:
    done, still_open = make(Action, status="done"), make(Action)
    assert act(desk, "cancel", [still_open, done], reason=" ") == ["Nothing was changed. Call it off needs a reason: say why."]
    still_open.refresh_from_db()
    assert (still_open.status, still_open.version) == ("open", 1)


def test_a_verb_that_states_something_for_the_first_time_needs_no_reason(desk: Client, make: Callable) -> None:
    assert act(desk, "miss", [make(Milestone)], reason="") == ["Record that it was missed: 1 done."]


def test_what_a_verb_does_not_fit_is_said_and_left(desk: Client, make: Callable) -> None:
    done, still_open = make(Action, status="done", text="Long done"), make(Action)
    assert act(desk, "cancel", [done, still_open]) == [
        "Call it off: 1 done.",
        "“Long done” was left as it is: “Long done” cannot be changed so: its status is “done”.",
    ]
    done.refresh_from_db()
    assert (done.status, done.version) == ("done", 1)


def test_a_rule_of_the_model_refuses_a_verb(desk: Client, make: Callable) -> None:
    happened = make(Milestone, title="It happened", actual_on="2024-04-02", actual_precision="day")
    assert act(desk, "cancel", [happened]) == ["“It happened” was left as it is: “It happened” has happened."]
    happened.refresh_from_db()
    assert (happened.outcome, happened.version) == (None, 1)


def test_an_update_is_approved_by_whoever_approves_it(desk: Client, make: Callable, today: object) -> None:
    update = make(Update, status="submitted")
    act(desk, "approve", [update])
    update.refresh_from_db()
    assert (update.status, update.approved_on) == ("approved", today)
    assert update.approved_by.memberships.get().role == "pmo"


def test_the_position_of_an_approval_is_counted_from_its_votes(edition: str, desk: Client) -> None:
    approval = Vote.objects.first().approval
    response = desk.get(reverse("admin:programmes_approval_changelist"), {"q": approval.key})
    assert "4 of 5 approved, WHH outstanding" in response.content.decode()
    Vote.objects.filter(approval=approval, status="pending").update(status="rejected")
    page = desk.get(reverse("admin:programmes_approval_change", args=[approval.pk])).content.decode()
    assert "4 of 5 approved, rejected by WHH" in page


def test_the_page_of_an_approval_costs_the_same_for_many_votes(desk: Client, make: Callable) -> None:
    approval = make(Approval)
    url = reverse("admin:programmes_approval_change", args=[approval.pk])

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            desk.get(url)
        return len(captured)

    make(Vote, approval=approval)
    few = cost()
    for _ in range(6):
        make(Vote, approval=approval)
    assert cost() == few


def test_a_date_is_said_as_vaguely_as_it_is_known(desk: Client, make: Callable) -> None:
    make(Milestone, title="Spring launch", forecast_on="2024-05-20", forecast_precision="mid_month")
    page = desk.get(reverse("admin:programmes_milestone_changelist"), {"q": "Spring launch"}).content.decode()
    assert "mid-May 2024" in page
    assert "Future" in page
