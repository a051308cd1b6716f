"""The kept rows of series and of the system: what moves is made anew, and all of it can be proved to be right.

The history is the queue. Every write of a figure, by whatever path, is a change with a place in the feed, so the rows that
are out of date are those of the series that changes name behind the place up to which the rows are known to be right. Rows
and place are written in one transaction: a worker that dies leaves both as they were. See docs/decisions/0031-kept-rollups.md.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from cmast.history import feed
from cmast.models import FeedEntry, Organisation, Restriction
from cmast.models.people import Person, anybody
from cmast.vocabulary import ScopeLevel
from metrics import system
from metrics.figures import Figure, Side, change, previous
from metrics.models import Metric, Observation, RollupState, SeriesSummary, SystemFigure
from metrics.models.rollups import named_by
from metrics.series import Book, Series
from metrics.system import Share
from metrics.touched import Key, Touched, since

#: Series that are made anew by themselves; where more have moved, everything is.
FEW = 500
#: Metrics whose figures are in memory at once.
AT_ONCE = 50
Rule = Metric.Aggregation
#: What names a row of each kind.
_NAMES = {
    SeriesSummary: ("metric_id", "organisation_id", "part"),
    SystemFigure: ("metric_id", "part", "period_type", "ends_on"),
}
_INPUTS = ("numerator_metric", "complement_metric", "denominator_metric")


# --- The work ---------------------------------------------------------------------------------------------------------


def run() -> str:
    """Make anew what has moved since the last time. What was done, for the record of the job."""
    feed.number()
    with transaction.atomic():
        state, upto = RollupState.taken(), _end_of_feed()
        if state.position is None:
            return _all(state, upto)
        if upto == state.position:
            return "nothing has moved"
        touched = since(state.position, upto)
        keys = _keys(touched)
        if touched.is_all or len(keys) > FEW:
            return _all(state, upto)
        _heed(state)
        refresh(keys)
        state.reach(upto)
        return f"{len(keys)} series"


def follow() -> None:
    """At once after an import, where rows are kept already; what comes first is left to the job."""
    if RollupState.objects.filter(position__isnull=False).exists():
        run()


def refresh_all() -> str:
    """Make everything anew. Nightly, so that whatever went wrong with a row is right in the morning."""
    feed.number()
    with transaction.atomic():
        return _all(RollupState.taken(), _end_of_feed())


def refresh(keys: Iterable[Key]) -> None:
    """Make these series anew, and what the system has of them."""
    wanted = set(keys)
    reader = everybody()
    with transaction.atomic():
        _replace_summaries(wanted, reader)
        for metric, part in _of_system({(metric, part) for metric, _, part in wanted}):
            stored = SystemFigure.objects.filter(metric=metric, part=part)
            _replace(SystemFigure, stored, system_figures(metric, part, reader))


def everybody() -> Person:
    """A member for whom nothing that a restriction names exists."""
    reader = anybody()
    reader.reach.hidden = named_by(Restriction.objects.all())
    return reader


def _heed(state: RollupState) -> None:
    """Read before `everybody` reads them: whatever is noted here is left out there."""
    state.restrictions = list(Restriction.objects.order_by("pk").values_list("pk", flat=True))


def _end_of_feed() -> int:
    return int(FeedEntry.objects.aggregate(last=Max("position"))["last"] or 0)


def _all(state: RollupState, upto: int) -> str:
    _heed(state)
    reader = everybody()
    for some in _by_metrics(_not_plain(reader) if connection.vendor == "postgresql" else _known_keys(Q())):
        _replace_summaries(some, reader)
    _replace(SystemFigure, SystemFigure.objects.all(), every_system_figure(reader))
    state.reach(upto)
    return f"all {SeriesSummary.objects.count()} series"


def _not_plain(reader: Person) -> set[Key]:
    """The series that are left once the rows of plain ones are kept."""
    from metrics import plain_series  # its arithmetic takes 20 MB that nobody else needs

    return plain_series.keep(reader)


# --- What is concerned ------------------------------------------------------------------------------------------------


def _keys(touched: Touched) -> set[Key]:
    """All series that are to be made anew: those of touched metrics, and others that are judged by the series that moved."""
    keys = set(touched.series)
    if touched.metrics:
        keys |= set(_known_keys(Q(metric__in=touched.metrics)))
    # A target of each trust is judged by all of them where the series is the system's.
    others = SeriesSummary.objects.exclude(scope_level=ScopeLevel.PROVIDER).filter(metric__in={key[0] for key in keys})
    return keys | set(others.values_list(*_NAMES[SeriesSummary]))


def _known_keys(where: Q) -> Iterator[Key]:
    """Series that have figures, or have a row from when they had."""
    yield from SeriesSummary.objects.filter(where).order_by().values_list(*_NAMES[SeriesSummary])
    named = ("metric_id", "organisation_id", "breakdown_member")
    yield from Observation.objects.filter(where).order_by().values_list(*named).distinct()


def _of_system(scopes: set[tuple[int, str]]) -> list[tuple[Metric, str]]:
    """Metrics and parts that have a system's figure of theirs or as a ratio of theirs, or had one."""
    parts: dict[int, set[str]] = defaultdict(set)
    for pk, part in scopes:
        parts[pk].add(part)
    made_of = Q(pk__in=parts)
    for link in _INPUTS:
        made_of |= Q(**{f"{link}__in": parts})
    found: list[tuple[Metric, str]] = []
    for metric in Metric.objects.filter(made_of).order_by("pk"):
        inputs = (metric.pk, *(getattr(metric, f"{link}_id") for link in _INPUTS))
        found += [(metric, part) for part in sorted(set().union(*(parts.get(pk, set()) for pk in inputs)))]
    return found


def _by_metrics(keys: Iterable[Key]) -> Iterator[set[Key]]:
    """Together what needs the figures of the same metrics."""
    of_metric: dict[int, set[Key]] = defaultdict(set)
    for key in keys:
        of_metric[key[0]].add(key)
    metrics = sorted(of_metric)
    for start in range(0, len(metrics), AT_ONCE):
        yield set().union(*(of_metric[pk] for pk in metrics[start : start + AT_ONCE]))


def _replace_summaries(keys: set[Key], reader: Person) -> None:
    stored = SeriesSummary.objects.filter(metric__in={metric for metric, _, _ in keys})
    kept = stored.order_by().values_list("pk", *_NAMES[SeriesSummary])
    concerned = SeriesSummary.objects.filter(pk__in=[pk for pk, *name in kept if tuple(name) in keys])
    _replace(SeriesSummary, concerned, summaries(keys, reader))


def _replace(kind: Any, stored: QuerySet, made: Iterable[Any]) -> None:
    """The rows that are made take the place of those that are stored; one that says the same is left as it is."""
    names, rows = _NAMES[kind], list(made)
    kept = {_values(row, names): row for row in stored.order_by()}
    wanted = {_values(row, names) for row in rows}
    kind.objects.filter(pk__in=[row.pk for name, row in kept.items() if name not in wanted]).delete()
    columns = [f for f in kind._meta.concrete_fields if f.attname not in names and not f.primary_key]
    said = [f.attname for f in columns if f.name != "refreshed_at"]
    moved = [row for row in rows if (was := kept.get(_values(row, names))) is None or _values(was, said) != _values(row, said)]
    unique, updated = [name.removesuffix("_id") for name in names], [f.name for f in columns]
    kind.objects.bulk_create(moved, batch_size=500, update_conflicts=True, unique_fields=unique, update_fields=updated)


def _values(row: Any, names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


# --- Series -----------------------------------------------------------------------------------------------------------


def every_summary(reader: Person) -> Iterator[SeriesSummary]:
    for some in _by_metrics(_known_keys(Q())):
        yield from summaries(some, reader)


def summaries(keys: Iterable[Key], reader: Person) -> Iterator[SeriesSummary]:
    """The rows of these series; a series without figures has none."""
    of_part: dict[str, set[Key]] = defaultdict(set)
    for key in keys:
        of_part[key[2]].add(key)
    for part, some in sorted(of_part.items()):
        metrics = Metric.objects.visible_to(reader).in_bulk({metric for metric, _, _ in some})
        whose = {organisation for _, organisation, _ in some}
        organisations = Organisation.objects.in_bulk(whose)
        book = Book(metrics.values(), reader, part=part, whose=whose)
        wide = _beside_others(book, metrics, reader, part)
        for metric, organisation, _ in sorted(some):
            if metric in metrics and organisation in organisations:
                read = wide if wide and metric in wide.metrics else book
                series = read.series(metrics[metric], organisations[organisation])
                if series.observations:
                    yield summary(series)


def _beside_others(book: Book, metrics: dict[int, Metric], reader: Person, part: str) -> Book | None:
    """The figures of all, for metrics with a figure that is not a trust's and a target of each trust to judge it by."""
    each = [
        metric
        for pk, metric in metrics.items()
        if any(figure.scope_level != ScopeLevel.PROVIDER for figure in book.levels[pk])
        and any(target.scope_level == ScopeLevel.EACH_PROVIDER for target in book.aims[pk])
    ]
    return Book(each, reader, part=part) if each else None


def summary(series: Series) -> SeriesSummary:
    """A series with figures in a row."""
    figures, latest = series.figures, series.figures[-1]
    before = previous(latest, figures)
    moved = change(before, latest) if before else None
    by_key = {observation.key: observation for observation in series.observations}
    found, last = series.analysis, series.analysis.points[-1]
    is_suitable = found.suitability.is_suitable
    target, verdict = series.verdicts[0] if series.verdicts else (None, None)
    return SeriesSummary(
        metric=series.metric,
        organisation=series.organisation,
        part=series.part,
        scope_level=latest.scope_level,
        period_type=latest.period.kind,
        unit=latest.unit,
        figures=len(figures),
        latest=series.observations[-1],
        latest_on=latest.period.ends_on,
        previous=by_key[before.key] if before else None,
        change=moved.amount if moved else None,
        trend=trend(before, latest, series.metric.direction),
        mean=last.mean if is_suitable else None,
        lower_limit=last.lpl if is_suitable else None,
        upper_limit=last.upl if is_suitable else None,
        unsuited=found.suitability.code or "",
        variation_icon=(found.variation_icon or "") if is_suitable else "",
        assurance_icon=(found.assurance_icon or "") if is_suitable else "",
        target=target,
        outcome=verdict.outcome.value if verdict else None,
        reason=verdict.code.value if verdict else "",
        verdict=verdict.words if verdict else "",
        refreshed_at=timezone.now(),
    )


def trend(before: Figure | None, latest: Figure, direction: str) -> str | None:
    """Whether the latest figure is better than that of the period before; None where that is unknown or neither way is."""
    moved = change(before, latest) if before else None
    if moved is None or moved.side is Side.UNKNOWN:
        return None
    words = {True: Observation.Trend.IMPROVED, False: Observation.Trend.WORSENED}
    if moved.side is Side.SAME:
        return Observation.Trend.UNCHANGED.value
    is_better = moved.side.is_better(direction)
    return None if is_better is None else words[is_better].value


# --- The system -------------------------------------------------------------------------------------------------------


def every_system_figure(reader: Person) -> Iterator[SystemFigure]:
    for metric in Metric.objects.visible_to(reader).filter(aggregation__isnull=False).order_by("pk"):
        inputs = [pk for pk in (metric.pk, *(getattr(metric, f"{link}_id") for link in _INPUTS)) if pk]
        found = Observation.objects.filter(metric__in=inputs).order_by().values_list("breakdown_member", flat=True)
        for part in sorted(set(found.distinct())):
            yield from system_figures(metric, part, reader)


def system_figures(metric: Metric, part: str, reader: Person) -> Iterator[SystemFigure]:
    """What the trusts come to in each period, by the rule of the metric."""
    if not metric.aggregation:
        return
    links = [metric, *(getattr(metric, link) for link in _INPUTS)]
    book = Book([one for one in links if one], reader, level=ScopeLevel.PROVIDER, part=part)
    if metric.pk not in set(Metric.objects.visible_to(reader).filter(pk__in=book.metrics).values_list("pk", flat=True)):
        return
    for (kind, day), shares in sorted(_shares(book, metric).items()):
        trusts = [trust.key for trust in book.trusts.on(day, shares)]
        whole = system.combine(
            metric.aggregation, shares, trusts, unit=metric.unit, is_high_good=metric.direction == "higher_is_better"
        )
        yield SystemFigure(
            metric=metric,
            part=part,
            period_type=kind,
            ends_on=day,
            aggregation=metric.aggregation,
            unit=whole.unit,
            value=whole.value,
            partial_value=whole.partial_value,
            qualifier=whole.qualifier,
            numerator=whole.numerator,
            denominator=whole.denominator,
            stated=whole.stated,
            expected=whole.expected,
            missing=list(whole.missing),
            words=system.in_words(whole),
            refreshed_at=timezone.now(),
        )


#: Kind of period and last day -> what each trust brings in.
Shares = dict[tuple[str, dt.date], dict[str, Share]]


def _shares(book: Book, metric: Metric) -> Shares:
    found: Shares = defaultdict(dict)
    for trust in book.trusts.ever:
        for place, share in _of_trust(book, metric, trust):
            shares = found[place]
            if share is not None:
                shares[trust.key] = share
    return found


def _of_trust(book: Book, metric: Metric, trust: Any) -> Iterator[tuple[tuple[str, dt.date], Share | None]]:
    if metric.aggregation == Rule.SYSTEM_RATIO:
        yield from _of_ratio(book, metric, trust)
        return
    figures = book.series(metric, trust).figures
    for figure in figures:
        place = figure.period.kind, figure.period.ends_on
        match metric.aggregation:
            case Rule.TRUSTS_MEETING_TARGET:
                goal = next((goal for _, goal in book.goals_of_each(metric, figure.period.ends_on)), None)
                yield place, system.judged(figure, goal, previous(figure, figures))
            case Rule.SYSTEM_WEIGHTED:
                yield place, system.weighed(figure, metric.unit)
            case _:
                yield place, system.plain(figure, metric.unit)


def _of_ratio(book: Book, metric: Any, trust: Any) -> Iterator[tuple[tuple[str, dt.date], Share | None]]:
    is_rest = metric.complement_metric_id is not None
    part, whole = metric.complement_metric if is_rest else metric.numerator_metric, metric.denominator_metric
    sides = [
        {
            (figure.period.kind, figure.period.ends_on): system.plain(figure, one.unit)
            for figure in book.series(one, trust).figures
        }
        for one in (part, whole)
    ]
    for place in sides[0] | sides[1]:
        yield place, system.ratio(sides[0].get(place), sides[1].get(place), is_rest=is_rest)


# --- Proof ------------------------------------------------------------------------------------------------------------


def differences() -> list[str]:
    """What differs between the kept rows and what follows from the figures today, each said in a line."""
    run()
    reader = everybody()
    found = _differences(SeriesSummary, every_summary(reader))
    return found + _differences(SystemFigure, every_system_figure(reader))


def _differences(kind: Any, made: Iterable[Any]) -> list[str]:
    names = _NAMES[kind]
    stored = {_values(row, names): row for row in kind.objects.select_related("metric")}
    columns = [f for f in kind._meta.concrete_fields if f.name not in ("id", "refreshed_at", *names)]
    found = []
    for row in made:
        kept = stored.pop(_values(row, names), None)
        if kept is None:
            found.append(f"{kind._meta.verbose_name} {row}: no row is kept")
            continue
        for column in columns:
            was, now = getattr(kept, column.attname), getattr(row, column.attname)
            if not _equal(was, now):
                found.append(f"{kind._meta.verbose_name} {row}, {column.name}: {was} is kept, {now} follows from the figures")
    return found + [f"{kind._meta.verbose_name} {kept}: a row is kept, no figures are there" for kept in stored.values()]


def _equal(was: Any, now: Any) -> bool:
    if isinstance(was, float) and isinstance(now, float):
        return math.isclose(was, now, rel_tol=1e-9, abs_tol=1e-9)
    return bool(was == now)
