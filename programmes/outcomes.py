"""What votes come to under a rule, on any day. Pure: no model, no database, no clock.

A vote whose date is vague may or may not have been cast on a day within its window. It then counts as unclear, and where the
unclear votes decide, the outcome cannot be judged: unknown stays unknown.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    OPEN = "open"
    UNKNOWN = "cannot_be_judged"


class Stand(StrEnum):
    """Where a body stands on a day."""

    AGREED = "agreed"
    REFUSED = "refused"
    OUTSTANDING = "outstanding"
    #: It may have voted by that day or not, or has said something that is neither yes nor no.
    UNCLEAR = "unclear"
    EXCUSED = "excused"


#: What a vote says, once it is cast.
_SAYS = {
    "approved": Stand.AGREED,
    "approved_with_conditions": Stand.AGREED,
    "endorsed": Stand.AGREED,
    "noted": Stand.UNCLEAR,
    "rejected": Stand.REFUSED,
    "not_required": Stand.EXCUSED,
    "withdrawn": Stand.OUTSTANDING,
}


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote, as far as counting needs it. `order` tells which of two votes of a body is the later."""

    order: int
    body: str
    status: str
    decided: tuple[dt.date, dt.date] | None = None
    known_on: dt.date | None = None
    resolution: str = ""
    group: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """What it takes. `required` is the number stated, `members` how many bodies there are, where only the number is known."""

    word: str | None
    required: int | None = None
    members: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A body on a day, with the vote that says so; no vote where it has not voted at all."""

    body: str
    stand: Stand
    ballot: Ballot
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """The count for one resolution, or for the whole paper."""

    resolution: str
    outcome: Outcome
    #: Why, for programs: counted, nobody_voted, no_rule, no_groups, several_bodies, unclear.
    code: str
    needed: int | None
    total: int
    standings: tuple[Standing, ...]
    #: Bodies that are counted but of which not even a placeholder is known.
    unnamed: int = 0

    def bodies(self, stand: Stand) -> list[str]:
        return [standing.body for standing in self.standings if standing.stand is stand]

    @property
    def agreed(self) -> int:
        return len(self.bodies(Stand.AGREED))


def tally(ballots: Iterable[Ballot], rule: Rule, resolution: str = "", on: dt.date | None = None, version: int = 1) -> Tally:
    """Count the votes on a resolution as they stood on a day; without a day, all that are cast.

    A body's vote on the resolution goes before its vote on the whole paper. Votes for an older version do not count.
    """
    standings = tuple(_standings(ballots, resolution, on, version))
    counted = [standing for standing in standings if standing.stand is not Stand.EXCUSED]
    stated = rule.required if rule.word in ("unanimous", "unanimous_of_named_bodies") else None
    members = rule.members if rule.word in ("unanimous", "majority", "quorum") else None
    excused = len(standings) - len(counted)
    total = max(len(counted), *((number or 0) - excused for number in (stated, members)))
    outcome, code, needed = _judge(counted, rule, total)
    return Tally(resolution, outcome, code, needed, total, standings, total - len(counted))


def _standings(ballots: Iterable[Ballot], resolution: str, on: dt.date | None, version: int) -> Iterable[Standing]:
    """One for each body, in the order of their first votes."""
    found: dict[str, list[Ballot]] = {}
    for ballot in sorted(ballots, key=lambda ballot: ballot.order):
        if ballot.resolution in ("", resolution):
            found.setdefault(ballot.body, []).append(ballot)
    for body, of_body in found.items():
        yield _standing(body, [ballot for ballot in of_body if ballot.resolution] or of_body, on, version)


def _standing(body: str, ballots: Sequence[Ballot], on: dt.date | None, version: int) -> Standing:
    """The last vote that was certainly cast by that day; unclear where a later one may have been, and says otherwise."""
    certain = [b for b in ballots if b.status in _SAYS and _cast(b, on) is True]
    possible = [b for b in ballots if b.status in _SAYS and _cast(b, on) is None]
    last = certain[-1] if certain else None
    stale = last is not None and last.version < version and _SAYS[last.status] is not Stand.EXCUSED
    stand = Stand.OUTSTANDING if last is None or stale else _SAYS[last.status]
    later = [b for b in possible if (last is None or b.order > last.order) and b.version >= version]
    if any(_SAYS[b.status] is not stand for b in later):
        return Standing(body, Stand.UNCLEAR, later[-1])
    return Standing(body, stand, last or ballots[-1], stale)


def _cast(ballot: Ballot, on: dt.date | None) -> bool | None:
    """Whether the vote was cast by that day; None where nobody can say."""
    if on is None:
        return True
    is_known = ballot.known_on is not None and ballot.known_on <= on
    if ballot.decided is None:
        return True if is_known else None
    first, last = ballot.decided
    if on < first:
        return False
    return True if on >= last or is_known else None


# --- Rules: how many of them it takes ---------------------------------------------------------------------------------


def _judge(counted: Sequence[Standing], rule: Rule, total: int) -> tuple[Outcome, str, int | None]:
    if not total:
        return Outcome.UNKNOWN, "nobody_voted", None
    match rule.word:
        case "unanimous" | "unanimous_of_named_bodies":
            needed = total
        case "majority":
            needed = total // 2 + 1
        case "quorum":
            needed = rule.required or total
        case "single_body":
            if total > 1:
                return Outcome.UNKNOWN, "several_bodies", 1
            needed = 1
        case "per_group":
            return _judge_groups(counted, rule.required or 1)
        case _:
            return Outcome.UNKNOWN, "no_rule", None
    unnamed = total - len(counted)
    return (*_reached([standing.stand for standing in counted] + [Stand.OUTSTANDING] * unnamed, needed), needed)


def _judge_groups(counted: Sequence[Standing], each: int) -> tuple[Outcome, str, int | None]:
    groups: dict[str, list[Stand]] = defaultdict(list)
    for standing in counted:
        groups[standing.ballot.group].append(standing.stand)
    if "" in groups:
        return Outcome.UNKNOWN, "no_groups", None
    found = [_reached(stands, each) for stands in groups.values()]
    outcome = together(outcome for outcome, _ in found)
    return outcome, next(code for judged, code in found if judged is outcome), each * len(groups)


def _reached(stands: Sequence[Stand], needed: int) -> tuple[Outcome, str]:
    """Whether enough have agreed, or could still, whatever the unclear ones have said."""
    agreed, unclear = stands.count(Stand.AGREED), stands.count(Stand.UNCLEAR)
    outstanding = stands.count(Stand.OUTSTANDING)
    if agreed >= needed:
        return Outcome.APPROVED, "counted"
    if agreed + unclear + outstanding < needed:
        return Outcome.REJECTED, "counted"
    if agreed + unclear >= needed or agreed + outstanding < needed:
        return Outcome.UNKNOWN, "unclear"
    return Outcome.OPEN, "counted"


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """All must be approved; one that is rejected decides, and one that cannot be judged leaves the rest in doubt."""
    found = set(outcomes)
    for worst in (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.OPEN):
        if worst in found:
            return worst
    return Outcome.APPROVED if found else Outcome.UNKNOWN


def version_on(ballots: Iterable[Ballot], version: int, revised_on: dt.date | None, on: dt.date | None) -> int:
    """The version of the paper on a day: before the last revision, the latest that had been voted on by then."""
    if on is None or revised_on is None or on >= revised_on:
        return version
    return max((b.version for b in ballots if b.version < version and _cast(b, on) is not False), default=1)


# --- Words ------------------------------------------------------------------------------------------------------------

WHY = {
    "nobody_voted": "nobody is known to decide",
    "no_rule": "nobody has stated how many must agree",
    "no_groups": "a body belongs to no group",
    "several_bodies": "several bodies vote, although one is to decide",
}


def sentence(count: Tally, name: Callable[[str], str], board: Callable[[str], str]) -> str:
    """ "4 of 5 approved, WHH outstanding, its board meets in May 2024".

    `name` says what a body is called, `board` what is known of its next board: "meets in May 2024".
    """
    parts = [f"{count.agreed} of {count.total} approved"]
    if count.needed not in (None, count.total):
        parts[0] += f", {count.needed} needed"
    if refused := [name(body) for body in count.bodies(Stand.REFUSED)]:
        parts.append(f"rejected by {listed(refused)}")
    if unclear := [name(body) for body in count.bodies(Stand.UNCLEAR)]:
        parts.append(f"{listed(unclear)} unclear")
    waiting = count.bodies(Stand.OUTSTANDING)
    names = [name(body) for body in waiting]
    if count.unnamed:
        names.append(f"{count.unnamed} {'body' if count.unnamed == 1 else 'bodies'} not named")
    if names:
        parts.append(f"{listed(names)} outstanding")
    if count.outcome in (Outcome.OPEN, Outcome.UNKNOWN):
        alone = len(names) == 1
        parts += [f"{'its' if alone else _of(name(body))} board {board(body)}" for body in waiting if board(body)]
    if why := WHY.get(count.code):
        parts.append(f"cannot be judged: {why}")
    return ", ".join(parts)


def listed(names: Sequence[str]) -> str:
    """ "A, B and C"."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _of(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"
