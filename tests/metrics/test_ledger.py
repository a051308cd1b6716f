"""The savings ledger of the edition, and what has come of a benefit."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.models import Restriction
from metrics.benefit_checks import months_against_year_to_date
from metrics.models import Benefit, BenefitFigure, BenefitMonth, Observation, SavingWeight
from programmes.models import Programme

PATH = "/api/v1/programmes/efficiency-at-scale/savings/"


@pytest.fixture
def ledger(edition: Any, api: Any) -> Any:
    client = api("viewer")
    return lambda **query: client.get(PATH, query).json()


def only(answer: Any, **words: Any) -> Any:
    """The one total with these words."""
    (found,) = [rollup for rollup in answer["rollups"] if words.items() <= rollup.items()]
    return found


def test_medicines_are_below_without_the_windfall_and_above_with_it_and_never_blended(ledger: Any) -> None:
    told = ledger(year="2023/24", basis="ytd_actual")
    (judgement,) = told["judgements"]
    assert judgement["words"] == "About £16m against £17m: below; with the apixaban windfall about £18m: above."
    assert [(v["windfall"], v["value"], v["side"]) for v in judgement["variants"]] == [
        ("excluding_windfall", "16000000", "below"),
        ("including_windfall", "18000000", "above"),
    ]
    assert len(told["rollups"]) == 2
    assert told["refusals"] == ["Not added: “with windfall” and “without windfall”. One holds what no scheme brought about."]
    headline = ledger(year="2023/24", basis="ytd_actual", windfall="excluding_windfall")
    assert [rollup["total"]["value"] for rollup in headline["rollups"]] == ["16000000"]


def test_in_year_and_full_year_effect_of_the_same_schemes_stand_beside_each_other(ledger: Any) -> None:
    told = ledger(basis="projected_outturn")
    assert only(told, effect="full_year_effect")["total"]["words"] == "at least £3.9m (1 of 4 schemes)"
    assert only(told, effect="in_year_effect")["total"]["words"] == "at least £1.38m (1 of 4 schemes)"
    assert "“full-year effect” and “in-year effect”" in told["refusals"][0]


def test_the_gap_to_the_programmes_target_is_unallocated(ledger: Any) -> None:
    told = ledger(effect="full_year_effect")
    assert (told["target"], told["target_words"]) == ("32500000", "The target of 2024/25 is £32.5m.")
    assert told["rollups"][0]["gap"] == "At most £28.6m of £32.5m is unallocated."
    assert told["rollups"][0]["standing"]["side"] == "unknown", "three schemes have no figure"


def test_a_total_over_ten_years_is_no_years_figure(edition: Any, api: Any) -> None:
    (rollup,) = api("viewer").get("/api/v1/programmes/diagnostics/savings/").json()["rollups"]
    assert (rollup["horizon"], rollup["total"]["value"], rollup["standing"]) == ("10 years", "10000000", None)


@pytest.fixture
def programme(make: Any) -> Any:
    """A programme with a target of £1,000 in 2024/25 and two schemes."""
    found = make(Programme)
    whole = make(Benefit, programme=found, workstream=None, benefit_type="cash_releasing")
    make(BenefitFigure, benefit=whole, basis="target", value=1000, financial_year="2024/25")
    return found


def scheme(make: Any, programme: Any, value: Any = None, **more: Any) -> Any:
    found = make(Benefit, programme=programme, workstream=None, benefit_type="cash_releasing", **more)
    if value is not None:
        figure = {"basis": "forecast_outturn", "financial_year": "2024/25", "effect": "in_year_effect"}
        make(BenefitFigure, benefit=found, value=value, **figure)
    return found


def test_withdrawn_schemes_and_those_that_do_not_count_are_left_out_and_named(make: Any, programme: Any, api: Any) -> None:
    scheme(make, programme, 100)
    gone = scheme(make, programme, 200, maturity="withdrawn")
    other = scheme(make, programme, 300, counts_towards_target=False)
    told = api("viewer").get(f"/api/v1/programmes/{programme.key}/savings/").json()
    assert told["rollups"][0]["total"]["value"] == "100" and told["schemes"] == 1
    assert {(each["scheme"], each["why"]) for each in told["left_out"]} == {
        (gone.key, "It is withdrawn."),
        (other.key, "It does not count towards the target."),
    }


def test_a_forecast_is_weighted_by_a_table_that_an_administrator_changes(make: Any, programme: Any, api: Any) -> None:
    scheme(make, programme, 400, maturity="fully_developed", delivery_risk="low")
    unsure = scheme(make, programme, 400, maturity="opportunity", title="Unsure")
    weight = make(SavingWeight, financial_year="2024/25", percent=90)
    client, path = api("admin"), f"/api/v1/programmes/{programme.key}/savings/"
    weighted = client.get(path).json()["rollups"][0]["weighted"]
    assert (weighted["value"], weighted["left_out"]) == ("360", [unsure.key])
    assert weighted["words"].endswith("Left out, for want of a weight or a figure: Unsure.")
    body = {"percent": "50", "change_reason": "The year went badly."}
    assert client.patch(f"/api/v1/saving-weights/{weight.key}/", body, format="json").status_code == 200
    assert client.get(path).json()["rollups"][0]["weighted"]["value"] == "200"


def test_months_make_a_year_to_date_with_the_rate_that_is_needed(make: Any, programme: Any, api: Any) -> None:
    benefit = scheme(make, programme)
    for month, actual in ((4, 100), (5, 150), (6, None)):
        make(BenefitMonth, benefit=benefit, month_on=dt.date(2024, month, 1), planned=200, actual=actual)
    (rollup,) = api("viewer").get(f"/api/v1/programmes/{programme.key}/savings/").json()["rollups"]
    assert (rollup["total"]["value"], rollup["as_at_on"], rollup["lines"][0]["figure"]) == ("250", "2024-05-31", None)
    assert (rollup["run_rate"]["months"], rollup["run_rate"]["per_month"]) == ("10", "75")
    assert rollup["gap"] == "£750 of £1,000 is still to be delivered."


@pytest.mark.parametrize(("stated", "is_found"), [(250, False), (260, True)])
def test_a_stated_year_to_date_that_its_months_deny_is_a_finding(make: Any, stated: int, is_found: bool) -> None:
    benefit = make(Benefit)
    figure = {"basis": "ytd_actual", "financial_year": "2024/25", "as_at_on": "2024-05-31", "as_at_precision": "day"}
    make(BenefitFigure, benefit=benefit, value=stated, **figure)
    for month, actual in ((4, 100), (5, 150)):
        make(BenefitMonth, benefit=benefit, month_on=dt.date(2024, month, 1), actual=actual)
    found = [each.what for each in months_against_year_to_date()]
    assert found == ([f"{benefit}, year to date to 31 May 2024: £260 is stated; its months make £250."] if is_found else [])


def test_a_month_is_entered_in_bulk(make: Any, api: Any) -> None:
    benefit = make(Benefit)
    rows = [{"benefit": benefit.key, "month_on": f"2024-{month:02}-01", "planned": "0.01"} for month in range(4, 13)]
    body = {"operation": "create", "rows": rows}
    answer = api("pmo").post("/api/v1/benefit-months/bulk/", body, format="json", headers={"Idempotency-Key": "months"})
    assert answer.json()["created"] == 9, answer.json()
    assert sum(benefit.months.values_list("planned", flat=True)) == Decimal("0.09")


@pytest.mark.parametrize("query", [{"basis": "hope"}, {"year": "2024"}, {"windfall": "some"}, {"colour": "red"}])
def test_a_wrong_question_is_told_where(ledger: Any, query: Any) -> None:
    answer = ledger(**query)
    assert answer["status"] == 400
    assert all(name in str(answer["errors"]) for name in query)


def test_the_ledger_takes_as_many_queries_for_many_schemes_as_for_few(make: Any, programme: Any, api: Any) -> None:
    client, path = api("viewer"), f"/api/v1/programmes/{programme.key}/savings/"
    counts = []
    for _ in range(2):
        for _ in range(3):
            make(BenefitMonth, benefit=scheme(make, programme, 1), month_on=dt.date(2024, 4, 1), actual=1)
        client.get(path)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_hidden_savings_are_in_no_total(ledger: Any, edition: Any) -> None:
    Restriction.objects.create(record_type="benefit", record_key="b-procurement", kind="commercial")
    told = ledger()
    assert told["schemes"] == 3 and 'b-procurement"' not in str(told)
    assert [rollup["basis"] for rollup in told["rollups"]] == ["identified"]


# --- What has come of it ----------------------------------------------------------------------------------------------


def test_a_benefit_is_followed_by_its_months_its_figures_or_its_metric(make: Any, api: Any, edition: Any) -> None:
    client = api("viewer")

    def course(key: str) -> Any:
        return client.get(f"/api/v1/benefits/{key}/realisation/").json()

    assert course("b-medopt")["words"] == "About £16m on 29 February 2024."
    assert (course("b-lls")["is_measured"], course("b-lls")["words"]) == (False, "Nothing measures it yet.")
    metric = Observation.objects.get(key="o-sa-diverted-current").metric
    measured = course(make(Benefit, metric=metric).key)
    assert measured["measured_by"] == "metric" and measured["steps"][-1]["words"].startswith("more than 84,000")
    told = make(Benefit, measure_unit="gbp", baseline_value=0, target_value=1000)
    for month, actual in ((4, 100), (5, 150), (6, None), (7, 10)):
        make(BenefitMonth, benefit=told, month_on=dt.date(2024, month, 1), planned=200, actual=actual)
    answer = course(told.key)
    assert [step["value"] for step in answer["steps"]] == ["100", "250", None, None], "after a gap nothing is known"
    assert (answer["measured_by"], answer["share"]) == ("months", "25")
    assert answer["words"] == "£250 on 31 May 2024: 25% of the way from £0 to £1,000."


def test_the_desk_shows_the_ledger_and_the_course_of_a_benefit(make: Any, sign_in: Any, edition: Any) -> None:
    client = sign_in("pmo")
    page = client.get(reverse("admin:metrics_benefit_ledger", args=["efficiency-at-scale"]), {"year": "2023/24"})
    assert "with the apixaban windfall about £18m: above." in page.content.decode()
    assert "Efficiency at Scale" in client.get(reverse("admin:metrics_benefit_ledgers")).content.decode()
    assert client.get(reverse("admin:metrics_benefit_ledger", args=["nothing"])).status_code == 404
    assert client.get(reverse("admin:metrics_benefit_ledger", args=["diagnostics"]), {"year": "x"}).status_code == 404
    benefit = make(Benefit)
    make(BenefitMonth, benefit=benefit, actual=100)
    page = client.get(reverse("admin:metrics_benefit_realisation", args=[benefit.pk])).content.decode()
    assert "<svg" in page and "£100" in page
    unmeasured = client.get(reverse("admin:metrics_benefit_realisation", args=[make(Benefit).pk])).content.decode()
    assert "Nothing measures it yet." in unmeasured and 'class="scroll chart"' not in unmeasured
