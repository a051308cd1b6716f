"""What votes come to: rules, dates, papers and words. Nothing here needs a database."""

import datetime as dt
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programmes.outcomes import Ballot, Outcome, Rule, Stand, listed, sentence, tally, together, version_on

pytestmark = pytest.mark.either_database

APRIL, MAY, JUNE = dt.date(2024, 4, 30), dt.date(2024, 5, 3), dt.date(2024, 6, 1)
WORDS = ["pending", "awaiting_outcome", "approved", "approved_with_conditions", "endorsed", "noted", "rejected", "not_required"]


def votes(*words: str) -> list[Ballot]:
    return [Ballot(number, f"body {number}", word, (APRIL, APRIL)) for number, word in enumerate(words)]


CASES = [
    ("unanimous_of_named_bodies", 5, ["approved"] * 4 + ["pending"], "open", "counted"),
    ("unanimous_of_named_bodies", 5, ["approved"] * 4, "open", "counted"),  # of the fifth there is no vote at all
    ("unanimous_of_named_bodies", None, ["approved"] * 4, "approved", "counted"),
    ("unanimous_of_named_bodies", 5, ["approved"] * 4 + ["not_required"], "approved", "counted"),
    ("unanimous_of_named_bodies", 5, ["approved"] * 4 + ["rejected"], "rejected", "counted"),
    ("unanimous_of_named_bodies", 5, ["approved"] * 4 + ["withdrawn"], "open", "counted"),
    ("unanimous_of_named_bodies", 5, ["approved"] * 4 + ["noted"], "cannot_be_judged", "unclear"),
    ("majority", None, ["approved", "approved", "pending"], "approved", "counted"),
    ("majority", None, ["approved", "rejected", "pending"], "open", "counted"),
    ("majority", None, ["approved", "approved", "rejected", "rejected"], "rejected", "counted"),  # half is no majority
    ("quorum", 3, ["approved", "endorsed", "approved_with_conditions", "rejected"], "approved", "counted"),
    ("quorum", 3, ["approved", "approved", "rejected", "rejected"], "rejected", "counted"),
    ("single_body", None, ["endorsed"], "approved", "counted"),
    ("single_body", None, ["pending"], "open", "counted"),
    ("single_body", None, ["approved", "pending"], "cannot_be_judged", "several_bodies"),
    ("per_group", None, ["approved"], "cannot_be_judged", "no_groups"),
    (None, None, ["approved"], "cannot_be_judged", "no_rule"),
    ("unanimous", None, [], "cannot_be_judged", "nobody_voted"),
]


@pytest.mark.parametrize(("rule", "required", "words", "outcome", "code"), CASES)
def test_each_rule_has_its_outcome(rule: str | None, required: int | None, words: list[str], outcome: str, code: str) -> None:
    count = tally(votes(*words), Rule(rule, required))
    assert (count.outcome, count.code) == (outcome, code)


def test_unanimous_asks_all_members_and_the_named_bodies_only_those() -> None:
    agreed = votes("approved", "approved")
    assert tally(agreed, Rule("unanimous", members=3)).unnamed == 1
    assert tally(agreed, Rule("unanimous", members=3)).outcome is Outcome.OPEN
    assert tally(agreed, Rule("unanimous_of_named_bodies", members=3)).outcome is Outcome.APPROVED


def test_one_of_each_group_is_enough() -> None:
    def of(group: str, word: str, number: int) -> Ballot:
        return Ballot(number, f"{group} {number}", word, group=group)

    both = [of("acute", "approved", 1), of("acute", "rejected", 2), of("specialist", "approved", 3)]
    assert tally(both, Rule("per_group")).outcome is Outcome.APPROVED
    assert tally([*both[:2], of("specialist", "pending", 3)], Rule("per_group")).outcome is Outcome.OPEN
    assert tally([*both[:2], of("specialist", "rejected", 3)], Rule("per_group")).outcome is Outcome.REJECTED
    assert tally(both, Rule("per_group", required=2)).outcome is Outcome.REJECTED


def test_a_vote_on_the_resolution_goes_before_the_one_on_the_paper() -> None:
    paper = Ballot(1, "WHH", "approved")
    delegation = Ballot(2, "WHH", "rejected", resolution="delegation")
    rule = Rule("unanimous")
    assert tally([paper, delegation], rule, "investment").outcome is Outcome.APPROVED
    assert tally([paper, delegation], rule, "delegation").outcome is Outcome.REJECTED


def test_a_change_of_mind_counts_from_its_day_and_the_old_vote_until_then() -> None:
    both = [Ballot(1, "WHH", "approved", (APRIL, APRIL)), Ballot(2, "WHH", "rejected", (JUNE, JUNE))]
    found = [tally(both, Rule("unanimous"), on=day).outcome for day in (dt.date(2024, 4, 1), APRIL, MAY, JUNE)]
    assert found == [Outcome.OPEN, Outcome.APPROVED, Outcome.APPROVED, Outcome.REJECTED]


def test_on_a_day_within_a_vague_date_nobody_can_say_before_the_register_knew() -> None:
    some_time_in_may = Ballot(1, "WHH", "approved", (dt.date(2024, 5, 1), dt.date(2024, 5, 31)), known_on=dt.date(2024, 5, 20))
    days = [dt.date(2024, 4, 30), dt.date(2024, 5, 3), dt.date(2024, 5, 20), dt.date(2024, 5, 31)]
    found = [tally([some_time_in_may], Rule("unanimous"), on=day).outcome for day in days]
    assert found == [Outcome.OPEN, Outcome.UNKNOWN, Outcome.APPROVED, Outcome.APPROVED]


def test_a_vote_without_a_date_counts_from_the_day_on_which_the_register_knew() -> None:
    undated = Ballot(1, "WHH", "approved", known_on=MAY)
    assert tally([undated], Rule("unanimous"), on=APRIL).outcome is Outcome.UNKNOWN
    assert tally([undated], Rule("unanimous"), on=MAY).outcome is Outcome.APPROVED


def test_a_changed_paper_asks_again_from_its_day() -> None:
    first = [Ballot(1, "WHH", "approved", (APRIL, APRIL), version=1)]
    assert [version_on(first, 2, MAY, day) for day in (APRIL, MAY, JUNE)] == [1, 2, 2]
    count = tally(first, Rule("unanimous"), version=2)
    assert (count.outcome, count.standings[0].is_stale) == (Outcome.OPEN, True)
    again = [*first, Ballot(2, "WHH", "approved", (JUNE, JUNE), version=2)]
    assert tally(again, Rule("unanimous"), version=2).outcome is Outcome.APPROVED


@given(
    st.lists(st.sampled_from(WORDS), max_size=6),
    st.sampled_from(["unanimous", "majority", "quorum", "per_group"]),
    st.permutations(range(6)),
)
def test_the_order_of_the_votes_changes_nothing(words: list[str], rule: str, order: list[int]) -> None:
    given_votes = votes(*words)
    shuffled = [given_votes[place] for place in order if place < len(given_votes)]
    assert tally(given_votes, Rule(rule, 2)) == tally(shuffled, Rule(rule, 2))


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.sampled_from(["unanimous_of_named_bodies", "majority", "quorum"]),
)
def test_one_more_agreement_never_undoes_an_approval(words: list[str], rule: str) -> None:
    """Nor does one less refusal turn approval into rejection: the rules only ever lean one way."""
    before = tally(votes(*words), Rule(rule, 2)).outcome
    for place, word in enumerate(words):
        if word in ("pending", "rejected", "noted"):
            after = tally(votes(*words[:place], "approved", *words[place + 1 :]), Rule(rule, 2)).outcome
            assert before is not Outcome.APPROVED or after is Outcome.APPROVED
            assert not (before in (Outcome.OPEN, Outcome.UNKNOWN) and after is Outcome.REJECTED)


def test_all_resolutions_must_be_approved() -> None:
    for order in permutations([Outcome.APPROVED, Outcome.OPEN]):
        assert together(order) is Outcome.OPEN
    assert together([Outcome.OPEN, Outcome.REJECTED]) is Outcome.REJECTED
    assert together([Outcome.OPEN, Outcome.UNKNOWN]) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("words", "rule", "said"),
    [
        (["approved"] * 2, Rule("unanimous"), "2 of 2 approved"),
        (["approved", "pending"], Rule("unanimous"), "1 of 2 approved, b1 outstanding, its board meets in May 2024"),
        (
            ["pending", "pending", "approved"],
            Rule("quorum", 2),
            "1 of 3 approved, 2 needed, b0 and b1 outstanding, b0's board meets in May 2024, b1's board meets in May 2024",
        ),
        (["approved", "rejected"], Rule("unanimous"), "1 of 2 approved, rejected by b1"),
        (["approved"], Rule("unanimous", members=3), "1 of 3 approved, 2 bodies not named outstanding"),
        (["approved"], Rule(None), "1 of 1 approved, cannot be judged: nobody has stated how many must agree"),
        (["approved", "noted"], Rule("unanimous"), "1 of 2 approved, b1 unclear"),
    ],
)
def test_the_sentence_says_who_is_outstanding_and_when_they_meet(words: list[str], rule: Rule, said: str) -> None:
    count = tally(votes(*words), rule)
    assert sentence(count, lambda body: body.replace("body ", "b"), lambda body: "meets in May 2024") == said


def test_many_names_are_listed_as_people_do() -> None:
    assert listed(["A", "B", "C"]) == "A, B and C"
    assert not tally([], Rule("unanimous")).bodies(Stand.AGREED)
