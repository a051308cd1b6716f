"""Callers that wait for each answer before they ask again, on connections that stay open, in a process of their own.

`python -m benchmarks.load` takes a job as JSON on its standard input and answers what came back. Its own CPU time is no part
of any reading. Once the time is up it sends nothing new, but takes the last answers, so that no server is left working.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count, cycle

#: Stands in a request for a number that no other request has, so that each creates something new.
NUMBER = "@@@@@@@@@@"
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Job:
    """What is asked of the server at that port, in turn: for so many seconds, and for at least so many answers."""

    port: int
    requests: list[str]
    seconds: float
    least: int = 1
    connections: int = 1
    #: The first number to put into the requests.
    first: int = 0


@dataclass
class Outcome:
    """How it went."""

    seconds: float = 0.0
    #: Milliseconds that each answer took.
    times: list[float] = field(default_factory=list)
    #: HTTP status -> how many answers had it.
    statuses: dict[str, int] = field(default_factory=dict)

    def add(self, milliseconds: float, status: str) -> None:
        self.times.append(milliseconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1


class Connection:
    """One caller."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        self.received, self.head, self.began = bytearray(), 0, time.perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Take what has come, and say whether that is all."""
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionError("The server has hung up.")
        self.received += part
        if not self.head:
            self.head = self.received.find(_END) + len(_END)
            if self.head < len(_END):
                self.head = 0
                return False
            self.length = _length(bytes(self.received[: self.head]).lower())
        if self.length is None:
            return self.received.endswith(b"\r\n0" + _END)
        return len(self.received) - self.head >= self.length

    @property
    def status(self) -> str:
        return self.received[9:12].decode()

    @property
    def body(self) -> bytes:
        """Of an answer whose length was stated."""
        return bytes(self.received[self.head :])


def _length(head: bytes) -> int | None:
    """Bytes to come after the headers; null where they come in chunks."""
    if b"transfer-encoding: chunked" in head:
        return None
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def one(port: int, request: str) -> tuple[str, bytes]:
    """Status and body of a single request."""
    caller = Connection(port)
    caller.ask(request.encode())
    while not caller.is_answered():
        pass
    caller.socket.close()
    return caller.status, caller.body


def run(job: Job) -> Outcome:
    """Do the job in this process."""
    requests = (
        text.replace(NUMBER, f"{n:010}").encode() for n, text in zip(count(job.first), cycle(job.requests), strict=False)
    )
    outcome, began = Outcome(), time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(job.connections):
            caller = Connection(job.port)
            selector.register(caller.socket, selectors.EVENT_READ, caller)
            caller.ask(next(requests))
        while selector.get_map():
            for key, _ in selector.select():
                caller = key.data
                if not caller.is_answered():
                    continue
                outcome.add((time.perf_counter() - caller.began) * 1000, caller.status)
                if time.perf_counter() - began < job.seconds or len(outcome.times) < job.least:
                    caller.ask(next(requests))
                else:
                    selector.unregister(caller.socket)
                    caller.socket.close()
    outcome.seconds = time.perf_counter() - began
    return outcome


def run_apart(job: Job) -> Outcome:
    """Do the job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load"]
    answer = subprocess.run(command, input=json.dumps(asdict(job)), stdout=subprocess.PIPE, text=True, check=True).stdout
    return Outcome(**json.loads(answer))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(run(Job(**json.load(sys.stdin))))))
