"""Files of figures as they are sent: by the API, at the desk, and with something having happened to them."""

import io
import os
import random
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse

from metrics.models import Import, ImportMapping, Observation
from metrics.models.imports import in_ranges
from metrics.tasks import run_imports
from tests.factories import RestrictionFactory
from tests.metrics.imports.files import MIXED, table, written
from tests.metrics.workbooks import row, sheet, workbook

PATH = "/api/v1/imports/"
#: Files that something has happened to. A long run tries more.
MUTATIONS = int(os.environ.get("CMAST_MUTATIONS", "60"))


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
    again = SimpleUploadedFile("figures.csv", MIXED.encode())
    sent = desk.post(reverse("admin:metrics_import_add"), {"file": again, "mapping": mapping.pk, "mode": "partial"})
    run_imports()
    assert "Close it: there is nothing to write" in desk.get(sent["Location"]).content.decode()
    assert sign_in("viewer").post(run).status_code in (302, 403)


def test_the_desk_says_why_a_spoilt_file_cannot_be_written(mapping: ImportMapping, send: Any, sign_in: Any) -> None:
    job = send(mapping, MIXED)
    page = reverse("admin:metrics_import_change", args=[job.pk])
    content = sign_in("pmo").get(page).content.decode()
    assert "Nothing can be written as long as figures are refused." in content and "/run/" not in content


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


def test_the_desk_says_once_what_is_wrong_with_many_rows(mapping: ImportMapping, send: Any, sign_in: Any) -> None:
    """A return with trusts that are not ours must not hide a slip in one that is."""
    others = [f"XX{place},2024-0{month},1" for place in (1, 2) for month in (1, 2)]
    job = send(mapping, table(*others, "RBN,2024-02,-1", "XX1,2024-03,1"))
    content = sign_in("pmo").get(reverse("admin:metrics_import_change", args=[job.pk])).content.decode()
    assert job.problems_by_kind() == [
        ("2 to 3, 7", "organisation", "“XX1” is not an ODS code we know."),
        ("4 to 5", "organisation", "“XX2” is not an ODS code we know."),
        ("6", "value", "-1 cannot be: “A&E attendances” counts patients, in whole numbers from 0."),
    ]
    assert content.count("“XX1”") == 1 and "2 to 3, 7" in content and "6 rows." in content


@pytest.mark.parametrize(
    ("rows", "words"),
    [([4], "4"), ([4, 4, 5], "4 to 5"), ([1, 3, 5], "1, 3, 5"), (list(range(1, 99, 2)), "and 29 more places")],
)
def test_rows_are_said_in_ranges(rows: list[int], words: str) -> None:
    assert in_ranges(rows).endswith(words)


def test_what_changes_is_shown_beside_what_it_is_to_those_who_may_see_that(
    mapping: ImportMapping, send: Any, sign_in: Any, api: Any
) -> None:
    written(send(mapping, table("RBN,2024-01,7785", "RJR,2024-01,5")))
    job = send(mapping, table("RBN,2024-01,17785", "RJR,2024-01,6.0", "RWW,2024-01,1"), mode="partial")
    figure: Any = Observation.objects.get(metric=mapping.metric, organisation__key="RBN")
    hidden: Any = Observation.objects.get(metric=mapping.metric, organisation__key="RJR")
    address, page = f"/api/v1/imports/{job.key}/changes/", reverse("admin:metrics_import_change", args=[job.pk])
    expected = {"row": 2, "column": "value", "observation": figure.key, "before": "7785", "after": "17785"}
    first, second = api("pmo").get(address).json()
    assert first == expected and (second["observation"], second["after"]) == (hidden.key, "6")
    RestrictionFactory.create(record_type="observation", record_key=hidden.key)
    assert api("pmo").get(address).json() == [expected]
    content = sign_in("pmo").get(page).content.decode()
    assert "7,785" in content and "17,785" in content and "Countess" not in content
    written(job)
    assert api("pmo").get(address).json() == [expected]
    assert api("pmo").get(f"/api/v1/imports/{send(mapping, table('RBN,2024-01,17785')).key}/changes/").json() == []
