"""One run with faults: reminders become due, things break by the script, and at the end the books are compared."""

import random
import time
from bisect import insort
from collections import Counter
from typing import Any

from cmast.models import MailTransport
from tests.chaos import ledger, mailbox
from tests.chaos.fleet import Fleet, commands, deaths
from tests.chaos.ledger import Verdict, patiently
from tests.chaos.points import POINTS, armed
from tests.chaos.script import PLANNING, Event, Size, script
from tests.chaos.servers import Servers

#: Duplicates that are allowed, of all reminders.
ALLOWED = 0.02
TICK, WAIT, NEWS = 0.1, 2.0, 10.0


class Run:
    """Its methods are what an event of the script may ask for."""

    def __init__(self, servers: Servers, size: Size, seed: int, env: dict[str, str]) -> None:
        self.servers, self.size, self.seed = servers, size, seed
        self.chance = random.Random(seed)
        self.fleet = Fleet(servers, commands(servers), env)
        self.events = script(size, servers, self.chance)
        self.done: Counter[str] = Counter()
        self.unplanned = self.is_planning = False
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{self.seconds:6.1f} s  {text}", flush=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def whole(self) -> dict[str, Any]:
        """What is to be kept of it."""
        self.say(f"{self.size.reminders} reminders on {self.servers.names}, seed {self.seed}")
        try:
            self._go()
        finally:
            self.fleet.end()
        return self._result(patiently(lambda: ledger.judge(mailbox.read(self.servers.mailbox.book), self.size.reminders)))

    def _go(self) -> None:
        next_news = 0.0
        while True:
            while self.events and self.events[0].at <= self.seconds:
                self._do(self.events.pop(0))
            self.fleet.mend()
            self._plan()
            if self.seconds >= next_news:
                self.say(", ".join(f"{number} {state}" for state, number in sorted(patiently(ledger.states).items())))
                next_news = self.seconds + NEWS
            if not self.events and self._is_over():
                return
            if self.seconds > self.size.seconds + self.size.patience:
                self.say(f"Not at rest {self.size.patience:.0f} s after the last fault: {patiently(_way)}")
                return
            time.sleep(TICK)

    def _do(self, event: Event) -> None:
        getattr(self, event.what)(*([event.detail] if event.detail else []))

    def _is_over(self) -> bool:
        return not self.unplanned and not self.is_planning and patiently(ledger.is_over)

    def _plan(self) -> None:
        """Whatever is due and not planned, until a planner comes through."""
        if self.is_planning:
            planned = self.fleet.planned
            self.is_planning = planned is None
            self.unplanned = self.unplanned or planned is False
        elif self.unplanned:
            self.unplanned, self.is_planning = False, True
            self.fleet.plan(str(ledger.day()))

    # --- Events -------------------------------------------------------------------------------------------------------

    def wave(self, number: str) -> None:
        size = -(-self.size.reminders // self.size.waves)
        first = int(number) * size
        numbers = range(first, min(first + size, self.size.reminders))
        patiently(lambda: ledger.add(numbers))
        self.unplanned = True
        self.say(f"{len(numbers)} more become due")

    def arm(self, point: str) -> None:
        """While one mail tries whether the way is open, it would be the one that dies, again and again, and none would go."""
        if point not in PLANNING and self.seconds < self.size.seconds and patiently(_is_held_up):
            insort(self.events, Event(self.seconds + WAIT, "arm", point))
            return
        armed(self.servers.folder, point).touch()
        self.say(f"who comes to {point} next is killed: {POINTS[point]}")

    def kill(self, kind: str) -> None:
        name = self.fleet.kill(kind, self.chance)
        self.say(f"kill -9 of {name}" if name else f"no {kind} to kill")

    def empty_broker(self) -> None:
        if self.servers.broker and not (self.servers.redis and self.servers.redis.process.poll() is not None):
            self.servers.broker.empty()
            self.done["broker emptied"] += 1
            self.say("the broker is emptied")

    def kill_redis(self) -> None:
        if self.servers.redis and self.servers.redis.process.poll() is None:
            self.servers.redis.kill()
            self.done["Redis killed"] += 1
            self.say("kill -9 of Redis")

    def start_redis(self) -> None:
        if self.servers.redis and self.servers.redis.process.poll() is not None:
            self.servers.redis.start()
            self.say("Redis is back, empty")

    def restart_database(self) -> None:
        if self.servers.postgres:
            self.servers.postgres.restart()
            self.done["PostgreSQL restarted"] += 1
            self.say("PostgreSQL restarted at once")

    def weather(self, name: str) -> None:
        box = self.servers.mailbox
        if name == "down":
            box.kill()
        elif box.process.poll() is not None:
            box.start()
        box.weather(name)
        self.done[f"mail server: {name}"] += name != "fine"
        self.say(f"mail server: {name}")

    # --- The end ------------------------------------------------------------------------------------------------------

    def _result(self, verdict: Verdict) -> dict[str, Any]:
        died = Counter(deaths(self.servers.folder))
        counts = {name: value if isinstance(value, int) else len(value) for name, value in verdict._asdict().items()}
        return {
            "shape": self.servers.names,
            "seed": self.seed,
            "kills": died.total(),
            "killed": dict(sorted(died.items())),
            "faults": {name: number for name, number in sorted(self.done.items()) if number},
            **counts,
            "reminders": self.size.reminders,
            "seconds": round(self.seconds, 1),
            "broken": broken(self.size, verdict, died),
        }


def broken(size: Size, verdict: Verdict, died: Counter[str]) -> list[str]:
    """The promises that were not kept, one sentence each."""
    found = {
        f"{len(verdict.lost)} reminders are lost: {verdict.lost[:5]}": verdict.lost,
        f"{verdict.not_ended} mails have not ended": verdict.not_ended,
        f"{len(verdict.unexplained)} duplicates are not explained: {verdict.unexplained[:5]}": verdict.unexplained,
        f"{len(verdict.duplicates)} duplicates are too many": len(verdict.duplicates) > ALLOWED * size.reminders,
        f"{len(verdict.given_up)} mails were given up although the address exists": verdict.given_up,
        f"Nobody died at {sorted(POINTS.keys() - died.keys())}": POINTS.keys() - died.keys(),
    }
    return [said for said, is_broken in found.items() if is_broken]


def line(result: dict[str, Any]) -> str:
    """The figures in one line."""
    return (
        f"{result['shape']}: {result['reminders']} reminders, {result['kills']} kills, {sum(result['faults'].values())} other "
        f"faults, {result['lost']} lost, {result['duplicates']} duplicates ({result['duplicates'] / result['reminders']:.1%}), "
        f"{result['unexplained']} unexplained, {result['sent']} sent, {result['failed']} failed, {result['unknown']} unknown, "
        f"{result['ambiguous']} ambiguous, {result['seconds']:.0f} s, seed {result['seed']}"
    )


def _way() -> str:
    return str(MailTransport.objects.values().first())


def _is_held_up() -> bool:
    return MailTransport.objects.filter(open_until__isnull=False).exists()
