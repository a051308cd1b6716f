"""A metric of an organisation through time, over the API and at the desk."""

from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cmast.history.context import changing
from cmast.models import Organisation, Restriction
from metrics.models import Metric, Observation, Rebase, SeriesSetting, Target
from metrics.spc import analyse
from tests.cmast.test_history import moment
from tests.metrics.conftest import last_day

pytestmark = pytest.mark.either_database

VALUES = [70, 71, 69, 70, 72, 68, 70, 71, 69, 70, 71, 69, 70, 90, 70]


def test_a_series_is_analysed_as_the_engine_does(metric: Any, report: Any, api: Any) -> None:
    figures = report(VALUES)
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/").json()
    expected = analyse([last_day(n) for n in range(len(VALUES))], VALUES).as_dict()
    assert answer["analysis"] == expected | {"points": expected["points"], "suitability": expected["suitability"]}
    assert answer["analysis"]["points"]["special_cause_type"][13] == "Above UCL"
    assert answer["observations"] == [figure.key for figure in figures]
    assert answer["period_type"] == "month" and answer["unit"] == "percent"


def test_a_month_without_a_figure_is_a_gap_and_not_zero(metric: Any, report: Any, api: Any) -> None:
    report([70, 71, None, 69, 70, 72, 68, 70, 71])
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/").json()
    assert answer["analysis"]["points"]["value"][2] is None and answer["observations"][2] is None
    assert answer["analysis"]["points"]["date"][2] == "2023-03-31"


def test_a_revision_takes_the_place_of_what_it_corrects_and_the_past_knows_both(metric: Any, report: Any, api: Any) -> None:
    first, client = report(VALUES)[-1], api("viewer")
    before = moment()
    copied = ["metric", "organisation", "scope_level", "unit", "period_type", "value_status"]
    copied += ["period_start_on", "period_end_on"]
    with changing(reason="Late returns"):
        Observation.objects.create(**{n: getattr(first, n) for n in copied}, value=75, revision=2, supersedes=first)
    now = client.get(f"/api/v1/series/{metric.key}/RBN/").json()
    then = client.get(f"/api/v1/series/{metric.key}/RBN/?as_of={before}").json()
    assert now["analysis"]["points"]["value"][-1] == 75 and then["analysis"]["points"]["value"][-1] == 70


@pytest.mark.parametrize(
    "more",
    [
        {"breakdown_dimension": "breach_reason", "breakdown_member": "capacity"},
        {"comparison": "above_plan"},
        {"value_status": "forecast"},
        {"review_state": "withdrawn"},
    ],
)
def test_what_is_no_level_is_no_point(more: dict[str, Any], metric: Any, report: Any, api: Any) -> None:
    report([70, 71])
    report([1, 2, 3], **more)
    assert api("viewer").get(f"/api/v1/series/{metric.key}/RBN/").json()["analysis"]["points"]["value"] == [70, 71]


def test_a_part_has_a_series_of_its_own_without_the_targets_of_the_whole(
    metric: Any, report: Any, api: Any, sign_in: Any, make: Any
) -> None:
    make(Target, metric=metric, operator="gte", value=75, unit="percent", scope_level="each_provider", financial_year=None)
    report([70, 71])
    report([30, 31, 32], breakdown_dimension="department_type", breakdown_member="type_1")
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/?part=type_1").json()
    assert answer["analysis"]["points"]["value"] == [30, 31, 32] and answer["targets"] == [] and answer["part"] == "type_1"
    assert "1 percentage point" in answer["comparisons"][0]["words"]
    assert api("viewer").get(f"/api/v1/series/{metric.key}/RBN/?part=type_9").json()["analysis"]["points"]["value"] == []
    page = sign_in("pmo").get(f"/admin/metrics/metric/{metric.pk}/charts/?part=type_1").content.decode()
    assert "32%" in page and "RBN/?part=type_1" in page


def test_a_decision_to_begin_anew_is_told_with_its_reason(metric: Any, report: Any, api: Any, make: Any) -> None:
    report([*VALUES, *(value + 10 for value in VALUES)])
    make(Rebase, metric=metric, starts_on="2024-04-10", reason="Second theatre opened")
    make(Rebase, metric=metric, organisation=Organisation.objects.get(key="REM"), starts_on="2023-06-30")
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/").json()
    assert [rebase["reason"] for rebase in answer["rebases"]] == ["Second theatre opened"]
    assert answer["analysis"]["points"]["rebase_group"] == [0] * 15 + [1] * 15


def test_an_organisations_own_setting_goes_before_that_of_all(metric: Any, report: Any, api: Any, make: Any) -> None:
    report([*VALUES, 95, 96])
    for_all = make(SeriesSetting, metric=metric, is_screened=True, fix_after_n_points=12)
    own = make(SeriesSetting, metric=metric, organisation=Organisation.objects.get(key="RBN"))
    client = api("viewer")
    assert client.get(f"/api/v1/series/{metric.key}/RBN/").json()["setting"] == own.key
    report(VALUES, trust="REM")
    assert client.get(f"/api/v1/series/{metric.key}/REM/").json()["setting"] == for_all.key


def test_the_85_percent_of_each_trust_is_a_count_beside_the_systems_76(edition: Any, api: Any) -> None:
    answer = api("viewer").get("/api/v1/series/theatre-utilisation-capped/cm-system/").json()
    (verdict,) = [each for each in answer["targets"] if each["target"] == "t-theatre-capped-85"]
    assert verdict["outcome"] == "cannot_be_judged" and verdict["words"] == (
        "Cannot be judged: 1 of 12 met, 11 without data; at least 85% is the target of each trust. Beside it, the system's own "
        "figure is 76%. “At least” is our reading of the source."
    )
    assert answer["analysis"]["suitability"]["reason"].startswith("There is only 1 value")


def test_a_trust_that_is_known_only_to_comply_complies(edition: Any, api: Any) -> None:
    answer = api("viewer").get("/api/v1/series/theatre-utilisation-capped/RBQ/").json()
    assert [each["outcome"] for each in answer["targets"]] == ["met"]
    assert answer["analysis"]["points"]["value"] == [None]


def test_a_years_last_figure_is_judged_by_that_years_target_unless_another_day_is_asked_for(
    make: Any, metric: Any, report: Any, api: Any, sign_in: Any
) -> None:
    report([70] * 15)
    common = {"metric": metric, "operator": "gte", "unit": "percent", "scope_level": "each_provider"}
    old = make(Target, **common, value=69, financial_year="2023/24")
    new = make(Target, **common, value=75, financial_year="2024/25", supersedes=old)
    client = api("viewer")

    def judged(path: str) -> list[tuple[str, str]]:
        return [(each["target"], each["outcome"]) for each in client.get(path).json()["targets"]]

    series = f"/api/v1/series/{metric.key}/RBN/"
    assert judged(series) == [(old.key, "met")]
    assert judged(f"{series}?on=2024-05-03") == [(new.key, "not_met")]
    assert judged(f"{series}?on=2026-05-03") == []
    for query, outcome in (("", "met"), ("?period=2023-01", "met"), ("?on=2024-05-03", "not_met")):
        places = client.get(f"/api/v1/metrics/{metric.key}/league/{query}").json()["places"]
        assert [each["outcome"] for each in places[0]["targets"]] == [outcome]
    page = sign_in("pmo").get(f"/admin/metrics/metric/{metric.pk}/charts/").content.decode()
    assert "Met: 70% against a target of at least 69%." in page


def test_trusts_are_ranked_and_compared_by_points(metric: Any, report: Any, api: Any) -> None:
    report([70, 72])
    report([60, 61], trust="REM")
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/").json()
    assert answer["ranking"] == {"place": 1, "of": 2, "tied_with": [], "words": "1 of 2."}
    (previous,) = [each for each in answer["comparisons"] if each["comparator"] == "prior_period"]
    assert previous["is_better"] is True and "2 percentage points" in previous["words"]


def test_a_hidden_figure_is_no_point_and_a_hidden_metric_has_no_series(metric: Any, report: Any, api: Any) -> None:
    figures = report([70, 71, 72])
    client = api("viewer")
    Restriction.objects.create(record_type="observation", record_key=figures[1].key, kind="embargoed")
    assert client.get(f"/api/v1/series/{metric.key}/RBN/").json()["analysis"]["points"]["value"] == [70, None, 72]
    Restriction.objects.create(record_type="metric", record_key=metric.key, kind="commercial")
    hidden = client.get(f"/api/v1/series/{metric.key}/RBN/")
    missing = client.get("/api/v1/series/no-such-metric/RBN/")
    assert hidden.status_code == missing.status_code == 404 and hidden.json()["detail"] == missing.json()["detail"]


def test_a_series_without_figures_is_empty_and_not_missing(metric: Any, api: Any) -> None:
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/").json()
    assert answer["analysis"]["points"]["value"] == [] and answer["targets"] == [] and answer["ranking"] is None
    assert api("viewer").get(f"/api/v1/series/{metric.key}/NOBODY/").status_code == 404


def test_an_unknown_parameter_is_refused(metric: Any, api: Any) -> None:
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/?from=2024")
    assert answer.status_code == 400 and answer.json()["errors"][0]["parameter"] == "from"


def test_a_chart_is_a_picture_with_a_description(metric: Any, report: Any, api: Any) -> None:
    report(VALUES)
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/chart.svg")
    picture = ElementTree.fromstring(answer.content)
    assert answer["Content-Type"] == "image/svg+xml" and picture.tag.endswith("svg")
    (description,) = [element.text for element in picture if element.tag.endswith("desc")]
    assert "Mar 2024" in str(description)


def test_a_series_takes_the_same_statements_however_long_it_is(metric: Any, report: Any, api: Any) -> None:
    client = api("viewer")

    def statements() -> int:
        client.get(f"/api/v1/series/{metric.key}/RBN/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/api/v1/series/{metric.key}/RBN/").status_code == 200
        return len(queries)

    report([70, 71])
    few = statements()
    for trust in ("REM", "RBT", "RJR"):
        report(VALUES, trust=trust)
    assert statements() == few


# --- Side by side -----------------------------------------------------------------------------------------------------


def test_a_league_ranks_the_trusts_and_names_those_without_data(metric: Any, report: Any, api: Any, make: Any) -> None:
    make(Target, metric=metric, operator="gte", value=75, unit="percent", scope_level="each_provider", financial_year=None)
    for trust, value in (("RBN", 70), ("REM", 80), ("RJR", 80)):
        report([value], trust=trust)
    answer = api("viewer").get(f"/api/v1/metrics/{metric.key}/league/?period=2023-01").json()
    rows = [(row["organisation"], row["place"], row["value"]) for row in answer["places"]]
    assert rows[:3] == [("RJR", 1, "80"), ("REM", 1, "80"), ("RBN", 3, "70")]
    assert len(rows) == 12 and set(rows[3:]) == {(trust, None, None) for trust, *_ in rows[3:]}
    assert [row["targets"][0]["outcome"] for row in answer["places"][:3]] == ["met", "met", "not_met"]
    assert answer["period_end_on"] == "2023-01-31"


def test_a_league_is_of_the_trusts_that_there_were(metric: Any, report: Any, api: Any) -> None:
    for trust, value in (("RVY", 70), ("st-helens-and-knowsley", 80), ("RJR", 90), ("RX7", 60)):
        report([value], trust=trust)
    client = api("viewer")
    places = client.get(f"/api/v1/metrics/{metric.key}/league/?period=2023-01").json()["places"]
    ranked = [(row["organisation"], row["words"]) for row in places if row["value"]]
    assert ranked == [("RJR", "1 of 3."), ("st-helens-and-knowsley", "2 of 3."), ("RVY", "3 of 3.")]
    assert len(places) == 13 and "RBN" not in {row["organisation"] for row in places}
    series = [client.get(f"/api/v1/series/{metric.key}/{trust}/").json()["ranking"] for trust in ("RVY", "RX7")]
    assert series[0]["words"] == "3 of 3." and series[1] is None


def test_a_league_is_of_the_latest_month_unless_asked(metric: Any, report: Any, api: Any) -> None:
    report([70, 71])
    client = api("viewer")
    assert client.get(f"/api/v1/metrics/{metric.key}/league/").json()["period_end_on"] == "2023-02-28"
    empty = client.get(f"/api/v1/metrics/{metric.key}/league/?period=2020-01").json()
    assert {row["place"] for row in empty["places"]} == {None}
    wrong = client.get(f"/api/v1/metrics/{metric.key}/league/?period=March")
    assert wrong.status_code == 400 and wrong.json()["errors"][0]["parameter"] == "period"


def test_the_trusts_are_compared_on_a_part_where_only_parts_are_reported(
    metric: Any, report: Any, api: Any, sign_in: Any, make: Any
) -> None:
    make(Target, metric=metric, operator="gte", value=75, unit="percent", scope_level="each_provider", financial_year=None)
    for trust, value in (("RBN", 70), ("REM", 80)):
        report([value], trust=trust, breakdown_dimension="department_type", breakdown_member="type_1")
    client, address = api("viewer"), f"/api/v1/metrics/{metric.key}/league"
    answer = client.get(f"{address}/?part=type_1").json()
    rows = [(row["organisation"], row["place"], row["value"], row["targets"]) for row in answer["places"]]
    assert rows[:2] == [("REM", 1, "80", []), ("RBN", 2, "70", [])] and answer["part"] == "type_1"
    assert {row["value"] for row in client.get(f"{address}/").json()["places"]} == {None}
    assert f"{metric.name}, type 1, January 2023" in client.get(f"{address}.svg?part=type_1").content.decode()
    page = sign_in("pmo").get(f"/admin/metrics/metric/{metric.pk}/charts/?part=type_1").content.decode()
    assert "The trusts in the latest month" in page


def test_a_league_is_drawn_with_no_data_in_words(metric: Any, report: Any, api: Any) -> None:
    report([70])
    picture = api("viewer").get(f"/api/v1/metrics/{metric.key}/league.svg").content.decode()
    assert picture.count("No data") >= 11


def test_a_league_draws_what_is_known_of_a_figure_that_has_no_number(edition: Any, api: Any) -> None:
    picture = api("viewer").get("/api/v1/metrics/theatre-utilisation-capped/league.svg").content.decode()
    assert ">at least 85%<" in picture and "Liverpool Heart and Chest: at least 85%" in picture


def test_charts_say_what_is_known_of_a_series_without_a_number(edition: Any, api: Any) -> None:
    client = api("viewer")
    beside = client.get("/api/v1/metrics/theatre-utilisation-capped/series.svg").content.decode()
    alone = client.get("/api/v1/series/theatre-utilisation-capped/RBQ/chart.svg").content.decode()
    assert ">at least 85%, Mar 2024<" in beside and "LHCH: at least 85%, Mar 2024." in beside
    assert ">at least 85%, Mar 2024<" in alone and "o data" not in alone + beside


def test_the_series_of_a_metric_are_drawn_side_by_side_for_whoever_may_see_them(metric: Any, report: Any, api: Any) -> None:
    for trust in ("RBN", "REM"):
        report([70, 71, 69, 72, 70, 71, 70, 69], trust)
    path = f"/api/v1/metrics/{metric.key}/series.svg"
    answered = api("viewer").get(path)
    assert answered["Content-Type"] == "image/svg+xml"
    names = Organisation.objects.filter(key__in=["RBN", "REM"])
    assert all(str(one.abbreviation or one.short_name) in answered.content.decode() for one in names)
    assert "No data" in api("viewer").get(f"{path}?part=none").content.decode()
    assert api("viewer").get(f"{path}?period=2024-03").status_code == 400
    Restriction.objects.create(record_type="metric", record_key=metric.key, kind="embargoed")
    assert api("viewer").get(path).status_code == 404


def test_a_scorecard_shows_every_metric_of_a_programme(edition: Any, api: Any) -> None:
    results = api("viewer").get("/api/v1/metrics/scorecard/?programme=elective-recovery-transformation").json()["results"]
    by_metric = {row["metric"]: row for row in results}
    assert len(results) == Metric.objects.filter(programme__key="elective-recovery-transformation").count()
    assert by_metric["theatre-utilisation-capped"]["figure"] == "76%"
    assert any(row["figure"] is None and row["targets"] == [] for row in results)
    assert api("viewer").get("/api/v1/metrics/scorecard/?programme=nothing").json() == {"results": []}


def test_a_scorecard_takes_the_same_statements_however_many_metrics_there_are(edition: Any, api: Any, make: Any) -> None:
    client = api("viewer")

    def statements(query: str) -> int:
        client.get(f"/api/v1/metrics/scorecard/{query}")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/api/v1/metrics/scorecard/{query}")
        return len(queries)

    assert statements("?programme=uec") == statements("?programme=elective-recovery-transformation")


# --- A series of one's own --------------------------------------------------------------------------------------------


def test_a_series_that_a_caller_sends_is_analysed(edition: Any, api: Any) -> None:
    dates = [last_day(n).isoformat() for n in range(len(VALUES))]
    options = {"improvement_direction": "decrease", "target": 65}
    answer = api("programme_manager").post("/api/v1/spc/", {"dates": dates, "values": VALUES, "options": options})
    expected = analyse([last_day(n) for n in range(len(VALUES))], VALUES, improvement_direction="decrease", target=65)
    assert answer.status_code == 200 and answer.json() == expected.as_dict()


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"dates": ["2024-01-31"], "values": []}, "/values", "There are 1 dates but 0 values."),
        ({"dates": ["2024-01-31", "2024-01-31"], "values": [1, 2]}, "/dates", "Points 1 and 2 have the same date"),
        ({"dates": ["2024-01-31"], "values": ["much"]}, "/values/0", "A valid number is required."),
        (
            {"dates": ["2024-01-31"], "values": [1], "options": {"rebase": ["soon"]}},
            "/options/rebase/0",
            "Date has wrong",
        ),
        ({"dates": ["2024-01-31"], "values": [1], "options": {"colour": "red"}}, "/options/colour", "There is no such field."),
        (
            {"dates": ["2024-01-31"], "values": [1], "options": {"fix_after_n_points": 3}},
            "/options/fix_after_n_points",
            "greater than or equal to 12",
        ),
    ],
)
def test_what_is_wrong_with_a_sent_series_is_said_with_its_place(
    body: dict[str, Any], pointer: str, words: str, edition: Any, api: Any
) -> None:
    answer = api("viewer").post("/api/v1/spc/", body)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer and words in error["detail"]


# --- The desk ---------------------------------------------------------------------------------------------------------


def test_the_desk_shows_all_series_of_a_metric_and_each_by_itself(metric: Any, report: Any, sign_in: Any) -> None:
    report(VALUES)
    report(VALUES[:6], trust="REM")
    desk = sign_in("pmo")
    page = desk.get(f"/admin/metrics/metric/{metric.pk}/charts/").content.decode()
    assert page.count("<desc") == 6 and "Liverpool University Hospitals" in page
    assert "The trusts in the latest month" in page and page.count("No data") >= 10
    page = desk.get(f"/admin/metrics/metric/{metric.pk}/charts/RBN/").content.decode()
    assert "Above the upper limit" in page and "90%" in page
    whose = Organisation.objects.get(key="RBN").pk
    for decision in ("rebase", "seriessetting"):
        assert f"/admin/metrics/{decision}/add/?metric={metric.pk}&amp;organisation={whose}" in page
    page = desk.get(f"/admin/metrics/metric/{metric.pk}/charts/REM/").content.decode()
    assert "No XmR chart: There are only 6 values" in page


def test_the_desk_has_no_page_for_what_there_is_not(metric: Any, sign_in: Any) -> None:
    desk = sign_in("pmo")
    assert "Nobody has reported" in desk.get(f"/admin/metrics/metric/{metric.pk}/charts/").content.decode()
    assert desk.get(f"/admin/metrics/metric/{metric.pk}/charts/NOBODY/").status_code == 404
    assert desk.get("/admin/metrics/metric/0/charts/").status_code == 404
    assert sign_in("viewer").get(f"/admin/metrics/metric/{metric.pk}/charts/").status_code == 302


def test_settings_that_are_the_usual_ones_are_refused(metric: Any, api: Any) -> None:
    body = {"metric": metric.key, "reason": "Just so"}
    answer = api("pmo").post("/api/v1/series-settings/", body)
    assert answer.status_code == 400 and "usual settings" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("query", ["", "?on=2024-05-01"])
def test_charts_are_pictures_too_with_the_same_parameters(query: str, metric: Any, report: Any, api: Any) -> None:
    report(VALUES)
    client = api("viewer")
    for path in (f"/api/v1/series/{metric.key}/RBN/chart", f"/api/v1/metrics/{metric.key}/league"):
        drawn, picture = client.get(f"{path}.svg{query}"), client.get(f"{path}.png{query}")
        assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
        assert picture.content.startswith(b"\x89PNG\r\n") and len(picture.content) > 5000
        cached = ("Cache-Control", "Vary", "ETag")
        assert [picture.get(name) for name in cached] == [drawn.get(name) for name in cached]
        assert client.get(f"{path}.png?colour=red").status_code == 400


# --- Against the plan -------------------------------------------------------------------------------------------------


def test_a_cohort_says_how_fast_it_must_be_cleared(edition: Any, api: Any) -> None:
    rate = api("viewer").get("/api/v1/series/rtt-65w-breach-cohort/cm-system/").json()["run_rate"]
    assert (rate["cohort"], rate["course"], rate["horizon_on"]) == ("cohort-65w-2024-09", "to_clear", "2024-09-30")
    assert (rate["to_clear"], rate["per_month"]) == ("48872", "9774.4")
    assert rate["words"].startswith("48,872 patients left, 48,872 to clear by 30 September 2024")


def test_what_is_planned_is_a_chart_with_its_description(
    edition: Any, api: Any, metric: Any, report: Any, sign_in: Any
) -> None:
    answer = api("viewer").get("/api/v1/series/rtt-65w-breach-cohort/cm-system/burn-down.svg")
    said = "".join(ElementTree.fromstring(answer.content).itertext())
    assert answer.headers["Content-Type"] == "image/svg+xml" and "Goal: 0 patients by Sep 2024." in said
    pk = Metric.objects.get(key="rtt-65w-breach-cohort").pk
    page = sign_in("pmo").get(f"/admin/metrics/metric/{pk}/charts/cm-system/").content.decode()
    assert "Against the plan" in page and "48,872 to clear by 30 September 2024" in page
    report(VALUES[:3])
    answer = api("viewer").get(f"/api/v1/series/{metric.key}/RBN/burn-down.svg")
    assert answer.status_code == 404 and "Nothing is planned for this series" in answer.json()["detail"]
