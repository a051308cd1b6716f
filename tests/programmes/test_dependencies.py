"""What waits for what: loops are refused by every entrance, hidden things stay hidden, the picture says it in words too."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from metrics.models import Benefit, Metric, Target
from programmes.dependencies import graph_of
from programmes.models import Approval, Decision, Milestone, Procurement, Programme, Wait
from programmes.pictures import graph_picture
from risks.models import Risk
from tests.factories import restrict

DAY = dt.date(2024, 5, 3)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def place(make: Any) -> dict[str, Any]:
    return {"programme": make(Programme, name="Alpha"), "workstream": None}


@pytest.fixture
def chain(make: Any, place: Any) -> tuple[Approval, Milestone, Milestone]:
    """An approval, a milestone that waits for it, and one that waits for that."""
    approval = make(Approval, subject="Case", **place)
    first, second = make(Milestone, title="Award", **place), make(Milestone, title="Go-live", **place)
    make(Wait, milestone=first, for_approval=approval)
    second.depends_on.add(first)
    return approval, first, second


def test_everything_that_waits_is_on_one_graph(make: Any, place: Any, person: Any) -> None:
    decision = make(Decision, status="deferred", **place)
    target, benefit = make(Target), make(Benefit, **place)
    Metric.objects.filter(pk=target.metric_id).update(programme=place["programme"])
    target.refresh_from_db()
    for link in ({"target": target}, {"benefit": benefit}, {"procurement": make(Procurement, **place)}):
        make(Wait, milestone=None, for_approval=None, for_decision=decision, **link)
    graph = graph_of(place["programme"], person("viewer"), DAY)
    assert {node.thing.kind for node in graph.at_risk()} == {"target", "benefit", "procurement", "decision"}


def test_a_loop_is_refused_with_its_name_by_every_entrance(chain: Any, api: Any, place: Any) -> None:
    _, first, second = chain
    client = api("pmo")
    loop = "That would be a loop: “Award” waits for “Go-live” waits for “Award”."
    row = {"key": first.key, "etag": client.get(f"/api/v1/milestones/{first.key}/").json()["etag"], "depends_on": [second.key]}
    rows = {"operation": "update", "rows": [row]}
    refused = [
        client.post("/api/v1/milestones/bulk/", rows, headers={"Idempotency-Key": "loop"}),
        client.post("/api/v1/waits/", {"milestone": first.key, "for_milestone": second.key}),
        client.patch(f"/api/v1/milestones/{first.key}/", {"depends_on": [second.key]}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "loop")
        assert answer.json()["errors"][0]["detail"] == loop
    assert client.patch(f"/api/v1/milestones/{first.key}/", {"depends_on": [first.key]}).status_code == 400


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory has one connection")
@pytest.mark.django_db(transaction=True)
def test_two_writers_at_once_make_no_loop_together(make: Any, place: Any) -> None:
    first, second = make(Milestone, title="Award", **place), make(Milestone, title="Go-live", **place)
    ready = Barrier(2)

    def wait_for(pair: tuple[Milestone, Milestone]) -> str:
        try:
            with transaction.atomic():
                ready.wait(timeout=20)
                Wait(milestone=pair[0], for_milestone=pair[1]).save()
            return "written"
        except ValidationError as refused:
            return str(refused.messages[0])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as workers:
        found = sorted(workers.map(wait_for, [(first, second), (second, first)]))
    assert found[0].startswith("That would be a loop") and found[1] == "written"


def test_the_name_of_what_is_hidden_is_not_told_with_a_loop(make: Any, place: Any, api: Any) -> None:
    start, hidden, end = (make(Milestone, title=title, **place) for title in ("Start", "Sealed", "End"))
    hidden.depends_on.add(start)
    end.depends_on.add(hidden)
    restrict(hidden)
    answer = api("pmo").post("/api/v1/waits/", {"milestone": start.key, "for_milestone": end.key})
    loop = "That would be a loop: “Start” waits for “End” waits for “milestone” waits for “Start”."
    assert answer.json()["errors"][0]["detail"] == loop


def test_a_chain_without_a_loop_is_taken(chain: Any, api: Any) -> None:
    approval, first, second = chain
    client = api("pmo")
    assert client.post("/api/v1/waits/", {"milestone": second.key, "for_approval": approval.key}).status_code == 201
    assert client.patch(f"/api/v1/approvals/{approval.key}/", {"next_milestone": first.key}).status_code == 200
    stated = {"kind": "dependency", "title": "It waits", "waits_for": approval.key, "holds_up": second.key}
    assert client.post("/api/v1/risks/", stated).status_code == 201


def test_a_closed_dependency_holds_nothing_up(make: Any, place: Any, person: Any) -> None:
    approval, milestone = make(Approval, **place), make(Milestone, **place)
    risk = make(Risk, kind="dependency", waits_for=approval, holds_up=milestone, **place)
    assert len(graph_of(place["programme"], person("viewer"), DAY).edges) == 1
    Risk.objects.filter(pk=risk.pk).update(status="closed")
    assert graph_of(place["programme"], person("viewer"), DAY).edges == []


def test_what_is_hidden_is_on_nobodys_graph(chain: Any, place: Any, person: Any) -> None:
    restrict(chain[0])
    kinds = {node.thing.kind for node in graph_of(place["programme"], person("viewer"), DAY).nodes.values()}
    assert kinds == {"milestone"}


def test_a_graph_costs_the_same_for_many_things(chain: Any, make: Any, place: Any, api: Any) -> None:
    client, path = api("viewer"), f"/api/v1/programmes/{place['programme'].key}/dependencies/"

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    client.get(path)
    few = cost()
    for _ in range(5):
        make(Wait, milestone=make(Milestone, **place), for_approval=make(Approval, **place))
    assert cost() == few


def test_the_picture_says_everything_in_words_and_shapes(edition: str, person: Any) -> None:
    graph = graph_of(Programme.objects.get(key="diagnostics"), person("viewer"), DAY)
    root = ElementTree.fromstring(graph_picture(graph, "d"))
    assert "LIMS contract award" in (root.findtext(f"{SVG}desc") or "")
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert any("may slip by up to" in title for title in titles)
    assert not any(
        name in element.attrib for element in root.iter() for name in ("style", "class") if element.tag != f"{SVG}rect"
    )


def test_the_page_shows_the_graph_to_members(edition: str, sign_in: Any) -> None:
    page = sign_in("viewer").get("/programmes/diagnostics/dependencies/").content.decode()
    assert "4 of 5 approved, WHH outstanding, its board meets in May 2024" in page and "<svg" in page
    assert sign_in("viewer").get("/programmes/nothing/dependencies/").status_code == 404
