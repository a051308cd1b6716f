"""The feed of all changes: no gap and no repeat, in the order in which they were committed."""

import threading
from collections import defaultdict
from typing import Any

import pytest
from django.db import connection, connections, transaction

from cmast.history import feed
from cmast.models import Change, FeedEntry, Restriction
from programmes.models import Milestone

PATH = "/api/v1/changes/"


def follow(client: Any, after: str = "latest", **query: Any) -> tuple[list[dict[str, Any]], str]:
    """All changes since, page by page, and the cursor at the end."""
    found = []
    while True:
        page = client.get(PATH, {"after": after, **query}).json()
        found += page["results"]
        after = page["after"]
        if page["next"] is None:
            return found, after


def test_a_change_is_in_the_feed_with_who_when_why_and_what(edition: Any, api: Any, person: Any) -> None:
    officer = person("pmo")
    client = api(officer)
    _, after = follow(client)
    client.patch("/api/v1/workstreams/ws-lims/", {"status": "paused", "change_reason": "Waits for funding."})
    (change,) = [found for found in follow(client, after)[0] if found["key"] == "ws-lims"]
    assert {name: change[name] for name in ("resource", "operation", "actor", "reason", "origin")} == {
        "resource": "workstreams",
        "operation": "update",
        "actor": officer.key,
        "reason": "Waits for funding.",
        "origin": "api",
    }
    assert {"field": "status", "before": "active", "after": "paused"} in change["changes"]
    assert follow(client, follow(client, after)[1])[0] == []


def test_deletions_and_bulk_writes_are_in_the_feed(edition: Any, api: Any, make: Any) -> None:
    client = api("viewer")
    _, after = follow(client)
    milestone = make(Milestone)
    Milestone.objects.filter(pk=milestone.pk).update(note="Written past the model.")
    Milestone.objects.filter(pk=milestone.pk).delete()
    operations = [change["operation"] for change in follow(client, after)[0] if change["key"] == milestone.key]
    assert operations == ["insert", "update", "delete"]


def test_the_whole_register_can_be_followed_from_the_beginning(edition: Any, api: Any) -> None:
    found = _whole(api("viewer"))
    assert [change["position"] for change in found] == list(range(1, len(found) + 1))
    assert len(found) == Change.objects.count()


def test_only_asked_resources_are_answered(edition: Any, api: Any, make: Any) -> None:
    client = api("viewer")
    _, after = follow(client)
    make(Milestone)
    found, _ = follow(client, after, resource="milestones")
    assert {change["resource"] for change in found} == {"milestones"}


@pytest.mark.parametrize(
    "query",
    ["after=", "after=x", "after=1", "page_size=0", "page_size=1001", "resource=tokens", "resource=x", "limit=5", "q=x"],
)
def test_a_wrong_parameter_is_a_problem(query: str, edition: Any, api: Any) -> None:
    assert api("viewer").get(f"{PATH}?{query}").status_code == 400


def test_what_is_restricted_is_not_in_the_feed_of_others(edition: Any, api: Any, person: Any) -> None:
    named = person("pmo")
    restriction = Restriction.objects.create(record_type="approval", record_key="a-lims", kind="commercial")
    restriction.named.add(named)
    everything, others = _whole(api(named)), _whole(api("viewer"))
    hidden = {(found["resource"], found["key"]) for found in everything} - {
        (found["resource"], found["key"]) for found in others
    }
    assert ("approvals", "a-lims") in hidden
    parts = {"approvals", "votes", "waits", "approval-snapshots", "restrictions", "notes", "note-subjects"}
    assert {resource for resource, _ in hidden} == parts
    assert "a-lims" not in [value for found in others for change in found["changes"] for value in change.values()]


def _whole(client: Any) -> list[dict[str, Any]]:
    found, url = [], f"{PATH}?page_size=1000"
    while url:
        page = client.get(url).json()
        found += page["results"]
        url = page["next"]
    return found


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory has one connection")
@pytest.mark.django_db(transaction=True)
def test_what_is_committed_late_is_found_late_and_not_missed(edition: Any, make: Any) -> None:
    """A transaction that took its ids first commits last."""
    slow, quick = make(Milestone), make(Milestone)
    feed.number()
    is_written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            Milestone.objects.filter(pk=slow.pk).update(note="Slow.")
            is_written.set()
            may_commit.wait(10)
        connections.close_all()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    is_written.wait(10)
    Milestone.objects.filter(pk=quick.pk).update(note="Quick.")
    feed.number()
    reached = FeedEntry.objects.order_by("-position").first()
    assert reached.change.record_key == quick.key
    may_commit.set()
    writer.join()
    feed.number()
    later = FeedEntry.objects.filter(position__gt=reached.position)
    assert [entry.change.record_key for entry in later] == [slow.key]
    assert later[0].change_id < reached.change_id


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory has one connection")
@pytest.mark.django_db(transaction=True)
def test_readers_and_writers_at_once_leave_no_gap_and_no_repeat(edition: Any, make: Any) -> None:
    milestones = [make(Milestone) for _ in range(4)]
    is_done = threading.Event()
    seen: dict[int, list[int]] = defaultdict(list)

    def write(number: int) -> None:
        for turn in range(15):
            with transaction.atomic():
                for milestone in milestones[number % 2 :: 2]:
                    Milestone.objects.filter(pk=milestone.pk).update(note=f"{number} {turn}")
        connections.close_all()

    def read(number: int) -> None:
        last, is_last_turn = 0, False
        while not is_last_turn:
            is_last_turn = is_done.is_set()
            feed.number()
            found: Any = FeedEntry.objects.filter(position__gt=last).values_list("position", flat=True)
            positions = list(found)
            seen[number] += positions
            last = max([last, *positions])
        connections.close_all()

    writers = [threading.Thread(target=write, args=[number]) for number in range(4)]
    readers = [threading.Thread(target=read, args=[number]) for number in range(2)]
    for thread in (*writers, *readers):
        thread.start()
    for writer in writers:
        writer.join()
    is_done.set()
    for reader in readers:
        reader.join()
    total = Change.objects.count()
    assert all(positions == list(range(1, total + 1)) for positions in seen.values())
    for milestone in milestones:
        changes = Change.objects.filter(record_key=milestone.key).order_by("entry__position")
        versions = [(change.after or {})["version"] for change in changes]
        assert versions == sorted(versions)
