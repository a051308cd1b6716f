"""Votes: once cast they stay, a change of mind is a new vote, a changed paper asks again, a board that is off moves on."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from cmast.errors import NotForYou, RuleBroken
from cmast.history.context import changing
from programmes.models import Approval, Condition, Forum, Meeting, Vote
from programmes.positions import position_of

MAY = dt.date(2024, 5, 3)


@pytest.fixture
def lims(edition: str) -> Approval:
    return Approval.objects.get(key="a-lims")


@pytest.fixture
def whh(lims: Approval) -> Vote:
    return Vote.objects.get(key="a-lims-vote-5")


def decide(vote: Vote, status: str = "approved", **said: Any) -> None:
    vote.decide(status=status, decided_on=MAY, **said)


def sentence(approval: Approval, person: Any, on: dt.date = MAY) -> str:
    return position_of(Approval.objects.get(pk=approval.pk), person("pmo"), on).sentence


def test_a_vote_that_is_cast_is_not_edited(lims: Approval, api: Any) -> None:
    client = api("pmo")
    for change in ({"status": "rejected"}, {"conditions": "None."}, {"decided_on": "2024-04-01"}, {"placeholder": "WUTH"}):
        refused = client.patch("/api/v1/votes/a-lims-vote-1/", change | {"change_reason": "A mistake."})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "vote_cast"), change
    row = {"key": "a-lims-vote-1", "status": "rejected", "etag": client.get("/api/v1/votes/a-lims-vote-1/").json()["etag"]}
    body = {"operation": "update", "atomic": False, "rows": [row], "change_reason": "Many at once."}
    answer = client.post("/api/v1/votes/bulk/", body, headers={"Idempotency-Key": "bulk-1"}).json()
    assert answer["failed"] == 1


def test_a_body_may_be_named_after_it_has_voted_and_still_counts_once(lims: Approval, api: Any, person: Any) -> None:
    client = api("pmo")
    client.patch("/api/v1/votes/a-lims-vote-1/", {"note": "Not the first."})
    Vote.objects.get(key="a-lims-vote-1").vote_again(status="rejected", decided_on=MAY)
    named = client.patch("/api/v1/votes/a-lims-vote-1-again-1/", {"organisation": "RBL"})
    assert named.status_code == 200, named.content
    assert sentence(lims, person).startswith("3 of 5 approved, rejected by ")


def test_a_change_of_mind_is_a_new_vote_and_the_old_one_is_kept(lims: Approval, whh: Vote, api: Any, person: Any) -> None:
    decide(whh)
    said = {"status": "rejected", "decided_on": "2024-05-20", "change_reason": "New costs."}
    answer = api("pmo").post(f"/api/v1/votes/{whh.key}/vote-again/", said, headers={"Idempotency-Key": "again"})
    assert answer.status_code == 200 and not answer.json()["is_current"]
    whh.refresh_from_db()
    assert (whh.status, whh.superseded_by.status, whh.superseded_by.is_current) == ("approved", "rejected", True)
    assert sentence(lims, person) == "5 of 5 approved"
    assert sentence(lims, person, dt.date(2024, 5, 20)) == "4 of 5 approved, rejected by WHH"
    with pytest.raises(RuleBroken) as refused:
        whh.vote_again(status="approved", decided_on=MAY)
    assert refused.value.code == "superseded"


def test_what_was_approved_once_stays_the_moment_at_which_it_was(lims: Approval, whh: Vote) -> None:
    decide(whh)
    given = Approval.objects.get(pk=lims.pk).approved_at
    whh.withdraw()
    whh.superseded_by.decide(status="approved", decided_on=MAY)
    assert given and Approval.objects.get(pk=lims.pk).approved_at == given


def test_a_vote_taken_back_is_outstanding_again(lims: Approval, person: Any) -> None:
    Vote.objects.get(key="a-lims-vote-1").withdraw()
    assert sentence(lims, person).startswith("3 of 5 approved, lims-core-trust-1 and WHH outstanding")
    assert Vote.objects.awaiting_decision().count() == 2


def test_a_changed_paper_asks_all_again_and_refuses_votes_on_the_old_one(lims: Approval, whh: Vote, person: Any) -> None:
    with changing(reason="The costs have changed."):
        lims.revise_paper(paper_revised_on=MAY)
    assert sentence(lims, person).startswith("0 of 5 approved")
    assert sentence(lims, person, dt.date(2024, 4, 30)).startswith("4 of 5 approved")
    assert Vote.objects.awaiting_decision().filter(approval=lims).count() == 5
    with pytest.raises(RuleBroken) as refused:
        decide(whh, paper_version=1)
    assert refused.value.code == "stale_paper"
    for vote in Vote.objects.filter(approval=lims, is_current=True).exclude(pk=whh.pk):
        vote.vote_again(status="approved", decided_on=MAY)
    decide(whh)
    assert sentence(lims, person) == "5 of 5 approved"
    with pytest.raises(RuleBroken) as refused, changing(reason="Again."):
        lims.revise_paper()
    assert refused.value.code == "cannot_revise_paper"


def test_conditions_are_followed_until_met_or_waived(lims: Approval, whh: Vote, person: Any) -> None:
    with pytest.raises(RuleBroken):
        decide(whh, "approved_with_conditions")
    decide(whh, "approved_with_conditions", conditions="Money for the team.\nA date for go-live.")
    assert sentence(lims, person) == "5 of 5 approved; 2 conditions open"
    first, second = Condition.objects.order_by("pk")
    first.meet()
    with changing(reason="No longer wanted."):
        second.waive(settled_on=MAY)
    assert sentence(lims, person) == "5 of 5 approved"
    assert sentence(lims, person, MAY - dt.timedelta(days=1)).startswith("4 of 5")


def test_resolutions_of_one_paper_are_counted_by_themselves(lims: Approval, whh: Vote, person: Any) -> None:
    investment, delegation = lims.resolutions
    Vote.objects.create(approval=lims, organisation=whh.organisation, forum=whh.forum, resolution=investment).decide(
        status="approved", decided_on=MAY
    )
    found = position_of(Approval.objects.get(pk=lims.pk), person("pmo"), MAY)
    assert [count.agreed for count in found.counts] == [5, 4]
    assert found.sentence.startswith("investment: 5 of 5 approved; delegation of implementation")
    with pytest.raises(ValidationError):
        Vote.objects.create(approval=lims, placeholder="somebody", resolution="something else")
    lims.resolutions = [delegation]
    lims.version = Approval.objects.get(pk=lims.pk).version
    with pytest.raises(ValidationError):
        lims.save()


def test_the_next_board_comes_from_the_calendar_and_is_unknown_without_one(make: Any, person: Any) -> None:
    approval = make(Approval, rule="majority")
    board = make(Forum, name="A board", kind="trust_board")
    vote = make(Vote, approval=approval, forum=board)
    assert sentence(approval, person).endswith("its board has no date that is known")
    make(Meeting, forum=board, held_on=dt.date(2024, 5, 9), held_precision="day", is_cancelled=True)
    make(Meeting, forum=board, held_on=dt.date(2024, 7, 11), held_precision="day", papers_due_on=dt.date(2024, 7, 1))
    assert sentence(approval, person).endswith("its board meets on 11 July 2024 (papers by 1 July 2024)")
    assert sentence(approval, person, dt.date(2024, 8, 1)).endswith("its board has no date that is known")
    Forum.objects.filter(pk=board.pk).update(organisation=vote.organisation)
    Vote.objects.filter(pk=vote.pk).update(forum=None)
    assert sentence(approval, person).endswith("its board meets on 11 July 2024 (papers by 1 July 2024)")


def test_an_approver_casts_the_votes_of_the_own_organisation_and_a_contributor_prepares_them(
    whh: Vote, api: Any, person: Any
) -> None:
    path, body = f"/api/v1/votes/{whh.key}", {"status": "approved", "decided_on": "2024-05-03"}

    def post(who: Any, where: str) -> int:
        return int(api(who).post(f"{path}/{where}/", body, headers={"Idempotency-Key": where}).status_code)

    contributor, approver = (person(role, organisation="RWW") for role in ("trust_contributor", "trust_approver"))
    assert post(contributor, "decide") == 403
    client = api(contributor)
    assert client.patch(f"{path}/", body | {"decided_precision": "day", "change_reason": "Cast."}).status_code == 403
    assert client.patch(f"{path}/", {"progress": "submitted"}).status_code == 200
    assert post(person("trust_approver", organisation="RBN"), "decide") == 403
    assert post(approver, "decide") == 200
    with pytest.raises(NotForYou):
        whh.vote_again(by=contributor, status="rejected", decided_on=MAY)


@pytest.mark.parametrize("way", ["decide", "patch", "bulk"])
def test_whatever_way_the_last_vote_comes_the_approval_is_given(way: str, lims: Approval, whh: Vote, api: Any) -> None:
    client, headers = api("pmo"), {"Idempotency-Key": way}
    body = {"status": "approved", "decided_on": "2024-05-29", "decided_precision": "day"}
    if way == "decide":
        answer = client.post(f"/api/v1/votes/{whh.key}/decide/", body, headers=headers)
    elif way == "patch":
        answer = client.patch(f"/api/v1/votes/{whh.key}/", body | {"change_reason": "Decided."})
    else:
        row = {"key": whh.key, "etag": client.get(f"/api/v1/votes/{whh.key}/").json()["etag"]} | body
        rows = {"operation": "update", "atomic": True, "rows": [row], "change_reason": "Decided."}
        answer = client.post("/api/v1/votes/bulk/", rows, headers=headers)
    assert answer.status_code == 200, answer.content
    assert Approval.objects.get(pk=lims.pk).approved_at


def test_the_outcome_costs_the_same_for_many_votes(make: Any, api: Any, django_assert_max_num_queries: Any) -> None:
    approval = make(Approval, rule="majority")
    for number in range(8):
        make(Vote, approval=approval, forum=make(Forum, name=f"Board {number}"))
    client = api("viewer")
    with django_assert_max_num_queries(14):
        found = client.get(f"/api/v1/approvals/{approval.key}/outcome/").json()
    assert found["resolutions"][0]["outstanding"] == 8
