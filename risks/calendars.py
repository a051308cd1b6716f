"""Reviews of risks, in the calendars of their programmes and owners."""

from collections.abc import Iterator

from django.utils import timezone

from cmast.calendars import Entry, add, of_record
from programmes.models import CalendarFeed
from risks.models import Risk


def _reviews(feed: CalendarFeed) -> Iterator[Entry]:
    """The next one of each open risk. Boards have their meetings."""
    if feed.forum:
        return
    seen = Risk.objects.visible_to(feed.owner).unresolved().with_standing(timezone.localdate()).select_related("workstream")
    concerned = seen.filter(programme=feed.programme) if feed.programme else seen.filter(owner=feed.owner)
    for risk in concerned.filter(next_review_on__isnull=False):
        day = risk.next_review_on
        yield of_record(risk, f"Review: {risk.title}", (day, day), place=risk.workstream)


add(_reviews)
