"""The rows of plain series, all at once: on PostgreSQL, whose one statement gathers them.

Plain is what leaves nothing to decide: by the month, one exact number for each, all of one kind, of a metric without targets
and without decisions about its limits. Its row follows from the numbers alone. What is not plain is left to `metrics.rollups`.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from operator import sub
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from cmast.dates import month_end
from cmast.models.people import Person
from cmast.vocabulary import Unit
from metrics import spc
from metrics.figures import NOT_YET_HAPPENED
from metrics.models import Metric, Observation, SeriesSummary
from metrics.models.rollups import SOURCES
from metrics.series import DIRECTIONS, MONTHLY
from metrics.touched import Key

#: Months are counted from the end of the one before this day. Figures outside these hundred years are not plain.
_FIRST, _MONTHS = dt.date(1950, 1, 1), 1200
_ENDS = [month_end(dt.date(1950 + n // 12, n % 12 + 1, 1)) for n in range(_MONTHS)]
#: Values are counted in millionths, of which the database keeps none in part, up to here.
_MILLION, LARGEST = 1_000_000, 10**8
#: A month and a value in one whole number, which sorts by month: what the value is added to, for each month.
_ROOM = 1 << 48
_RAMP = [n * _ROOM + _ROOM // 2 for n in range(_MONTHS)]
_BETTER = {("higher_is_better", True), ("lower_is_better", False)}
_UNDECIDED = (Unit.LEVEL, Unit.UNSPECIFIED_PERCENT)
_GATHERED = """
SELECT metric_id, organisation_id, breakdown_member, period_type, scope_level, unit,
       bool_and(month.start IS NOT NULL AND value BETWEEN -%(largest)s AND %(largest)s
                AND (qualifier IS NULL OR qualifier = 'exact')),
       array_agg(observation.id),
       array_agg(month.start + CASE WHEN value BETWEEN -%(largest)s AND %(largest)s THEN (value * 1000000)::bigint END)
FROM metrics_observation observation LEFT JOIN unnest(%(ends)s::date[], %(ramp)s::bigint[]) month (ends_on, start)
     ON month.ends_on = period_end_on
WHERE comparison IS NULL AND quantifier IS NULL AND NOT (value_status = ANY (%(not_yet)s))
  AND (review_state IS NULL OR review_state <> 'withdrawn') AND NOT (metric_id = ANY (%(aside)s))
  AND observation.id NOT IN (SELECT supersedes_id FROM metrics_observation WHERE supersedes_id IS NOT NULL)
GROUP BY 1, 2, 3, 4, 5, 6
"""
_TYPES = ["int8", "int8", "text", "text", "text", "text", "bool", "int8[]", "int8[]"]
_COLUMNS = [field for field in SeriesSummary._meta.concrete_fields if not field.primary_key]
_NAMES = ", ".join(f'"{field.column}"' for field in _COLUMNS)


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
    assurance_icon: str = ""
    target_id: int | None = None
    outcome: str | None = None
    reason: str = ""
    verdict: str = ""


def keep(reader: Person) -> set[Key]:
    """Bring the rows of all plain series up to date. Returns the series that have figures, or a row, and are not plain."""
    rows, others = made(reader)
    kept = {(row[0], row[1], row[2]): row for row in SeriesSummary.objects.order_by().values_list(*Row._fields)}
    _write([row for key, row in rows.items() if kept.get(key) != row])
    return (others | kept.keys()) - rows.keys()


def made(reader: Person) -> tuple[dict[Key, Row], set[Key]]:
    """The rows of all plain series, and the series that have figures and are not plain."""
    aside = _aside(reader)
    metrics = {pk: (kind, way) for pk, kind, way in Metric.objects.order_by().values_list("pk", "kind", "direction")}
    found = Observation.objects.filter(metric__in=aside).order_by()
    others = set(found.values_list("metric_id", "organisation_id", "breakdown_member").distinct())
    return _told_apart(_gathered(aside), metrics, others)


def _gathered(aside: set[int]) -> Iterator[Any]:
    """Each series with its figures, while the database sends them. Until the last is taken the connection is busy."""
    values = {"largest": LARGEST, "ends": _ENDS, "ramp": _RAMP, "not_yet": sorted(NOT_YET_HAPPENED), "aside": sorted(aside)}
    with connection.cursor() as cursor:
        # Sorting a million rows costs more than hashing them, which the planner does not know of arrays.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL work_mem = '256MB'")
        raw: Any = cursor.cursor  # Django's own has no COPY with values when it keeps a log
        # Binary, because otherwise two million numbers are written as text and read again.
        with raw.copy(f"COPY ({_GATHERED}) TO STDOUT (FORMAT BINARY)", values) as copy:
            copy.set_types(_TYPES)
            yield from copy.rows()
        cursor.execute("SET LOCAL enable_sort = on")
        cursor.execute("RESET work_mem")


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


def _told_apart(
    gathered: Iterable[Any], metrics: dict[int, tuple[str | None, str]], others: set[Key]
) -> tuple[dict[Key, Row], set[Key]]:
    """The rows of plain series, and the other series, to which those come that are not plain after all."""
    rows: dict[Key, Row] = {}
    for metric, organisation, part, period, scope, unit, is_exact, ids, packed in gathered:
        key = metric, organisation, part
        if key in rows or key in others or not is_exact or period not in MONTHLY or unit in _UNDECIDED:
            rows.pop(key, None)
            others.add(key)
            continue
        kind, direction = metrics[metric]
        if (numbers := Numbers.of(ids, packed)) is None:
            others.add(key)
        else:
            rows[key] = Row(*key, scope, period, unit, *_latest(numbers, direction), *_analysis(numbers, kind, direction))
    return rows, others


class Numbers(NamedTuple):
    """The values of a series in millionths, from its first month to its last; None is a month without one."""

    values: list[Any]
    has_gaps: bool
    last_month: int
    figures: int
    latest_id: int
    previous_id: int | None

    @classmethod
    def of(cls, ids: list[int], packed: list[int]) -> "Numbers | None":
        """None where a month has several figures."""
        ordered = sorted(packed)
        first, last, count = ordered[0] // _ROOM, ordered[-1] // _ROOM, len(ordered)
        before = ordered[-2] if count > 1 else None
        latest_id = ids[packed.index(ordered[-1])]
        previous_id = ids[packed.index(before)] if before is not None and before // _ROOM == last - 1 else None
        values = list(map(sub, ordered, _RAMP[first : first + count]))
        # Where a month is missing, or there twice, what is left is that of another month.
        if max(map(abs, values)) < _ROOM // 2:
            return cls(values, False, last, count, latest_id, previous_id)
        by_month = {number // _ROOM: number % _ROOM - _ROOM // 2 for number in packed}
        whole = [by_month.get(n) for n in range(first, last + 1)]
        return cls(whole, True, last, count, latest_id, previous_id) if len(by_month) == count else None


def _latest(numbers: Numbers, direction: str) -> tuple[Any, ...]:
    """The latest figure beside the one before."""
    change = None
    if numbers.previous_id is not None:
        change = Decimal(numbers.values[-1] - numbers.values[-2]).scaleb(-6)
    trend = None if change is None else _trend(change, direction)
    return numbers.figures, numbers.latest_id, _ENDS[numbers.last_month], numbers.previous_id, change, trend


def _analysis(numbers: Numbers, kind: str | None, direction: str) -> tuple[Any, ...]:
    """Mean, limits, why there are none, and the icon. Where a last digit decides, the whole series is analysed."""
    way = DIRECTIONS.get(direction, "neutral")
    if kind not in spc.UNSUITED_KINDS and not numbers.has_gaps and (found := spc.latest(numbers.values, way)):
        return found.mean / _MILLION, found.lpl / _MILLION, found.upl / _MILLION, "", found.variation_icon
    values = [None if value is None else value / _MILLION for value in numbers.values]
    judged = spc.suitability(values, kind)
    if not judged.is_suitable:
        return None, None, None, judged.code, ""
    days = _ENDS[numbers.last_month + 1 - len(values) : numbers.last_month + 1]
    whole = spc.analyse(days, values, improvement_direction=way, kind=kind)
    last = whole.points[-1]
    return last.mean, last.lpl, last.upl, "", whole.variation_icon


def _trend(change: Decimal, direction: str) -> str | None:
    if not change:
        return Observation.Trend.UNCHANGED.value
    if direction not in ("higher_is_better", "lower_is_better"):
        return None
    is_better = (direction, change > 0) in _BETTER
    return Observation.Trend.IMPROVED.value if is_better else Observation.Trend.WORSENED.value
