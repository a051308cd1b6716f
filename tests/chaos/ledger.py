"""People who are to be reminded, and afterwards the comparison of what the ledger says with what the mail server has."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count
from django.utils import timezone

from cmast.dates import is_working_day
from cmast.models import MailDelivery, Person, Reminder, ReminderRule
from programmes.models import Milestone
from tests.chaos.mailbox import refused

State = MailDelivery.State
Result = TypeVar("Result")
#: Of so many people one has an address that does not exist.
REFUSED_EVERY = 50
PATIENCE = 60
_DAY = dt.timedelta(days=1)


def patiently(ask: Callable[[], Result]) -> Result:
    """Whatever becomes of the database meanwhile. What is asked may have happened, and happens again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.5)


def day() -> dt.date:
    """The last working day before today: its digests are due, whatever time it is."""
    day = timezone.localdate() - _DAY
    while not is_working_day(day):
        day -= _DAY
    return day


def make_rule() -> None:
    """One rule only: everybody is reminded once, the day after."""
    ReminderRule.objects.update(is_active=False)
    ReminderRule.objects.create(
        key="chaos", name="Chaos", kind=ReminderRule.Kind.MILESTONE_OVERDUE, days_after=["1"], audience="owner"
    )


@transaction.atomic
def add(numbers: range) -> None:
    """So many people, each with a milestone that was due the day before."""
    people = [
        Person(key=f"chaos-{n}", name=f"Reader {n}", email=f"{_name(n)}.{n}@cmast.example", password="!") for n in numbers
    ]
    Person.objects.bulk_create(people, ignore_conflicts=True)
    found = Person.objects.in_bulk([person.key for person in people], field_name="key")
    milestones = [
        Milestone(
            key=f"chaos-{n}", title=f"Milestone {n}", type="meeting", person=found[f"chaos-{n}"],
            forecast_on=day() - _DAY, forecast_precision="day",
        )
        for n in numbers
    ]  # fmt: skip
    Milestone.objects.bulk_create(milestones, ignore_conflicts=True)


def _name(number: int) -> str:
    return "nobody" if number % REFUSED_EVERY == REFUSED_EVERY - 1 else "reader"


def states() -> Counter[str]:
    """How many mails are in which state."""
    connection.close()  # nothing may be held open over the faults
    return Counter(dict(MailDelivery.objects.order_by().values_list("state").annotate(Count("pk"))))


def is_over() -> bool:
    """Whether nothing more happens by itself."""
    waiting = Reminder.objects.filter(state=State.PENDING).exists()
    return not waiting and not MailDelivery.objects.exclude(state__in=MailDelivery.FINAL).exists()


class Verdict(NamedTuple):
    """What became of everybody. The promises: nobody is lost, nothing is unexplained, few duplicates."""

    reminders: int
    sent: int
    #: Right to be sent, not with the mail server, and the ledger does not say that they failed.
    lost: list[str]
    #: Mail that came more than once.
    duplicates: list[str]
    #: Of these, those of which the ledger says that each attempt was clear; and mail that nobody planned.
    unexplained: list[str]
    failed: int
    #: Failed although the address exists: visible, for a person to send again.
    given_up: list[str]
    unknown: int
    ambiguous: int
    not_ended: int


def judge(book: list[dict[str, Any]], people: int) -> Verdict:
    arrived = Counter(entry["id"] for entry in book)
    mails = {mail.message_id: mail for mail in MailDelivery.objects.select_related("person")}
    lines = list(Reminder.objects.select_related("person", "mail"))
    duplicates = [name for name, copies in arrived.items() if copies > 1]
    by_person = Counter(line.person.key for line in lines)
    unexplained = [name for name in duplicates if name not in mails or mails[name].ambiguous < arrived[name] - 1]
    unexplained += [name for name in arrived if name not in mails]
    unexplained += [key for key, number in by_person.items() if number > 1]
    # Two mails about the same, each sent once, would be a duplicate that no row tells of.
    unexplained += [to for to, number in Counter(to for _, to in {(e["id"], e["to"]) for e in book}).items() if number > 1]
    expected = {f"chaos-{n}" for n in range(people)}
    failed = [mail for mail in mails.values() if mail.state == State.FAILED]
    return Verdict(
        reminders=len(lines),
        sent=sum(mail.state == State.SENT for mail in mails.values()),
        lost=sorted(expected - by_person.keys()) + [line.person.key for line in lines if _is_lost(line, arrived)],
        duplicates=duplicates,
        unexplained=unexplained,
        failed=len(failed),
        given_up=[mail.message_id for mail in failed if not refused(mail.person.email or "")],
        unknown=sum(mail.state == State.UNKNOWN for mail in mails.values()),
        ambiguous=sum(mail.ambiguous > 0 for mail in mails.values()),
        not_ended=sum(mail.state not in MailDelivery.FINAL for mail in mails.values()),
    )


def _is_lost(line: Reminder, arrived: Counter[str]) -> bool:
    if line.mail is None:
        return True
    return not arrived[line.mail.message_id] and line.mail.state not in (State.FAILED, State.UNKNOWN)
