"""Documents that state facts. Each record points at one of them and at its lines."""

from django.db import models

from cmast.models.fields import DayField, FinancialYearField, LineField, LinesField, WordField, WordListField
from cmast.models.records import Record
from cmast.vocabulary import Words


class Source(Record):
    """A document: an edition of the collaborative's briefing, or a public text behind a definition."""

    class Kind(Words):
        MONTHLY_BRIEFING = "monthly_briefing"
        PUBLIC_REFERENCE = "public_reference"
        BOARD_PAPER = "board_paper"
        DATA_RETURN = "data_return"
        CORRESPONDENCE = "correspondence"

    class Audience(Words):
        TRUST_BOARDS = "trust_boards"
        TRUST_CHIEF_EXECUTIVES = "trust_chief_executives"
        TRUST_CHAIRS = "trust_chairs"
        SYSTEM_PARTNERS = "system_partners"

    label_field = "title"

    title = LineField(help_text="Title of the document.")
    kind = WordField(Kind, help_text="What sort of document it is.")
    url = models.URLField(max_length=500, blank=True, help_text="Public address, where it has one.")
    issuer = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who issued it."
    )
    edition_month_on = DayField(null=True, help_text="First day of the month that a monthly document reports.")
    as_at_on = DayField(null=True, help_text="Day that the document's statements hold for.")
    plan_year = FinancialYearField(null=True, help_text="Financial year whose plan it sets out.")
    audiences = WordListField(Audience, help_text="Readers it is written for.")

    class Meta(Record.Meta):
        verbose_name = "source"
        verbose_name_plural = "sources"


class SourceSection(Record):
    """A heading of a document and the lines below it."""

    label_field = "title"
    touches = ("document",)

    document = models.ForeignKey(Source, models.CASCADE, related_name="sections", help_text="Document that it is part of.")
    title = LineField(help_text="Heading.")
    lines = LinesField(help_text="Lines that the section covers.")

    class Meta(Record.Meta):
        verbose_name = "source section"
        verbose_name_plural = "source sections"
