"""Agendas, decisions, and actions until they are done."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from cmast.errors import RuleBroken
from cmast.history.context import changing
from programmes.models import Action, AgendaItem, Decision, Meeting


@pytest.fixture
def item(edition: str, make: Any) -> AgendaItem:
    meeting = Meeting.objects.get(key="m-cmast-lb-2024-05-03")
    made: AgendaItem = make(AgendaItem, meeting=meeting, number="3", title="2024/25 priorities", purpose="endorse")
    return made


def test_what_is_recorded_under_an_item_belongs_to_its_meeting(item: AgendaItem, api: Any) -> None:
    client = api("pmo")
    for resource, field in (("decisions", "decisions"), ("actions", "actions")):
        body = {"key": f"new-{resource}", "text": "Said at the meeting", "agenda_item": item.key}
        assert client.post(f"/api/v1/{resource}/", body, format="json").json()["meeting"] == item.meeting.key
        assert client.get(f"/api/v1/agenda-items/{item.key}/").json()[field] == [f"new-{resource}"]


def test_an_item_of_another_meeting_is_refused(item: AgendaItem, make: Any) -> None:
    other = make(Meeting)
    for kind in (Action, Decision):
        with pytest.raises(ValidationError, match="This is on the agenda of “CMAST Leadership Board"):
            make(kind, meeting=other, agenda_item=item)


def test_a_decision_is_of_the_day_of_its_meeting_where_no_other_is_said(item: AgendaItem, make: Any, today: dt.date) -> None:
    undated = {"decided_on": None, "decided_precision": None}
    at_the_board, elsewhere = make(Decision, agenda_item=item, **undated), make(Decision, **undated)
    item.meeting.held_on = dt.date(2024, 5, 2)
    at_the_board.meeting = item.meeting
    with changing(reason="A test."):
        item.meeting.save()
        at_the_board.approve()
        elsewhere.endorse(decided_on=dt.date(2024, 4, 30), decided_precision="month")
    assert (at_the_board.status, at_the_board.decided_on) == ("approved", dt.date(2024, 5, 2))
    assert (elsewhere.status, elsewhere.decided_precision) == ("endorsed", "month")


def test_only_a_decision_that_holds_takes_the_place_of_another(make: Any) -> None:
    old, rejected, new = make(Decision, status="approved"), make(Decision, status="rejected"), make(Decision, status="approved")
    with changing(reason="A test."):
        for other in (rejected, old):
            with pytest.raises(RuleBroken, match="cannot take its place"):
                old.supersede(superseded_by=other)
        old.supersede(superseded_by=new)
    assert (old.status, list(new.supersedes.all())) == ("superseded", [old])


def test_an_action_is_followed_until_it_is_done(make: Any, person: Any, today: dt.date) -> None:
    action, somebody = make(Action), person(None)
    assert Action.objects.overdue(today).filter(pk=action.pk).exists()
    with changing(reason="The group could not meet."):
        action.redate(due_on=dt.date(2024, 5, 31), due_precision="month")
        action.reassign(owner=somebody)
    assert not Action.objects.overdue(today).filter(pk=action.pk).exists()
    assert Action.objects.outstanding().get(pk=action.pk).owner == somebody
    with pytest.raises(RuleBroken, match="yet to come"):
        action.done(done_on=dt.date(2024, 5, 4))
    with changing(reason="Reported."):
        action.done()
    assert (action.status, action.done_on) == ("done", today)


def test_an_action_is_given_to_somebody(make: Any) -> None:
    with pytest.raises(ValidationError, match="Say who does it"):
        make(Action).reassign()


def test_the_page_of_an_agenda_item_shows_what_was_recorded_under_it(item: AgendaItem, make: Any, sign_in: Any) -> None:
    make(Action, agenda_item=item, text="Write to the ICB")
    page = sign_in("pmo").get(reverse("admin:programmes_agendaitem_change", args=[item.pk])).content.decode()
    assert "Write to the ICB" in page
