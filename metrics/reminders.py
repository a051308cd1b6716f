"""What is due of metrics: data later than its lag, figures of benefits, findings that nobody has answered."""

import datetime as dt

from django.db.models import F, OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Cast

from cmast.due import DaysLater, Kind, remind
from cmast.models import ReminderRule
from metrics.models import Benefit, BenefitFigure, Finding, Metric, Observation

Word = ReminderRule.Kind

#: Days of the longest month: what is stated monthly is not late before.
MONTH = 31


def _metrics(today: dt.date) -> QuerySet:
    """Published monthly with a known lag, on the day by which the month after the latest figure should be there."""
    latest = Observation.objects.filter(metric=OuterRef("pk"), period_end_on__isnull=False).order_by("-period_end_on")
    worded = Metric.objects.alias(words=Cast("frequency", TextField()))
    covered = worded.filter(lag_days__isnull=False, words__contains=f'"{Metric.Frequency.MONTHLY}"')
    covered = covered.annotate(covered_to_on=Subquery(latest.values("period_end_on")[:1]))
    return covered.annotate(due_on=DaysLater(DaysLater("covered_to_on", "lag_days"), MONTH))


def _benefits(today: dt.date) -> QuerySet:
    """Being realised, a month after the latest figure."""
    figures = BenefitFigure.objects.filter(benefit=OuterRef("pk"), as_at_on__isnull=False).order_by("-as_at_on")
    benefits = Benefit.objects.filter(status=Benefit.Status.IN_REALISATION)
    return benefits.annotate(due_on=DaysLater(Subquery(figures.values("as_at_on")[:1]), MONTH))


def _findings(today: dt.date) -> QuerySet:
    return Finding.objects.filter(state=Finding.State.OPEN).annotate(due_on=F("first_seen_on"))


OF_PROGRAMME = {"sro": "programme__sro", "programme": "programme"}

remind(
    Kind(
        Word.METRIC_LATE,
        model=Metric,
        find=_metrics,
        ask="The next figure should be there by now: please enter it, or say what holds it up.",
        people=OF_PROGRAMME,
    ),
    Kind(
        Word.BENEFIT_FIGURE_DUE,
        model=Benefit,
        find=_benefits,
        ask="Please state this month's figure.",
        people=OF_PROGRAMME | {"owner": "owner", "lead": "workstream__lead", "workstream": "workstream"},
    ),
    Kind(
        Word.FINDING_UNANSWERED,
        model=Finding,
        find=_findings,
        ask="Say what is right.",
        people=OF_PROGRAMME | {"owner": "owner"},
        questions=("still_found",),
        is_since=True,
    ),
)
