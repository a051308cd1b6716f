"""What may be added of the money of savings schemes, and what a total says."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import outlook, savings
from metrics.figures import Side
from metrics.outlook import Month, against, year_to_date
from metrics.savings import Kind, Money, Total, Unlike, as_total, pounds, total

pytestmark = pytest.mark.either_database

KIND = Kind(basis="forecast_outturn", effect="in_year_effect", windfall="excluding_windfall", year="2024/25")
#: Another value of each part of a kind -> the code of the refusal.
OTHERS: dict[str, tuple[Any, str]] = {
    "effect": ("full_year_effect", "effect"),
    "windfall": ("including_windfall", "windfall"),
    "basis": ("ytd_actual", "basis"),
    "year": ("2023/24", "year"),
    "horizon": ("10 years", "horizon"),
    "unit": ("percent", "unit"),
    "scope": ("provider", "scope"),
}
QUALIFIERS = st.sampled_from(["exact", "approximately", "more_than", "at_least", "less_than", "up_to"])
PENNIES = st.integers(min_value=-(10**13), max_value=10**13).map(lambda pennies: Decimal(pennies) / 100)


def money(value: Any, scheme: str = "one", kind: Kind = KIND, **more: Any) -> Money:
    return Money(kind=kind, scheme=scheme, value=None if value is None else Decimal(str(value)), **more)


@st.composite
def like_lines(draw: Any) -> list[Money]:
    """Figures of one kind, of different schemes; some are not stated."""
    values = draw(st.lists(st.tuples(st.none() | PENNIES, QUALIFIERS), min_size=1, max_size=12))
    return [Money(kind=KIND, scheme=f"s{n}", value=value, qualifier=qualifier) for n, (value, qualifier) in enumerate(values)]


def in_groups(lines: list[Money], ends: list[int]) -> Total:
    """Added group by group: the groups end where `ends` says."""
    cuts = [0, *sorted({end % (len(lines) + 1) for end in ends}), len(lines)]
    groups = [lines[start:end] for start, end in pairwise(cuts) if start < end]
    found = total(groups[0])
    for group in groups[1:]:
        found = savings.add(found, total(group))
    return found


@given(like_lines(), st.randoms(use_true_random=False), st.lists(st.integers(0, 12), max_size=4))
def test_neither_order_nor_grouping_changes_a_total_by_a_penny(lines: list[Money], chance: Any, ends: list[int]) -> None:
    shuffled = list(lines)
    chance.shuffle(shuffled)
    assert in_groups(shuffled, ends) == total(lines)
    assert total(lines).value == sum((line.value for line in lines if line.value is not None), Decimal(0))


@given(
    like_lines(), st.sampled_from(sorted(OTHERS)), st.randoms(use_true_random=False), st.lists(st.integers(0, 12), max_size=4)
)
def test_one_unlike_figure_is_refused_in_any_order_and_grouping(
    lines: list[Money], part: str, chance: Any, ends: list[int]
) -> None:
    value, code = OTHERS[part]
    stranger = Money(kind=replace(KIND, **{part: value}), scheme="other", value=Decimal(1))
    mixed = [*lines, stranger]
    chance.shuffle(mixed)
    with pytest.raises(Unlike) as refused:
        in_groups(mixed, ends)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"effect": "in_year_effect"}, {"effect": "full_year_effect"}, "“full-year effect” and “in-year effect”"),
        ({"effect": "in_year_effect"}, {"effect": "not_stated"}, "“effect not stated” and “in-year effect”"),
        ({"windfall": "including_windfall"}, {}, "“with windfall” and “without windfall”"),
        ({"windfall": None}, {}, "“windfall not stated” and “without windfall”"),
        ({"basis": "ytd_actual", "as_at": dt.date(2024, 4, 30)}, {}, "“forecast out-turn” and “year to date”"),
        ({"year": "2023/24"}, {}, "a figure of 2023/24 and a figure of 2024/25"),
        ({"year": None}, {}, "a figure of 2024/25 and a figure whose year is not stated"),
        ({"horizon": "10 years"}, {}, "a figure of one year and a total over 10 years"),
        ({"unit": "percent"}, {}, "a figure in percent and a figure in pounds"),
        (
            {"basis": "ytd_actual", "as_at": dt.date(2024, 4, 30)},
            {"basis": "ytd_actual", "as_at": dt.date(2024, 5, 31)},
            "a figure as at 30 April 2024 and a figure as at 31 May 2024",
        ),
    ],
)
def test_unlike_figures_are_refused_with_the_reason_in_words(one: Any, other: Any, words: str) -> None:
    lines = [money(1, "one", replace(KIND, **one)), money(2, "two", replace(KIND, **other))]
    for ordered in permutations(lines):
        with pytest.raises(Unlike) as refused:
            total(ordered)
        assert f"Not added: {words}." in refused.value.message


def test_what_nobody_has_stated_is_not_even_like_itself() -> None:
    for kind, code in ((replace(KIND, year=None), "year_unknown"), (replace(KIND, basis="ytd_actual"), "as_at_unknown")):
        with pytest.raises(Unlike) as refused:
            total([money(1, "one", kind), money(2, "two", kind)])
        assert refused.value.code == code


def test_shares_make_no_sum() -> None:
    kind = replace(KIND, unit="percent")
    with pytest.raises(Unlike) as refused:
        total([money(1, "one", kind), money(2, "two", kind)])
    assert refused.value.code == "not_addable"


def test_two_figures_of_one_scheme_are_not_both_counted() -> None:
    with pytest.raises(Unlike) as refused:
        total([money(1), money(2)])
    assert refused.value.code == "twice"
    assert total([money(1, owner="RBN"), money(2, owner="RBQ")]).value == 3


def test_what_no_windfall_can_be_in_goes_with_either_and_never_joins_the_two() -> None:
    without = money(16, "core")
    plain = money(1, "plain", replace(KIND, windfall="not_applicable"))
    including = money(18, "all", replace(KIND, windfall="including_windfall"))
    assert total([plain, without]).kind == total([without, plain]).kind == KIND
    assert total([plain, including]).kind.windfall == "including_windfall"
    for ordered in permutations([plain, without, including]):
        with pytest.raises(Unlike):
            total(ordered)


@pytest.mark.parametrize(
    ("qualifiers", "expected", "words"),
    [
        (["exact", "exact"], "exact", "£2m"),
        (["approximately", "exact"], "approximately", "about £2m"),
        (["at_least", "exact"], "at_least", "at least £2m"),
        (["at_least", "more_than"], "more_than", "more than £2m"),
        (["up_to", "less_than"], "less_than", "less than £2m"),
        (["at_least", "approximately"], "at_least", "at least about £2m"),
        (["at_least", "up_to"], None, "£2m, of which some is at least and some at most so much"),
    ],
)
def test_a_total_is_as_exact_as_its_parts(qualifiers: list[str], expected: str | None, words: str) -> None:
    lines = [money(1_000_000, str(n), qualifier=qualifier) for n, qualifier in enumerate(qualifiers)]
    assert total(lines).qualifier == expected
    assert total(lines).words == words


def test_a_total_over_a_scheme_without_a_figure_says_so_and_is_a_least() -> None:
    found = total([money(3_900_000, "one"), money(None, "two")], schemes=4)
    assert (found.words, found.qualifier, found.is_complete) == ("at least £3.9m (1 of 4 schemes)", "at_least", False)
    assert total([money(None)]).words == "no figure of any of 1 schemes"


TARGET = Money(kind=Kind(basis="target", year="2024/25"), scheme="whole", value=Decimal(17_000_000))


@pytest.mark.parametrize(
    ("value", "qualifier", "side", "words"),
    [
        (16_000_000, "approximately", Side.BELOW, "about £16m against £17m: below by about £1m"),
        (18_000_000, "approximately", Side.ABOVE, "about £18m against £17m: above by about £1m"),
        (17_000_000, "exact", Side.SAME, "£17m against £17m: as much"),
        (17_000_000, "approximately", Side.UNKNOWN, "about £17m against £17m: not known"),
        (16_000_000, "at_least", Side.UNKNOWN, "at least £16m against £17m: not known"),
        (16_000_000, "up_to", Side.BELOW, "up to £16m against £17m: below"),
    ],
)
def test_a_total_stands_to_a_target_as_far_as_it_is_known(value: int, qualifier: str, side: Side, words: str) -> None:
    standing = against(TARGET, total([money(value, qualifier=qualifier)]))
    assert standing and (standing.side, standing.words) == (side, words)


def test_a_target_of_another_year_effect_or_time_is_no_target_of_it() -> None:
    for other in (replace(KIND, year="2023/24"), replace(KIND, horizon="10 years"), replace(KIND, unit="percent")):
        assert against(TARGET, as_total(money(1, kind=other))) is None
    full = replace(TARGET, kind=replace(TARGET.kind, effect="full_year_effect"))
    assert against(full, as_total(money(1))) is None


def test_what_no_scheme_names_is_unallocated_and_nothing_is_forced() -> None:
    aim = replace(TARGET, value=Decimal(32_500_000))
    assert outlook.gap_words(aim, total([money(3_900_000)], 3)) == "At most £28.6m of £32.5m is unallocated."
    assert outlook.gap_words(aim, total([money(3_900_000)])) == "£28.6m of £32.5m is unallocated."
    assert outlook.gap_words(aim, total([money(None)])) == "No scheme has such a figure: all of £32.5m is unallocated."
    assert outlook.gap_words(aim, total([money(40_000_000, qualifier="up_to")])).endswith("is not known.")


def test_the_run_rate_is_what_each_remaining_month_must_bring() -> None:
    kind = replace(KIND, basis="ytd_actual", as_at=dt.date(2025, 1, 31))
    rate = outlook.run_rate(TARGET, total([money(10_000_000, kind=kind)]), dt.date(2025, 3, 31))
    assert rate and (rate.months, rate.per_month) == (Decimal(2), Decimal(3_500_000))
    assert rate.words == "£3.5m a month is needed over 2 months to reach £17m."
    over = replace(kind, as_at=dt.date(2025, 3, 31))
    rate = outlook.run_rate(TARGET, total([money(10_000_000, kind=over)]), dt.date(2025, 3, 31))
    assert rate and (rate.per_month, rate.words) == (None, "The year is over: £7m was not found.")
    assert outlook.run_rate(TARGET, total([money(1)]), dt.date(2025, 3, 31)) is None


def test_a_weighted_forecast_leaves_out_and_names_what_has_no_weight() -> None:
    lines = [money(1_000_000, "sure"), money(2_000_000, "risky"), money(5_000_000, "new", title="New schemes")]
    found = outlook.weighted(lines, {"sure": Decimal(90), "risky": Decimal(25)})
    assert (found.value, found.counted, found.left_out) == (Decimal(1_400_000), ("sure", "risky"), ("new",))
    assert found.words.endswith("Left out, for want of a weight or a figure: New schemes.")
    assert outlook.weighted(lines, {}).value is None


@given(st.lists(st.none() | PENNIES, min_size=12, max_size=12), st.integers(1, 12), st.randoms(use_true_random=False))
def test_a_year_to_date_is_the_sum_of_its_months_whatever_their_order(values: Any, count: int, chance: Any) -> None:
    days = [dt.date(2024 + (3 + n) // 12, (3 + n) % 12 + 1, 1) for n in range(12)]
    months = [Month(on=day, actual=value) for day, value in zip(days, values, strict=True)]
    chance.shuffle(months)
    wanted = [value for value in values[:count] if value is not None]
    found = year_to_date(months, "2024/25", outlook.month_end(days[count - 1]))
    if not wanted:
        assert found is None
        return
    assert found and found.value == sum(wanted)
    assert (found.qualifier, len(found.missing)) == ("exact" if len(wanted) == count else "at_least", count - len(wanted))


def test_a_year_to_date_ends_with_the_last_month_that_has_an_actual_and_takes_none_of_another_year() -> None:
    months = [Month(on=dt.date(2024, 3, 1), actual=Decimal(9)), Month(on=dt.date(2024, 4, 1), actual=Decimal(1))]
    months += [Month(on=dt.date(2024, 5, 1), actual=Decimal(2)), Month(on=dt.date(2024, 6, 1), planned=Decimal(3))]
    found = year_to_date(months, "2024/25")
    assert found and (found.value, found.as_at) == (Decimal(3), dt.date(2024, 5, 31))


@pytest.mark.parametrize(
    ("value", "words"),
    [("16000000", "£16m"), ("1380000", "£1.38m"), ("450000", "£450,000"), ("1234567.89", "£1,234,567.89"), ("0", "£0")],
)
def test_pounds_are_said_short_only_where_nothing_is_lost(value: str, words: str) -> None:
    assert pounds(Decimal(value)) == words
