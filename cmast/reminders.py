"""Reminders: what is due becomes lines of the ledger, those of one person and day become one digest.

`plan` may run at any time, any number of times and several at once: the ledger has one line for each rule, record, person and
day, whoever writes it. It looks two weeks back, or to the last day that was planned, so an outage is made up by the same code.
What the rules say for days on which nobody works is planned for the working day before, if it warns, or after, if it chases.
"""

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from cmast import planning
from cmast.audience import Reachable
from cmast.dates import is_working_day, next_working_day
from cmast.due import Kind, kind_of
from cmast.models import MailDelivery, Person, Reminder, ReminderDay, ReminderRule
from cmast.planning import Window, placed

LONDON = ZoneInfo("Europe/London")
#: Local hour at which digests go out.
HOUR = 7
#: How far back missed reminders are made up, and how far at most after an outage.
BACK, FURTHEST_BACK = dt.timedelta(days=14), dt.timedelta(days=60)
BATCH = 1000
DAY = dt.timedelta(days=1)


def run(now: dt.datetime) -> str:
    """What a clock that rings again and again does: from seven o'clock on a working day, plan it once."""
    local = now.astimezone(LONDON)
    on = local.date()
    if local.hour < HOUR or not is_working_day(on) or ReminderDay.objects.filter(on=on).exists():
        return f"nothing to plan for {on}"
    return run_day(on)


def run_day(on: dt.date) -> str:
    """Plan a day and make its digests, whether that was done before or not."""
    if not is_working_day(on):
        return f"{on} is no working day"
    planned = plan(on)
    made = digest(on)
    return f"{on}: {planned} reminders planned, {made} digests made"


# --- Planning ---------------------------------------------------------------------------------------------------------


def plan(on: dt.date) -> int:
    """Everything that is to be said by that working day is in the ledger; how many lines are new."""
    rules = ReminderRule.objects.in_force().order_by("kind", "question", "pk")
    written = planning.write(rules, on, Window.since(_since(on), on))
    ReminderDay.objects.get_or_create(on=on)
    return written


def _since(on: dt.date) -> dt.date:
    last = ReminderDay.objects.filter(on__lt=on).order_by("-on").values_list("on", flat=True).first()
    return max(min(on - BACK, last or on), on - FURTHEST_BACK)


def still_due(reminders: Iterable[Reminder], today: dt.date) -> list[Reminder]:
    """Those that would be planned again: the rule holds, the record is open, its date and its people are the same."""
    reachable = Reachable(today)
    found = []
    in_force = [reminder for reminder in reminders if reminder.rule.is_active]
    for (word, question), same in groupby(sorted(in_force, key=_kind_and_question), key=_kind_and_question):
        lines = list(same)
        open_ = _open(kind_of(word), question, today, lines)
        for line in lines:
            places, audience = open_.get((line.record_id, line.due_on)), line.rule.whom(line.is_escalated)
            if places is not None and line.person_id in reachable.of(audience, line.rule_id, places):
                found.append(line)
    return found


def _open(kind: Kind, question: str, today: dt.date, lines: list[Reminder]) -> dict[tuple[int, dt.date], dict[str, int]]:
    """Record and date -> the people and places of those that are open."""
    due = placed(kind, today, question).filter(pk__in={line.record_id for line in lines})
    rows = due.values_list("pk", "due_on", *(f"at_{name}" for name in kind.people))
    return {(pk, due_on): dict(zip(kind.people, places, strict=True)) for pk, due_on, *places in rows}


def _kind_and_question(reminder: Reminder) -> tuple[str, str]:
    return reminder.rule.kind, reminder.rule.question


# --- Digests ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def digest(on: dt.date) -> int:
    """One mail for each person who has lines waiting; how many are new. Who has had today's mail waits for the next day."""
    _take_over(on)
    waiting = Reminder.objects.waiting().filter(remind_on__lt=next_working_day(on))
    people = list(waiting.order_by("person").values_list("person", flat=True).distinct())
    # Not late before it is made.
    opens_at = max(dt.datetime.combine(on, dt.time(HOUR), LONDON), timezone.now())
    before = MailDelivery.objects.count()
    mails = [MailDelivery(person_id=pk, for_on=on, dedupe_key=f"digest {pk} {on}", not_before=opens_at) for pk in people]
    MailDelivery.objects.bulk_create(mails, batch_size=BATCH, ignore_conflicts=True)
    todays = MailDelivery.objects.filter(for_on=on, state=MailDelivery.State.PENDING, purpose=MailDelivery.Purpose.DIGEST)
    # Locked, so that no sender writes one of them while lines are being added to it.
    unsent = set(todays.order_by("pk").select_for_update().values_list("pk", flat=True))
    theirs = MailDelivery.objects.filter(pk__in=unsent, person=OuterRef("person")).order_by()
    Reminder.objects.filter(pk__in=waiting.order_by().values("pk")).update(mail=Subquery(theirs.values("pk")[:1]))
    return MailDelivery.objects.count() - before


def _take_over(on: dt.date) -> None:
    """What could not be sent on the days before goes into today's digest. One that may have arrived goes on by itself."""
    digests = MailDelivery.objects.filter(purpose=MailDelivery.Purpose.DIGEST, for_on__lt=on)
    unsent = digests.filter(state=MailDelivery.State.PENDING, ambiguous=0).select_for_update(skip_locked=True)
    late = list(unsent.values_list("pk", flat=True))
    Reminder.objects.filter(mail__in=late, state=MailDelivery.State.PENDING).update(mail=None)
    said = f"What it was to say went into the digest of {on}."
    MailDelivery.objects.filter(pk__in=late).update(state=MailDelivery.State.CANCELLED, last_error=said)


# --- Who would get what -----------------------------------------------------------------------------------------------


class Preview(NamedTuple):
    """One line that a rule would write."""

    person: Person
    record: Any
    reminder: Reminder


def day_asked(text: str) -> dt.date:
    """The day that somebody asks for; the next working day, or today, where nothing is said. Raises ValueError."""
    if not text:
        return next_working_day(timezone.localdate() - DAY)
    if len(text) != 10 or not "2000" <= text[:4] <= "2100":
        raise ValueError("Write the day as 2024-05-03, in the years 2000 to 2100.")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("This is no day; write it as 2024-05-03.") from error


def preview(rule: ReminderRule, on: dt.date, reader: Any) -> list[Preview]:
    """Who would get what by this rule on a working day, of what the reader may see, the first 1,000; on other days nothing."""
    if not is_working_day(on):
        return []
    kind = kind_of(rule.kind)
    lines = planning.foresee(rule, on, BATCH)
    people = Person.objects.in_bulk({line.person_id for line in lines})
    visible: Any = kind.model._default_manager.all()
    named = visible.visible_to(reader).select_related(*kind.reads) if kind.reads else visible.visible_to(reader)
    records = named.in_bulk({line.record_id for line in lines})
    found = [Preview(people[line.person_id], records.get(line.record_id), line) for line in lines]
    shown = [line for line in found if line.record is not None]
    return sorted(shown, key=lambda line: (line.person.name, line.reminder.due_on, line.reminder.record_key))
