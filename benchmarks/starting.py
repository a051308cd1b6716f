"""What is measured once for each server: memory, the time to its first answer, the OpenAPI document, statements per request."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.core.management import call_command

from benchmarks import load, processes
from benchmarks.cases import Case, Questions
from benchmarks.database import Database
from benchmarks.judging import Goal, Result, divide
from benchmarks.servers import Server, serving, wait_for

#: Requests whose statements are counted.
COUNTED = 10
#: Case -> how many statements it may take.
ALLOWED = {"list 50": 1, "list 500": 1, "filtered": 1, "detail": 1, "304": 1, "create": None, "bulk 100": None}


def starts(env: dict[str, str], questions: Questions, rounds: int) -> list[Result]:
    """Fresh servers, product and floor in turn."""
    page = questions.reads()["list 50"]
    products: list[float] = []
    floors: list[float] = []
    documents: list[float] = []
    for _ in range(rounds):
        with _started("product", env, page["product"].requests[0], products) as server:
            processes.wait_until_idle([server.pid])
            before = processes.cpu_of(server.pid)
            load.one(server.port, questions.document())
            documents.append((processes.cpu_of(server.pid) - before) * 1000)
        with _started("floor", env, page["floor, text"].requests[0], floors):
            pass
    return [
        Result(Goal("P15 start", "start to the first answer, against the floor"), divide(products, floors)),
        Result(Goal("P16 first", "CPU ms of a fresh server's first OpenAPI document", 100), documents),
    ]


@contextmanager
def _started(name: str, env: dict[str, str], request: str, seconds: list[float]) -> Iterator[Server]:
    """Adds how long it took to answer for the first time."""
    began = time.perf_counter()
    with serving(name, env, workers=1) as server:
        wait_for(server, request)
        seconds.append(time.perf_counter() - began)
        yield server


def memory(servers: dict[str, Server]) -> Result:
    """Of warm workers, two a server."""
    of = {name: processes.memory_of_workers(servers[f"{name} at 8"].pid) for name in ("product", "floor")}
    what = f"memory of a worker against the floor's ({of['product']:.0f} and {of['floor']:.0f} MB)"
    return Result(Goal("P15", what, 4), [of["product"] / of["floor"]])


def generation(rounds: int) -> Result:
    """CPU milliseconds that making the OpenAPI document takes for each operation, once its modules are loaded."""
    found = []
    for _ in range(rounds + 1):
        document, before = io.StringIO(), time.process_time()
        call_command("spectacular", stdout=document)
        found.append((time.process_time() - before) * 1000 / document.getvalue().count("operationId: "))
    return Result(Goal("P16", "making the OpenAPI document, CPU ms an operation", 10, 5), found[1:])


def statements(database: Database, cases: dict[str, Case], servers: dict[str, Server]) -> list[Result]:
    """Statements that reach the database for each request, `BEGIN` and `COMMIT` among them."""
    found = []
    for place, (name, limit) in enumerate(ALLOWED.items()):
        call = cases[name]["product"]
        # Numbers that no reading has used.
        sent = [call.requests[n % len(call.requests)].replace(load.NUMBER, f"9{place}{n:08}") for n in range(COUNTED)]
        seen = database.statements_during(partial(_ask, servers["product"], sent))
        found.append(Result(Goal(f"P12 {name}", f"statements: {name}", limit), [len(seen) / COUNTED]))
    return found


def _ask(server: Server, requests: list[str]) -> None:
    for text in requests:
        load.one(server.port, text)
