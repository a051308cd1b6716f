"""Parts that do not come to their whole are found, where nothing is missing and nothing is vague."""

import datetime as dt
from typing import Any

import pytest

from cmast.dates import month_end
from cmast.models import Organisation
from cmast.trusts import Trusts
from metrics.figure_checks import outside_plausible_range
from metrics.models import Metric, Observation
from metrics.sum_checks import sums_against_wholes
from tests.factories import DAY, MONTH

pytestmark = pytest.mark.either_database


@pytest.fixture
def metric(edition: Any, make: Any) -> Any:
    return make(Metric, unit="patients", aggregation="system_total", breakdowns=["department_type"])


@pytest.fixture
def state(metric: Any) -> Any:
    """`state(value)`: a figure of April 2024, of the Countess where nothing else is said."""

    def stated(value: int, whose: str = "RJR", **more: Any) -> Observation:
        common = {"unit": "patients", "scope_level": "provider", "period_type": "month", "value_status": "reported"}
        days = {"period_start_on": MONTH, "period_end_on": month_end(DAY)}
        organisation = Organisation.objects.get(key=whose)
        return Observation.objects.create(metric=metric, organisation=organisation, value=value, **common | days | more)

    return stated


def part(member: str) -> dict[str, str]:
    return {"breakdown_dimension": "department_type", "breakdown_member": member}


@pytest.mark.parametrize(("second", "words"), [(40, []), (39, ["99 patients"]), (41, ["101 patients"])])
def test_parts_by_a_named_dimension_come_to_the_whole(second: int, words: list[str], state: Any) -> None:
    whole = state(100)
    state(60, **part("type_1"))
    state(second, **part("type_3"))
    found = list(sums_against_wholes())
    assert [item.computed for item in found] == words
    assert all(item.records[0] == ("observation", whole.key) and len(item.records) == 3 for item in found)


@pytest.mark.parametrize("more", [{"qualifier": "approximately"}, {"breakdown_dimension": "age"}])
def test_what_is_vague_or_of_another_dimension_is_no_finding(more: dict[str, str], state: Any) -> None:
    state(100)
    state(60, **part("type_1") | more)
    assert list(sums_against_wholes()) == []


def test_all_trusts_come_to_the_published_figure_of_the_system(state: Any) -> None:
    *most, last = Trusts(Organisation.objects.all()).on(DAY)
    state(130, "cm-system", scope_level="system")
    for trust in most:
        state(10, trust.key)
    assert list(sums_against_wholes()) == []
    state(10, last.key)
    (found,) = sums_against_wholes()
    assert found.what.endswith("all 12 trusts together come to 120 patients, not to the whole, 130 patients.")
    assert len(found.records) == 13


def test_before_two_trusts_became_one_there_were_13_to_come_to_the_whole(state: Any) -> None:
    then = {"period_start_on": dt.date(2023, 6, 1), "period_end_on": dt.date(2023, 6, 30)}
    state(140, "cm-system", scope_level="system", **then)
    for trust in Trusts(Organisation.objects.all()).on(then["period_end_on"]):
        state(10, trust.key, **then)
    state(20, "RBN", **then)  # said anew, and no part of the sum
    (found,) = sums_against_wholes()
    assert found.what.endswith("all 13 trusts together come to 130 patients, not to the whole, 140 patients.")


def test_a_figure_beyond_what_its_metric_can_be_is_found(metric: Any, state: Any) -> None:
    Metric.objects.filter(pk=metric.pk).update(highest=500)
    state(501)
    (found,) = outside_plausible_range()
    assert found.what.endswith("501 patients is printed, and the metric can be at most 500.")
