"""The month's round: a reporting period opens, updates are asked for, they come in, and the period locks."""

import datetime as dt
from typing import Any, ClassVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q

from cmast.errors import RuleBroken
from cmast.history.context import changing, current
from cmast.models import Record, RecordQuerySet, Source
from cmast.models.fields import DayField, WordField, WordListField, in_order
from cmast.models.verbs import verb
from cmast.vocabulary import Words
from programmes.models.programmes import PlanYear, Programme, Status, Workstream

#: What reports: it runs, is being wound up, or is reported on without being run here.
REPORTING = (Status.ACTIVE, Status.CLOSING, Status.REPORTING_ONLY)


class ReportingPeriodQuerySet(RecordQuerySet):
    def to_open(self, today: dt.date) -> "ReportingPeriodQuerySet":
        """Planned, and their day has come."""
        return self.filter(status=ReportingPeriod.Status.PLANNED, opens_on__lte=today)

    def to_lock(self, today: dt.date) -> "ReportingPeriodQuerySet":
        """Not locked yet, and their last day has passed."""
        under_way = (ReportingPeriod.Status.OPEN, ReportingPeriod.Status.REVIEW)
        return self.filter(status__in=under_way, locks_on__lt=today)


class ReportingPeriod(Record):
    """A month that is reported: from when updates are asked for, by when they are due, and after which day they are fixed."""

    class Status(Words):
        PLANNED = "planned"
        OPEN = "open"
        REVIEW = "review"
        LOCKED = "locked"

    label_field = "title"

    month_on = DayField(
        unique=True,
        help_text="First day of the month that is reported.",
        error_messages={"unique": "There is a reporting period for this month already."},
    )
    plan_year = models.ForeignKey(
        PlanYear, models.PROTECT, null=True, blank=True, related_name="periods", help_text="Year whose plan is reported on."
    )
    opens_on = DayField(help_text="Day on which updates are asked for.")
    due_on = DayField(help_text="Last day to hand updates in.")
    locks_on = DayField(help_text="Last day on which anything is changed; after it the period locks.")
    as_at_on = DayField(null=True, help_text="Day that the report speaks of, where it is not the day of each figure.")
    audiences = WordListField(Source.Audience, help_text="Readers that the report is written for.")
    status = WordField(Status, default=Status.PLANNED, help_text="Where it stands. What is done with the period changes it.")

    objects: ClassVar = ReportingPeriodQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "reporting period"
        verbose_name_plural = "reporting periods"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(month_on__day=1),
                name="programmes_reportingperiod_month",
                violation_error_message="month_on is the first day of a month.",
            ),
            in_order("opens_on", "due_on"),
            in_order("due_on", "locks_on"),
        ]

    @property
    def title(self) -> str:
        return f"{self.month_on:%B %Y}"

    def key_base(self) -> str:
        return f"{self.month_on:%Y-%m}"

    def clean(self) -> None:
        was = getattr(self, "as_read", {}).get("status", self.Status.PLANNED)
        if self.status != was and not getattr(self, "_is_moving", False):
            raise ValidationError({"status": "What is done with the period changes this: it is opened, locked, unlocked."})

    def _move(self, status: Status, reason: str) -> None:
        """To the next status. The step is the reason, where nobody has given a better one."""
        self.status, self._is_moving = status, True
        with changing(reason=current().reason or reason):
            self.save()
        self._is_moving = False

    @verb("Open the period", given={"status": (Status.PLANNED,)})
    def open(self) -> None:
        """Asks every workstream that reports for its update, and every programme that has no such workstream. Whoever has an
        update for the month already is not asked twice."""
        self._move(self.Status.OPEN, "Opened")
        self.commission()

    @verb("Close it for answers", given={"status": (Status.OPEN,)})
    def close_answers(self) -> None:
        """What has come in is now reviewed. Who is late may still answer."""
        self._move(self.Status.REVIEW, "Closed for answers")

    @verb("Lock the period", given={"status": (Status.OPEN, Status.REVIEW)})
    def lock_period(self) -> None:
        """Fixes its updates. From then on they are only corrected by later revisions, with a reason."""
        self._move(self.Status.LOCKED, "Locked")

    @verb("Unlock the period", given={"status": (Status.LOCKED,)}, needs_reason=True)
    def unlock(self) -> None:
        """Back to review, so that its updates can be changed."""
        self._move(self.Status.REVIEW, "Unlocked")

    def commission(self) -> int:
        """Asks for the updates that are missing; how many. Done twice it asks once."""
        updates: Any = apps.get_model("programmes", "Update")  # its module needs this one
        asked = [updates(workstream=place, programme=place.programme) for place in self._silent(Workstream)]
        asked += [updates(programme=place) for place in self._silent(Programme)]
        for update in asked:
            update.month_on, update.status = self.month_on, updates.Status.COMMISSIONED
            update.save()
        return len(asked)

    def _silent(self, kind: type[Workstream] | type[Programme]) -> models.QuerySet:
        """Places that report and have no update for the month."""
        updates: Any = apps.get_model("programmes", "Update")
        own = Q(workstream=OuterRef("pk")) if kind is Workstream else Q(programme=OuterRef("pk"), workstream=None)
        places: Any = kind._default_manager.filter(~Exists(updates.objects.filter(own, month_on=self.month_on)))
        places = places.filter(status__in=REPORTING)
        if kind is Workstream:
            begun = Q(reported_from_on=None) | Q(reported_from_on__lte=self.month_on)
            return places.filter(begun, programme__status__in=REPORTING).select_related("programme").order_by("pk")
        return places.exclude(workstreams__status__in=REPORTING).order_by("pk")


def require_unlocked(update: Any) -> None:
    """Raises RuleBroken where the update's period is locked. A later revision is open until it is published."""
    if update.revision > 1 and getattr(update, "as_read", {}).get("status") not in ("published", "superseded"):
        return
    if ReportingPeriod.objects.filter(month_on=update.month_on, status=ReportingPeriod.Status.LOCKED).exists():
        raise RuleBroken(
            "period_locked",
            f"The period {update.month_on:%B %Y} is locked. Correct it by a later revision of the update, with a reason.",
        )
