"""What each workstream reports each month, fact by fact, and how things come to an end."""

from typing import ClassVar

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
)
from cmast.vocabulary import Rag, Unit, Words
from programmes.models.governance import Forum
from programmes.models.programmes import ClosureOutcome, PlacedRecord


class Update(PlacedRecord):
    "The report of one workstream for one month; of a programme, or of the whole collaborative, where no workstream is named."

    class Status(Words):
        COMMISSIONED = "commissioned"
        DRAFT = "draft"
        SUBMITTED = "submitted"
        RETURNED = "returned"
        APPROVED = "approved"
        PUBLISHED = "published"
        SUPERSEDED = "superseded"

    label_field = "title"
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}

    month_on = DayField(help_text="First day of the month that is reported.")
    status = WordField(Status, default=Status.DRAFT, help_text="How far the report has come.")
    rag = WordField(Rag, default=Rag.NOT_SET, help_text="Delivery confidence, as reported.")
    submitted_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="updates", help_text="Who handed it in."
    )
    submitted_on = DayField(null=True, help_text="When it was handed in.")
    approved_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who signed it off."
    )
    approved_on = DayField(null=True, help_text="When it was signed off.")

    class Meta(PlacedRecord.Meta):
        verbose_name = "update"
        verbose_name_plural = "updates"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(month_on__day=1),
                name="programmes_update_month",
                violation_error_message="month_on is the first day of a month.",
            ),
            models.UniqueConstraint(
                fields=["workstream", "month_on"],
                condition=Q(workstream__isnull=False),
                name="programmes_update_workstream",
                violation_error_message="This workstream has an update for this month already.",
            ),
            models.UniqueConstraint(
                fields=["programme", "month_on"],
                condition=Q(workstream__isnull=True, programme__isnull=False),
                name="programmes_update_programme",
                violation_error_message="This programme has an update of its own for this month already.",
            ),
            models.UniqueConstraint(
                fields=["month_on"],
                condition=Q(workstream__isnull=True, programme__isnull=True),
                name="programmes_update_overall",
                violation_error_message="There is an update for the whole collaborative for this month already.",
            ),
        ]

    @property
    def title(self) -> str:
        return f"{self.workstream or self.programme or 'CMAST'}, {self.month_on:%B %Y}"


class UpdateFact(Record):
    """One short fact of an update."""

    label_field = "text"
    touches = ("update",)
    writers: ClassVar[dict[str, str]] = {"programme": "update__programme", "workstream": "update__workstream"}

    update = models.ForeignKey(Update, models.CASCADE, related_name="facts", help_text="The update that it is part of.")
    text = LineField(help_text="The fact, in one short sentence.")
    activity_month_on = DayField(null=True, help_text="First day of the month in which it happened, where stated.")
    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="facts", help_text="Body that it happened at."
    )
    quantity = NumberField(null=True, help_text="How many things it concerns, where stated.")
    unit = WordField(Unit, null=True, help_text="What the quantity counts.")
    parts = WordListField(help_text="Things that it names, such as projects.")
    financial_year = FinancialYearField(null=True, help_text="Year that it is about, where stated.")

    class Meta(Record.Meta):
        verbose_name = "update fact"
        verbose_name_plural = "update facts"


class Closure(PlacedRecord):
    """The end of a forum, workstream or programme, and what was left over."""

    label_field = "title"

    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="closures", help_text="Body that was closed."
    )
    closed_on = DayField(help_text="When.")
    closure_outcome = WordField(ClosureOutcome, null=True, help_text="What became of it.")
    confirmed_by = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="+", help_text="Body that confirmed it."
    )
    is_risk_log_closed = models.BooleanField(
        null=True, blank=True, help_text="Whether the risk log was closed; empty: not stated."
    )
    is_risk_transfer_recorded = models.BooleanField(
        null=True, blank=True, help_text="Whether it is on record where open risks went; empty: not stated."
    )
    residual_workstreams = models.ManyToManyField(
        "programmes.Workstream", blank=True, related_name="+", help_text="Workstreams that go on."
    )
    residual_decision = models.ForeignKey(
        "programmes.Decision",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Decision on actions that go on.",
    )
    outputs = WordListField(help_text="What it left behind.")

    class Meta(PlacedRecord.Meta):
        verbose_name = "closure"
        verbose_name_plural = "closures"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(forum__isnull=False) | Q(workstream__isnull=False) | Q(programme__isnull=False),
                name="programmes_closure_subject",
                violation_error_message="Say what was closed: a forum, a workstream or a programme.",
            ),
        ]

    @property
    def title(self) -> str:
        return f"Closure of {self.forum or self.workstream or self.programme}"
