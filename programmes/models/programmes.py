"""Plan years, programmes, objectives and workstreams: the tree that everything else hangs on."""

import datetime as dt
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cmast.models import Record
from cmast.models.fields import DayField, FinancialYearField, LineField, WordField, WordListField, in_order
from cmast.models.verbs import Given, verb
from cmast.vocabulary import Rag, Words
from programmes.models.closing import HeldQuerySet, conclude, require_handed_over
from programmes.models.judged import Judged


class Status(Words):
    """Where a programme or a workstream stands."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSING = "closing"
    CLOSED = "closed"
    REPORTING_ONLY = "reporting_only"


class ClosureOutcome(Words):
    """What became of something that is closed."""

    COMPLETED = "completed"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"


#: Not closed.
OPEN: Given = {"status": tuple(word for word in Status if word is not Status.CLOSED)}


def closed_on_rule() -> models.CheckConstraint:
    """A date of closure only on what is closed."""
    return models.CheckConstraint(
        condition=Q(closed_on__isnull=True) | Q(status="closed"),
        name="%(app_label)s_%(class)s_closed_on",
        violation_error_message="closed_on is for what has the status closed.",
    )


class PlanYear(Record):
    """A financial year with its plan."""

    name = FinancialYearField(unique=True, help_text="April to March, such as 2024/25.")
    starts_on = DayField(help_text="First day.")
    ends_on = DayField(help_text="Last day.")

    class Meta(Record.Meta):
        verbose_name = "plan year"
        verbose_name_plural = "plan years"
        constraints = [*Record.Meta.constraints, in_order("starts_on", "ends_on")]


class Programme(Judged, Record):
    """A programme of the collaborative, or one that it only reports on."""

    class Stage(Words):
        IDENTIFY = "identify"
        DESIGN = "design"
        PLAN_DELIVERY = "plan_delivery"
        DELIVER = "deliver"
        EMBED = "embed"
        CLOSING = "closing"
        CLOSED = "closed"

    class Kind(Words):
        PARTNER_INITIATIVE = "partner_initiative"

    writers: ClassVar[dict[str, str]] = {"programme": "id"}

    name = LineField(help_text="Name of the programme.")
    abbreviation = LineField(max_length=20, blank=True, help_text="Customary abbreviation, such as CPP.")
    status = WordField(Status, help_text="Where it stands.")
    stage = WordField(Stage, null=True, help_text="Stage of its life.")
    kind = WordField(Kind, null=True, help_text="Empty for an ordinary programme.")
    owner = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, null=True, blank=True, related_name="programmes", help_text="Body that owns it."
    )
    sro = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Senior responsible officer."
    )
    chair_sponsor = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Chair who sponsors it."
    )
    plan_years = models.ManyToManyField(
        PlanYear,
        blank=True,
        related_name="programmes",
        help_text="Years whose plan it is part of. None: reported, not planned.",
    )
    rag = WordField(Rag, default=Rag.NOT_SET, help_text="Delivery confidence, as judged by its SRO.")
    closed_on = DayField(null=True, help_text="When it was closed.")
    closure_outcome = WordField(ClosureOutcome, null=True, help_text="What became of it.")

    class Meta(Record.Meta):
        verbose_name = "programme"
        verbose_name_plural = "programmes"
        constraints = [*Record.Meta.constraints, closed_on_rule()]

    def clean(self) -> None:
        require_handed_over(self)

    @verb(
        "Close it",
        given=OPEN,
        of="programmes.Closure",
        asks=("confirmed_by",),
        needs=("closed_on", "closure_outcome"),
        example={"closed_on": "2024-05-03", "closure_outcome": "completed", "confirmed_by": "cmast-leadership-board"},
    )
    def close(self, closed_on: dt.date, closure_outcome: str, confirmed_by: Any = None, by: Any = None) -> None:
        """End it, with the record of its closure. Refused while something that it leaves open has nobody who takes it over.

        `closure-checklist` says what that is; a handover names who takes it over.
        """
        conclude(self, closed_on, closure_outcome, confirmed_by, by)


class Objective(Record):
    """What a programme sets out to achieve; numbered as its plan numbers it."""

    label_field = "text"
    writers: ClassVar[dict[str, str]] = {"programme": "programme"}
    follows = (("parent", "programme"),)

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="objectives", help_text="Its programme.")
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", help_text="Objective that it is part of."
    )
    number = LineField(max_length=10, help_text="Number in the plan, such as 1b.")
    text = LineField(help_text="The objective.")

    class Meta(Record.Meta):
        verbose_name = "objective"
        verbose_name_plural = "objectives"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(fields=["programme", "number"], name="programmes_objective_number"),
        ]

    def complete(self) -> None:
        if self.parent and not self.programme_id:
            self.programme_id = self.parent.programme_id

    def clean(self) -> None:
        same_programme(self, "parent")
        no_loop(self)


class WorkstreamQuerySet(HeldQuerySet):
    def left_open(self) -> Self:
        return self.exclude(status=Status.CLOSED)


class Workstream(Judged, Record):
    """A line of work in a programme, with its lead. Workstreams form a tree."""

    closes_with: ClassVar[dict[str, tuple[str, ...]]] = {"programme": ("programme",), "workstream": ("parent",)}
    loose_end = "It goes on, and nobody takes it over."

    writers: ClassVar[dict[str, str]] = {"programme": "programme"}
    follows = (("parent", "programme"),)

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="workstreams", help_text="Its programme.")
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", help_text="Workstream that it is part of."
    )
    name = LineField(help_text="Name of the workstream.")
    status = WordField(Status, help_text="Where it stands.")
    rag = WordField(Rag, default=Rag.NOT_SET, help_text="Delivery confidence, as judged by its lead.")
    lead = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who answers for it."
    )
    parts = WordListField(help_text="Things that it consists of or covers and that are only named, such as conditions.")
    part_count = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many parts, where only their number is stated."
    )
    reported_from_on = DayField(null=True, help_text="First day of the month from which it reports.")
    closed_on = DayField(null=True, help_text="When it was closed.")
    closure_outcome = WordField(ClosureOutcome, null=True, help_text="What became of it.")

    objects: ClassVar = WorkstreamQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "workstream"
        verbose_name_plural = "workstreams"
        constraints = [*Record.Meta.constraints, closed_on_rule()]

    @verb(
        "Close it",
        given=OPEN,
        of="programmes.Closure",
        asks=("confirmed_by",),
        needs=("closed_on", "closure_outcome"),
        example={"closed_on": "2024-05-03", "closure_outcome": "completed", "confirmed_by": "cmast-leadership-board"},
    )
    def close(self, closed_on: dt.date, closure_outcome: str, confirmed_by: Any = None, by: Any = None) -> None:
        """End it, with the record of its closure. Refused while something that it leaves open has nobody who takes it over.

        `closure-checklist` says what that is; a handover names who takes it over.
        """
        conclude(self, closed_on, closure_outcome, confirmed_by, by)

    def complete(self) -> None:
        if self.parent and not self.programme_id:
            self.programme_id = self.parent.programme_id

    def clean(self) -> None:
        same_programme(self, "parent")
        no_loop(self)
        require_handed_over(self)


class PlacedRecord(Record):
    """A record that belongs to a workstream, or to a programme as a whole, or to the collaborative as a whole."""

    writers: ClassVar[dict[str, str]] = {"programme": "programme"}
    follows: ClassVar[tuple[tuple[str, str], ...]] = (("workstream", "programme"),)

    programme = models.ForeignKey(
        Programme,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(class)ss",
        help_text="Its programme. Follows from the workstream.",
    )
    workstream = models.ForeignKey(
        Workstream, models.PROTECT, null=True, blank=True, related_name="%(class)ss", help_text="Its workstream."
    )

    class Meta(Record.Meta):
        abstract = True

    def complete(self) -> None:
        if self.workstream and not self.programme_id:
            self.programme_id = self.workstream.programme_id

    def clean(self) -> None:
        same_programme(self, "workstream")


def same_programme(record: Any, link: str) -> None:
    """Refuse a record whose programme is not that of its workstream or parent. The database holds the same rule."""
    other = getattr(record, link)
    if other and other.programme_id != record.programme_id:
        raise ValidationError({"programme": f"“{other}” belongs to the programme “{other.programme}”."})


def no_loop(record: Any) -> None:
    """Refuse a tree that leads back to itself."""
    ancestor = record.parent
    while ancestor is not None:
        if ancestor.pk is not None and ancestor.pk == record.pk:
            raise ValidationError({"parent": f"“{record}” would be part of itself."})
        ancestor = ancestor.parent
