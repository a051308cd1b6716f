"""What each figure is set beside, whether or not it is the latest of its series."""

from typing import Any

import pytest

from cmast.models import Restriction
from metrics.models import Observation, Target

pytestmark = pytest.mark.either_database


def words_of(answer: Any, name: str) -> list[str]:
    return [each["words"] for each in answer["comparisons"] if each["comparator"] == name]


def test_a_figure_of_the_past_is_compared_with_what_was_before_it_and_not_after(
    metric: Any, report: Any, api: Any, make: Any
) -> None:
    figures = report([70, *[71] * 11, 74, 90])
    report([None] * 12 + [60], trust="REM")
    common = {"metric": metric, "unit": "percent", "scope_level": "each_provider"}
    make(Target, operator="gte", value=80, financial_year="2023/24", **common)
    answer = api("viewer").get(f"/api/v1/observations/{figures[12].key}/comparisons/").json()
    assert words_of(answer, "prior_period") == ["Up 3 percentage points since December 2023 (71%)."]
    assert words_of(answer, "same_period_last_year") == ["Up 4 percentage points since January 2023 (70%)."]
    assert [each["outcome"] for each in answer["targets"]] == ["not_met"]
    assert answer["ranking"]["words"] == "1 of 2." and answer["reason"] is None


def test_a_target_that_has_ended_still_judges_the_figures_of_its_time(edition: Any, api: Any) -> None:
    answer = api("viewer").get("/api/v1/observations/o-ae-4h-2024-03/comparisons/").json()
    assert [each["target"] for each in answer["targets"]] == ["t-ae-4h-national"]
    assert words_of(answer, "region") == ["1.2 percentage points above: 71.9% beside the region (70.7%)."]


def test_what_is_no_point_of_a_series_is_compared_with_nothing_and_says_so(metric: Any, report: Any, api: Any) -> None:
    (figure,) = report([70], review_state="withdrawn")
    answer = api("viewer").get(f"/api/v1/observations/{figure.key}/comparisons/").json()
    assert answer["comparisons"] == [] and answer["targets"] == [] and answer["ranking"] is None
    assert answer["reason"].startswith("It is no point of a series")


def test_a_figure_is_not_compared_with_what_is_hidden(metric: Any, report: Any, api: Any) -> None:
    before, figure = report([70, 72])
    Restriction.objects.create(record_type="observation", record_key=before.key, kind="embargoed")
    answer = api("viewer").get(f"/api/v1/observations/{figure.key}/comparisons/").json()
    assert "70" not in str(answer["comparisons"]) and answer["comparisons"][0]["side"] == "unknown"


def test_every_figure_of_the_edition_has_a_page_that_says_what_it_is_beside(edition: Any, sign_in: Any) -> None:
    desk = sign_in("pmo")
    for key in ("o-ae-4h-2024-03", "o-dx-6w-change", "o-cohort-65w-current", "o-theatre-capped-lhch-2024-03"):
        figure = Observation.objects.get(key=key)
        page = desk.get(f"/admin/metrics/observation/{figure.pk}/change/").content.decode()
        assert f"/admin/metrics/metric/{figure.metric_id}/charts/{figure.organisation.key}/" in page
        assert ("Beside others" in page) and ("no point of a series" in page) == (key == "o-dx-6w-change")
