"""What a savings scheme has besides its figures: a signed quality impact, months, and a weight by its stage and risk."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from cmast.dates import month_end
from cmast.errors import RuleBroken
from cmast.models import Person, Record, RecordQuerySet
from cmast.models.fields import DayField, FinancialYearField, NumberField, ProseField, WordField
from cmast.models.verbs import verb
from cmast.vocabulary import Qualifier, Unit, Words
from metrics.models.benefits import Benefit, BenefitFigure
from metrics.outlook import Month


class QualityImpactQuerySet(RecordQuerySet):
    def clearing(self) -> "QualityImpactQuerySet":
        """Their scheme may start."""
        return self.filter(status__in=QualityImpact.CLEARING)

    def awaiting_sign_off(self) -> "QualityImpactQuerySet":
        """Submitted, and a signature is missing."""
        return self.filter(status=QualityImpact.Status.SUBMITTED)

    def review_due(self, today: dt.date) -> "QualityImpactQuerySet":
        """It is to be looked at again: by its state, or because the day has come."""
        words = QualityImpact.Status
        return self.filter(Q(status=words.REVIEW_DUE) | Q(status__in=QualityImpact.CLEARING, review_on__lte=today))


class QualityImpact(Record):
    """What a savings scheme does to safety, effectiveness and experience, signed by medical director and chief nurse.

    Its status and its signatures are changed by its verbs alone. Once somebody has signed, what was signed stays as it is
    until it is sent back.
    """

    class Status(Words):
        NOT_REQUIRED = "not_required"
        DRAFT = "draft"
        SUBMITTED = "submitted"
        APPROVED = "approved"
        APPROVED_WITH_CONDITIONS = "approved_with_conditions"
        REJECTED = "rejected"
        REVIEW_DUE = "review_due"

    #: States in which the scheme may start.
    CLEARING = (Status.NOT_REQUIRED, Status.APPROVED, Status.APPROVED_WITH_CONDITIONS)
    #: Domain -> what must be said of it before it is submitted.
    DOMAINS: ClassVar[dict[str, str]] = {
        "safety": "patient safety",
        "effectiveness": "clinical effectiveness",
        "experience": "patient and staff experience",
    }

    #: What only its verbs change.
    BY_VERB = ("status", "medical_director_id", "medical_signed_at", "chief_nurse_id", "nursing_signed_at", "submitted_on")

    label_field = "key"
    touches = ("benefit",)
    writers: ClassVar[dict[str, str]] = {"programme": "benefit__programme"}
    #: A verb is at work on this copy.
    is_at_work = False

    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="quality_impacts", help_text="The scheme.")
    status = WordField(Status, default=Status.DRAFT, help_text="Where it stands.")
    safety = ProseField(blank=True, help_text="What the scheme does to patient safety.")
    effectiveness = ProseField(blank=True, help_text="What it does to clinical effectiveness.")
    experience = ProseField(blank=True, help_text="What it does to the experience of patients and staff.")
    conditions = ProseField(blank=True, help_text="On what condition it is approved.")
    why_not_required = ProseField(blank=True, help_text="Why no assessment is required.")
    submitted_on = DayField(null=True, help_text="When it was put to the signatories.")
    medical_director = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="+", help_text="Who signed as medical director."
    )
    medical_signed_at = models.DateTimeField(null=True, blank=True, help_text="When the medical director signed.")
    chief_nurse = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="+", help_text="Who signed as chief nurse."
    )
    nursing_signed_at = models.DateTimeField(null=True, blank=True, help_text="When the chief nurse signed.")
    review_on = DayField(null=True, help_text="When to look at it again.")

    objects: ClassVar = QualityImpactQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "quality impact"
        verbose_name_plural = "quality impacts"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["benefit"],
                name="metrics_qualityimpact_once",
                violation_error_message="This scheme has a quality impact already.",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "approved_with_conditions"])
                | Q(medical_signed_at__isnull=False, nursing_signed_at__isnull=False),
                name="metrics_qualityimpact_signed",
                violation_error_message="It is approved when medical director and chief nurse have signed.",
            ),
            models.CheckConstraint(
                condition=~Q(status="not_required") | ~Q(why_not_required=""),
                name="metrics_qualityimpact_reason",
                violation_error_message="Say why no assessment is required.",
            ),
            models.CheckConstraint(
                condition=Q(medical_director__isnull=True, medical_signed_at__isnull=True)
                | Q(medical_director__isnull=False, medical_signed_at__isnull=False),
                name="metrics_qualityimpact_medical",
                violation_error_message="A signature is a person and a moment.",
            ),
            models.CheckConstraint(
                condition=Q(chief_nurse__isnull=True, nursing_signed_at__isnull=True)
                | Q(chief_nurse__isnull=False, nursing_signed_at__isnull=False),
                name="metrics_qualityimpact_nursing",
                violation_error_message="A signature is a person and a moment.",
            ),
        ]

    def __str__(self) -> str:
        return f"Quality impact of “{self.benefit}”"

    def key_base(self) -> str:
        return f"quality-impact-{self.benefit.key}"[:90]

    def clean(self) -> None:
        super().clean()
        if self.is_at_work:
            return
        if changed := self._changed(self.BY_VERB):
            names = " and ".join(name.removesuffix("_id").replace("_", " ") for name in changed)
            raise RuleBroken("by_verb", f"{names.capitalize()}: submit the quality impact, sign it or send it back instead.")
        if (self.medical_signed_at or self.nursing_signed_at) and self._changed((*self.DOMAINS, "conditions", "benefit_id")):
            raise RuleBroken("signed", f"{self} has been signed: send it back before what was signed is changed.")

    def _changed(self, names: Iterable[str]) -> list[str]:
        """Fields that differ from what is stored; of a new record, from an unsigned draft."""
        fields = {field.attname: field for field in self._meta.concrete_fields}
        read = {name: fields[name].get_default() for name in fields} if self._state.adding else getattr(self, "as_read", {})
        return [name for name in names if name in read and read[name] != getattr(self, name)]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The scheme learns whether it may start. One that has started goes on when a review falls due."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            scheme = Benefit.objects.select_for_update().get(pk=self.benefit_id)
            is_cleared = self.status in self.CLEARING or scheme.maturity in Benefit.STARTED
            if scheme.is_cleared != is_cleared:
                scheme.is_cleared = is_cleared
                scheme.save()

    # --- What is done with it -----------------------------------------------------------------------------------------

    @verb(
        "Put it to the signatories",
        given={"status": (Status.DRAFT, Status.REJECTED, Status.REVIEW_DUE)},
        asks=tuple(DOMAINS),
        needs_reason=True,
        example={"safety": "None.", "effectiveness": "None.", "experience": "Fewer visits."},
    )
    def submit(self, **said: str) -> None:
        """All three domains must have been assessed. Earlier signatures count no more."""
        self._unsign()
        for name, text in said.items():
            setattr(self, name, text)
        if missing := [words for name, words in self.DOMAINS.items() if not getattr(self, name)]:
            raise RuleBroken("not_assessed", f"{self} says nothing of {', '.join(missing)}.")
        self.submitted_on = timezone.localdate()
        self._becomes(self.Status.SUBMITTED)

    @verb(
        "Sign as medical director",
        given={"status": (Status.SUBMITTED,)},
        asks=("medical_director", "conditions"),
        needs_reason=True,
        needs_key=True,
        example={"medical_director": "sam-example"},
    )
    def sign_off_medical(self, by: Any, medical_director: Any = None, conditions: str = "") -> None:
        """Signed by the person who is named, else by whoever asks. With the second signature it is approved."""
        self.medical_director, self.medical_signed_at = medical_director or by, timezone.now()
        self._signed(conditions)

    @verb(
        "Sign as chief nurse",
        given={"status": (Status.SUBMITTED,)},
        asks=("chief_nurse", "conditions"),
        needs_reason=True,
        needs_key=True,
        example={"chief_nurse": "sam-example"},
    )
    def sign_off_nursing(self, by: Any, chief_nurse: Any = None, conditions: str = "") -> None:
        """Signed by the person who is named, else by whoever asks. With the second signature it is approved."""
        self.chief_nurse, self.nursing_signed_at = chief_nurse or by, timezone.now()
        self._signed(conditions)

    @verb("Send it back", given={"status": (Status.SUBMITTED,)}, needs_reason=True)
    def send_back(self) -> None:
        """It is a draft again, without signatures."""
        self._unsign()
        self._becomes(self.Status.DRAFT)

    @verb("Reject it", given={"status": (Status.SUBMITTED,)}, needs_reason=True)
    def reject(self) -> None:
        """The scheme must not be done like this. It may be put to the signatories again."""
        self._unsign()
        self._becomes(self.Status.REJECTED)

    @verb(
        "State that none is required",
        given={"status": (Status.DRAFT,)},
        needs=("why_not_required",),
        needs_reason=True,
        example={"why_not_required": "A change of ledger: no patient is concerned."},
    )
    def waive(self, why_not_required: str) -> None:
        """The scheme may start without an assessment, and it is on record why."""
        self.why_not_required = why_not_required
        self._becomes(self.Status.NOT_REQUIRED)

    @verb("Call for a review", given={"status": CLEARING}, needs_reason=True)
    def call_for_review(self) -> None:
        """It must be signed again. A scheme that has started goes on; one that has not waits."""
        self._becomes(self.Status.REVIEW_DUE)

    def _becomes(self, status: str) -> None:
        self.status, self.is_at_work = status, True
        self.save()
        self.is_at_work = False

    def _unsign(self) -> None:
        self.medical_director = self.medical_signed_at = self.chief_nurse = self.nursing_signed_at = None
        self.conditions = ""

    def _signed(self, conditions: str) -> None:
        """Both may make conditions; all of them hold."""
        self.conditions = "\n".join(filter(None, (self.conditions, conditions)))
        if self.medical_director and self.medical_director == self.chief_nurse:
            raise RuleBroken("one_person", f"{self.medical_director} has signed already: two people sign a quality impact.")
        if self.medical_signed_at and self.nursing_signed_at:
            words = self.Status
            self.status = words.APPROVED_WITH_CONDITIONS if self.conditions else words.APPROVED
        self._becomes(self.status)


class BenefitMonth(Record):
    """Plan and actual of one month of a savings scheme or another benefit. What nobody has reported is empty, not nought."""

    Windfall = BenefitFigure.Windfall

    label_field = "key"
    also_reasoned = ("planned", "actual")
    writers: ClassVar[dict[str, str]] = {"programme": "benefit__programme"}

    benefit = models.ForeignKey(Benefit, models.CASCADE, related_name="months", help_text="The benefit.")
    month_on = DayField(help_text="First day of the month.")
    windfall = WordField(Windfall, default=Windfall.NOT_APPLICABLE, help_text="Whether gains that no scheme caused are in it.")
    planned = NumberField(null=True, help_text="What the month was to bring.")
    actual = NumberField(null=True, help_text="What it brought.")
    unit = WordField(Unit, default=Unit.GBP, help_text="What is counted.")
    qualifier = WordField(Qualifier, null=True, help_text="How exactly the actual was stated.")

    class Meta(Record.Meta):
        verbose_name = "benefit month"
        verbose_name_plural = "benefit months"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["benefit", "month_on", "windfall"],
                name="metrics_benefitmonth_once",
                violation_error_message="This month of the benefit is there already.",
            ),
            models.CheckConstraint(
                condition=Q(month_on__day=1),
                name="metrics_benefitmonth_first_day",
                violation_error_message="A month is named by its first day.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month_on:%B %Y}"

    @property
    def last_day(self) -> dt.date:
        return month_end(self.month_on)

    def as_month(self) -> Month:
        """For sums of months."""
        qualifier = self.qualifier or Qualifier.EXACT
        return Month(on=self.month_on, planned=self.planned, actual=self.actual, qualifier=qualifier)

    def key_base(self) -> str:
        return f"{self.benefit.key[:70]}-{self.month_on:%Y-%m}"


class SavingWeight(Record):
    """How much of a scheme's figure is expected in a year, by its stage and its risk. What has no row has no weight."""

    label_field = "key"
    also_reasoned = ("percent",)

    financial_year = FinancialYearField(help_text="Year whose figures it weighs.")
    maturity = WordField(Benefit.Maturity, help_text="Stage of the scheme.")
    delivery_risk = WordField(Benefit.DeliveryRisk, help_text="How likely it is to fail.")
    percent = NumberField(help_text="Share of its figure that is expected, from 0 to 100.")

    class Meta(Record.Meta):
        verbose_name = "saving weight"
        verbose_name_plural = "saving weights"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["financial_year", "maturity", "delivery_risk"],
                name="metrics_savingweight_once",
                violation_error_message="There is a weight for this stage and risk in this year already.",
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100),
                name="metrics_savingweight_percent",
                violation_error_message="A weight is between 0 and 100 percent.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.financial_year}: {self.get_maturity_display()}, {self.get_delivery_risk_display().lower()} risk"

    def key_base(self) -> str:
        return f"{self.financial_year}-{self.maturity}-{self.delivery_risk}-risk".replace("_", "-").replace("/", "-")
