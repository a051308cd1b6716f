"""The LIMS case over HTTP, step by step: five boards, one contract award that waits for the last of them."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from cmast.models import Change

WHH = "a-lims-vote-5"
AWARD = "milestone:e-lims-contract-award"
SENTENCE = "4 of 5 approved, WHH outstanding, its board meets in May 2024"


@pytest.fixture
def pmo(edition: str, api: Any) -> Any:
    return api("pmo")


def outcome(client: Any, **when: str) -> Any:
    answer = client.get("/api/v1/approvals/a-lims/outcome/", when)
    assert answer.status_code == 200, answer.content
    return answer.json()


def thing(client: Any, name: str = AWARD) -> Any:
    graph = client.get("/api/v1/programmes/diagnostics/dependencies/").json()
    (found,) = [one for one in graph["things"] if f"{one['kind']}:{one['key']}" == name]
    return found | {"listed": name in graph["at_risk"]}


def do(client: Any, verb: str, key: str = WHH, **said: Any) -> Any:
    return client.post(f"/api/v1/votes/{key}/{verb}/", said, headers={"Idempotency-Key": f"{verb}-{key}"})


@pytest.mark.parametrize("when", [{"on": "2024-04-30"}, {"on": "2024-05-03"}, {"as_of": "2100-01-01", "on": "2024-05-03"}, {}])
def test_four_of_five_as_at_30_april_and_3_may(pmo: Any, when: dict[str, str]) -> None:
    found = outcome(pmo, **when)
    assert found["sentence"] == SENTENCE
    assert (found["outcome"], found["rule"]) == ("open", "unanimous_of_named_bodies")
    assert found["stated_count"] == 4 and found["tells_otherwise"] is False
    (count,) = found["resolutions"]
    assert (count["agreed"], count["outstanding"], count["total"], count["needed"]) == (4, 1, 5, 5)
    (whh,) = [body for body in count["bodies"] if body["stand"] == "outstanding"]
    assert (whh["organisation"], whh["board"]["on"], whh["board"]["meeting"]) == ("RWW", "2024-05-31", "m-whh-board-may")
    assert {body["organisation"] for body in count["bodies"]} == {None, "RWW"}, "the four are not known"


def test_before_the_votes_nobody_had_approved(pmo: Any) -> None:
    assert outcome(pmo, on="2024-04-29")["resolutions"][0]["agreed"] == 0


def test_a_deferred_board_puts_the_contract_award_at_risk_by_so_many_days(pmo: Any) -> None:
    before = thing(pmo)
    assert before["words"] == "at risk: it may slip by up to 28 days"  # both are planned for May, in whatever order
    assert thing(pmo, "approval:a-lims")["standing"] == "in_time"
    assert do(pmo, "defer", board_on="2024-07-31", board_precision="month", change_reason="Election.").status_code == 200
    assert outcome(pmo)["sentence"] == "4 of 5 approved, WHH outstanding, its board was put off and meets in July 2024"
    after = thing(pmo)
    assert after["slip"] == {"least": 31, "most": 89} and after["listed"]
    assert after["words"] == "at risk: it slips by 31 to 89 days"
    assert after["concerns"]["workstream"].startswith("Laboratory Information")


def test_a_cancelled_board_moves_the_vote_to_the_next_one_in_the_calendar(pmo: Any) -> None:
    meeting = {"forum": "whh-trust-board", "title": "WHH Trust Board, July 2024", "held_on": "2024-07-31"}
    pmo.post("/api/v1/meetings/", meeting | {"held_precision": "day", "papers_due_on": "2024-07-17"})
    reason = {"change_reason": "General election."}
    assert pmo.post("/api/v1/meetings/m-whh-board-may/cancel/", reason).status_code == 200
    board = "its board was put off and meets on 31 July 2024 (papers by 17 July 2024)"
    assert outcome(pmo)["sentence"] == f"4 of 5 approved, WHH outstanding, {board}"
    assert thing(pmo)["slip"] == {"least": 61, "most": 89}


def test_without_another_board_nobody_can_say_by_how_much(pmo: Any) -> None:
    pmo.post("/api/v1/meetings/m-whh-board-may/cancel/", {"change_reason": "General election."})
    assert outcome(pmo)["sentence"].endswith("its board was put off and has no date that is known")
    found = thing(pmo)
    assert found["is_at_risk"] and found["slip"] is None


def test_whh_approves_and_the_approval_is_given_once(edition: str, api: Any, person: Any) -> None:
    with time_machine.travel(dt.datetime(2024, 5, 29, 18)):
        pmo, whh = api("pmo"), person("trust_approver", organisation="RWW")
        assert do(api(whh), "decide", status="approved", decided_on="2024-05-29").status_code == 200
        found = outcome(pmo)
        assert (found["outcome"], found["sentence"]) == ("approved", "5 of 5 approved")
        assert found["approved_at"].startswith("2024-05-29")
        assert outcome(pmo, on="2024-05-03")["sentence"] == SENTENCE
        assert not thing(pmo, "approval:a-lims")["is_at_risk"]
        assert thing(pmo, "procurement:p-lims")["standing"] == "free"
        assert pmo.get("/api/v1/approvals/a-lims/").json()["decided_on"] == "2024-05-29"
    changes = Change.objects.filter(record_key="a-lims", operation="update")
    moments = [(change.before or {}, change.after or {}, change.reason) for change in changes]
    given = [reason for before, after, reason in moments if after["approved_at"] and not before["approved_at"]]
    assert given == ["5 of 5 have agreed."]
