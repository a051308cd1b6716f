"""iCalendar files: dates as all-day events, for programs that subscribe to them."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmast import dates
from cmast.models import Record
from cmast.vocabulary import DatePrecision

if TYPE_CHECKING:
    from icalendar import Event


@dataclass(frozen=True)
class Entry:
    """Something on a day, or within a span of days where its date is vague."""

    #: Stays the same while the thing stays the same, so that a change moves the event and makes no second one.
    uid: str
    #: Counts the changes; receivers take the higher one.
    sequence: int
    changed_at: dt.datetime
    title: str
    first: dt.date
    last: dt.date
    description: str = ""
    is_cancelled: bool = False
    #: Whether the day itself is certain.
    is_certain: bool = True


def calendar(name: str, entries: Iterable[Entry]) -> bytes:
    """The whole calendar. The same entries give the same bytes: nothing in it is of the moment of asking."""
    from icalendar import Calendar  # 5 MB, which only those have whom somebody asks for a calendar

    made = Calendar()
    made.add("prodid", "-//CMAST register//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", name)
    made.add("refresh-interval", dt.timedelta(hours=4), parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT4H")
    for entry in sorted(entries, key=lambda entry: (entry.first, entry.uid)):
        made.add_component(_event(entry))
    return bytes(made.to_ical())


def _event(entry: Entry) -> "Event":
    """Without times of day, so without time zones. The last day of an event is the one after its own."""
    from icalendar import Event

    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("summary", entry.title)
    event.add("dtstart", entry.first)
    event.add("dtend", entry.last + dt.timedelta(days=1))
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED" if entry.is_certain else "TENTATIVE")
    event.add("transp", "TRANSPARENT")
    if entry.description:
        event.add("description", entry.description)
    return event


def of_record(
    record: Record,
    title: str,
    span: tuple[Any, Any],
    precision: str | None = DatePrecision.DAY,
    is_cancelled: bool | None = False,
    place: Any = None,
) -> Entry:
    """About a record, in a span of days. The same record is the same event, and each change of it a later one."""
    is_certain = precision == DatePrecision.DAY
    words = "" if is_certain else f" ({dates.describe(span[1], precision, span[0])})"
    return Entry(
        uid=f"{record._meta.model_name}-{record.key}@cmast",
        sequence=record.version,
        changed_at=record.updated_at.replace(microsecond=0),
        title=f"{title}{words}",
        first=span[0],
        last=span[1],
        description=str(place or ""),
        is_cancelled=bool(is_cancelled),
        is_certain=is_certain,
    )


#: What other apps know to be in a calendar: its entries, from the feed.
_added: list[Callable[[Any], Iterable[Entry]]] = []


def add(entries: Callable[[Any], Iterable[Entry]]) -> None:
    """To be called by the `calendars.py` of an app."""
    _added.append(entries)


def added(feed: Any) -> Iterator[Entry]:
    """All that has been added."""
    for entries in _added:
        yield from entries(feed)
