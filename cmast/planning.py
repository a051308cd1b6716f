"""The ledger's lines, by two statements for each kind of thing, however much is due.

Which days the rules name, and who is asked for which place, is decided here, once for each day and each place. The database
joins both with what is due, so that no line is read to be written.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple, Self

from django.db import connection, models, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from cmast.audience import Reachable
from cmast.dates import add_working_days, last_working_day, next_working_day
from cmast.due import Kind, kind_of
from cmast.models import MailDelivery, Reminder, ReminderRule

DAY = dt.timedelta(days=1)
#: Columns of the two tables that are given with a statement. They meet what is due, and each other, in one column each: with
#: more of them PostgreSQL expects few rows, and compares all with all.
_TURN = {"due_on": "date", "voice": "integer", "rule": "bigint", "remind_on": "date", "is_escalated": "boolean"}
_ASKED = {"voice": "integer", "place": "text", "person": "bigint"}


class Window(NamedTuple):
    """The days whose reminders are said on a working day."""

    #: First and last day for which it warns; the last is the day before the next working day.
    warn: tuple[dt.date, dt.date]
    #: First and last day for which it chases.
    chase: tuple[dt.date, dt.date]

    @classmethod
    def since(cls, first: dt.date, on: dt.date) -> Self:
        """All of them from that day, whatever was said before."""
        return cls((first, next_working_day(on) - DAY), (first, on))

    @classmethod
    def of(cls, on: dt.date) -> Self:
        """Those whose turn it is on that day."""
        return cls((on, next_working_day(on) - DAY), (last_working_day(on) + DAY, on))


class Turn(NamedTuple):
    """What a rule says about a date: remind on this day, those whom it asks or those whom it escalates to."""

    due_on: dt.date
    rule: ReminderRule
    remind_on: dt.date
    is_escalated: bool

    @property
    def voice(self) -> int:
        """Who speaks to whom: the rule, to either of its audiences."""
        return int(2 * self.rule.pk + self.is_escalated)


class Select(NamedTuple):
    """A SELECT of lines of the ledger, with its parameters."""

    sql: str
    values: list[Any]


def write(rules: Iterable[ReminderRule], on: dt.date, window: Window) -> int:
    """What these rules say in some days is in the ledger; how many lines are new. Rules in order of kind and question."""
    written = 0
    for lines in _selects(rules, on, window):
        created_at: Any = Reminder._meta.get_field("created_at").get_db_prep_value(timezone.now(), connection)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO "cmast_reminder" (rule_id, record_type, record_key, record_id, person_id, remind_on, due_on, '
                "is_escalated, state, reason, created_at) "
                f"SELECT line.*, %s, '', %s FROM ({lines.sql}) line WHERE true ON CONFLICT DO NOTHING",
                [MailDelivery.State.PENDING, created_at, *lines.values],
            )
            written += cursor.rowcount
    return written


def foresee(rule: ReminderRule, on: dt.date, upto: int) -> list[Reminder]:
    """The lines that a rule would write on a working day, the first of them; they are not saved."""
    found: list[Reminder] = []
    for lines in _selects([rule], on, Window.of(on)):
        found += Reminder.objects.raw(f"SELECT NULL AS id, line.* FROM ({lines.sql}) line LIMIT {upto}", lines.values)
    return found


def placed(kind: Kind, on: dt.date, question: str) -> models.QuerySet:
    """What is open of a kind, with the people and places that say who is asked as `at_owner` and so on; nobody is 0."""
    at = {f"at_{name}": Coalesce(F(path), 0, output_field=models.BigIntegerField()) for name, path in kind.people.items()}
    return kind.open(on, question).annotate(**at).order_by()


def _selects(rules: Iterable[ReminderRule], on: dt.date, window: Window) -> Iterator[Select]:
    """One for each kind and question of which something is due."""
    reachable = Reachable(on)
    for (word, question), same in groupby(rules, key=lambda rule: (rule.kind, rule.question)):
        kind, turns = kind_of(word), list(_turns(same, window))
        due = placed(kind, on, question).filter(due_on__in=sorted({turn.due_on for turn in turns}))
        if asked := _asked(kind, due, turns, reachable):
            yield _lines(kind, due, turns, asked)


def _asked(kind: Kind, due: models.QuerySet, turns: list[Turn], reachable: Reachable) -> list[dict[str, Any]]:
    """Who is asked by which rule, for all people and places of which something is due."""
    voices = {turn.voice: (turn.rule.whom(turn.is_escalated), turn.rule.pk) for turn in turns}
    return [
        {"voice": voice, "place": "".join(f",{pk}" for pk in places), "person": person}
        for places in due.values_list(*_places(kind)).distinct()
        for voice, (audience, rule) in voices.items()
        for person in reachable.of(audience, rule, dict(zip(kind.people, places, strict=True)))
    ]


def _lines(kind: Kind, due: models.QuerySet, turns: list[Turn], asked: list[dict[str, Any]]) -> Select:
    """Always in the same order, so that two planners do not wait for each other in a circle."""
    columns = _places(kind)
    place = "''" + "".join(f" || ',' || due.{column}" for column in columns)
    due_sql, due_values = due.values_list("pk", "key", "due_on", *columns).query.sql_with_params()
    sql = (
        f"WITH due (id, key, due_on, {', '.join(columns)}) AS MATERIALIZED ({due_sql}), "
        f"turn AS MATERIALIZED ({_given(_TURN)}), asked AS MATERIALIZED ({_given(_ASKED)}) "
        "SELECT turn.rule AS rule_id, %s AS record_type, due.key AS record_key, due.id AS record_id, "
        "asked.person AS person_id, turn.remind_on, due.due_on, turn.is_escalated FROM due "
        "JOIN turn ON turn.due_on = due.due_on "
        f"JOIN asked ON asked.voice = turn.voice AND asked.place = {place} "
        "ORDER BY due.id, turn.rule, asked.person, turn.remind_on, turn.is_escalated"
    )
    said = [turn._asdict() | {"rule": turn.rule.pk, "voice": turn.voice} for turn in turns]
    return Select(sql, [*due_values, json.dumps(said, default=str), json.dumps(asked), kind.record_type])


def _places(kind: Kind) -> list[str]:
    return [f"at_{name}" for name in kind.people]


def _given(columns: dict[str, str]) -> str:
    """A table that is given as one parameter: a list of objects."""
    if connection.vendor == "postgresql":
        typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return f"SELECT * FROM jsonb_to_recordset(%s::jsonb) AS given ({typed})"
    return f"SELECT {', '.join(f'''json_extract(value, '$.{name}') AS {name}''' for name in columns)} FROM json_each(%s)"


# --- Days -------------------------------------------------------------------------------------------------------------


def _turns(rules: Iterable[ReminderRule], window: Window) -> Iterator[Turn]:
    """All that the rules say about any date, for these days."""
    for rule in rules:
        for lead in map(int, rule.days_before):
            yield from (Turn(day + lead * DAY, rule, day, False) for day in _days(*window.warn))
        for lag in map(int, rule.days_after):
            yield from (Turn(day - lag * DAY, rule, day, False) for day in _days(*window.chase))
        yield from _escalations(rule, *window.chase)


def _escalations(rule: ReminderRule, first: dt.date, last: dt.date) -> Iterator[Turn]:
    """Of due dates whose escalation falls into these days."""
    if rule.escalate_after is None:
        return
    for due_on in _days(first - (2 * rule.escalate_after + 14) * DAY, last):
        day = add_working_days(due_on, rule.escalate_after)
        if first <= day <= last:
            yield Turn(due_on, rule, day, True)


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + number * DAY for number in range((last - first).days + 1)]
