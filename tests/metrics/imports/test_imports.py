"""Files of figures: what becomes of them when they are checked and written, and what is kept out."""

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.models import Change, JobRun, Organisation, Person
from metrics import staging
from metrics.models import Import, ImportMapping, ImportPart, Metric, Observation, PeriodLock
from metrics.tasks import run_imports
from tests.factories import OrganisationFactory, RestrictionFactory
from tests.metrics.imports.files import HEAD, MIXED, counts, long, problems, table, written

REAL = Path(__file__).parents[4] / "shared" / "data" / "ae_attendances.csv"


# --- What becomes of figures ------------------------------------------------------------------------------------------


def test_checking_writes_nothing_and_running_writes_what_was_counted(mapping: ImportMapping, send: Any) -> None:
    job = send(mapping, table("RBN,2024-02,100", "RJR,2024-02,200", "RBS,2024-02,-"))
    assert (job.state, counts(job), job.row_count, job.unstated_count) == ("checked", (2, 0, 0, 0), 3, 1)
    assert not Observation.objects.filter(metric=mapping.metric).exists()
    job = written(job)
    assert (job.state, counts(job), job.progress) == ("done", (2, 0, 0, 0), 100)
    figure: Any = Observation.objects.get(key="ae-attendances-RBN-2024-02")
    assert (figure.value, figure.unit, figure.version, figure.revision) == (100, "patients", 1, 1)
    assert (figure.period_start_on, figure.period_end_on) == (dt.date(2024, 2, 1), dt.date(2024, 2, 29))
    assert (figure.review_state, figure.value_status, figure.period_type) == ("submitted", "reported", "month")
    figure.full_clean()


def test_the_same_file_again_changes_nothing(mapping: ImportMapping, send: Any) -> None:
    content = table("RBN,2024-02,100", 'RJR,2024-02,"1,200"')
    first = written(send(mapping, content))
    changes = Change.objects.filter(table="metrics_observation").count()
    again = written(send(mapping, content))
    assert (again.state, counts(again), again.sha256) == ("done", (0, 0, 2, 0), first.sha256)
    assert Change.objects.filter(table="metrics_observation").count() == changes


def test_a_correction_is_a_revision_and_both_values_are_kept(mapping: ImportMapping, send: Any, officer: Person) -> None:
    written(send(mapping, table("RBN,2024-02,100", "RJR,2024-02,200")))
    job = written(send(mapping, table("RBN,2024-02,101", "RJR,2024-02,200")))
    assert counts(job) == (0, 1, 1, 0)
    old: Any
    new: Any
    old, new = Observation.objects.filter(metric=mapping.metric, organisation__key="RBN").order_by("revision")
    assert (old.value, new.value, new.revision, new.supersedes, new.review_state) == (100, 101, 2, old, "revised")
    assert new.key == "ae-attendances-RBN-2024-02-r2"
    change = Change.objects.filter(table="metrics_observation", row_id=new.pk).get()
    assert (change.actor, change.reason) == (officer.key, f"Imported from figures.csv ({job.key}).")
    third = written(send(mapping, table("RBN,2024-02,102")))
    assert counts(third) == (0, 1, 0, 0)
    assert Observation.objects.current().get(metric=mapping.metric, organisation__key="RBN").revision == 3


def test_what_was_provisional_and_is_reported_now_is_a_revision(metric: Metric, send: Any) -> None:
    written(send(long(metric=metric, value_status="provisional"), table("RBN,2024-02,100")))
    assert counts(send(long(metric=metric), table("RBN,2024-02,100"))) == (0, 1, 0, 0)
    assert counts(send(long(metric=metric, value_status="forecast"), table("RBN,2024-02,100"))) == (1, 0, 0, 0)


def test_a_hand_made_figure_is_revised_as_well_and_its_target_kept(metric: Metric, make: Any, send: Any) -> None:
    trust = Organisation.objects.get(key="RBN")
    by_hand = make(Observation, metric=metric, organisation=trust, unit="patients", value=5, also_described_as="Visits")
    mapping = long(metric=metric)
    assert counts(send(mapping, table("RBN,2024-04,5"))) == (0, 0, 1, 0)
    written(send(mapping, table("RBN,2024-04,6")))
    revision: Any = Observation.objects.get(supersedes=by_hand)
    assert (revision.value, revision.also_described_as) == (6, "Visits")


def test_a_stated_difference_or_a_bound_is_another_figure(metric: Metric, make: Any, send: Any) -> None:
    trust = Organisation.objects.get(key="RBN")
    make(Observation, metric=metric, organisation=trust, comparison="above_plan")
    make(Observation, metric=metric, organisation=trust, value=None, bound_operator="gte", bound_value=3)
    assert counts(send(long(metric=metric), table("RBN,2024-04,6"))) == (1, 0, 0, 0)


def test_a_key_that_was_ever_used_is_not_used_again(metric: Metric, make: Any, send: Any) -> None:
    for month, is_there in (("02", True), ("03", False)):
        other = make(Observation, key=f"ae-attendances-RBN-2024-{month}")
        if not is_there:
            other.delete()
    job = written(send(long(metric=metric), table("RBN,2024-02,1", "RBN,2024-03,1")))
    assert job.state == "done"
    keys = set(Observation.objects.filter(metric=metric).values_list("key", flat=True))
    assert keys == {f"ae-attendances-RBN-2024-02-i{job.pk}-1", f"ae-attendances-RBN-2024-03-i{job.pk}-2"}


def test_breakdowns_snapshots_denominators_and_days_are_figures_of_their_own(metric: Metric, send: Any) -> None:
    parted = long(metric=metric, breakdown_dimension="type", breakdown_column="type", denominator_column="of")
    content = table("RBN,2024-02,5,1,10", "RBN,2024-02,6,2,10", "RBN,2024-02,11,,20", head=f"{HEAD},type,of")
    assert counts(written(send(parted, content))) == (3, 0, 0, 0)
    assert counts(send(parted, content.replace("11,,20", "11,,22"))) == (0, 1, 2, 0)
    parts: Any = Observation.objects.filter(metric=metric).values_list("breakdown_dimension", "breakdown_member", "denominator")
    assert set(parts) == {("type", "1", 10), ("type", "2", 10), ("", "", 20)}

    snapshot = long(metric=metric, period_type="month_end_snapshot")
    assert counts(written(send(snapshot, table("RBN,2024-02,7")))) == (1, 0, 0, 0)
    assert counts(send(snapshot, table("RBN,29/02/2024,7"))) == (0, 0, 1, 0)
    daily = long(metric=metric, period_type="date_snapshot")
    assert counts(written(send(daily, table("RBN,2024-02-14,7")))) == (1, 0, 0, 0)
    assert problems(send(daily, table("RBN,2024-02,7")))[0][2] == "“2024-02” is a month; this file is read by day."


# --- All or nothing, or what is right ---------------------------------------------------------------------------------


def test_one_wrong_row_keeps_out_all(mapping: ImportMapping, send: Any) -> None:
    job = send(mapping, MIXED)
    assert (job.state, counts(job)) == ("checked", (1, 0, 0, 2))
    with pytest.raises(RuleBroken, match="2 figures cannot be taken"):
        job.run()
    # And what was right when it was checked, and is not any more when it is written.
    job = send(mapping, table("RBN,2024-02,100", "RJR,2024-02,5"))
    job.run()
    Organisation.objects.filter(key="RJR").update(ods_code="XXX", valid_to=dt.date(2020, 1, 1))
    run_imports()
    job.refresh_from_db()
    assert (job.state, job.message) == ("refused", "Nothing was written: 1 figure cannot be taken.")
    assert not Observation.objects.filter(metric=mapping.metric).exists()


def test_or_only_itself(mapping: ImportMapping, send: Any) -> None:
    job = written(send(mapping, MIXED, mode="partial"))
    assert (job.state, counts(job)) == ("done", (1, 0, 0, 2))
    assert problems(job) == [
        (3, "organisation", "“ZZZ” is not an ODS code we know."),
        (4, "value", "“x” is no number that we can read."),
    ]
    assert Observation.objects.filter(metric=mapping.metric).count() == 1


def test_a_figure_that_the_file_repeats_is_for_a_person_to_decide(mapping: ImportMapping, send: Any) -> None:
    job = send(mapping, table("RBN,2024-02,100", "MWL,Feb-24,100"))
    assert counts(job) == (1, 0, 0, 1)
    assert problems(job) == [(3, "value", "Row 2 states this figure already.")]


# --- What nobody may write --------------------------------------------------------------------------------------------


def test_in_a_locked_month_nothing_is_new_and_what_changes_is_a_revision(mapping: ImportMapping, send: Any) -> None:
    written(send(mapping, table("RBN,2024-02,100")))
    locked = {"month_end_on": dt.date(2024, 2, 29), "reason": "Filed", "locked_on": dt.date(2024, 4, 2)}
    PeriodLock.objects.create(metric=mapping.metric, **locked)
    job = send(mapping, table("RBN,2024-02,101", "RJR,2024-02,200", "RJR,2024-01,200"), mode="partial")
    assert counts(job) == (1, 1, 0, 1)
    message = "February 2024 is locked since 2 April 2024 (Filed): this figure was not filed, so it cannot be revised."
    assert problems(job) == [(3, "value", message)]
    assert counts(written(job)) == (1, 1, 0, 1)
    revised: Any = Observation.objects.get(metric=mapping.metric, revision=2)
    reasons = Change.objects.filter(table="metrics_observation", row_id=revised.pk).values_list("reason", flat=True)
    assert (revised.value, list(reasons)) == (101, [f"Imported from figures.csv ({job.key})."])


def test_trusts_bring_their_own_figures_and_programmes_those_of_their_metrics(
    metric: Metric, send: Any, person: Callable[..., Person]
) -> None:
    content = table("RBN,2024-02,100", "RJR,2024-02,200")
    job = send(long(metric=metric), content, by=person("trust_contributor", organisation="RBN"), mode="partial")
    assert counts(job) == (1, 0, 0, 1)
    message = "You may not write figures of Countess of Chester Hospital NHS Foundation Trust."
    assert problems(job) == [(3, "organisation", message)]
    manager = person("programme_manager", programme=metric.programme.key)
    assert counts(send(long(metric=metric), content, by=manager)) == (2, 0, 0, 0)
    assert counts(send(long(metric=metric), content, by=person("viewer"))) == (0, 0, 0, 2)


def test_what_is_hidden_is_neither_named_nor_revised(metric: Metric, make: Any, send: Any) -> None:
    trust = Organisation.objects.get(key="RBN")
    secret = make(Observation, metric=metric, organisation=trust, unit="patients", value=5)
    RestrictionFactory.create(record_type="observation", record_key=secret.key)
    job = written(send(long(metric=metric), table("RBN,2024-04,6"), mode="partial"))
    assert (counts(job), problems(job)) == ((0, 0, 0, 1), [(2, "value", "You may not write this figure.")])
    RestrictionFactory.create(record_type="metric", record_key=metric.key)
    job = send(long(metric=metric), table("RBN,2024-04,6"))
    assert (job.state, job.message) == ("refused", "The mapping cannot be used. “ae-attendances” is no metric that we know.")


# --- Workers that die -------------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_leaves_nothing_and_the_next_one_takes_over(
    mapping: ImportMapping, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(mapping, table("RBN,2024-02,100"))
    job.run()

    def die(self: Any) -> int:
        written = write(self)
        assert written == 1
        raise SystemExit  # as from a signal: nobody cleans up

    write = staging.Staging.write
    with monkeypatch.context() as patched:
        patched.setattr(staging.Staging, "write", die)
        with pytest.raises(SystemExit):
            run_imports()
    job.refresh_from_db()
    assert job.state == "running" and job.lease_ends_at > timezone.now()
    assert not Observation.objects.filter(metric=mapping.metric).exists()
    run_imports()
    assert Import.objects.get(pk=job.pk).state == "running", "another worker still has it"
    Import.objects.filter(pk=job.pk).update(lease_ends_at=timezone.now())
    run_imports()
    assert Import.objects.get(pk=job.pk).state == "done"
    assert Observation.objects.filter(metric=mapping.metric).count() == 1


def test_a_worker_that_was_asleep_too_long_writes_nothing(
    mapping: ImportMapping, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(mapping, table("RBN,2024-02,100"))
    job.run()
    judge = staging.Staging.judge

    def slowly(self: Any) -> Any:
        Import.objects.filter(pk=job.pk).update(lease_ends_at=timezone.now() + dt.timedelta(hours=1))
        return judge(self)

    monkeypatch.setattr(staging.Staging, "judge", slowly)
    run_imports()
    assert JobRun.objects.first().detail == "1 lost"
    assert not Observation.objects.filter(metric=mapping.metric).exists()


def test_what_fails_three_times_is_given_up_and_can_be_run_again(
    mapping: ImportMapping, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(mapping, table("RBN,2024-02,100"))
    job.run()

    def fail(self: Any) -> int:
        raise IntegrityError("a race")

    with monkeypatch.context() as patched:
        patched.setattr(staging.Staging, "write", fail)
        states = []
        for _ in range(3):
            run_imports()
            states.append(Import.objects.get(pk=job.pk).state)
    assert states == ["running", "running", "failed"]
    job.refresh_from_db()
    assert job.message == "Something went wrong on our side. The log says what."
    assert written(job).state == "done"


def test_files_are_kept_until_they_are_written_or_forgotten(mapping: ImportMapping, send: Any) -> None:
    job = send(mapping, table("RBN,2024-02,100"))
    assert ImportPart.objects.filter(owner=job).exists()
    written(job)
    assert not ImportPart.objects.filter(owner=job).exists()
    job = send(mapping, table("RBN,2024-02,101"))
    Import.objects.filter(pk=job.pk).update(updated_at=timezone.now() - dt.timedelta(days=31))
    run_imports()
    assert not ImportPart.objects.filter(owner=job).exists()
    assert written(job).message == "The file is no longer kept. Send it again."


def test_the_number_of_statements_is_the_same_for_many_figures(metric: Metric, send: Any) -> None:
    mapping = long(metric=metric)
    numbers = []
    for years in (range(10, 11), range(11, 23)):
        rows = [f"RBN,20{year}-{month:02},{year}" for year in years for month in range(1, 13)]
        job = send(mapping, table(*rows))
        job.run()
        with CaptureQueriesContext(connection) as captured:
            run_imports()
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
    assert Observation.objects.filter(metric=metric).count() == 13 * 12


# --- Real figures -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL.exists(), reason="the file of real figures lies beside the project, and is not here")
def test_real_figures_are_imported_once_and_corrected_as_a_revision(edition: str, make: Any, send: Any) -> None:
    rows = list(csv.DictReader(REAL.read_text().splitlines()))
    known = set(Organisation.objects.exclude(ods_code=None).values_list("ods_code", flat=True))
    for code in {one["org_code"] for one in rows} - known - {"R1K"}:
        OrganisationFactory.create(key=code, ods_code=code, kind="nhs_trust")
    measures = []
    for name in ("attendances", "breaches", "admissions"):
        make(Metric, key=f"ae-{name}", unit="patients")
        measures.append(f"{name} = ae-{name}")
    mapping = long(
        organisation_column="org_code", measures=measures, breakdown_dimension="department_type", breakdown_column="type"
    )
    real = Observation.objects.filter(metric__key__in=["ae-attendances", "ae-breaches", "ae-admissions"])
    unknown = sum(one["org_code"] == "R1K" for one in rows)
    right = 3 * (len(rows) - unknown)

    job = send(mapping, REAL.read_bytes(), mode="partial")
    assert (job.row_count, counts(job)) == (1528, (right, 0, 0, 3 * unknown)), problems(job)[:5]
    assert not real.exists()
    assert {message for _, _, message in problems(job)} == {"“R1K” is not an ODS code we know."}
    assert len(problems(job)) == unknown

    job = written(job)
    assert (job.state, counts(job), real.count()) == ("done", (right, 0, 0, 3 * unknown), right)
    total = sum(int(one["attendances"]) for one in rows if one["org_code"] != "R1K")
    values: Any = real.filter(metric__key="ae-attendances").values_list("value", flat=True)
    assert sum(values, Decimal(0)) == total

    again = written(send(mapping, REAL.read_bytes(), mode="partial"))
    assert (again.state, counts(again), real.count()) == ("done", (0, 0, right, 3 * unknown), right)

    first = next(one for one in rows if one["org_code"] == "RBL")
    corrected = REAL.read_text().replace(
        f"{first['period']},RBL,{first['type']},{first['attendances']},",
        f"{first['period']},RBL,{first['type']},{int(first['attendances']) + 1},",
    )
    job = written(send(mapping, corrected, mode="partial"))
    assert (counts(job), real.count()) == ((0, 1, right - 1, 3 * unknown), right + 1)
    revision: Any = real.get(revision=2)
    assert (revision.value, revision.supersedes.value) == (int(first["attendances"]) + 1, int(first["attendances"]))
    assert REAL.parent.name not in job.file_name
