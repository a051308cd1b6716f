"""What each workstream reports each month, fact by fact, and how things come to an end."""

import datetime as dt
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.history.context import changing, current
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import (
    DayField,
    FinancialYearField,
    LineField,
    NumberField,
    WordField,
    WordListField,
)
from cmast.models.verbs import verb
from cmast.vocabulary import Rag, Role, Unit, Words
from programmes.models.governance import Forum
from programmes.models.periods import ReportingPeriod, require_unlocked
from programmes.models.programmes import ClosureOutcome, PlacedRecord


def answers_for_programme(update: Any, person: Any) -> bool:
    """Who reviews updates: the programme office, and those who write in the whole programme."""
    return person.reach.is_pmo or update.programme_id in person.reach.writes["programme"]


def is_sro(update: Any, person: Any) -> bool:
    """The senior responsible officer of its programme. What has no programme the programme office signs off."""
    if update.programme_id is None:
        return bool(person.reach.is_pmo)
    held = {(membership.role, membership.programme_id) for membership in person.current_memberships}
    return (Role.SRO, update.programme_id) in held or (
        update.programme.sro_id is not None and update.programme.sro_id == person.pk
    )


class UpdateQuerySet(RecordQuerySet):
    def outstanding(self) -> Self:
        """Asked for, and not handed in."""
        return self.filter(status__in=Update.OUTSTANDING)

    def not_started(self) -> Self:
        """Asked for, and nobody has written anything."""
        return self.filter(status=Update.Status.COMMISSIONED)

    def to_sign_off(self) -> Self:
        """Approved, and its senior responsible officer, whom its programme names, has not signed it off."""
        return self.filter(status=Update.Status.APPROVED, signed_off_on=None, programme__sro__isnull=False)

    def late(self, today: dt.date) -> Self:
        """Not handed in, and the last day of its period has passed."""
        return self.outstanding().dated().filter(due_on__lt=today)

    def dated(self) -> Self:
        """Adds `due_on`: the last day of its period; null where its month has none."""
        period = ReportingPeriod.objects.filter(month_on=OuterRef("month_on"))
        return self.annotate(due_on=Subquery(period.values("due_on")[:1]))

    def before(self, update: "Update") -> Self:
        """Those of the same workstream, programme or collaborative for earlier months, the latest first."""
        same = self.filter(workstream=update.workstream_id, programme=update.programme_id, month_on__lt=update.month_on)
        return same.exclude(status=Update.Status.SUPERSEDED).order_by("-month_on", "-revision")

    def delete(self) -> tuple[int, dict[str, int]]:
        for update in self:
            require_unlocked(update)
        return super().delete()


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

    OUTSTANDING = (Status.COMMISSIONED, Status.DRAFT, Status.RETURNED)

    label_field = "title"
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}
    restates: ClassVar[tuple[str, ...]] = ("supersedes",)

    month_on = DayField(help_text="First day of the month that is reported.")
    revision = models.PositiveIntegerField(default=1, editable=False, help_text="Counts the texts for the same month.")
    supersedes = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="superseded_by",
        help_text="Text for the same month that this one corrects.",
    )
    status = WordField(Status, default=Status.DRAFT, help_text="How far the report has come.")
    author = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who is asked to write it; empty: the lead of the workstream.",
    )
    rag = WordField(Rag, default=Rag.NOT_SET, help_text="Delivery confidence, as reported.")
    submitted_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="updates", help_text="Who handed it in."
    )
    submitted_on = DayField(null=True, help_text="When it was handed in.")
    approved_by = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who approved it."
    )
    approved_on = DayField(null=True, help_text="When it was approved.")
    signed_off_by = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Senior responsible officer who signed it off.",
    )
    signed_off_on = DayField(null=True, editable=False, help_text="When it was signed off.")
    published_on = DayField(null=True, editable=False, help_text="When it was published.")

    objects: ClassVar = UpdateQuerySet.as_manager()

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
                fields=["workstream", "month_on", "revision"],
                condition=Q(workstream__isnull=False),
                name="programmes_update_workstream",
                violation_error_message="This workstream has an update for this month already.",
            ),
            models.UniqueConstraint(
                fields=["programme", "month_on", "revision"],
                condition=Q(workstream__isnull=True, programme__isnull=False),
                name="programmes_update_programme",
                violation_error_message="This programme has an update of its own for this month already.",
            ),
            models.UniqueConstraint(
                fields=["month_on", "revision"],
                condition=Q(workstream__isnull=True, programme__isnull=True),
                name="programmes_update_overall",
                violation_error_message="There is an update for the whole collaborative for this month already.",
            ),
        ]

    @property
    def title(self) -> str:
        return f"{self.workstream or self.programme or 'CMAST'}, {self.month_on:%B %Y}"

    # --- What is done with it -----------------------------------------------------------------------------------------

    def clean(self) -> None:
        super().clean()
        if getattr(self, "_is_moving", False):
            return
        require_unlocked(self)
        if self.status != getattr(self, "as_read", {}).get("status", self.status):
            raise ValidationError(
                {"status": "What is done with the update changes this: it is handed in, returned, approved, published."}
            )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        require_unlocked(self)
        return super().delete(*args, **kwargs)

    def _move(self, status: Status, reason: str) -> None:
        """To the next status. The step is the reason, where nobody has given a better one."""
        if status not in (self.status, self.Status.SUPERSEDED):
            require_unlocked(self)
        self.status, self._is_moving = status, True
        with changing(reason=current().reason or reason):
            self.save()
        self._is_moving = False

    @verb("Begin to write", given={"status": (Status.COMMISSIONED, Status.RETURNED)})
    def start(self) -> None:
        """It becomes a draft: somebody is at it."""
        self._move(self.Status.DRAFT, "Begun")

    @verb("Hand it in", given={"status": OUTSTANDING})
    def submit(self, by: Any = None) -> None:
        """To whoever reviews it. An update says at least one thing."""
        if not self.facts.exists():
            raise RuleBroken("empty", "Write at least one fact first, even if it is that nothing has changed.")
        self.submitted_by, self.submitted_on = by, timezone.localdate()
        self._move(self.Status.SUBMITTED, "Handed in")

    @verb(
        "Return it to its author",
        given={"status": (Status.SUBMITTED, Status.APPROVED)},
        needs_reason=True,
        may=answers_for_programme,
    )
    def hand_back(self) -> None:
        """With what is missing as the reason. An approval or a sign-off is gone with it."""
        self.approved_by = self.approved_on = self.signed_off_by = self.signed_off_on = None
        self._move(self.Status.RETURNED, "Returned")

    @verb("Approve it", given={"status": (Status.SUBMITTED,)}, needs_key=True, may=answers_for_programme)
    def approve(self, by: Any = None) -> None:
        """The programme office, or whoever directs the programme, finds it fit to go to the senior responsible officer."""
        self.approved_by, self.approved_on = by, timezone.localdate()
        self._move(self.Status.APPROVED, "Approved")

    @verb("Sign it off", given={"status": (Status.APPROVED,)}, needs_key=True, may=is_sro)
    def sign_off(self, by: Any = None) -> None:
        """By the senior responsible officer of the programme, once."""
        if self.signed_off_on:
            raise RuleBroken("signed_off", f"{self.signed_off_by or 'Somebody'} has signed it off already.")
        self.signed_off_by, self.signed_off_on = by, timezone.localdate()
        self.save()

    @verb(
        "Publish it",
        given={"status": (Status.APPROVED,)},
        needs_key=True,
        may=lambda update, person: person.reach.is_pmo,
    )
    def publish(self) -> None:
        """Where the programme has a senior responsible officer, only once that person has signed it off. The text that it
        corrects, if any, is superseded."""
        if self.signed_off_on is None and self.programme and self.programme.sro_id:
            raise RuleBroken("not_signed_off", f"{self.programme.sro} has not signed it off yet.")
        self.published_on = timezone.localdate()
        self._move(self.Status.PUBLISHED, "Published")
        if self.supersedes:
            self.supersedes._move(self.Status.SUPERSEDED, f"Corrected by revision {self.revision}")

    @verb("Correct it by a revision", given={"status": (Status.PUBLISHED,)}, needs_reason=True)
    def revise(self) -> None:
        """Makes a draft with the same facts, to be changed, handed in, approved and published in its turn. This text stays."""
        if type(self).objects.filter(supersedes=self).exists():
            raise RuleBroken("revised", "There is a revision of this text already: change that one.")
        draft = Update.objects.create(
            workstream=self.workstream,
            programme=self.programme,
            month_on=self.month_on,
            revision=self.revision + 1,
            supersedes=self,
            author=self.author,
            rag=self.rag,
            key=f"{self.key[:90]}-r{self.revision + 1}",
        )
        for fact in self.facts.order_by("pk"):
            fact.copy_to(draft)
        self._move(self.Status(self.status), "To be corrected")  # so that the history of this text says why


class UpdateFactQuerySet(RecordQuerySet):
    def delete(self) -> tuple[int, dict[str, int]]:
        for update in Update.objects.filter(pk__in=self.order_by().values("update")):
            require_unlocked(update)
        return super().delete()


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

    objects: ClassVar = UpdateFactQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "update fact"
        verbose_name_plural = "update facts"

    def clean(self) -> None:
        require_unlocked(self.update)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        require_unlocked(self.update)
        return super().delete(*args, **kwargs)

    def copy_to(self, update: Update) -> None:
        """The same fact in another text."""
        kept = ("text", "activity_month_on", "forum", "quantity", "unit", "parts", "financial_year", "source", "source_lines")
        UpdateFact.objects.create(update=update, **{name: getattr(self, name) for name in kept})


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
