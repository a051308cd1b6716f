"""The graph of what waits for what in a programme, for a reader on a day: what slips, by how much, and whom it concerns."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from django.apps import apps

from cmast import dates
from cmast.models import Reader
from cmast.vocabulary import DateSense
from programmes import slips
from programmes.models import Approval, Edge, Programme, Thing
from programmes.models.waiting import KINDS, edges
from programmes.outcomes import Outcome
from programmes.positions import Position, positions
from programmes.slips import Forecast, State, Step

#: Kind -> relations to read with it, and the path that leads to its programme.
_READ: dict[str, tuple[tuple[str, ...], str]] = {
    "milestone": (("programme", "workstream__lead", "organisation", "person", "forum"), "programme"),
    "procurement": (("programme", "workstream__lead"), "programme"),
    "approval": (("programme", "workstream__lead", "organisation", "body"), "programme"),
    "decision": (("programme", "workstream__lead", "forum"), "programme"),
    "target": (("metric__programme",), "metric__programme"),
    "benefit": (("programme", "workstream__lead"), "programme"),
}


@dataclass(frozen=True)
class Node:
    """Something on the graph."""

    thing: Thing
    key: str
    title: str
    #: Whether it belongs to the programme that is asked about.
    is_own: bool
    planned: str
    forecast: Forecast
    #: People and bodies whom it concerns: role -> name.
    concerns: dict[str, str]
    #: Where an approval stands, in a sentence.
    position: str = ""


@dataclass(frozen=True)
class Graph:
    programme: Programme
    on: dt.date
    nodes: dict[Thing, Node]
    edges: list[Edge]

    def awaited_by(self, thing: Thing) -> list[Node]:
        """What this thing waits for."""
        return [self.nodes[edge.awaited] for edge in self.edges if edge.waiting == thing]

    def at_risk(self) -> list[Node]:
        """What is the programme's own and may not come when it was planned; the longest slip first."""
        found = [node for node in self.nodes.values() if node.is_own and node.forecast.is_at_risk]
        return sorted(found, key=_length, reverse=True)


def _length(node: Node) -> tuple[float, float]:
    """How long it slips, for sorting: without end where nobody knows."""
    least, most = node.forecast.days or (inf, None)
    return (inf if most is None else most), least


def graph_of(programme: Programme, reader: Reader, on: dt.date) -> Graph:
    """All that waits in the programme, all that this waits for wherever it is, and what elsewhere waits for the programme.

    Dates and votes are read for all of it together, in one query for each kind of record.
    """
    all_edges = list({(edge.waiting, edge.awaited): edge for edge in edges(reader)}.values())
    records = _records({end for edge in all_edges for end in (edge.waiting, edge.awaited)}, reader)
    known = [edge for edge in all_edges if edge.waiting in records and edge.awaited in records]
    own = {thing for thing, record in records.items() if _programme_of(thing, record) == programme}
    shown = _reached(own & {end for edge in known for end in (edge.waiting, edge.awaited)}, known)
    known = [edge for edge in known if edge.waiting in shown and edge.awaited in shown]
    approvals: list[Any] = [records[thing] for thing in shown if thing.kind == "approval"]
    stands = {Thing("approval", p.approval.pk): p for p in positions(approvals, reader, on)}
    steps = {thing: _step(thing, records[thing], stands.get(thing), on) for thing in sorted(shown)}
    forecasts = slips.forecast(steps, [(edge.waiting, edge.awaited) for edge in known], on)
    nodes = {
        thing: Node(
            thing,
            records[thing].key,
            str(records[thing]),
            thing in own,
            _planned(thing, records[thing]),
            forecasts[thing],
            _concerns(records[thing], reader),
            stands[thing].sentence if thing in stands else "",
        )
        for thing in steps
    }
    return Graph(programme, on, nodes, known)


def _records(things: Iterable[Thing], reader: Reader) -> dict[Thing, Any]:
    found: dict[Thing, Any] = {}
    wanted = set(things)
    for kind, (relations, _) in _READ.items():
        if ids := [thing.pk for thing in wanted if thing.kind == kind]:
            model: Any = apps.get_model(KINDS[kind])
            for record in model.objects.visible_to(reader).filter(pk__in=ids).select_related(*relations):
                found[Thing(kind, record.pk)] = record
    return found


def _programme_of(thing: Thing, record: Any) -> Any:
    for name in _READ[thing.kind][1].split("__"):
        record = getattr(record, name)
    return record


def _reached(start: Iterable[Thing], known: list[Edge]) -> set[Thing]:
    """What these wait for, however indirectly, and what waits for them."""
    down: dict[Thing, list[Thing]] = {}
    up: dict[Thing, list[Thing]] = {}
    for edge in known:
        down.setdefault(edge.waiting, []).append(edge.awaited)
        up.setdefault(edge.awaited, []).append(edge.waiting)
    waiting = _closure(start, up)
    return waiting | _closure(waiting, down)


def _closure(start: Iterable[Thing], ways: dict[Thing, list[Thing]]) -> set[Thing]:
    found, ahead = set(start), list(start)
    while ahead:
        for further in ways.get(ahead.pop(), ()):
            if further not in found:
                found.add(further)
                ahead.append(further)
    return found


# --- Dates of each kind -----------------------------------------------------------------------------------------------


def _step(thing: Thing, record: Any, position: Position | None, on: dt.date) -> Step:
    match thing.kind:
        case "approval":
            return _approval_step(record, position)
        case "milestone":
            return _milestone_step(record, on)
        case "procurement":
            is_done = bool(record.awarded_on and record.awarded_on <= on)
            planned = dates.window(record.award_expected_on, record.award_expected_precision)
            return Step(State.DONE if is_done else State.AHEAD, planned)
        case "decision":
            return _decision_step(record, on)
        case "target":
            due = dates.window(record.due_on, record.due_precision)
            return Step(State.AHEAD, _last_day(due), due)
        case _:
            return Step()


def _last_day(window: slips.Window | None) -> slips.Window | None:
    """Of a date by which something is wanted only the last day counts."""
    return window and (window[1], window[1])


def _approval_step(approval: Approval, position: Position | None) -> Step:
    expected = dates.window(approval.expected_on, approval.expected_precision)
    states = {Outcome.APPROVED: State.DONE, Outcome.REJECTED: State.STOPPED}
    if position is None or position.outcome in states:
        return Step(states[position.outcome] if position else State.AHEAD, _last_day(expected), expected)
    due = position.due
    state = State.PUT_OFF if due is None and position.is_put_off else State.AHEAD
    return Step(state, _last_day(expected), expected, due)


def _milestone_step(milestone: Any, on: dt.date) -> Step:
    window = _milestone_window(milestone)
    is_last_day = milestone.sense in (DateSense.BY, DateSense.BY_END_OF)
    return Step(_milestone_state(milestone, on), _last_day(window) if is_last_day else window, window)


def _milestone_state(milestone: Any, on: dt.date) -> State:
    if milestone.outcome in ("missed", "cancelled"):
        return State.STOPPED
    has_happened = milestone.stated == "occurred" or milestone.outcome == "achieved"
    if milestone.actual_on:
        return State.DONE if milestone.actual_on <= on else State.AHEAD
    return State.DONE if has_happened else State.AHEAD


def _milestone_window(milestone: Any) -> slips.Window | None:
    forecast = dates.window(milestone.forecast_on, milestone.forecast_precision, milestone.starts_on)
    return forecast or dates.window(milestone.baseline_on, milestone.baseline_precision)


def _decision_step(decision: Any, on: dt.date) -> Step:
    """What a forum decided is decided, unless it says otherwise; only proposed or put off, it is still ahead."""
    planned = dates.window(decision.formalised_on, "day")
    match decision.status:
        case "rejected" | "superseded":
            return Step(State.STOPPED, planned)
        case "deferred":
            return Step(State.AHEAD if planned else State.PUT_OFF, planned)
        case "proposed":
            return Step(State.AHEAD, planned)
    is_done = decision.decided_on is None or decision.decided_on <= on
    return Step(State.DONE if is_done else State.AHEAD, dates.window(decision.decided_on, decision.decided_precision))


def _planned(thing: Thing, record: Any) -> str:
    match thing.kind:
        case "milestone":
            return record.date_in_words
        case "approval":
            return dates.describe(record.expected_on, record.expected_precision)
        case "procurement":
            return dates.describe(record.award_expected_on, record.award_expected_precision)
        case "decision":
            return dates.describe(record.formalised_on or record.decided_on, record.decided_precision or "day")
        case "target":
            return dates.describe(record.due_on, record.due_precision)
        case _:
            return ""


def _concerns(record: Any, reader: Any) -> dict[str, str]:
    """Whom it concerns, as far as the register knows and the reader may see."""
    workstream = getattr(record, "workstream", None)
    named = {
        "lead": getattr(workstream, "lead", None),
        "person": getattr(record, "person", None),
        "workstream": workstream,
        "programme": getattr(record, "programme", None) or getattr(getattr(record, "metric", None), "programme", None),
        "organisation": getattr(record, "organisation", None),
        "forum": getattr(record, "forum", None) or getattr(record, "body", None),
    }
    hidden = reader.reach.hidden
    return {role: str(who) for role, who in named.items() if who is not None and not hidden.hides(who)}
