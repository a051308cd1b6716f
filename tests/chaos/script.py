"""What goes wrong, and when: the same for the same seed."""

import random
from typing import NamedTuple

from tests.chaos.mailbox import WEATHERS
from tests.chaos.points import POINTS
from tests.chaos.servers import Servers

PLANNING = ("P0", "P1")
#: Weather of the mail server -> for how many seconds. Who hangs up does so for less time than the breaker's first pause.
SECONDS = {"down": 6.0, "try later": 5.0, "closing": 5.0, "hangs up": 1.5, "takes it and hangs up": 1.0, "slow": 8.0}
assert SECONDS.keys() == WEATHERS.keys() - {"fine"} | {"down"}
OUTAGE = 3.0


class Size(NamedTuple):
    """How much happens."""

    reminders: int
    #: In how many portions they become due.
    waves: int
    #: For how long things go wrong, and for how long at most it may take until all is quiet.
    seconds: float
    patience: float
    #: How often each.
    points: int
    workers: int
    beats: int = 0
    redis: int = 0
    database: int = 0
    weathers: int = 0


USUAL = Size(1000, waves=10, seconds=200, patience=300, points=4, workers=10, beats=2, redis=2, database=2, weathers=2)
FULL = Size(10_000, waves=80, seconds=1800, patience=900, points=38, workers=60, beats=10, redis=11, database=11, weathers=12)
SMALL = Size(60, waves=2, seconds=2, patience=60, points=1, workers=0)


class Event(NamedTuple):
    """`what` is a method of `tests.chaos.run.Run`."""

    at: float
    what: str
    detail: str = ""


def script(size: Size, servers: Servers, chance: random.Random) -> list[Event]:
    """In order of time."""

    def times(number: int) -> list[float]:
        return [chance.uniform(0.02, 0.95) * size.seconds for _ in range(number)]

    waves = [size.seconds * 0.9 / size.waves * number for number in range(size.waves)]
    events = [Event(at, "wave", str(number)) for number, at in enumerate(waves)]
    for point in POINTS:
        # What plans is there only when something becomes due.
        moments = [at - 0.001 for at in chance.sample(waves, size.points)] if point in PLANNING else times(size.points)
        events += [Event(at, "arm", point) for at in moments]
    events += [Event(at, "kill", "worker" if servers.broker else "sender") for at in times(size.workers)]
    if servers.broker:
        events += [Event(at, "kill", "beat") for at in times(size.beats)]
        events += [Event(at, "empty_broker") for at in times(size.redis)]
    if servers.redis:
        for at in times(size.redis):
            events += [Event(at, "kill_redis"), Event(at + OUTAGE, "start_redis")]
    if servers.postgres:
        events += [Event(at, "restart_database") for at in times(size.database)]
    return sorted(events + _weather(size, chance))


def _weather(size: Size, chance: random.Random) -> list[Event]:
    """One after the other, with fine weather between them."""
    names = [name for _ in range(size.weathers) for name in chance.sample(sorted(SECONDS), len(SECONDS))]
    events = []
    for number, name in enumerate(names):
        at = size.seconds * 0.95 / len(names) * (number + 0.2)
        events += [Event(at, "weather", name), Event(at + SECONDS[name], "weather", "fine")]
    return events
