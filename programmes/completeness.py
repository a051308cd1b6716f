"""The board of a reporting period: who has answered, who is late, and when each was last published."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from cmast.audience import Reachable
from cmast.models import Person
from cmast.models.reminders import Audience
from programmes.models import ReportingPeriod, Update


@dataclass(frozen=True)
class Row:
    """One update that was asked for."""

    update: Update
    is_late: bool
    #: First day of the last month before that was published; None where none was.
    last_published_month_on: dt.date | None
    #: Who is asked, as the reminders find them; None where mail reaches nobody.
    author: Person | None


@dataclass(frozen=True)
class Board:
    """All updates of a period that somebody may see, the late ones first."""

    period: ReportingPeriod
    today: dt.date
    rows: list[Row]

    @property
    def counts(self) -> dict[str, int]:
        """Status -> number of updates, for every status."""
        found = Counter(row.update.status for row in self.rows)
        return {status: found[status] for status in Update.Status.values}

    @property
    def late(self) -> int:
        return sum(row.is_late for row in self.rows)

    @property
    def answered(self) -> int:
        return sum(row.update.status not in Update.OUTSTANDING for row in self.rows)


def board(period: ReportingPeriod, reader: Person, today: dt.date) -> Board:
    """The board on that day, in so many statements however many updates there are."""
    seen: Any = Update.objects.visible_to(reader)
    asked = seen.filter(month_on=period.month_on).exclude(status=Update.Status.SUPERSEDED)
    late = set(asked.late(today).order_by().values_list("pk", flat=True))
    earlier = seen.filter(month_on__lt=period.month_on, status=Update.Status.PUBLISHED).order_by()
    published = {
        (row["workstream"], row["programme"]): row["last"]
        for row in earlier.values("workstream", "programme").annotate(last=Max("month_on"))
    }
    updates = list(asked.select_related("workstream", "programme", "submitted_by", "signed_off_by").order_by("pk"))
    authors = _authors(updates, today)
    rows = [
        Row(update, update.pk in late, published.get((update.workstream_id, update.programme_id)), authors.get(update.pk))
        for update in updates
    ]
    return Board(period, today, sorted(rows, key=_urgency))


def _authors(updates: list[Update], today: dt.date) -> dict[int, Person]:
    """Primary key of each update -> whoever is asked for it first."""
    reachable = Reachable(today)
    asked = {update.pk: reachable.of(Audience.OWNER, 0, _places(update))[:1] for update in updates}
    people = Person.objects.in_bulk({pk for first in asked.values() for pk in first})
    return {update: people[pk] for update, first in asked.items() for pk in first}


def _places(update: Update) -> dict[str, Any]:
    return {
        "owner": update.author_id,
        "workstream": update.workstream_id,
        "lead": update.workstream and update.workstream.lead_id,
        "programme": update.programme_id,
        "sro": update.programme and update.programme.sro_id,
    }


def _urgency(row: Row) -> tuple[Any, ...]:
    """Late ones first, then those that are still awaited; each by name, the same on every database."""
    update = row.update
    names = (str(update.programme or ""), str(update.workstream or ""))
    return (not row.is_late, update.status not in Update.OUTSTANDING, *names)
