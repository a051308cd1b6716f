"""One run: the register is filled, everything is started, measured in turn and judged."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks import filling, importing, processes, reminding, rolling, starting
from benchmarks.cases import Case, Questions, at_eight, require_equal
from benchmarks.filling import Callers
from benchmarks.judging import Result, judge
from benchmarks.measuring import Bench, Readings
from benchmarks.register import Register
from benchmarks.servers import Server, serving, wait_for

#: Seconds that each side is asked before anything counts.
WARM_UP = 0.5
SERVERS = ["product", "floor", "naive", "product at 8", "floor at 8"]
#: Cases whose answers the floor must give byte for byte.
COMPARED = ("list 50", "list 500", "filtered", "detail")


@dataclass(frozen=True)
class Size:
    """How much data, how many rounds, how many seconds for a reading, and how many metrics (of 3,600 figures) are imported."""

    milestones: int
    series: int
    rounds: int
    seconds: float
    imported: int


WHOLE = Size(milestones=100_000, series=15_000, rounds=3, seconds=3.0, imported=25)
QUICK = Size(milestones=20_000, series=1_500, rounds=3, seconds=0.5, imported=5)


@dataclass(frozen=True)
class Outcome:
    """What a run found. `others` is the share of the machine's processors that other programs used meanwhile."""

    size: Size
    readings: Readings
    results: list[Result]
    others: float


def compare(register: Register, size: Size) -> Outcome:
    """Everything, from an empty register on."""
    callers, of_one_in_few = _fill(size)
    questions = Questions(callers)
    with running(register, questions, SERVERS) as servers:
        cases = _cases(questions, servers)
        for name in COMPARED:
            require_equal(cases[name], servers)
        wait_for(servers["product"], questions.document())  # each process makes it once, which is measured by itself
        bench = Bench(servers, register.database.pid)
        bench.warm_up(cases, WARM_UP)
        with _watching(bench) as others:
            readings = bench.measure(cases, size.rounds, size.seconds)
        once = [*starting.statements(register.database, cases, servers), starting.memory(servers)]
    once += [*starting.starts(register.env, questions, size.rounds), starting.generation(size.rounds)]
    once += rolling.compare(of_one_in_few, size.rounds)
    once += importing.compare(size.imported, size.rounds + 2)  # which swing more than all else
    once += reminding.compare(size.rounds)  # last: it moves every milestone
    return Outcome(size, readings, [*judge(readings), *once], others[0])


def _fill(size: Size) -> tuple[Callers, list[float]]:
    """Who asks, and the seconds for the row of one series while there is a tenth of the observations."""
    callers = filling.prepare(size.series)
    filling.add_milestones(size.milestones)
    filling.copy_bare()
    filling.add_observations(0, size.series // 10)
    filling.settle()
    of_one = rolling.of_one_series(size.rounds)
    filling.add_observations(size.series // 10, size.series)
    filling.settle()
    return callers, of_one


@contextmanager
def running(register: Register, questions: Questions, names: list[str]) -> Iterator[dict[str, Server]]:
    """These servers, all at once: with one process, and as "... at 8" with two."""
    with ExitStack() as stack:
        servers = {}
        for name in names:
            workers = 2 if name.endswith(" at 8") else 1
            servers[name] = stack.enter_context(serving(name.removesuffix(" at 8"), register.env, workers))
        for call in questions.reads()["list 50"].values():
            for name in names:
                if name.removesuffix(" at 8") == call.server:
                    wait_for(servers[name], call.requests[0])
        yield servers


def _cases(questions: Questions, servers: dict[str, Server]) -> dict[str, Case]:
    """Reads first, so that what the writes add is in nobody's way."""
    reads = questions.reads()
    eight = {"list 50 at 8": at_eight(reads["list 50"])}
    return reads | {"304": questions.not_modified(servers["product"])} | eight | questions.writes()


@contextmanager
def _watching(bench: Bench) -> Iterator[list[float]]:
    """Gives, once the block has ended, the share of all processors that went to other programs than ours."""
    found: list[float] = []
    clock, all_work, ours = time.monotonic(), processes.busy(), bench.busy_with_this()
    yield found
    passed = (time.monotonic() - clock) * processes.PROCESSORS
    found.append(max(0.0, (processes.busy() - all_work - (bench.busy_with_this() - ours)) / passed))
