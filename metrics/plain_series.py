"""The rows of plain series, all at once: on PostgreSQL, which gathers their figures.

Plain is what leaves nothing to decide: by the month, one exact number for each, all of one kind, of a metric without targets
and without decisions about its limits. Its row follows from the numbers alone. What is not plain is left to `metrics.rollups`.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import compress, repeat
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.utils import timezone

from cmast.collecting import uncollected
from cmast.models.people import Person
from cmast.vocabulary import Unit
from metrics import limits, spc
from metrics.models import Metric, Observation, SeriesSummary
from metrics.models.rollups import SOURCES
from metrics.plain_figures import ENDS, MILLION, Figures, Group, by_length, gathered
from metrics.series import DIRECTIONS, MONTHLY
from metrics.touched import Key

#: Lists with something of each series.
Columns = tuple[list[Any], ...]
_UNDECIDED = (Unit.LEVEL, Unit.UNSPECIFIED_PERCENT)
_COLUMNS = [field for field in SeriesSummary._meta.concrete_fields if not field.primary_key]
_NAMES = ", ".join(f'"{field.column}"' for field in _COLUMNS)
#: What is said beside a target, where there is none.
_UNTARGETED = ("", None, None, "", "")


class Row(NamedTuple):
    """What is kept of a plain series, by the names of the columns."""

    metric_id: int
    organisation_id: int
    part: str
    scope_level: str
    period_type: str
    unit: str
    figures: int
    latest_id: int
    latest_on: dt.date
    previous_id: int | None
    change: Decimal | None
    trend: str | None
    mean: float | None
    lower_limit: float | None
    upper_limit: float | None
    unsuited: str
    variation_icon: str
    assurance_icon: str
    target_id: int | None
    outcome: str | None
    reason: str
    verdict: str


def keep(reader: Person) -> set[Key]:
    """Bring the rows of all plain series up to date. Returns the series that have figures, or a row, and are not plain."""
    with uncollected():
        rows, others = made(reader)
        kept = {(row[0], row[1], row[2]): row for row in SeriesSummary.objects.order_by().values_list(*Row._fields)}
        _write([row for key, row in rows.items() if kept.get(key) != row])
        return (others | kept.keys()) - rows.keys()


def made(reader: Person) -> tuple[dict[Key, Row], set[Key]]:
    """The rows of all plain series, and the series that have figures and are not plain."""
    aside = _aside(reader)
    found = Observation.objects.filter(metric__in=aside).order_by()
    others = set(found.values_list("metric_id", "organisation_id", "breakdown_member").distinct())
    metrics = Metric.objects.only("kind", "direction").in_bulk()
    rows: dict[Key, Row] = {}
    for some in gathered(aside):
        for key, row in _of(some, metrics):
            # What comes twice has figures of several units or levels.
            if row is None or key in rows or key in others:
                rows.pop(key, None)
                others.add(key)
            else:
                rows[key] = row
    return rows, others


def _aside(reader: Person) -> set[int]:
    """Metrics whose series are not plain: with targets, decisions about limits, or anything that is hidden."""
    found: set[int] = set()
    for decided in SOURCES[1:]:
        found |= set(decided._default_manager.order_by().values_list("metric", flat=True).distinct())
    if hidden := reader.reach.hidden:
        for kind in SOURCES:
            found |= set(kind._default_manager.filter(hidden.condition(kind)).order_by().values_list("metric", flat=True))
        found |= set(Metric.objects.filter(hidden.condition(Metric)).values_list("pk", flat=True))
    return found


def _write(rows: list[Row]) -> None:
    if not rows:
        return
    now = timezone.now()
    moved = ", ".join(f'"{field.column}" = excluded."{field.column}"' for field in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS summary_made")
        cursor.execute("CREATE TEMPORARY TABLE summary_made (LIKE metrics_seriessummary) ON COMMIT DROP")
        cursor.execute("ALTER TABLE summary_made DROP COLUMN id")
        raw: Any = cursor
        with raw.copy(f"COPY summary_made ({', '.join(Row._fields)}, refreshed_at) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((*row, now))
        cursor.execute(
            f"INSERT INTO metrics_seriessummary ({_NAMES}) SELECT {_NAMES} FROM summary_made "
            f"ON CONFLICT (metric_id, organisation_id, part) DO UPDATE SET {moved}"
        )


# --- Working out ------------------------------------------------------------------------------------------------------


def _of(groups: list[Group], metrics: dict[int, Metric]) -> Iterator[tuple[Key, Row | None]]:
    """Each series with its row; without one where it is not plain."""
    for figures in by_length(groups):
        whose = [groups[place] for place in figures.group[:, 0].tolist()]
        is_plain = figures.is_plain() & [group.unit not in _UNDECIDED for group in whose]
        if not is_plain.all():
            yield from zip(_keys(figures.where(~is_plain), compress(whose, ~is_plain)), repeat(None))
            figures, whose = figures.where(is_plain), list(compress(whose, is_plain))
        yield from zip(_keys(figures, whose), _rows(figures, whose, metrics), strict=True)


def _keys(figures: Figures, groups: Iterable[Group]) -> Iterator[Key]:
    for group, organisation in zip(groups, figures.organisation[:, 0].tolist(), strict=True):
        yield group.metric, organisation, group.part


def _rows(figures: Figures, groups: list[Group], metrics: dict[int, Metric]) -> Iterator[Row]:
    """Of plain series, each of the group that stands in its place."""
    whose = [metrics[group.metric] for group in groups]
    count, length = figures.value.shape
    columns = (
        [group.metric for group in groups],
        figures.organisation[:, 0].tolist(),
        [group.part for group in groups],
        [group.scope_level for group in groups],
        [MONTHLY[0] if is_month else MONTHLY[1] for is_month in figures.is_month[:, 0].tolist()],
        [group.unit for group in groups],
        repeat(length, count),
        figures.observation[:, -1].tolist(),
        [ENDS[month] for month in figures.month[:, -1].tolist()],
        *_before(figures, whose),
        *_analyses(figures, whose),
        *(repeat(said, count) for said in _UNTARGETED),
    )
    return map(Row._make, zip(*columns, strict=True))


def _before(figures: Figures, whose: list[Metric]) -> Columns:
    """The figure of the month before, the change from it, and whether that is better."""
    count, length = figures.value.shape
    if length == 1:
        return [None] * count, [None] * count, [None] * count
    is_there = (figures.month[:, -1] - figures.month[:, -2] == 1).tolist()
    moves = (figures.value[:, -1] - figures.value[:, -2]).tolist()
    return (
        [pk if is_it else None for pk, is_it in zip(figures.observation[:, -2].tolist(), is_there, strict=True)],
        [Decimal(move).scaleb(-6) if is_it else None for move, is_it in zip(moves, is_there, strict=True)],
        [_trend(*each) if is_it else None for is_it, *each in zip(is_there, moves, whose, strict=True)],
    )


def _trend(move: int, metric: Metric) -> str | None:
    if not move:
        return Observation.Trend.UNCHANGED.value
    if metric.direction not in DIRECTIONS:
        return None
    is_better = (metric.direction == "higher_is_better") == (move > 0)
    return Observation.Trend.IMPROVED.value if is_better else Observation.Trend.WORSENED.value


def _analyses(figures: Figures, whose: list[Metric]) -> Columns:
    """Mean, lower and upper limit, why there are none, and the icon."""
    count, length = figures.value.shape
    columns: Columns = tuple([None] * count for _ in range(5))
    left: Iterable[int] = range(count)
    if length >= spc.SEVEN:
        columns, left = _at_once(figures, whose)
    for n in left:
        for column, said in zip(columns, _whole(figures, n, whose[n]), strict=True):
            column[n] = said
    return columns


def _at_once(figures: Figures, whose: list[Metric]) -> tuple[Columns, list[int]]:
    """The same from the limits of all, and the places that a last digit, a gap or their kind leaves to the whole analysis."""
    count, length = figures.value.shape
    found = limits.of(figures.value)
    is_told = found.is_clear & (figures.month[:, -1] - figures.month[:, 0] == length - 1)
    is_told &= [metric.kind not in spc.UNSUITED_KINDS for metric in whose]
    icons = [spc.COMMON_CAUSE] * count
    for n in np.flatnonzero(is_told & ~found.is_common).tolist():
        tail, way = figures.value[n, -limits.TAIL :].tolist(), DIRECTIONS.get(whose[n].direction, "neutral")
        icons[n] = spc.icon_of_last(tail, float(found.mean[n]), float(found.amr[n]), way)
    numbers = ((column / MILLION).tolist() for column in (found.mean, found.lower, found.upper))
    return (*numbers, [""] * count, icons), np.flatnonzero(~is_told).tolist()


def _whole(figures: Figures, place: int, metric: Metric) -> tuple[Any, ...]:
    """The same of one series from its whole analysis, where a month without a figure is a gap."""
    months = figures.month[place].tolist()
    by_month = dict(zip(months, (figures.value[place] / MILLION).tolist(), strict=True))
    values = [by_month.get(month) for month in range(months[0], months[-1] + 1)]
    judged = spc.suitability(values, metric.kind)
    if not judged.is_suitable:
        return None, None, None, judged.code, ""
    way = DIRECTIONS.get(metric.direction, "neutral")
    whole = spc.analyse(ENDS[months[0] : months[-1] + 1], values, improvement_direction=way, kind=metric.kind)
    last = whole.points[-1]
    return last.mean, last.lpl, last.upl, "", whole.variation_icon
