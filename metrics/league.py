"""Metrics side by side: the trusts on one metric, and the metrics of a programme."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from cmast.models import Reader
from cmast.vocabulary import ScopeLevel
from metrics import comparing, targets
from metrics.charts import Bar, league
from metrics.figures import Figure, one_of
from metrics.models import Metric, Target
from metrics.series import Book, Series, as_level, unit_on_charts
from metrics.targets import Goal, Outcome, Verdict


@dataclass(frozen=True)
class Place:
    """A trust in a league. Without a figure it has neither value nor place."""

    organisation: Any
    figure: Figure | None
    ranking: comparing.Ranking
    verdicts: list[tuple[Target, Verdict]]

    @property
    def is_met(self) -> bool | None:
        """Whether the first target of that time is met; null where that cannot be judged or there is none."""
        outcomes = [verdict.outcome for _, verdict in self.verdicts[:1]]
        return {Outcome.MET: True, Outcome.NOT_MET: False}.get(outcomes[0]) if outcomes else None


@dataclass(frozen=True)
class League:
    """All trusts of that time on one metric in one month: those with a place, the best first, then those without by name."""

    metric: Metric
    month: dt.date | None
    places: list[Place]
    goals: list[tuple[Target, Goal]]
    #: Member of a breakdown, where the trusts are compared on a part and not on the whole.
    part: str = ""

    @property
    def unit(self) -> str:
        return next((place.figure.unit for place in self.places if place.figure), self.metric.unit)

    @property
    def has_values(self) -> bool:
        return any(_value(place) is not None for place in self.places)

    def chart(self, prefix: str) -> str:
        bars = [
            Bar(each.organisation.short_name or each.organisation.name, _value(each), each.is_met, _words(each))
            for each in self.places
        ]
        limits = [goal.value for _, goal in self.goals if goal.accepted is not None and goal.unit == self.unit]
        month = f"{self.month:%B %Y}" if self.month else ""
        directions = {"higher_is_better": "increase", "lower_is_better": "decrease"}
        return league(
            bars,
            title=", ".join(filter(None, (self.metric.name, self.part.replace("_", " "), month))),
            prefix=prefix,
            unit=unit_on_charts(self.unit),
            target=limits[0] if limits else None,
            improvement_direction=directions.get(self.metric.direction, "neutral"),
        )


def league_of(
    metric: Metric,
    reader: Reader,
    month: dt.date | None = None,
    part: str = "",
    on: dt.date | None = None,
) -> League:
    """The league of a month, given by its last day; of the latest month with a figure of a trust where none is given."""
    book = Book([metric], reader, part=part, on=on)
    ours = {trust.key for trust in book.trusts.ever}
    providers = [each for each in book.levels[metric.pk] if each.scope_level == ScopeLevel.PROVIDER]
    figures = [as_level(each) for each in providers if each.organisation.key in ours]
    month = month or max((figure.period.ends_on for figure in figures), default=None)
    trusts = book.trusts_of(metric.pk, month or timezone.localdate())
    own = [figure for figure in figures if figure.period.ends_on == month and figure.organisation in trusts]
    goals = book.goals_of_each(metric, month) if month else []
    places = [_place(metric, trust, own, goals) for trust in book.trusts.ever if trust.key in trusts]
    return League(metric, month, sorted(places, key=_order), goals, part)


def _place(metric: Metric, trust: Any, figures: list[Figure], goals: list[tuple[Target, Goal]]) -> Place:
    figure = one_of(each for each in figures if each.organisation == trust.key)
    period = figure.period if figure else None
    ranking = (
        comparing.rank(trust.key, figures, period, metric.direction)
        if period
        else comparing.Ranking(place=None, of=len(figures), tied_with=(), missing=(), words="Not ranked: no figure.")
    )
    verdicts = [(target, targets.judge_one(goal, figure)) for target, goal in goals if figure]
    return Place(trust, figure, ranking, verdicts)


def _order(place: Place) -> tuple[bool, int, str]:
    return place.ranking.place is None, place.ranking.place or 0, place.organisation.name


def _value(place: Place) -> Any:
    return place.figure.value if place.figure else None


def _words(place: Place) -> str:
    return place.figure.words if place.figure else ""


def scorecard_of(metrics: Iterable[Metric], reader: Reader, on: dt.date | None = None) -> list[tuple[Metric, Series | None]]:
    """Each metric with the system's series of it; with none where the system has no figure."""
    found = list(metrics)
    book = Book(found, reader, level=ScopeLevel.SYSTEM, on=on)
    return [(metric, _of_system(book, metric)) for metric in found]


def _of_system(book: Book, metric: Metric) -> Series | None:
    """Where several organisations stand for the system, that with most figures."""
    several = [book.series(metric, whose) for whose in book.organisations(metric)]
    return max(several, key=lambda series: len(series.observations), default=None)
