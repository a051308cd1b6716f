"""Milestones: vague dates, what is overdue, forecasts and baselines, and how early slippage was declared."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.dates import window
from cmast.errors import RuleBroken
from cmast.history.context import changing
from cmast.models import Record
from programmes.accuracy import accuracy
from programmes.admin.slips import slip_in_words
from programmes.models import Forecast, Milestone, Programme, Workstream
from programmes.models.milestone_verbs import SETTLED

#: The items of the edition whose date has passed without a word on what became of them.
SEVEN = {
    "e-telederm-ceg",
    "e-ent-relaunch",
    "e-other-ologies-go-live",
    "e-pacs-alder-hey-100",
    "e-camrin-april",
    "e-lls-start",
    "e-hcd-decision",
}
#: The vague dates of the edition: how they are said, and the window that they leave.
VAGUE = {
    "e-lims-fifth-approval": ("before the end of May 2024", dt.date(2024, 5, 1), dt.date(2024, 5, 31)),
    "e-pathology-governance": ("mid-May 2024", dt.date(2024, 5, 11), dt.date(2024, 5, 20)),
    "e-hcd-decision": ("late April 2024", dt.date(2024, 4, 21), dt.date(2024, 4, 30)),
    "e-priorities-report-icb": ("June to August 2024", dt.date(2024, 6, 1), dt.date(2024, 8, 31)),
    "e-ophthalmology-reporting-start": ("April 2024", dt.date(2024, 4, 1), dt.date(2024, 4, 30)),
    "e-lims-contract-award": ("May 2024", dt.date(2024, 5, 1), dt.date(2024, 5, 31)),
}
MAY_3 = dt.date(2024, 5, 3)


def keys(records: Any) -> set[str]:
    return {record.key for record in records}


# --- What the edition says --------------------------------------------------------------------------------------------


def test_the_outcomes_of_seven_items_of_the_edition_are_missing(edition: str, api: Any, today: dt.date) -> None:
    assert keys(Milestone.objects.outcome_missing(today)) == keys(Milestone.objects.overdue(today)) == SEVEN
    client = api("viewer")
    for query in ("outcome_missing=true", "overdue=true", "computed_status=past_due_outcome_unknown"):
        assert {row["key"] for row in client.get(f"/api/v1/milestones/?{query}").json()["results"]} == SEVEN


@pytest.mark.either_database
@pytest.mark.parametrize("key", VAGUE)
def test_a_vague_date_of_the_edition_claims_no_more_than_is_known(edition: str, key: str) -> None:
    milestone = Milestone.objects.get(key=key)
    words, first, last = VAGUE[key]
    on = milestone.actual_on or milestone.forecast_on
    precision = milestone.actual_precision or milestone.forecast_precision
    assert (milestone.date_in_words, window(on, precision, milestone.starts_on)) == (words, (first, last))


def test_what_is_vague_is_overdue_after_the_last_day_that_its_words_allow(edition: str) -> None:
    award = Milestone.objects.filter(key="e-lims-contract-award")
    assert not award.overdue(dt.date(2024, 5, 31)).exists()
    assert award.overdue(dt.date(2024, 6, 1)).exists()


# --- Questions --------------------------------------------------------------------------------------------------------


def test_what_is_under_way_after_its_date_is_overdue_but_has_been_spoken_of(make: Any, today: dt.date) -> None:
    under_way = Milestone.objects.filter(pk=make(Milestone, stated="ongoing").pk)
    assert under_way.overdue(today).exists()
    assert not under_way.outcome_missing(today).exists()
    assert under_way.with_computed(today).get().computed_status == "ongoing"


@pytest.mark.parametrize("status", SETTLED)
def test_the_leads_own_word_settles_what_became_of_it(make: Any, today: dt.date, status: str) -> None:
    said = Milestone.objects.filter(pk=make(Milestone, status=status).pk)
    assert not said.overdue(today).exists()
    assert said.with_computed(today).get().computed_status == "past"


def test_the_next_milestones_are_those_within_so_many_days(edition: str, api: Any, today: dt.date) -> None:
    rows = api("viewer").get("/api/v1/milestones/?due_within=28&ordering=due_on").json()["results"]
    assert {row["key"] for row in rows} == keys(Milestone.objects.due_within(today, 28))
    assert [row["due_on"] for row in rows] == sorted(row["due_on"] for row in rows)
    assert "e-lims-contract-award" in {row["key"] for row in rows}
    assert not keys(Milestone.objects.due_within(today, 28)) & SEVEN
    assert api("viewer").get("/api/v1/milestones/?due_within=-1").status_code == 400


BASELINES: dict[str, Any] = {
    "exact days": (("2024-04-01", "day"), ("2024-04-13", "day"), None, (12, 12)),
    "early": (("2024-04-13", "day"), ("2024-04-01", "day"), None, (-12, -12)),
    "a vague forecast": (("2024-04-30", "day"), ("2024-05-31", "month"), None, (1, 31)),
    "a vague baseline": (("2024-05-31", "month"), ("2024-06-10", "day"), None, (10, 40)),
    "the same month": (("2024-05-31", "month"), ("2024-05-31", "month"), None, (-30, 30)),
    "happened": (("2024-04-01", "day"), ("2024-06-30", "day"), ("2024-04-04", "day"), (3, 3)),
    "no forecast any more": (("2024-04-01", "day"), (None, "undated"), None, (None, None)),
    "no baseline": ((None, None), ("2024-06-30", "day"), None, (None, None)),
    "a season whose first day nobody knows": (("2024-08-31", "season"), ("2024-09-05", "day"), None, (5, None)),
}


@pytest.mark.parametrize("case", BASELINES)
def test_the_slip_is_a_range_where_a_date_is_vague(make: Any, today: dt.date, case: str) -> None:
    baseline, forecast, actual, slip = BASELINES[case]
    actual = actual or (None, None)
    named = {"baseline": baseline, "forecast": forecast, "actual": actual}
    dates = {
        f"{name}_{part}": value for name, pair in named.items() for part, value in zip(("on", "precision"), pair, strict=True)
    }
    found = Milestone.objects.with_computed(today).get(pk=make(Milestone, **dates).pk)
    assert (found.slip_days_least, found.slip_days_most) == slip
    assert Milestone.objects.slipped().filter(pk=found.pk).exists() == ((slip[0] or 0) > 0)


@pytest.mark.either_database
def test_a_slip_is_said_as_exactly_as_it_is_known() -> None:
    said = {(12, 12): "12 days", (0, 0): "none", (-1, -1): "1 day early", (1, 31): "1 to 31 days", (None, None): "–"}
    said |= {(-30, 30): "30 days early to 30 days", (5, None): "at least 5 days", (None, -2): "at most 2 days early"}
    assert {slip: slip_in_words(*slip) for slip in said} == said


# --- Forecasts and baselines ------------------------------------------------------------------------------------------


@pytest.fixture
def award(edition: str) -> Milestone:
    return Milestone.objects.get(key="e-lims-contract-award")


def do(client: Any, milestone: Record, verb: str, **body: Any) -> Any:
    return client.post(
        f"/api/v1/milestones/{milestone.key}/{verb}/", {"change_reason": "The board has met.", **body}, format="json"
    )


def test_a_new_forecast_keeps_the_old_one_with_who_said_so_and_why(award: Milestone, api: Any, person: Any) -> None:
    lead = person("workstream_lead", workstream="ws-lims")
    answer = do(api(lead), award, "forecast", date_on="2024-07-31", date_precision="month").json()
    assert (answer["forecast_on"], answer["forecast_precision"]) == ("2024-07-31", "month")
    (said,) = api("viewer").get(f"/api/v1/forecasts/?milestone={award.key}").json()["results"]
    assert (said["kind"], said["said_on"], said["said_by"], said["reason"]) == (
        "forecast",
        "2024-05-03",
        lead.key,
        "The board has met.",
    )
    assert (said["date_on"], said["previous_on"], said["previous_precision"]) == ("2024-07-31", "2024-05-31", "month")
    assert (said["notice_days"], said["moved_days_least"], said["moved_days_most"]) == (28, 31, 91)


def test_every_way_of_changing_a_date_writes_down_the_forecast(award: Milestone, api: Any, person: Any, sign_in: Any) -> None:
    somebody = person("pmo")
    client, path = api(somebody), "/api/v1/milestones/"
    dates = {"forecast_on": "2024-06-30", "forecast_precision": "month"}
    assert client.patch(f"{path}{award.key}/", {**dates, "change_reason": "Later."}, format="json").status_code == 200
    row = {"key": award.key, "etag": client.get(f"{path}{award.key}/").json()["etag"], "forecast_on": "2024-07-31"}
    body = {"operation": "update", "change_reason": "Later still.", "rows": [row]}
    assert client.post(f"{path}bulk/", body, format="json", headers={"Idempotency-Key": "once"}).status_code == 200
    page = reverse("admin:programmes_milestone_do", args=[award.pk, "forecast"])
    award.refresh_from_db()
    typed = {"date_on": "2024-08-31", "date_precision": "month", "opened_version": award.version, "change_reason": "Again."}
    assert sign_in(somebody).post(page, typed).status_code == 302
    said = Forecast.objects.filter(milestone=award).order_by("date_on")
    assert [(one.date_on.month, one.previous_on.month, one.reason, one.said_by) for one in said] == [
        (6, 5, "Later.", somebody),
        (7, 6, "Later still.", somebody),
        (8, 7, "Again.", somebody),
    ]


def test_what_changes_no_date_writes_no_forecast(award: Milestone, api: Any) -> None:
    assert api("pmo").patch(f"/api/v1/milestones/{award.key}/", {"rag": "red"}, format="json").status_code == 200
    award.refresh_from_db()
    with changing(reason="A test."):
        award.miss()
    assert not Forecast.objects.filter(milestone=award).exists()


def test_a_first_baseline_may_be_set_and_another_only_with_authority(award: Milestone, api: Any) -> None:
    client, path = api("pmo"), f"/api/v1/milestones/{award.key}/"
    first = {"baseline_on": "2024-05-31", "baseline_precision": "month"}
    assert client.patch(path, first, format="json").status_code == 200
    refused = client.patch(path, {"baseline_on": "2024-06-30", "change_reason": "Later."}, format="json")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/baseline_on"]
    new = {"date_on": "2024-06-30", "date_precision": "month"}
    refused = do(client, award, "rebaseline", **new)
    assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (400, ["/forum"])
    assert do(client, award, "rebaseline", **new, forum="cmast-leadership-board").json()["baseline_on"] == "2024-06-30"
    said = Forecast.objects.get(milestone=award)
    assert (said.kind, said.previous_on, said.forum.key) == ("baseline", dt.date(2024, 5, 31), "cmast-leadership-board")


def test_a_lead_confirms_a_date_until_it_has_passed(award: Milestone, person: Any) -> None:
    lead = person("workstream_lead")
    award.no_change(said_on=dt.date(2024, 5, 31), by=lead)
    said = Forecast.objects.get(milestone=award)
    assert (said.kind, said.said_by, said.date_on, said.previous_on) == (
        "confirmed",
        lead,
        award.forecast_on,
        award.forecast_on,
    )
    with pytest.raises(RuleBroken, match="Its date, May 2024, has passed") as refused:
        award.no_change(said_on=dt.date(2024, 6, 1), by=lead)
    assert refused.value.code == "date_passed"


def test_what_happened_cannot_be_put_off_and_what_is_to_come_has_not_happened(edition: str, award: Milestone) -> None:
    with pytest.raises(RuleBroken, match="has happened"):
        Milestone.objects.get(key="e-physio-network-launch").forecast(date_precision="undated")
    with pytest.raises(RuleBroken, match="yet to come"):
        award.achieve(actual_on=dt.date(2024, 5, 4))
    award.achieve(actual_on=dt.date(2024, 5, 31), actual_precision="month")  # early in May is May
    assert (award.outcome, award.status) == ("achieved", "achieved")


def test_what_is_opened_again_is_asked_for_again(make: Any, today: dt.date) -> None:
    milestone = make(Milestone)
    milestone.achieve(actual_on=dt.date(2024, 4, 29), outcome_note="Live.")
    with changing(reason="It was another site."):
        milestone.reopen()
    assert Milestone.objects.outcome_missing(today).filter(pk=milestone.pk).exists()


def test_a_forecast_that_is_no_date_is_refused(award: Milestone) -> None:
    with changing(reason="A test."), pytest.raises(ValidationError):
        award.forecast(date_precision="month")


# --- How early slippage was declared ----------------------------------------------------------------------------------


@pytest.fixture
def slips(make: Any, person: Any) -> Workstream:
    """A workstream with four milestones: put off in time, put off afterwards, late without a word, and passed in silence."""
    workstream: Workstream = make(Workstream, programme=make(Programme), lead=person(None))
    april = dt.date(2024, 4, 30)

    def said(said_on: dt.date, date_on: dt.date) -> None:
        milestone = make(Milestone, workstream=workstream, forecast_on=date_on)
        make(Forecast, milestone=milestone, said_on=said_on, date_on=date_on, date_precision="day", previous_on=april)

    said(dt.date(2024, 4, 1), dt.date(2024, 5, 31))
    said(dt.date(2024, 5, 2), dt.date(2024, 5, 10))
    make(Milestone, workstream=workstream, actual_on=dt.date(2024, 5, 2), actual_precision="day")
    make(Milestone, workstream=workstream)
    return workstream


@pytest.mark.parametrize("by", ["programme", "workstream", "lead"])
def test_slippage_is_counted_by_when_it_was_said(slips: Workstream, person: Any, today: dt.date, by: str) -> None:
    whose: Any = {"programme": slips.programme, "workstream": slips, "lead": slips.lead}[by]
    (line,) = [line for line in accuracy(person("viewer"), today, by) if line.key == whose.key]
    assert (line.milestones, line.slips, line.slips_in_time, line.slips_late) == (4, 2, 1, 1)
    assert (line.notice_days_least, line.notice_days_most, line.notice_days_mean) == (-2, 29, Decimal("13.5"))
    assert (line.moved_days_mean, line.happened_late, line.outcomes_missing) == (Decimal("20.5"), 1, 1)


def test_accuracy_is_answered_and_shown_in_as_many_queries_for_many_slips(slips: Workstream, api: Any, sign_in: Any) -> None:
    path = f"/api/v1/forecast-accuracy/?programme={slips.programme.key}"
    client = api("viewer")
    (line,) = client.get(path).json()["results"]
    assert (line["name"], line["slips"], line["notice_days_mean"]) == (slips.programme.name, 2, "13.5")
    assert client.get(f"{path}&by=colour").status_code == client.get(f"{path}&colour=1").status_code == 400
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    assert len(queries) <= 4
    page = sign_in("pmo").get(reverse("admin:programmes_forecast_accuracy"), {"by": "lead"}).content.decode()
    assert slips.lead.name in page


def test_who_may_not_see_a_milestone_does_not_count_it(slips: Workstream, person: Any, make: Any, today: dt.date) -> None:
    from tests.factories import restrict

    restrict(slips)
    assert slips.key not in [line.key for line in accuracy(person("viewer"), today, "workstream")]
