"""What is done about a risk: controls that are there, mitigations that are to come, and looking at it again."""

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import Q

from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, ProseField, WordField, precision_of, vague_date_rule, vague_day
from cmast.models.verbs import verb
from cmast.vocabulary import Words


class MitigationQuerySet(RecordQuerySet):
    def overdue(self, today: dt.date) -> "MitigationQuerySet":
        """Still to be done after its date."""
        return self.filter(due_on__lt=today).exclude(status__in=[Mitigation.Status.DONE, Mitigation.Status.CANCELLED])


class Mitigation(Record):
    """What is done about a risk."""

    class Kind(Words):
        PREVENTIVE = "preventive"
        CORRECTIVE = "corrective"
        DIRECTIVE = "directive"
        DETECTIVE = "detective"

    class Status(Words):
        OPEN = "open"
        DONE = "done"
        CANCELLED = "cancelled"

    #: States in which something is left to do. Of some it is not stated where they stand.
    TO_DO: ClassVar = {"status": (None, Status.OPEN)}

    label_field = "text"
    touches = ("risk",)
    writers: ClassVar[dict[str, str]] = {
        "programme": "risk__programme",
        "workstream": "risk__workstream",
        "organisation": "organisation",
    }

    risk = models.ForeignKey("risks.Risk", models.CASCADE, related_name="mitigations", help_text="What it is done about.")
    text = LineField(help_text="What is done.")
    kind = WordField(Kind, null=True, help_text="How it works.")
    status = WordField(Status, null=True, help_text="Whether it is done; empty: not stated.")
    owner = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="mitigations", help_text="Who does it."
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mitigations",
        help_text="Organisation that does it.",
    )
    due_on = vague_day("Date by which it is due")
    due_precision = precision_of("the due date")
    done_on = DayField(null=True, help_text="When it was done.")

    objects: ClassVar = MitigationQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "mitigation"
        verbose_name_plural = "mitigations"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("due"),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True) | Q(status__isnull=False, status="done"),
                name="risks_mitigation_done_on",
                violation_error_message="done_on is for what has the status done.",
            ),
        ]

    @verb("Record that it is done", given=TO_DO, needs=("done_on",), example={"done_on": "2024-05-02"})
    def done(self, done_on: dt.date) -> None:
        """It is done, since that day."""
        self.status, self.done_on = self.Status.DONE, done_on
        self.save()

    @verb("Cancel it", given=TO_DO, needs_reason=True, example={"change_reason": "The service has closed."})
    def cancel(self) -> None:
        """It will not be done; the reason stays in its history."""
        self.status = self.Status.CANCELLED
        self.save()

    @verb(
        "Set another date",
        given=TO_DO,
        needs=("due_on", "due_precision"),
        needs_reason=True,
        example={"due_on": "2024-06-30", "due_precision": "month", "change_reason": "Waits for the supplier."},
    )
    def redate(self, due_on: dt.date, due_precision: str) -> None:
        """It is due on another day; the earlier dates stay in its history."""
        self.due_on, self.due_precision = due_on, due_precision
        self.save()


class ControlQuerySet(RecordQuerySet):
    def lacking(self) -> "ControlQuerySet":
        """Controls with a gap, and those that are known not to work well."""
        works = [Control.Effectiveness.EFFECTIVE]
        return self.filter(~Q(gap="") | Q(effectiveness__isnull=False) & ~Q(effectiveness__in=works))


class Control(Record):
    """What already keeps a risk down, how well it works, how that is known, and what it leaves open."""

    class Effectiveness(Words):
        EFFECTIVE = "effective"
        PARTLY_EFFECTIVE = "partly_effective"
        INEFFECTIVE = "ineffective"

    label_field = "text"
    touches = ("risk",)
    writers: ClassVar[dict[str, str]] = {"programme": "risk__programme", "workstream": "risk__workstream"}

    risk = models.ForeignKey("risks.Risk", models.CASCADE, related_name="controls", help_text="What it keeps down.")
    text = LineField(help_text="The control.")
    kind = WordField(Mitigation.Kind, null=True, help_text="How it works.")
    effectiveness = WordField(Effectiveness, null=True, help_text="How well it works; empty: not assessed.")
    assurance = ProseField(blank=True, help_text="How it is known that it works, such as an audit.")
    gap = ProseField(blank=True, help_text="What it, or its assurance, leaves open.")

    objects: ClassVar = ControlQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "control"
        verbose_name_plural = "controls"


class Review(Record):
    """Somebody looked at a risk again."""

    label_field = "key"
    touches = ("risk",)
    writers: ClassVar[dict[str, str]] = {"programme": "risk__programme", "workstream": "risk__workstream"}

    risk = models.ForeignKey("risks.Risk", models.CASCADE, related_name="reviews", help_text="What was reviewed.")
    reviewed_on = DayField(help_text="When.")
    reviewed_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="By whom."
    )
    summary = ProseField(blank=True, help_text="What was found.")
    next_review_on = DayField(null=True, help_text="When to look again.")

    class Meta(Record.Meta):
        verbose_name = "review"
        verbose_name_plural = "reviews"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(next_review_on__isnull=True) | Q(next_review_on__gt=models.F("reviewed_on")),
                name="risks_review_next",
                violation_error_message="The next review is after this one.",
            ),
        ]
