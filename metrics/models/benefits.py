"""Benefits and savings, and the figures that are stated of them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from cmast.models import Record
from cmast.models.fields import (
    FinancialYearField,
    LineField,
    NumberField,
    WordField,
    both_or_neither,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.vocabulary import Qualifier, ScopeLevel, TimeUnit, Unit, Words
from metrics.models.definitions import Metric
from metrics.models.observations import Observation
from programmes.models import Deliverable, Objective, PlacedRecord


class Benefit(PlacedRecord):
    """Something that is better because of the work: money, capacity, quality. Its figures are records of their own."""

    class Type(Words):
        CASH_RELEASING = "cash_releasing"
        COST_AVOIDANCE = "cost_avoidance"
        CAPACITY = "capacity"
        QUALITY = "quality"
        QUALITATIVE = "qualitative"
        NOT_STATED = "not_stated"

    class Appraisal(Words):
        CRB = "crb", "Cash releasing (CRB)"
        NCRB = "ncrb", "Non-cash releasing (NCRB)"
        SB = "sb", "Societal (SB)"
        UB = "ub", "Unmonetisable (UB)"

    class Status(Words):
        IDENTIFIED = "identified"
        PROFILED = "profiled"
        APPROVED = "approved"
        IN_REALISATION = "in_realisation"
        REALISED = "realised"
        NOT_REALISED = "not_realised"
        RETIRED = "retired"

    class Recurrence(Words):
        RECURRENT = "recurrent"
        NON_RECURRENT = "non_recurrent"

    class DeliveryRisk(Words):
        HIGH = "high"
        MEDIUM = "medium"
        LOW = "low"

    class Maturity(Words):
        UNIDENTIFIED = "unidentified"
        OPPORTUNITY = "opportunity"
        PLANS_IN_PROGRESS = "plans_in_progress"
        FULLY_DEVELOPED = "fully_developed"
        DELIVERING = "delivering"
        DELIVERED = "delivered"
        WITHDRAWN = "withdrawn"

    class Driver(Words):
        CORE = "core"
        WINDFALL = "windfall"
        TECHNICAL = "technical"
        INCOME = "income"
        COST_AVOIDANCE = "cost_avoidance"

    label_field = "title"
    touches = ("deliverable",)

    title = LineField(help_text="What is better.")
    benefit_type = WordField(Type, help_text="What sort of benefit it is.")
    appraisal_category = WordField(Appraisal, null=True, help_text="Category for a business case.")
    is_disbenefit = models.BooleanField(default=False, help_text="It is worse, not better.")
    status = WordField(Status, null=True, help_text="How far it has come.")
    objective = models.ForeignKey(
        Objective, models.PROTECT, null=True, blank=True, related_name="benefits", help_text="Objective that it serves."
    )
    deliverable = models.ForeignKey(
        Deliverable, models.PROTECT, null=True, blank=True, related_name="benefits", help_text="Deliverable that promises it."
    )
    metric = models.ForeignKey(
        Metric, models.PROTECT, null=True, blank=True, related_name="benefits", help_text="Metric that measures it."
    )
    organisation = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, null=True, blank=True, related_name="benefits", help_text="Who gains."
    )
    owner = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="benefits", help_text="Who answers for it."
    )
    driver = WordField(Driver, null=True, help_text="What brings a saving about.")
    counts_towards_target = models.BooleanField(
        null=True, blank=True, help_text="Whether a saving counts towards its target; empty: not stated."
    )
    recurrence = WordField(Recurrence, null=True, help_text="Whether a saving comes back every year.")
    delivery_risk = WordField(DeliveryRisk, null=True, help_text="How likely a saving is to fail.")
    maturity = WordField(Maturity, null=True, help_text="How far a savings scheme is developed.")
    tracked_by = LineField(blank=True, help_text="How it is followed.")

    class Meta(PlacedRecord.Meta):
        verbose_name = "benefit"
        verbose_name_plural = "benefits"

    def complete(self) -> None:
        super().complete()
        if self.objective and not self.programme_id:
            self.programme_id = self.objective.programme_id


class BenefitFigure(Record):
    """One stated figure of a benefit. Figures of different basis, effect, windfall or horizon are never added."""

    class Basis(Words):
        PLANNED = "planned"
        TARGET = "target"
        YTD_ACTUAL = "ytd_actual", "Year to date, actual"
        FORECAST_OUTTURN = "forecast_outturn"
        PROJECTED_OUTTURN = "projected_outturn"
        IDENTIFIED = "identified"

    class Effect(Words):
        IN_YEAR_EFFECT = "in_year_effect", "In-year effect"
        FULL_YEAR_EFFECT = "full_year_effect", "Full-year effect"
        NOT_STATED = "not_stated"

    class Windfall(Words):
        EXCLUDING_WINDFALL = "excluding_windfall"
        INCLUDING_WINDFALL = "including_windfall"
        NOT_APPLICABLE = "not_applicable"

    label_field = "title"
    touches = ("benefit",)
    writers: ClassVar[dict[str, str]] = {"programme": "benefit__programme"}

    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="figures", help_text="The benefit.")
    title = LineField(help_text="What the figure says.")
    basis = WordField(Basis, help_text="Plan, target, actual, forecast.")
    effect = WordField(
        Effect, default=Effect.NOT_STATED, help_text="For a saving: this year's effect or a full year's. Never summed."
    )
    windfall = WordField(Windfall, null=True, help_text="Whether gains that no scheme caused are in it.")
    value = NumberField(null=True, help_text="The figure; empty while not stated.")
    from_value = NumberField(null=True, help_text="For a change: from.")
    to_value = NumberField(null=True, help_text="For a change: to.")
    unit = WordField(Unit, help_text="What it counts.")
    qualifier = WordField(Qualifier, null=True, help_text="How exactly it was stated.")
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="benefit_figures",
        help_text="Scope, where stated.",
    )
    scope_level = WordField(ScopeLevel, null=True, help_text="Level of the scope.")
    financial_year = FinancialYearField(null=True, help_text="Year that it is for.")
    as_at_on = vague_day("Day that it holds for")
    as_at_precision = precision_of("the as-at date")
    horizon_amount = models.PositiveIntegerField(null=True, blank=True, help_text="Length of time that it is a total over.")
    horizon_unit = WordField(TimeUnit, null=True, help_text="Unit of that length.")
    observation = models.ForeignKey(
        Observation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="benefit_figures",
        help_text="Observation that it is taken from.",
    )

    class Meta(Record.Meta):
        verbose_name = "benefit figure"
        verbose_name_plural = "benefit figures"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("as_at"),
            both_or_neither("horizon_amount", "horizon_unit"),
            both_or_neither("from_value", "to_value"),
            models.CheckConstraint(
                condition=Q(value__isnull=True) | Q(from_value__isnull=True),
                name="metrics_benefitfigure_value_or_change",
                violation_error_message="A figure is a value or a change from one value to another, not both.",
            ),
        ]
