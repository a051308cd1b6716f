"""What is read from files of figures, and what cannot be read, in words."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from cmast.models import Organisation
from metrics import cleaning
from metrics.models import ImportMapping, Metric, Observation
from metrics.tasks import run_imports
from tests.factories import MetricFactory
from tests.metrics.imports.files import counts, long, problems, table, written

# --- What is printed --------------------------------------------------------------------------------------------------


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


def test_a_code_is_whoever_had_it_then(mapping: ImportMapping, send: Any) -> None:
    written(send(mapping, table("RBN,2023-06,1", "RBN,2023-07,2")))
    figures: Any = Observation.objects.filter(metric=mapping.metric).values_list("organisation__key", "value")
    assert set(figures) == {("st-helens-and-knowsley", 1), ("RBN", 2)}


# --- Mappings ---------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("unit", "value", "message"),
    [
        ("count", "-6", "-6 cannot be: “Given” is a count, in whole numbers from 0."),
        ("count", "5.5", "5.5 cannot be: “Given” is a count, in whole numbers from 0."),
        ("posts", "-1", "-1 cannot be: “Given” counts posts, from 0."),
        ("posts", "2.5", ""),
    ],
)
def test_what_is_counted_is_not_below_zero(unit: str, value: str, message: str, edition: str, send: Any) -> None:
    metric = MetricFactory.create(unit=unit, name="Given")
    job = send(long(metric=metric), table(f"RBN,2024-01,{value}"))
    assert [said for _, _, said in problems(job)] == [message][: bool(message)]
