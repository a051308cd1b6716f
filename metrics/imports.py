"""Files of figures -> observations. The only bulk writer of observations; docs/decisions/0030-imports.md says why it is so.

A file is read twice: once to say what would become of it, and once more to write, because the register moves on in between.
Reading fills a table beside the register; writing is one transaction, so that a worker that is killed leaves nothing half done.
"""

import datetime as dt
import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from cmast import dates
from cmast.collecting import uncollected
from cmast.history.context import changing
from cmast.models import Organisation, Person
from cmast.vocabulary import Unit
from metrics import cleaning, rollups, sheets
from metrics.cleaning import Unclear, printable, quoted
from metrics.figures import COUNTED
from metrics.models import Import, ImportChange, ImportMapping, ImportPart, ImportProblem, Metric
from metrics.models.imports import LeaseLost, figures_in_words
from metrics.sheets import Row, Unreadable
from metrics.staging import ACTUAL, Figure, Staging

log = logging.getLogger(__name__)
State = Import.State
#: Before this there was nothing to count, and after this nobody plans.
FIRST_DAY, LAST_DAY = dt.date(1948, 7, 5), dt.date(2100, 12, 31)


# --- The work ---------------------------------------------------------------------------------------------------------


def run() -> str:
    """Check and write what waits. What was done, for the record of the job."""
    outcomes: Counter[str] = Counter()
    for job in Import.objects.due(timezone.now()).select_related("mapping", "submitted_by").order_by("pk"):
        if job.take(timezone.now()):
            outcomes[work(job)] += 1
    if State.DONE in outcomes:
        rollups.follow()
    forgotten = Import.objects.forgotten(timezone.now()).values("pk")
    ImportPart.objects.filter(owner__in=forgotten).delete()
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())) or "nothing to do"


def work(job: Import) -> str:
    """Do what an import waits for; how that ended."""
    try:
        if job.attempts > Import.ATTEMPTS:
            job.settle(State.FAILED, message="It was begun three times and never came to an end.", ended_at=timezone.now())
        else:
            _attempt(job)
    except LeaseLost:
        log.warning("Import %s was taken up by another worker", job.key)
        return "lost"
    return job.state


def _attempt(job: Import) -> None:
    """Raises LeaseLost."""
    try:
        _check_or_write(job)
    except LeaseLost:
        raise
    except Unreadable as error:
        job.note_outcome([], [])
        job.settle(State.REFUSED, message=printable(str(error))[:500], progress=100, ended_at=timezone.now())
    except Exception:
        log.exception("Import %s failed", job.key)
        _give_back(job)


def _give_back(job: Import) -> None:
    """Let it be tried again, unless it was tried often enough."""
    if job.attempts < Import.ATTEMPTS:
        job.settle(job.state, message="Something went wrong on our side; it is tried again.")
    else:
        job.settle(State.FAILED, message="Something went wrong on our side. The log says what.", ended_at=timezone.now())


def _check_or_write(job: Import) -> None:
    is_writing = job.state == State.RUNNING
    if not job.parts.exists():
        raise Unreadable("The file is no longer kept. Send it again.")
    with job.opened() as file, closing(sheets.rows(file, job.mapping.sheet)) as rows, Staging(job) as staged:
        reading = Reading(job, rows)
        with uncollected():
            for _ in staged.fill(reading.figures()):
                job.advance(80 * file.tell() // job.size)
        if not reading.row_count:
            raise Unreadable("The file has no row below its heading.")
        if is_writing:
            _write(job, reading, staged)
        else:
            counts = _judge(job, reading, staged)
            job.settle(State.CHECKED, progress=100, attempts=0, message="", checked_at=timezone.now(), **counts)


def _judge(job: Import, reading: "Reading", staged: Staging) -> dict[str, int]:
    """What becomes of the figures, as numbers; what is wrong with rows is noted."""
    problems = list(reading.problems)
    for row, label, code, message in staged.judge():
        problems.append(ImportProblem(row=row, column=label, code=code, message=message))
    problems.sort(key=lambda problem: problem.row)
    changes = [ImportChange(row=row, column=label, figure=key, value=value) for row, label, key, value in staged.changes()]
    job.note_outcome(problems, changes)
    counts = {f"{outcome}_count": number for outcome, number in staged.counts().items()}
    counts["refused_count"] += reading.refused_count
    return counts | {"row_count": reading.row_count, "unstated_count": reading.unstated_count}


def _write(job: Import, reading: "Reading", staged: Staging) -> None:
    who, said = job.submitted_by.key, f"Imported from {job.file_name} ({job.key})."
    with transaction.atomic(), changing(actor=lambda: who, reason=said[:500]):
        staged.wait_for_turn()
        counts = _judge(job, reading, staged)
        ended: dict[str, Any] = {"progress": 100, "ended_at": timezone.now(), **counts}
        if job.mode == Import.Mode.ALL_OR_NOTHING and counts["refused_count"]:
            said = f"Nothing was written: {figures_in_words(counts['refused_count'])} cannot be taken."
            job.settle(State.REFUSED, message=said, **ended)
            return
        staged.write()
        job.settle(State.DONE, message="", **ended)


# --- What a file says -------------------------------------------------------------------------------------------------


class Period(NamedTuple):
    """The days that a figure is about, as text for the database too. A snapshot has no first one."""

    start: str | None
    end: str
    end_on: dt.date
    name: str


#: The least and the most that a value can be; None is no bound.
Bounds = tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True)
class Column:
    """A column with values: its heading, its metric where that is known, its period where the heading says it."""

    index: int
    label: str
    metric: Any = None
    period: Period | None = None


class Reading:
    """One pass over a file: the figures that it states, and what is wrong with the rest."""

    def __init__(self, job: Import, rows: Iterator[Row]) -> None:
        self.mapping: ImportMapping = job.mapping
        self.source = rows
        self.names = Names(job.submitted_by)
        self.row_count = self.refused_count = self.unstated_count = 0
        self.problems: list[ImportProblem] = []
        self._number = 0
        self._whose = self.mapping.organisation
        # Found out once for a file, because a file says the same names again and again.
        self._periods: dict[str, Period] = {}
        self._organisations: dict[tuple[str, dt.date], Any] = {}
        self._metrics: dict[str, Any] = {}
        self._bounds: dict[int, Bounds] = {}
        self._writable: set[tuple[int, int]] = set()
        #: Heading of the column that is being looked at.
        self._at = ""

    def figures(self) -> Iterator[Figure]:
        """Raises Unreadable where the file as a whole cannot be taken."""
        self.heading = Heading(next(self.source, (0, []))[1])
        mapping = self.mapping
        if self._whose and self.names.reach.hidden.hides(self._whose):
            raise Unreadable("The mapping cannot be used. Its organisation is none that we know.")
        self._period_at = self.heading.place(mapping.period_column)
        self._organisation_at = self.heading.place(mapping.organisation_column)
        self._metric_at = self.heading.place(mapping.metric_column)
        self._member_at = self.heading.place(mapping.breakdown_column)
        self._denominator_at = self.heading.place(mapping.denominator_column)
        columns = list(self._columns())
        for number, cells in self.source:
            self.row_count += 1
            yield from self._of_row(number, cells + [""] * (self.heading.width - len(cells)), columns)

    def _columns(self) -> Iterator[Column]:
        """The columns with values."""
        mapping = self.mapping
        metric = self._metric_named(mapping.metric.key) if mapping.metric else None
        if mapping.layout == ImportMapping.Layout.WIDE:
            yield from self._columns_of_periods(metric)
        elif mapping.measures:
            for label, key in mapping.columns_of_metrics().items():
                yield Column(self.heading.places[self.heading.known(label)], label, self._metric_named(key))
        else:
            label = mapping.value_column
            yield Column(self.heading.places[self.heading.known(label)], label, metric)

    def _metric_named(self, key: str) -> Any:
        try:
            return self.names.metric(key)
        except Unclear as error:
            raise Unreadable(f"The mapping cannot be used. {error}") from error

    def _columns_of_periods(self, metric: Any) -> Iterator[Column]:
        found = 0
        for label, index in self.heading.places.items():
            try:
                period = self._period(label)
            except Unclear as error:
                if error.code != "not_a_period":
                    raise Unreadable(str(error)) from error
                continue
            found += 1
            yield Column(index, printable(label)[:100], metric, period)
        if not found:
            raise Unreadable("No column is called after a month, such as 2024-03 or Mar-24.")

    def _of_row(self, number: int, cells: list[str], columns: list[Column]) -> Iterator[Figure]:
        said: set[tuple[str, str]] = set()
        for column in columns:
            try:
                figure = self._figure(number, cells, column)
            except Unclear as error:
                self.refused_count += 1
                if (self._at, error.code) not in said:
                    said.add((self._at, error.code))
                    self._note(number, error)
                continue
            if figure is None:
                self.unstated_count += 1
            else:
                yield figure

    def _note(self, number: int, error: Unclear) -> None:
        if len(self.problems) < Import.MAX_PROBLEMS:
            label, message = printable(self._at)[:100], printable(str(error))[:500]
            self.problems.append(ImportProblem(row=number, column=label, code=error.code, message=message))

    def _figure(self, number: int, cells: list[str], column: Column) -> Figure | None:
        """What the row states in this column; None where it states nothing. Raises Unclear, and `_at` says where."""
        mapping, width = self.mapping, self.heading.width
        self._at = ""
        if any(cells[width:]):
            raise Unclear("too_many_cells", "The row has more cells than the heading. Is a number with commas not in quotes?")
        self._at = mapping.period_column
        period = column.period or self._period(cells[self._period_at])
        self._at = mapping.organisation_column
        organisation = self._organisation(cells[self._organisation_at], period)
        self._at = mapping.metric_column
        metric = column.metric or self._metric(cells[self._metric_at])
        self._at = mapping.organisation_column
        self._require_right(metric, organisation)
        self._at = mapping.breakdown_column
        member = part(cells[self._member_at]) if mapping.breakdown_column else ""
        self._at = column.label
        printed = cells[column.index]
        number_found = cleaning.number(printed)
        if number_found is None:
            return None
        if metric.id not in self._bounds:
            self._bounds[metric.id] = plausible(metric, mapping)
        check(number_found, metric, mapping, self._bounds[metric.id])
        value = cleaning.canonical(number_found.value)
        self._at = mapping.denominator_column
        denominator = self._denominator(cells)
        self._number += 1
        return Figure(
            self._number,
            number,
            column.label,
            metric.id,
            organisation.id,
            member,
            period.start,
            period.end,
            value,
            denominator,
            "" if printed == value else printable(printed),
            self._key(metric, organisation, period, member),
        )

    def _denominator(self, cells: list[str]) -> str | None:
        if not self.mapping.denominator_column or (found := cleaning.number(cells[self._denominator_at])) is None:
            return None
        if found.value <= 0:
            raise Unclear("out_of_range", "A denominator is more than 0.")
        return cleaning.canonical(found.value)

    def _key(self, metric: Any, organisation: Any, period: Period, member: str) -> str:
        """The public code of the first statement of a figure: what it is, of whom, and when."""
        base = f"{metric.key}-{organisation.key}-{period.name}"
        if member:
            base = f"{base}-{slugify(member)}".rstrip("-")
        if self.mapping.value_status not in ACTUAL:
            base = f"{base}-{self.mapping.value_status}"
        return base if len(base) <= 70 else f"{base[:60].rstrip('-_')}-{hashlib.sha256(base.encode()).hexdigest()[:8]}"

    def _period(self, printed: str) -> Period:
        if printed not in self._periods:
            self._periods[printed] = period_of(printed, self.mapping)
        return self._periods[printed]

    def _metric(self, printed: str) -> Any:
        if printed not in self._metrics:
            self._metrics[printed] = self.names.metric(printed)
        return self._metrics[printed]

    def _require_right(self, metric: Any, organisation: Any) -> None:
        place = metric.id, organisation.id
        if place not in self._writable:
            self.names.require_right(metric, organisation)
            self._writable.add(place)

    def _organisation(self, printed: str, period: Period) -> Any:
        if self._whose:
            return self._whose
        asked = printed, period.end_on
        if asked not in self._organisations:
            self._organisations[asked] = self.names.organisation(*asked)
        return self._organisations[asked]


class Heading:
    """The first row of a file: which column stands where."""

    def __init__(self, labels: list[str]) -> None:
        #: Heading -> its place. Columns without one are not read.
        self.places: dict[str, int] = {}
        self.width = len(labels)
        folded = set()
        for index, label in enumerate(labels):
            if label and label.casefold() in folded:
                raise Unreadable(f"Two columns are called {quoted(label)}.")
            if label:
                folded.add(label.casefold())
                self.places[label] = index
        self._by_fold = {label.casefold(): label for label in self.places}

    def known(self, label: str) -> str:
        """The heading as it is printed. Raises Unreadable."""
        if label.casefold() not in self._by_fold:
            there = ", ".join(self.places)
            raise Unreadable(f"There is no column called {quoted(label)}. The file has: {printable(there)[:300] or 'none'}.")
        return self._by_fold[label.casefold()]

    def place(self, label: str) -> int:
        """Where a column stands that the mapping names; 0 for none, which nobody reads. Raises Unreadable."""
        return self.places[self.known(label)] if label else 0


class Names:
    """What people call metrics and organisations, and what one of them may write. Read once for a file."""

    def __init__(self, person: Person) -> None:
        self.reach = person.reach
        self._organisations: Any = Organisation.objects.visible_to(person)
        self._metrics: Any = Metric.objects.visible_to(person)

    @cached_property
    def _metrics_by(self) -> list[dict[str, list[Any]]]:
        return _tiers(self._metrics, lambda one: [one.key], lambda one: [one.name])

    @cached_property
    def _organisations_by(self) -> list[dict[str, list[Any]]]:
        return _tiers(
            self._organisations,
            lambda one: [one.key, one.ods_code],
            lambda one: [one.abbreviation, one.short_name, one.name, *one.aliases],
        )

    def metric(self, printed: str) -> Any:
        """The metric of this key or name. Raises Unclear."""
        for tier in self._metrics_by:
            match tier.get(printed.casefold(), []):
                case [metric]:
                    return metric
                case [_, *_]:
                    raise Unclear("ambiguous_metric", f"Several metrics are called {quoted(printed)}: give the key.")
        raise Unclear("unknown_metric", f"{quoted(printed)} is no metric that we know.")

    def organisation(self, printed: str, on: dt.date) -> Any:
        """Whoever had this code or name on that day: codes pass from one organisation to another. Raises Unclear."""
        named: list[Any] = []
        for tier in self._organisations_by:
            named = tier.get(printed.casefold(), [])
            valid = [one for one in named if one.is_valid_on(on)]
            if len(valid) == 1:
                return valid[0]
            if valid:
                raise Unclear(
                    "ambiguous_organisation", f"{quoted(printed)} may be {valid[0]} or {valid[1]}: give the ODS code."
                )
            if named:
                break
        if named:
            day = f"{on.day} {on:%B} {on.year}"
            raise Unclear("organisation_not_valid", f"{quoted(printed)} is {named[0]}, which did not exist on {day}.")
        if not printed:
            raise Unclear("unknown_organisation", "No organisation is given.")
        is_code = printed.isalnum() and len(printed) <= 6
        raise Unclear(
            "unknown_organisation", f"{quoted(printed)} is {'not an ODS code' if is_code else 'no organisation that'} we know."
        )

    def require_right(self, metric: Any, organisation: Any) -> None:
        """Raises Unclear where the person may not write such a figure; the same rule as `Observation.writers`."""
        writes = self.reach.writes
        if not (self.reach.is_pmo or organisation.pk in writes["organisation"] or metric.programme_id in writes["programme"]):
            raise Unclear("not_yours", f"You may not write figures of {organisation}.")


def _tiers(records: Any, *names: Callable[[Any], list[str | None]]) -> list[dict[str, list[Any]]]:
    """Names that are looked for first, and those that are looked for where the first know nothing."""
    found: list[dict[str, list[Any]]] = [defaultdict(list) for _ in names]
    for record in records:
        for tier, names_of in zip(found, names, strict=True):
            for name in {name.casefold() for name in names_of(record) if name}:
                tier[name].append(record)
    return [dict(tier) for tier in found]


def period_of(printed: str, mapping: ImportMapping) -> Period:
    """The period that is meant. Raises Unclear."""
    found = cleaning.day(printed, is_month_first=mapping.date_order == ImportMapping.DateOrder.MONTH_FIRST)
    on, last = found.on, dates.month_end(found.on)
    is_daily = mapping.period_type == mapping.PeriodType.DATE_SNAPSHOT
    if is_daily and found.is_month:
        raise Unclear("not_a_day", f"{quoted(printed)} is a month; this file is read by day.")
    if not is_daily and on.day != 1 and on != last:
        raise Unclear("not_a_month", f"{quoted(printed)} is a day within a month; this file is read by month.")
    first = on if is_daily else on.replace(day=1)
    if not FIRST_DAY <= first <= LAST_DAY:
        raise Unclear("out_of_range", f"{quoted(printed)} is a time that no figure of ours is about.")
    if mapping.value_status in ACTUAL and first > timezone.localdate():
        raise Unclear("in_the_future", f"{quoted(printed)} is in the future, and the figures are {mapping.value_status}.")
    has_start = mapping.period_type == mapping.PeriodType.MONTH
    end_on, name = (on, on.isoformat()) if is_daily else (last, f"{on:%Y-%m}")
    return Period(first.isoformat() if has_start else None, end_on.isoformat(), end_on, name)


def part(printed: str) -> str:
    """The part of a breakdown. Raises Unclear."""
    if len(printed) > 100 or printable(printed) != printed:
        raise Unclear("not_a_part", f"{quoted(printed)} cannot be the name of a part.")
    return printed


def check(number: cleaning.Number, metric: Any, mapping: ImportMapping, bounds: Bounds) -> None:
    """Unit, range and domain of one value. Raises Unclear."""
    unit, value = metric.unit, number.value
    if mapping.unit and mapping.unit != metric.unit:
        raise Unclear("wrong_unit", f"The mapping says {Unit(mapping.unit).label.lower()}, but {_counts(metric)}.")
    if number.is_percent and unit not in cleaning.PERCENTS:
        raise Unclear("wrong_unit", f"This is a percentage, but {_counts(metric)}.")
    if number.is_money and unit != Unit.GBP:
        raise Unclear("wrong_unit", f"This is money, but {_counts(metric)}.")
    is_whole = unit != Unit.POSTS  # there are half posts
    if unit in COUNTED and (value < 0 or (is_whole and value % 1)):
        numbers = "in whole numbers from 0" if is_whole else "from 0"
        raise Unclear("out_of_range", f"{cleaning.canonical(value)} cannot be: {_counts(metric)}, {numbers}.")
    lowest, highest = bounds
    if (lowest is not None and value < lowest) or (highest is not None and value > highest):
        said = " to ".join("any" if bound is None else cleaning.canonical(bound) for bound in (lowest, highest))
        raise Unclear("out_of_range", f"{cleaning.canonical(value)} is outside what can be, {said}.")
    if metric.value_domain and cleaning.canonical(value) not in metric.value_domain:
        raise Unclear("out_of_range", f"{cleaning.canonical(value)} is none of {', '.join(metric.value_domain)[:200]}.")


def plausible(metric: Any, mapping: ImportMapping) -> Bounds:
    """The least and the most that can be: the metric's, narrowed by the mapping, never widened; 0 to 100 for other percents."""
    lows = [low for low in (metric.lowest, mapping.lowest) if low is not None]
    highs = [high for high in (metric.highest, mapping.highest) if high is not None]
    if metric.unit == Unit.PERCENT:
        lows, highs = lows or [Decimal(0)], highs or [Decimal(100)]
    return max(lows, default=None), min(highs, default=None)


def _counts(metric: Any) -> str:
    words = "is a count" if metric.unit == Unit.COUNT else f"counts {Unit(metric.unit).label.lower()}"
    return f"“{metric.name}” {words}"
