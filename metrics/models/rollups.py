"""What is kept of each series, so that nobody reads a million figures to list them. Only `metrics.rollups` writes it.

It says what every member may see: what a restriction names is left out for everybody, those whom it names included. They
find it in the series itself.
"""

from collections.abc import Iterable
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from cmast.models import FeedEntry, Restriction
from cmast.models.fields import DayField, LineField, NumberField, ProseField, WordField, WordListField
from cmast.models.notes import record_types
from cmast.models.people import Reader
from cmast.models.restrictions import Hidden
from cmast.vocabulary import Qualifier, ScopeLevel, Unit
from metrics.models.definitions import Metric, SeriesBreak, Target
from metrics.models.observations import Observation
from metrics.models.series import Rebase, SeriesSetting
from metrics.targets import Outcome

#: What a kept row is made from, each with a link to its metric.
SOURCES = (Observation, Target, Rebase, SeriesSetting, SeriesBreak)


def named_by(restrictions: models.QuerySet) -> Hidden:
    """What these restrictions name. Until one is gone it holds, so no clock is asked."""
    return hidden(restrictions.order_by().values_list("record_type", "record_id"))


def hidden(named: Iterable[tuple[str, int]]) -> Hidden:
    """What is hidden where these records are: each by its kind and its primary key."""
    stated: dict[type[models.Model], set[int]] = {}
    for name, pk in named:
        stated.setdefault(record_types()[name], set()).add(int(pk))
    return Hidden(stated)


class RollupState(models.Model):
    """How far the kept rows are: the place in the feed up to which they know everything, and the restrictions they heed."""

    ID: ClassVar = 1

    position = models.BigIntegerField(null=True, help_text="Place in the feed; empty: nothing was ever kept.")
    restrictions = models.JSONField(default=list, help_text="Primary keys of the restrictions that were heeded.")

    class Meta:
        verbose_name = "state of the rollups"
        verbose_name_plural = "state of the rollups"

    def __str__(self) -> str:
        return f"Up to {self.position}"

    @classmethod
    def taken(cls) -> "RollupState":
        """Locked until the transaction ends, so that one worker is at it."""
        cls._default_manager.get_or_create(pk=cls.ID)
        return cls._default_manager.select_for_update().get(pk=cls.ID)

    def reach(self, position: int) -> None:
        """The rows know everything up to there. A restriction that is committed but lies behind it is not heeded yet."""
        behind = FeedEntry.objects.filter(Q(position__isnull=True) | Q(position__gt=position))
        late = behind.filter(change__table=Restriction._meta.db_table).order_by().values_list("change__row_id", flat=True)
        self.position = position
        self.restrictions = sorted(set(self.restrictions) - set(late))
        self.save()


class KeptQuerySet(models.QuerySet):
    def visible_to(self, user: Reader) -> Self:
        """As of its metric. What a restriction of the last seconds hides from the reader is withheld until it is left out."""
        if not user.is_authenticated or not user.reach.is_member:
            return self.none()
        if not user.reach.hidden:
            return self.all()
        found = self.exclude(user.reach.hidden.condition(Metric, "metric__"))
        state = RollupState.objects.filter(pk=RollupState.ID).first()
        new = named_by(Restriction.objects.exclude(pk__in=state.restrictions if state else []))
        affected = Q(pk__in=[])
        for kind in SOURCES if new else ():
            metrics = kind._default_manager.filter(new.condition(kind)).order_by().values("metric")
            for link in ("metric", "metric__numerator_metric", "metric__complement_metric", "metric__denominator_metric"):
                affected |= Q(**{f"{link}__in": metrics})
        return found.exclude(pk__in=self.model._default_manager.filter(affected).values("pk")) if new else found


class SeriesSummary(models.Model):
    """One series in a row: a metric of an organisation, or a part of it, with its latest figure and what that means."""

    metric = models.ForeignKey(Metric, models.CASCADE, related_name="+", help_text="The metric.")
    organisation = models.ForeignKey("cmast.Organisation", models.CASCADE, related_name="+", help_text="Whose figures.")
    part = LineField(max_length=100, blank=True, help_text="Member of a breakdown; empty for the whole.")
    scope_level = WordField(ScopeLevel, help_text="Level that the figures speak about.")
    period_type = WordField(Observation.PeriodType, help_text="The stretch of time of each figure.")
    unit = WordField(Unit, help_text="What the figures count.")
    figures = models.PositiveIntegerField(help_text="Number of figures.")
    latest = models.ForeignKey(Observation, models.CASCADE, related_name="+", help_text="The latest figure.")
    latest_on = DayField(help_text="Last day that it speaks about.")
    previous = models.ForeignKey(
        Observation,
        models.CASCADE,
        null=True,
        related_name="+",
        help_text="The figure of the period before; nothing older takes its place.",
    )
    change = NumberField(null=True, help_text="From the previous to the latest, percents in points; empty where it is unknown.")
    trend = WordField(
        Observation.Trend, null=True, help_text="Whether that is better; empty where it is unknown or neither way is."
    )
    mean = models.FloatField(null=True, help_text="Centre line of the latest process; empty where an XmR chart says nothing.")
    lower_limit = models.FloatField(null=True, help_text="Lower process limit.")
    upper_limit = models.FloatField(null=True, help_text="Upper process limit.")
    unsuited = LineField(max_length=40, blank=True, help_text="Why an XmR chart says nothing, for programs; else empty.")
    variation_icon = LineField(max_length=40, blank=True, help_text="What the latest figure is; empty where unsuited.")
    assurance_icon = LineField(max_length=40, blank=True, help_text="Whether the process reaches the target for certain.")
    target = models.ForeignKey(
        Target, models.CASCADE, null=True, related_name="+", help_text="The first target of that time; empty for none."
    )
    outcome = WordField(
        choices=[(outcome.value, outcome.words) for outcome in Outcome],
        null=True,
        help_text="Whether the latest figure meets it.",
    )
    reason = LineField(max_length=40, blank=True, help_text="Why, for programs.")
    verdict = ProseField(blank=True, help_text="Why, in words.")
    refreshed_at = models.DateTimeField(help_text="When the row was made from the figures.")

    objects: ClassVar = KeptQuerySet.as_manager()

    class Meta:
        verbose_name = "series summary"
        verbose_name_plural = "series summaries"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["metric", "organisation", "part"], name="metrics_seriessummary_once"),
        ]

    def __str__(self) -> str:
        return ", ".join(filter(None, (str(self.metric), self.part.replace("_", " "), str(self.organisation))))


class SystemFigure(models.Model):
    """The system's figure of a period, made from those of the trusts by the rule of the metric.

    While a trust is missing there is no value: what the others come to stands beside it, with how many they are.
    """

    metric = models.ForeignKey(Metric, models.CASCADE, related_name="+", help_text="The metric.")
    part = LineField(max_length=100, blank=True, help_text="Member of a breakdown; empty for the whole.")
    period_type = WordField(Observation.PeriodType, help_text="The stretch of time.")
    ends_on = DayField(help_text="Last day of the period.")
    aggregation = WordField(Metric.Aggregation, help_text="The rule.")
    unit = WordField(Unit, help_text="What the value counts.")
    value = NumberField(null=True, help_text="The system's figure; empty while a trust is missing.")
    partial_value = NumberField(null=True, help_text="What the trusts that are there come to, where some are missing.")
    qualifier = WordField(Qualifier, null=True, help_text="How exactly the trusts state it.")
    numerator = NumberField(null=True, help_text="Sum of the numerators, for a ratio or a weighted mean.")
    denominator = NumberField(null=True, help_text="Sum of the denominators; for a count of trusts, their number.")
    stated = models.PositiveSmallIntegerField(help_text="Trusts whose figure is in it.")
    expected = models.PositiveSmallIntegerField(help_text="Trusts of the collaborative.")
    missing = WordListField(help_text="Keys of the trusts without a figure that can be taken.")
    words = ProseField(help_text="The figure in words, with how many trusts it is of.")
    refreshed_at = models.DateTimeField(help_text="When the row was made from the figures.")

    objects: ClassVar = KeptQuerySet.as_manager()

    class Meta:
        verbose_name = "system figure"
        verbose_name_plural = "system figures"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["metric", "part", "period_type", "ends_on"], name="metrics_systemfigure_once"),
        ]

    def __str__(self) -> str:
        return f"{self.metric}: {self.words}"
