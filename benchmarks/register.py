"""An empty register on a PostgreSQL of its own, with Django ready in this process."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import django
from django.core.management import call_command

from benchmarks.database import Database, postgresql
from benchmarks.servers import environment


class Register(NamedTuple):
    """Where the data are, and the environment of whoever serves them."""

    database: Database
    env: dict[str, str]


@contextmanager
def register() -> Iterator[Register]:
    """Until the block ends. What reads the settings as it is imported can be imported inside only."""
    # Otherwise the servers would outlive a process that is told to stop.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with postgresql() as database, tempfile.TemporaryDirectory(prefix="cmast-bench-") as folder:
        env = environment(database.url, Path(folder))
        os.environ |= env
        django.setup()
        call_command("migrate", verbosity=0)
        yield Register(database, env)
