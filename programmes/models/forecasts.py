"""What was said of the dates of milestones: who declared a slippage, and how early."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cmast.history.context import current
from cmast.models import Person, Record, RecordQuerySet
from cmast.models.fields import DayField, ProseField, WordField, precision_of, vague_date_rule, vague_day
from cmast.models.windows import DaysBetween, first_day
from cmast.vocabulary import Words


class ForecastQuerySet(RecordQuerySet):
    def slips(self) -> "ForecastQuerySet":
        """A date was put off: the new one is later than the one that held before."""
        return self.filter(kind=Forecast.Kind.FORECAST, date_on__gt=F("previous_on"))

    def declared_late(self) -> "ForecastQuerySet":
        """A date was put off when it had passed already."""
        return self.slips().filter(said_on__gt=F("previous_on"))

    def with_computed(self, today: dt.date) -> "ForecastQuerySet":
        """Adds `notice_days`, and `moved_days_least` and `moved_days_most`: see the fields of that name in the API."""
        first, previous_first = first_day("date", "starts_on"), first_day("previous", "previous_starts_on")
        return self.annotate(
            notice_days=DaysBetween(F("said_on"), F("previous_on")),
            moved_days_least=DaysBetween(F("previous_on"), first),
            moved_days_most=DaysBetween(previous_first, F("date_on")),
        )


class Forecast(Record):
    """What was said of a milestone's date on a day: a new forecast, that the present one holds, or a new baseline.

    Written with every change of the date, whoever makes it and by which way; with the date that held before.
    """

    class Kind(Words):
        FORECAST = "forecast"
        CONFIRMED = "confirmed"
        BASELINE = "baseline"

    label_field = "key"
    writers: ClassVar[dict[str, str]] = {"programme": "milestone__programme", "workstream": "milestone__workstream"}

    milestone = models.ForeignKey(
        "programmes.Milestone", models.CASCADE, related_name="forecasts", help_text="Whose date it is."
    )
    kind = WordField(Kind, help_text="A new forecast, that the date holds, or a new baseline.")
    said_on = DayField(help_text="Day on which it was said.")
    said_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="forecasts", help_text="Who said so."
    )
    date_on = vague_day("The date")
    date_precision = precision_of("the date")
    starts_on = DayField(null=True, help_text="First day of the date, for a season or a range.")
    previous_on = vague_day("The date that held before")
    previous_precision = precision_of("the date before")
    previous_starts_on = DayField(null=True, help_text="First day of the date before, for a season or a range.")
    reason = ProseField(blank=True, help_text="Why it changed.")
    forum = models.ForeignKey(
        "programmes.Forum",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Body that allowed a new baseline.",
    )
    decision = models.ForeignKey(
        "programmes.Decision",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Decision that allowed a new baseline.",
    )
    allowed_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who allowed a new baseline."
    )

    objects: ClassVar = ForecastQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "forecast"
        verbose_name_plural = "forecasts"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("date"),
            vague_date_rule("previous"),
            models.CheckConstraint(
                condition=~Q(kind="baseline")
                | Q(forum__isnull=False)
                | Q(decision__isnull=False)
                | Q(allowed_by__isnull=False)
                | Q(previous_on__isnull=True),
                name="programmes_forecast_authority",
                violation_error_message="A new baseline in the place of another needs somebody who allowed it.",
            ),
        ]
        indexes = [models.Index(fields=["kind", "said_on"], name="programmes_forecast_said")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.said_on:%d %B %Y}".replace(", 0", ", ")

    def key_base(self) -> str:
        return f"{self.milestone.key[:70]}-{self.said_on:%Y-%m-%d}"

    def require_authority(self) -> None:
        """Raises ValidationError for a new baseline that nobody has allowed."""
        if self.previous_on and not (self.forum or self.decision or self.allowed_by):
            raise ValidationError({"forum": "Say who allowed it: a forum, a decision or a person."})


#: Fields of a milestone that say when it is expected -> those of a forecast that say so.
EXPECTED = {"forecast_on": "date_on", "forecast_precision": "date_precision", "starts_on": "starts_on"}
PROMISED = {"baseline_on": "date_on", "baseline_precision": "date_precision"}


def previous(read: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The date that held before, as a forecast has it."""
    return {f"previous_{name.removeprefix('date_')}": read.get(field) for field, name in names.items()}


def restated(milestone: Any, read: dict[str, Any]) -> Forecast | None:
    """The forecast to write for a milestone that has another one than when it was `read`; none where it has the same."""
    now = {field: getattr(milestone, field) for field in EXPECTED}
    before = {field: read.get(field, value) for field, value in now.items()}
    if now == before:
        return None
    said = {name: now[field] for field, name in EXPECTED.items()}
    return Forecast(
        milestone=milestone,
        kind=Forecast.Kind.FORECAST,
        said_on=timezone.localdate(),
        reason=current().reason,
        **said,
        **previous(before, EXPECTED),
    )


def write_down(forecasts: Sequence[Forecast]) -> None:
    """Write what was said of many milestones at once, by whoever writes it."""
    if not forecasts:
        return
    by = Person.objects.filter(key=current().actor()).first()
    for forecast in forecasts:
        forecast.said_by = forecast.said_by or by
        forecast.key = forecast.key_from(forecast.key_base(), is_taken=True)
    Forecast.objects.bulk_create(forecasts)
