"""A mail server on this machine that writes down what it gets, before it answers."""

import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class Sink:
    """Takes everything, unless `answers` says otherwise: a command (`MAIL`, `RCPT`, `DATA`, `END`) -> a line to answer with.

    `drop` hangs up instead of answering; `take-and-drop` writes the message down and then hangs up; `slow` waits first.
    An answer may be for one address only: `("RCPT", "no.such@cmast.example")`.
    """

    def __init__(self, port: int = 0) -> None:
        self.got: Any = []
        self.answers: dict[Any, str] = {}
        self.pause = 0.0
        #: Called with the name of a command before it is answered.
        self.on: dict[str, Any] = {}
        self.server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"sink": self}))
        self.port = self.server.server_address[1]

    @property
    def ids(self) -> Counter[str]:
        """Message-ID -> how often it came."""
        return Counter(str(message["Message-ID"]) for message in self.got)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone before it is answered is none of our faults."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(socketserver.StreamRequestHandler):
    sink: Sink
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.say("220 sink")
        while line := self.rfile.readline():
            command, _, rest = line.decode().strip().partition(" ")
            command = command.upper()
            if command == "QUIT":
                self.say("221 bye")
                return
            if command in self.sink.on:
                self.sink.on[command]()
            answer = self.answer(command, rest)
            if answer == "drop":
                return
            self.say(answer)
            if command == "DATA" and answer.startswith("354") and not self.take():
                return

    def answer(self, command: str, rest: str) -> str:
        if command == "RCPT":
            address = rest.partition("<")[2].partition(">")[0]
            if (command, address) in self.sink.answers:
                return self.sink.answers[command, address]
        usual = {"DATA": "354 go on", "AUTH": "235 welcome"}
        return self.sink.answers.get(command, usual.get(command, "250 fine"))

    def take(self) -> bool:
        """Reads the message. Whether the session goes on."""
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:  # who hangs up in the middle has sent nothing
                return False
            lines.append(line[1:] if line.startswith(b"..") else line)
        answer = self.sink.answers.get("END", "250 taken")
        if answer.startswith("250") or answer == "take-and-drop":
            self.sink.got.append(message_from_bytes(b"".join(lines), EmailMessage, policy=policy.default))
        if "END" in self.sink.on:
            self.sink.on["END"]()
        time.sleep(self.sink.pause)
        if answer in ("drop", "take-and-drop"):
            return False
        self.say(answer)
        return True

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def running() -> Iterator[Sink]:
    sink = Sink()
    thread = threading.Thread(target=sink.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield sink
    finally:
        sink.server.shutdown()
        thread.join()
        sink.server.server_close()
