"""One metric of one organisation through time: its figures, their analysis, and what the latest of them means."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from cmast.models import Reader
from cmast.trusts import Trusts
from cmast.vocabulary import ScopeLevel
from metrics import comparing, plans, spc, targets
from metrics.charts import burn_down, run_chart, small_multiples, xmr_chart
from metrics.comparing import Comparison, Ranking
from metrics.figures import Figure, previous
from metrics.models import Cohort, Metric, Observation, Rebase, SeriesBreak, SeriesSetting, Target, Trajectory
from metrics.targets import Goal, Verdict

#: Way in which a metric gets better -> as the analysis says it.
DIRECTIONS = {"higher_is_better": "increase", "lower_is_better": "decrease"}
#: Kinds of period that follow each other month by month, so that a month without a figure is a gap.
MONTHLY = ("month", "month_end_snapshot")


@dataclass
class Series:
    """What is known of a metric of an organisation. Made by `series_of`; everything else follows from its records."""

    metric: Metric
    organisation: Any
    #: One observation per period, in order of time.
    observations: list[Observation]
    #: Figures of the metric for the period of the latest one, of whatever organisation.
    beside: list[Figure]
    goals: list[tuple[Target, Goal]]
    trajectories: list[plans.Trajectory]
    #: That which the latest figure counts, if it is of one.
    cohort: plans.Cohort | None
    rebases: list[Rebase]
    breaks: list[dt.date]
    setting: SeriesSetting | None
    #: Codes of the collaborative's trusts at the time of the latest figure.
    trusts: tuple[str, ...] = ()
    #: Member of a breakdown, where the series is of a part and not of the whole.
    part: str = ""
    figures: list[Figure] = field(init=False)

    def __post_init__(self) -> None:
        self.figures = [as_level(observation) for observation in self.observations]

    @property
    def latest(self) -> Figure | None:
        return self.figures[-1] if self.figures else None

    @property
    def unit(self) -> str:
        return self.latest.unit if self.latest else self.metric.unit

    @cached_property
    def points(self) -> list[tuple[dt.date, Figure | None]]:
        """The figures by the last day of their period; a month without one is there with nothing."""
        found: dict[dt.date, Figure | None] = {figure.period.ends_on: figure for figure in self.figures}
        if self.latest and self.latest.period.kind in MONTHLY:
            found |= {day: None for day in _months(min(found), max(found)) if day not in found}
        return sorted(found.items(), key=lambda point: point[0])

    @cached_property
    def analysis(self) -> spc.Analysis:
        days = [day for day, _ in self.points]
        return spc.analyse(
            days,
            [figure.value if figure else None for _, figure in self.points],
            improvement_direction=DIRECTIONS.get(self.metric.direction, "neutral"),
            target=self.limit,
            rebase=[_first_on_or_after(days, day) for day in self.new_beginnings],
            fix_after_n_points=self.setting.fix_after_n_points if self.setting else None,
            screen_outliers=self.setting.is_screened if self.setting else True,
            kind=self.metric.kind,
        )

    @property
    def new_beginnings(self) -> list[dt.date]:
        """Days from which the limits are others: decided, or because the metric counts something else."""
        return sorted({*self.breaks, *(rebase.starts_on for rebase in self.rebases)})

    @property
    def limit(self) -> Any:
        """The one number of the first target that has one, in the unit of the series."""
        values = [goal.value for _, goal in self.goals if goal.accepted is not None and goal.unit == self.unit]
        return next((value for value in values if value is not None), None)

    @cached_property
    def verdicts(self) -> list[tuple[Target, Verdict]]:
        """A target of each trust is a count of trusts beside the system's figure, and a trust's own beside its own."""
        return [(target, self._judged(goal, self.latest)) for target, goal in self.goals if self.latest]

    def _judged(self, goal: Goal, latest: Figure) -> Verdict:
        if goal.scope_level == ScopeLevel.EACH_PROVIDER and latest.scope_level != ScopeLevel.PROVIDER:
            return targets.judge(goal, self.beside, ends_on=latest.period.ends_on, breaks=self.breaks)
        return targets.judge_one(goal, latest, previous(latest, self.figures), self.breaks)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """The latest figure beside what it can be set beside; what is unknown says so."""
        latest, direction = self.latest, self.metric.direction
        if latest is None:
            return []
        regions = [figure for figure in self.beside if figure.scope_level == ScopeLevel.REGION and not figure.unfit]
        return [
            comparing.with_previous(latest, self.figures, direction, self.breaks),
            comparing.with_last_year(latest, self.figures, direction, self.breaks),
            *(comparing.with_target(latest, goal, direction) for _, goal in self.goals),
            *(comparing.with_trajectory(latest, trajectory, direction) for trajectory in self.trajectories),
            *(comparing.with_peer(latest, region, "the region", direction=direction) for region in regions),
        ]

    @cached_property
    def run_rate(self) -> plans.RunRate | None:
        """How fast the cohort must be cleared from here on; None where the series is of none."""
        return plans.run_rate(self.cohort, self.latest) if self.cohort and self.latest else None

    @property
    def plan(self) -> plans.Trajectory | None:
        """The trajectory with the most planned values; None where none is stated."""
        stated = [path for path in self.trajectories if any(point.value is not None for point in path.points)]
        return max(stated, key=lambda path: len(path.points), default=None)

    @cached_property
    def ranking(self) -> Ranking | None:
        """The place among the trusts of the collaborative; null where the series is of none of them."""
        latest = self.latest
        if latest is None or latest.scope_level != ScopeLevel.PROVIDER or latest.organisation not in self.trusts:
            return None
        beside = [figure for figure in self.beside if figure.organisation in self.trusts]
        return comparing.rank(latest.organisation, beside, latest.period, self.metric.direction)

    @property
    def name(self) -> str:
        return str(self.organisation.abbreviation or self.organisation.short_name or self.organisation.name)

    def chart(self, prefix: str, size: tuple[float, float] = (640, 320)) -> str:
        """An XmR chart, or values with their median where no XmR chart suits."""
        title, unit = self._title, unit_on_charts(self.unit)
        if self.analysis.suitability.is_suitable:
            return xmr_chart(self.analysis, title=title, prefix=prefix, unit=unit, target=self.limit, size=size)
        return run_chart(self.values, title=title, prefix=prefix, unit=unit, target=self.limit, known=self.known, size=size)

    @property
    def known(self) -> str:
        """The latest figure in words where no figure is a number: "at least 85%, Mar 2024"."""
        if not self.latest or any(value is not None for _, value in self.values):
            return ""
        return f"{self.latest.words}, {self.latest.period.ends_on:%b %Y}"

    def burn_down(self, prefix: str, size: tuple[float, float] = (640, 320)) -> str:
        """What there is against what was planned, and what must still go by the horizon; empty where nothing is planned."""
        if self.plan is None and self.cohort is None:
            return ""
        planned = [(point.ends_on, point.value) for point in self.plan.points] if self.plan else []
        goal = (self.cohort.horizon_on, self.cohort.goal) if self.cohort else None
        title, unit = f"{self._title}: against the plan", unit_on_charts(self.unit)
        return burn_down(self.values, planned, title=title, prefix=prefix, unit=unit, goal=goal, size=size)

    @property
    def values(self) -> list[tuple[dt.date, Any]]:
        return [(day, figure.value if figure else None) for day, figure in self.points]

    @property
    def _title(self) -> str:
        whose = self.organisation.short_name or self.organisation.name
        return ", ".join(filter(None, (self.metric.name, self.part.replace("_", " "), whose)))


class Book:
    """All records about some metrics that a reader may see, read in a fixed number of queries, to make series from."""

    def __init__(
        self,
        metrics: Iterable[Metric],
        reader: Reader,
        level: str = "",
        part: str = "",
        whose: Iterable[int] | None = None,
        on: dt.date | None = None,
    ) -> None:
        """Figures are judged by the targets of their time, or by those of a day (`on`).

        With a level or organisations (`whose`) only their figures are read, for series that are set beside no others; with a
        part those of that part.
        """
        self.metrics = {metric.pk: metric for metric in metrics}
        self.on, self.part = on, part
        levels = Observation.objects.filter(metric__in=self.metrics).levels(reader, part)
        levels = levels.filter(scope_level=level) if level else levels
        levels = levels if whose is None else levels.filter(organisation__in=whose)
        self.levels = _by_metric(levels.select_related("organisation").prefetch_related("members"))
        self.aims = _by_metric(self._about(Target, reader).select_related("metric", "organisation", "supersedes"))
        self.paths = _by_metric(self._about(Trajectory, reader).select_related("metric").prefetch_related("points"))
        self.cohorts = {cohort.pk: cohort.as_plan() for cohort in self._about(Cohort, reader)}
        self.rebases = _by_metric(self._about(Rebase, reader))
        self.settings = _by_metric(self._about(SeriesSetting, reader))
        self.breaks = _by_metric(self._about(SeriesBreak, reader).filter(starts_on__isnull=False))
        self.trusts = Trusts.seen_by(reader)
        self._reported: dict[int, defaultdict[dt.date, set[str]]] = {}

    def _about(self, kind: Any, reader: Reader) -> Any:
        return kind.objects.visible_to(reader).filter(metric__in=self.metrics)

    def organisations(self, metric: Metric) -> list[Any]:
        """Those that have figures of the metric."""
        return list({each.organisation_id: each.organisation for each in self.levels[metric.pk]}.values())

    def series(self, metric: Metric, whose: Any, until: Observation | None = None) -> Series:
        """Given a figure (`until`), those of its kind up to it."""
        pk = metric.pk
        own = _of_one_kind(
            each for each in self.levels[pk] if each.organisation_id == whose.pk and (until is None or _is_up_to(each, until))
        )
        latest = own[-1].period if own else None
        settings = {each.organisation_id: each for each in self.settings[pk]}
        return Series(
            metric=metric,
            organisation=whose,
            observations=own,
            beside=[as_level(each) for each in self.levels[pk] if each.period == latest],
            goals=self._goals(own[-1], whose) if own else [],
            # What is planned is the whole.
            trajectories=[] if self.part else [p.as_plan() for p in self.paths[pk] if p.organisation_id == whose.pk],
            cohort=self.cohorts.get(own[-1].cohort_id) if own else None,
            rebases=[each for each in self.rebases[pk] if each.organisation_id in (None, whose.pk)],
            breaks=sorted(each.starts_on for each in self.breaks[pk]),
            setting=settings.get(whose.pk) or settings.get(None),
            trusts=self.trusts_of(metric.pk, latest.ends_on) if latest else (),
            part=self.part,
        )

    def _goals(self, latest: Observation, whose: Any) -> list[tuple[Target, Goal]]:
        """What such a figure is judged by: its organisation's own targets, and those of each trust."""
        level = latest.scope_level

        def concerns(goal: Goal) -> bool:
            if goal.scope_level == ScopeLevel.EACH_PROVIDER:
                return level in (ScopeLevel.PROVIDER, ScopeLevel.SYSTEM)
            return goal.scope_level == level and goal.organisation == whose.key

        return self._held(latest.metric_id, latest.period.ends_on, concerns)

    def trusts_of(self, metric: int, ends_on: dt.date) -> tuple[str, ...]:
        """Codes of the trusts whose figures there should be of a period."""
        if metric not in self._reported:
            self._reported[metric] = defaultdict(set)
            for each in self.levels[metric]:
                if each.scope_level == ScopeLevel.PROVIDER:
                    self._reported[metric][each.period.ends_on].add(each.organisation.key)
        return tuple(sorted(trust.key for trust in self.trusts.on(ends_on, self._reported[metric][ends_on])))

    def goals_of_each(self, metric: Metric, ends_on: dt.date) -> list[tuple[Target, Goal]]:
        """The targets of each trust, for its figure of a period."""
        return self._held(metric.pk, ends_on, lambda goal: goal.scope_level == ScopeLevel.EACH_PROVIDER)

    def _held(self, metric: int, ends_on: dt.date, concerns: Callable[[Goal], bool]) -> list[tuple[Target, Goal]]:
        if self.part:  # What is aimed at is the whole.
            return []
        trusts = self.trusts_of(metric, ends_on)
        by_key = {target.key: target for target in self.aims[metric]}
        each = {key: trusts if target.scope_level == ScopeLevel.EACH_PROVIDER else () for key, target in by_key.items()}
        goals = [target.as_goal(providers=each[key]) for key, target in by_key.items()]
        if self.on is None:
            found = targets.held(goals, ends_on, concerns)
        else:
            found = list(filter(concerns, targets.in_force(goals, self.on)))
        return [(by_key[goal.key], goal) for goal in found]


def series_of(metric: Metric, organisation: Any, reader: Reader, part: str = "", on: dt.date | None = None) -> Series:
    """The series as this reader may see it."""
    return Book([metric], reader, part=part, on=on).series(metric, organisation)


def series_until(observation: Observation, reader: Reader) -> Series | None:
    """The series up to this figure, so that it is the latest. None where it is no point: a difference, a forecast, an earlier
    revision, taken back.
    """
    book = Book([observation.metric], reader, part=observation.breakdown_member)
    series = book.series(observation.metric, observation.organisation, until=observation)
    return series if series.latest and series.latest.key == observation.key else None


def all_series(metric: Metric, reader: Reader, part: str = "", on: dt.date | None = None) -> list[Series]:
    """Those of all organisations that have figures of the metric, in the order of their names."""
    book = Book([metric], reader, part=part, on=on)
    return sorted((book.series(metric, whose) for whose in book.organisations(metric)), key=lambda series: series.name)


def side_by_side(metric: Metric, found: list[Series], prefix: str) -> str:
    """One small chart for each of these series of the metric, each on its own scale."""
    part = found[0].part if found else ""
    return small_multiples(
        [(series.name, series.analysis) for series in found],
        title=f"{metric.name}, {part.replace('_', ' ')}" if part else metric.name,
        prefix=prefix,
        unit=unit_on_charts(found[0].unit if found else metric.unit),
        target=found[0].limit if found else None,
        known={series.name: series.known for series in found if series.known},
        is_one_scale=False,
    )


def _by_metric(records: Iterable[Any]) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for record in records:
        found[record.metric_id].append(record)
    return found


def parts_of(metric: Metric, reader: Reader) -> list[str]:
    """Members of breakdowns that have figures of the metric."""
    found = (
        Observation.objects.visible_to(reader).filter(metric=metric).exclude(breakdown_member="").order_by("breakdown_member")
    )
    return list(found.values_list("breakdown_member", flat=True).distinct())


def as_level(observation: Observation) -> Figure:
    """A figure of a part stands for itself among figures of that part."""
    return replace(observation.as_figure(), part="")


def unit_on_charts(unit: str) -> str:
    """As it stands on an axis: %, £, or the word."""
    words = {"percent": "%", "unspecified_percent": "%", "gbp": "£", "percentage_point": "percentage points", "count": ""}
    return words.get(unit, unit.replace("_", " "))


def _is_up_to(each: Observation, until: Observation) -> bool:
    return _kind(each) == _kind(until) and each.period.ends_on <= until.period.ends_on


def _kind(observation: Observation) -> tuple[str, str, str]:
    return observation.period_type, observation.scope_level, observation.unit


def _of_one_kind(observations: Iterable[Observation]) -> list[Observation]:
    """Those of the kind of period, level and unit that most have; of each period the one that was entered last."""
    found = list(observations)
    kinds = Counter(map(_kind, found))
    most = max(kinds, key=lambda kind: kinds[kind], default=None)
    series = [each for each in found if _kind(each) == most]
    by_day = {each.period.ends_on: each for each in sorted(series, key=lambda each: each.pk)}
    return [by_day[day] for day in sorted(by_day)]


def _months(first: dt.date, last: dt.date) -> Iterable[dt.date]:
    """Last days of the months from one to another."""
    day = first
    while day <= last:
        yield day
        following = (day.replace(day=1) + dt.timedelta(days=62)).replace(day=1)
        day = following - dt.timedelta(days=1)


def _first_on_or_after(days: list[dt.date], wanted: dt.date) -> dt.date:
    """The point with which a new process begins; the day itself, which is no point, after the last one."""
    return next((day for day in days if day >= wanted), wanted)
