"""Files of figures: how one is read, what became of each, and what was wrong with its rows."""

import datetime as dt
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.models import Person, Record, RecordQuerySet
from cmast.models.fields import LineField, NumberField, WordField, WordListField
from cmast.vocabulary import ScopeLevel, Unit, Words
from metrics.cleaning import printable
from metrics.models.definitions import Metric
from metrics.models.observations import Observation

MEASURE = "Write “column = key of the metric”, such as “attendances = ae-attendances”."


class ImportMapping(Record):
    """How the files of one sender are read: what their columns are called and which metrics they hold. Used each month.

    Long: one row for each organisation and period, with a column for each metric, or one for the metric and one for the value.
    Wide: one row for each organisation, one column for each month, one metric in the whole sheet.
    """

    class Layout(Words):
        LONG = "long"
        WIDE = "wide"

    class PeriodType(Words):
        """Those of observations that a column of dates or months can say."""

        MONTH = "month"
        MONTH_END_SNAPSHOT = "month_end_snapshot"
        DATE_SNAPSHOT = "date_snapshot"

    class DateOrder(Words):
        DAY_FIRST = "day_first", "Day first, 31/03/2024"
        MONTH_FIRST = "month_first", "Month first, 03/31/2024"

    name = LineField(max_length=200, help_text="What is read with it: A&E monthly return.")
    layout = WordField(Layout, help_text="Long: one row for each period. Wide: months across, organisations down.")
    sheet = LineField(max_length=31, blank=True, help_text="Name of the sheet of a workbook; empty: the first.")
    metric = models.ForeignKey(
        Metric, models.PROTECT, null=True, blank=True, related_name="+", help_text="The metric, where the file holds only one."
    )
    metric_column = LineField(max_length=100, blank=True, help_text="Column with the metric, by key or name.")
    measures = WordListField(help_text=f"Columns that are a metric each. {MEASURE}")
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose figures, where the file holds those of one organisation.",
    )
    organisation_column = LineField(
        max_length=100, blank=True, help_text="Column with the organisation, by ODS code, key, abbreviation or name."
    )
    period_column = LineField(max_length=100, blank=True, help_text="Long: column with the month or day.")
    value_column = LineField(
        max_length=100, blank=True, help_text="Long: column with the value, unless each metric has its own."
    )
    denominator_column = LineField(
        max_length=100, blank=True, help_text="Long: column with the number that the value is out of."
    )
    breakdown_dimension = LineField(max_length=60, blank=True, help_text="What the figures are parts along: department_type.")
    breakdown_column = LineField(max_length=100, blank=True, help_text="Column that says which part. Empty there: the whole.")
    period_type = WordField(
        PeriodType,
        default=PeriodType.MONTH,
        help_text="Month, snapshot at the month's end, or of a day.",
    )
    date_order = WordField(DateOrder, default=DateOrder.DAY_FIRST, help_text="How dates in figures are written.")
    unit = WordField(Unit, null=True, help_text="Unit of the values. Given, it must be that of the metrics.")
    lowest = NumberField(null=True, help_text="Values below this are refused as slips. It narrows what the metric says.")
    highest = NumberField(
        null=True,
        help_text="Values above this are refused as slips; for percents 100 where nothing is said, here or at the metric.",
    )
    scope_level = WordField(ScopeLevel, default=ScopeLevel.PROVIDER, help_text="Level that the figures speak about.")
    value_status = WordField(
        Observation.ValueStatus, default=Observation.ValueStatus.REPORTED, help_text="What the numbers are: reported, forecast."
    )

    class Meta(Record.Meta):
        verbose_name = "import mapping"
        verbose_name_plural = "import mappings"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(lowest__isnull=True) | Q(highest__isnull=True) | Q(highest__gte=models.F("lowest")),
                name="metrics_importmapping_range",
                violation_error_message="highest must not be below lowest.",
            ),
            models.CheckConstraint(
                condition=Q(breakdown_dimension="", breakdown_column="")
                | ~(Q(breakdown_dimension="") | Q(breakdown_column="")),
                name="metrics_importmapping_breakdown",
                violation_error_message="A breakdown needs its dimension and the column with its parts.",
            ),
        ]

    def clean(self) -> None:
        errors: dict[str, str] = {}
        if sum(map(bool, (self.metric_id, self.metric_column, self.measures))) != 1:
            errors["metric"] = "Say in one way which metric: one for all, a column with it, or columns that are metrics."
        if bool(self.organisation_id) == bool(self.organisation_column):
            errors["organisation"] = "Say in one way whose figures they are: one organisation, or a column with it."
        if self.layout == self.Layout.WIDE:
            errors |= self._wrong_when_wide()
        else:
            errors |= self._wrong_when_long()
        if errors:
            raise ValidationError(errors)

    def _wrong_when_wide(self) -> dict[str, str]:
        named = ("measures", "period_column", "value_column", "denominator_column")
        return {name: "A wide file has months for columns; leave this empty." for name in named if getattr(self, name)}

    def _wrong_when_long(self) -> dict[str, str]:
        errors = {}
        if not self.period_column:
            errors["period_column"] = "Say which column holds the month or day."
        if bool(self.value_column) == bool(self.measures):
            errors["value_column"] = "Say which column holds the value, or which columns are a metric each; not both."
        if self.denominator_column and self.measures:
            errors["denominator_column"] = "Only a value in a column of its own can have a denominator."
        if wrong := self._wrong_measures():
            errors["measures"] = wrong
        return errors

    def _wrong_measures(self) -> str:
        if unreadable := [line for line in self.measures if not all(_measure(line))]:
            return f"“{unreadable[0]}” says no column and metric. {MEASURE}"
        pairs = self.columns_of_metrics()
        if len(pairs) < len(self.measures):
            return "A column is named twice."
        known = set(Metric.objects.filter(key__in=pairs.values()).values_list("key", flat=True))
        missing = [key for key in pairs.values() if key not in known]
        return f"There is no metric with the key “{missing[0]}”." if missing else ""

    def columns_of_metrics(self) -> dict[str, str]:
        """Column -> key of its metric, from `measures`."""
        return dict(_measure(line) for line in self.measures)


def _measure(line: str) -> tuple[str, str]:
    column, _, key = line.rpartition("=")
    return column.strip(), key.strip()


class ImportQuerySet(RecordQuerySet):
    def due(self, now: dt.datetime) -> Self:
        """Those that wait for a worker, and those whose worker has not been heard of since its lease ended."""
        free = Q(lease_ends_at=None) | Q(lease_ends_at__lte=now)
        return self.filter(free, state__in=[Import.State.UPLOADED, Import.State.RUNNING])

    def awaiting_decision(self) -> Self:
        """Checked, and nobody has said yet whether to write them."""
        return self.filter(state=Import.State.CHECKED)

    def forgotten(self, now: dt.datetime) -> Self:
        """Ended, or not decided on for a month: nobody will want their files again."""
        has_ended = Q(state__in=[Import.State.DONE, Import.State.REFUSED])
        return self.filter(has_ended | Q(updated_at__lt=now - Import.KEPT))


class Import(Record):
    """One file of figures on its way into the register: uploaded, checked, and written when somebody says so.

    Checking writes no figure: it counts what would be new, changed, unchanged and refused, and says what is wrong where.
    A changed figure becomes a revision of the one before it, and both are kept.
    """

    class State(Words):
        UPLOADED = "uploaded"
        CHECKED = "checked"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        REFUSED = "refused"

    class Mode(Words):
        ALL_OR_NOTHING = "all_or_nothing"
        PARTIAL = "partial"

    #: Bytes of a file, and of the parts in which it is kept.
    MAX_SIZE: ClassVar = 64 * 1024 * 1024
    PART_SIZE: ClassVar = 1024 * 1024
    #: Longer than a worker that lives is silent.
    LEASE: ClassVar = dt.timedelta(minutes=15)
    #: How often a worker may fail or die of it.
    ATTEMPTS: ClassVar = 3
    #: How long a file is kept that nobody decides on.
    KEPT: ClassVar = dt.timedelta(days=30)
    #: Problems that are kept; the number of all is in `refused_count`.
    MAX_PROBLEMS: ClassVar = 10_000
    #: Changed figures that are shown with what they were; the number of all is in `changed_count`.
    MAX_CHANGES: ClassVar = 100

    label_field = "file_name"
    writers: ClassVar[dict[str, str]] = {"person": "submitted_by"}

    file_name = LineField(max_length=200, editable=False, help_text="Name of the file.")
    sha256 = LineField(max_length=64, editable=False, help_text="Digest of the file: the same file has the same.")
    size = models.PositiveIntegerField(editable=False, help_text="Bytes of the file.")
    mapping = models.ForeignKey(ImportMapping, models.PROTECT, related_name="imports", help_text="How the file is read.")
    mode = WordField(Mode, default=Mode.ALL_OR_NOTHING, help_text="Whether one wrong row keeps out all, or only itself.")
    submitted_by = models.ForeignKey(
        Person, models.PROTECT, editable=False, related_name="+", help_text="Who sent it. What they may not write is refused."
    )
    state = WordField(State, default=State.UPLOADED, editable=False, help_text="Where it stands.")
    message = LineField(max_length=500, blank=True, editable=False, help_text="Why it was refused, or failed.")
    progress = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="How much of the work is done, in percent."
    )
    row_count = models.PositiveIntegerField(null=True, editable=False, help_text="Rows with anything in them, but the heading.")
    new_count = models.PositiveIntegerField(null=True, editable=False, help_text="Figures that the register does not have.")
    changed_count = models.PositiveIntegerField(null=True, editable=False, help_text="Figures that become a revision.")
    unchanged_count = models.PositiveIntegerField(null=True, editable=False, help_text="Figures that the register has already.")
    refused_count = models.PositiveIntegerField(null=True, editable=False, help_text="Figures that cannot be taken.")
    unstated_count = models.PositiveIntegerField(null=True, editable=False, help_text="Cells that state no figure.")
    attempts = models.PositiveSmallIntegerField(default=0, editable=False, help_text="How often a worker has begun with it.")
    lease_ends_at = models.DateTimeField(null=True, editable=False, help_text="Until when no other worker takes it up.")
    checked_at = models.DateTimeField(null=True, editable=False, help_text="When it was checked.")
    ended_at = models.DateTimeField(null=True, editable=False, help_text="When it was written, refused or given up.")

    objects: ClassVar = ImportQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "import"
        verbose_name_plural = "imports"
        indexes = [models.Index(fields=["state"], name="metrics_import_state")]

    # --- By a person --------------------------------------------------------------------------------------------------

    def receive(self, file: File, by: Person) -> None:
        """Take a file in as it was sent, to be checked by the next worker. Raises ValidationError."""
        if not file.size:
            raise ValidationError({"file": "The file is empty."})
        if file.size > self.MAX_SIZE:
            raise ValidationError({"file": f"The file is larger than {self.MAX_SIZE // 1024**2} MB. Send it in parts."})
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        self.file_name = printable(file.name or "")[-200:] or "file"
        self.sha256, self.size, self.submitted_by = digest.hexdigest(), file.size, by
        with transaction.atomic():
            self.save()
            for number, chunk in enumerate(file.chunks(self.PART_SIZE)):
                self.parts.create(number=number, data=chunk)

    def complete(self) -> None:
        """Read in another way, a file says something else: it is checked anew."""
        if self.is_waiting and getattr(self, "as_read", {}).get("mapping_id", self.mapping_id) != self.mapping_id:
            self.state, self.progress, self.attempts, self.message = self.State.UPLOADED, 0, 0, ""
            for outcome in ("row", "new", "changed", "unchanged", "refused", "unstated"):
                setattr(self, f"{outcome}_count", None)

    def clean(self) -> None:
        read = getattr(self, "as_read", {})
        now = {"mapping": self.mapping_id, "mode": self.mode}
        before = {"mapping": read.get("mapping_id", self.mapping_id), "mode": read.get("mode", self.mode)}
        moved = [name for name in now if now[name] != before[name]]
        if moved and not self.is_waiting:
            said = f"This import is {self.get_state_display().lower()}. Send the file again."
            raise ValidationError(dict.fromkeys(moved, said))

    @property
    def is_waiting(self) -> bool:
        """Whether it can still be decided how it is read and written."""
        return self.state in (self.State.UPLOADED, self.State.CHECKED) and self.lease_ends_at is None

    @property
    def is_under_way(self) -> bool:
        """Whether a worker has it, or will have it soon."""
        return self.state in (self.State.UPLOADED, self.State.RUNNING)

    @property
    def can_run(self) -> bool:
        """Whether somebody may say that it is to be written."""
        has_failed = self.state == self.State.FAILED and self.checked_at is not None
        return has_failed or (self.state == self.State.CHECKED and not self._is_spoilt)

    @property
    def _is_spoilt(self) -> bool:
        return self.mode == self.Mode.ALL_OR_NOTHING and bool(self.refused_count)

    def run(self) -> None:
        """Have it written by the next worker. Raises RuleBroken."""
        with transaction.atomic():
            stored = Import.objects.select_for_update(of=("self",)).get(pk=self.pk)
            if stored.state == self.State.CHECKED and stored._is_spoilt:
                refused = figures_in_words(stored.refused_count or 0)
                raise RuleBroken("rows_refused", f"{refused} cannot be taken. Mend the file, or write the others only.")
            if not stored.can_run:
                raise RuleBroken("not_ready", f"This import is {stored.get_state_display().lower()}: there is nothing to run.")
            stored.state, stored.progress, stored.attempts, stored.message = self.State.RUNNING, 0, 0, ""
            stored.save()
        self.refresh_from_db()

    # --- By a worker --------------------------------------------------------------------------------------------------

    def take(self, now: dt.datetime) -> bool:
        """Compare and swap: whether it is ours. Counts the attempt, so that a file that kills its worker ends as well."""
        as_read = Import.objects.filter(pk=self.pk, version=self.version)
        return self._set(as_read, lease_ends_at=now + self.LEASE, attempts=self.attempts + 1)

    def advance(self, percent: int) -> None:
        """Say how far the work is, and go on holding it. Raises LeaseLost when it is no longer ours."""
        if not self._set(self._held(), progress=percent, lease_ends_at=timezone.now() + self.LEASE):
            raise LeaseLost

    def settle(self, state: str, **values: Any) -> None:
        """What became of the work. Raises LeaseLost, and nothing is written, when it is no longer ours."""
        if not self._set(self._held(), state=state, lease_ends_at=None, **values):
            raise LeaseLost

    def _held(self) -> models.QuerySet:
        return Import.objects.filter(pk=self.pk, lease_ends_at=self.lease_ends_at)

    def _set(self, where: models.QuerySet, **values: Any) -> bool:
        if not where.update(**values, updated_at=timezone.now()):
            return False
        for name, value in values.items():
            setattr(self, name, value)
        return True

    def note_outcome(self, problems: "list[Any]", changes: "list[Any]") -> None:
        """What is wrong with its rows, and what figures it changes, in the place of what was said before."""
        for noted, kept in ((self.problems, problems[: self.MAX_PROBLEMS]), (self.changes, changes)):
            noted.all().delete()
            for each in kept:
                each.owner = self
            noted.bulk_create(kept, batch_size=1000)

    def problems_by_kind(self) -> "list[tuple[str, str, str]]":
        """Rows, column and sentence of what is wrong, once for all rows where it is the same."""
        kinds: dict[tuple[str, str], list[int]] = {}
        for row, column, message in self.problems.values_list("row", "column", "message"):
            kinds.setdefault((column, message), []).append(row)
        return [(in_ranges(rows), column, message) for (column, message), rows in kinds.items()]

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file as it was sent."""
        with tempfile.TemporaryFile() as file:
            for part in self.parts.order_by("number").values_list("data", flat=True).iterator(chunk_size=2):
                file.write(part)
            file.seek(0)
            yield file


def figures_in_words(number: int) -> str:
    return f"{number:,} figure{'' if number == 1 else 's'}"


def in_ranges(rows: list[int], most: int = 20) -> str:
    """Ascending numbers of rows as people say them: "2 to 5, 9"."""
    ranges: list[list[int]] = []
    for row in rows:
        if ranges and row <= ranges[-1][-1] + 1:
            ranges[-1][1:] = [row]
        else:
            ranges.append([row])
    said = [" to ".join(map(str, ends if ends[0] < ends[-1] else ends[:1])) for ends in ranges[:most]]
    return ", ".join(said) + (f" and {len(ranges) - most} more places" if len(ranges) > most else "")


class LeaseLost(Exception):
    """Another worker has taken the import up, because this one was silent for too long."""
