"""What stands in a calendar, and the address that it is read from."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import reverse
from django.utils import timezone
from django.views import View

from cmast import dates
from cmast.api.conditional import tags
from cmast.calendars import Entry, added, calendar, of_record
from cmast.links import absolute
from cmast.middleware import client_address
from cmast.models import Person, SignInFailure
from cmast.models.sign_ins import TooManyFailures
from programmes.models import Action, CalendarFeed, Meeting, Milestone, ReportingPeriod, Update, Vote


def address_of(secret: str) -> str:
    """Where the calendar with this secret is subscribed to."""
    return absolute(reverse("calendar", args=[secret]))


class CalendarView(View):
    """The calendar of whoever knows its secret, as its owner would see it now."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        feed = CalendarFeed.objects.named(secret)
        if feed is None:
            return self._refused(request, secret)
        if not feed.owner.reach.is_member:
            raise Http404
        body = calendar(feed.name, entries(feed))
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if tag in tags(request.headers.get("If-None-Match", "")):
            return HttpResponseNotModified(headers={"ETag": tag})
        response = HttpResponse(body, content_type="text/calendar; charset=utf-8", headers={"ETag": tag})
        response["Content-Disposition"] = 'inline; filename="cmast.ics"'
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    @staticmethod
    def _refused(request: HttpRequest, secret: str) -> HttpResponse:
        """Unknown, renewed, taken back: the same to whoever asks, and not as often as they like."""
        try:
            SignInFailure.objects.attempt(secret[:100], client_address(request))
        except TooManyFailures as error:
            return HttpResponse(status=429, headers={"Retry-After": str(error.wait)})
        raise Http404


def entries(feed: CalendarFeed) -> Iterator[Entry]:
    """Everything with a date that concerns the feed and that its owner may see today."""
    yield from filter(None, map(_milestone, _milestones(feed)))
    yield from filter(None, map(_meeting, _meetings(feed)))
    yield from filter(None, map(_action, _actions(feed)))
    yield from filter(None, map(_vote, _votes(feed)))
    if feed.forum is None:
        yield from _due_updates(feed)
    yield from added(feed)


def _of_owner(person: Person) -> Q:
    """Records of the workstreams and programmes that the person writes in."""
    writes = person.reach.writes
    return Q(workstream__in=writes["workstream"]) | Q(programme__in=writes["programme"])


def _milestones(feed: CalendarFeed) -> Any:
    seen = Milestone.objects.visible_to(feed.owner).with_computed(timezone.localdate()).select_related("workstream", "forum")
    if feed.programme:
        return seen.filter(programme=feed.programme)
    if feed.forum:
        return seen.filter(forum=feed.forum, meeting=None)
    return seen.filter(_of_owner(feed.owner) | Q(person=feed.owner))


def _meetings(feed: CalendarFeed) -> Any:
    seen = Meeting.objects.visible_to(feed.owner).select_related("forum")
    if feed.programme:
        return seen.filter(forum__programme=feed.programme)
    if feed.forum:
        return seen.filter(forum=feed.forum)
    return seen.filter(forum__programme__in=feed.owner.reach.writes["programme"])


def _actions(feed: CalendarFeed) -> Any:
    seen = Action.objects.visible_to(feed.owner).select_related("workstream", "owner")
    if feed.programme:
        return seen.filter(programme=feed.programme)
    if feed.forum:
        return seen.filter(decision__forum=feed.forum)
    return seen.filter(owner=feed.owner)


def _votes(feed: CalendarFeed) -> Any:
    seen = Vote.objects.visible_to(feed.owner).select_related("approval", "organisation")
    if feed.programme:
        return seen.filter(approval__programme=feed.programme)
    if feed.forum:
        return seen.filter(forum=feed.forum)
    return seen.filter(organisation__in=feed.owner.reach.writes["organisation"])


def _due_updates(feed: CalendarFeed) -> Iterator[Entry]:
    """The last day of each period for which an update of the place is asked."""
    seen = Update.objects.visible_to(feed.owner).exclude(status=Update.Status.SUPERSEDED)
    asked = seen.filter(programme=feed.programme) if feed.programme else seen.filter(_of_owner(feed.owner))
    for period in ReportingPeriod.objects.visible_to(feed.owner).filter(month_on__in=asked.order_by().values("month_on")):
        yield of_record(period, f"Updates due: {period.title}", (period.due_on, period.due_on))


def _milestone(milestone: Any) -> Entry | None:
    """On the day that it happened, else in the span in which it is expected."""
    kinds = (("actual", None), ("forecast", milestone.starts_on), ("baseline", None))
    for name, starts_on in kinds:
        on, precision = getattr(milestone, f"{name}_on"), getattr(milestone, f"{name}_precision")
        if span := dates.window(on, precision, starts_on):
            cancelled = Milestone.Outcome.CANCELLED in (milestone.outcome, milestone.status)
            return of_record(milestone, milestone.title, span, precision, cancelled, milestone.workstream)
    return None


def _meeting(meeting: Meeting) -> Entry | None:
    span = dates.window(meeting.held_on, meeting.held_precision)
    return span and of_record(meeting, meeting.title, span, meeting.held_precision, meeting.is_cancelled, meeting.forum)


def _action(action: Action) -> Entry | None:
    span = dates.window(action.due_on, action.due_precision)
    cancelled = action.status == Action.Status.CANCELLED
    return span and of_record(action, f"Due: {action.text}", span, action.due_precision, cancelled, action.workstream)


def _vote(vote: Vote) -> Entry | None:
    span = dates.window(vote.board_on, vote.board_precision)
    title = f"{vote.body_label} decides on {vote.approval}"
    return span and of_record(vote, title, span, vote.board_precision, vote.status == "withdrawn")
