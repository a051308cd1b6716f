"""A day on which every milestone is due, beside one statement that writes the same lines of the ledger."""

import datetime as dt
import time
from collections.abc import Callable
from typing import NamedTuple

from django.db import connection

from benchmarks.filling import copy_constraints, settle
from benchmarks.judging import Goal, Result, divide
from benchmarks.processes import cpu_of
from cmast import reminders
from cmast.models import Person, ReminderRule

ON = dt.date(2024, 5, 8)
_LINES = "rule_id, record_type, record_key, record_id, person_id, remind_on, due_on, is_escalated, state, reason"
_BARE = f"""
INSERT INTO bare_reminder ({_LINES}, created_at)
SELECT %s, 'milestone', m.key, m.id, coalesce(m.person_id, w.lead_id), %s, %s, false, 'pending', '', now()
FROM programmes_milestone m JOIN programmes_workstream w ON w.id = m.workstream_id
WHERE coalesce(m.forecast_on, m.baseline_on) = %s AND m.outcome IS NULL AND m.actual_on IS NULL
ON CONFLICT DO NOTHING
"""


class Costs(NamedTuple):
    """CPU seconds that each took, of this process and of the one of the database that serves it."""

    bare: float
    planned: float
    again: float
    digested: float


def compare(rounds: int) -> list[Result]:
    """P14: in each round the ledger is empty at first."""
    rule = _prepare()
    costs = [_round(rule) for _ in range(rounds)]
    bare, planned, again = ([getattr(cost, name) for cost in costs] for name in ("bare", "planned", "again"))
    whole = [cost.planned + cost.digested for cost in costs]
    return [
        Result(Goal("P14", "reminders of all milestones, against one statement", 2, 1.3), divide(planned, bare)),
        Result(Goal("P14 again", "the same day again, against that statement", 0.4), divide(again, bare)),
        Result(Goal("P14 whole", "with the digests that they go into"), divide(whole, bare)),
    ]


def _prepare() -> ReminderRule:
    """Past the triggers: every milestone is due on the day, each workstream has a lead."""
    leads = Person.objects.bulk_create(
        Person(key=f"lead-{n}", name=f"Lead {n}", email=f"lead.{n}@cmast.example") for n in range(200)
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE programmes_milestone SET forecast_on = %s, forecast_precision = 'day', actual_on = NULL, "
            "actual_precision = NULL, outcome = NULL, status = 'on_track', stated = 'planned'",
            [ON],
        )
        cursor.execute("UPDATE programmes_workstream SET lead_id = %s + id %% %s", [leads[0].pk, len(leads)])
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("CREATE TABLE bare_reminder (LIKE cmast_reminder INCLUDING ALL)")
        copy_constraints(cursor, "cmast_reminder", "bare_reminder")
    settle()
    ReminderRule.objects.update(is_active=False)
    return ReminderRule.objects.create(name="The day itself", kind="milestone_due", days_before=["0"], audience="owner")


def _round(rule: ReminderRule) -> Costs:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE cmast_reminder, bare_reminder, cmast_reminderday")
        cursor.execute("UPDATE cmast_maildelivery SET state = 'cancelled', dedupe_key = id::text, for_on = NULL")
        cursor.execute("SELECT pg_backend_pid()")
        server = cursor.fetchone()[0]
        bare = _cost(server, lambda: cursor.execute(_BARE, [rule.pk, ON, ON, ON]))
    planned = _cost(server, lambda: reminders.plan(ON))
    again = _cost(server, lambda: reminders.plan(ON))
    _require_equal()
    return Costs(bare, planned, again, _cost(server, lambda: reminders.digest(ON)))


def _require_equal() -> None:
    """Both have written the same lines. Raises RuntimeError."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), (SELECT count(*) FROM (SELECT {_LINES} FROM bare_reminder INTERSECT SELECT {_LINES} "
            "FROM cmast_reminder) same) FROM bare_reminder UNION ALL SELECT count(*), 0 FROM cmast_reminder"
        )
        (bare, same), (planned, _) = cursor.fetchall()
    if not bare == same == planned:
        raise RuntimeError(f"{planned} lines were planned, {bare} by one statement, {same} of them the same.")


def _cost(server: int, work: Callable[[], object]) -> float:
    before = time.process_time() + cpu_of(server)
    work()
    return time.process_time() + cpu_of(server) - before
