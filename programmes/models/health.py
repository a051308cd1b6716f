"""Rules of health, colours that people set against what was computed, and the colours of each day."""

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import Q

from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, NumberField, ProseField, WordField
from programmes.health import Colour, Dimension, Measure, Rule
from programmes.models.programmes import PlacedRecord, Programme, Workstream


class HealthRule(Record):
    """From which number on a measure has which colour. Administrators change the rules; every colour names those that hold."""

    label_field = "description"
    also_reasoned = ("colour", "threshold", "is_in_force")

    dimension = WordField(Dimension, help_text="What it colours.")
    measure = WordField(Measure, help_text="What is counted or measured.")
    colour = WordField(Colour, help_text="Colour from the threshold on. What no rule holds of is green.")
    threshold = NumberField(help_text="The rule holds from this number on.")
    description = LineField(help_text="What is measured, in words that can be followed by a number.")
    is_in_force = models.BooleanField(default=True, help_text="Whether the rule is asked.")

    class Meta(Record.Meta):
        verbose_name = "health rule"
        verbose_name_plural = "health rules"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(colour="green"),
                name="programmes_healthrule_colour",
                violation_error_message="No rule makes anything green: green is what no rule holds of.",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gt=0),
                name="programmes_healthrule_threshold",
                violation_error_message="The threshold is more than 0.",
            ),
        ]

    def as_rule(self) -> Rule:
        names = ("key", "dimension", "measure", "colour", "threshold", "description")
        return Rule(**{name: getattr(self, name) for name in names})


class HealthOverrideQuerySet(RecordQuerySet):
    def holding(self, today: dt.date) -> "HealthOverrideQuerySet":
        """Those that count on that day, the latest first."""
        return self.filter(made_on__lte=today, expires_on__gt=today).order_by("-made_on", "-id")


class HealthOverride(PlacedRecord):
    """A colour that somebody answers for, in the place of the computed overall colour, until a day. Both are always shown."""

    label_field = "reason"
    touches = ("programme", "workstream")

    colour = WordField(Colour, help_text="Colour to show.")
    reason = ProseField(help_text="Why the computed colour is wrong.")
    made_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who answers for it."
    )
    made_on = DayField(help_text="First day on which it counts.")
    expires_on = DayField(help_text="First day on which it no longer counts.")

    objects: ClassVar = HealthOverrideQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "health override"
        verbose_name_plural = "health overrides"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(expires_on__gt=models.F("made_on")),
                name="programmes_healthoverride_expires",
                violation_error_message="expires_on is after made_on.",
            ),
            models.CheckConstraint(
                condition=Q(programme__isnull=False),
                name="programmes_healthoverride_place",
                violation_error_message="Say whose colour it is: a programme's or a workstream's.",
            ),
        ]


class HealthDayQuerySet(models.QuerySet):
    def of(self, place: Programme | Workstream) -> "HealthDayQuerySet":
        """Those of a programme itself, or of a workstream."""
        if isinstance(place, Workstream):
            return self.filter(workstream=place)
        return self.filter(programme=place, workstream__isnull=True)


class HealthDay(models.Model):
    """The colour of one dimension of a programme or workstream on one day, as computed for everybody. Kept by a job.

    No record: it is made anew from the records whenever its day is computed again, and names none of them.
    """

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="+", help_text="Whose colour, or its workstream's.")
    workstream = models.ForeignKey(
        Workstream, models.CASCADE, null=True, blank=True, related_name="+", help_text="Whose colour; empty: the programme's."
    )
    day_on = DayField(help_text="The day.")
    dimension = WordField(Dimension, help_text="What is judged.")
    colour = WordField(Colour, help_text="The computed colour.")
    reasons = models.JSONField(default=list, help_text="Why, in sentences, each with the key of its rule.")

    objects: ClassVar = HealthDayQuerySet.as_manager()

    class Meta:
        verbose_name = "health of a day"
        verbose_name_plural = "health of days"
        ordering = ["id"]
        indexes = [models.Index(fields=["programme", "workstream", "day_on"], name="programmes_healthday_place")]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "day_on", "dimension"],
                condition=Q(workstream__isnull=True),
                name="programmes_healthday_programme",
            ),
            models.UniqueConstraint(fields=["workstream", "day_on", "dimension"], name="programmes_healthday_workstream"),
        ]

    def __str__(self) -> str:
        return f"{self.workstream_id or self.programme_id}, {self.day_on}, {self.dimension}: {self.colour}"
