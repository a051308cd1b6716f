"""Organisations and sites, with the codes and names that were valid when."""

import datetime as dt

from django.db import models
from django.db.models import Q

from cmast.models.fields import DayField, LineField, WordField, WordListField, in_order
from cmast.models.records import Record
from cmast.vocabulary import Words


class Organisation(Record):
    """A body that decides, gives, receives or is counted. NHS bodies have their ODS code as key (`RBN`).

    An ODS code may pass from one organisation to another (RBN in July 2023), so it is unique only among those valid now.
    """

    class Kind(Words):
        COLLABORATIVE = "collaborative"
        NHS_TRUST = "nhs_trust", "NHS trust"
        ICB = "icb", "Integrated care board"
        NATIONAL_BODY = "national_body"
        GOVERNMENT_DEPARTMENT = "government_department"
        PRIMARY_CARE = "primary_care"
        SUPPLIER = "supplier"
        SHARED_SERVICE = "shared_service"
        PROFESSIONAL_BODY = "professional_body"
        PROGRAMME = "programme"
        REGION = "region"
        NETWORK = "network"
        PLACE_GROUP = "place_group"

    class TrustType(Words):
        ACUTE = "acute"
        SPECIALIST = "specialist"
        AMBULANCE = "ambulance"
        COMMUNITY_MENTAL_HEALTH = "community_mental_health"

    class Specialty(Words):
        CHILDREN = "children"
        CARDIOTHORACIC = "cardiothoracic"
        WOMENS_HEALTH = "womens_health", "Women's health"
        CANCER = "cancer"
        NEUROSCIENCES = "neurosciences"

    class Standing(Words):
        CORE_MEMBER = "core_member"
        DUAL_MEMBER = "dual_member"
        KEY_SYSTEM_PARTNER = "key_system_partner"
        OBSERVER = "observer"

    touches = ("successor",)

    name = LineField(help_text="Official name.")
    short_name = LineField(blank=True, help_text="Name used in running text.")
    abbreviation = LineField(max_length=20, blank=True, help_text="Customary abbreviation, such as MWL.")
    aliases = WordListField(help_text="Other names that documents print for it.")
    kind = WordField(Kind, help_text="What sort of organisation it is.")
    ods_code = LineField(max_length=10, null=True, blank=True, help_text="NHS organisation code.")
    trust_type = WordField(TrustType, null=True, help_text="For NHS trusts.")
    specialty = WordField(Specialty, null=True, help_text="For specialist trusts.")
    is_foundation_trust = models.BooleanField(null=True, blank=True, help_text="Whether an NHS trust is a foundation trust.")
    standing = WordField(
        Standing,
        null=True,
        help_text="How it belongs to the collaborative. Dual: also in the mental health, "
        "learning disability and community collaborative.",
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", help_text="Body that it is part of."
    )
    valid_from = DayField(null=True, help_text="First day under this name and code, where known.")
    valid_to = DayField(null=True, help_text="Last day under this name and code.")
    successor = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="predecessors", help_text="Organisation that it became."
    )

    class Meta(Record.Meta):
        verbose_name = "organisation"
        verbose_name_plural = "organisations"
        constraints = [
            *Record.Meta.constraints,
            in_order("valid_from", "valid_to"),
            models.UniqueConstraint(
                fields=["ods_code"],
                condition=Q(valid_to__isnull=True),
                name="cmast_organisation_ods_code",
                violation_error_message="Another current organisation has this ODS code.",
            ),
            models.CheckConstraint(
                condition=Q(trust_type__isnull=True) | Q(kind="nhs_trust"),
                name="cmast_organisation_trust_type",
                violation_error_message="Only an NHS trust has a trust type.",
            ),
        ]

    def is_valid_on(self, day: dt.date) -> bool:
        """Whether it had this name and code then, as far as is known."""
        return (self.valid_from or day) <= day <= (self.valid_to or day)


class Site(Record):
    """A place where care is given, or a group of such places that a document counts without naming them."""

    class Kind(Words):
        ELECTIVE_HUB = "elective_hub"
        CDC = "cdc", "Community diagnostic centre"

    name = LineField(help_text="Name of the site or group of sites.")
    kind = WordField(Kind, null=True, help_text="What sort of site it is.")
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="sites", help_text="Who runs it, where known."
    )
    site_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many sites, for an unnamed group.")

    class Meta(Record.Meta):
        verbose_name = "site"
        verbose_name_plural = "sites"
