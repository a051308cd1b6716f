"""What a meeting deals with and what comes of it: the agenda with its papers, decisions, and actions until they are done."""

import datetime as dt
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.models import Record
from cmast.models.fields import (
    DayField,
    LineField,
    NumberField,
    WordField,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.models.verbs import Given, verb
from cmast.vocabulary import DatePrecision, Unit, Words
from programmes.models.approvals import Approval
from programmes.models.closing import HeldQuerySet
from programmes.models.governance import Forum, Meeting, RoleHolder
from programmes.models.programmes import PlacedRecord


class AgendaItem(Record):
    """One item of a meeting's agenda, with its paper. Decisions and actions say under which item they were recorded."""

    class Purpose(Words):
        APPROVE = "approve"
        ENDORSE = "endorse"
        NOTE = "note"
        DISCUSS = "discuss"
        ASSURE = "assure"
        INFORMATION = "information"

    label_field = "title"
    writers: ClassVar[dict[str, str]] = {"programme": "meeting__forum__programme"}

    meeting = models.ForeignKey(
        Meeting, models.CASCADE, related_name="agenda_items", help_text="Meeting whose agenda it is on."
    )
    number = LineField(max_length=10, help_text="Number on the agenda, such as 5.2.")
    title = LineField(help_text="What it is about.")
    purpose = WordField(Purpose, null=True, help_text="What the meeting is asked to do.")
    approval = models.ForeignKey(
        Approval,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="agenda_items",
        help_text="Approval that the meeting is asked for.",
    )
    paper_title = LineField(blank=True, help_text="Title of its paper.")
    paper_url = models.URLField(max_length=500, blank=True, help_text="Where the paper is.")

    class Meta(Record.Meta):
        verbose_name = "agenda item"
        verbose_name_plural = "agenda items"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["meeting", "number"],
                name="programmes_agendaitem_number",
                violation_error_message="The agenda has an item with this number already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class Recorded(PlacedRecord):
    """What was recorded at a meeting, under an item of its agenda where that is known."""

    follows: ClassVar[tuple[tuple[str, str], ...]] = (*PlacedRecord.follows, ("agenda_item", "meeting"))

    meeting = models.ForeignKey(
        Meeting,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        help_text="Sitting at which it was recorded. Follows from the agenda item.",
    )
    agenda_item = models.ForeignKey(
        AgendaItem,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        help_text="Item of the agenda that it was recorded under.",
    )

    class Meta(PlacedRecord.Meta):
        abstract = True

    def complete(self) -> None:
        super().complete()
        if self.agenda_item and not self.meeting_id:
            self.meeting_id = self.agenda_item.meeting_id

    def clean(self) -> None:
        super().clean()
        if self.agenda_item and self.agenda_item.meeting_id != self.meeting_id:
            raise ValidationError({"agenda_item": f"This is on the agenda of “{self.agenda_item.meeting}”."})


#: What may be said with a decision.
DECIDED = ("decided_on", "decided_precision")
EXAMPLE = {"decided_on": "2024-05-03"}
#: An action that is not done.
ON: Given = {"status": ("open",)}
#: Status of a decision -> those that it may come from. What is rejected or superseded stays so.
FROM = {
    "approved": (None, "proposed", "deferred"),
    "endorsed": (None, "proposed", "deferred"),
    "noted": (None, "proposed", "deferred"),
    "rejected": (None, "proposed", "deferred"),
    "deferred": (None, "proposed"),
    "superseded": (None, "approved", "endorsed", "noted"),
}


class Decision(Recorded):
    """What a forum decided."""

    class Status(Words):
        PROPOSED = "proposed"
        DEFERRED = "deferred"
        APPROVED = "approved"
        ENDORSED = "endorsed"
        NOTED = "noted"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"

    label_field = "text"

    text = LineField(help_text="What was decided.")
    status = WordField(Status, null=True, help_text="What became of it, where stated.")
    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="decisions", help_text="Body that decided, where known."
    )
    approval = models.ForeignKey(
        Approval, models.PROTECT, null=True, blank=True, related_name="decisions", help_text="Approval that it is part of."
    )
    decided_on = vague_day("Date of the decision")
    decided_precision = precision_of("the decision's date")
    formalised_on = DayField(null=True, help_text="Day on which it was, or is to be, made formal.")
    superseded_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="supersedes",
        help_text="Later decision that holds in its place.",
    )

    class Meta(PlacedRecord.Meta):
        verbose_name = "decision"
        verbose_name_plural = "decisions"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("decided"),
            models.CheckConstraint(
                condition=Q(superseded_by__isnull=True)
                | (Q(status="superseded", status__isnull=False) & ~Q(superseded_by=F("id"))),
                name="programmes_decision_superseded",
                violation_error_message="Only a decision with the status superseded has another one in its place.",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if self.meeting and self.forum_id and self.meeting.forum_id != self.forum_id:
            raise ValidationError({"meeting": f"This is a meeting of “{self.meeting.forum}”."})

    @verb("Record as approved", given={"status": FROM["approved"]}, asks=DECIDED, example=EXAMPLE)
    def approve(self, decided_on: dt.date | None = None, decided_precision: str | None = None) -> None:
        """The forum has approved it: on this day, on that of its meeting, or today."""
        self._decide("approved", decided_on, decided_precision)

    @verb("Record as endorsed", given={"status": FROM["endorsed"]}, asks=DECIDED, example=EXAMPLE)
    def endorse(self, decided_on: dt.date | None = None, decided_precision: str | None = None) -> None:
        """The forum stands behind what others decide."""
        self._decide("endorsed", decided_on, decided_precision)

    @verb("Record as noted", given={"status": FROM["noted"]}, asks=DECIDED, example=EXAMPLE)
    def take_note(self, decided_on: dt.date | None = None, decided_precision: str | None = None) -> None:
        """The forum has taken note of it."""
        self._decide("noted", decided_on, decided_precision)

    @verb("Record as rejected", given={"status": FROM["rejected"]}, asks=DECIDED, example=EXAMPLE)
    def reject(self, decided_on: dt.date | None = None, decided_precision: str | None = None) -> None:
        """The forum has decided against it."""
        self._decide("rejected", decided_on, decided_precision)

    @verb("Defer it", given={"status": FROM["deferred"]})
    def defer(self) -> None:
        """It was put off, and is to come back."""
        self.status = self.Status.DEFERRED
        self.save()

    @verb(
        "Put another decision in its place",
        given={"status": FROM["superseded"]},
        needs=("superseded_by",),
        example={"superseded_by": "d-physio-blueprint"},
    )
    def supersede(self, superseded_by: "Decision") -> None:
        """A later decision holds in its place. That one must hold itself."""
        if superseded_by.pk == self.pk or superseded_by.status in (self.Status.SUPERSEDED, self.Status.REJECTED):
            raise RuleBroken("does_not_hold", f"“{superseded_by}” cannot take its place: name a decision that holds.")
        self.superseded_by, self.status = superseded_by, self.Status.SUPERSEDED
        self.save()

    @verb(
        "Make it formal",
        given={"status": (None, Status.APPROVED, Status.ENDORSED, Status.NOTED)},
        needs=("formalised_on",),
        example={"formalised_on": "2024-05-16"},
    )
    def formalise(self, formalised_on: dt.date) -> None:
        """The day on which it was, or is to be, made formal."""
        self.formalised_on = formalised_on
        self.save()

    def _decide(self, status: str, decided_on: dt.date | None, precision: str | None) -> None:
        self.status = status
        if decided_on:
            self.decided_on, self.decided_precision = decided_on, precision or DatePrecision.DAY
        elif not self.decided_on:
            held = self.meeting.held_on if self.meeting else None
            self.decided_on = held or timezone.localdate()
            self.decided_precision = self.meeting.held_precision if self.meeting and held else DatePrecision.DAY
        self.save()


class ActionQuerySet(HeldQuerySet):
    def left_open(self) -> "ActionQuerySet":
        """Still to be done by nobody in particular. What has an owner stays with them, whatever is closed."""
        return self.outstanding().filter(owner__isnull=True, owner_role__isnull=True)

    def outstanding(self) -> "ActionQuerySet":
        """Still to be done."""
        return self.filter(status=Action.Status.OPEN)

    def overdue(self, today: dt.date) -> "ActionQuerySet":
        """Still to be done after its date."""
        return self.outstanding().filter(due_on__lt=today)


class Action(Recorded):
    """Something that somebody is to do."""

    class Status(Words):
        OPEN = "open"
        DONE = "done"
        CANCELLED = "cancelled"

    label_field = "text"
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}
    closes_with: ClassVar[dict[str, tuple[str, ...]]] = {
        "programme": ("programme",),
        "workstream": ("workstream",),
        "forum": ("meeting__forum", "decision__forum"),
    }
    loose_end = "It is still to be done, and nobody is named who does it."

    text = LineField(help_text="What is to be done.")
    status = WordField(Status, default=Status.OPEN, help_text="Whether it is done.")
    owner = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="actions",
        help_text="Who does it, where a person is named.",
    )
    owner_role = models.ForeignKey(
        RoleHolder,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="actions",
        help_text="Who does it, where only a role is named.",
    )
    decision = models.ForeignKey(
        Decision, models.PROTECT, null=True, blank=True, related_name="actions", help_text="Decision that it follows from."
    )
    due_on = vague_day("Date by which it is due")
    due_precision = precision_of("the due date")
    done_on = DayField(null=True, help_text="When it was done.")
    quantity = NumberField(null=True, help_text="How many things it concerns, where stated.")
    unit = WordField(Unit, null=True, help_text="What the quantity counts.")

    objects: ClassVar = ActionQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "action"
        verbose_name_plural = "actions"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("due"),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True) | Q(status="done"),
                name="programmes_action_done_on",
                violation_error_message="done_on is for an action with the status done.",
            ),
        ]

    @verb("Record that it is done", given=ON, asks=("done_on",), example={"done_on": "2024-05-02"})
    def done(self, done_on: dt.date | None = None) -> None:
        """It is done: on this day, or today."""
        self.status, self.done_on = self.Status.DONE, done_on or timezone.localdate()
        if self.done_on > timezone.localdate():
            raise RuleBroken("not_yet", f"It cannot be done on {self.done_on:%d %B %Y}, which is yet to come.")
        self.save()

    @verb("Call it off", given=ON, needs_reason=True)
    def cancel(self) -> None:
        """It need not be done any more."""
        self.status = self.Status.CANCELLED
        self.save()

    @verb("Give it to somebody else", given=ON, asks=("owner", "owner_role"), example={"owner": "ann-marr"})
    def reassign(self, owner: Any = None, owner_role: Any = None) -> None:
        """Another person does it, or the holder of another role; whoever had it is let go."""
        if owner is None and owner_role is None:
            raise ValidationError({"owner": "Say who does it: a person or a role."})
        self.owner, self.owner_role = owner, owner_role
        self.save()

    @verb(
        "Give it another date",
        given=ON,
        asks=("due_precision",),
        needs=("due_on",),
        example={"due_on": "2024-05-31", "due_precision": "month"},
    )
    def redate(self, due_on: dt.date, due_precision: str | None = None) -> None:
        """It is due on another day, or by the latest day of a vague date with its precision."""
        self.due_on, self.due_precision = due_on, due_precision or DatePrecision.DAY
        self.save()

    @verb("Open it again", given={"status": (Status.DONE, Status.CANCELLED)})
    def reopen(self) -> None:
        """It was not done after all, or is needed again."""
        self.status, self.done_on = self.Status.OPEN, None
        self.save()
