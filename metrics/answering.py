"""The latest figures of a programme, shown beside the update that somebody writes from an e-mail."""

from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce

from cmast.answering import show_beside
from cmast.models import Person
from metrics.models import Observation
from programmes.models import Update

#: A page on a phone has room for so many.
MOST = 30


def latest_figures(update: Any, person: Person) -> tuple[str, list[str]]:
    """One line for each metric of the programme: its latest figure, of whom and when."""
    seen: Any = Observation.objects.levels(person)
    figures = seen.filter(metric__programme=update.programme_id, value__isnull=False, breakdown_dimension="")
    figures = (
        figures.select_related("metric", "organisation")
        .prefetch_related("members")
        .annotate(day=Coalesce("period_end_on", "as_at_on"))
    )
    latest: dict[int, Observation] = {}
    for figure in figures.order_by(F("day").desc(nulls_last=True), "-pk"):
        latest.setdefault(figure.metric_id, figure)
    lines = [f"{found.metric.name}: {_in_words(found)}" for found in latest.values()]
    return "Latest figures of the programme", sorted(lines)[:MOST]


def _in_words(observation: Any) -> str:
    figure = observation.as_figure()
    return f"{figure.words} ({observation.organisation or observation.get_scope_level_display()}, {figure.period.words})"


show_beside(Update, latest_figures)
