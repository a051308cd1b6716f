"""What the checks have found in figures and texts, and what people have answered."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from cmast.history.context import current
from cmast.models import Person, Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, ProseField, WordField
from cmast.models.notes import Subject
from cmast.models.verbs import verb
from cmast.vocabulary import Words
from programmes.models import Programme

#: States of a finding that people work on.
WITH_PEOPLE = ("open", "answered")


class FindingQuerySet(RecordQuerySet):
    def still_found(self) -> "FindingQuerySet":
        """The checks still find it, whatever was answered."""
        return self.exclude(state=Finding.State.NO_LONGER_FOUND)


class Finding(Record):
    """Something in the figures or texts that does not agree. Only `metrics.checks` makes findings and closes them.

    Its key says which check found it in which record, so that a check that is run again finds the same finding. An answer
    holds for the figures that it was given for: where they change, the finding is open again and keeps the answer.
    """

    class Rule(Words):
        PARTS_AGAINST_TOTAL = "parts_against_total"
        RATIO_AGAINST_INPUTS = "ratio_against_inputs"
        PREVIOUS_AGAINST_PUBLISHED = "previous_against_published"
        POINTS_AGAINST_PERCENT = "points_against_percent"
        OUTSIDE_PLAUSIBLE_RANGE = "outside_plausible_range"
        MISSING_PERIOD = "missing_period"
        COPIED_FORWARD = "copied_forward"
        CLAIM_AGAINST_FIGURES = "claim_against_figures"
        IMPOSSIBLE_TEXT = "impossible_text"
        REPEATED_RECORD = "repeated_record"
        MONTHS_AGAINST_YEAR_TO_DATE = "months_against_year_to_date"

    class State(Words):
        OPEN = "open"
        ANSWERED = "answered"
        ACCEPTED = "accepted"
        CORRECTED = "corrected"
        NO_LONGER_FOUND = "no_longer_found"

    label_field = "what"
    writers: ClassVar[dict[str, str]] = {"programme": "programme"}

    rule = WordField(Rule, help_text="Which check found it.")
    what = ProseField(help_text="What does not agree, in a sentence.")
    printed = LineField(blank=True, help_text="What the source prints.")
    computed = LineField(blank=True, help_text="What follows from the other figures.")
    programme = models.ForeignKey(
        Programme, models.CASCADE, null=True, blank=True, related_name="findings", help_text="Programme of the records."
    )
    owner = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="findings", help_text="Who is to answer it."
    )
    state = WordField(
        State,
        default=State.OPEN,
        help_text="Accepted: it stays as it is. Corrected: the records were put right; the next run of the checks looks.",
    )
    answer = ProseField(blank=True, help_text="What was found out about it. An open finding becomes answered with it.")
    answered_by = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="+", help_text="Who gave the answer."
    )
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When the answer was given.")
    first_seen_on = DayField(help_text="Day on which the checks first found it.")
    last_seen_on = DayField(help_text="Day on which the checks last found it.")

    objects: ClassVar = FindingQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "finding"
        verbose_name_plural = "findings"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state__in=["answered", "accepted"]) | ~Q(answer=""),
                name="metrics_finding_answer",
                violation_error_message="Say why: an answered or accepted finding has an answer.",
            ),
        ]

    def complete(self) -> None:
        read = getattr(self, "as_read", {})
        if "answer" not in read or read["answer"] == self.answer:
            return
        self.answered_by = Person.objects.filter(key=current().actor()).first() if self.answer else None
        self.answered_at = timezone.now() if self.answer else None
        if self.answer and self.state == self.State.OPEN == read["state"]:
            self.state = self.State.ANSWERED

    @verb("Take it on", given={"state": WITH_PEOPLE})
    def take(self, by: Any) -> None:
        """Whoever does this is the one who answers it from now on."""
        self.owner = by
        self.save()

    @verb("Answer it", given={"state": WITH_PEOPLE}, needs=("answer",), example={"answer": "The source rounds down."})
    def give_answer(self, answer: str) -> None:
        """Say what was found out about it. The figures stay as they are until it is accepted or they are put right."""
        self.answer, self.state = answer, self.State.ANSWERED
        self.save()

    @verb("Accept it as it is", given={"state": WITH_PEOPLE}, asks=("answer",), example={"answer": "As in the source."})
    def accept(self, answer: str | None = None) -> None:
        """It stays as it is, for the reason that the answer gives."""
        self.answer, self.state = answer or self.answer, self.State.ACCEPTED
        self.save()

    @verb("Record that the records were put right", given={"state": (*WITH_PEOPLE, "accepted")})
    def correct(self) -> None:
        """The next run of the checks looks whether it still finds it."""
        self.state = self.State.CORRECTED
        self.save()

    @verb("Open it again", given={"state": ("answered", "accepted", "corrected")})
    def reopen(self) -> None:
        """It waits for an answer again; the one that was given stays readable."""
        self.state = self.State.OPEN
        self.save()

    def clean(self) -> None:
        states = {getattr(self, "as_read", {}).get("state", self.state), self.state}
        if len(states) > 1 and self.State.NO_LONGER_FOUND in states:
            raise ValidationError({"state": "Whether it is still found is for the checks to say."})

    def __str__(self) -> str:
        return self.what if len(self.what) <= 80 else f"{self.what[:79]}…"


class FindingSubject(Subject):
    """One record that a finding is about, named by its kind and key."""

    touches = ("finding",)

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="subjects", help_text="The finding.")

    class Meta(Record.Meta):
        verbose_name = "finding subject"
        verbose_name_plural = "finding subjects"
        indexes = [models.Index(fields=["record_type", "record_key"], name="metrics_findingsubject_record")]
