"""Files of figures beside COPY of such rows: into the register, with its history, and into a table that has none.

What is timed ends when the figures are written; the rows that are kept of them are measured in `benchmarks.rolling`. Before
each piece the server writes out what the one before has left to it, and which side comes first alternates.
"""

import csv
import io
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone

from benchmarks.filling import copy_constraints
from benchmarks.judging import Goal, Result, divide
from cmast.models import Membership, Organisation, Person
from cmast.vocabulary import Role
from metrics import imports
from metrics.models import Import, ImportMapping, Metric, Observation
from programmes.models import Programme

MONTHS = [f"{year}-{month:02}" for year in range(2015, 2020) for month in range(1, 13)]


class Times(NamedTuple):
    """Seconds that each way took."""

    checked: float
    written: float
    again: float
    copied: float
    bare: float


def compare(metrics: int, rounds: int) -> list[Result]:
    """P8: in each round as many new metrics, each with five years of sixty organisations."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_observation (LIKE metrics_observation INCLUDING ALL)")
        copy_constraints(cursor, "metrics_observation", "bare_observation")
    officer = Person.objects.create(name="The officer", email="officer@cmast.example")
    Membership.objects.create(person=officer, role=Role.PMO)
    mapping = ImportMapping.objects.create(
        name="Long",
        layout="long",
        organisation_column="organisation",
        period_column="period",
        metric_column="metric",
        value_column="value",
    )
    _add_metrics("imported-0", metrics)
    _imported(_file(0, metrics), mapping, officer)  # for the first COPY, and so that neither side is the first to write
    times = [_round(number, metrics, mapping, officer) for number in range(1, rounds + 1)]
    copied, written = [took.copied for took in times], [took.written for took in times]
    again, whole = [took.again for took in times], [took.checked + took.written for took in times]
    bare = [took.bare for took in times]
    return [
        Result(Goal("P8", "a checked file written, in the speed of COPY", 0.75, 0.9, is_least=True), divide(copied, written)),
        Result(Goal("P8 again", "the same file again, in the speed of COPY", 2, is_least=True), divide(copied, again)),
        Result(Goal("P8 whole", "checked and then written, in the speed of COPY", is_least=True), divide(copied, whole)),
        Result(Goal("P8 bare", "written, in the speed of COPY without history", is_least=True), divide(bare, written)),
    ]


def _add_metrics(name: str, metrics: int) -> None:
    programme: Any = Programme.objects.order_by("pk").first()
    for n in range(metrics):
        key = f"{name}-{n}"
        Metric.objects.create(key=key, name=key, programme=programme, unit="patients", direction="neutral")


def _round(number: int, metrics: int, mapping: ImportMapping, officer: Person) -> Times:
    _add_metrics(f"imported-{number}", metrics)
    _add_metrics(f"copied-{number}", metrics)
    file, made = _file(number, metrics), _as_copied(number)
    took: dict[str, float] = {}

    def imported() -> None:
        took["checked"], took["written"], job = _imported(file, mapping, officer)
        _, took["again"], again = _imported(file, mapping, officer)
        rows = metrics * 60 * len(MONTHS)
        if (job.new_count, again.unchanged_count) != (rows, rows):
            raise RuntimeError(f"{job.new_count} new and {again.unchanged_count} unchanged of {rows}. {job.message}")

    def copied() -> None:
        took["copied"] = seconds(lambda: _copy("metrics_observation", made))
        took["bare"] = seconds(lambda: _copy("bare_observation", made))

    for side in (imported, copied) if number % 2 else (copied, imported):
        side()
    return Times(**took)


def _file(number: int, metrics: int) -> bytes:
    """A row for each metric, organisation and month; the values are as good as any."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["metric", "organisation", "period", "value"])
    codes = list(Organisation.objects.filter(key__startswith="ORG").order_by("key").values_list("key", flat=True))
    for n in range(metrics):
        for place, code in enumerate(codes):
            rows.writerows((f"imported-{number}-{n}", code, month, 1000 + 7 * place + n) for month in MONTHS)
    return text.getvalue().encode()


def _imported(file: bytes, mapping: ImportMapping, officer: Person) -> tuple[float, float, Import]:
    """Seconds of checking and of writing, and what became of the file."""
    job = Import(mapping=mapping)
    job.receive(SimpleUploadedFile("figures.csv", file), officer)
    checked = seconds(lambda: _work(job))
    job.refresh_from_db()
    job.run()
    written = seconds(lambda: _work(job))
    job.refresh_from_db()
    return checked, written, job


def _work(job: Import) -> None:
    job.take(timezone.now())
    imports.work(job)


def _as_copied(number: int) -> bytes:
    """What was imported in the round before, as rows of the metrics that this round copies."""
    shown = ", ".join(f"o.{column}" for column in _columns() if column not in ("key", "metric_id"))
    before, now = f"imported-{number - 1}-", f"copied-{number}-"
    query = (
        f"COPY (SELECT replace(o.key, '{before}', '{now}'), c.id, {shown} FROM metrics_observation o "
        f"JOIN metrics_metric m ON m.id = o.metric_id JOIN metrics_metric c ON c.key = replace(m.key, '{before}', '{now}') "
        f"WHERE m.key LIKE '{before}%' ORDER BY o.id) TO STDOUT"
    )
    with connection.cursor() as cursor:
        raw: Any = cursor
        with raw.copy(query) as rows:
            return b"".join(map(bytes, rows))


def _columns() -> list[str]:
    return [str(field.column) for field in Observation._meta.concrete_fields if not field.primary_key]


def _copy(table: str, rows: bytes) -> None:
    others = [column for column in _columns() if column not in ("key", "metric_id")]
    with transaction.atomic(), connection.cursor() as cursor:
        raw: Any = cursor
        with raw.copy(f"COPY {table} (key, metric_id, {', '.join(others)}) FROM STDIN") as copy:
            copy.write(rows)


def seconds(work: Callable[[], object], *, is_settled: bool = True) -> float:
    """How long it takes. With `is_settled` the server first writes out what was done before."""
    if is_settled:
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
