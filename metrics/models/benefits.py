"""Benefits and savings, and the figures that are stated of them."""

import datetime as dt
from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from cmast.errors import RuleBroken
from cmast.models import Record
from cmast.models.fields import (
    DayField,
    FinancialYearField,
    LineField,
    NumberField,
    ProseField,
    WordField,
    both_or_neither,
    in_order,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.models.verbs import verb
from cmast.vocabulary import Qualifier, ScopeLevel, TimeUnit, Unit, Words
from metrics.models.definitions import Metric
from metrics.models.observations import Observation
from metrics.savings import Kind, Money
from programmes.models import Deliverable, HeldQuerySet, Objective, PlacedRecord


class BenefitQuerySet(HeldQuerySet):
    def left_open(self) -> "BenefitQuerySet":
        return self.unsettled()

    def savings(self) -> "BenefitQuerySet":
        """Schemes of the savings ledger: money that is saved or not spent, by their type, their fields or their figures."""
        in_pounds = Exists(BenefitFigure.objects.filter(benefit=OuterRef("pk"), unit=Unit.GBP))
        stated = Q(maturity__isnull=False) | Q(driver__isnull=False) | Q(counts_towards_target__isnull=False)
        kinds = [Benefit.Type.CASH_RELEASING, Benefit.Type.COST_AVOIDANCE]
        return self.filter(stated | in_pounds | Q(benefit_type__in=kinds), is_disbenefit=False)

    def unmeasured(self, unseen: Q | None = None) -> "BenefitQuerySet":
        """Nothing says what has come of it: no metric, no figure of what happened, no month with an actual.

        A metric of which `unseen` is true does not count.
        """
        happened = BenefitFigure.objects.filter(
            Q(value__isnull=False) | Q(to_value__isnull=False), benefit=OuterRef("pk"), basis=BenefitFigure.Basis.YTD_ACTUAL
        )
        without = Q(metric__isnull=True) | unseen if unseen else Q(metric__isnull=True)
        return self.filter(without, ~Exists(happened)).exclude(months__actual__isnull=False)

    def unsettled(self) -> "BenefitQuerySet":
        """Nobody has said what became of it."""
        words = Benefit.Status
        ended = Q(status__in=[words.REALISED, words.NOT_REALISED, words.RETIRED]) | Q(maturity=Benefit.Maturity.WITHDRAWN)
        return self.exclude(ended)

    def overdue(self, today: dt.date) -> "BenefitQuerySet":
        """It was to be realised before that day, and nobody has said whether it was."""
        return self.unsettled().filter(realisation_ends_on__lt=today)

    def review_due(self, today: dt.date) -> "BenefitQuerySet":
        """It was to be looked at again by that day."""
        return self.unsettled().filter(next_review_on__lte=today)


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

    class Confidence(Words):
        HIGH = "high"
        MEDIUM = "medium"
        LOW = "low"

    #: Stages of a savings scheme in their order.
    STAGES = (
        Maturity.UNIDENTIFIED,
        Maturity.OPPORTUNITY,
        Maturity.PLANS_IN_PROGRESS,
        Maturity.FULLY_DEVELOPED,
        Maturity.DELIVERING,
        Maturity.DELIVERED,
    )
    #: A scheme that has started. None does before its quality impact is signed off.
    STARTED = (Maturity.DELIVERING, Maturity.DELIVERED)
    #: What a profile must say before it is one, in words.
    PROFILE: ClassVar[dict[str, str]] = {
        "measure": "what is measured",
        "baseline_value": "the baseline",
        "baseline_on": "the day of the baseline",
        "target_value": "the target",
        "target_on": "the day of the target",
    }

    label_field = "title"
    touches = ("deliverable",)
    also_reasoned = ("maturity", "baseline_value", "target_value")
    closes_with: ClassVar[dict[str, tuple[str, ...]]] = {"programme": ("programme",), "workstream": ("workstream",)}
    loose_end = "It is still to be realised, and nobody takes it over."

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
    is_cleared = models.BooleanField(
        default=False, editable=False, help_text="Its quality impact is signed off or not required, so that it may start."
    )
    windfall_source = LineField(
        blank=True, max_length=100, help_text="What brings a windfall, such as a medicine whose price has fallen."
    )
    tracked_by = LineField(blank=True, help_text="How it is followed.")

    measure = LineField(blank=True, help_text="What is counted to see whether it comes.")
    measure_unit = WordField(Unit, null=True, help_text="Unit of baseline and target.")
    baseline_value = NumberField(null=True, help_text="How it was before the work.")
    baseline_on = DayField(null=True, help_text="Day of the baseline.")
    target_value = NumberField(null=True, help_text="How it shall be.")
    target_on = DayField(null=True, help_text="Day by which it shall be so.")
    owner_after_closure = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="benefits_after_closure",
        help_text="Who answers for it once the programme is closed.",
    )
    beneficiary = LineField(blank=True, help_text="For whom it is better.")
    disbenefits = ProseField(blank=True, help_text="What is worse because of it.")
    realisation_starts_on = DayField(null=True, help_text="First day on which it is to be felt.")
    realisation_ends_on = DayField(null=True, help_text="Day by which it is to be there in full.")
    next_review_on = DayField(null=True, help_text="When to look at it again.")
    confidence = WordField(Confidence, null=True, help_text="How sure its owner is that it comes.")

    objects: ClassVar = BenefitQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "benefit"
        verbose_name_plural = "benefits"
        constraints = [
            *PlacedRecord.Meta.constraints,
            in_order("baseline_on", "target_on"),
            in_order("realisation_starts_on", "realisation_ends_on"),
            models.CheckConstraint(
                condition=Q(baseline_value__isnull=True, target_value__isnull=True) | Q(measure_unit__isnull=False),
                name="metrics_benefit_measure_unit",
                violation_error_message="A baseline or a target needs a unit.",
            ),
            models.CheckConstraint(
                condition=~Q(maturity__in=["delivering", "delivered"]) | Q(maturity__isnull=True) | Q(is_cleared=True),
                name="metrics_benefit_cleared",
                violation_error_message="A scheme does not start before its quality impact is signed off.",
            ),
        ]

    def complete(self) -> None:
        super().complete()
        if self.objective and not self.programme_id:
            self.programme_id = self.objective.programme_id
        was = getattr(self, "as_read", {}).get("maturity")
        if was in self.STARTED and self.maturity not in self.STARTED:
            self.is_cleared = self.quality_impacts.clearing().exists()

    def clean(self) -> None:
        super().clean()
        if self.maturity in self.STARTED and not self.is_cleared:
            raise RuleBroken(
                "not_signed_off",
                f"“{self}” does not start before medical director and chief nurse have signed its quality impact, "
                "or it is stated why none is required.",
            )

    # --- As a benefit -------------------------------------------------------------------------------------------------

    @verb(
        "Complete the profile",
        given={"status": (None, Status.IDENTIFIED)},
        asks=(
            *PROFILE,
            "measure_unit",
            "metric",
            "owner",
            "owner_after_closure",
            "beneficiary",
            "disbenefits",
            "realisation_starts_on",
            "realisation_ends_on",
            "next_review_on",
            "confidence",
        ),
        example={
            "measure": "External legal spend",
            "measure_unit": "gbp",
            "baseline_value": "400000",
            "baseline_on": "2024-03-31",
            "target_value": "300000",
            "target_on": "2025-03-31",
        },
    )
    def profile(self, **said: Any) -> None:
        """Says how the benefit is measured. What is known already need not be said again; what is missing is named."""
        for name, value in said.items():
            setattr(self, name, value)
        if missing := [words for name, words in self.PROFILE.items() if getattr(self, name) in (None, "")]:
            raise RuleBroken("profile_incomplete", f"The profile of “{self}” lacks {', '.join(missing)}.")
        self._becomes(self.Status.PROFILED)

    @verb("Approve the profile", given={"status": (Status.PROFILED,)}, needs_reason=True, needs_key=True)
    def approve(self) -> None:
        """Its profile is what is aimed at from now on."""
        self._becomes(self.Status.APPROVED)

    @verb("Start to realise it", given={"status": (Status.APPROVED,)}, asks=("realisation_starts_on",), needs_reason=True)
    def start_realisation(self, realisation_starts_on: dt.date | None = None) -> None:
        """It begins to be felt; from the day that is said, where one is."""
        self.realisation_starts_on = realisation_starts_on or self.realisation_starts_on
        self._becomes(self.Status.IN_REALISATION)

    @verb("Record that it came", given={"status": (Status.IN_REALISATION,)}, needs_reason=True)
    def realise(self) -> None:
        """It is there."""
        self._becomes(self.Status.REALISED)

    @verb("Record that it did not come", given={"status": (Status.IN_REALISATION,)}, needs_reason=True)
    def not_realise(self) -> None:
        """It is not there and will not come."""
        self._becomes(self.Status.NOT_REALISED)

    @verb(
        "Retire it",
        given={"status": tuple(status for status in (None, *Status) if status != "retired")},
        needs_reason=True,
    )
    def retire(self) -> None:
        """Nobody follows it any more."""
        self._becomes(self.Status.RETIRED)

    def _becomes(self, status: str) -> None:
        self.status = status
        self.save()

    # --- As a savings scheme ------------------------------------------------------------------------------------------

    @verb("Take the scheme to its next stage", given={"maturity": STAGES[:-1]}, needs_reason=True)
    def advance(self) -> None:
        """From unidentified over opportunity, plans in progress and fully developed to delivering and delivered.

        It does not begin to deliver before its quality impact is signed off or not required.
        """
        self._moves(1)

    @verb("Take the scheme one stage back", given={"maturity": STAGES[1:]}, needs_reason=True)
    def step_back(self) -> None:
        """It was further on than it should be. A scheme that stops delivering needs its quality impact to start again."""
        self._moves(-1)

    @verb("Withdraw the scheme", given={"maturity": STAGES[:-1]}, needs_reason=True)
    def withdraw(self) -> None:
        """It will not be delivered; its figures stay, and count in no total."""
        self.maturity = self.Maturity.WITHDRAWN
        self.save()

    @verb("Take the scheme up again", given={"maturity": (Maturity.WITHDRAWN,)}, needs_reason=True)
    def reinstate(self) -> None:
        """It begins anew as an opportunity."""
        self.maturity = self.Maturity.OPPORTUNITY
        self.save()

    def _moves(self, steps: int) -> None:
        self.maturity = self.STAGES[self.STAGES.index(self.Maturity(str(self.maturity))) + steps]
        self.save()


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

    def as_money(self) -> Money:
        """For the savings ledger. What a windfall brings about includes the windfall, where the figure does not say so."""
        is_windfall = self.benefit.driver == Benefit.Driver.WINDFALL and self.windfall in (None, self.Windfall.NOT_APPLICABLE)
        day = self.as_at_on if self.basis == self.Basis.YTD_ACTUAL else None
        return Money(
            kind=Kind(
                basis=self.basis,
                effect=self.effect,
                windfall=self.Windfall.INCLUDING_WINDFALL if is_windfall else self.windfall,
                year=self.financial_year,
                horizon=f"{self.horizon_amount} {self.horizon_unit}" if self.horizon_amount else "",
                as_at=day,
                unit=self.unit,
                scope="" if self.scope_level in (None, ScopeLevel.SYSTEM) else str(self.scope_level),
            ),
            scheme=self.benefit.key,
            title=self.benefit.title,
            value=self.value,
            qualifier=self.qualifier or Qualifier.EXACT,
            owner=str(self.organisation_id or ""),
            key=self.key,
        )
