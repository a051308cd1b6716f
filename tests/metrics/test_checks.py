"""The register checks itself: what is found in the May 2024 edition, what each check finds, and what becomes of a finding."""

import datetime as dt
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.models import JobRun, Organisation, Source
from metrics import checks, figure_checks, text_checks
from metrics.models import Benefit, BenefitFigure, Finding, Metric, Observation
from metrics.tasks import check_figures
from programmes.models import Deliverable, Objective, Update, UpdateFact, Workstream
from tests.conftest import NOW
from tests.factories import restrict

#: What is wrong in the edition: finding -> its sentence, and its records.
EDITION = {
    "ratio-against-inputs-observation-o-dx-6w-2024-02": (
        "Patients waiting six weeks or less for a diagnostic test, 29 February 2024: 89% is printed; "
        "the counts give 89.84% (all but 6,721 of 66,163).",
        ["observation o-dx-6w-2024-02", "observation o-dx-6w-plus-current", "observation o-dx-waiting-current"],
    ),
    "points-against-percent-observation-o-dx-6w-change": (
        "Patients waiting six weeks or less for a diagnostic test: 5%, increase since previous month, is in percentage points, "
        "not in percent: 84% to 89% as printed, 84.07% to 89.84% by the counts (5.77 points, or 6.86 percent).",
        [
            "observation o-dx-6w-2024-02",
            "observation o-dx-6w-change",
            "observation o-dx-6w-plus-change",
            "observation o-dx-6w-plus-current",
            "observation o-dx-waiting-current",
            "observation o-dx-waiting-previous",
        ],
    ),
    "points-against-percent-observation-o-ae-4h-vs-local-trajectory": (
        "A&E: admitted, transferred or discharged within four hours: 5%, below local trajectory, may be in percent or in "
        "percentage points: the source does not say.",
        ["observation o-ae-4h-vs-local-trajectory"],
    ),
    "claim-against-figures-update-fact-nu-074-above-b-medopt-target": (
        "Medicines optimisation savings: “above £17m annual target” is true only of about £18,000,000 including windfall; "
        "about £16,000,000 excluding windfall is not above £17,000,000.",
        [
            "benefit_figure b-medopt-target",
            "benefit_figure b-medopt-ytd-excl",
            "benefit_figure b-medopt-ytd-incl",
            "update_fact nu-074",
        ],
    ),
    "impossible-text-benefit-figure-b-eas-total-2024-25-204-5": (
        "The year “204/5” does not name two years in a row. The register reads it as 2024/25.",
        ["benefit_figure b-eas-total-2024-25"],
    ),
    "repeated-record-deliverable-eas-d07": (
        "“Best use of assets, systems and expertise (repeated under workforce)” may be the same deliverable as "
        "“Best use of assets, systems and expertise” of the same programme.",
        ["deliverable eas-d04", "deliverable eas-d07"],
    ),
    "copied-forward-observation-o-opel-trusts-majority-2023-to-date": (
        "“2023 to date” stands in the report for May 2024, when that year was over: the text may come from an earlier report.",
        ["observation o-opel-trusts-majority"],
    ),
}
RATIO, REPEATED = "ratio-against-inputs-observation-o-dx-6w-2024-02", "repeated-record-deliverable-eas-d07"


@pytest.fixture
def found(edition: str) -> Callable[[str], Finding]:
    """`found(key)`: the finding, after a run of the checks."""
    checks.run()
    return lambda key: Finding.objects.get(key=key)


def later(days: int = 1) -> Any:
    return time_machine.travel(NOW + dt.timedelta(days=days))


def put_right() -> None:
    """What a person would correct in the edition."""
    Observation.objects.filter(key="o-dx-6w-2024-02").update(value="89.84")
    Observation.objects.filter(unit="unspecified_percent").update(unit="percentage_point")
    Observation.objects.filter(key="o-dx-6w-change").update(value="5.77")
    Observation.objects.filter(key="o-opel-trusts-majority").update(printed_as="from 2023")
    BenefitFigure.objects.filter(key="b-eas-total-2024-25").update(printed_as="2024/25")
    UpdateFact.objects.filter(key="nu-074").update(printed_as="with the windfall above plan")
    Deliverable.objects.filter(key="eas-d07").update(text="Best use of the workforce's assets")


# --- The edition ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", EDITION)
def test_what_is_wrong_in_the_edition_is_found_with_its_records(key: str, found: Any) -> None:
    finding = found(key)
    named = sorted(f"{subject.record_type} {subject.record_key}" for subject in finding.subjects.all())
    assert (finding.what, named, finding.state) == (*EDITION[key], "open")


def test_nothing_else_is_found_in_the_edition(found: Any) -> None:
    assert set(Finding.objects.values_list("key", flat=True)) == set(EDITION)


def test_a_register_that_is_right_has_no_findings(edition: str) -> None:
    put_right()
    checks.run()
    assert not Finding.objects.exists()


# --- Each check -------------------------------------------------------------------------------------------------------

PATIENTS = {"unit": "patients", "value": 100}


def month(number: int) -> dict[str, dt.date]:
    first = dt.date(2024, number, 1)
    return {"period_start_on": first, "period_end_on": (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)}


def a_series(make: Any, *values: Any) -> list[Any]:
    """One figure a month from January on; None for a month without one."""
    metric, trust = make(Metric, unit="patients"), make(Organisation)
    common = {"metric": metric, "organisation": trust, "unit": "patients"}
    return [make(Observation, value=v, **common, **month(n)) for n, v in enumerate(values, 1) if v is not None]


def change_of(record: Any, **values: Any) -> Callable[[], Any]:
    return lambda: type(record).objects.filter(pk=record.pk).update(**values)


def parts_of_a_breakdown(make: Any) -> Any:
    whole = make(Observation, **PATIENTS)
    part = {"metric": whole.metric, "unit": "patients", "subset_of": whole, "breakdown_dimension": "reason"}
    make(Observation, value=60, breakdown_member="choice", **part)
    return change_of(make(Observation, value=50, breakdown_member="capacity", **part), value=40)


def a_subset(make: Any) -> Any:
    return change_of(make(Observation, unit="patients", value=120, subset_of=make(Observation, **PATIENTS)), value=100)


def trusts_and_system(make: Any) -> Any:
    metric = make(Metric, unit="patients")
    place = {key: Organisation.objects.get(key=key) for key in ("cm-system", "RBN", "RBL")}
    make(Observation, metric=metric, organisation=place["cm-system"], scope_level="system", **PATIENTS)
    make(Observation, metric=metric, organisation=place["RBN"], unit="patients", value=60)
    return change_of(make(Observation, metric=metric, organisation=place["RBL"], unit="patients", value=50), value=30)


def a_ratio(make: Any) -> Any:
    part, whole = make(Metric, unit="patients"), make(Metric, unit="patients")
    ratio, trust = make(Metric, numerator_metric=part, denominator_metric=whole), make(Organisation)
    make(Observation, metric=part, organisation=trust, unit="patients", value=1)
    make(Observation, metric=whole, organisation=trust, unit="patients", value=3)
    return change_of(make(Observation, metric=ratio, organisation=trust, value=34), value=33)


def a_previous_figure(make: Any) -> Any:
    (published,) = a_series(make, 100)
    same = {name: getattr(published, name) for name in ("metric", "organisation", "period_start_on", "period_end_on")}
    restated = make(Observation, unit="patients", value=90, source=make(Source), **same)
    return change_of(restated, supersedes=published, revision=2)


def a_stated_change(make: Any) -> Any:
    now = a_series(make, 100, 95)[1]
    same = {name: getattr(now, name) for name in ("metric", "organisation", "period_start_on", "period_end_on")}
    change = make(Observation, unit="patients", value=-10, comparison="change_since_previous_month", **same)
    return change_of(change, value=-5)


def points_said_as_percent(make: Any) -> Any:
    return change_of(make(Observation, value=5, comparison="increase_since_previous_month"), unit="percentage_point")


def less_than_nothing(make: Any) -> Any:
    return change_of(make(Observation, unit="patients", value=-1), value=0)


def more_than_its_denominator(make: Any) -> Any:
    return change_of(make(Observation, unit="practices", value=63, denominator=62), value=21)


def a_digit_too_many(make: Any) -> Any:
    return change_of(a_series(make, 100, 1010, 99)[1], value=101)


def a_digit_too_few(make: Any) -> Any:
    return change_of(a_series(make, 100, 99, 9)[2], value=100)


def a_missing_month(make: Any) -> Any:
    january = a_series(make, 100, None, 99)[0]
    same = {"metric": january.metric, "organisation": january.organisation}
    return lambda: make(Observation, **same, **PATIENTS, **month(2))


def a_year_that_is_over(make: Any) -> Any:
    fact = make(UpdateFact, update=make(Update, month_on=dt.date(2031, 1, 1)), text="Busy during 2029 to date")
    return change_of(fact, text="Busy during 2031 to date")


def a_fact_said_before(make: Any) -> Any:
    place, text = make(Workstream), "The specification is being written by suppliers"
    make(UpdateFact, text=text, update=make(Update, workstream=place, month_on=dt.date(2031, 1, 1)))
    again = make(UpdateFact, text=text, update=make(Update, workstream=place, month_on=dt.date(2031, 2, 1)))
    return change_of(again, text="The specification has been written by suppliers")


def an_untrue_claim(make: Any) -> Any:
    fact = make(UpdateFact, text="Savings are above target")
    benefit = make(Benefit, workstream=fact.update.workstream)
    make(BenefitFigure, benefit=benefit, basis="target", value=17)
    return change_of(make(BenefitFigure, benefit=benefit, basis="ytd_actual", value=16), value=18)


def an_impossible_year(make: Any) -> Any:
    return change_of(make(Deliverable, text="Save a million in 2024/26"), text="Save a million in 2024/25")


def the_same_deliverable(make: Any) -> Any:
    objective = make(Objective)
    make(Deliverable, objective=objective, text="Fewer duplicate tests and visits")
    again = make(Deliverable, objective=objective, text="Fewer duplicate visits, and tests (again)")
    return change_of(again, text="Fewer duplicate tests in pathology and visits")


@pytest.mark.parametrize(
    ("check", "plant", "records"),
    [
        (figure_checks.parts_against_total, parts_of_a_breakdown, 3),
        (figure_checks.parts_against_total, a_subset, 2),
        (figure_checks.parts_against_total, trusts_and_system, 3),
        (figure_checks.ratio_against_inputs, a_ratio, 3),
        (figure_checks.previous_against_published, a_previous_figure, 2),
        (figure_checks.previous_against_published, a_stated_change, 3),
        (figure_checks.points_against_percent, points_said_as_percent, 1),
        (figure_checks.outside_plausible_range, less_than_nothing, 1),
        (figure_checks.outside_plausible_range, more_than_its_denominator, 1),
        (figure_checks.outside_plausible_range, a_digit_too_many, 3),
        (figure_checks.outside_plausible_range, a_digit_too_few, 3),
        (figure_checks.missing_period, a_missing_month, 4),
        (text_checks.copied_forward, a_year_that_is_over, 1),
        (text_checks.copied_forward, a_fact_said_before, 2),
        (text_checks.claim_against_figures, an_untrue_claim, 3),
        (text_checks.impossible_text, an_impossible_year, 1),
        (text_checks.repeated_record, the_same_deliverable, 2),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_check_finds_one_error_with_its_records_and_is_silent_on_its_correction(
    check: Any, plant: Any, records: int, edition: str, make: Any
) -> None:
    before = {item.key for item in check()}
    correct = plant(make)
    (new,) = [item for item in check() if item.key not in before]
    assert new.rule == check.__name__ and new.what.endswith((".", "?"))
    assert len(set(new.records)) == records
    correct()
    assert {item.key for item in check()} == before


def test_every_check_is_tried_and_every_rule_has_one() -> None:
    assert sorted(check.__name__ for check in checks.CHECKS) == sorted(Finding.Rule.values)


@pytest.mark.parametrize("vague", ["approximately", "at_least"])
def test_what_a_vague_figure_leaves_open_is_no_finding(vague: str, edition: str) -> None:
    Observation.objects.filter(key="o-dx-6w-2024-02").update(qualifier=vague, value=90 if vague == "approximately" else 89)
    assert RATIO not in {item.key for item in figure_checks.ratio_against_inputs()}


def test_trusts_that_have_less_than_the_system_are_no_finding(edition: str, make: Any) -> None:
    trusts_and_system(make)()
    assert list(figure_checks.parts_against_total()) == []


def test_a_trust_and_what_it_became_are_not_both_counted_against_the_system(edition: str, make: Any) -> None:
    metric, place = make(Metric, unit="patients"), Organisation.objects.in_bulk(field_name="key")
    then = PATIENTS | {"period_start_on": dt.date(2023, 6, 1), "period_end_on": dt.date(2023, 6, 30)}
    make(Observation, metric=metric, organisation=place["cm-system"], scope_level="system", **then | {"value": 100})
    for trust in ("RVY", "RBN"):
        make(Observation, metric=metric, organisation=place[trust], scope_level="provider", **then | {"value": 60})
    assert list(figure_checks.parts_against_total()) == []


def test_more_records_cost_no_more_queries(edition: str, make: Any) -> None:
    def queries() -> int:
        for plant in (
            a_subset,
            a_ratio,
            a_previous_figure,
            a_stated_change,
            a_digit_too_many,
            a_missing_month,
            an_untrue_claim,
        ):
            plant(make)
        with CaptureQueriesContext(connection) as captured:
            for check in checks.CHECKS:
                list(check())
        return len(captured)

    assert queries() == queries()


# --- What becomes of a finding ----------------------------------------------------------------------------------------


def test_the_same_findings_again_change_nothing_on_the_same_day(found: Any) -> None:
    def state() -> list[Any]:
        return list(Finding.objects.order_by("pk").values_list("key", "version", "subjects__key"))

    before = state()
    checks.run()
    assert state() == before
    with later():
        checks.run()
    assert {finding.last_seen_on for finding in Finding.objects.all()} == {dt.date(2024, 5, 4)}
    assert {finding.first_seen_on for finding in Finding.objects.all()} == {dt.date(2024, 5, 3)}


def test_an_answer_survives_the_next_run(found: Any, api: Any, person: Any) -> None:
    officer = person("pmo")
    told = api(officer).patch(f"/api/v1/findings/{REPEATED}/", {"answer": "Printed twice, meant twice.", "owner": officer.key})
    assert (told.status_code, told.json()["state"], told.json()["answered_by"]) == (200, "answered", officer.key)
    assert told.json()["answered_at"].startswith("2024-05-03")
    with later():
        checks.run()
    finding = found(REPEATED)
    assert (finding.state, finding.answer, finding.answered_by) == ("answered", "Printed twice, meant twice.", officer)


def test_what_is_gone_closes_by_itself_and_opens_when_it_comes_back(found: Any) -> None:
    Observation.objects.filter(key="o-dx-6w-2024-02").update(value="89.84")
    with later():
        checks.run()
    assert (found(RATIO).state, found(RATIO).last_seen_on) == ("no_longer_found", dt.date(2024, 5, 3))
    Observation.objects.filter(key="o-dx-6w-2024-02").update(value=89)
    with later(2):
        checks.run()
    assert (found(RATIO).state, found(RATIO).first_seen_on) == ("open", dt.date(2024, 5, 3))


def test_an_answer_holds_for_the_figures_that_it_was_given_for(found: Any) -> None:
    Finding.objects.filter(key=RATIO).update(state="accepted", answer="Rounded down.")
    checks.run()
    assert found(RATIO).state == "accepted"
    Observation.objects.filter(key="o-dx-6w-2024-02").update(value=88)
    checks.run()
    assert (found(RATIO).state, found(RATIO).answer) == ("open", "Rounded down.")


def test_what_is_said_to_be_corrected_is_looked_at_again(found: Any) -> None:
    Finding.objects.update(state="corrected")
    checks.run()
    assert set(Finding.objects.values_list("state", flat=True)) == {"open"}


def test_only_the_checks_say_that_something_is_no_longer_found(found: Any) -> None:
    finding = found(RATIO)
    finding.state = "no_longer_found"
    with pytest.raises(ValidationError, match="for the checks to say"):
        finding.save()


def test_a_finding_is_accepted_with_a_reason_only(found: Any, api: Any) -> None:
    refused = api("pmo").patch(f"/api/v1/findings/{RATIO}/", {"state": "accepted"})
    assert refused.status_code == 400
    assert "Say why" in refused.content.decode()


def test_a_finding_is_taken_on_and_answered_by_verbs(found: Any, api: Any, person: Any) -> None:
    officer = person("pmo")
    client, path = api(officer), f"/api/v1/findings/{RATIO}/"
    assert client.post(f"{path}take/").json()["owner"] == officer.key
    (refused,) = client.post(f"{path}accept/").json()["errors"]
    assert refused["detail"] == "Say why: an answered or accepted finding has an answer."
    told = client.post(f"{path}give-answer/", {"answer": "Rounded down."}).json()
    assert (told["state"], told["answer"], told["answered_by"]) == ("answered", "Rounded down.", officer.key)
    assert client.post(f"{path}accept/").json()["state"] == "accepted"


def test_a_long_key_stays_readable_and_unlike_others(edition: str, make: Any) -> None:
    names = ["x" * 99 + end for end in "ab"]
    for name in names:
        make(Deliverable, key=name, text="Save in 2024/26")
    keys = {item.key for item in text_checks.impossible_text() if "xxx" in item.key}
    assert len(keys) == 2
    checks.run()
    assert Finding.objects.filter(key__in=keys).count() == 2


# --- Who sees and writes ----------------------------------------------------------------------------------------------


def test_nobody_makes_or_deletes_a_finding_by_hand(found: Any, api: Any) -> None:
    client, path = api("admin"), f"/api/v1/findings/{RATIO}/"
    assert client.post("/api/v1/findings/", {}).status_code == 405
    assert client.put(path, {}).status_code == 405
    assert client.delete(path).status_code == 405
    assert client.patch("/api/v1/finding-subjects/x/", {}).status_code == 405


def test_what_the_checks_say_is_not_written_by_callers(found: Any, api: Any) -> None:
    client, path = api("pmo"), f"/api/v1/findings/{RATIO}/"
    read = client.get(path).json()
    forged = dict.fromkeys(("rule", "what", "printed", "computed", "programme", "answered_by", "first_seen_on"), "forged")
    written = client.patch(path, {**forged, "note": "Mine."}).json()
    assert {name: written[name] for name in forged} == {name: read[name] for name in forged}
    assert client.patch(path, {"nothing": 1}).status_code == 400


def test_a_programme_answers_its_own_findings(found: Any, api: Any, person: Any) -> None:
    manager = api(person("programme_manager", programme="diagnostics"))
    assert manager.patch(f"/api/v1/findings/{RATIO}/", {"answer": "Rounded down."}).status_code == 200
    assert manager.patch(f"/api/v1/findings/{REPEATED}/", {"answer": "Not mine."}).status_code == 403
    assert api("viewer").patch(f"/api/v1/findings/{RATIO}/", {"answer": "Nor mine."}).status_code == 403


def test_open_findings_are_a_filter(found: Any, api: Any) -> None:
    Finding.objects.filter(key=REPEATED).update(state="accepted", answer="Meant so.")
    Finding.objects.filter(key=RATIO).update(state="no_longer_found")
    client = api("viewer")
    counts = [
        client.get(f"/api/v1/findings/?count=true&{query}").json()["count"]
        for query in ("state=open", "still_found=true", "rule=repeated_record", "programme=diagnostics")
    ]
    assert counts == [5, 6, 1, 2]


def test_a_finding_about_a_restricted_record_is_hidden_with_it(found: Any, api: Any, person: Any) -> None:
    reader = person("pmo")
    restrict(Observation.objects.get(key="o-dx-6w-plus-current")).named.add(reader)
    subject = found(RATIO).subjects.first().key
    for path in (f"/api/v1/findings/{RATIO}/", f"/api/v1/finding-subjects/{subject}/"):
        assert api("pmo").get(path).status_code == 404
        assert api(reader).get(path).status_code == 200
    assert api("pmo").get(f"/api/v1/findings/{REPEATED}/").status_code == 200


# --- Command, task, desk ----------------------------------------------------------------------------------------------


def test_the_command_prints_what_is_found_and_fails_where_it_is_asked_to(edition: str) -> None:
    out = StringIO()
    call_command("check_figures", stdout=out)
    assert out.getvalue().count("Open ") == 7
    assert "observation o-dx-6w-2024-02" in out.getvalue()
    assert out.getvalue().endswith("7 found, 7 of them new; 7 open\n")
    with pytest.raises(SystemExit) as stopped:
        call_command("check_figures", "--fail-on", "open", stdout=out)
    assert stopped.value.code == 1
    Finding.objects.update(state="accepted", answer="As printed.")
    call_command("check_figures", "--fail-on", "open", stdout=out)


def test_the_checks_run_every_day_and_say_what_they_did(edition: str) -> None:
    assert settings.CELERY_BEAT_SCHEDULE["check-figures"]["task"] == check_figures.name
    check_figures()
    assert JobRun.objects.get(name="check_figures").detail == "7 found, 7 of them new; 7 open"


def test_a_finding_is_answered_at_the_desk(found: Any, sign_in: Any, person: Any) -> None:
    officer = person("pmo")
    desk, finding = sign_in(officer), found(RATIO)
    page = reverse("admin:metrics_finding_change", args=[finding.pk])
    shown = desk.get(page).content.decode()
    assert "the counts give 89.84% (all but 6,721 of 66,163)." in shown
    assert "/admin/metrics/observation/?q=o-dx-6w-plus-current" in shown
    assert 'name="what"' not in shown
    form = {"state": "open", "answer": "Rounded down.", "owner": officer.pk, "opened_version": finding.version}
    assert desk.post(page, {**form, "source_lines": "", "inferred": ""}).status_code == 302
    assert (found(RATIO).state, found(RATIO).answered_by, found(RATIO).owner) == ("answered", officer, officer)
    assert "Findings of the checks" in desk.get("/admin/").content.decode()
