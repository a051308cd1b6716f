"""Where approvals stand on a day, for a reader: the count, and when the outstanding bodies meet next.

However many approvals are asked about, it is the same number of queries.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from cmast import dates
from cmast.models import Reader
from cmast.vocabulary import DatePrecision
from programmes import outcomes
from programmes.models import Approval, Condition, Forum, Meeting, Snapshot, Vote
from programmes.models.votes import VoteStatus
from programmes.outcomes import Ballot, Outcome, Rule, Stand, Tally

#: The body of an approval of which only a status is stated.
_STATED = "stated"


@dataclass(frozen=True, slots=True)
class Board:
    """The next board of a body: a day and how exactly it is known, or nothing where none is known."""

    on: dt.date | None = None
    precision: str | None = None
    papers_due_on: dt.date | None = None
    meeting: str | None = None
    is_put_off: bool = False

    @property
    def window(self) -> tuple[dt.date, dt.date] | None:
        return dates.window(self.on, self.precision)

    @property
    def words(self) -> str:
        """After "its board": "meets in May 2024"."""
        if self.on is None:
            said = "has no date that is known"
        else:
            said = f"meets {dates.when(self.on, self.precision)}"
            if self.papers_due_on:
                said += f" (papers by {dates.describe(self.papers_due_on, DatePrecision.DAY)})"
        return f"was put off and {said}" if self.is_put_off else said


@dataclass(frozen=True)
class Position:
    """One approval on a day."""

    approval: Approval
    on: dt.date
    counts: tuple[Tally, ...]
    #: Vote by its primary key.
    votes: dict[int, Vote]
    names: dict[str, str]
    #: Body -> key of its organisation, where that is known to the reader.
    organisations: dict[str, str]
    boards: dict[str, Board]
    #: Primary key of a vote -> its conditions that are neither met nor waived.
    open_terms: dict[int, int]
    #: The count that a source states for the day, or for the last day before it.
    stated: Snapshot | None

    @property
    def outcome(self) -> Outcome:
        return outcomes.together(count.outcome for count in self.counts)

    @property
    def sentence(self) -> str:
        """In words; for each resolution by itself where the bodies vote on them by themselves."""
        said = [outcomes.sentence(count, self.name, self.board_words) for count in self.counts]
        if len(said) > 1:
            said = [f"{count.resolution}: {words}" for count, words in zip(self.counts, said, strict=True)]
        if terms := sum(self.open_terms.values()):
            said.append(f"{terms} {'condition' if terms == 1 else 'conditions'} open")
        return "; ".join(said)

    def name(self, body: str) -> str:
        return self.names[body]

    def organisation_of(self, body: str) -> str | None:
        return self.organisations.get(body)

    def board_words(self, body: str) -> str:
        return self.boards[body].words

    def outstanding(self) -> list[str]:
        """Bodies that have still to decide on anything."""
        return list(dict.fromkeys(body for count in self.counts for body in count.bodies(Stand.OUTSTANDING)))

    @property
    def is_put_off(self) -> bool:
        """A body that is waited for has put it off."""
        return any(self.boards[body].is_put_off for body in self.outstanding())

    @property
    def due(self) -> tuple[dt.date, dt.date] | None:
        """When the last of the outstanding bodies meets; the stated date where the boards are not known and none put it off."""
        windows = [self.boards[body].window for body in self.outstanding()]
        known = [window for window in windows if window]
        if known and len(known) == len(windows):
            return max(first for first, _ in known), max(last for _, last in known)
        return None if self.is_put_off else dates.window(self.approval.expected_on, self.approval.expected_precision)

    def tells_otherwise(self) -> bool | None:
        """Whether the stated count is another one than ours; null where none is stated for this very day."""
        if self.stated is None or self.stated.as_at_on != self.on:
            return None
        return any(count.agreed != self.stated.approved_count for count in self.counts)


def position_of(approval: Approval, reader: Reader, on: dt.date) -> Position:
    return positions([approval], reader, on)[0]


def positions(approvals: Sequence[Approval], reader: Reader, on: dt.date) -> list[Position]:
    """The positions of these approvals, which must have their `body` and `organisation` loaded."""
    votes = Vote.objects.visible_to(reader).filter(approval__in=approvals).select_related("organisation", "forum")
    by_approval: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes.order_by("pk"):
        by_approval[vote.approval_id].append(vote)
    calendars = _Calendars([vote for found in by_approval.values() for vote in found], approvals, reader)
    stated = {s.approval_id: s for s in _snapshots(approvals, reader, on)}
    terms = _open_terms(by_approval, reader, on)
    return [
        _position(approval, by_approval[approval.pk], on, calendars, stated.get(approval.pk), terms, reader)
        for approval in approvals
    ]


def _snapshots(approvals: Sequence[Approval], reader: Reader, on: dt.date) -> Iterable[Snapshot]:
    return Snapshot.objects.visible_to(reader).filter(approval__in=approvals, as_at_on__lte=on).order_by("as_at_on")


def _open_terms(by_approval: dict[int, list[Vote]], reader: Reader, on: dt.date) -> Counter[int]:
    votes = [vote.pk for found in by_approval.values() for vote in found if vote.conditions]
    if not votes:
        return Counter()
    is_open = Q(status=Condition.Status.OPEN) | Q(settled_on__gt=on)
    return Counter(Condition.objects.visible_to(reader).filter(is_open, vote__in=votes).values_list("vote", flat=True))


def _position(
    approval: Approval,
    votes: list[Vote],
    on: dt.date,
    calendars: "_Calendars",
    stated: Snapshot | None,
    terms: Counter[int],
    reader: Any,
) -> Position:
    by_pk = {vote.pk: vote for vote in votes}
    counts = tuple(approval.tallies(votes, on)) if votes else (_stated_count(approval, on),)
    names, organisations, boards, open_terms = {}, {}, {}, {}
    for standing in (standing for count in counts for standing in count.standings):
        vote = by_pk.get(standing.ballot.order)
        names[standing.body] = _name(vote, approval, reader)
        whose = vote.organisation if vote else approval.organisation
        if whose is not None and not reader.reach.hidden.hides(whose):
            organisations[standing.body] = whose.key
        if vote is None:
            boards[standing.body] = calendars.of_approval(approval, on)
        else:
            boards[standing.body] = calendars.of_vote(vote, on)
            if standing.stand is Stand.AGREED and terms[vote.pk]:
                open_terms[vote.pk] = terms[vote.pk]
    return Position(approval, on, counts, by_pk, names, organisations, boards, open_terms, stated)


def _stated_count(approval: Approval, on: dt.date) -> Tally:
    """Of an approval without votes only a status is known, and perhaps when it was decided."""
    ballot = Ballot(
        order=0,
        body=_STATED,
        status=approval.stated_status or VoteStatus.PENDING,
        decided=dates.window(approval.decided_on, approval.decided_precision),
        known_on=approval.created_at.date(),
    )
    return outcomes.tally([ballot], Rule("single_body"), on=on)


def _name(vote: Vote | None, approval: Approval, reader: Any) -> str:
    """The body as people call it; not the name of one that is hidden from the reader."""
    hidden = reader.reach.hidden
    body = vote.organisation if vote else (approval.body or approval.organisation)
    if body is not None and hidden.hides(body):
        return "a body"
    if vote is not None and body is None:
        return vote.placeholder
    return getattr(body, "abbreviation", "") or getattr(body, "short_name", "") or str(body or "the deciding body")


class _Calendars:
    """The meetings of the bodies that vote."""

    def __init__(self, votes: Sequence[Vote], approvals: Sequence[Approval], reader: Reader) -> None:
        forums = {vote.forum_id for vote in votes} | {approval.body_id for approval in approvals}
        self.boards = self._boards_of([vote.organisation_id for vote in votes if not vote.forum_id], reader)
        forums |= set(self.boards.values())
        self.meetings: dict[int, list[Meeting]] = defaultdict(list)
        seen = Meeting.objects.visible_to(reader).filter(forum__in=forums - {None}, held_on__isnull=False)
        for meeting in seen.order_by("held_on", "pk"):
            self.meetings[meeting.forum_id].append(meeting)

    @staticmethod
    def _boards_of(organisations: Sequence[int | None], reader: Reader) -> dict[int, int]:
        """The board of each organisation whose vote names none, where it has exactly one."""
        found: dict[int, list[int]] = defaultdict(list)
        if wanted := set(organisations) - {None}:
            boards = Forum.objects.visible_to(reader).filter(organisation__in=wanted, kind=Forum.Kind.TRUST_BOARD)
            for organisation, forum in boards.exclude(status=Forum.Status.CLOSED).values_list("organisation", "pk"):
                found[organisation].append(forum)
        return {organisation: forums[0] for organisation, forums in found.items() if len(forums) == 1}

    def of_approval(self, approval: Approval, on: dt.date) -> Board:
        return _next(self.meetings.get(approval.body_id or 0, []), on) or Board()

    def of_vote(self, vote: Vote, on: dt.date) -> Board:
        """The date stated for the vote while it is ahead and not called off; else the next meeting in the calendar."""
        forum = vote.forum_id or self.boards.get(vote.organisation_id or 0)
        meetings = self.meetings.get(forum or 0, [])
        is_put_off = vote.progress == Vote.Progress.DEFERRED
        at_date = [meeting for meeting in meetings if meeting.held_on == vote.board_on]
        is_cancelled = bool(at_date) and all(meeting.is_cancelled for meeting in at_date)
        if vote.board_on and vote.board_on >= on and not is_cancelled:
            held = next((meeting for meeting in at_date if not meeting.is_cancelled), None)
            papers = vote.papers_due_on or (held.papers_due_on if held else None)
            return Board(vote.board_on, vote.board_precision, papers, held.key if held else None, is_put_off)
        after = vote.board_on if is_cancelled else vote.deferred_from_on
        found = _next([meeting for meeting in meetings if not after or meeting.held_on > after], on, is_put_off or is_cancelled)
        return found or Board(is_put_off=is_put_off or is_cancelled)


def _next(meetings: Iterable[Meeting], on: dt.date, is_put_off: bool = False) -> Board | None:
    for meeting in meetings:
        if not meeting.is_cancelled and meeting.held_on >= on:
            return Board(meeting.held_on, meeting.held_precision, meeting.papers_due_on, meeting.key, is_put_off)
    return None
