"""The figures of a file beside those of the register, in a table that only this connection sees.

What is new, changed and unchanged is found out, and written, by a fixed number of statements, however many figures there are.
PostgreSQL is filled by COPY, SQLite in batches; all other statements are the same, so both come to the same end.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, Self

from django.db import connection, models
from django.utils import timezone

from cmast.locks import take_turns
from metrics.models import Import, ImportMapping, Observation, PeriodLock

BATCH = 20_000
_COLUMNS = {
    "id": "bigint PRIMARY KEY",
    "row": "integer",
    "label": "text",
    "metric_id": "bigint",
    "organisation_id": "bigint",
    "member": "text",
    "start_on": "date",
    "end_on": "date",
    "value": "decimal",
    "denominator": "decimal",
    "printed": "text",
    "key": "text",
}
#: What is found out: the present figure, the revision, and what becomes of the staged one, which is new until more is found.
_JUDGED = {"base_id": "bigint", "revision": "integer DEFAULT 1", "outcome": "text DEFAULT 'new'"}
#: Columns by which statements choose.
_COUNTED = ("metric_id", "outcome", "base_id")
#: A file states plain figures. What the register has as a part of a calculation is another figure.
_PLAIN = (
    "comparison",
    "threshold_operator",
    "role_of_scope",
    "quantifier",
    "horizon_on",
    "cohort_id",
    "bound_operator",
    "comparator_for_id",
)
#: Changes of observations.
_OWN = "c.record_type = 'metrics.observation'"
#: What was, as against what is planned or expected: two figures, even of the same month.
ACTUAL = (Observation.ValueStatus.REPORTED, Observation.ValueStatus.PROVISIONAL)


class Figure(NamedTuple):
    """A figure of a file, with links as primary keys and all else as text."""

    id: int
    row: int
    label: str
    metric_id: int
    organisation_id: int
    member: str
    start_on: str | None
    end_on: str
    value: str
    denominator: str | None
    printed: str
    key: str


class Refusal(NamedTuple):
    """A figure that is right as it stands, but not beside others."""

    row: int
    label: str
    code: str
    message: str


class Staging:
    """`with Staging(job) as staged:` fill, judge, write. The table is gone afterwards."""

    def __init__(self, job: Import) -> None:
        self.job = job
        self.mapping: ImportMapping = job.mapping
        self.cursor: Any = None

    def __enter__(self) -> Self:
        self.cursor = connection.cursor()
        columns = ", ".join(f'"{name}" {kind}' for name, kind in (_COLUMNS | _JUDGED).items())
        self._do("DROP TABLE IF EXISTS import_staged")
        self._do(f"CREATE TEMPORARY TABLE import_staged ({columns})")
        if connection.vendor == "postgresql":
            for column in _COUNTED:
                # A sample of three thousand rows tells what the planner must know; thirty thousand take ten times as long.
                self._do(f"ALTER TABLE import_staged ALTER {column} SET STATISTICS 10")
        return self

    def __exit__(self, *_: object) -> None:
        if not connection.needs_rollback:
            self._do("DROP TABLE IF EXISTS import_staged")
        self.cursor.close()

    def _do(self, sql: str, values: Iterable[Any] = ()) -> int:
        self.cursor.execute(sql, list(values))
        return int(self.cursor.rowcount)

    def _rows(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        self.cursor.execute(sql, list(values))
        return list(self.cursor.fetchall())

    # --- Filling ------------------------------------------------------------------------------------------------------

    def fill(self, figures: Iterator[Figure]) -> Iterator[int]:
        """Take all figures in; how many, after each batch."""
        filled = 0
        while batch := list(islice(figures, BATCH)):
            self._fill(batch)
            filled += len(batch)
            yield filled
        self._count("metric_id")

    def _count(self, columns: str) -> None:
        """Tell the planner of PostgreSQL how many rows there are and what these columns hold; it believes an old answer."""
        if connection.vendor == "postgresql":
            self._do(f"ANALYZE import_staged ({columns})")

    def _fill(self, batch: list[Figure]) -> None:
        columns = ", ".join(f'"{name}"' for name in _COLUMNS)
        if connection.vendor == "postgresql":
            with self.cursor.copy(f"COPY import_staged ({columns}) FROM STDIN") as copy:
                for figure in batch:
                    copy.write_row(figure)
            return
        places = ", ".join(["%s"] * len(_COLUMNS))
        self.cursor.executemany(f"INSERT INTO import_staged ({columns}) VALUES ({places})", batch)

    # --- Judging ------------------------------------------------------------------------------------------------------

    def judge(self) -> list[Refusal]:
        """Find out what becomes of each figure, once. Returns the first of those that are refused."""
        refusals = self._refuse_repeated()
        self._compare_with_present()
        self._count("outcome, base_id")
        return [*refusals, *self._refuse_hidden(), *self._refuse_locked()]

    def _refuse_repeated(self) -> list[Refusal]:
        """The first of several stands. Which is right nobody can know, so none but a person decides."""
        one = "metric_id, organisation_id, member, end_on"
        if not self._rows(f"SELECT 1 FROM import_staged GROUP BY {one} HAVING count(*) > 1 LIMIT 1"):
            return []
        same = f"PARTITION BY {one}"
        turns = f"SELECT id, row_number() OVER ({same} ORDER BY id) AS turn, min(row) OVER ({same}) AS first FROM import_staged"
        found = self._rows(
            f"SELECT s.row, s.label, t.first FROM import_staged s JOIN ({turns}) t ON t.id = s.id WHERE t.turn > 1 "
            f"ORDER BY s.id LIMIT {Import.MAX_PROBLEMS}"
        )
        self._do(f"UPDATE import_staged SET outcome = 'refused' WHERE id IN (SELECT id FROM ({turns}) t WHERE turn > 1)")
        return [Refusal(row, label, "repeated", f"Row {first} states this figure already.") for row, label, first in found]

    def _compare_with_present(self) -> None:
        """Each figure beside its latest revision in the register: those that have one are changed or unchanged."""
        present, of_present = self._present()
        same, of_same = self._same()
        self._do(
            "UPDATE import_staged SET base_id = f.base_id, revision = f.revision, outcome = f.outcome FROM ("
            "SELECT s.id, o.id AS base_id, o.revision + 1 AS revision, "
            f"CASE WHEN {same} THEN 'unchanged' ELSE 'changed' END AS outcome "
            f"FROM import_staged s JOIN metrics_observation o ON o.id = ({present}) WHERE s.outcome = 'new'"
            ") f WHERE f.id = import_staged.id",
            [*of_same, *of_present],
        )

    def _present(self) -> tuple[str, list[Any]]:
        """The latest revision of the staged figure `s`, as a query for its id."""
        day = (
            "p.period_end_on = s.end_on AND p.period_start_on = s.start_on AND p.as_at_on IS NULL"
            if self._has_period
            else "p.as_at_on = s.end_on AND p.period_end_on IS NULL"
        )
        statuses = ACTUAL if self.mapping.value_status in ACTUAL else (self.mapping.value_status,)
        places = ", ".join(["%s"] * len(statuses))
        return (
            "SELECT max(p.id) FROM metrics_observation p "
            f"WHERE p.metric_id = s.metric_id AND p.organisation_id = s.organisation_id AND {day} "
            "AND p.breakdown_member = s.member AND (s.member = '' OR p.breakdown_dimension = %s) "
            f"AND p.period_type = %s AND p.scope_level = %s AND p.value_status IN ({places}) "
            f"AND {' AND '.join(f'p.{column} IS NULL' for column in _PLAIN)} "
            "AND NOT EXISTS (SELECT 1 FROM metrics_observation later WHERE later.supersedes_id = p.id)",
            [self.mapping.breakdown_dimension, self.mapping.period_type, self.mapping.scope_level, *statuses],
        )

    def _refuse_hidden(self) -> list[Refusal]:
        """Nobody revises what does not exist for them."""
        hidden = self.job.submitted_by.reach.hidden
        if not hidden:
            return []
        if not (ids := sorted(hidden.ids(Observation))):
            return []
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            places = ", ".join(["%s"] * len(some))
            self._do(f"UPDATE import_staged SET outcome = 'refused' WHERE base_id IN ({places})", some)
        found = self._rows(
            "SELECT row, label FROM import_staged WHERE outcome = 'refused' AND base_id IS NOT NULL "
            f"ORDER BY id LIMIT {Import.MAX_PROBLEMS}"
        )
        return [Refusal(row, label, "not_yours", "You may not write this figure.") for row, label in found]

    def _refuse_locked(self) -> list[Refusal]:
        """In a locked month nothing is new. What changes there becomes a revision as everywhere, with the import's reason."""
        if not PeriodLock.objects.in_force().exists():
            return []
        lock = (
            "(SELECT min(l.id) FROM metrics_periodlock l JOIN metrics_metric m ON m.id = import_staged.metric_id "
            "WHERE l.unlocked_on IS NULL "
            "AND substr(CAST(l.month_end_on AS text), 1, 7) = substr(CAST(import_staged.end_on AS text), 1, 7) "
            "AND (l.metric_id = m.id OR (l.metric_id IS NULL AND (l.programme_id IS NULL OR l.programme_id = m.programme_id))))"
        )
        found = self._rows(
            f"SELECT row, label, {lock} FROM import_staged WHERE outcome = 'new' AND {lock} IS NOT NULL "
            f"ORDER BY id LIMIT {Import.MAX_PROBLEMS}"
        )
        self._do(f"UPDATE import_staged SET outcome = 'refused' WHERE outcome = 'new' AND {lock} IS NOT NULL")
        locks = PeriodLock.objects.in_bulk({pk for *_, pk in found})
        said = "this figure was not filed, so it cannot be revised"
        return [Refusal(row, label, "period_locked", f"{locks[pk].words}: {said}."[:500]) for row, label, pk in found]

    def _same(self) -> tuple[str, list[Any]]:
        """When a staged figure says nothing that the register does not."""
        return (
            "o.value = s.value AND o.value_status = %s AND (o.review_state IS NULL OR o.review_state <> 'withdrawn') "
            "AND (s.denominator IS NULL OR o.denominator = s.denominator)",
            [self.mapping.value_status],
        )

    def changes(self) -> list[tuple[int, str, str, Decimal]]:
        """Row, column, key of the present figure and the new value, of the first that change."""
        found = self._rows(
            "SELECT s.row, s.label, o.key, s.value FROM import_staged s JOIN metrics_observation o ON o.id = s.base_id "
            f"WHERE s.outcome = 'changed' ORDER BY s.id LIMIT {Import.MAX_CHANGES}"
        )
        return [(row, label, key, Decimal(str(value))) for row, label, key, value in found]

    def counts(self) -> dict[str, int]:
        """Outcome -> number of figures."""
        found = dict.fromkeys(("new", "changed", "unchanged", "refused"), 0)
        return found | dict(self._rows("SELECT outcome, count(*) FROM import_staged GROUP BY outcome"))

    @property
    def _has_period(self) -> bool:
        return self.mapping.period_type == self.mapping.PeriodType.MONTH

    # --- Writing ------------------------------------------------------------------------------------------------------

    def wait_for_turn(self) -> None:
        """Those who write imports do it one after the other: two that hold the same figures must not both find them new."""
        take_turns("imports")

    def write(self) -> int:
        """What is new and what is changed becomes observations, in one statement; how many."""
        self._give_keys()
        columns, expressions, values = [], [], []
        for field in Observation._meta.concrete_fields:
            if field.primary_key:
                continue
            columns.append(f'"{field.column}"')
            expression, value = self._value(field)
            expressions.append(expression)
            values += value
        return self._do(
            f"INSERT INTO metrics_observation ({', '.join(columns)}) SELECT {', '.join(expressions)} FROM import_staged s "
            "JOIN metrics_metric m ON m.id = s.metric_id LEFT JOIN metrics_observation o ON o.id = s.base_id "
            "WHERE s.outcome IN ('new', 'changed') ORDER BY s.id",
            values,
        )

    def _value(self, field: Any) -> tuple[str, list[Any]]:
        """The expression of a column, with its parameters: stated by the file, kept from the figure before, or the default."""
        mapping, now = self.mapping, timezone.now()
        staged = {
            "key": "s.key",
            "metric": "s.metric_id",
            "organisation": "s.organisation_id",
            "breakdown_member": "s.member",
            "value": "s.value",
            "unit": "m.unit",
            "denominator": "coalesce(s.denominator, o.denominator)",
            "printed_as": "s.printed",
            "revision": "s.revision",
            "supersedes": "s.base_id",
            "period_start_on": "s.start_on" if self._has_period else "NULL",
            "period_end_on": "s.end_on" if self._has_period else "NULL",
            "as_at_on": "NULL" if self._has_period else "s.end_on",
            "as_at_precision": "NULL" if self._has_period else "'day'",
            "review_state": "CASE WHEN s.base_id IS NULL THEN 'submitted' ELSE 'revised' END",
            "target": "o.target_id",
            "subset_of": "o.subset_of_id",
            "also_described_as": "coalesce(o.also_described_as, '')",
        }
        if field.name in staged:
            return staged[field.name], []
        if field.name == "breakdown_dimension":
            return "CASE WHEN s.member = '' THEN '' ELSE %s END", [mapping.breakdown_dimension]
        stated = {
            "source": self.job.source_id,
            "scope_level": mapping.scope_level,
            "period_type": mapping.period_type,
            "value_status": mapping.value_status,
            "created_at": now,
            "updated_at": now,
        }
        value = stated.get(field.name, field.get_default())
        if value is None:
            return "NULL", []
        return f"CAST(%s AS {_cast(field)})", [field.get_db_prep_save(value, connection)]

    def _give_keys(self) -> None:
        """A key that was ever used, by a record that is there or was, or by a figure before in this file, gets a suffix."""
        written = "outcome IN ('new', 'changed')"
        self._do("UPDATE import_staged SET key = key || '-r' || CAST(revision AS text) WHERE outcome = 'changed'")
        # Asked for each figure by itself: otherwise PostgreSQL may read the whole history to find a few keys in it.
        used = " OR ".join(
            f"(SELECT 1 FROM {table} WHERE {key} = import_staged.key LIMIT 1) IS NOT NULL"
            for table, key in (("metrics_observation o", "o.key"), ("cmast_change c", f"{_OWN} AND c.record_key"))
        )
        if self._rows(f"SELECT 1 FROM import_staged WHERE {written} GROUP BY key HAVING count(*) > 1 LIMIT 1"):
            used += f" OR id NOT IN (SELECT min(id) FROM import_staged WHERE {written} GROUP BY key)"
        self._do(
            "UPDATE import_staged SET key = key || '-i' || CAST(CAST(%s AS bigint) AS text) || '-' || CAST(id AS text) "
            f"WHERE {written} AND ({used})",
            [self.job.pk],
        )


def _cast(field: models.Field) -> str:
    """The type of a column for a parameter, which PostgreSQL cannot know in a SELECT; SQLite takes every one as it is."""
    if connection.vendor == "postgresql":
        return str(field.db_type(connection)).partition("(")[0] or "text"
    return "integer" if isinstance(field, models.IntegerField) else "text"
