"""The processes of the register under faults: killed with all of their children, started again as a supervisor would."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.points import write_down
from tests.chaos.servers import Servers
from tests.deployment.compose import SERVICES
from tests.deployment.running import environment, start

#: Seconds until what has ended is started again.
REST = 0.2
#: The product's own figures are minutes and hours; their order is kept.
HASTE = {
    "CMAST_MAIL_EVERY": "2",
    "CMAST_MAIL_LEASE": "6",
    "CMAST_MAIL_DATA_LEASE": "12",
    "CMAST_MAIL_TIMEOUTS": "5,8,10",
    "CMAST_MAIL_PAUSES": "0,2,4,8,8,8,8,8,8,8,8",
    "CMAST_MAIL_BREAKER": "2,4,8",
}
SMALL_HASTE = HASTE | {"CMAST_MAIL_LEASE": "3", "CMAST_MAIL_DATA_LEASE": "3", "CMAST_MAIL_TIMEOUTS": "2,2,2"}


def variables(servers: Servers, haste: dict[str, str]) -> dict[str, str]:
    """The environment of the register, for its processes and for us."""
    return haste | {
        "CMAST_EMBEDDED": "true",
        "CMAST_DATABASE_URL": servers.database_url,
        "CMAST_BROKER_URL": servers.broker.url if servers.broker else "memory://",
        "CMAST_VAR_DIR": str(servers.folder),
        "CMAST_EMAIL_URL": servers.mailbox.url,
        "CMAST_LOG_LEVEL": "WARNING",
        "CMAST_STATIC_STORAGE": "django.contrib.staticfiles.storage.StaticFilesStorage",
    }


def commands(servers: Servers) -> dict[str, list[str]]:
    """Two workers and two beats, which is one more than there should be; or two callers of the command that needs none."""
    if servers.broker is None:
        return {f"sender {number}": _manage("send_mail") for number in (1, 2)}
    found = {}
    for number in (1, 2):
        found[f"worker {number}"] = [*SERVICES["worker"]["command"], f"--hostname=chaos{number}@%h"]
        found[f"beat {number}"] = [*SERVICES["beat"]["command"], f"--schedule={servers.folder}/beat-{number}"]
    return {name: [part.replace("=INFO", "=WARNING") for part in command] for name, command in found.items()}


def _manage(job: str, *options: str) -> list[str]:
    return [sys.executable, "manage.py", "run_scheduled", job, *options]


class Fleet:
    """Processes by name."""

    def __init__(self, servers: Servers, wanted: dict[str, list[str]], env: dict[str, str]) -> None:
        self.folder, self.wanted = servers.folder, dict(wanted)
        self.env = environment(**env, DJANGO_SETTINGS_MODULE="tests.chaos.settings")
        self.log = servers.folder / "register.log"
        self.running: dict[str, subprocess.Popen] = {}
        self.ended: dict[str, float] = {}

    def mend(self) -> None:
        """Start what is not running, a little after it ended."""
        for name, command in self.wanted.items():
            process = self.running.get(name)
            if process is not None and process.poll() is None:
                continue
            ended = self.ended.setdefault(name, time.monotonic() if process else 0)
            if time.monotonic() >= ended + REST:
                self.running[name] = start(command, self.env, self.log)
                del self.ended[name]

    def plan(self, on: str) -> None:
        """Two planners that race; `planned` says when one has come through."""
        for number in (1, 2):
            self.running[f"planner {number}"] = start(_manage("plan_reminders", "--on", on), self.env, self.log)

    @property
    def planned(self) -> bool | None:
        """None while both are at it, False when both have died."""
        codes = [self.running[name].poll() for name in ("planner 1", "planner 2")]
        return True if 0 in codes else None if None in codes else False

    def kill(self, kind: str, chance: random.Random) -> str | None:
        """One of that kind with all of its children, as the machine would; which, or None where none is running."""
        alive = sorted(name for name, process in self.running.items() if name.startswith(kind) and process.poll() is None)
        if not alive:
            return None
        name = chance.choice(alive)
        write_down(self.folder, kind)
        self._kill(self.running[name])
        return name

    def end(self) -> None:
        for process in self.running.values():
            self._kill(process)

    @staticmethod
    def _kill(process: subprocess.Popen) -> None:
        """Each was started as the leader of a group of its own, so this hurts nothing that we have not started."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            process.wait()


def deaths(folder: Path) -> list[str]:
    """What died, in order: a point, or the kind of a process."""
    log = folder / "deaths"
    return [line.split(" ", 1)[1] for line in log.read_text().splitlines()] if log.exists() else []
