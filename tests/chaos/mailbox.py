"""A mail server in a process of its own, which writes down what it takes before it says so.

`python -m tests.chaos.mailbox PORT FILE`; 0 lets the system choose the port, which is printed. Each line of its input is the
weather from now on. It ends with its input, so it never outlives who started it.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.sink import Sink

#: Weather -> what it answers instead of the usual. `seconds` is how long it takes to answer the end of a message.
WEATHERS: dict[str, dict[str, Any]] = {
    "fine": {},
    "try later": {"RCPT": "451 4.3.0 try later"},
    "closing": {"MAIL": "421 4.3.2 closing"},
    "hangs up": {"END": "drop"},
    "takes it and hangs up": {"END": "take-and-drop"},
    "slow": {"seconds": 4.0},
}
USUAL_SECONDS = 0.03


class Book:
    """What was taken: Message-ID, address and time of each, one line each, on the disk before anybody is answered."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, message: Any) -> None:
        line = json.dumps({"id": message["Message-ID"], "to": message["To"].addresses[0].addr_spec, "at": time.time()})
        os.write(self.file, f"{line}\n".encode())


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def refused(address: str) -> bool:
    """Addresses that do not exist, whatever the weather."""
    return address.startswith("nobody.")


class Answers(dict):
    """The weather of the moment, and what is said to addresses that do not exist."""

    def __contains__(self, asked: object) -> bool:
        return refused(asked[1]) if isinstance(asked, tuple) else super().__contains__(asked)

    def __getitem__(self, asked: Any) -> Any:
        return "550 5.1.1 no such person" if isinstance(asked, tuple) else super().__getitem__(asked)


def main(port: int, path: Path) -> None:
    sink = Sink(port)
    sink.got, sink.answers, sink.pause = Book(path), Answers(), USUAL_SECONDS
    threading.Thread(target=sink.server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{sink.port}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        weather = dict(WEATHERS[line.strip()])
        sink.pause = weather.pop("seconds", USUAL_SECONDS)
        sink.answers = Answers(weather)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
