"""The board of a reporting period: who has answered, who is late, and when each was last published."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from cmast.models import Person
from programmes.models import ReportingPeriod, Update


@dataclass(frozen=True)
class Row:
    """One update that was asked for."""

    update: Update
    is_late: bool
    #: First day of the last month before that was published; None where none was.
    last_published_month_on: dt.date | None

    @property
    def author(self) -> Person | None:
        """Who is asked: whoever is named, else the lead of the workstream, else the senior responsible officer."""
        update = self.update
        if update.author:
            return update.author
        if update.workstream:
            return update.workstream.lead
        return update.programme.sro if update.programme else None


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
    """The board on that day, in four statements however many updates there are."""
    seen: Any = Update.objects.visible_to(reader)
    asked = seen.filter(month_on=period.month_on).exclude(status=Update.Status.SUPERSEDED)
    late = set(asked.late(today).order_by().values_list("pk", flat=True))
    earlier = seen.filter(month_on__lt=period.month_on, status=Update.Status.PUBLISHED).order_by()
    published = {
        (row["workstream"], row["programme"]): row["last"]
        for row in earlier.values("workstream", "programme").annotate(last=Max("month_on"))
    }
    joined = asked.select_related("author", "workstream__lead", "programme__sro", "submitted_by", "signed_off_by")
    rows = [
        Row(update, update.pk in late, published.get((update.workstream_id, update.programme_id)))
        for update in joined.order_by("pk")
    ]
    return Board(period, today, sorted(rows, key=_urgency))


def _urgency(row: Row) -> tuple[Any, ...]:
    """Late ones first, then those that are still awaited; each by name, the same on every database."""
    update = row.update
    names = (str(update.programme or ""), str(update.workstream or ""))
    return (not row.is_late, update.status not in Update.OUTSTANDING, *names)
