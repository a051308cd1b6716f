"""Scores, bands, appetite and reviews: what is asked about risks, and how they stand."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from cmast.errors import RuleBroken
from cmast.history.context import changing
from programmes.models import Forum
from risks.heat_map import heat_map_of
from risks.models import Mitigation, Risk, Score, ScoreBand
from risks.models.scoring import POSSIBLE_SCORES
from risks.standing import moved, standing
from tests.factories import restrict

MARCH, APRIL, MAY = dt.date(2024, 3, 1), dt.date(2024, 4, 1), dt.date(2024, 5, 1)


def scored(make: Callable, likelihood: int, consequence: int, on: dt.date = APRIL, **fields: Any) -> Risk:
    risk = make(Risk, **fields)
    make(Score, risk=risk, likelihood=likelihood, consequence=consequence, scored_on=on)
    return risk


def line(risk: Risk, today: dt.date = MAY, since: dt.date = APRIL) -> dict[str, Any]:
    (found,) = standing(Risk.objects.filter(pk=risk.pk), today, since)
    return found


# --- Bands ------------------------------------------------------------------------------------------------------------


def test_the_bands_of_the_edition_hold_every_score_that_can_occur_once(edition: str) -> None:
    assert ScoreBand.objects.mistakes() == []
    assert POSSIBLE_SCORES == [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20, 25]


def test_bands_with_a_gap_or_an_overlap_are_said_to_be_wrong(edition: str) -> None:
    ScoreBand.objects.filter(key="band-moderate").update(high=5)
    ScoreBand.objects.filter(key="band-extreme").update(low=12)
    assert ScoreBand.objects.mistakes() == [
        "A score of 6 is in no band.",
        "A score of 12 is in several bands: High, Extreme.",
    ]


def test_another_table_of_bands_gives_the_same_scores_other_names(edition: str, make: Callable) -> None:
    risk = scored(make, 3, 4)
    assert line(risk)["band"] == "High"
    ScoreBand.objects.filter(key="band-high").update(name="Significant", low=12)
    assert line(risk)["band"] == "Significant"


# --- Appetite and review ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("appetite", "is_beyond"), [("averse", True), ("cautious", True), ("open", False), (None, None)])
def test_a_risk_is_beyond_its_appetite_where_its_band_is_not_borne(
    edition: str, make: Callable, appetite: str | None, is_beyond: bool | None
) -> None:
    risk = scored(make, 3, 4, appetite=appetite)
    assert line(risk)["is_beyond_appetite"] is is_beyond
    assert Risk.objects.beyond_appetite(MAY).filter(pk=risk.pk).exists() is bool(is_beyond)


def test_a_review_is_due_when_its_band_or_its_last_review_says_so(edition: str, make: Callable) -> None:
    risk = scored(make, 5, 5)
    due = Risk.objects.filter(pk=risk.pk).review_due
    assert (due(dt.date(2024, 4, 30)).exists(), due(MAY).exists()) == (False, True)
    risk.review(reviewed_on=MAY, summary="As before.")
    assert line(risk)["next_review_on"] == dt.date(2024, 5, 31)
    risk.review(reviewed_on=MAY, next_review_on=dt.date(2024, 5, 10))
    assert line(risk)["next_review_on"] == dt.date(2024, 5, 10)


def test_nobody_can_say_when_to_review_what_was_neither_scored_nor_dated(edition: str, make: Callable) -> None:
    assert line(make(Risk))["next_review_on"] is None
    assert line(make(Risk))["is_review_due"] is None


# --- Movement ---------------------------------------------------------------------------------------------------------


@pytest.mark.either_database
@pytest.mark.parametrize(
    ("then", "now", "word"),
    [(4, 9, "worse"), (9, 4, "better"), (9, 9, "same"), (None, 4, "new"), (4, None, None), (None, None, None)],
)
def test_a_score_moves(then: int | None, now: int | None, word: str | None) -> None:
    assert moved(then, now) == word


def test_a_risk_is_compared_with_its_score_of_the_earlier_day(edition: str, make: Callable) -> None:
    risk = scored(make, 2, 2, on=MARCH)
    make(Score, risk=risk, likelihood=4, consequence=5, scored_on=dt.date(2024, 4, 20))
    found = line(risk)
    assert (found["score_then"], found["current_score"], found["movement"]) == (4, 20, "worse")
    assert line(risk, today=APRIL)["current_score"] == 4


def test_the_standing_takes_one_statement(edition: str, make: Callable, django_assert_num_queries: Any) -> None:
    for _ in range(3):
        scored(make, 3, 3)
    with django_assert_num_queries(1):
        standing(Risk.objects.all(), MAY, APRIL)


def test_the_standing_is_read_over_the_api(edition: str, make: Callable, api: Callable) -> None:
    risk = scored(make, 4, 4, appetite="cautious", on=MAY)
    answer = api("viewer").get("/api/v1/risks/standing/?since=2024-04-03")
    assert answer.status_code == 200
    assert answer.json()["results"][0] == {
        "key": risk.key,
        "title": risk.title,
        "kind": "risk",
        "status": "open",
        "current_score": 16,
        "target_score": None,
        "band": "Extreme",
        "appetite": "cautious",
        "borne_from": "eager",
        "is_beyond_appetite": True,
        "next_review_on": "2024-05-31",
        "is_review_due": False,
        "score_then": None,
        "movement": "new",
    }
    assert api("viewer").get("/api/v1/risks/standing/?since=may").json()["errors"][0]["detail"] == (
        "Give a day, such as 2024-05-03."
    )


# --- Heat map ---------------------------------------------------------------------------------------------------------


def test_the_heat_map_counts_open_risks_by_their_latest_score(edition: str, make: Callable) -> None:
    programme = scored(make, 2, 3).programme
    for likelihood in (4, 4):
        scored(make, likelihood, 5, programme=programme)
    scored(make, 5, 5, programme=programme, status="closed")
    make(Risk, programme=programme, key="unscored-one")
    found = heat_map_of(Risk.objects.filter(programme=programme), MAY)
    assert len(found.cells) == 25
    assert {(cell.likelihood, cell.consequence): cell.count for cell in found.cells if cell.count} == {(2, 3): 1, (4, 5): 2}
    assert found.unscored == ["unscored-one"]
    assert found.words == "Open risks with a score: 2 extreme, 1 moderate. Without a score: 1."


def test_a_hidden_risk_is_not_in_the_map_of_those_who_may_not_see_it(edition: str, make: Callable, api: Callable) -> None:
    secret = scored(make, 5, 5)
    path = f"/api/v1/risks/heat-map/?programme={secret.programme.key}"
    client = api("viewer")
    worst = [cell for cell in client.get(path).json()["cells"] if cell["score"] == 25]
    assert [cell["risks"] for cell in worst] == [[secret.key]]
    restrict(secret)
    assert sum(cell["count"] for cell in client.get(path).json()["cells"]) == 0
    assert client.get("/api/v1/risks/standing/").json()["results"] == [
        row for row in client.get("/api/v1/risks/standing/").json()["results"] if row["key"] != secret.key
    ]


def test_the_picture_says_in_words_what_it_shows(edition: str, make: Callable, api: Callable, sign_in: Callable) -> None:
    risk = scored(make, 5, 4)
    answer = api("viewer").get(f"/api/v1/risks/heat-map.svg?programme={risk.programme.key}")
    assert answer["Content-Type"] == "image/svg+xml"
    assert '<desc id="heat-map-desc">Open risks with a score: 1 extreme. Without a score: 0.</desc>' in answer.content.decode()
    page = sign_in("pmo").get(f"/admin/risks/risk/?programme__id__exact={risk.programme.pk}").content.decode()
    assert "Heat map of this list: Open risks with a score: 1 extreme." in page


# --- Verbs ------------------------------------------------------------------------------------------------------------


def test_a_score_given_is_that_of_whoever_gave_it(edition: str, make: Callable, person: Callable, api: Callable) -> None:
    manager = person("pmo")
    risk = make(Risk)
    body = {"kind": "current", "likelihood": 4, "consequence": 2, "scored_on": "2024-05-02"}
    answer = api(manager).post(f"/api/v1/risks/{risk.key}/score/", body, format="json")
    assert (answer.status_code, answer.json()["current_score"]) == (200, 8)
    given = risk.scores.get()
    assert given.scored_by == manager
    words = api("viewer").get(f"/api/v1/scores/{given.key}/").json()
    assert (words["likelihood_word"], words["consequence_word"], words["product"]) == ("likely", "minor", 8)


def test_a_risk_that_happens_is_an_issue_and_the_same_record(edition: str, make: Callable) -> None:
    risk = make(Risk)
    with changing(reason="It has happened."):
        risk.escalate(escalated_to=Forum.objects.first(), escalated_on=MAY)
        risk.materialise(materialised_on=MAY, issue_type="external_event")
        assert (risk.kind, risk.status, risk.issue_type) == ("issue", "materialised", "external_event")
        risk.close(closure_reason="accepted", closed_on=MAY)
        risk.reopen()
    assert (risk.status, risk.closed_on, risk.escalated_to) == ("materialised", None, None)


def test_what_is_no_risk_cannot_happen(edition: str, make: Callable) -> None:
    issue = make(Risk, kind="issue")
    with changing(reason="It has happened."), pytest.raises(RuleBroken, match="its kind is “Issue”"):
        issue.materialise(materialised_on=MAY)


def test_what_is_transferred_needs_somebody_who_carries_it_on(edition: str, make: Callable, api: Callable) -> None:
    risk, other = make(Risk), make(Risk)
    body = {"closure_reason": "transferred", "closed_on": "2024-05-03", "change_reason": "Closed with the board."}
    path = f"/api/v1/risks/{risk.key}/close/"
    answer = api("pmo").post(path, body, format="json")
    assert answer.status_code == 400
    assert "needs the record that carries it on, or the person" in answer.json()["errors"][0]["detail"]
    answer = api("pmo").post(path, body | {"transferred_to": other.key}, format="json")
    assert (answer.status_code, answer.json()["is_transfer_recorded"]) == (200, True)


def test_a_risk_is_put_to_a_board_once(edition: str, make: Callable) -> None:
    risk, board = make(Risk), Forum.objects.first()
    with changing(reason="Beyond our means."):
        risk.escalate(escalated_to=board, escalated_on=MAY)
        with pytest.raises(RuleBroken, match="already"):
            risk.escalate(escalated_to=board, escalated_on=MAY)


def test_a_dependency_is_agreed_when_both_sides_have_confirmed(edition: str, make: Callable) -> None:
    waits = make(Risk, kind="dependency")
    waits.agree_as_receiver(receiver_agreed_on=APRIL)
    assert waits.dependency_status == "identified"
    with pytest.raises(RuleBroken, match="dependency status is “identified”"):
        waits.met(settled_on=MAY)
    waits.agree_as_giver(giver_agreed_on=MAY)
    assert waits.dependency_status == "agreed"
    waits.met(settled_on=MAY)
    assert (waits.dependency_status, waits.settled_on) == ("met", MAY)


def test_a_mitigation_is_done_on_a_day_and_once(edition: str, make: Callable) -> None:
    step = make(Mitigation)
    step.done(done_on=MAY)
    assert (step.status, step.done_on) == ("done", MAY)
    with pytest.raises(RuleBroken, match="“done”"):
        step.cancel()
