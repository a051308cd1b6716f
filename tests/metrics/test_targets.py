"""The target engine: cases by rule, properties, the edition's figures, and agreement with the database's short judgement."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmast.amounts import amount
from cmast.vocabulary import Qualifier, Unit
from metrics.figures import BOUNDS, COUNTED, Figure, Period, Side, Unfit
from metrics.models import Metric, Observation, Target
from metrics.models.definitions import Operator
from metrics.targets import OPERATORS, Goal, Outcome, Reason, Verdict, adds_up, held, in_force, judge, judge_one, split

JANUARY = Period(starts_on=dt.date(2024, 1, 1), ends_on=dt.date(2024, 1, 31), kind="month")
FEBRUARY = Period(starts_on=dt.date(2024, 2, 1), ends_on=dt.date(2024, 2, 29), kind="month")
MARCH = Period(starts_on=dt.date(2024, 3, 1), ends_on=dt.date(2024, 3, 31), kind="month")
TWELVE = ("RBL", "RBN", "RBQ", "RBS", "RBT", "REM", "REN", "REP", "RET", "RJN", "RJR", "RWW")
CHOICE = ("patient_choice", "clinical_complexity")
MET, NOT_MET, UNKNOWN = Outcome.MET, Outcome.NOT_MET, Outcome.CANNOT_BE_JUDGED


def number(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def goal(operator: str, value: str | None = None, unit: str = "percent", **fields: Any) -> Goal:
    return Goal(operator=operator, value=number(value), unit=unit, **fields)


def figure(value: str | None = None, unit: str = "percent", period: Period = MARCH, **fields: Any) -> Figure:
    return Figure(value=number(value), unit=unit, period=period, **fields)


def bound(operator: str, value: str, unit: str = "percent", **fields: Any) -> Figure:
    return Figure(bound_operator=operator, bound_value=Decimal(value), unit=unit, period=MARCH, **fields)


def of_trust(code: str, value: str | None, **fields: Any) -> Figure:
    return figure(value, organisation=code, scope_level="provider", **fields)


BAND: dict[str, Any] = {"low": Decimal(3), "high": Decimal(4)}

#: Rule -> target, figure, answer, code.
LEVELS: dict[str, tuple[Goal, Figure, Outcome, Reason]] = {
    "greater than 21% is not met by 21.0": (goal("gt", "21"), figure("21.0"), NOT_MET, Reason.AT_THE_LIMIT),
    "greater than 21% is met by 21.1": (goal("gt", "21"), figure("21.1"), MET, Reason.MEETS),
    "5.0% PIFU does not pass more than 5": (goal("gt", "5"), figure("5.0"), NOT_MET, Reason.AT_THE_LIMIT),
    "at least 95 is met by 95": (goal("gte", "95"), figure("95"), MET, Reason.MEETS),
    "at least 95 is missed by 94.9": (goal("gte", "95"), figure("94.9"), NOT_MET, Reason.MISSES),
    "less than 5 is not met by 5": (goal("lt", "5"), figure("5"), NOT_MET, Reason.AT_THE_LIMIT),
    "at most 5 is met by 5": (goal("lte", "5"), figure("5"), MET, Reason.MEETS),
    "exactly 45 is missed by 44": (goal("eq", "45", "minutes"), figure("44", "minutes"), NOT_MET, Reason.MISSES),
    "both ends of a range belong to it": (goal("between", unit="per_hour", **BAND), figure("4", "per_hour"), MET, Reason.MEETS),
    "outside a range": (goal("between", unit="per_hour", **BAND), figure("4.1", "per_hour"), NOT_MET, Reason.MISSES),
    "a range without its ends": (goal("between", unit="per_hour"), figure("4", "per_hour"), UNKNOWN, Reason.NO_NUMBER),
    "eliminated is 0": (goal("eliminate", "0", "patients"), figure("0", "patients"), MET, Reason.MEETS),
    "1 is not eliminated": (goal("eliminate", unit="patients"), figure("1", "patients"), NOT_MET, Reason.MISSES),
    "zero is kept": (goal("eq", "0", "patients", intent="maintain"), figure("0", "patients"), MET, Reason.MEETS),
    "above 100% is no mistake": (goal("gte", "95"), figure("112"), MET, Reason.MEETS),
    "a standard without a number": (goal("meet_standard"), figure("93"), UNKNOWN, Reason.NO_NUMBER),
    "a standard's number without a direction": (goal("meet_standard", "92"), figure("93"), UNKNOWN, Reason.NO_NUMBER),
    "a standard's number with the metric's direction": (
        goal("meet_standard", "92", direction="higher_is_better"), figure("93"), MET, Reason.MEETS),
    "a standard's number where lower is better": (
        goal("meet_standard", "18", "days", direction="lower_is_better"), figure("19", "days"), NOT_MET, Reason.MISSES),
    # What is known only in part is judged where the rest cannot change the answer.
    "at least 85 meets at least 85": (goal("gte", "85"), bound("gte", "85"), MET, Reason.MEETS),
    "at least 85 may or may not be more than 85": (goal("gt", "85"), bound("gte", "85"), UNKNOWN, Reason.INEXACT),
    "more than 85 is more than 85": (goal("gt", "85"), bound("gt", "85"), MET, Reason.MEETS),
    "at least 85 misses at most 80": (goal("lte", "80"), bound("gte", "85"), NOT_MET, Reason.MISSES),
    "at most 84 misses at least 85": (goal("gte", "85"), bound("lte", "84"), NOT_MET, Reason.MISSES),
    "at most 85 may be 85": (goal("gte", "85"), bound("lte", "85"), UNKNOWN, Reason.INEXACT),
    "over 84,000 meets at least 84,000": (
        goal("gte", "84000", "appointments"), figure("84000", "appointments", qualifier="more_than"), MET, Reason.MEETS),
    "over 84,000 may miss at least 90,000": (
        goal("gte", "90000", "appointments"), figure("84000", "appointments", qualifier="more_than"), UNKNOWN, Reason.INEXACT),
    "up to 5 misses more than 5": (goal("gt", "5"), figure("5", qualifier="up_to"), NOT_MET, Reason.MISSES),
    "less than 5 meets less than 5": (goal("lt", "5"), figure("5", qualifier="less_than"), MET, Reason.MEETS),
    "about 8 misses at most 7": (goal("lte", "7"), figure("8", qualifier="approximately"), NOT_MET, Reason.MISSES),
    "about 8 may miss at most 8": (goal("lte", "8"), figure("8", qualifier="approximately"), UNKNOWN, Reason.INEXACT),
    "about 16 million misses at least 17 million": (
        goal("gte", "17000000", "gbp"), figure("16000000", "gbp", qualifier="approximately"), NOT_MET, Reason.MISSES),
    "a figure without a value": (goal("gte", "85"), figure(), UNKNOWN, Reason.VALUE_UNKNOWN),
    # Nothing is converted.
    "percent is no ratio": (goal("gte", "85"), figure("0.86", "ratio"), UNKNOWN, Reason.UNIT_DIFFERS),
    "a count is no percent": (goal("gte", "85"), figure("90", "count"), UNKNOWN, Reason.UNIT_DIFFERS),
    "points are no percent": (goal("gte", "5"), figure("5", "percentage_point"), UNKNOWN, Reason.UNIT_DIFFERS),
    "what is not stated is not even like itself": (
        goal("gte", "5", "unspecified_percent"), figure("5", "unspecified_percent"), UNKNOWN, Reason.UNIT_DIFFERS),
    # What is no level.
    "a difference is no level": (
        goal("gte", "5"), figure("5", comparison="above_plan"), UNKNOWN, Reason.IS_A_DIFFERENCE),
    "a part is not the whole": (goal("gte", "5"), figure("5", part="capacity"), UNKNOWN, Reason.IS_A_PART),
    "a majority names nobody": (
        goal("lte", "2", "level"), figure("3", "level", quantifier="majority_of_trusts"), UNKNOWN, Reason.IS_A_QUANTIFIER),
    "a forecast has not happened": (
        goal("gte", "5"), figure("6", value_status="forecast"), UNKNOWN, Reason.NOT_YET_HAPPENED),
    # Exclusions.
    "15 of 101 count, and 15 is not 0": (
        goal("eq", "0", "patients", exclusions=CHOICE),
        figure("101", "patients", excluded=Decimal(86)), NOT_MET, Reason.MISSES),
    "all are excluded": (
        goal("eq", "0", "patients", exclusions=CHOICE), figure("86", "patients", countable=Decimal(0)), MET, Reason.MEETS),
    "how many are excluded decides": (
        goal("eq", "0", "patients", exclusions=CHOICE), figure("101", "patients"), UNKNOWN, Reason.EXCLUSIONS_UNKNOWN),
    "of none, none is countable": (
        goal("eq", "0", "patients", exclusions=CHOICE), figure("0", "patients"), MET, Reason.MEETS),
    "few enough even with those excluded": (
        goal("lte", "150", "patients", exclusions=CHOICE), figure("101", "patients"), MET, Reason.MEETS),
    "a share is not reduced by those excluded": (
        goal("lte", "90", exclusions=CHOICE), figure("80"), UNKNOWN, Reason.EXCLUSIONS_UNKNOWN),
    "parts that do not sum to the whole": (
        goal("eq", "0", "patients", exclusions=CHOICE),
        figure("101", "patients", excluded=Decimal(80), countable=Decimal(15)), UNKNOWN, Reason.PARTS_DO_NOT_SUM),
    "more excluded than there are": (
        goal("eq", "0", "patients", exclusions=CHOICE),
        figure("5", "patients", qualifier="up_to", excluded=Decimal(6)), UNKNOWN, Reason.PARTS_DO_NOT_SUM),
    "fewer than none excluded": (
        goal("eq", "0", "patients", exclusions=CHOICE),
        figure("5", "patients", excluded=Decimal(-1)), UNKNOWN, Reason.PARTS_DO_NOT_SUM),
    "up to 100, of which 86 are excluded": (
        goal("between", unit="patients", low=Decimal(0), high=Decimal(14), exclusions=CHOICE),
        figure("100", "patients", qualifier="up_to", excluded=Decimal(86)), MET, Reason.MEETS),
    "more than 100, of which 86 are excluded": (
        goal("eq", "0", "patients", exclusions=CHOICE),
        figure("100", "patients", qualifier="more_than", excluded=Decimal(86)), NOT_MET, Reason.MISSES),
}  # fmt: skip

#: Rule -> target, earlier figure, figure, answer, code.
CHANGES: dict[str, tuple[Goal, Figure | None, Figure, Outcome, Reason]] = {
    "up is an increase": (goal("increase"), figure("84"), figure("89"), MET, Reason.CHANGED_AS_AIMED),
    "down is a reduction": (
        goal("reduce", unit="gbp"), figure("5", "gbp"), figure("4", "gbp"), MET, Reason.CHANGED_AS_AIMED),
    "the same is no reduction": (goal("reduce"), figure("8"), figure("8"), NOT_MET, Reason.UNCHANGED),
    "up is no reduction": (goal("reduce"), figure("8"), figure("9"), NOT_MET, Reason.CHANGED_THE_OTHER_WAY),
    "five points are five points": (
        goal("increase", "5", "percentage_point"), figure("84"), figure("89"), MET, Reason.CHANGED_AS_AIMED),
    "four points are not five": (
        goal("increase", "5", "percentage_point"), figure("84"), figure("88"), NOT_MET, Reason.CHANGED_TOO_LITTLE),
    "an increase of a percent by 5% says nothing clear": (
        goal("increase", "5"), figure("84"), figure("89"), UNKNOWN, Reason.AMOUNT_AMBIGUOUS),
    "10% fewer patients": (
        goal("reduce", "10"), figure("50", "patients"), figure("45", "patients"), MET, Reason.CHANGED_AS_AIMED),
    "8% fewer patients are not 10%": (
        goal("reduce", "10"), figure("50", "patients"), figure("46", "patients"), NOT_MET, Reason.CHANGED_TOO_LITTLE),
    "10% of nobody": (goal("reduce", "10"), figure("0", "patients"), figure("0", "patients"), UNKNOWN, Reason.INEXACT),
    "a ratio is not changed by percent": (
        goal("reduce", "10"), figure("2", "ratio"), figure("1", "ratio"), UNKNOWN, Reason.UNIT_DIFFERS),
    "20 fewer": (
        goal("reduce", "20", "patients"), figure("50", "patients"), figure("30", "patients"), MET, Reason.CHANGED_AS_AIMED),
    "nothing before": (goal("increase"), None, figure("89"), UNKNOWN, Reason.NOTHING_BEFORE),
    "the baseline comes first": (
        goal("increase", baseline=Decimal(90)), figure("84"), figure("89"), NOT_MET, Reason.CHANGED_THE_OTHER_WAY),
    "a baseline is enough": (goal("reduce", baseline=Decimal(9)), None, figure("8"), MET, Reason.CHANGED_AS_AIMED),
    "about 77,000 to over 84,000 is more": (
        goal("increase", unit="appointments"), figure("77000", "appointments", qualifier="approximately"),
        figure("84000", "appointments", qualifier="more_than"), MET, Reason.CHANGED_AS_AIMED),
    "about 8 to about 8 may be either": (
        goal("reduce"), figure("8", qualifier="approximately"),
        figure("8", qualifier="approximately"), UNKNOWN, Reason.INEXACT),
    "from at most 84 to more than 84 is more": (
        goal("increase"), figure("84", qualifier="up_to"), figure("84", qualifier="more_than"), MET, Reason.CHANGED_AS_AIMED),
    "from less than 8 to 8 is more": (
        goal("reduce"), figure("8", qualifier="less_than"), figure("8"), NOT_MET, Reason.CHANGED_THE_OTHER_WAY),
    "from at most 8 to 8 is not less": (
        goal("reduce"), figure("8", qualifier="up_to"), figure("8"), NOT_MET, Reason.CHANGED_TOO_LITTLE),
    "another unit before": (goal("increase"), figure("84", "count"), figure("89"), UNKNOWN, Reason.UNIT_DIFFERS),
    "another unit in the target": (goal("increase", unit="gbp"), figure("84"), figure("89"), UNKNOWN, Reason.UNIT_DIFFERS),
    "a value unknown before": (goal("increase"), figure(), figure("89"), UNKNOWN, Reason.VALUE_UNKNOWN),
    "fewer count, though more in total": (
        goal("reduce", unit="patients", exclusions=CHOICE), figure("100", "patients", countable=Decimal(20)),
        figure("101", "patients", countable=Decimal(15)), MET, Reason.CHANGED_AS_AIMED),
}  # fmt: skip


@pytest.mark.parametrize(("aim", "fact", "outcome", "code"), LEVELS.values(), ids=LEVELS)
def test_a_level_is_judged(aim: Goal, fact: Figure, outcome: Outcome, code: Reason) -> None:
    verdict = judge(aim, [fact])
    assert (verdict.outcome, verdict.code) == (outcome, code)
    assert verdict.words.startswith(f"{outcome.words}: ") and verdict.words.endswith(".")
    assert verdict.goal == aim and verdict.figures == (fact,)


@pytest.mark.parametrize(("aim", "before", "fact", "outcome", "code"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_judged(aim: Goal, before: Figure | None, fact: Figure, outcome: Outcome, code: Reason) -> None:
    figures = [fact, replace(before, period=FEBRUARY)] if before else [fact]
    verdict = judge(aim, figures)
    assert (verdict.outcome, verdict.code) == (outcome, code)
    assert verdict.figures[0] == fact or code is Reason.VALUE_UNKNOWN
    assert verdict.words.startswith(f"{outcome.words}: ") and verdict.words.endswith(".")


def test_the_words_say_what_was_compared() -> None:
    assert judge(goal("gt", "21"), [figure("21.0")]).words == (
        "Not met: 21% against a target of more than 21%: the limit itself does not meet it."
    )
    assert judge(goal("increase", "5", "percentage_point"), [figure("84", period=FEBRUARY), figure("88.1")]).words == (
        "Not met: 88.1%, before 84% (February 2024), up 4.1 percentage points, "
        "against a target of an increase of at least 5 percentage points."
    )
    assert judge(goal("gte", "85"), [figure("0.86", "ratio")]).words == (
        "Cannot be judged: the figure is in ratio, the target in percent; nothing is converted."
    )


def test_the_words_say_what_the_reader_must_know_besides() -> None:
    aim = goal("gte", "95", operator_source="inferred", starts_on=dt.date(2024, 4, 1), due_on=dt.date(2025, 3, 31))
    assert judge(aim, [figure("89", value_status="provisional")]).words == (
        "Not met: 89% against a target of at least 95%. The figure is provisional. The figure is for March 2024; the target "
        "holds from 1 April 2024. It is to be met by 31 March 2025. “At least” is our reading of the source."
    )
    late = judge(goal("gte", "76", ends_on=dt.date(2024, 2, 29)), [figure("77")])
    assert late.words.endswith("The figure is for March 2024; the target held until 29 February 2024.")
    on_its_day = goal("gte", "76", due_on=MARCH.ends_on, starts_on=MARCH.ends_on, ends_on=MARCH.ends_on)
    assert judge(on_its_day, [figure("77")]).words == "Met: 77% against a target of at least 76%."


def test_total_excluded_and_countable_are_shown() -> None:
    aim = goal("eq", "0", "patients", intent="maintain", exclusions=CHOICE)
    verdict = judge(aim, [figure("101", "patients", countable=Decimal(15))])
    assert verdict.split == split(figure("101", "patients", excluded=Decimal(86)))
    assert verdict.words == (
        "Not met: 15 patients (total 101, excluded 86, countable 15; left out for patient choice or clinical complexity) "
        "against a target of 0 patients, to be kept."
    )


def test_shares_of_100_have_no_parts_that_sum() -> None:
    assert adds_up(figure("71.9", countable=Decimal(75)))
    assert judge(goal("gte", "74", exclusions=CHOICE), [figure("71.9", countable=Decimal(75))]).outcome is MET


def test_the_engine_knows_the_words_of_the_models() -> None:
    assert frozenset(Operator.values) == OPERATORS
    assert {unfit.value for unfit in Unfit} <= {reason.value for reason in Reason}
    assert set(Unit) >= COUNTED
    goals = [goal("gte", "1", basis=basis, key=basis) for basis in reversed(Target.Basis.values)]
    assert [aim.basis for aim in in_force(goals, dt.date(2024, 5, 3))] == Target.Basis.values
    for unit, qualifier in product(Unit.values, Qualifier.values):
        fact = figure("3", unit, qualifier=qualifier)
        assert fact.span is not None
        assert amount(Decimal(3), unit) in fact.words
    with pytest.raises(ValueError, match="no comparison"):
        goal("range", "3")


# Which figure is judged.


def test_the_latest_period_is_judged_unless_another_is_asked_for() -> None:
    figures = [figure("90", period=JANUARY), figure("80", period=MARCH), figure("95", period=FEBRUARY)]
    assert judge(goal("gte", "85"), figures).outcome is NOT_MET
    assert judge(goal("gte", "85"), figures, ends_on=FEBRUARY.ends_on).outcome is MET
    assert judge(goal("gte", "85"), figures, ends_on=dt.date(2023, 12, 31)).code is Reason.NO_FIGURE


def test_the_month_before_a_gap_does_not_take_the_place_of_the_month_before() -> None:
    figures = [figure("84", period=JANUARY), figure("89", period=MARCH)]
    assert judge(goal("increase"), figures).code is Reason.NOTHING_BEFORE


def test_no_change_is_judged_across_a_break_of_the_series() -> None:
    figures = [figure("9", period=JANUARY), figure("8", period=FEBRUARY)]
    assert judge(goal("reduce"), figures, breaks=[dt.date(2024, 1, 31), dt.date(2024, 3, 1)]).outcome is MET
    verdict = judge(goal("reduce"), figures, breaks=[dt.date(2024, 2, 1)])
    assert verdict.code is Reason.SERIES_BREAK and "1 February 2024" in verdict.words


def test_two_figures_for_one_period_are_not_chosen_from() -> None:
    verdict = judge(goal("gte", "85"), [figure("86"), figure("84")])
    assert verdict.code is Reason.SEVERAL_FIGURES and "84% for March 2024, 86% for March 2024" in verdict.words
    assert judge(goal("gte", "85"), [figure("86", key="b"), figure("86.0", key="a")]).outcome is MET


def test_figures_of_others_do_not_take_the_place_of_the_systems() -> None:
    verdict = judge(goal("gte", "85"), [of_trust("RBN", "90")])
    assert verdict.code is Reason.NO_FIGURE and "there is no figure of the system" in verdict.words
    own = goal("gte", "85", scope_level="provider", organisation="RBN")
    assert judge(own, [of_trust("RBN", "90"), of_trust("RBL", "10"), figure("10")]).outcome is MET
    assert judge(own, [of_trust("RBL", "90")]).words.startswith("Cannot be judged: there is no figure of RBN.")


# Each provider.


def each(value: str = "85", **fields: Any) -> Goal:
    return goal("gte", value, scope_level="each_provider", **{"providers": TWELVE, **fields})


def trusts(*values: str | None) -> list[Figure]:
    return [of_trust(code, value) for code, value in zip(TWELVE, values, strict=False)]


def test_a_target_of_each_is_met_when_all_meet_it() -> None:
    assert judge(each(), trusts(*["85"] * 12)).code is Reason.ENOUGH_PROVIDERS_MEET
    verdict = judge(each(), trusts(*["85"] * 11, "84.9"))
    assert verdict.code is Reason.TOO_FEW_PROVIDERS_MEET
    assert verdict.tally is not None and verdict.tally.words == "11 of 12 met, 1 not met"


def test_trusts_without_data_leave_it_open_unless_one_misses_it() -> None:
    verdict = judge(each(), trusts(*["85"] * 9))
    assert verdict.code is Reason.PROVIDERS_WITHOUT_DATA
    assert verdict.tally is not None and verdict.tally.words == "9 of 12 met, 3 without data"
    assert verdict.tally.missing == TWELVE[9:]
    assert judge(each(), trusts("85", "84")).outcome is NOT_MET


def test_an_inexact_figure_is_counted_apart_from_no_figure() -> None:
    verdict = judge(each(), [*trusts("86"), of_trust(TWELVE[1], "85", qualifier="approximately")])
    assert verdict.tally is not None and verdict.tally.words == "1 of 12 met, 1 cannot be judged, 10 without data"


def test_last_months_figure_of_a_trust_is_no_figure_of_this_month() -> None:
    verdict = judge(each(providers=TWELVE[:2]), [*trusts("86"), of_trust(TWELVE[1], "86", period=FEBRUARY)])
    assert verdict.tally is not None and verdict.tally.missing == (TWELVE[1],)


def test_without_a_list_of_trusts_nobody_can_know_that_all_meet_it() -> None:
    assert judge(each(providers=()), trusts(*["85"] * 12)).code is Reason.PROVIDERS_UNKNOWN
    assert judge(each(providers=()), trusts("85", "84")).outcome is NOT_MET
    assert judge(each(), []).code is Reason.PROVIDERS_WITHOUT_DATA


def test_a_trust_for_whom_it_does_not_hold_is_not_counted() -> None:
    april = Period(starts_on=dt.date(2024, 4, 1), ends_on=dt.date(2024, 4, 30), kind="month")
    strangers = [of_trust("RX7", "10"), of_trust("RX7", "10", period=april)]
    assert judge(each(), [*trusts(*["85"] * 12), *strangers]).outcome is MET


def test_a_target_of_n_trusts_is_decided_as_soon_as_it_can_be() -> None:
    three = each(providers_needed=3)
    assert judge(three, trusts("85", "85", "85")).outcome is MET
    assert judge(three, trusts("85", "85")).code is Reason.PROVIDERS_WITHOUT_DATA
    assert judge(three, trusts("85", "85", *["84"] * 10)).outcome is NOT_MET
    assert judge(each(providers=(), providers_needed=3), trusts("85", "85", "84")).code is Reason.PROVIDERS_UNKNOWN


def test_each_trust_is_judged_on_its_own_change() -> None:
    aim = goal("reduce", unit="gbp", scope_level="each_provider", providers=("RBL", "RBN"))
    months = [(JANUARY, "9", "5"), (FEBRUARY, "8", "6")]
    figures = [
        figure(value, "gbp", month, organisation=code, scope_level="provider")
        for month, *values in months
        for code, value in zip(("RBL", "RBN"), values, strict=True)
    ]
    verdict = judge(aim, figures)
    assert [part.code for part in verdict.parts] == [Reason.CHANGED_AS_AIMED, Reason.CHANGED_THE_OTHER_WAY]


def counted(value: str, **fields: Any) -> Figure:
    return figure(value, "trusts", **fields)


def test_a_stated_count_speaks_for_trusts_without_figures() -> None:
    verdict = judge(each(), [], stated_count=counted("12"))
    assert verdict.outcome is MET
    assert judge(each(), [], stated_count=counted("11", qualifier="up_to")).outcome is NOT_MET
    assert judge(each(), [], stated_count=counted("5", qualifier="more_than")).tally.least == 6
    assert judge(each(), [], stated_count=counted("5", qualifier="less_than")).tally.most == 4
    assert judge(each(providers=()), [], stated_count=counted("5")).code is Reason.PROVIDERS_UNKNOWN
    assert judge(each(), trusts("85"), stated_count=counted("12", period=FEBRUARY)).tally.least == 1


def test_where_a_stated_count_contradicts_the_figures_the_figures_decide() -> None:
    verdict = judge(each(), trusts(*["85"] * 12), stated_count=counted("3"))
    assert verdict.outcome is MET
    assert verdict.tally is not None and verdict.tally.contradicts
    assert "The source counts 3 trusts, which the figures deny." in verdict.words


# Several targets of one metric.


def test_a_target_is_in_force_from_its_start_to_its_end_or_to_its_successor() -> None:
    march = goal("eliminate", unit="patients", key="march", superseded_on=dt.date(2024, 2, 1))
    first = goal("gte", "85", key="first", ends_on=dt.date(2025, 3, 31))
    second = goal("gte", "87", key="second", supersedes="first", starts_on=dt.date(2024, 6, 1), ends_on=dt.date(2024, 8, 31))
    both = [second, first, march]
    assert in_force(both, dt.date(2024, 1, 31)) == [first, march]
    assert in_force(both, dt.date(2024, 2, 1)) == in_force(both, dt.date(2024, 5, 31)) == [first]
    assert in_force(both, dt.date(2024, 6, 1)) == [second]
    assert in_force(both, dt.date(2024, 8, 31)) == [second]
    assert in_force(both, dt.date(2024, 9, 1)) == [], "what was superseded does not come back"


def test_a_figure_is_judged_by_the_targets_of_its_time_or_by_the_next_ones_before_there_were_any() -> None:
    before = goal("gte", "76", key="before", scope_level="system", starts_on=dt.date(2023, 4, 1), ends_on=dt.date(2024, 3, 31))
    after = replace(before, key="after", starts_on=dt.date(2024, 4, 1), ends_on=dt.date(2025, 3, 31), supersedes="before")
    trust = replace(after, key="trust", scope_level="each_provider", supersedes="")

    def of_level(level: str, *day: int) -> list[Goal]:
        return held([after, trust, before], dt.date(*day), lambda each: each.scope_level == level)

    assert of_level("system", 2024, 3, 31) == [before]
    assert of_level("system", 2024, 4, 30) == [after]
    assert of_level("system", 2022, 3, 31) == [before]
    assert of_level("each_provider", 2024, 3, 31) == [trust]
    assert of_level("system", 2025, 4, 30) == [], "no target outlives its end"
    assert of_level("region", 2024, 3, 31) == []


def test_targets_of_several_bases_hold_beside_each_other() -> None:
    professional = goal("gte", "95", basis="professional_guideline", key="rcr")
    national = goal("gte", "100", basis="national", key="nhse")
    assert in_force([professional, national], dt.date(2024, 5, 3)) == [national, professional]
    answers = [judge(aim, [figure("96")]).outcome for aim in in_force([professional, national], dt.date(2024, 5, 3))]
    assert answers == [NOT_MET, MET]


# Properties.

#: Few of them, so that figures and limits often fall together.
VALUES = st.integers(-4, 4).map(lambda half: Decimal(half) / 2)
STRICT_AND_NOT = st.sampled_from([("gt", "lte"), ("lt", "gte")])
OPERATOR_WORDS = st.sampled_from(sorted(OPERATORS))
FACTS = st.builds(
    Figure,
    unit=st.sampled_from(["percent", "patients"]),
    period=st.sampled_from([JANUARY, FEBRUARY, MARCH]),
    organisation=st.sampled_from(TWELVE),
    scope_level=st.just("provider"),
    value=st.none() | VALUES,
    qualifier=st.none() | st.sampled_from(Qualifier.values),
    bound_operator=st.none() | st.sampled_from(Operator.values),
    bound_value=st.none() | VALUES,
    excluded=st.none() | VALUES,
    countable=st.none() | VALUES,
    part=st.sampled_from(["", "", "capacity"]),
    value_status=st.sampled_from(["reported", "provisional", "forecast"]),
)
GOALS = st.builds(
    Goal,
    operator=OPERATOR_WORDS,
    unit=st.sampled_from(["percent", "percentage_point", "patients"]),
    value=st.none() | VALUES,
    low=st.none() | VALUES,
    high=st.none() | VALUES,
    exclusions=st.sampled_from([(), CHOICE]),
    baseline=st.none() | VALUES,
    scope_level=st.just("each_provider"),
    providers=st.sampled_from([(), TWELVE, TWELVE[:3]]),
    providers_needed=st.none() | st.integers(1, 13),
)


@given(STRICT_AND_NOT, VALUES, VALUES)
def test_on_exact_values_a_strict_comparison_is_met_where_its_opposite_is_not(
    words: tuple[str, str], limit: Decimal, value: Decimal
) -> None:
    answers = {judge(Goal(operator=word, unit="percent", value=limit), [figure(str(value))]).outcome for word in words}
    assert answers == {MET, NOT_MET}


@given(GOALS, st.lists(FACTS), st.randoms(use_true_random=False))
def test_the_order_of_figures_does_not_matter(aim: Goal, facts: list[Figure], random: Any) -> None:
    mixed = list(facts)
    random.shuffle(mixed)
    assert judge(aim, facts) == judge(aim, mixed)


@given(GOALS, FACTS, VALUES)
def test_a_judgement_holds_for_every_value_that_the_figure_may_have(aim: Goal, fact: Figure, value: Decimal) -> None:
    vague = replace(fact, excluded=None, countable=None)
    aim = replace(aim, exclusions=())
    exact = replace(vague, value=value, qualifier=None, bound_operator=None, bound_value=None)
    answer = judge_one(aim, vague).outcome
    if answer is not UNKNOWN and vague.span is not None and exact.span.within(vague.span):
        assert judge_one(aim, exact).outcome is answer


@given(GOALS, FACTS)
def test_unknown_never_becomes_met(aim: Goal, fact: Figure) -> None:
    nothing = replace(fact, value=None, bound_operator=None, bound_value=None, countable=None)
    assert judge_one(aim, nothing).outcome is UNKNOWN
    assert judge(aim, []).outcome is not MET


@given(GOALS, st.lists(FACTS, unique_by=lambda fact: (fact.organisation, fact.period)))
def test_more_data_only_moves_an_answer_away_from_cannot_be_judged(aim: Goal, facts: list[Figure]) -> None:
    """Figures of an earlier period come first: what comes later is about the same period, of trusts that had none."""
    facts.sort(key=lambda fact: fact.period.ends_on)
    steps = [judge(aim, facts[:count], ends_on=MARCH.ends_on).outcome for count in range(len(facts) + 1)]
    for earlier, later in pairwise(steps):
        assert earlier in (UNKNOWN, later)


@given(GOALS, st.lists(FACTS))
def test_every_answer_has_words_and_counts_every_trust_once(aim: Goal, facts: list[Figure]) -> None:
    verdict = judge(aim, facts)
    assert verdict.words.startswith(verdict.outcome.words)
    assert verdict.tally is not None and verdict.tally.of == len(verdict.parts)
    assert {part.outcome for part in verdict.parts} != {NOT_MET} or verdict.outcome is not MET


# The edition's own figures.


def verdict_of(target: str, **fields: Any) -> Verdict:
    aim = Target.objects.select_related("organisation").get(key=target)
    observations = aim.metric.observations.select_related("organisation").prefetch_related("members")
    return judge(aim.as_goal(**fields), [observation.as_figure() for observation in observations])


def test_one_of_twelve_trusts_meets_the_85_percent_beside_the_systems_76(edition: str) -> None:
    verdict = verdict_of("t-theatre-capped-85", providers=TWELVE)
    assert (verdict.outcome, verdict.tally.words) == (UNKNOWN, "1 of 12 met, 11 without data")
    assert verdict.tally.met == ("RBQ",)
    aim = Target.objects.get(key="t-theatre-capped-85")
    facts = [observation.as_figure() for observation in aim.metric.observations.all()]
    count = Observation.objects.get(key="o-trusts-meeting-capped-2024-03").as_figure()
    verdict = judge(aim.as_goal(providers=TWELVE), facts, stated_count=count)
    assert (verdict.outcome, verdict.tally.least, verdict.tally.most) == (NOT_MET, 1, 1)
    assert verdict.beside.value == 76
    assert verdict.words == (
        "Not met: 1 of 12 met, 11 without data; at least 85% is the target of each trust. The source counts 1 trust (RBQ). "
        "Beside it, the system's own figure is 76%. “At least” is our reading of the source."
    )


def test_of_101_over_78_weeks_15_count_and_zero_is_not_kept(edition: str) -> None:
    aim = Target.objects.get(key="t-rtt-78w-zero").as_goal()
    parts = Observation.objects.get(key="o-78w-capacity-2024-03")
    whole = Observation.objects.get(key="o-78w-2024-03").as_figure()
    assert judge(aim, [whole, parts.as_figure()]).code is Reason.EXCLUSIONS_UNKNOWN
    verdict = judge(aim, [replace(whole, countable=parts.value), parts.as_figure()])
    assert verdict.outcome is NOT_MET
    assert (verdict.split.total, verdict.split.excluded, verdict.split.countable) == (101, 86, 15)


@pytest.mark.parametrize(
    ("target", "outcome", "code"),
    [
        ("t-rtt-65w-eliminate", NOT_MET, Reason.MISSES),
        ("t-rtt-65w-cohort-clear", NOT_MET, Reason.MISSES),
        ("t-rtt-104w-zero", UNKNOWN, Reason.NO_FIGURE),
        ("t-rtt-validation-national", UNKNOWN, Reason.NO_FIGURE),
        ("t-dx-6w", NOT_MET, Reason.MISSES),
        ("t-pacs-training", NOT_MET, Reason.MISSES),
        ("t-ae-4h-national", NOT_MET, Reason.MISSES),
        ("t-pifu", UNKNOWN, Reason.NO_FIGURE),
        ("t-ct-routine-28d", UNKNOWN, Reason.NO_FIGURE),
        ("t-fallow-theatres-reduce", UNKNOWN, Reason.PROVIDERS_UNKNOWN),
    ],
)
def test_the_edition_is_judged_as_far_as_it_can_be(edition: str, target: str, outcome: Outcome, code: Reason) -> None:
    verdict = verdict_of(target)
    assert (verdict.outcome, verdict.code) == (outcome, code)


@pytest.mark.parametrize(
    ("target", "value", "outcome"),
    [
        ("t-pifu", "5.0", NOT_MET),
        ("t-pifu", "5.1", MET),
        ("t-sa-pre-diversion", "21.0", NOT_MET),
        ("t-sa-post-diversion", "21.0", NOT_MET),
        ("t-sa-post-utilisation", "55.0", NOT_MET),
        ("t-ct-urgent-7d", "95.0", MET),
        ("t-mri-urgent-7d", "90.0", MET),
        ("t-mri-routine-28d", "94.9", NOT_MET),
    ],
)
def test_the_editions_limits_are_strict_where_it_says_so(edition: str, target: str, value: str, outcome: Outcome) -> None:
    aim = Target.objects.get(key=target).as_goal()
    assert judge(aim, [figure(value, organisation="cm-system")]).outcome is outcome


def test_every_target_of_the_edition_gets_an_answer(edition: str) -> None:
    counts = dict.fromkeys(Outcome, 0)
    for key in Target.objects.values_list("key", flat=True):
        counts[verdict_of(key).outcome] += 1
    assert counts == {MET: 0, NOT_MET: 5, UNKNOWN: 33}


# The database's short judgement.


def facts_to_compare() -> list[dict[str, Any]]:
    values = [Decimal("84.9"), Decimal(85), Decimal("85.1")]
    exact = [{"value": value, "qualifier": word} for value, word in product(values, [None, *Qualifier.values])]
    bounds = [{"bound_value": value, "bound_operator": word} for value, word in product(values, BOUNDS)]
    return [*exact, *bounds, {}]


def test_the_engine_and_the_database_agree_where_both_judge(make: Callable[..., Any]) -> None:
    metric, organisation = make(Metric), make(Target).organisation
    numbers: dict[str, Any] = {word: {"value": Decimal(85)} for word in Operator.values}
    numbers |= {"between": {"low": Decimal("84.95"), "high": Decimal(85)}, "eliminate": {"value": Decimal(0)}}
    aims = {word: make(Target, metric=metric, operator=word, **limits) for word, limits in numbers.items()}
    told = {"metric": metric, "organisation": organisation, "scope_level": "system", "unit": "percent"}
    told |= {"period_type": "month_end_snapshot", "period_end_on": dt.date(2024, 3, 31), "value_status": "reported"}
    Observation.objects.bulk_create(
        Observation(key=f"{word}-{number}", target=aim, **told, **fact)
        for word, aim in aims.items()
        for number, fact in enumerate(facts_to_compare())
    )
    answers = {MET: True, NOT_MET: False, UNKNOWN: None}
    judged = Observation.objects.filter(metric=metric).with_computed().select_related("target__organisation", "organisation")
    both = [(row.meets_target, answers[judge_one(row.target.as_goal(), row.as_figure()).outcome], row) for row in judged]
    assert len(both) == len(aims) * len(facts_to_compare())
    assert [str(row) for short, full, row in both if None not in (short, full) and short is not full] == []
    unjudged = {row.qualifier for short, full, row in both if short is not None and full is None}
    assert unjudged == {Qualifier.APPROXIMATELY}, "the database takes “about 85” for 85; the engine asks how near that is"
    assert {full for short, full, _ in both if short is None} == {True, False, None}, "the engine judges more"


def test_a_change_carries_its_side() -> None:
    verdict = judge(goal("increase"), [figure("84", period=FEBRUARY), figure("89")])
    assert verdict.change is not None
    assert (verdict.change.side, verdict.change.amount, verdict.change.unit) == (Side.ABOVE, Decimal(5), "percentage_point")
