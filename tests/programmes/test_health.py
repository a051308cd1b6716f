"""The rules of health: which colour follows from what is known, and why. Pure."""

from decimal import Decimal

import pytest

from programmes.health import Colour, Evidence, Judgement, Rule, Sign, judge

pytestmark = pytest.mark.either_database

OVERDUE = "Milestones past their date"


def rule(dimension: str, measure: str, colour: str, threshold: str) -> Rule:
    return Rule(f"{measure}-{colour}", dimension, measure, colour, Decimal(threshold), OVERDUE)


RULES = [
    rule("delivery", "milestones_overdue", "amber", "1"),
    rule("delivery", "milestones_overdue", "red", "3"),
    rule("targets", "targets_missed_percent", "red", "50"),
    rule("risks", "worst_risk_score", "amber", "8"),
    rule("overall", "dimensions_red", "red", "2"),
    rule("overall", "dimensions_red", "amber", "1"),
    rule("overall", "dimensions_amber", "amber", "1"),
    rule("overall", "dimensions_unjudged", "cannot_be_judged", "4"),
]


def signs(measure: str, *amounts: int) -> list[Sign]:
    return [Sign(measure, "milestone", f"m-{i}", f"Milestone {i}", Decimal(amount)) for i, amount in enumerate(amounts)]


def of(evidence: Evidence, dimension: str = "delivery") -> Judgement:
    return judge(evidence, RULES)[dimension]


@pytest.mark.parametrize(("number", "colour"), [(0, "green"), (1, "amber"), (2, "amber"), (3, "red"), (4, "red")])
def test_a_rule_holds_from_its_threshold_on_and_the_worst_counts(number: int, colour: str) -> None:
    found = of(Evidence(signs("milestones_overdue", *[1] * number), {"delivery": 9}))
    assert found.colour == colour


def test_a_colour_names_its_rule_its_number_and_its_records() -> None:
    found = of(Evidence(signs("milestones_overdue", 1, 1, 1), {"delivery": 3}))
    (reason,) = found.reasons
    assert found.rule == "milestones_overdue-red"
    assert found.words == "Milestones past their date: 3; red from 3."
    assert [sign.key for sign in reason.records] == ["m-0", "m-1", "m-2"]


def test_what_nothing_is_known_of_cannot_be_judged_and_is_not_green() -> None:
    found = of(Evidence())
    assert (found.colour, found.rule) == (Colour.CANNOT_BE_JUDGED, "nothing-to-judge")
    assert of(Evidence(judged={"finance": 1}), "finance").words == "No rule is in force."
    assert of(Evidence(unknown={"risks": ["Cyber: nobody has scored it."]}), "risks").words == "Cyber: nobody has scored it."


def test_a_share_is_one_of_what_could_be_judged() -> None:
    missed = signs("targets_missed_percent", 1)
    assert of(Evidence(missed, {"targets": 2}), "targets").colour == "red"
    assert of(Evidence(missed, {"targets": 3}), "targets").colour == "green"


def test_a_score_is_the_greatest_and_no_sum() -> None:
    assert of(Evidence(signs("worst_risk_score", 4, 4, 4), {"risks": 3}), "risks").colour == "green"
    assert of(Evidence(signs("worst_risk_score", 4, 9), {"risks": 2}), "risks").reasons[0].value == 9


def test_the_overall_colour_follows_from_the_dimensions() -> None:
    amber = Evidence(signs("milestones_overdue", 1), {"delivery": 1})
    assert of(amber, "overall").colour == "amber"
    red = Evidence(signs("milestones_overdue", 1, 1, 1) + signs("targets_missed_percent", 1), {"delivery": 3, "targets": 1})
    assert of(red, "overall").colour == "red"
    assert of(Evidence(judged={"delivery": 1}), "overall").colour == "cannot_be_judged"
    assert {sign.key for sign in of(red, "overall").reasons[0].records} == {"delivery", "targets"}


def test_what_is_closed_is_not_judged_any_more() -> None:
    found = judge(Evidence(signs("milestones_overdue", 1, 1, 1), {"delivery": 3}, closed="Closed on 26 March 2024."), RULES)
    assert {each.colour for each in found.values()} == {"cannot_be_judged"}
    assert found["overall"].words == "Closed on 26 March 2024."
