"""`python -m benchmarks.profiling`: where the product's own CPU time goes, function by function, in this process.

It counts CPU time, so waiting for the database is left out, and it makes calls of Python dearer than those of C: its shares say
where to look, not how much there is to gain. The time at the head of each table is without it.
"""

import cProfile
import io
import pstats
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.load import NUMBER
from benchmarks.register import register

CASES = ("list 50", "filtered", "detail", "304", "create", "bulk 100")
REQUESTS, LINES = 100, 25


def environ_of(request: str) -> dict[str, Any]:
    """A request as it goes over the wire, as WSGI hands it over."""
    head, _, body = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, address, _ = first.split()
    path, _, query = address.partition("?")
    headers = {name.upper().replace("-", "_"): value for name, value in (line.split(": ", 1) for line in lines)}
    named = {name if name.startswith("CONTENT_") else f"HTTP_{name}": value for name, value in headers.items()}
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body.encode()),
        "wsgi.errors": sys.stderr,
        **named,
    }


class Answering:
    """The product in this process, which must answer each request with the same status."""

    def __init__(self, application: Callable[..., Any], status: str) -> None:
        self.application, self.status = application, status

    def __call__(self, environ: dict[str, Any]) -> None:
        answer = self.application(environ, self._start)
        b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        if not status.startswith(self.status):
            raise RuntimeError(f"Answered with {status}, not {self.status}.")


def profile(answer: Answering, requests: list[str]) -> str:
    """CPU time of a request, the functions that took most of it themselves, and those of the product with what they call."""
    environs = [environ_of(requests[n % len(requests)].replace(NUMBER, f"{n:010}")) for n in range(3 * REQUESTS)]
    for environ in environs[:REQUESTS]:
        answer(environ)
    before = time.process_time()
    for environ in environs[REQUESTS : 2 * REQUESTS]:
        answer(environ)
    each = (time.process_time() - before) * 1000 / REQUESTS
    profiler = cProfile.Profile(time.process_time)
    with profiler:
        for environ in environs[2 * REQUESTS :]:
            answer(environ)
    out = io.StringIO()
    found = pstats.Stats(profiler, stream=out)
    found.sort_stats("tottime").print_stats(LINES)
    found.sort_stats("cumtime").print_stats("/cmast/", LINES)
    return f"{each:.2f} ms without the profiler, {REQUESTS} requests\n{out.getvalue()}"


def main() -> None:
    with register() as found:
        # They read the settings as they are imported.
        from benchmarks import filling
        from benchmarks.cases import Questions
        from benchmarks.comparison import QUICK, running
        from cmast.wsgi import application

        callers = filling.prepare(filling.ORGANISATIONS)
        filling.add_milestones(QUICK.milestones)
        filling.settle()
        questions = Questions(callers)
        cases = questions.reads() | questions.writes()
        with running(found, questions, ["product"]) as servers:
            cases["304"] = questions.not_modified(servers["product"])
        for name in sys.argv[1:] or CASES:
            call = cases[name]["product"]
            print(f"--- {name}: {profile(Answering(application, call.status), call.requests)}")


if __name__ == "__main__":
    main()
