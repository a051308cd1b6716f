"""What belongs to a file of figures: its bytes, what is wrong with its rows, and which figures it changes."""

from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from django.db import models

from cmast.models import Organisation, Reader
from cmast.models.fields import LineField, NumberField
from metrics.models.imports import Import
from metrics.models.observations import Observation


class ImportPart(models.Model):
    """A piece of a file. In the database, so that every worker finds it, wherever it was sent to."""

    owner = models.ForeignKey(Import, models.CASCADE, related_name="parts", help_text="The import.")
    number = models.PositiveIntegerField(help_text="Its place in the file.")
    data = models.BinaryField(help_text="Bytes of the file.")

    class Meta:
        verbose_name = "part of an import"
        verbose_name_plural = "parts of imports"
        constraints = [models.UniqueConstraint(fields=["owner", "number"], name="metrics_importpart_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.number}"


class ImportProblem(models.Model):
    """What is wrong with a row, or with a cell of it."""

    owner = models.ForeignKey(Import, models.CASCADE, related_name="problems", help_text="The import.")
    row = models.PositiveIntegerField(help_text="Row of the file; the heading is a row too.")
    column = LineField(max_length=100, blank=True, help_text="Column, as the heading calls it.")
    code = LineField(max_length=40, help_text="Stable word for programs.")
    message = LineField(max_length=500, help_text="One sentence for people.")

    class Meta:
        verbose_name = "problem of an import"
        verbose_name_plural = "problems of imports"
        ordering = ["row", "id"]
        indexes = [models.Index(fields=["owner", "row"], name="metrics_importproblem_row")]

    def __str__(self) -> str:
        return f"Row {self.row}: {self.message}"


class Shown(NamedTuple):
    """A figure that a file changes, beside what it is."""

    row: int
    column: str
    before: Observation
    after: Decimal

    @property
    def values(self) -> tuple[Decimal | None, Decimal]:
        return self.before.value, self.after


class ImportChangeQuerySet(models.QuerySet):
    def shown_to(self, reader: Reader) -> list[Shown]:
        """Those whose present figure this reader may see, and whose it is."""
        changes: list[Any] = list(self)
        places = Organisation.objects.visible_to(reader)
        figures = Observation.objects.visible_to(reader).filter(organisation__in=places)
        figures = figures.select_related("metric", "organisation")
        present = figures.in_bulk([change.figure for change in changes], field_name="key")
        return [
            Shown(change.row, change.column, present[change.figure], change.value)
            for change in changes
            if change.figure in present
        ]


class ImportChange(models.Model):
    """A figure of the file that the register has with another value."""

    owner = models.ForeignKey(Import, models.CASCADE, related_name="changes", help_text="The import.")
    row = models.PositiveIntegerField(help_text="Row of the file; the heading is a row too.")
    column = LineField(max_length=100, blank=True, help_text="Column, as the heading calls it.")
    figure = LineField(max_length=100, help_text="Key of the observation as it is, or was, before the file is written.")
    value = NumberField(help_text="Value that the file gives it.")

    objects: ClassVar = ImportChangeQuerySet.as_manager()

    class Meta:
        verbose_name = "change of an import"
        verbose_name_plural = "changes of imports"
        ordering = ["row", "id"]
        indexes = [models.Index(fields=["owner", "row"], name="metrics_importchange_row")]

    def __str__(self) -> str:
        return f"Row {self.row}: {self.figure}"
