"""What the register leans on, to be killed: on ports that the system gave, each asked who it is before it is hurt."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import redis

from benchmarks.database import Database, postgresql
from tests.deployment.compose import ROOT
from tests.deployment.running import environment, free_port, start

PATIENCE = 30


class WrongServer(Exception):
    """It is not the one that this run has started: nothing was done to it."""


class Postgres:
    """As durable as in production."""

    def __init__(self, database: Database) -> None:
        self.url, self.log = database.url, database.log
        self.data = database.log.parent
        self._control = str(Path(f"/proc/{database.pid}/exe").resolve().parent / "pg_ctl")

    def restart(self) -> None:
        """At once, as after a crash: whoever is connected is cut off, and it recovers from its log."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            said = connection.execute("SHOW data_directory").fetchone()
        if said is None or Path(said[0]).resolve() != self.data.resolve():
            raise WrongServer(f"PostgreSQL says that its data are in {said}, not in {self.data}.")
        self._ctl("restart", "immediate")

    def stop(self) -> None:
        self._ctl("stop", "fast")

    def _ctl(self, what: str, mode: str) -> None:
        command = [self._control, "-D", str(self.data), "-l", str(self.log), "-m", mode, "-w", "-t", "60", "-s", what]
        owner = self.data.stat().st_uid  # it refuses to run as root
        subprocess.run(command, check=True, user=owner if owner != os.getuid() else None, cwd="/")


class Redis:
    """Without a disk, as composed: what it held when it is killed is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.log = folder, free_port(), folder / "redis.log"
        self.url = f"redis://:secret@127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", "secret"]
        command = ["redis-server", "--port", str(self.port), "--dir", str(self.folder), *options]
        self.process = start(command, environment(), self.log)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(redis.ConnectionError), self._client() as client:
                client.ping()
                return
            time.sleep(0.1)
        raise TimeoutError("Redis does not answer.")

    def empty(self) -> None:
        self._know().flushall()

    def kill(self) -> None:
        self._know()
        self.stop()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _client(self) -> Any:
        return redis.Redis.from_url(self.url, socket_timeout=2, decode_responses=True)

    def _know(self) -> Any:
        client = self._client()
        said: Any = client.config_get("dir")
        if Path(said["dir"]).resolve() != self.folder.resolve():
            raise WrongServer(f"Redis says that it lives in {said['dir']}, not in {self.folder}.")
        return client


class Folder:
    """Celery's filesystem broker: a folder of messages that can be lost."""

    url = "filesystem://localhost/"

    def __init__(self, folder: Path) -> None:
        self.messages = folder / "broker" / "messages"

    def empty(self) -> None:
        for message in self.messages.glob("*.msg"):
            message.unlink(missing_ok=True)


class Mailbox:
    """The mail server; see `tests.chaos.mailbox`."""

    def __init__(self, folder: Path) -> None:
        self.book, self.port = folder / "mailbox.jsonl", 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.mailbox", str(self.port), str(self.book)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        self.port = int(self._pipes[1].readline())

    @property
    def _pipes(self) -> Any:
        return self.process.stdin, self.process.stdout

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def weather(self, name: str) -> None:
        if self.process.poll() is None:
            self._pipes[0].write(f"{name}\n")
            self._pipes[0].flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in self._pipes:
            with suppress(BrokenPipeError):
                pipe.close()


class Servers:
    """Those that this run has; None where the deployment does without."""

    def __init__(self, folder: Path, mailbox: Mailbox) -> None:
        self.folder, self.mailbox = folder, mailbox
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self.broker: Folder | Redis | None = None
        self.database_url = f"sqlite:///{folder / 'chaos.sqlite3'}"

    @property
    def names(self) -> str:
        database = "PostgreSQL" if self.postgres else "SQLite"
        broker = {Redis: "Redis", Folder: "the filesystem broker"}.get(type(self.broker), "no broker")
        return f"{database} with {broker}"


@contextmanager
def servers(shape: str) -> Iterator[Servers]:
    """`postgresql` with Redis, where there is one; `sqlite` with the filesystem broker; `no-broker` on SQLite."""
    # Otherwise they would outlive a run that is told to stop.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="cmast-chaos-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "armed").mkdir()
        found = Servers(folder, Mailbox(folder))
        stack.callback(found.mailbox.kill)
        if shape == "postgresql":
            found.postgres = Postgres(stack.enter_context(postgresql()))
            found.database_url = found.postgres.url
            stack.callback(found.postgres.stop)
            if shutil.which("redis-server"):
                found.broker = found.redis = Redis(folder)
                stack.callback(found.redis.stop)
        if shape != "no-broker" and found.broker is None:
            found.broker = Folder(folder)
        yield found
