"""Files of figures: what is read from them, what becomes of it, and what is refused, in words."""

import csv
import datetime as dt
import io
import os
import random
import zipfile
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.models import Change, JobRun, Organisation, Person
from metrics import cleaning, staging
from metrics.models import Import, ImportMapping, ImportPart, Metric, Observation, PeriodLock
from metrics.tasks import run_imports
from tests.factories import MetricFactory, OrganisationFactory, RestrictionFactory
from tests.metrics.workbooks import row, sheet, workbook

PATH = "/api/v1/imports/"
#: Files that something has happened to. A long run tries more.
MUTATIONS = int(os.environ.get("CMAST_MUTATIONS", "60"))
HEAD = "organisation,period,value"
REAL = Path(__file__).parents[3] / "shared" / "data" / "ae_attendances.csv"


@pytest.fixture
def metric(edition: str) -> Metric:
    made: Metric = MetricFactory.create(key="ae-attendances", name="A&E attendances", unit="patients", direction="neutral")
    return made


@pytest.fixture
def mapping(metric: Metric) -> ImportMapping:
    return long(metric=metric)


def long(**fields: Any) -> ImportMapping:
    given = {"name": "Long", "layout": "long", "organisation_column": "organisation", "period_column": "period"}
    if "measures" not in fields:
        given["value_column"] = "value"
    return ImportMapping.objects.create(**given | fields)


@pytest.fixture
def officer(person: Callable[..., Person]) -> Person:
    return person("pmo")


@pytest.fixture
def send(officer: Person) -> Callable[..., Import]:
    """`send(mapping, text)`: a file that has come in and was checked."""

    def sent(mapping: ImportMapping, content: str | bytes, by: Person = officer, **fields: Any) -> Import:
        made = Import(mapping=mapping, **fields)
        data = content.encode() if isinstance(content, str) else content
        made.receive(SimpleUploadedFile("figures.csv", data), by)
        run_imports()
        return Import.objects.get(pk=made.pk)

    return sent


def table(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


def written(job: Import) -> Import:
    """The import after somebody has said to write it, and a worker has."""
    job.run()
    run_imports()
    return Import.objects.get(pk=job.pk)


def counts(job: Import) -> tuple[int | None, ...]:
    return job.new_count, job.changed_count, job.unchanged_count, job.refused_count


def problems(job: Import) -> list[tuple[int, str, str]]:
    return list(job.problems.values_list("row", "column", "message"))


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


def test_months_across_and_trusts_down_come_to_the_same(metric: Metric, send: Any) -> None:
    wide = ImportMapping.objects.create(name="Wide", layout="wide", metric=metric, organisation_column="Trust")
    job = written(send(wide, table('MWL,100,"77, 000",total', "Alder Hey,,n/a,", head="Trust,Jan-24,February 2024,Comment")))
    assert (job.state, counts(job), job.row_count, job.unstated_count) == ("done", (2, 0, 0, 0), 2, 2)
    figures: Any = Observation.objects.filter(metric=metric).values_list(
        "organisation__key", "period_end_on", "value", "printed_as"
    )
    january, february = dt.date(2024, 1, 31), dt.date(2024, 2, 29)
    assert set(figures) == {("RBN", january, 100, ""), ("RBN", february, 77000, "77, 000")}
    assert counts(send(long(metric=metric), table("RBN,2024-01,100", "RBN,2024-02,77000"))) == (0, 0, 2, 0)


def test_a_column_may_name_the_metric_and_a_file_one_organisation(metric: Metric, send: Any) -> None:
    mapping = long(
        metric_column="metric", organisation_column="", organisation=Organisation.objects.get(key="RBN"), value_column="value"
    )
    job = send(
        mapping, table("ae-attendances,2024-02,1", "A&E attendances,2024-03,1", "zz,2024-03,1", head="metric,period,value")
    )
    assert counts(job) == (2, 0, 0, 1)
    assert problems(job) == [(4, "metric", "“zz” is no metric that we know.")]


# --- All or nothing, or what is right ---------------------------------------------------------------------------------

MIXED = table("RBN,2024-02,100", "ZZZ,2024-02,5", "RJR,2024-02,x")


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


# --- What is wrong, in words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ("ZZZ,2024-02,1", "organisation", "“ZZZ” is not an ODS code we know."),
        ("The Trust,2024-02,1", "organisation", "“The Trust” is no organisation that we know."),
        (",2024-02,1", "organisation", "No organisation is given."),
        ("RVY,2024-02,1", "organisation", "“RVY” is Southport and Ormskirk Hospital NHS Trust, which did not exist on 29 Feb"),
        ("RBN,2024-13,1", "period", "“2024-13” is no month or day that we can read. Write it as 2024-03."),
        ("RBN,2034-03,1", "period", "“2034-03” is in the future, and the figures are reported."),
        ("RBN,1024-03,1", "period", "“1024-03” is a time that no figure of ours is about."),
        ("RBN,2024-02-14,1", "period", "“2024-02-14” is a day within a month; this file is read by month."),
        ("RBN,2024-02,-1", "value", "-1 cannot be: “A&E attendances” counts patients, in whole numbers from 0."),
        ("RBN,2024-02,1.5", "value", "1.5 cannot be: “A&E attendances” counts patients, in whole numbers from 0."),
        ("RBN,2024-02,71.9%", "value", "This is a percentage, but “A&E attendances” counts patients."),
        ("RBN,2024-02,£5", "value", "This is money, but “A&E attendances” counts patients."),
        ("RBN,2024-02,=1+1", "value", "This is a formula. Open the file, let it calculate, and save it with the values."),
        ("RBN,2024-02,77,000", "", "The row has more cells than the heading. Is a number with commas not in quotes?"),
    ],
)
def test_what_is_wrong_is_said_by_row_and_column(row: str, column: str, message: str, mapping: Any, send: Any) -> None:
    ((number, label, said),) = problems(send(mapping, table("RBN,2024-01,1", row)))
    assert (number, label) == (3, column)
    assert said.startswith(message)


def test_percents_and_ranges_and_domains_are_kept(edition: str, send: Any) -> None:
    percent = MetricFactory.create(unit="percent")
    assert counts(send(long(metric=percent), table("RBN,2024-01,101", "RBN,2024-02,71.9%%"))) == (1, 0, 0, 1)
    assert counts(send(long(metric=percent, highest=150), table("RBN,2024-01,101"))) == (1, 0, 0, 0)
    assert (
        problems(send(long(metric=percent, lowest=50), table("RBN,2024-01,49")))[0][2]
        == "49 is outside what can be, 50 to 100."
    )
    wrong = problems(send(long(metric=percent, unit="patients"), table("RBN,2024-01,49")))[0][2]
    assert wrong == f"The mapping says patients, but “{percent.name}” counts percent."
    level = MetricFactory.create(unit="level", value_domain=["1", "2", "3"])
    assert problems(send(long(metric=level), table("RBN,2024-01,4")))[0][2] == "4 is none of 1, 2, 3."


def test_what_can_be_is_said_at_the_metric_and_narrowed_by_the_mapping(edition: str, send: Any) -> None:
    waits = MetricFactory.create(unit="patients", lowest=10, highest=90)
    file = table("RBN,2024-01,9", "RBN,2024-02,10", "RBN,2024-03,60")
    assert counts(send(long(metric=waits), file)) == (2, 0, 0, 1)
    said = problems(send(long(metric=waits, lowest=0, highest=50), file))
    assert [message for _, _, message in said] == [f"{n} is outside what can be, 10 to 50." for n in (9, 60)]


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


def test_a_code_is_whoever_had_it_then(mapping: ImportMapping, send: Any) -> None:
    written(send(mapping, table("RBN,2023-06,1", "RBN,2023-07,2")))
    figures: Any = Observation.objects.filter(metric=mapping.metric).values_list("organisation__key", "value")
    assert set(figures) == {("st-helens-and-knowsley", 1), ("RBN", 2)}


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


# --- Cleaning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("71.9%%", "71.9"),
        ("77, 000", "77000"),
        ("1,150,253", "1150253"),
        ("1 150 253", "1150253"),
        ("£1,150.50", "1150.5"),
        ("-3", "-3"),
        ("\N{MINUS SIGN}3", "-3"),
        ("0", "0"),
        ("66.66666666666667", "66.666667"),
        (" 5 ", "5"),
    ],
)
def test_what_is_printed_is_cleaned(printed: str, value: str) -> None:
    found = cleaning.number(printed)
    assert found is not None and cleaning.canonical(found.value) == value


@pytest.mark.parametrize("printed", ["", "-", "–", "n/a", "N/A", "*", "not stated", " "])
def test_what_is_not_stated_is_never_zero(printed: str) -> None:
    assert cleaning.number(printed) is None


@pytest.mark.parametrize("printed", ["71,9", "1,1", "1,0000", "1.2.3", "--1", "1e5", "٣", "five", "1" * 15, "#REF!", "0x1"])
def test_what_is_not_plain_is_refused(printed: str) -> None:
    with pytest.raises(cleaning.Unclear):
        cleaning.number(printed)


@pytest.mark.parametrize(
    ("printed", "on"),
    [
        ("2024-03", "2024-03-31"),
        ("Mar-24", "2024-03-31"),
        ("March 2024", "2024-03-31"),
        ("Sept 2023", "2023-09-30"),
        ("03/2024", "2024-03-31"),
        ("2024-03-01", "2024-03-01"),
        ("31/03/2024", "2024-03-31"),
        ("31 March 2024", "2024-03-31"),
    ],
)
def test_a_period_is_read_as_people_write_it(printed: str, on: str) -> None:
    assert cleaning.day(printed).on == dt.date.fromisoformat(on)


@pytest.mark.parametrize("printed", ["", "24-Mar", "2024", "30/02/2024", "Mch 2024", "2024-00", "13/13/2024", "45383"])
def test_a_period_that_could_be_several_is_refused(printed: str) -> None:
    with pytest.raises(cleaning.Unclear):
        cleaning.day(printed)


def test_the_order_of_day_and_month_is_the_mappings() -> None:
    assert cleaning.day("01/02/2024").on == dt.date(2024, 2, 1)
    assert cleaning.day("01/02/2024", is_month_first=True).on == dt.date(2024, 1, 2)


# --- Mappings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"metric": None}, "metric"),
        ({"metric_column": "metric"}, "metric"),
        ({"organisation_column": ""}, "organisation"),
        ({"period_column": ""}, "period_column"),
        ({"value_column": ""}, "value_column"),
        ({"layout": "wide"}, "period_column"),
        ({"metric": None, "measures": ["value"], "value_column": ""}, "measures"),
        ({"metric": None, "measures": ["value = zz"], "value_column": ""}, "measures"),
        ({"metric": None, "measures": ["a = ae-4h", "a = ae-4h"], "value_column": ""}, "measures"),
        ({"metric": None, "measures": ["a = ae-4h"], "value_column": "", "denominator_column": "of"}, "denominator_column"),
    ],
)
def test_a_mapping_that_says_too_little_or_too_much_is_refused(wrong: Any, field: str, mapping: ImportMapping) -> None:
    for name, value in wrong.items():
        setattr(mapping, name, value)
    with pytest.raises(ValidationError) as refused:
        mapping.save()
    assert field in refused.value.message_dict


def test_another_mapping_has_the_file_checked_anew(mapping: ImportMapping, metric: Metric, send: Any) -> None:
    job = send(mapping, table("RBN,2024-02,1", head="organisation,period,number"))
    assert (job.state, job.message) == (
        "refused",
        "There is no column called “value”. The file has: organisation, period, number.",
    )
    job = send(mapping, table("RBN,2024-02,1"))
    job.mapping = long(metric=metric, highest=0)
    job.save()
    run_imports()
    job.refresh_from_db()
    assert (job.state, counts(job)) == ("checked", (0, 0, 0, 1))
    job.mode = "partial"
    job.save()
    job = written(job)
    job.mode = "all_or_nothing"
    with pytest.raises(ValidationError, match="This import is done"):
        job.save()


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


# --- The API ----------------------------------------------------------------------------------------------------------


def post(client: Any, content: str | bytes, key: str = "a-key", **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    body = {"file": SimpleUploadedFile("figures.csv", data), **fields}
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.generic("POST", PATH, encode_multipart(BOUNDARY, body), MULTIPART_CONTENT, **headers)


def test_a_file_is_sent_checked_and_run_through_the_api(mapping: ImportMapping, api: Any) -> None:
    client = api("pmo")
    assert post(client, MIXED, key="", mapping=mapping.key).status_code == 400, "without a key of the caller's"
    sent = post(client, MIXED, mapping=mapping.key, mode="partial")
    assert sent.status_code == 202, sent.content
    assert (sent.json()["state"], sent.json()["file_name"], sent.json()["progress"]) == ("uploaded", "figures.csv", 0)
    replayed = post(client, MIXED, mapping=mapping.key, mode="partial")
    assert (replayed.json(), replayed["Idempotency-Replayed"]) == (sent.json(), "true")
    assert post(client, MIXED + "\n", mapping=mapping.key, mode="partial").status_code == 422
    assert Import.objects.count() == 1

    path = sent["Location"]
    assert client.post(f"{path}run/").json()["code"] == "not_ready"
    run_imports()
    checked = client.get(path).json()
    assert (checked["state"], checked["new_count"], checked["refused_count"], checked["row_count"]) == ("checked", 1, 2, 3)
    first = client.get(f"{path}errors/?page_size=1").json()
    assert first["results"] == [
        {
            "row": 3,
            "column": "organisation",
            "code": "unknown_organisation",
            "message": "“ZZZ” is not an ODS code we know.",
        }
    ]
    (second,) = client.get(first["next"]).json()["results"]
    assert (second["row"], second["code"]) == (4, "not_a_number")

    run = client.post(f"{path}run/")
    assert (run.status_code, run.json()["state"]) == (202, "running")
    run_imports()
    done = client.get(path).json()
    assert (done["state"], done["progress"], done["new_count"]) == ("done", 100, 1)
    figures = client.get("/api/v1/observations/?metric=ae-attendances").json()["results"]
    assert [(figure["organisation"], figure["value"]) for figure in figures] == [("RBN", "100")]


def test_a_file_that_cannot_be_taken_in_is_a_problem(mapping: ImportMapping, api: Any, monkeypatch: Any) -> None:
    client = api("pmo")
    for content, fields in (("", {"mapping": mapping.key}), (MIXED, {}), (MIXED, {"mapping": "zz"})):
        assert post(client, content, **fields).status_code == 400
    assert post(client, MIXED, mapping=mapping.key, mode="zz").status_code == 400
    assert post(client, MIXED, mapping=mapping.key, nothing="zz").status_code == 400
    assert client.post(PATH, {"mapping": mapping.key}, HTTP_IDEMPOTENCY_KEY="b").status_code == 400
    monkeypatch.setattr(Import, "MAX_SIZE", 10)
    assert post(client, MIXED, mapping=mapping.key).json()["errors"][0]["pointer"] == "/file"
    monkeypatch.setattr("metrics.views.ImportViewSet.max_upload", -10_000_000)
    assert post(client, MIXED, mapping=mapping.key).status_code == 413
    assert not Import.objects.exists()


# --- Files that something has happened to -----------------------------------------------------------------------------

NASTY = (
    b"\0",
    b'"',
    b",",
    b"\n",
    b"=1+1",
    b"\xff",
    b"-1",
    b"9" * 30,
    b"2024-99",
    "\u202e".encode(),
    b"<!DOCTYPE",
    b"ZZZ",
    b"%%",
)


def mutated(content: bytes, dice: random.Random) -> bytes:
    """The same file with a few bytes left out, put in, exchanged or repeated."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(content) + 1)
        to = at + dice.choice([0, 1, 1, 5, 40])
        match dice.randrange(4):
            case 0:
                content = content[:at] + content[to:]
            case 1:
                content = content[:at] + dice.choice(NASTY) + content[at:]
            case 2:
                content = content[:at] + dice.randbytes(to - at) + content[to:]
            case _:
                content = content[:to] + content[at:]
    return content


def unzipped_and_mutated(content: bytes, dice: random.Random) -> bytes:
    """A workbook with one of its parts mutated, which a mutated zip hides."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(list(parts))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for part, data in parts.items():
            archive.writestr(part, mutated(data, dice) if part == name else data)
    return file.getvalue()


def forget_peak_memory() -> int:
    """Bytes that this process holds now; from here on its peak is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory(name: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def test_no_file_makes_the_register_fail_write_a_part_or_take_much_memory(mapping: ImportMapping, api: Any) -> None:
    text = table(*(f"{trust},2024-0{month},{month}00" for trust in ("RBN", "RJR", "RBS") for month in (1, 2, 3))).encode()
    rows = [row(number, *line.split(",")) for number, line in enumerate(text.decode().splitlines(), 1)]
    book, dice, client = workbook(sheet(*rows)), random.Random(MUTATIONS), api("pmo")
    ways = [(text, mutated), (book, mutated), (book, unzipped_and_mutated)]
    before = Observation.objects.count()
    states: Counter[str] = Counter()
    held = forget_peak_memory()
    for number in range(MUTATIONS):
        content, way = ways[0] if number % 2 else dice.choice(ways[1:])
        with transaction.atomic():
            sent = post(client, way(content, dice), key=str(number), mapping=mapping.key)
            assert sent.status_code in (202, 400), sent.content
            if sent.status_code == 202:
                states[outcome(client, sent["Location"], before)] += 1
            transaction.set_rollback(True)
    assert set(states) <= {"done", "refused", "checked"} and len(states) > 1
    grown = memory("VmHWM") - held
    print(f"{MUTATIONS} files: {dict(states)}, at most {grown / 2**20:.0f} MB more than before")
    assert grown <= 256 * 2**20


def outcome(client: Any, path: str, before: int) -> str:
    """How an import ends that is run where it can be; what it says it has written, and no more, is there."""
    run_imports()
    if client.post(f"{path}run/").status_code == 202:
        run_imports()
    job = client.get(path).json()
    assert client.get(f"{path}errors/").status_code == 200
    new = job["new_count"] if job["state"] == "done" else 0
    assert Observation.objects.count() == before + new, job
    return str(job["state"])


# --- The desk ---------------------------------------------------------------------------------------------------------


def test_the_desk_takes_a_file_shows_what_would_be_and_writes_it(mapping: ImportMapping, sign_in: Any) -> None:
    desk = sign_in("pmo")
    file = SimpleUploadedFile("figures.csv", MIXED.encode())
    sent = desk.post(reverse("admin:metrics_import_add"), {"file": file, "mapping": mapping.pk, "mode": "partial"})
    job = Import.objects.get()
    page = reverse("admin:metrics_import_change", args=[job.pk])
    assert (sent.status_code, sent["Location"]) == (302, page)
    waiting = desk.get(page).content.decode()
    assert "<meter" in waiting and 'http-equiv="refresh"' in waiting
    run_imports()
    checked = desk.get(page).content.decode()
    assert "“ZZZ” is not an ODS code we know." in checked and "<strong>1</strong> new" in checked
    assert "http-equiv" not in checked and "Write what is right, leave out the rest" in checked
    run = reverse("admin:metrics_import_run", args=[job.pk])
    assert desk.get(run).status_code == 405
    assert desk.post(run)["Location"] == page
    run_imports()
    assert "<strong>1</strong> new" in desk.get(page).content.decode()
    assert Observation.objects.filter(metric=mapping.metric).count() == 1
    assert "there is nothing to run" in desk.post(run, follow=True).content.decode()
    assert sign_in("viewer").post(run).status_code in (302, 403)


def test_the_desk_says_why_a_spoilt_file_cannot_be_written(mapping: ImportMapping, send: Any, sign_in: Any) -> None:
    job = send(mapping, MIXED)
    page = reverse("admin:metrics_import_change", args=[job.pk])
    content = sign_in("pmo").get(page).content.decode()
    assert "Nothing can be written as long as figures are refused." in content and "/run/" not in content


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
