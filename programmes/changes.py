"""What an update says that last month's did not: facts added, dropped, kept and reworded, RAG and dates that have moved."""

import datetime as dt
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from cmast import dates
from cmast.models import Change, Person
from cmast.vocabulary import Words
from programmes.models import Milestone, Update

#: Two facts are one in other words when at least so much of their words is the same.
ALIKE = 0.5
_TOKEN = re.compile(r"\s+|[^\s]+")


class Moved(Words):
    """What became of a fact since last month."""

    ADDED = "added"
    REWORDED = "reworded"
    KEPT = "kept"
    DROPPED = "dropped"


class Part(Words):
    """What became of some words of a fact."""

    SAME = "same"
    ADDED = "added"
    DROPPED = "dropped"


@dataclass(frozen=True)
class FactChange:
    """A fact beside the one of last month. The parts, put together without what was dropped, are the text of today."""

    change: Moved
    text: str
    before: str | None
    parts: list[tuple[Part, str]]


@dataclass(frozen=True)
class DateChange:
    """A milestone whose date has moved, in words as vague as the dates are known."""

    milestone: Milestone
    before: str
    now: str


@dataclass(frozen=True)
class UpdateChanges:
    """An update beside the last one before it. Without one before, everything is added."""

    update: Update
    previous: Update | None
    facts: list[FactChange] = field(default_factory=list)
    dates: list[DateChange] = field(default_factory=list)

    @property
    def rag(self) -> tuple[str | None, str]:
        """Before, and now. Before is None where there is nothing before."""
        return (self.previous.rag if self.previous else None), self.update.rag

    @property
    def has_rag_moved(self) -> bool:
        return self.previous is not None and self.previous.rag != self.update.rag


def changes_since_last(update: Update, reader: Person) -> UpdateChanges:
    """What this person may see of it."""
    seen: Any = Update.objects.visible_to(reader)
    previous = seen.before(update).first()
    texts = [fact.text for fact in _facts(update, reader)]
    if previous is None:
        return UpdateChanges(update, None, compare([], texts))
    before = [fact.text for fact in _facts(previous, reader)]
    return UpdateChanges(update, previous, compare(before, texts), moved_dates(update, previous, reader))


def _facts(update: Any, reader: Person) -> Any:
    return update.facts.visible_to(reader).order_by("pk")


def compare(before: list[str], now: list[str]) -> list[FactChange]:
    """The facts of today in their order, then those that are gone."""
    left = list(before)
    for text in now:
        if text in left:
            left.remove(text)
    pairs = _reworded([text for text in now if text not in before], left)
    found = [_change(text, text if text in before else pairs.get(text)) for text in now]
    gone = [text for text in left if text not in pairs.values()]
    return [*found, *(FactChange(Moved.DROPPED, "", text, [(Part.DROPPED, text)]) for text in gone)]


def _reworded(new: list[str], old: list[str]) -> dict[str, str]:
    """New text -> the old one that it says in other words; the most alike first, each once."""
    alike = sorted(((_likeness(a, b), n, m) for n, a in enumerate(new) for m, b in enumerate(old)), reverse=True)
    pairs: dict[int, int] = {}
    for likeness, n, m in alike:
        if likeness >= ALIKE and n not in pairs and m not in pairs.values():
            pairs[n] = m
    return {new[n]: old[m] for n, m in pairs.items()}


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a.lower().split(), b.lower().split(), autojunk=False).ratio()


def _change(text: str, before: str | None) -> FactChange:
    if before is None:
        return FactChange(Moved.ADDED, text, None, [(Part.ADDED, text)])
    if before == text:
        return FactChange(Moved.KEPT, text, before, [(Part.SAME, text)])
    return FactChange(Moved.REWORDED, text, before, words_changed(before, text))


def words_changed(before: str, now: str) -> list[tuple[Part, str]]:
    """Word by word: what stayed, what was dropped, what was added."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(now)
    parts: list[tuple[Part, str]] = []
    for what, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            parts.append((Part.SAME, "".join(new[k:m])))
            continue
        parts += [(part, text) for part, text in ((Part.DROPPED, "".join(old[i:j])), (Part.ADDED, "".join(new[k:m]))) if text]
    return parts


def moved_dates(update: Update, previous: Update, reader: Person) -> list[DateChange]:
    """Milestones of its place whose expected date was changed since the text before was handed in, from the history."""
    milestones = {milestone.key: milestone for milestone in of_place(Milestone.objects.all(), update, reader)}
    since = previous.submitted_on or dates.month_end(previous.month_on)
    start = timezone.make_aware(dt.datetime.combine(since, dt.time()))
    written = Change.objects.filter(
        record_type=Milestone._meta.label_lower,
        record_key__in=milestones,
        operation=Change.Operation.UPDATE,
        changed_at__gte=start,
    )
    moves: dict[str, list[str]] = {}
    for change in written.order_by("pk"):
        before, after = _expected(change.before), _expected(change.after)
        if before != after:
            moves.setdefault(change.record_key, [before, after])[1] = after
    return [
        DateChange(milestones[key], before or "no date", now or "no date")
        for key, (before, now) in moves.items()
        if before != now
    ]


def of_place(records: Any, update: Update, reader: Person) -> Any:
    """Those of these records that are in the place that the update reports on."""
    seen = records.visible_to(reader)
    if update.workstream_id:
        return seen.filter(workstream=update.workstream_id)
    return seen.filter(programme=update.programme_id, workstream=None)


def _expected(row: dict[str, Any] | None) -> str:
    """The date expected then, in words."""
    for name in ("forecast", "baseline"):
        if row and (on := row.get(f"{name}_on")):
            return dates.describe(dt.date.fromisoformat(on), row.get(f"{name}_precision"))
    return ""


def shown(changes: Iterable[FactChange]) -> list[FactChange]:
    """What is new first, what was only kept last."""
    order = [Moved.ADDED, Moved.REWORDED, Moved.DROPPED, Moved.KEPT]
    return sorted(changes, key=lambda one: order.index(one.change))
