"""Health of the edition's programmes: gathered from all apps, kept day by day, and set otherwise by people."""

import datetime as dt
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.models import Person
from metrics.models import Benefit, BenefitFigure
from programmes.models import HealthDay, HealthOverride, HealthRule, Programme, Workstream
from programmes.rollups import health_of, refresh, strip_of
from risks.models import Risk, Score
from tests.factories import restrict

DAY = dt.date(2024, 5, 3)


@pytest.fixture
def reader(edition: str, person: Callable) -> Person:
    return person("viewer")


def colours(place: Any, reader: Any, today: dt.date = DAY) -> dict[str, str]:
    (found,) = health_of([place], reader, today)
    return {name: each.colour for name, each in found.judgements.items()}


#: Programme -> its colours on 3 May 2024: delivery, targets, finance, risks, freshness, overall.
EDITION = {
    "elective-recovery-transformation": "green red cannot_be_judged amber green amber",
    "diagnostics": "red red green amber green red",
    "clinical-pathways": "amber cannot_be_judged cannot_be_judged amber green amber",
    "efficiency-at-scale": "amber cannot_be_judged cannot_be_judged amber green amber",
    "workforce": "cannot_be_judged cannot_be_judged cannot_be_judged cannot_be_judged cannot_be_judged cannot_be_judged",
    "uec": "amber cannot_be_judged cannot_be_judged amber green amber",
    "icb-iris": "cannot_be_judged cannot_be_judged cannot_be_judged cannot_be_judged green cannot_be_judged",
}


# --- What the records say ---------------------------------------------------------------------------------------------


def test_the_programmes_of_the_edition_have_their_colours(reader: Person) -> None:
    found = {health.place.key: " ".join(each.colour for each in health.judgements.values()) for health in all_of(reader)}
    assert found == EDITION


def all_of(reader: Person) -> list[Any]:
    return health_of(list(Programme.objects.all()), reader, DAY)


def test_each_colour_says_why_in_a_sentence(reader: Person) -> None:
    for health in all_of(reader):
        for found in health.judgements.values():
            assert found.words.endswith("."), found
            assert found.colour in ("green", "cannot_be_judged") or found.reasons
            assert all(sign.key for reason in found.reasons for sign in reason.records)


def test_a_closed_programme_is_not_judged(reader: Person) -> None:
    (found,) = health_of([Programme.objects.get(key="workforce")], reader, DAY)
    assert found.computed.words == "Closed on 26 March 2024: no longer judged."


def test_what_lies_below_a_workstream_counts_for_it(reader: Person) -> None:
    risk = Risk.objects.get(key="r-lims-resourcing")
    above = Workstream.objects.get(key="ws-pathology")
    (found,) = health_of([above], reader, DAY)
    (reason,) = found.judgements["risks"].reasons
    assert risk.key in {sign.key for sign in reason.records}


def test_health_takes_the_same_number_of_queries_for_one_place_and_for_all(reader: Person) -> None:
    every: list[Any] = [*Programme.objects.all(), *Workstream.objects.all()]
    health_of(every, reader, DAY)
    counted = []
    for places in (every[:1], every):
        with CaptureQueriesContext(connection) as queries:
            health_of(places, reader, DAY)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_a_rule_that_is_changed_or_not_in_force_gives_another_colour(reader: Person) -> None:
    programme = Programme.objects.get(key="diagnostics")
    HealthRule.objects.filter(key="delivery-overdue-red").update(threshold=4)
    assert colours(programme, reader)["delivery"] == "amber"
    HealthRule.objects.filter(key="delivery-overdue-amber").update(is_in_force=False)
    assert colours(programme, reader)["delivery"] == "green"


def test_a_saving_is_short_of_its_target_only_beside_a_forecast_of_its_kind(reader: Person, make: Callable) -> None:
    programme = Programme.objects.get(key="icb-iris")
    benefit = make(Benefit, programme=programme, workstream=None)
    year = {"benefit": benefit, "financial_year": "2024/25", "unit": "gbp"}
    make(BenefitFigure, **year, basis="target", value=1000)
    make(BenefitFigure, **year, basis="forecast_outturn", value=2000, windfall="including_windfall")
    make(BenefitFigure, **year, basis="forecast_outturn", value=2000, effect="full_year_effect")
    assert colours(programme, reader)["finance"] == "cannot_be_judged"
    make(BenefitFigure, **year, basis="forecast_outturn", value=950)
    assert colours(programme, reader)["finance"] == "amber"


def test_a_report_grows_old_after_its_month(reader: Person) -> None:
    programme = Programme.objects.get(key="diagnostics")
    days = {dt.date(2024, 6, 30): "green", dt.date(2024, 7, 1): "amber", dt.date(2024, 8, 1): "red"}
    assert {day: colours(programme, reader, day)["freshness"] for day in days} == days


def test_a_hidden_record_gives_no_reason_to_those_who_may_not_see_it(reader: Person, make: Callable, person: Callable) -> None:
    programme = Programme.objects.get(key="icb-iris")
    risk = make(Risk, programme=programme, workstream=None)
    make(Score, risk=risk, likelihood=5, consequence=5)
    assert colours(programme, reader)["risks"] == "red"
    restrict(risk)
    assert colours(programme, person("viewer"))["risks"] == "cannot_be_judged"


# --- Over the API -----------------------------------------------------------------------------------------------------


def test_the_health_of_each_programme_is_read_as_it_was_known(reader: Person, api: Callable) -> None:
    client = api(reader)
    for key, words in EDITION.items():
        answer = client.get(f"/api/v1/programmes/{key}/health/?as_of=2024-05-03").json()
        assert " ".join(each["colour"] for each in answer["dimensions"]) == words
        assert (answer["on"], answer["override"], answer["months"]) == ("2024-05-03", None, [])
        assert not answer["is_known_then"]  # the register was begun later, by the clock of its database
    assert client.get("/api/v1/workstreams/ws-lims/health/").json()["dimensions"][0]["colour"] in ("green", "amber")
    assert client.get("/api/v1/programmes/nowhere/health/").status_code == 404
    for wrong in ("months=99", "months=0", "on=tomorrow", "on=9999-12-31", "as_of=then"):
        assert client.get(f"/api/v1/programmes/uec/health/?{wrong}").status_code == 400


def test_a_day_of_the_register_is_judged_by_what_was_known_then(reader: Person, api: Callable) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(changed_at) FROM cmast_change")
        (before,) = cursor.fetchone()
    Risk.objects.filter(programme__key="diagnostics").update(status="closed")
    client, path = api(reader), "/api/v1/programmes/diagnostics/health/"
    then = client.get(path, {"as_of": before if isinstance(before, str) else before.isoformat(), "on": "2024-05-03"}).json()
    now = client.get(f"{path}?on=2024-05-03").json()
    assert [each["dimensions"][3]["colour"] for each in (then, now)] == ["amber", "green"]
    assert (then["is_known_then"], now["is_known_then"]) == (True, False)


# --- Kept, and set otherwise ------------------------------------------------------------------------------------------


def test_each_day_is_kept_once_and_a_month_shows_its_last_day(reader: Person, api: Callable) -> None:
    programme = Programme.objects.get(key="diagnostics")
    assert refresh(dt.date(2024, 4, 10)) == "52 places, 312 colours of 2024-04-10"
    HealthDay.objects.update(colour="green")
    call_command("refresh_health", "--on", "2024-04-30", stdout=StringIO())
    refresh(dt.date(2024, 4, 30))
    assert HealthDay.objects.of(programme).filter(dimension="overall").count() == 2
    march, april, may = strip_of(programme, DAY, 3)
    assert (march, may) == ({"month": "2024-03", "colours": {}}, {"month": "2024-05", "colours": {}})
    assert april["colours"]["delivery"] == "amber"
    months = api(reader).get("/api/v1/programmes/diagnostics/health/?months=3").json()["months"]
    assert months == [march, april, may]


def test_what_is_kept_names_nothing_that_is_hidden(reader: Person, make: Callable) -> None:
    programme = Programme.objects.get(key="icb-iris")
    risk = make(Risk, programme=programme, workstream=None)
    make(Score, risk=risk, likelihood=5, consequence=5)
    restrict(risk)
    refresh(DAY)
    assert HealthDay.objects.of(programme).get(dimension="risks").colour == "cannot_be_judged"


def test_an_override_counts_until_it_expires_and_both_colours_are_shown(edition: str, person: Callable, api: Callable) -> None:
    client = api(person("sro", programme="diagnostics"))
    path = "/api/v1/programmes/diagnostics/"
    body = {"colour": "amber", "reason": "All three are held up by one board.", "expires_on": "2024-05-31"}
    assert client.post(f"{path}override/", body, format="json").status_code == 200
    made = HealthOverride.objects.get()
    assert made.made_by is not None and made.made_on == DAY
    now = client.get(f"{path}health/").json()
    assert (now["colour"], now["computed_colour"], now["override"]["reason"]) == ("amber", "red", body["reason"])
    later = client.get(f"{path}health/?on=2024-05-31").json()
    assert (later["colour"], later["override"]) == (later["computed_colour"], None)
    answer = client.post(f"{path}override/", body | {"expires_on": "2024-05-03"}, format="json")
    assert answer.json()["errors"][0]["detail"] == "expires_on is after made_on."


def test_the_page_of_a_programme_says_how_it_stands_and_why(edition: str, sign_in: Callable) -> None:
    programme = Programme.objects.get(key="diagnostics")
    page = sign_in("pmo").get(reverse("admin:programmes_programme_change", args=[programme.pk])).content.decode()
    assert "Health on 3 May 2024" in page
    assert "Milestones past their date without a word on what became of them: 3; red from 3." in page
