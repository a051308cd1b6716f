"""Where money and capacity come from: funding, procurements, mutual aid."""

from django.db import models
from django.db.models import Q

from cmast.models import Record
from cmast.models.fields import (
    DayField,
    FinancialYearField,
    LineField,
    NumberField,
    WordField,
    WordListField,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.vocabulary import Qualifier, Unit, Words
from programmes.models.programmes import PlacedRecord, Workstream


class DeliveryStatus(Words):
    """Whether what the money pays for goes to plan."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"


class Funding(PlacedRecord):
    """Money that a workstream has, bids for or hopes for. The amount is often not known."""

    class Status(Words):
        OPTIONS_BEING_EXPLORED = "options_being_explored"
        PROPOSAL_IN_DISCUSSION = "proposal_in_discussion"
        BID_DRAFTING = "bid_drafting"
        BID_SUBMITTED = "bid_submitted"
        BID_AWAITING_OUTCOME = "bid_awaiting_outcome"
        PART_AWARDED = "part_awarded"
        AWARDED = "awarded"
        AGREED = "agreed"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    label_field = "title"

    title = LineField(help_text="What the money is for.")
    status = WordField(Status, help_text="How far it has come.")
    delivery_status = WordField(DeliveryStatus, null=True, help_text="How what it pays for is going.")
    amount_gbp = NumberField(null=True, help_text="Amount in pounds; empty while not stated.")
    qualifier = WordField(Qualifier, null=True, help_text="How exactly the amount was stated.")
    funder = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, null=True, blank=True, related_name="funding", help_text="Who pays."
    )
    shared_with = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who was told of the plans."
    )
    source_workstream = models.ForeignKey(
        Workstream,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="funds",
        help_text="Workstream whose money it is, such as an underspend.",
    )
    source_of_funds = LineField(blank=True, help_text="Where the money comes from, in words.")
    years_covered = WordListField(help_text="Years of a contract or product that it covers.")
    financial_year = FinancialYearField(null=True, help_text="Year that the money is for.")
    submitted_on = vague_day("Date on which the bid went in")
    submitted_precision = precision_of("the submission's date")
    decision_expected_on = vague_day("Date by which the funder decides")
    decision_expected_precision = precision_of("that date")

    class Meta(PlacedRecord.Meta):
        verbose_name = "funding"
        verbose_name_plural = "funding"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("submitted"),
            vague_date_rule("decision_expected"),
            models.CheckConstraint(
                condition=Q(amount_gbp__isnull=True) | Q(amount_gbp__gte=0),
                name="programmes_funding_amount",
                violation_error_message="An amount of money is not negative.",
            ),
        ]


class Procurement(PlacedRecord):
    """Something that is bought together."""

    class Stage(Words):
        PRE_MARKET_ENGAGEMENT = "pre_market_engagement"
        LAUNCHED = "launched"
        WAIVER_SIGNED_OFF = "waiver_signed_off"
        PRE_AWARD = "pre_award"
        APPROVED = "approved"
        AWARDED = "awarded"

    label_field = "title"

    title = LineField(help_text="What is bought.")
    stage = WordField(Stage, help_text="How far it has come.")
    award_expected_on = vague_day("Date by which the contract is to be awarded")
    award_expected_precision = precision_of("the award's date")
    awarded_on = DayField(null=True, help_text="When the contract was awarded.")
    supplier_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many suppliers take part.")
    suppliers = models.ManyToManyField(
        "cmast.Organisation", blank=True, related_name="procurements", help_text="Suppliers that are named."
    )
    next_milestone = models.ForeignKey(
        "programmes.Milestone", models.PROTECT, null=True, blank=True, related_name="+", help_text="Next step."
    )

    class Meta(PlacedRecord.Meta):
        verbose_name = "procurement"
        verbose_name_plural = "procurements"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("award_expected"),
            models.CheckConstraint(
                condition=Q(awarded_on__isnull=True) | Q(stage="awarded"),
                name="programmes_procurement_awarded",
                violation_error_message="awarded_on is for a procurement at the stage awarded.",
            ),
        ]


class MutualAid(PlacedRecord):
    """Capacity that one organisation gives another. The giver may be unknown."""

    class Service(Words):
        COLONOSCOPY = "colonoscopy"
        CDC_DIAGNOSTICS = "cdc_diagnostics", "CDC diagnostics"

    label_field = "service"

    service = WordField(Service, help_text="What is given.")
    donor = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="aid_given",
        help_text="Who gives; empty while unknown.",
    )
    recipient = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="aid_received",
        help_text="Who receives; empty while unknown.",
    )
    donor_site_count = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many sites give, where only their number is known."
    )
    quantity = NumberField(null=True, help_text="How much was given.")
    unit = WordField(Unit, null=True, help_text="What the quantity or the number of sites counts.")

    class Meta(PlacedRecord.Meta):
        verbose_name = "mutual aid"
        verbose_name_plural = "mutual aid"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(quantity__isnull=True) | Q(unit__isnull=False),
                name="programmes_mutualaid_unit",
                violation_error_message="A quantity needs a unit.",
            ),
            models.CheckConstraint(
                condition=Q(donor__isnull=True) | Q(recipient__isnull=True) | ~Q(donor=models.F("recipient")),
                name="programmes_mutualaid_parties",
                violation_error_message="Nobody gives aid to itself.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_service_display()} for {self.recipient or 'an organisation not stated'}"
