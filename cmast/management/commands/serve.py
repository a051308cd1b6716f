"""`manage.py serve`: the whole register on one machine, in the foreground.

The same three processes as in the composed deployment (web, worker, beat), on SQLite and files. It ends when it is told to,
when one of them ends, or when its parent does; in each case the others are stopped before it returns.
"""

import os
import signal
import subprocess
import sys
import threading
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from cmast.editions.loader import edition_is_loaded

EDITION = "2024-05"
GRACE = 10  # seconds that a process has to finish its work


class Command(BaseCommand):
    help = "Prepare the database and run web server, worker and beat until Ctrl-C. For the embedded mode."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="Port on 127.0.0.1.")
        parser.add_argument("--stop-with-parent", action="store_true", help="Also stop when the calling process is gone.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("serve is for the embedded mode (CMAST_EMBEDDED=true); see docs/operations.md for the others.")
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # so far Ctrl-C needs no tidying up: each step is all or nothing
        url = f"http://127.0.0.1:{options['port']}/"
        self._prepare(url)
        self._run(processes(options["port"]), url, os.getppid() if options["stop_with_parent"] else None)

    def _prepare(self, url: str) -> None:
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("migrate", interactive=False, verbosity=0)
        if not edition_is_loaded(EDITION):
            call_command("load_edition", EDITION, stdout=self.stdout)
            call_command("run_scheduled", "check_figures", stdout=self.stdout)  # what it finds is not to wait for the night
        call_command("create_demo_people", url=url, stdout=self.stdout)

    def _run(self, commands: dict[str, list[str]], url: str, parent: int | None) -> None:
        told_to_stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: told_to_stop.set())
        running: dict[str, subprocess.Popen] = {}
        try:
            for name, command in commands.items():
                # A session of its own, so that Ctrl-C reaches this process only and the end is in its hands.
                running[name] = subprocess.Popen(command, start_new_session=True, env={"CMAST_PUBLIC_URL": url} | os.environ)
            self.stdout.write(f"The register is at {url} - Ctrl-C stops it.")
            self.stdout.flush()
            while not told_to_stop.wait(0.3):
                if ended := [name for name, process in running.items() if process.poll() is not None]:
                    code = running[ended[0]].returncode
                    raise CommandError(f"The {ended[0]} process ended by itself (exit code {code}), so everything was stopped.")
                if parent is not None and os.getppid() != parent:
                    break
        finally:
            stop(running)
        self.stdout.write("Stopped.")


def processes(port: int) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    gunicorn = [*python, "gunicorn", "cmast.wsgi", "--worker-class=gthread", "--no-control-socket", "--log-level=warning"]
    celery = [*python, "celery", "--app=cmast", "--quiet"]
    return {
        # One process, because without Redis each would count requests for itself.
        "web": [*gunicorn, f"--bind=127.0.0.1:{port}", "--workers=1", "--threads=8"],
        "worker": [*celery, "worker", "--loglevel=WARNING", "--concurrency=1"],
        "beat": [*celery, "beat", "--loglevel=WARNING"],
    }


def stop(running: dict[str, subprocess.Popen]) -> None:
    """Ask each process to finish, then end whatever is left of its session: the slow, and children of the dead."""
    for process in running.values():
        process.terminate()
    for process in running.values():
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
