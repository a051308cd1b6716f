"""Calendars at secret addresses: what stands in them, for whom, and how a calendar program reads it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from icalendar import Calendar

from cmast.calendars import Entry, calendar
from cmast.models import Person
from programmes.calendars import address_of
from programmes.models import Action, CalendarFeed, Meeting, Milestone, Programme
from risks.models import Review, Risk
from tests.conftest import NOW
from tests.factories import restrict


def read(secret: str, **headers: str) -> Any:
    return Client().get("/" + address_of(secret).split("/", 3)[3], headers=headers)


def events(response: Any) -> dict[str, Any]:
    """Summary -> event."""
    return {str(event["summary"]): event for event in Calendar.from_ical(response.content).walk("VEVENT")}


@pytest.fixture
def owner(person: Callable[..., Person]) -> Person:
    return person("programme_manager")


@pytest.fixture
def feed(edition: str, owner: Person) -> CalendarFeed:
    return CalendarFeed.objects.create(name="Diagnostics", owner=owner, programme=Programme.objects.get(key="diagnostics"))


@pytest.mark.either_database
def test_a_vague_date_is_an_all_day_span_and_says_how_vague_it_is(feed: CalendarFeed) -> None:
    award = events(read(feed.renew()))["LIMS contract award (May 2024)"]
    assert (award["dtstart"].dt, award["dtend"].dt) == (dt.date(2024, 5, 1), dt.date(2024, 6, 1))
    assert (award["status"], award["uid"]) == ("TENTATIVE", "milestone-e-lims-contract-award@cmast")


@pytest.mark.either_database
def test_a_change_raises_the_sequence_of_the_same_event_and_a_cancellation_stays_in_it(
    feed: CalendarFeed, make: Callable[..., Any]
) -> None:
    meeting = make(Meeting, forum__programme=feed.programme, title="Network meeting")
    secret = feed.renew()
    first = events(read(secret))["Network meeting"]
    meeting.is_cancelled = True
    meeting.save()
    second = events(read(secret))["Network meeting"]
    assert first["uid"] == second["uid"]
    assert second["sequence"] > first["sequence"]
    assert (first["status"], second["status"]) == ("CONFIRMED", "CANCELLED")


@pytest.mark.either_database
def test_a_calendar_that_has_not_changed_is_not_sent_again(feed: CalendarFeed) -> None:
    secret = feed.renew()
    first = read(secret)
    assert first["Content-Type"] == "text/calendar; charset=utf-8"
    again = read(secret, if_none_match=first["ETag"])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    Milestone.objects.filter(key="e-lims-contract-award").update(title="Award")
    assert read(secret, if_none_match=first["ETag"]).status_code == 200


@pytest.mark.either_database
def test_a_calendar_shows_what_its_owner_may_see_at_that_moment(feed: CalendarFeed, owner: Person) -> None:
    secret = feed.renew()
    assert "LIMS contract award (May 2024)" in events(read(secret))
    restrict(Milestone.objects.get(key="e-lims-contract-award"))
    assert "LIMS contract award (May 2024)" not in events(read(secret))
    owner.memberships.update(valid_to=dt.date(2024, 5, 2))
    assert read(secret).status_code == 404


@pytest.mark.either_database
def test_my_own_calendar_holds_my_actions_and_the_dates_of_my_places(
    edition: str, person: Callable[..., Person], make: Callable[..., Any]
) -> None:
    lead = person("workstream_lead", workstream="ws-lims")
    make(Action, text="Write the plan", owner=lead, due_on=NOW.date(), due_precision="day")
    make(Action, text="Somebody else's", due_on=NOW.date(), due_precision="day")
    found = events(read(CalendarFeed.objects.create(name="Mine", owner=lead).renew()))
    assert {"Due: Write the plan", "LIMS contract award (May 2024)"} <= found.keys()
    assert "Due: Somebody else's" not in found


def test_an_address_that_was_renewed_or_taken_back_no_longer_works(feed: CalendarFeed) -> None:
    old = feed.renew()
    new = feed.renew()
    assert (read(old).status_code, read(new).status_code) == (404, 200)
    feed.revoke()
    assert read(new).status_code == 404
    assert read(feed.renew()).status_code == 200
    assert read(old[:-1]).status_code == 404


def test_the_address_is_shown_once_by_the_api_and_at_the_desk(edition: str, api: Any, sign_in: Callable[..., Client]) -> None:
    client = api("viewer")
    made = client.post("/api/v1/calendar-feeds/", {"name": "My dates"})
    assert made.status_code == 201
    key, address = made.json()["key"], made.json()["address"]
    assert Client().get("/" + address.split("/", 3)[3]).status_code == 200
    assert "address" not in client.get(f"/api/v1/calendar-feeds/{key}/").json()
    renewed = client.post(f"/api/v1/calendar-feeds/{key}/renew/", {}, format="json").json()["address"]
    assert Client().get("/" + address.split("/", 3)[3]).status_code == 404
    feed = CalendarFeed.objects.get(key=key)
    body = {"action": "renew", "_selected_action": [feed.pk]}
    said = sign_in("pmo").post("/admin/programmes/calendarfeed/", body, follow=True)
    assert "copy it now" in said.content.decode()
    assert Client().get("/" + renewed.split("/", 3)[3]).status_code == 404


@pytest.mark.either_database
def test_lines_end_in_crlf_and_are_folded_and_texts_escaped() -> None:
    entry = Entry(
        uid="x@cmast",
        sequence=3,
        changed_at=dt.datetime(2024, 5, 3, 11, tzinfo=dt.UTC),
        title="Décision; on the “LIMS”, " + "long " * 30,
        first=dt.date(2024, 5, 3),
        last=dt.date(2024, 5, 3),
    )
    made = calendar("Board", [entry])
    lines = made.split(b"\r\n")
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 75
    assert {b"METHOD:PUBLISH", b"SEQUENCE:3", b"DTSTART;VALUE=DATE:20240503", b"DTEND;VALUE=DATE:20240504"} <= set(lines)
    assert b"VTIMEZONE" not in made
    assert b"SUMMARY:D\xc3\xa9cision\\; on the" in made
    assert calendar("Board", [entry]) == made


@pytest.mark.either_database
def test_the_next_review_of_an_open_risk_is_in_it_and_moves_when_it_is_reviewed(
    feed: CalendarFeed, owner: Person, make: Callable[..., Any]
) -> None:
    risk = make(Risk, programme=feed.programme, title="Supplier fails", owner=owner)
    make(Review, risk=risk, reviewed_on=dt.date(2024, 5, 1), next_review_on=dt.date(2024, 6, 3))
    secret, own = feed.renew(), CalendarFeed.objects.create(name="Mine", owner=owner).renew()
    first = events(read(secret))["Review: Supplier fails"]
    assert first["dtstart"].dt == dt.date(2024, 6, 3)
    assert "Review: Supplier fails" in events(read(own))
    risk.review(by=owner, reviewed_on=NOW.date(), summary="No change.", next_review_on=dt.date(2024, 8, 1))
    second = events(read(secret))["Review: Supplier fails"]
    assert (second["uid"], second["dtstart"].dt) == (first["uid"], dt.date(2024, 8, 1))
    assert second["sequence"] > first["sequence"]
    Risk.objects.filter(pk=risk.pk).update(status="closed")
    assert "Review: Supplier fails" not in events(read(secret))
