"""Votes: one per deciding body, or per body and resolution. Once cast they stay; who changes their mind votes again."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from cmast import dates
from cmast.errors import RuleBroken
from cmast.history.context import changing, current
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, ProseField, WordField, precision_of, vague_date_rule, vague_day
from cmast.models.verbs import verb
from cmast.vocabulary import Role, Words
from programmes import outcomes


class VoteStatus(Words):
    """What a body says. An approval without votes carries the same words as its stated status."""

    PENDING = "pending"
    AWAITING_OUTCOME = "awaiting_outcome"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions"
    ENDORSED = "endorsed"
    NOTED = "noted"
    REJECTED = "rejected"
    NOT_REQUIRED = "not_required"
    WITHDRAWN = "withdrawn"


#: Not decided yet.
OPEN = (VoteStatus.PENDING, VoteStatus.AWAITING_OUTCOME)
#: Counts towards what the rule requires.
IN_FAVOUR = (VoteStatus.APPROVED, VoteStatus.APPROVED_WITH_CONDITIONS, VoteStatus.ENDORSED)
#: What a body may decide.
DECIDED = (*IN_FAVOUR, VoteStatus.NOTED, VoteStatus.REJECTED, VoteStatus.NOT_REQUIRED)


class VoteQuerySet(RecordQuerySet):
    def awaiting_decision(self) -> "VoteQuerySet":
        """Still to be cast: not decided yet, taken back, or cast for a paper that has changed since."""
        stale = Q(paper_version__lt=F("approval__paper_version")) & ~Q(status=VoteStatus.NOT_REQUIRED)
        return self.filter(Q(status__in=(*OPEN, VoteStatus.WITHDRAWN)) | stale, is_current=True)

    def editable_by(self, user: Any) -> "VoteQuerySet":
        """Who contributes for an organisation prepares its vote; casting it, and what is cast, is for those who approve."""
        writable = super().editable_by(user)
        if not user.is_authenticated or user.reach.is_pmo:
            return writable
        managed = Q(approval__programme__in=user.reach.writes["programme"])
        return writable.filter(managed | Q(status__in=OPEN) | Q(organisation__in=approves_for(user)))

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        votes = list(objs)
        with _counted(vote.approval_id for vote in votes):
            return super().bulk_create(votes, *args, **kwargs)

    def bulk_update(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> int:
        votes = list(objs)
        with _counted(vote.approval_id for vote in votes):
            return super().bulk_update(votes, *args, **kwargs)


@contextmanager
def _counted(approvals: Iterable[int]) -> Iterator[None]:
    """Votes are written while their approvals are held, and counted after."""
    with transaction.atomic():
        held = _hold(approvals)
        yield
        for approval in held:
            approval.settle()


def _hold(approvals: Iterable[int]) -> list[Any]:
    kind: Any = Vote._meta.get_field("approval").related_model  # its module needs this one
    return list(kind.objects.filter(pk__in=set(approvals)).held())


def approves_for(person: Any) -> set[int]:
    """Organisations whose votes this person casts."""
    return {held.organisation_id for held in person.current_memberships if held.role == Role.TRUST_APPROVER}


def may_cast(vote: "Vote", person: Any) -> bool:
    """Who approves for the voting organisation, who runs the programme, or the PMO; none of them may not change it anyway."""
    return person.reach.is_pmo or (
        vote.organisation_id in approves_for(person) or vote.approval.programme_id in person.reach.writes["programme"]
    )


class Vote(Record):
    """What one body says to an approval. The body may be unknown; the count stays right all the same.

    Once cast, a vote is never edited: who changes their mind votes again, and the old vote is kept.
    """

    class Progress(Words):
        NOT_SUBMITTED = "not_submitted"
        SCHEDULED = "scheduled"
        SUBMITTED = "submitted"
        DEFERRED = "deferred"

    #: What stays as it was cast.
    CAST = ("approval_id", "placeholder", "resolution", "status", "conditions", "paper_version")
    #: What may be found out later about a vote that is cast, but not changed.
    FOUND_OUT = ("organisation_id", "forum_id", "decided_on", "decided_precision")

    label_field = "body_label"
    touches = ("approval",)
    writers: ClassVar[dict[str, str]] = {"programme": "approval__programme", "organisation": "organisation"}

    approval = models.ForeignKey("programmes.Approval", models.CASCADE, related_name="votes", help_text="What is voted on.")
    resolution = LineField(blank=True, help_text="Which of the approval's resolutions; empty: the whole paper.")
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="votes",
        help_text="Organisation that votes; empty while unknown.",
    )
    forum = models.ForeignKey(
        "programmes.Forum",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="votes",
        help_text="Body of the organisation that votes.",
    )
    placeholder = LineField(max_length=100, blank=True, help_text="Stands for a body that is not known yet.")
    group = LineField(max_length=100, blank=True, help_text="Group that it votes in, where so many of each group must agree.")
    status = WordField(VoteStatus, default=VoteStatus.PENDING, help_text="The vote.")
    progress = WordField(Progress, null=True, help_text="How far an open vote has come.")
    board_on = vague_day("Date of the board that decides")
    board_precision = precision_of("the board's date")
    deferred_from_on = DayField(null=True, editable=False, help_text="Date of the board that it was put off from.")
    papers_due_on = DayField(null=True, help_text="Last day to hand in papers for that board.")
    decided_on = vague_day("Date by which it was decided")
    decided_precision = precision_of("the decision's date")
    conditions = ProseField(blank=True, help_text="Conditions of the agreement, one a line.")
    paper_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="Version of the paper that it was cast for; the present one where left out."
    )
    cast_at = models.DateTimeField(null=True, editable=False, help_text="When the register learned of it.")
    supersedes = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="superseded_by",
        help_text="Earlier vote of the same body that this one replaces.",
    )
    is_current = models.BooleanField(default=True, editable=False, help_text="No later vote of the body has replaced it.")

    objects: ClassVar = VoteQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "vote"
        verbose_name_plural = "votes"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("board"),
            vague_date_rule("decided"),
            models.UniqueConstraint(
                fields=["approval", "organisation", "resolution"],
                condition=Q(is_current=True) & ~Q(status="withdrawn"),
                name="programmes_vote_once",
                violation_error_message="This organisation has a vote on this approval already.",
            ),
            models.UniqueConstraint(
                fields=["approval", "placeholder", "resolution"],
                condition=Q(is_current=True, organisation__isnull=True) & ~Q(status="withdrawn"),
                name="programmes_vote_placeholder",
                violation_error_message="This placeholder has a vote on this approval already.",
            ),
            models.CheckConstraint(
                condition=Q(organisation__isnull=False) | ~Q(placeholder=""),
                name="programmes_vote_body",
                violation_error_message="A vote names its organisation, or a placeholder while that is unknown.",
            ),
        ]

    @property
    def body_label(self) -> str:
        return str(self.organisation or self.placeholder)

    @property
    def is_cast(self) -> bool:
        return self.status not in OPEN

    def complete(self) -> None:
        if self.is_cast and self.cast_at is None:
            self.cast_at = timezone.now()
            self.paper_version = self.paper_version or self.approval.paper_version

    def clean(self) -> None:
        read = {} if self._state.adding else getattr(self, "as_read", {})
        if self.resolution and self.resolution not in self.approval.resolutions:
            raise ValidationError({"resolution": f"“{self.approval}” has no resolution “{self.resolution}”."})
        if read.get("status", VoteStatus.PENDING) in OPEN:
            if self.is_cast and self.status != VoteStatus.WITHDRAWN and self.paper_version != self.approval.paper_version:
                raise ValidationError({"paper_version": ValidationError(self._of_old_paper(), code="stale_paper")})
            return
        changed = [name for name in self.CAST if read.get(name, getattr(self, name)) != getattr(self, name)]
        changed += [name for name in self.FOUND_OUT if read.get(name) not in (None, getattr(self, name))]
        if changed:
            said = "A vote that is cast is not edited. Vote again: the new vote is counted, and this one kept."
            raise ValidationError({name.removesuffix("_id"): ValidationError(said, code="vote_cast") for name in changed})

    def _of_old_paper(self) -> str:
        return f"The paper is at version {self.approval.paper_version}: a vote for version {self.paper_version} does not count."

    def save(self, *args: Any, **kwargs: Any) -> None:
        is_just_cast = self.is_cast and (self._state.adding or self.as_read.get("status") in OPEN)
        with _counted([self.approval_id]):
            super().save(*args, **kwargs)
            if is_just_cast:
                self._state_terms()

    # --- Verbs --------------------------------------------------------------------------------------------------------

    @verb(
        "Record the vote",
        given={"status": (*OPEN, VoteStatus.WITHDRAWN)},
        asks=("status", "decided_on", "decided_precision", "conditions", "paper_version"),
        needs=("status", "decided_on"),
        needs_key=True,
        may=may_cast,
        example={"status": "approved", "decided_on": "2024-05-29", "decided_precision": "day"},
    )
    def decide(self, **said: Any) -> None:
        """The body has decided. Each condition, one a line, becomes a record that is followed until it is met or waived."""
        if self.status == VoteStatus.WITHDRAWN:
            self._replace(said)
        else:
            self._cast(said)

    @verb(
        "Vote again",
        given={"status": DECIDED},
        asks=("status", "decided_on", "decided_precision", "conditions", "paper_version"),
        needs=("status", "decided_on"),
        needs_reason=True,
        needs_key=True,
        may=may_cast,
        example={"status": "rejected", "decided_on": "2024-05-29", "decided_precision": "day", "change_reason": "New costs."},
    )
    def vote_again(self, **said: Any) -> None:
        """The body has changed its mind, or decides on a changed paper. That is a new vote; this one is kept as it is."""
        self._replace(said)

    @verb("Take the vote back", given={"status": (*OPEN, *DECIDED)}, needs_reason=True, may=may_cast)
    def withdraw(self) -> None:
        """The body takes its vote back and has still to decide. What was cast is kept."""
        if self.is_cast:
            self._replace({"status": VoteStatus.WITHDRAWN, "decided_on": timezone.localdate()})
        else:
            self.status = VoteStatus.WITHDRAWN
            self.save()

    @verb("Put it off to a later board", given={"status": OPEN}, asks=("board_on", "board_precision"))
    def defer(self, board_on: dt.date | None = None, board_precision: str | None = None) -> None:
        """Its board does not deal with it. Without a new date it goes to the next board in the calendar, if one is known."""
        sitting = self._after(self.board_on or timezone.localdate()) if board_on is None else None
        self.deferred_from_on = self.board_on
        self.board_on = sitting.held_on if sitting else board_on
        self.board_precision = sitting.held_precision if sitting else (board_precision or "day" if board_on else None)
        self.papers_due_on = sitting.papers_due_on if sitting else None
        self.progress = self.Progress.DEFERRED
        self._save_saying("Put off to a later board.")

    def _after(self, day: dt.date) -> Any:
        """The next meeting of its body in the calendar; nothing where none is known."""
        if self.forum is None:
            return None
        return self.forum.meetings.filter(is_cancelled=False, held_on__gt=day).order_by("held_on", "pk").first()

    def _cast(self, said: dict[str, Any]) -> None:
        if said["status"] not in DECIDED:
            raise RuleBroken("not_a_decision", f"“{VoteStatus(said['status']).label}” decides nothing.")
        if said["status"] == VoteStatus.APPROVED_WITH_CONDITIONS and not said.get("conditions"):
            raise RuleBroken("no_conditions", "Say on what conditions, one a line.")
        self.paper_version = said.get("paper_version") or self.approval.paper_version
        if self.paper_version != self.approval.paper_version:
            raise RuleBroken("stale_paper", self._of_old_paper())
        self._say(said)

    def _state_terms(self) -> None:
        terms: Any = self._meta.get_field("terms").related_model
        for number, text in enumerate(filter(None, map(str.strip, self.conditions.splitlines())), 1):
            terms.objects.create(vote=self, key=f"{self.key}-condition-{number}", text=text[:300])

    def _say(self, said: dict[str, Any]) -> None:
        self.status, self.decided_on = said["status"], said["decided_on"]
        self.decided_precision = said.get("decided_precision") or "day"
        self.conditions = said.get("conditions") or ""
        self._save_saying(f"Voted: {VoteStatus(self.status).label.lower()}.")

    def _replace(self, said: dict[str, Any]) -> None:
        """A new vote of the same body in the place of this one."""
        if not self.is_current:
            raise RuleBroken("superseded", f"“{self}” has voted again since: change the later vote.")
        new = Vote(supersedes=self, approval=self.approval, key=f"{self.key.partition('-again-')[0]}-again-{self._turn()}")
        for name in ("resolution", "organisation_id", "forum_id", "placeholder", "group"):
            setattr(new, name, getattr(self, name))
        _hold([self.approval_id])
        Vote.objects.filter(pk=self.pk).update(is_current=False, updated_at=timezone.now())
        if said["status"] == VoteStatus.WITHDRAWN:
            new._say(said)
        else:
            new._cast(said)
        self.refresh_from_db()

    def _turn(self) -> int:
        turn = self.key.rpartition("-again-")[2]
        return int(turn) + 1 if "-again-" in self.key and turn.isdecimal() else 1

    def _save_saying(self, why: str) -> None:
        """A vote is its own reason, where nobody gives another."""
        with changing(reason=current().reason or why):
            self.save()


def ballots_of(votes: Iterable[Vote]) -> list[outcomes.Ballot]:
    """Votes as they are counted. A body that was named after it had voted is still one body."""
    found = list(votes)
    bodies: dict[int, str] = {}
    for vote in sorted(found, key=lambda vote: vote.pk, reverse=True):
        body = bodies.setdefault(vote.pk, f"o{vote.organisation_id}" if vote.organisation_id else f"p{vote.placeholder}")
        if vote.supersedes_id:
            bodies[vote.supersedes_id] = body
    return [
        outcomes.Ballot(
            order=vote.pk,
            body=bodies[vote.pk],
            status=vote.status,
            decided=dates.window(vote.decided_on, vote.decided_precision),
            known_on=timezone.localdate(vote.cast_at or vote.created_at),
            resolution=vote.resolution,
            group=vote.group,
            version=vote.paper_version or 1,
        )
        for vote in found
    ]
