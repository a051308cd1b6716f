"""Months whose figures are final: what was filed is corrected by revisions, and by nothing else."""

import datetime as dt
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cmast.dates import month_end
from cmast.errors import RuleBroken
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, both_or_neither, in_order
from cmast.models.verbs import verb
from metrics.figures import day_in_words
from metrics.models.definitions import Metric
from programmes.models import Programme


class PeriodLockQuerySet(RecordQuerySet):
    def in_force(self) -> Self:
        """Those that nobody has taken away."""
        return self.filter(unlocked_on__isnull=True)

    def holding(self, metric: Metric) -> Self:
        """Those in force that close a month for this metric: its own, its programme's and those of all metrics."""
        of_programme = Q(metric__isnull=True) & (Q(programme=metric.programme_id) | Q(programme__isnull=True))
        return self.in_force().filter(Q(metric=metric.pk) | of_programme)


class PeriodLock(Record):
    """From here on a figure of this month is only revised, with a reason: neither entered, changed, withdrawn nor deleted.

    It closes the month for one metric, for all metrics of a programme, or for all. Taking it away is written down beside it.
    """

    label_field = "key"
    also_reasoned = ("month_end_on", "metric_id", "programme_id")
    writers: ClassVar[dict[str, str]] = {"programme": "programme"}

    month_end_on = DayField(help_text="Last day of the month.")
    metric = models.ForeignKey(
        Metric, models.CASCADE, null=True, blank=True, related_name="period_locks", help_text="The metric; empty: all of them."
    )
    programme = models.ForeignKey(
        Programme,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="period_locks",
        help_text="Programme whose metrics it closes, that of the metric where there is one; empty: those of all programmes.",
    )
    reason = LineField(help_text="Why: what was filed or published.")
    locked_on = DayField(help_text="When it was locked.")
    locked_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who locked it."
    )
    unlocked_on = DayField(null=True, help_text="When it was opened again.")
    unlocked_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who opened it again."
    )
    unlock_reason = LineField(null=True, blank=True, help_text="Why it was opened again.")

    objects: ClassVar = PeriodLockQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "period lock"
        verbose_name_plural = "period locks"
        constraints = [
            *Record.Meta.constraints,
            in_order("locked_on", "unlocked_on"),
            both_or_neither("unlocked_on", "unlock_reason"),
            models.CheckConstraint(
                condition=Q(metric__isnull=True) | Q(programme__isnull=False),
                name="metrics_periodlock_programme",
                violation_error_message="The lock of a metric names the programme of the metric.",
            ),
            models.UniqueConstraint(
                fields=["month_end_on", "metric"],
                condition=Q(unlocked_on__isnull=True, metric__isnull=False),
                name="metrics_periodlock_once",
                violation_error_message="This month is locked for this metric already.",
            ),
            models.UniqueConstraint(
                fields=["month_end_on", "programme"],
                condition=Q(unlocked_on__isnull=True, metric__isnull=True, programme__isnull=False),
                name="metrics_periodlock_once_for_programme",
                violation_error_message="This month is locked for this programme already.",
            ),
            models.UniqueConstraint(
                fields=["month_end_on"],
                condition=Q(unlocked_on__isnull=True, metric__isnull=True, programme__isnull=True),
                name="metrics_periodlock_once_for_all",
                violation_error_message="This month is locked for all metrics already.",
            ),
        ]

    def key_base(self) -> str:
        whose = self.metric or self.programme
        return f"lock-{str(self.month_end_on)[:7]}-{whose.key if whose else 'all'}"[:90].rstrip("-")

    def complete(self) -> None:
        if self.metric and self._state.adding:
            self.programme = self.metric.programme
        self.unlock_reason = self.unlock_reason or None

    def clean(self) -> None:
        if isinstance(self.month_end_on, dt.date) and self.month_end_on != month_end(self.month_end_on):
            raise ValidationError({"month_end_on": "Give the last day of the month."})
        if self.metric and self.metric.programme_id != self.programme_id:
            raise ValidationError({"programme": f"“{self.metric}” is a metric of another programme."})
        if getattr(self, "as_read", {}).get("unlocked_on") and not self.unlocked_on:
            raise ValidationError({"unlocked_on": "This lock was taken away. Make another."})

    @verb(
        "Open the month again",
        needs=("unlocked_on", "unlock_reason"),
        example={"unlocked_on": "2024-06-03", "unlock_reason": "Two trusts were filed under each other's name."},
    )
    def unlock(self, unlocked_on: dt.date, unlock_reason: str, by: Any = None) -> None:
        """Takes the lock away, with the day and why. The lock stays as a record of what was closed from when to when."""
        if self.unlocked_on:
            raise RuleBroken("cannot_unlock", f"“{self}” was opened again on {day_in_words(self.unlocked_on)}.")
        self.unlocked_on, self.unlock_reason, self.unlocked_by = unlocked_on, unlock_reason, by
        self.save()

    @property
    def words(self) -> str:
        """Since when and why, for a refusal."""
        return f"{self.month_end_on:%B} {self.month_end_on.year} is locked since {day_in_words(self.locked_on)} ({self.reason})"

    def __str__(self) -> str:
        whose: Any = self.metric or self.programme or "all metrics"
        return f"{self.month_end_on:%B} {self.month_end_on.year}, {whose}"


def lock_of(metric: Metric, day: dt.date | None) -> PeriodLock | None:
    """The lock that closes the month of this day for this metric."""
    month = month_end(day) if day else None
    return next((lock for lock in metric.locks if lock.month_end_on == month), None)
