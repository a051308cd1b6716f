"""iCalendar files: dates as all-day events, for programs that subscribe to them."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from icalendar import Calendar, Event


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


def _event(entry: Entry) -> Event:
    """Without times of day, so without time zones. The last day of an event is the one after its own."""
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
