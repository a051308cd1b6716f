"""The load and the operating system's accounts, on servers and processes that behave as we know."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks import load, processes
from benchmarks.cases import http
from benchmarks.load import NUMBER, Job

pytestmark = pytest.mark.real_time


class Known(BaseHTTPRequestHandler):
    """Answers with a body of stated length, in chunks, or with nothing."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.seen.append((self.path, body))
        if self.path == "/nothing":
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if self.path == "/chunks" else ("Content-Length", "5")))
        self.end_headers()
        self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" if self.path == "/chunks" else b"abcde")

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""


@pytest.fixture
def port() -> Iterator[int]:
    Known.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Known)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("path", "status"), [("/whole", "200"), ("/chunks", "200"), ("/nothing", "304")])
def test_every_answer_is_counted_once_however_it_ends(port: int, path: str, status: str) -> None:
    outcome = load.run(Job(port, [http("POST", path)], seconds=0.05, least=20, connections=3))

    assert outcome.statuses == {status: len(Known.seen)}
    assert len(outcome.times) == len(Known.seen) >= 20


def test_requests_go_out_in_turn_and_each_has_a_number_of_its_own(port: int) -> None:
    requests = [http("POST", f"/{name}", body=f"n={NUMBER}".encode()) for name in ("one", "two")]

    load.run_apart(Job(port, requests, seconds=0.0, least=4, first=7))

    assert Known.seen == [
        ("/one", b"n=0000000007"),
        ("/two", b"n=0000000008"),
        ("/one", b"n=0000000009"),
        ("/two", b"n=0000000010"),
    ]


def test_the_cpu_time_of_a_tree_has_its_living_and_its_ended_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    ended = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\n"
    child = f"{ended}{burn}print(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        spent = processes.cpu_of(process.pid)
        processes.wait_until_idle([process.pid])
        process.communicate(b"\n")

    assert 0.38 <= spent < 0.7
