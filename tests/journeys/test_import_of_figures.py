"""A PMO analyst brings a trust's returns in: how the file is read, what it would change, writing, correcting, looking."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from cmast.models import Organisation
from metrics.models import Metric, Observation
from metrics.tasks import run_imports
from tests.factories import OrganisationFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.either_database]

REAL = Path(__file__).parents[3] / "shared" / "data" / "ae_attendances.csv"
MEASURES = ("attendances", "breaches", "admissions")


def returns() -> str:
    """The real returns where they lie beside the project; otherwise two made-up years in the same shape."""
    if REAL.exists():
        return REAL.read_text()
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["period", "org_code", "type", *MEASURES])
    for month in range(24):
        for code in ("RBL", "RBN", "R1K"):
            for kind in ("1", "2", "other"):
                number = 5000 + 37 * month % 211
                rows.writerow([f"{2016 + month // 12}-{1 + month % 12:02}-01", code, kind, number, number // 9, number // 4])
    return text.getvalue()


@pytest.fixture
def places(edition: str, make: Any) -> None:
    """The metrics of the returns, and the trusts of other regions that are in them."""
    known = set(Organisation.objects.exclude(ods_code=None).values_list("ods_code", flat=True))
    for code in {row["org_code"] for row in csv.DictReader(returns().splitlines())} - known - {"R1K"}:
        OrganisationFactory.create(key=code, ods_code=code, kind="nhs_trust", name=f"Trust {code}")
    for name in MEASURES:
        make(Metric, key=f"ae-{name}", name=f"A&E {name}", unit="patients")


def make_mapping(desk: Page) -> None:
    desk.goto("/admin/metrics/importmapping/add/")
    desk.fill("[name=name]", "A&E monthly return")
    desk.select_option("[name=layout]", "long")
    desk.fill("[name=measures]", "\n".join(f"{name} = ae-{name}" for name in MEASURES))
    desk.fill("[name=organisation_column]", "org_code")
    desk.fill("[name=period_column]", "period")
    for name, value in (("breakdown_dimension", "department_type"), ("breakdown_column", "type")):
        if not desk.is_visible(f"[name={name}]"):
            desk.locator("details", has=desk.locator(f"[name={name}]")).locator("summary").click()
        desk.fill(f"[name={name}]", value)
    desk.click("input[name=_save]")
    expect(desk.locator(".messagelist")).to_contain_text("was added successfully")


def send(desk: Page, content: str) -> None:
    """Choose the file and how it is read, and wait for the worker that checks it."""
    desk.goto("/admin/metrics/import/add/")
    file = FilePayload(name="ae_attendances.csv", mimeType="text/csv", buffer=content.encode())
    desk.set_input_files("[name=file]", file)
    desk.locator("#id_mapping + .select2").click()
    desk.get_by_role("option", name="A&E monthly return").click()
    desk.select_option("[name=mode]", "partial")
    desk.locator("input[name=_save], .submit-row [type=submit]").first.click()
    work(desk)


def write(desk: Page) -> None:
    desk.get_by_role("button", name="Write what is right, leave out the rest").click()
    work(desk)


def work(desk: Page) -> None:
    """The page looks again by itself while the worker is at it. One that we loaded anew would collide with that."""
    expect(desk.locator("meter")).to_be_visible()
    run_imports()
    expect(desk.locator("meter")).to_have_count(0, timeout=15_000)
    expect(desk.locator(".counts")).to_be_visible()


def counts(desk: Page) -> dict[str, int]:
    """Outcome -> number of figures, as the page says it."""
    said = desk.locator("#content").inner_text()
    words = said.replace(",", "").split()
    return {word: int(words[words.index(word) - 1]) for word in ("new", "changed", "unchanged", "refused") if word in words}


def test_returns_are_checked_written_once_corrected_and_looked_at(places: None, desk: Page) -> None:
    content = returns()
    rows = list(csv.DictReader(content.splitlines()))
    unknown = 3 * sum(row["org_code"] == "R1K" for row in rows)
    right = 3 * len(rows) - unknown
    imported = Observation.objects.filter(metric__key__startswith="ae-", breakdown_dimension="department_type")
    make_mapping(desk)

    send(desk, content)
    expect(desk.locator("#content")).to_contain_text("“R1K” is not an ODS code we know.")
    assert counts(desk) == {"new": right, "changed": 0, "unchanged": 0, "refused": unknown}
    assert not imported.exists()
    write(desk)
    assert (counts(desk)["new"], imported.count()) == (right, right)

    send(desk, content)
    assert counts(desk) == {"new": 0, "changed": 0, "unchanged": right, "refused": unknown}
    assert imported.count() == right

    first = next(row for row in rows if row["org_code"] == "RBL")
    was = f"{first['period']},RBL,{first['type']},{first['attendances']},"
    send(desk, content.replace(was, f"{first['period']},RBL,{first['type']},{int(first['attendances']) + 1},"))
    assert counts(desk) == {"new": 0, "changed": 1, "unchanged": right - 1, "refused": unknown}
    write(desk)
    revision: Any = imported.get(revision=2)
    assert (revision.value, revision.supersedes.value) == (int(first["attendances"]) + 1, int(first["attendances"]))

    desk.goto(f"/admin/metrics/metric/{revision.metric_id}/change/")
    desk.get_by_role("link", name="All organisations").click()
    desk.get_by_role("link", name=first["type"], exact=True).click()
    desk.get_by_role("link", name="Wirral").first.click()
    chart = desk.locator("svg[role=img]").first
    expect(chart).to_be_visible()
    assert "Wirral" in (desk.locator("h2").first.inner_text())
    expect(desk.locator("#content table")).to_contain_text(f"{int(first['attendances']) + 1:,}")
