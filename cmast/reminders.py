"""Reminders: what is due becomes lines of the ledger, those of one person and day become one digest.

`plan` may run at any time, any number of times and several at once: the ledger has one line for each rule, record, person and
day, whoever writes it. It looks two weeks back, or to the last day that was planned, so an outage is made up by the same code.
What the rules say for days on which nobody works is planned for the working day before, if it warns, or after, if it chases.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, islice
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from cmast.audience import Reachable
from cmast.dates import add_working_days, is_working_day, next_working_day
from cmast.due import PLACES, Kind, kind_of
from cmast.models import MailDelivery, Person, Reminder, ReminderDay, ReminderRule

LONDON = ZoneInfo("Europe/London")
#: Local hour at which digests go out.
HOUR = 7
#: How far back missed reminders are made up, and how far at most after an outage.
BACK, FURTHEST_BACK = dt.timedelta(days=14), dt.timedelta(days=60)
BATCH = 1000
DAY = dt.timedelta(days=1)


class Turn(NamedTuple):
    """What a rule says about a date: remind on this day, these people."""

    rule: ReminderRule
    remind_on: dt.date
    is_escalated: bool

    @property
    def audience(self) -> str:
        return str(self.rule.escalate_to if self.is_escalated else self.rule.audience)


class Due(NamedTuple):
    """A record that is due: primary key, key, date, and the people and places that say who is asked."""

    pk: int
    key: str
    due_on: dt.date
    places: dict[str, Any]


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
    rules = list(ReminderRule.objects.in_force().order_by("kind", "question", "pk"))
    since = _since(on)
    before = Reminder.objects.count()
    lines = _lines(rules, on, _Window.since(since, on), _known(since))
    while batch := list(islice(lines, BATCH)):
        Reminder.objects.bulk_create(batch, ignore_conflicts=True)
    ReminderDay.objects.get_or_create(on=on)
    return Reminder.objects.count() - before


def _known(since: dt.date) -> set[tuple[Any, ...]]:
    """The lines that are there already, to spare the database most of what it would refuse."""
    known = Reminder.objects.filter(remind_on__gte=since).order_by()
    return set(known.values_list("rule", "record_type", "record_id", "person", "remind_on").iterator())


def _since(on: dt.date) -> dt.date:
    last = ReminderDay.objects.filter(on__lt=on).order_by("-on").values_list("on", flat=True).first()
    return max(min(on - BACK, last or on), on - FURTHEST_BACK)


class _Window(NamedTuple):
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
        return cls((on, next_working_day(on) - DAY), (_last_working_day(on) + DAY, on))


def _lines(
    rules: Iterable[ReminderRule], on: dt.date, window: _Window, known: Collection[tuple[Any, ...]] = ()
) -> Iterator[Reminder]:
    """The ledger's lines for these rules in some days: one query for each kind. Always in the same order."""
    reachable = Reachable(on)
    for (word, question), same in groupby(rules, key=lambda rule: (rule.kind, rule.question)):
        kind, turns = kind_of(word), _turns(same, window)
        for due in _due(kind, on, question, due_on__in=sorted(turns)):
            for turn in turns[due.due_on]:
                for person in reachable.of(turn.audience, turn.rule.pk, due.places):
                    if (turn.rule.pk, kind.record_type, due.pk, person, turn.remind_on) not in known:
                        yield _line(kind, due, turn, person)


def _line(kind: Kind, due: Due, turn: Turn, person: int) -> Reminder:
    return Reminder(
        rule=turn.rule,
        record_type=kind.record_type,
        record_key=due.key,
        record_id=due.pk,
        person_id=person,
        remind_on=turn.remind_on,
        due_on=due.due_on,
        is_escalated=turn.is_escalated,
    )


def _turns(rules: Iterable[ReminderRule], window: _Window) -> dict[dt.date, list[Turn]]:
    """Due date -> what the rules say about it."""
    turns: dict[dt.date, list[Turn]] = defaultdict(list)
    for rule in rules:
        for lead in map(int, rule.days_before):
            for day in _days(*window.warn):
                turns[day + lead * DAY].append(Turn(rule, day, False))
        for lag in map(int, rule.days_after):
            for day in _days(*window.chase):
                turns[day - lag * DAY].append(Turn(rule, day, False))
        for due_on, day in _escalations(rule, *window.chase):
            turns[due_on].append(Turn(rule, day, True))
    return turns


def _escalations(rule: ReminderRule, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """Due dates whose escalation falls into these days."""
    if rule.escalate_after is None:
        return
    for due_on in _days(first - (2 * rule.escalate_after + 14) * DAY, last):
        day = add_working_days(due_on, rule.escalate_after)
        if first <= day <= last:
            yield due_on, day


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def _due(kind: Kind, on: dt.date, question: str, **which: Any) -> Iterator[Due]:
    names = [name for name in PLACES if name in kind.people]
    columns = ("pk", "key", "due_on", *(kind.people[name] for name in names))
    found = kind.open(on, question).filter(**which).order_by("pk")
    for pk, key, due_on, *places in found.values_list(*columns).iterator():
        yield Due(pk, key, due_on, dict(zip(names, places, strict=True)))


def still_due(reminders: Iterable[Reminder], today: dt.date) -> list[Reminder]:
    """Those that would be planned again: the rule holds, the record is open, its date and its people are the same."""
    reachable = Reachable(today)
    found = []
    in_force = [reminder for reminder in reminders if reminder.rule.is_active]
    for (word, question), same in groupby(sorted(in_force, key=_kind_and_question), key=_kind_and_question):
        asked = list(same)
        records = {due.pk: due for due in _due(kind_of(word), today, question, pk__in={line.record_id for line in asked})}
        for line in asked:
            due, turn = records.get(line.record_id), Turn(line.rule, line.remind_on, line.is_escalated)
            if due and due.due_on == line.due_on and line.person_id in reachable.of(turn.audience, line.rule_id, due.places):
                found.append(line)
    return found


def _kind_and_question(reminder: Reminder) -> tuple[str, str]:
    return reminder.rule.kind, reminder.rule.question


# --- Digests ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def digest(on: dt.date) -> int:
    """One mail for each person who has lines waiting; how many are new. Who has had today's mail waits for the next day."""
    _take_over(on)
    waiting = Reminder.objects.waiting().filter(remind_on__lt=next_working_day(on))
    people = list(waiting.order_by("person").values_list("person", flat=True).distinct())
    opens_at = dt.datetime.combine(on, dt.time(HOUR), LONDON)
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
    lines = list(islice(_lines([rule], on, _Window.of(on)), BATCH))
    people = Person.objects.in_bulk({line.person_id for line in lines})
    visible: Any = kind.model._default_manager.all()
    named = visible.visible_to(reader).select_related(*kind.reads) if kind.reads else visible.visible_to(reader)
    records = named.in_bulk({line.record_id for line in lines})
    found = [Preview(people[line.person_id], records.get(line.record_id), line) for line in lines]
    shown = [line for line in found if line.record is not None]
    return sorted(shown, key=lambda line: (line.person.name, line.reminder.due_on, line.reminder.record_key))


def _last_working_day(on: dt.date) -> dt.date:
    """The working day before that day."""
    day = on - DAY
    while not is_working_day(day):
        day -= DAY
    return day
