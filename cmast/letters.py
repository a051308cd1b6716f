"""What a mail says. A digest is written at the moment of sending, from what is still open then for its reader."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Any, NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from cmast.answering import can_be_answered
from cmast.due import Kind, kind_of
from cmast.links import absolute, answer_addresses, fewer_address
from cmast.models import MailDelivery, Person, Reminder, Suppression
from cmast.models.restrictions import Hidden
from cmast.reminders import still_due


class Suppressed(Exception):
    """Nothing is sent to this person or address any more. Says why."""


class Item(NamedTuple):
    """One thing that a digest asks about."""

    reminder: Reminder
    kind: Kind
    record: Any
    title: str
    when: str
    is_overdue: bool
    adds: str
    #: Where it is answered; nothing where its reader may not write it.
    address: str = ""


@dataclass(frozen=True)
class Letter:
    """One mail as it goes out."""

    to: str
    name: str
    heading: str
    text: str
    html: str
    message_id: str
    reference: str
    #: Where the reader stops reminders of this kind; empty where something in it cannot be declined.
    opt_down: str = ""
    #: Primary keys of the reminders that it carries.
    reminders: frozenset[int] = field(default_factory=frozenset)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.heading}\n{self.text}\n{self.html}".encode()).hexdigest()

    def as_bytes(self) -> bytes:
        """The message as SMTP carries it, with one receiver."""
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        message["From"] = settings.DEFAULT_FROM_EMAIL
        message["To"] = Address(one_line(self.name), addr_spec=self.to)
        message["Subject"] = self.heading
        message["Message-ID"] = self.message_id
        message["Date"] = timezone.now()
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        return self._opt_down_headers().encode() + message.as_bytes()

    def _opt_down_headers(self) -> str:
        """One click in the mail program (RFC 8058), for which it must be https. The library would encode so long an address."""
        if not self.opt_down:
            return ""
        one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if self.opt_down.startswith("https:") else ""
        return f"List-Unsubscribe: <{self.opt_down}>,\r\n <mailto:{sender()}?subject=unsubscribe>\r\n{one_click}"


def sender() -> str:
    """The address that mail is from."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def one_line(text: str) -> str:
    """Without line breaks and other control characters, which would end a header."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def write(mail: MailDelivery, *, with_links: bool = True) -> Letter | None:
    """The mail as it is right now; None where nothing is left to say. Raises Suppressed.

    What has been settled, moved or hidden since it was planned falls out, and the ledger says so. The links in it are made
    anew each time; who only looks whether there is something to say does without.
    """
    person = Person.objects.get(pk=mail.person_id)
    to = _address_of(person)
    envelope = {"to": to, "name": person.name, "message_id": mail.message_id, "reference": str(mail.pk)}
    if mail.purpose == MailDelivery.Purpose.NOTICE:
        return Letter(heading=one_line(mail.heading), text=mail.text, html="", **envelope)
    reminders = list(mail.reminders.filter(state=MailDelivery.State.PENDING).select_related("rule"))
    for reminder in reminders:
        reminder.person = person
    items = _open(reminders, person)
    carried = {item.reminder.pk for item in items}
    settled = [reminder.pk for reminder in reminders if reminder.pk not in carried]
    if settled:
        over = Reminder.objects.filter(pk__in=settled, state=MailDelivery.State.PENDING)
        over.update(state=MailDelivery.State.CANCELLED, reason="It was settled, moved or hidden before it was sent.")
    if not items:
        return None
    shown = _once_each(items)
    if with_links:
        shown = _addressed(shown, person)
    heading = heading_of(shown)
    context = {"person": person, "items": shown, "today": mail.for_on, "heading": heading, "reader": sender()}
    context["overdue"] = sum(item.is_overdue for item in shown)
    optional = {item.reminder.rule_id for item in items if item.reminder.rule.is_optional}
    context["fewer"] = fewer = fewer_address(person, optional) if optional else ""
    return Letter(
        heading=heading,
        text=render_to_string("mail/digest.txt", context),
        html=render_to_string("mail/digest.html", context),
        opt_down=fewer if all(item.reminder.rule.is_optional for item in items) else "",
        reminders=frozenset(carried),
        **envelope,
    )


def _address_of(person: Person) -> str:
    if not person.is_active:
        raise Suppressed("The person has left.")
    if not person.email:
        raise Suppressed("The person has no address.")
    suppressed = Suppression.objects.of_all_mail()
    if suppressed.filter(person=person).exists() or suppressed.filter(address=person.email).exists():
        raise Suppressed("Nothing is sent to this person or address any more.")
    return person.email


def _open(reminders: Iterable[Reminder], person: Person) -> list[Item]:
    """Those that the rules would still say to this person, of records that are not hidden from them; the most urgent first."""
    today = timezone.localdate()
    reminders = still_due(reminders, today)
    hidden = Hidden.stated_for(person)
    by_kind: dict[tuple[str, str], list[Reminder]] = {}
    for reminder in reminders:
        by_kind.setdefault((reminder.rule.kind, reminder.rule.question), []).append(reminder)
    items = []
    for (word, question), same in by_kind.items():
        kind = kind_of(word)
        records = kind.open(today, question).filter(pk__in={reminder.record_id for reminder in same})
        found = {record.pk: record for record in (records.select_related(*kind.reads) if kind.reads else records)}
        for reminder in same:
            record: Any = found.get(reminder.record_id)
            if record is not None and not hidden.hides(record):
                items.append(_item(reminder, kind, record))
    return sorted(items, key=lambda item: (item.reminder.due_on, item.title, item.reminder.pk))


def _item(reminder: Reminder, kind: Kind, record: Any) -> Item:
    days = (timezone.localdate() - reminder.due_on).days
    return Item(
        reminder,
        kind,
        record,
        one_line(kind.name(record)),
        _when(reminder.due_on, kind, kind.day(record), days),
        _is_late(kind, days),
        kind.adds(record),
    )


def _is_late(kind: Kind, days: int) -> bool:
    return days > 0 and not kind.is_since


def _when(due_on: dt.date, kind: Kind, vaguely: str, days: int) -> str:
    day = vaguely or date_format(due_on, "l j F Y")
    if kind.is_since:
        return f"since {day}"
    if days > 0:
        return f"{day}, {_count(days)} ago"
    return f"today, {day}" if days == 0 else f"{day}, in {_count(-days)}"


def _count(days: int) -> str:
    return f"{days} day{'s' if days > 1 else ''}"


def _once_each(items: list[Item]) -> list[Item]:
    """Each record once, as the latest of its reminders says it: after an outage there may be several."""
    latest: dict[tuple[str, int], Item] = {}
    for item in items:
        about = (item.reminder.record_type, item.reminder.record_id)
        if about not in latest or item.reminder.remind_on >= latest[about].reminder.remind_on:
            latest[about] = item
    return sorted(latest.values(), key=lambda item: (item.reminder.due_on, item.title))


def _addressed(items: list[Item], person: Person) -> list[Item]:
    """With the place where each is answered: a link of this person's own, or else the desk for those who have it."""
    editable = _editable(items, person)
    answered = [item for item in items if can_be_answered(item.record) and item.reminder.pk in editable]
    links = dict(zip((item.reminder.pk for item in answered), _links(answered, person), strict=True))
    return [item._replace(address=links.get(item.reminder.pk) or _at_the_desk(item.record, person)) for item in items]


def _editable(items: list[Item], person: Person) -> set[int]:
    """Reminders about what this person may change."""
    by_model: dict[Any, list[Item]] = {}
    for item in items:
        by_model.setdefault(type(item.record), []).append(item)
    found = set()
    for model, same in by_model.items():
        own = model.objects.editable_by(person).filter(pk__in={item.record.pk for item in same}).values_list("pk", flat=True)
        found |= {item.reminder.pk for item in same if item.record.pk in set(own)}
    return found


def _links(items: list[Item], person: Person) -> list[str]:
    return answer_addresses(person, [item.record for item in items]) if items else []


def _at_the_desk(record: Any, person: Person) -> str:
    if not person.is_staff:
        return ""
    return absolute(reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk]))


def heading_of(items: list[Item]) -> str:
    """How many things, and how many of them are overdue."""
    overdue = sum(item.is_overdue for item in items)
    things = f"{len(items)} thing{'s' if len(items) > 1 else ''} to answer"
    return f"CMAST: {things}, {overdue} overdue" if overdue else f"CMAST: {things}"
