"""Readings: what an answer costs, of the servers' CPU time as the operating system counts it."""

import resource
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import NamedTuple

from benchmarks import processes
from benchmarks.cases import Call, Case
from benchmarks.load import Job, run_apart
from benchmarks.servers import Server

#: Answers that a reading takes at least, however slow they are: CPU time is counted in hundredths of a second.
LEAST = 12
#: Each of four threads needs five to ten of each statement until psycopg prepares it and PostgreSQL keeps its plan.
LEAST_TO_WARM_UP = 80


class Reading(NamedTuple):
    """What one side of a case cost in one round: CPU milliseconds for each answer, and what its callers saw."""

    app: float
    database: float
    per_second: float
    p50: float
    p95: float

    @property
    def total(self) -> float:
        return self.app + self.database


#: Case -> side -> a reading for each round.
Readings = dict[str, dict[str, list[Reading]]]


@dataclass
class Bench:
    """Everything that runs, and what is asked of it."""

    servers: dict[str, Server]
    database: int
    _numbers: int = field(default=0)

    def warm_up(self, cases: dict[str, Case], seconds: float) -> None:
        """Every thread of every server has its connection, its compiled statements and PostgreSQL's plan for each.

        The first page of a list is another statement than all later ones, so these two are asked for in turn.
        """
        for case in cases.values():
            for call in case.values():
                self._run(replace(call, requests=call.requests[:2]), seconds, LEAST_TO_WARM_UP, max(2, call.connections))
        processes.wait_until_idle([self.database, *(server.pid for server in self.servers.values())])

    def measure(self, cases: dict[str, Case], rounds: int, seconds: float) -> Readings:
        """Every side of every case in turn, that many times over."""
        found: Readings = {name: {side: [] for side in case} for name, case in cases.items()}
        for _ in range(rounds):
            for name, case in cases.items():
                for side, call in case.items():
                    found[name][side].append(self.read(call, seconds))
        return found

    def read(self, call: Call, seconds: float) -> Reading:
        server = self.servers[call.server]
        app, database = processes.cpu_of(server.pid), processes.cpu_of(self.database)
        times, took = self._run(call, seconds, LEAST, call.connections)
        # What a server still does when the last answer has left belongs to the answers.
        processes.wait_until_idle([server.pid, self.database])
        app, database = processes.cpu_of(server.pid) - app, processes.cpu_of(self.database) - database
        each = 1000 / len(times)
        p95 = quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        return Reading(app * each, database * each, len(times) / took, median(times), p95)

    def _run(self, call: Call, seconds: float, least: int, connections: int) -> tuple[list[float], float]:
        job = Job(self.servers[call.server].port, call.requests, seconds, least, connections, self._numbers)
        outcome = run_apart(job)
        self._numbers += len(outcome.times)
        if set(outcome.statuses) != {call.status}:
            raise RuntimeError(f"{call.requests[0].splitlines()[0]} was answered with {outcome.statuses}, not {call.status}.")
        return outcome.times, outcome.seconds

    def busy_with_this(self) -> float:
        """CPU seconds of this process, of the load and of all servers so far."""
        roots = [self.database, *(server.pid for server in self.servers.values())]
        own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(map(processes.cpu_of, roots)) + sum(usage.ru_utime + usage.ru_stime for usage in own)
