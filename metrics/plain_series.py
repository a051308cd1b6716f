"""The rows of plain series, all at once: on PostgreSQL, whose one statement gathers them.

Plain is what leaves nothing to decide: monthly, without gap or second figure, in exact numbers, of one kind, of a metric
without targets and without decisions about its limits, with enough variation for limits. Its row follows from the numbers
alone. What is not plain, or lies so near a limit that the last digit decides, is left to `metrics.rollups`.
"""

import datetime as dt
from decimal import Decimal
from operator import sub
from typing import Any

from django.db import connection
from django.utils import timezone

from cmast.models.people import Person
from cmast.vocabulary import Unit
from metrics import spc
from metrics.figures import NOT_YET_HAPPENED
from metrics.models import Metric, Observation, SeriesSummary
from metrics.models.rollups import SOURCES
from metrics.series import DIRECTIONS, MONTHLY
from metrics.touched import Key

#: Digits of floating point that exact values up to here have room in.
LARGEST = 1e8
#: Of a day and a primary key in one whole number, the part that is the key's.
_ROOM = 1 << 40
_EPOCH = dt.date(2000, 1, 1)
_BETTER = {("higher_is_better", True), ("lower_is_better", False)}
_UNDECIDED = (Unit.LEVEL, Unit.UNSPECIFIED_PERCENT)
_GATHERED = """
SELECT metric_id, organisation_id, breakdown_member, period_type, scope_level, unit,
       bool_and((qualifier IS NULL OR qualifier = 'exact') AND period_end_on IS NOT NULL AND value IS NOT NULL),
       array_agg((COALESCE(period_end_on, DATE '2000-01-01') - DATE '2000-01-01') * %s + id),
       array_agg(value::float8)
FROM metrics_observation
WHERE comparison IS NULL AND quantifier IS NULL AND NOT (value_status = ANY (%s))
  AND (review_state IS NULL OR review_state <> 'withdrawn') AND NOT (metric_id = ANY (%s))
  AND id NOT IN (SELECT supersedes_id FROM metrics_observation WHERE supersedes_id IS NOT NULL)
GROUP BY 1, 2, 3, 4, 5, 6
"""
_COLUMNS = [field for field in SeriesSummary._meta.concrete_fields if not field.primary_key]


def keep(reader: Person) -> set[Key]:
    """Bring the rows of all plain series up to date. Returns the series that have figures, or a row, and are not plain."""
    metrics = {pk: (kind, way) for pk, kind, way in Metric.objects.order_by().values_list("pk", "kind", "direction")}
    aside = _aside(reader)
    with connection.cursor() as cursor:
        # Sorting a million rows costs more than hashing them, which the planner does not know of arrays.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(_GATHERED, [_ROOM, sorted(NOT_YET_HAPPENED), sorted(aside)])
        gathered = cursor.fetchall()
        cursor.execute("SET LOCAL enable_sort = on")
        cursor.execute("RESET work_mem")
        rows, others = _told_apart(gathered, metrics)
        cursor.execute("DROP TABLE IF EXISTS summary_made")
        cursor.execute("CREATE TEMPORARY TABLE summary_made (LIKE metrics_seriessummary) ON COMMIT DROP")
        cursor.execute("ALTER TABLE summary_made DROP COLUMN id")
        names = ", ".join(f'"{field.column}"' for field in _COLUMNS)
        with cursor.copy(f"COPY summary_made ({names}) FROM STDIN") as copy:
            for row in rows.values():
                copy.write_row(row)
        moved = [f'"{field.column}"' for field in _COLUMNS if field.name != "refreshed_at"]
        old, new = (", ".join(f"{table}.{column}" for column in moved) for table in ("metrics_seriessummary", "excluded"))
        cursor.execute(
            f"INSERT INTO metrics_seriessummary ({names}) SELECT {names} FROM summary_made "
            "ON CONFLICT (metric_id, organisation_id, part) DO UPDATE SET "
            + ", ".join(f"{column} = excluded.{column}" for column in [*moved, '"refreshed_at"'])
            + f" WHERE ({old}) IS DISTINCT FROM ({new})"
        )
    found = Observation.objects.filter(metric__in=aside).order_by()
    others |= set(found.values_list("metric_id", "organisation_id", "breakdown_member").distinct())
    others |= set(SeriesSummary.objects.order_by().values_list("metric_id", "organisation_id", "part"))
    return others - rows.keys()


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


def _told_apart(gathered: list[Any], metrics: dict[int, tuple[str | None, str]]) -> tuple[dict[Key, list[Any]], set[Key]]:
    """The rows of plain series, and the other series."""
    rows: dict[Key, list[Any]] = {}
    others: set[Key] = set()
    now = timezone.now()
    for metric, organisation, part, period, scope, unit, is_exact, places, values in gathered:
        key = metric, organisation, part
        kind, direction = metrics[metric]
        known = is_exact and period in MONTHLY and unit not in _UNDECIDED and kind not in spc.UNSUITED_KINDS
        row = _row(places, values, direction) if known and key not in rows and key not in others else None
        if row is None:
            rows.pop(key, None)
            others.add(key)
        else:
            said: dict[str, Any] = dict(zip(_SAID, (*key, scope, period, unit, *row, now), strict=True))
            rows[key] = [said.get(field.attname, "" if not field.null else None) for field in _COLUMNS]
    return rows, others


_SAID = (
    *("metric_id", "organisation_id", "part", "scope_level", "period_type", "unit"),
    *("figures", "latest_id", "latest_on", "previous_id", "change", "trend"),
    *("mean", "lower_limit", "upper_limit", "variation_icon", "refreshed_at"),
)


def _row(places: list[int], values: list[float], direction: str) -> tuple[Any, ...] | None:
    """What follows from the numbers; None where the series is not plain after all."""
    pairs = sorted(zip(places, values, strict=True))
    ordered = [value for _, value in pairs]
    if max(map(abs, ordered)) > LARGEST or not _are_consecutive([place // _ROOM for place, _ in pairs]):
        return None
    found = spc.latest(ordered, DIRECTIONS.get(direction, "neutral"))
    if found is None:
        return None
    (before, _), (last, _) = pairs[-2:]
    change = Decimal(str(ordered[-1])) - Decimal(str(ordered[-2]))
    return (
        len(pairs),
        last % _ROOM,
        _EPOCH + dt.timedelta(days=last // _ROOM),
        before % _ROOM,
        change,
        _trend(change, direction),
        *found,
    )


def _are_consecutive(days: list[int]) -> bool:
    """Whether each is in the month after the one before: as many months as days, and none of them twice."""
    first, last = (_EPOCH + dt.timedelta(days=day) for day in (days[0], days[-1]))
    months = (last.year - first.year) * 12 + last.month - first.month
    return months == len(days) - 1 and set(map(sub, days[1:], days)) <= {28, 29, 30, 31}


def _trend(change: Decimal, direction: str) -> str | None:
    if not change:
        return Observation.Trend.UNCHANGED.value
    if direction not in ("higher_is_better", "lower_is_better"):
        return None
    is_better = (direction, change > 0) in _BETTER
    return Observation.Trend.IMPROVED.value if is_better else Observation.Trend.WORSENED.value
