"""The figures of all series as whole numbers, which one statement of PostgreSQL gathers.

Plain is a figure that leaves nothing to decide: exact, of one month, and of what has happened.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from cmast.dates import month_end
from metrics.figures import NOT_YET_HAPPENED
from metrics.models import Observation
from metrics.series import MONTHLY

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: Values are counted in millionths, of which the database keeps none in part, up to here.
MILLION, LARGEST = 1_000_000, 10**8
#: Last days of the months that a plain figure can be of; months are numbers from the first of them on.
ENDS = [month_end(dt.date(1950 + n // 12, n % 12 + 1, 1)) for n in range(150 * 12)]
#: A figure is sent as two whole numbers: day and value; organisation, observation and whether its period is a month.
_VALUE_BITS, _OBSERVATION_BITS, _ORGANISATION_BITS, _DAY_BITS = 48, 40, 23, 16
_SIZE = 2 * 8
#: What is added to days, counted from this one, and to values, so that they are more than 0.
_DAY, _DAYS, _ZERO = dt.date(2024, 1, 1), 1 << (_DAY_BITS - 1), 1 << (_VALUE_BITS - 1)
#: What is not plain is sent as a figure of this day, on which no month ends.
_NOT_PLAIN = -(1 << 63)
#: Figures that are worked on together: as many as a processor keeps near. The largest metric may have more.
_AT_ONCE = 50_000
_GATHERED = """
SELECT metric_id, breakdown_member, scope_level, unit,
       string_agg(int8send(
           CASE WHEN period_end_on BETWEEN %(first)s AND %(last)s AND value BETWEEN -%(largest)s AND %(largest)s
                AND (qualifier IS NULL OR qualifier = 'exact') AND (period_type = %(month)s OR period_type = %(snapshot)s)
           THEN ((period_end_on - %(day)s)::bigint << %(value_bits)s) + (value * 1000000)::bigint + %(zero)s
           ELSE %(not_plain)s END
       ) || int8send((organisation_id << %(observation_bits)s) + (observation.id << 1) + (period_type = %(month)s)::int), '')
FROM metrics_observation observation
WHERE comparison IS NULL AND quantifier IS NULL AND ({has_happened})
  AND review_state IS DISTINCT FROM 'withdrawn' AND NOT (metric_id = ANY (%(aside)s))
  AND observation.id NOT IN (SELECT supersedes_id FROM metrics_observation WHERE supersedes_id IS NOT NULL)
GROUP BY 1, 2, 3, 4
"""
_HAPPENED = [status for status in Observation.ValueStatus.values if status not in NOT_YET_HAPPENED]
_TYPES = ["int8", "text", "text", "text", "bytea"]


class Group(NamedTuple):
    """Figures of a metric, of whatever organisation, in no order."""

    metric: int
    part: str
    scope_level: str
    unit: str
    figures: bytes

    @property
    def size(self) -> int:
        return len(self.figures) // _SIZE


class Figures(NamedTuple):
    """Figures of several series of the same length: in each table a row for each series, a column for each figure."""

    #: Place of the group among those that are worked on together.
    group: Integers
    organisation: Integers
    #: Place in `ENDS`; -1 is that of a figure that is not plain.
    month: Integers
    #: In millionths.
    value: Integers
    observation: Integers
    #: 1 where the period is a month, 0 where it is the end of one.
    is_month: Integers

    def where(self, places: Any) -> "Figures":
        return Figures(*(table[places] for table in self))

    def is_plain(self) -> Flags:
        """For each series, whether its figures are, one for each month, and all of one kind."""
        is_of_one_kind = (self.is_month == self.is_month[:, :1]).all(axis=1)
        flags: Flags = (self.month >= 0).all(axis=1) & (np.diff(self.month, axis=1) > 0).all(axis=1) & is_of_one_kind
        return flags


def gathered(aside: Iterable[int]) -> Iterator[list[Group]]:
    """The groups of all metrics but these, some at a time. Until the last is taken the connection is busy."""
    values = {
        "first": ENDS[0],
        "last": ENDS[-1],
        "day": _DAY,
        "largest": LARGEST,
        "month": MONTHLY[0],
        "snapshot": MONTHLY[1],
        "value_bits": _VALUE_BITS,
        "observation_bits": _OBSERVATION_BITS,
        "zero": _ZERO,
        "not_plain": _NOT_PLAIN,
        "aside": sorted(aside),
    } | {f"status{n}": status for n, status in enumerate(_HAPPENED)}
    # Compared one by one, the usual one first: with a list PostgreSQL takes three times as long.
    has_happened = " OR ".join(f"value_status = %(status{n})s" for n in range(len(_HAPPENED)))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        raw: Any = cursor.cursor  # Django's own has no COPY with values when it keeps a log
        # Binary, because otherwise two million numbers are written as text and read again.
        with raw.copy(f"COPY ({_GATHERED.format(has_happened=has_happened)}) TO STDOUT (FORMAT BINARY)", values) as copy:
            copy.set_types(_TYPES)
            yield from _together(map(Group._make, copy.rows()))
        cursor.execute("RESET work_mem")


def _together(groups: Iterable[Group]) -> Iterator[list[Group]]:
    some: list[Group] = []
    room = _AT_ONCE
    for group in groups:
        some.append(group)
        room -= group.size
        if room <= 0:
            yield some
            some, room = [], _AT_ONCE
    if some:
        yield some


def by_length(groups: list[Group]) -> Iterator[Figures]:
    """The figures of these groups, each series in order of time."""
    columns = _in_order(groups)
    is_first = (np.diff(columns.group, prepend=-1) != 0) | (np.diff(columns.organisation, prepend=-1) != 0)
    starts = np.flatnonzero(is_first)
    lengths = np.diff(starts, append=len(columns.group))
    if (lengths == lengths[0]).all():
        yield Figures(*(column.reshape(-1, lengths[0]) for column in columns))
        return
    for length in np.unique(lengths):
        yield columns.where(starts[lengths == length][:, None] + np.arange(length))


def _in_order(groups: list[Group]) -> Figures:
    """All of them, by group, organisation and day; a column instead of a table of each number."""
    numbers = np.frombuffer(b"".join(group.figures for group in groups), dtype=">i8").astype(np.int64).reshape(-1, 2)
    group = np.repeat(np.arange(len(groups)), [each.size for each in groups])
    place = (group << _ORGANISATION_BITS) + (numbers[:, 1] >> _OBSERVATION_BITS)
    # They often lie in order of time already, of which only a stable sort makes use; `take` is many times as fast as [].
    numbers = numbers.take(np.argsort((place << _DAY_BITS) + (numbers[:, 0] >> _VALUE_BITS) + _DAYS, kind="stable"), axis=0)
    (day, value), (organisation, rest) = _parted(numbers[:, 0], _VALUE_BITS), _parted(numbers[:, 1], _OBSERVATION_BITS)
    return Figures(group, organisation, _MONTHS[day + _DAYS], value - _ZERO, rest >> 1, rest & 1)


def _parted(numbers: Integers, bits: int) -> tuple[Integers, Integers]:
    return numbers >> bits, numbers & (1 << bits) - 1


def _months() -> Integers:
    """The month that ends on each day."""
    months = np.full(2 * _DAYS, -1)
    months[[(end - _DAY).days + _DAYS for end in ENDS]] = range(len(ENDS))
    return months


_MONTHS = _months()
