"""What is due of risks: reviews and mitigations."""

import datetime as dt

from django.db.models import F, Q, QuerySet

from cmast.due import Kind, remind, vaguely
from cmast.models import ReminderRule
from risks.models import Mitigation, Risk

Word = ReminderRule.Kind

PLACED = {"lead": "workstream__lead", "workstream": "workstream", "sro": "programme__sro", "programme": "programme"}


def _reviews(today: dt.date) -> QuerySet:
    """Open, on the day that its latest review or its band asks for."""
    return Risk.objects.unresolved().with_standing(today).annotate(due_on=F("next_review_on"))


def _mitigations(today: dt.date) -> QuerySet:
    """Still to be done, for a risk that is still open."""
    ended = Q(status__in=[Mitigation.Status.DONE, Mitigation.Status.CANCELLED])
    return Mitigation.objects.exclude(ended).exclude(risk__status=Risk.Status.CLOSED)


remind(
    Kind(
        Word.RISK_REVIEW_DUE,
        model=Risk,
        find=_reviews,
        ask="Look at it again, and say when to look next.",
        people=PLACED | {"owner": "owner"},
        questions=("overdue", "unmitigated"),
    ),
    Kind(
        Word.MITIGATION_DUE,
        model=Mitigation,
        find=_mitigations,
        ask="Say when it is done, or give a new date and why.",
        people={name: f"risk__{path}" for name, path in PLACED.items()} | {"owner": "owner", "organisation": "organisation"},
        questions=("overdue",),
        day=vaguely("due"),
    ),
)
