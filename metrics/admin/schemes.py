"""Desks for what a savings scheme has besides: months, a signed quality impact, weights."""

from django.contrib import admin
from django.http import HttpRequest

from cmast.desk.columns import figure, tag
from cmast.desk.groups import METRICS
from cmast.desk.questions import Attention
from cmast.desk.records import RecordAdmin
from metrics.models import BenefitMonth, QualityImpact, SavingWeight


class BenefitMonthAdmin(RecordAdmin):
    group = METRICS
    is_detail = True
    list_display = ("benefit", "month_on", "planned_in_words", "actual_in_words", "windfall")
    list_filter = ("windfall", "unit")
    named_by = ("benefit",)
    search_fields = ("benefit__title", "key")
    sections = ((None, ("benefit", "month_on", "windfall", ("planned", "actual"), ("unit", "qualifier"))),)

    @admin.display(description="Planned", ordering="planned")
    def planned_in_words(self, month: BenefitMonth) -> str:
        return figure(month.planned, month.unit)

    @admin.display(description="Actual", ordering="actual")
    def actual_in_words(self, month: BenefitMonth) -> str:
        return figure(month.actual, month.unit, month.qualifier)


class QualityImpactAdmin(RecordAdmin):
    """What its verbs change stands on the page, and is changed by its buttons alone."""

    group = METRICS
    list_display = ("benefit", tag("status"), "submitted_on", "medical_director", "chief_nurse", "review_on")
    list_filter = ("status",)
    questions = ("awaiting_sign_off", "review_due")
    named_by = ("benefit",)
    search_fields = ("benefit__title", "key")
    readonly_fields = (
        "status",
        "submitted_on",
        "medical_director",
        "medical_signed_at",
        "chief_nurse",
        "nursing_signed_at",
    )
    sections = (
        (None, ("benefit", "status", "review_on")),
        ("What the scheme does", ("safety", "effectiveness", "experience")),
        (
            "Signatures",
            (
                "submitted_on",
                ("medical_director", "medical_signed_at"),
                ("chief_nurse", "nursing_signed_at"),
                "conditions",
                "why_not_required",
            ),
        ),
    )
    attention = (
        Attention("Quality impacts to sign", "awaiting_sign_off", hint="No scheme starts before both have signed.", order=74),
    )

    def has_delete_permission(self, request: HttpRequest, obj: QualityImpact | None = None) -> bool:
        return False


class SavingWeightAdmin(RecordAdmin):
    group = METRICS
    list_display = ("maturity", "delivery_risk", "financial_year", "percent_in_words")
    list_filter = ("financial_year", "maturity", "delivery_risk")
    sections = ((None, ("financial_year", ("maturity", "delivery_risk"), "percent")),)

    @admin.display(description="Expected", ordering="percent")
    def percent_in_words(self, weight: SavingWeight) -> str:
        return figure(weight.percent, "percent")
