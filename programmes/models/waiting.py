"""What waits for what: milestones, contract awards, targets and savings for approvals, decisions and other milestones."""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cmast.history.context import current
from cmast.locks import take_turns
from cmast.models import Person, Reader, Record
from cmast.models.people import anybody

#: Fields of a `Wait`: what waits, and what it waits for. The kind of record is what follows `for_`.
WAITING = ("milestone", "procurement", "target", "benefit")
AWAITED = ("for_approval", "for_decision", "for_milestone")


#: Kind of thing -> its model.
KINDS = {
    "milestone": "programmes.Milestone",
    "procurement": "programmes.Procurement",
    "approval": "programmes.Approval",
    "decision": "programmes.Decision",
    "target": "metrics.Target",
    "benefit": "metrics.Benefit",
}


class Thing(NamedTuple):
    """A record that waits or is waited for."""

    kind: str
    pk: int


class Edge(NamedTuple):
    """One thing waits for another, and which record says so."""

    waiting: Thing
    awaited: Thing
    said_by: tuple[str, str]


def _exactly_one(names: tuple[str, ...]) -> Q:
    condition = Q()
    for chosen in names:
        condition |= Q(**{f"{name}__isnull": name != chosen for name in names})
    return condition


class Wait(Record):
    """Something cannot happen before something else has: a contract award before an approval, a target before a decision.

    Milestones also wait for those in their `depends_on`, and for the approval whose `next_milestone` they are; a dependency in
    the register of risks makes a milestone wait for an approval. All of these are one graph.
    """

    label_field = "title"
    writers: ClassVar[dict[str, str]] = {"programme": "programme"}

    programme = models.ForeignKey(
        "programmes.Programme",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="waits",
        help_text="Programme of what waits.",
    )
    milestone = models.ForeignKey(
        "programmes.Milestone", models.CASCADE, null=True, blank=True, related_name="waits", help_text="Milestone that waits."
    )
    procurement = models.ForeignKey(
        "programmes.Procurement",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="waits",
        help_text="Procurement whose contract award waits.",
    )
    target = models.ForeignKey(
        "metrics.Target", models.CASCADE, null=True, blank=True, related_name="waits", help_text="Target that waits."
    )
    benefit = models.ForeignKey(
        "metrics.Benefit",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="waits",
        help_text="Benefit or saving that waits.",
    )
    for_approval = models.ForeignKey(
        "programmes.Approval",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="awaited_in",
        help_text="Approval waited for.",
    )
    for_decision = models.ForeignKey(
        "programmes.Decision",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="awaited_in",
        help_text="Decision waited for.",
    )
    for_milestone = models.ForeignKey(
        "programmes.Milestone",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="awaited_in",
        help_text="Milestone waited for.",
    )

    class Meta(Record.Meta):
        verbose_name = "wait"
        verbose_name_plural = "waits"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=_exactly_one(WAITING),
                name="programmes_wait_waiting",
                violation_error_message=f"Say what waits: one of {', '.join(WAITING)}.",
            ),
            models.CheckConstraint(
                condition=_exactly_one(AWAITED),
                name="programmes_wait_awaited",
                violation_error_message=f"Say what is waited for: one of {', '.join(AWAITED)}.",
            ),
        ]

    @property
    def title(self) -> str:
        return f"{self._of(WAITING)} waits for {self._of(AWAITED)}"

    def _of(self, names: tuple[str, ...]) -> Any:
        return next((getattr(self, name) for name in names if getattr(self, f"{name}_id")), None)

    def key_base(self) -> str:
        ends = [getattr(record, "key", "") for record in (self._of(WAITING), self._of(AWAITED))]
        return f"w-{'-'.join(ends)}"[:90]

    def complete(self) -> None:
        waiting = self.target.metric if self.target_id and self.target else self._of(WAITING)
        self.programme_id = getattr(waiting, "programme_id", None)

    def clean(self) -> None:
        if edge := _edge(self):
            refuse_loop([edge])


def _edge(wait: Any) -> Edge | None:
    ends = [
        next((Thing(name.removeprefix("for_"), pk) for name in names if (pk := getattr(wait, f"{name}_id"))), None)
        for names in (WAITING, AWAITED)
    ]
    return Edge(ends[0], ends[1], ("wait", wait.key)) if ends[0] and ends[1] else None


def edges(reader: Reader) -> list[Edge]:
    """All that waits for anything, as far as the reader may see it. One query for each way in which that is stated."""
    waits: Any = Wait.objects.visible_to(reader)
    approvals = _model("approval").objects
    risks: Any = apps.get_model("risks", "Risk").objects
    found = [edge for wait in waits.order_by("pk") if (edge := _edge(wait))]
    linked = (
        _model("milestone")
        .depends_on.through.objects.order_by("pk")
        .values_list("from_milestone", "to_milestone", "from_milestone__key")
    )
    found += [Edge(Thing("milestone", a), Thing("milestone", b), ("milestone", key)) for a, b, key in linked]
    followed = approvals.visible_to(reader).filter(next_milestone__isnull=False).order_by("pk")
    for pk, follows, key in followed.values_list("pk", "next_milestone", "key"):
        found.append(Edge(Thing("milestone", follows), Thing("approval", pk), ("approval", key)))
    stated = risks.visible_to(reader).filter(kind="dependency", waits_for__isnull=False, holds_up__isnull=False)
    for approval, milestone, key in stated.exclude(status="closed").order_by("pk").values_list("waits_for", "holds_up", "key"):
        found.append(Edge(Thing("milestone", milestone), Thing("approval", approval), ("risk", key)))
    return found


def refuse_loop(new: Iterable[Edge]) -> None:
    """Raises ValidationError, naming the loop, where these edges would make something wait for itself.

    They take the place of what the same record has said so far. Asks about everything, hidden or not: a loop is one for all.
    Two writers who would close one together take turns.
    """
    take_turns("what waits for what")
    added = list(new)
    sayers = {edge.said_by for edge in added}
    stored = [edge for edge in edges(anybody()) if edge.said_by not in sayers]
    ways: dict[Thing, list[Thing]] = {}
    for edge in (*stored, *added):
        ways.setdefault(edge.waiting, []).append(edge.awaited)
    for edge in added:
        if path := _way(ways, edge.awaited, edge.waiting):
            names = _names([edge.waiting, *path])
            said = " waits for ".join(f"“{name}”" for name in names)
            raise ValidationError(f"That would be a loop: {said}.", code="loop")


def _way(ways: dict[Thing, list[Thing]], start: Thing, end: Thing) -> list[Thing]:
    """A way from one thing to another along what waits for what; empty where there is none."""
    came_from: dict[Thing, Thing | None] = {start: None}
    ahead = [start]
    while ahead:
        thing = ahead.pop()
        if thing == end:
            path = [thing]
            while (before := came_from[path[-1]]) is not None:
                path.append(before)
            return path[::-1]
        for further in ways.get(thing, ()):
            if further not in came_from:
                came_from[further] = thing
                ahead.append(further)
    return []


def _model(kind: str) -> Any:
    return apps.get_model(KINDS[kind])


def _names(things: list[Thing]) -> list[str]:
    """The names; of what is hidden from whoever acts only the kind."""
    reader = Person.objects.filter(key=current().actor()).first() or anybody()
    names: dict[Thing, str] = {}
    for kind in {thing.kind for thing in things}:
        for record in (
            _model(kind).objects.visible_to(reader).filter(pk__in=[thing.pk for thing in things if thing.kind == kind])
        ):
            names[Thing(kind, record.pk)] = str(record)
    return [names.get(thing, thing.kind) for thing in things]
