"""Notes and queries: what is odd about a record, and who was asked."""

import datetime as dt
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from cmast.models.fields import DayField, LineField, ProseField, WordField
from cmast.models.records import Record
from cmast.models.verbs import verb
from cmast.vocabulary import Words


class Note(Record):
    """A remark about one or more records, or a question to their owner."""

    class Kind(Words):
        NOTE = "note"
        QUERY = "query"

    class Status(Words):
        OPEN = "open"
        ANSWERED = "answered"
        CLOSED = "closed"

    label_field = "text"

    kind = WordField(Kind, default=Kind.NOTE, help_text="A remark, or a question that wants an answer.")
    text = ProseField(help_text="What was observed, or what is asked.")
    treatment = ProseField(blank=True, help_text="How the register deals with it.")
    status = WordField(Status, null=True, help_text="For a query: where it stands.")
    asked_of = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="queries",
        help_text="For a query: who should answer.",
    )
    answer = ProseField(blank=True, help_text="For a query: the answer.")
    answered_on = DayField(null=True, help_text="For a query: when it was answered.")

    class Meta(Record.Meta):
        verbose_name = "note or query"
        verbose_name_plural = "notes and queries"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(kind="query", status__isnull=False) | Q(kind="note", status__isnull=True),
                name="cmast_note_status",
                violation_error_message="A query has a status, a note has none.",
            ),
        ]

    def complete(self) -> None:
        if self.kind == self.Kind.QUERY and not self.status:
            self.status = self.Status.OPEN

    @verb(
        "Answer the query",
        given={"kind": (Kind.QUERY,), "status": (Status.OPEN,)},
        asks=("answered_on",),
        needs=("answer",),
        example={"answer": "The count is of 29 February 2024.", "answered_on": "2024-05-07"},
    )
    def give_answer(self, answer: str, answered_on: dt.date | None = None) -> None:
        """Say what was found out. Without a date the answer is of today."""
        self.answer, self.answered_on, self.status = answer, answered_on or timezone.localdate(), self.Status.ANSWERED
        self.save()

    @verb("Close the query", given={"kind": (Kind.QUERY,), "status": (Status.OPEN, Status.ANSWERED)})
    def close(self) -> None:
        """Nobody need answer it any more."""
        self.status = self.Status.CLOSED
        self.save()

    @verb("Open the query again", given={"kind": (Kind.QUERY,), "status": (Status.ANSWERED, Status.CLOSED)})
    def reopen(self) -> None:
        """The answer was none, or the question has come back. What was answered stays on the record."""
        self.status = self.Status.OPEN
        self.save()

    def __str__(self) -> str:
        return self.text if len(self.text) <= 80 else f"{self.text[:79]}…"


def record_types() -> dict[str, type[Record]]:
    """Every kind of record by its name in the singular: `milestone`, `benefit_figure`."""
    return {str(model._meta.verbose_name).replace(" ", "_"): model for model in apps.get_models() if issubclass(model, Record)}


def nothing_named(kind: str, key: str) -> str:
    """What is said of a record that does not exist, or not for the one who names it."""
    return f"There is no {kind.replace('_', ' ')} with the key “{key}”."


def require_named(kind: str, key: str, reader: Any) -> None:
    """Raises ValidationError where this person sees no record of that kind and key. An unknown kind is for the model."""
    model: Any = record_types().get(kind)
    if model is not None and not model.objects.visible_to(reader).filter(key=key).exists():
        raise ValidationError({"record_key": nothing_named(kind, key)})


class Subject(Record):
    """Base for one record that another one is about, named by its kind and key, so that it can be about anything.

    A subclass links to the one that is about it, and `touches` that link alone: who may not see the subject sees neither.
    """

    label_field = "record_key"

    record_type = LineField(max_length=60, help_text="Kind of record, in the singular: milestone, target, observation.")
    record_key = LineField(max_length=100, help_text="Key of that record.")

    class Meta(Record.Meta):
        abstract = True

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        model = record_types().get(self.record_type)
        if model is None:
            errors["record_type"] = f"There is no kind of record called “{self.record_type}”."
        elif not model._default_manager.filter(key=self.record_key).exists():
            errors["record_key"] = nothing_named(self.record_type, self.record_key)
        if errors:
            raise ValidationError(errors)


class NoteSubject(Subject):
    """One record that a note is about, named by its kind and key."""

    touches = ("about_note",)

    about_note = models.ForeignKey(Note, models.CASCADE, related_name="subjects", help_text="The note.")

    class Meta(Record.Meta):
        verbose_name = "note subject"
        verbose_name_plural = "note subjects"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(fields=["about_note", "record_type", "record_key"], name="cmast_notesubject_once"),
        ]
        indexes = [models.Index(fields=["record_type", "record_key"], name="cmast_notesubject_record")]
