"""What is due of programmes: milestones, updates, approvals, actions, and roles whose holders no mail can reach."""

import datetime as dt
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate
from django.utils.formats import date_format

from cmast.due import Kind, remind, vaguely
from cmast.models import Membership, ReminderRule
from programmes.models import Action, Condition, Milestone, Update, Vote
from programmes.models.votes import VoteStatus

Word = ReminderRule.Kind

PLACED = {"lead": "workstream__lead", "workstream": "workstream", "sro": "programme__sro", "programme": "programme"}
OF_APPROVAL = {name: f"approval__{path}" for name, path in PLACED.items()}


def _milestones(today: dt.date) -> QuerySet:
    """Planned and not settled, on the latest day that the words of its date allow."""
    dated = Milestone.objects.dated()
    return dated.filter(~dated.settled(), ~Q(stated=Milestone.Stated.ONGOING))


def _updates(today: dt.date) -> QuerySet:
    """Asked for and not handed in, by the last day of its period."""
    return Update.objects.outstanding().dated()


def _requested(today: dt.date) -> QuerySet:
    """Asked for and not begun."""
    return _with_last_day(Update.objects.not_started()).annotate(due_on=TruncDate("created_at"))


def _with_last_day(updates: Any) -> Any:
    """Adds `last_on`: by when it is to be handed in."""
    return updates.dated().annotate(last_on=F("due_on"))


def _last_day(update: Any) -> str:
    return f"The last day is {date_format(update.last_on, 'l j F Y')}." if update.last_on else ""


def _returned(today: dt.date) -> QuerySet:
    """Handed in and returned with a reason, since they were handed in."""
    returned = _with_last_day(Update.objects.filter(status=Update.Status.RETURNED))
    return returned.annotate(due_on=Coalesce("submitted_on", TruncDate("created_at")))


def _to_sign_off(today: dt.date) -> QuerySet:
    """Approved, of a programme that names who signs them off."""
    return Update.objects.to_sign_off().annotate(due_on=Coalesce("approved_on", TruncDate("created_at")))


def _was_returned(update: Any) -> str:
    returned = update.status == Update.Status.RETURNED
    return "It was returned to you with a question, which the page shows." if returned else ""


def _papers(today: dt.date) -> QuerySet:
    return Vote.objects.awaiting_decision().annotate(due_on=F("papers_due_on"))


def _boards(today: dt.date) -> QuerySet:
    return Vote.objects.awaiting_decision().annotate(due_on=F("board_on"))


def _conditions(today: dt.date) -> QuerySet:
    """Agreed on conditions that are neither met nor waived."""
    left = Condition.objects.outstanding().filter(vote=OuterRef("pk"))
    given = Vote.objects.filter(Exists(left), status=VoteStatus.APPROVED_WITH_CONDITIONS)
    return given.annotate(due_on=Coalesce("decided_on", "board_on"))


def _actions(today: dt.date) -> QuerySet:
    return Action.objects.outstanding()


def _without_address(today: dt.date) -> QuerySet:
    """Roles whose holders are expected to answer by mail and have no address."""
    held = Membership.objects.current(today).filter(person__is_active=True, person__email__isnull=True)
    return held.annotate(due_on=Coalesce("valid_from", TruncDate("created_at")))


def _vague_day(milestone: Milestone) -> str:
    """Its date in words, unless it is a day."""
    name = "forecast" if milestone.forecast_on else "baseline"
    return vaguely(name)(milestone)


def _body_and_matter(vote: Vote) -> str:
    return f"{vote.approval}: {vote.body_label}"


_VOTE: dict[str, Any] = {
    "model": Vote,
    "people": OF_APPROVAL | {"organisation": "organisation"},
    "name": _body_and_matter,
    "reads": ("approval", "organisation"),
}
_MILESTONE: dict[str, Any] = {
    "model": Milestone,
    "find": _milestones,
    "people": PLACED | {"owner": "person"},
    "questions": ("overdue", "outcome_missing"),
    "day": _vague_day,
}
_UPDATE: dict[str, Any] = {"model": Update, "people": PLACED | {"owner": "author"}, "reads": ("workstream", "programme")}

remind(
    Kind(Word.MILESTONE_DUE, ask="Say when it is done, or give a new date and why.", **_MILESTONE),
    Kind(Word.MILESTONE_OVERDUE, ask="Say when it is done, or give a new date and why.", **_MILESTONE),
    Kind(Word.OUTCOME_MISSING, ask="The date has passed: what became of it?", **_MILESTONE),
    Kind(
        Word.UPDATE_REQUESTED,
        find=_requested,
        ask="Please write this month's update.",
        adds=_last_day,
        is_since=True,
        **_UPDATE,
    ),
    Kind(Word.UPDATE_DUE, find=_updates, ask="Please hand in this month's update.", adds=_was_returned, **_UPDATE),
    Kind(
        Word.UPDATE_LATE,
        find=_updates,
        ask="This month's update is missing: please hand it in.",
        adds=_was_returned,
        **_UPDATE,
    ),
    Kind(
        Word.UPDATE_RETURNED,
        find=_returned,
        ask="It was returned with a question, which the page shows: please answer it and hand it in again.",
        adds=_last_day,
        is_since=True,
        **_UPDATE,
    ),
    Kind(
        Word.SIGN_OFF_DUE,
        find=_to_sign_off,
        ask="It is approved: please sign it off, or send it back.",
        is_since=True,
        **_UPDATE,
    ),
    Kind(Word.PAPERS_DUE, find=_papers, ask="Hand in the papers for the board.", **_VOTE),
    Kind(Word.BOARD_DATE, find=_boards, ask="Tell us what the board decides.", day=vaguely("board"), **_VOTE),
    Kind(Word.CONDITION_OPEN, find=_conditions, ask="Say whether the conditions are met.", is_since=True, **_VOTE),
    Kind(
        Word.ACTION_DUE,
        model=Action,
        find=_actions,
        ask="Say when it is done, or give a new date and why.",
        people=PLACED | {"owner": "owner"},
        questions=("overdue",),
        day=vaguely("due"),
    ),
    Kind(
        Word.NO_ADDRESS,
        model=Membership,
        find=_without_address,
        ask="Enter an e-mail address: this person is asked nothing.",
        people={"organisation": "organisation"},
        reads=("person",),
        is_since=True,
    ),
)
