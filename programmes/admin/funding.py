"""Desks for where money and capacity come from: funding, procurements, mutual aid."""

from django.contrib import admin

from cmast.desk.columns import figure, tag, vague
from cmast.desk.groups import MONEY
from cmast.desk.records import PLACE, RecordAdmin
from programmes.models import Funding, MutualAid


class FundingAdmin(RecordAdmin):
    group = MONEY
    list_display = (
        "title",
        tag("status"),
        tag("delivery_status"),
        "amount",
        "funder",
        vague("decision_expected", "Decision expected"),
        "workstream",
        "programme",
    )
    list_filter = ("status", "delivery_status", "funder", "financial_year")
    sections = (
        (None, ("title", PLACE, "status", "delivery_status")),
        ("How much", (("amount_gbp", "qualifier"), "years_covered", "financial_year")),
        ("Who pays", ("funder", "source_of_funds", "source_workstream", "shared_with")),
        ("When", (("submitted_on", "submitted_precision"), ("decision_expected_on", "decision_expected_precision"))),
    )

    @admin.display(description="Amount", ordering="amount_gbp")
    def amount(self, funding: Funding) -> str:
        return figure(funding.amount_gbp, "gbp", funding.qualifier)


class ProcurementAdmin(RecordAdmin):
    group = MONEY
    list_display = (
        "title",
        tag("stage"),
        vague("award_expected", "Award expected"),
        "awarded_on",
        "supplier_count",
        "workstream",
    )
    list_filter = ("stage",)
    sections = (
        (None, ("title", PLACE, "stage")),
        ("When", (("award_expected_on", "award_expected_precision"), "awarded_on", "next_milestone")),
        ("Suppliers", ("supplier_count", "suppliers")),
    )


class MutualAidAdmin(RecordAdmin):
    group = MONEY
    list_display = ("__str__", "donor", "recipient", "quantity_in_words", "workstream")
    list_filter = ("service", "donor", "recipient")
    named_by = ("recipient",)
    search_fields = ("key", "donor__name", "recipient__name")
    sections = (
        (None, ("service", PLACE)),
        ("Who", (("donor", "donor_site_count"), "recipient")),
        ("How much", (("quantity", "unit"),)),
    )

    @admin.display(description="Quantity", ordering="quantity")
    def quantity_in_words(self, aid: MutualAid) -> str:
        return figure(aid.quantity, aid.unit)
