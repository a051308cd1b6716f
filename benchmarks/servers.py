"""The same web server for everybody who is measured."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks import load

#: What runs -> its WSGI program.
PROGRAMS = {"product": "cmast.wsgi", "floor": "benchmarks.floor", "naive": "django.core.wsgi:get_wsgi_application()"}
_PATIENCE = 60


class Server(NamedTuple):
    """A running server."""

    port: int
    pid: int


def environment(database_url: str, folder: Path) -> dict[str, str]:
    """The product as it is deployed, over TLS that ends in front of it; but for the quota, which a benchmark would use up."""
    # Modules are compiled once, as in the image, whatever this shell says.
    left_out = ("CMAST_", "DJANGO_", "GUNICORN_", "PYTHONDONTWRITEBYTECODE")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    (folder / "static").mkdir(parents=True, exist_ok=True)
    return plain | {
        "DJANGO_SETTINGS_MODULE": "cmast.settings",
        "CMAST_DATABASE_URL": database_url,
        "CMAST_SECRET_KEY": "only for this run",
        "CMAST_VAR_DIR": str(folder),
        "CMAST_RATE_LIMIT": "1000000000/60",
        "CMAST_LOG_LEVEL": "WARNING",
    }


@contextmanager
def serving(name: str, env: dict[str, str], workers: int) -> Iterator[Server]:
    """A server with that program until the block ends, once it takes connections."""
    port = _free_port()
    options = ["--worker-class=gthread", "--threads=2", f"--workers={workers}", f"--bind=127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", PROGRAMS[name], *options, "--log-level=warning", "--no-control-socket"]
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.naive_settings"} if name == "naive" else {}
    process = subprocess.Popen(command, env=env | settings, start_new_session=True)
    try:
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def wait_for(server: Server, request: str) -> bytes:
    """The body of the first answer that is right. Raises TimeoutError."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(ConnectionError):
            status, body = load.one(server.port, request)
            if status == "200":
                return body
            raise RuntimeError(f"Answered with {status}: {body[:1000].decode()}")
        time.sleep(0.01)
    raise TimeoutError(f"No answer from port {server.port}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
