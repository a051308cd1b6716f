"""What slips when something that is waited for comes later. Pure: days in, days out.

Every date is a window of days, from the first to the last that its words allow; so is what follows from it.
"""

import datetime as dt
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Window = tuple[dt.date, dt.date]
#: The end of a window of which only the beginning is known.
NEVER = dt.date.max


class State(StrEnum):
    #: It has happened, or is decided.
    DONE = "done"
    AHEAD = "ahead"
    #: It has no date any more: put off, and nobody knows until when.
    PUT_OFF = "put_off"
    #: It will not happen: rejected, cancelled.
    STOPPED = "stopped"


class Standing(StrEnum):
    """Where something stands for what it waits for."""

    DONE = "done"
    FREE = "free"
    IN_TIME = "in_time"
    AT_RISK = "at_risk"
    SLIPS = "slips"
    STOPPED = "stopped"
    UNKNOWN = "cannot_be_judged"


@dataclass(frozen=True, slots=True)
class Step:
    """Something on the way.

    `planned` is what a slip is measured against. Where that is a last day ("by the end of May"), `within` is when it is likely
    to be. `possible` is when it can be by what is known of itself, such as when its boards meet.
    """

    state: State = State.AHEAD
    planned: Window | None = None
    within: Window | None = None
    possible: Window | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it can be, given all that it waits for, and by how many days at least and at most that is later than planned.

    No most where something is overdue: then only the least is known.
    """

    standing: Standing
    expected: Window | None = None
    days: tuple[int, int | None] | None = None
    because: tuple[Hashable, ...] = field(default=())

    @property
    def is_at_risk(self) -> bool:
        return self.standing in (Standing.AT_RISK, Standing.SLIPS, Standing.STOPPED)

    @property
    def is_put_off(self) -> bool:
        """Somebody has put off what it waits for, without a new date."""
        return self.standing is Standing.AT_RISK and self.days is None

    @property
    def words(self) -> str:
        match self.standing:
            case Standing.DONE:
                return "done"
            case Standing.FREE:
                return "waits for nothing that is open"
            case Standing.IN_TIME:
                return "in time"
            case Standing.STOPPED:
                return "at risk: what it waits for will not happen"
            case Standing.UNKNOWN:
                return "cannot be judged: a date is missing"
        if self.days is None:
            return "at risk: what it waits for is put off, and nobody knows until when"
        least, most = self.days
        if most is None:
            late = f"it slips by at least {_days(least)}" if least else "it may slip"
            return f"at risk: {late} (overdue)"
        if least == 0:
            return f"at risk: it may slip by up to {_days(most)}"
        return f"at risk: it slips by {_days(most)}" if least == most else f"at risk: it slips by {least} to {_days(most)}"


_UNKNOWN = Forecast(Standing.UNKNOWN)


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def forecast(steps: Mapping[T, Step], waits: Iterable[tuple[T, T]], today: dt.date) -> dict[T, Forecast]:
    """The forecast of each step; `waits` are pairs of what waits and what it waits for. A loop leaves its members unknown."""
    awaited: dict[T, list[T]] = {step: [] for step in steps}
    for waiting, other in waits:
        if waiting in steps and other in steps:
            awaited[waiting].append(other)
    found: dict[T, Forecast] = {}
    for step in _in_order(awaited):
        found[step] = _of(steps[step], {other: found.get(other, _UNKNOWN) for other in awaited[step]}, today)
    return found


def _in_order(awaited: Mapping[T, list[T]]) -> list[T]:
    """Each after what it waits for, as far as there is such an order. No recursion: a chain may be long."""
    done: dict[T, None] = {}
    for start in awaited:
        ahead = [(start, False)]
        entered: set[T] = set()
        while ahead:
            step, is_left = ahead.pop()
            if step in done:
                continue
            if is_left:
                done[step] = None
            elif step not in entered:
                entered.add(step)
                ahead += [(step, True), *((other, False) for other in awaited[step])]
    return list(done)


def _of(step: Step, awaited: Mapping[T, Forecast], today: dt.date) -> Forecast:
    if step.state is State.DONE:
        return Forecast(Standing.DONE)
    open_ones = {other: found for other, found in awaited.items() if found.standing is not Standing.DONE}
    because = tuple(open_ones)
    if step.state is State.STOPPED or any(found.standing is Standing.STOPPED for found in open_ones.values()):
        return Forecast(Standing.STOPPED, because=because)
    if step.state is State.PUT_OFF or any(found.is_put_off for found in open_ones.values()):
        return Forecast(Standing.AT_RISK, because=because)
    own = _from(step.possible or step.within or step.planned, today)
    windows = [found.expected for found in open_ones.values()]
    if None in windows:
        return Forecast(Standing.UNKNOWN, because=because)
    ready = _last([*windows, own if step.possible else None])
    expected = _last([ready, own])
    if step.planned is None or ready is None:
        return Forecast(Standing.UNKNOWN if open_ones else Standing.FREE, expected, because=because)
    return _beside(step.planned, ready, expected, because, today)


def _beside(planned: Window, ready: Window, expected: Window | None, because: tuple, today: dt.date) -> Forecast:
    """The plan beside the days on which all that is waited for can be there."""
    first, last = min(max(planned[0], today), planned[1]), planned[1]
    least = max(0, (ready[0] - last).days)
    most = None if ready[1] == NEVER else max(0, (ready[1] - first).days)
    standing = Standing.SLIPS if least else Standing.IN_TIME if most == 0 else Standing.AT_RISK
    return Forecast(standing, expected, (least, most), because)


def _from(window: Window | None, today: dt.date) -> Window | None:
    """What is ahead is not before today; of what is overdue that is all that is known."""
    return window and (max(window[0], today), window[1] if window[1] >= today else NEVER)


def _last(windows: Iterable[Window | None]) -> Window | None:
    known = [window for window in windows if window]
    return (max(first for first, _ in known), max(last for _, last in known)) if known else None
