"""Computed columns of the desks for metrics."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from cmast.desk.columns import figure
from metrics.models import Metric, Observation, Target


@pytest.mark.parametrize(
    ("value", "unit", "qualifier", "words"),
    [
        (None, "percent", None, "–"),
        (Decimal("85.000000"), "percent", "exact", "85%"),
        (Decimal("32500000"), "gbp", None, "£32,500,000"),
        (Decimal("9"), "patients", "more_than", "more than 9 patients"),
        (Decimal("0.500000"), "percentage_point", None, "0.5 percentage points"),
        (Decimal("1"), "trusts", None, "1 trust"),
        (Decimal("8"), "percent", "approximately", "about 8%"),
        (Decimal("4"), "rank", None, "rank 4"),
        (Decimal("-1200"), "gbp", None, "-£1,200"),
        (Decimal("100"), None, None, "100"),
    ],
)
def test_a_figure_is_written_as_it_is_said(value: Decimal | None, unit: str | None, qualifier: str | None, words: str) -> None:
    assert figure(value, unit, qualifier) == words


def test_a_metric_shows_its_latest_figure(sign_in: Callable[[str], Client], make: Callable) -> None:
    metric = make(Metric, unit="percent")
    common = {"metric": metric, "unit": "percent", "period_start_on": None}
    make(Observation, value=4, period_end_on="2024-03-31", **common)
    make(Observation, value=5, period_end_on="2024-04-30", **common)
    page = sign_in("pmo").get(reverse("admin:metrics_metric_changelist"), {"q": metric.key}).content.decode()
    assert "5% (" in page
    assert "30 Apr 2024" in page


def test_whether_a_target_is_met_is_a_filter_with_an_unknown_in_between(edition: str, sign_in: Callable[[str], Client]) -> None:
    client, url = sign_in("pmo"), reverse("admin:metrics_observation_changelist")
    for answer, judgement in (("yes", True), ("no", False)):
        found = client.get(url, {"meets_target": answer}).context["cl"]
        assert found.result_count == Observation.objects.meets_target(judgement).count()


def test_a_target_says_its_comparison_and_time_limit(sign_in: Callable[[str], Client], make: Callable) -> None:
    target = make(Target, operator="gte", value=95, unit="percent", within_amount=10, within_unit="working_days")
    page = sign_in("pmo").get(reverse("admin:metrics_target_changelist"), {"q": target.key}).content.decode()
    assert "At least 95% within 10 working days" in page
