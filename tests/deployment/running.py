"""Real processes of the product, for the tests that start and stop them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.deployment.compose import ROOT

BIN = str(Path(sys.executable).parent)


def environment(**variables: str) -> dict[str, str]:
    """This machine's environment without what the tests set for themselves."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("CMAST_", "DJANGO_", "PYTEST_"))}
    return plain | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"} | variables


def start(command: list[str], env: dict[str, str], log: Path) -> subprocess.Popen:
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition: Callable[[], object], what: str, log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s:\n{log.read_text()[-3000:]}"
        time.sleep(0.1)


def answers(url: str) -> bool:
    with suppress(urllib.error.URLError, ConnectionError, TimeoutError), urllib.request.urlopen(url, timeout=5) as response:
        return response.status == 200
    return False


def processes_of(marker: str) -> dict[int, str]:
    """Process id and command of all that run with this text in their environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marker.encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
    return found
