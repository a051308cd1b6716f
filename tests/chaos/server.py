"""A real server over HTTP, for the tests that race against it or kill its processes."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from tests import copies
from tests.deployment.running import BIN, answers, free_port, start, wait_for


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Server(NamedTuple):
    """A running server, spoken to with a token."""

    url: str
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Any answer is returned. Raises OSError or HTTPException when there is none."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method=method, data=data)
        request.headers = {"Authorization": f"Bearer {self.token}", "Content-type": "application/json"} | headers
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, json.load(response), response.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.load(error), error.headers)


@contextmanager
def copied_database(folder: Path) -> Iterator[str]:
    """The address of a copy of the database that the tests run on, with the edition."""
    if connection.vendor == "sqlite":
        file = folder / "chaos.sqlite3"
        copies.copy_to_file(file)
        yield f"sqlite:///{file}"
        return
    server, name = os.environ["CMAST_DATABASE_URL"], f"cmast_chaos_{os.getpid()}"
    copies.copy_postgresql(connection.settings_dict["NAME"], name)
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    copies.drop_postgresql(name)


@contextmanager
def running(app: str, env: dict[str, str], *options: str) -> Iterator[Server]:
    """gunicorn with that application, on the register of that environment."""
    folder, port = Path(env["CMAST_VAR_DIR"]), free_port()
    command = ["gunicorn", app, "--worker-class=gthread", "--threads=4", f"--bind=127.0.0.1:{port}", *options]
    process = start(command, env, folder / "log")
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health/ready/"), "the start of the server", folder / "log")
        yield Server(f"http://127.0.0.1:{port}", json.loads((folder / "demo.json").read_text())["api_token"])
    finally:
        process.terminate()
        process.wait(20)


def populate(env: dict[str, str]) -> None:
    """Demo people. SQLite's tables came from the models: that is said too, or the server would not call itself ready."""
    log = Path(env["CMAST_VAR_DIR"]) / "log"
    for command in (["migrate", "--fake"], ["create_demo_people"]):
        assert start([f"{BIN}/python", "manage.py", *command], env, log).wait(120) == 0, log.read_text()[-3000:]
