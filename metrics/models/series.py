"""How a series is analysed, where not as usual: decisions of people, each with who, when and why."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cmast.models import Record
from cmast.models.fields import DayField, LineField
from metrics.models.definitions import Metric
from metrics.spc import LEAST_FIXED


class AnalysisDecision(Record):
    """Base of both: about one metric, for one organisation or for all."""

    label_field = "reason"
    writers: ClassVar[dict[str, str]] = {"programme": "metric__programme"}

    metric = models.ForeignKey(Metric, models.CASCADE, related_name="%(class)ss", help_text="The metric.")
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose series; those of all when left empty.",
    )
    reason = LineField(help_text="Why: what happened that the chart is to show.")
    decided_on = DayField(null=True, help_text="When it was decided.")
    decided_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who decided it."
    )

    class Meta(Record.Meta):
        abstract = True


class Rebase(AnalysisDecision):
    """A day from which a series has limits of its own, because the process was changed for good."""

    starts_on = DayField(help_text="First day of the new process: the point on that day or the first after it begins anew.")

    class Meta(AnalysisDecision.Meta):
        verbose_name = "rebase"
        verbose_name_plural = "rebases"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["metric", "organisation", "starts_on"],
                name="metrics_rebase_once",
                violation_error_message="This series begins anew on that day already.",
            ),
            models.UniqueConstraint(
                fields=["metric", "starts_on"],
                condition=Q(organisation__isnull=True),
                name="metrics_rebase_once_for_all",
                violation_error_message="All series of this metric begin anew on that day already.",
            ),
        ]


class SeriesSetting(AnalysisDecision):
    """How the limits of a series are found, where not from all points without outliers. An organisation's own goes first."""

    is_screened = models.BooleanField(
        default=True, help_text="Whether exceptional jumps are left out of the limits, as the method recommends."
    )
    fix_after_n_points = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=f"Find the limits from so many first points only, {LEAST_FIXED} at least."
    )

    class Meta(AnalysisDecision.Meta):
        verbose_name = "series setting"
        verbose_name_plural = "series settings"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(fix_after_n_points__isnull=True) | Q(fix_after_n_points__gte=LEAST_FIXED),
                name="metrics_seriessetting_fixed",
                violation_error_message=f"Limits need {LEAST_FIXED} points at least.",
            ),
            models.UniqueConstraint(
                fields=["metric", "organisation"],
                name="metrics_seriessetting_once",
                violation_error_message="This series has settings already.",
            ),
            models.UniqueConstraint(
                fields=["metric"],
                condition=Q(organisation__isnull=True),
                name="metrics_seriessetting_once_for_all",
                violation_error_message="This metric has settings for all series already.",
            ),
        ]

    def clean(self) -> None:
        if self.is_screened and self.fix_after_n_points is None:
            raise ValidationError("These are the usual settings; they need not be stated.")
