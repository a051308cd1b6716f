"""The composed deployment without containers: the very commands of docker-compose.yml on a real PostgreSQL and Redis."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from tests.deployment.compose import OWN, SERVICES, option
from tests.deployment.running import answers, environment, free_port, processes_of, start, wait_for

DATABASE = "cmast_processes"

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the deployment is on PostgreSQL; see the other run"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database on the server that the tests run on."""
    server = os.environ["CMAST_DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
        yield urlunsplit(urlsplit(server)._replace(path=f"/{DATABASE}"))
        admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis with a password and without a disk, as in the composition."""
    port = free_port()
    command = ["redis-server", f"--port {port}", "--bind 127.0.0.1", "--save", "", "--appendonly no", "--requirepass secret"]
    process = start(command, environment(), tmp_path / "redis.log")
    try:
        yield f"redis://:secret@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def command_of(service: str, **places: str) -> list[str]:
    """The command as the composition has it, on this machine's ports."""
    command = list(SERVICES[service]["command"])
    for name, value in places.items():
        command = [f"--{name}={value}" if part == f"--{name}={option(command, name)}" else part for part in command]
    return command


def test_the_composed_processes_start_work_and_stop(database: str, redis: str, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    env = environment(
        CMAST_SECRET_KEY="only for tests", CMAST_DATABASE_URL=database, CMAST_BROKER_URL=redis, CMAST_VAR_DIR=str(tmp_path),
        CMAST_EMAIL_URL="memorymail://", CMAST_STATIC_STORAGE="django.contrib.staticfiles.storage.StaticFilesStorage",
    )  # fmt: skip
    migrate = start(command_of("migrate"), env, log)
    assert migrate.wait(60) == 0, log.read_text()

    running = {"web": start(command_of("web", bind=f"127.0.0.1:{port}"), env, log)}
    for number in (1, 2):
        running[f"worker {number}"] = start([*command_of("worker"), f"--hostname=worker{number}@%h"], env, log)
    running["beat"] = start(command_of("beat"), env, log)
    assert {name.split()[0] for name in running} | {"migrate"} == set(OWN)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health/ready/"), "readiness", log, 30)
        wait_for(lambda: log.read_text().count(" ready.") == 2, "the start of two workers", log, 30)
        wait_for(lambda: "beat: Starting..." in log.read_text(), "the start of beat", log, 30)
        subprocess.run(["celery", "--app=cmast", "call", "cmast.tasks.heartbeat"], env=env, check=True, capture_output=True)
        with psycopg.connect(database, autocommit=True) as connected:
            runs = "SELECT outcome FROM cmast_jobrun WHERE name = 'heartbeat'"
            wait_for(lambda: connected.execute(runs).fetchall() == [("done",)], "the heartbeat", log, 30)
            # A worker whose database was restarted works on: it does not keep the dead connection for its next tasks.
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            connected.execute(others, [DATABASE])
            subprocess.run(["celery", "--app=cmast", "call", "cmast.tasks.heartbeat"], env=env, check=True, capture_output=True)
            wait_for(lambda: connected.execute(runs).fetchall() == [("done",)] * 2, "the next heartbeat", log, 30)
        assert {name for name, process in running.items() if process.poll() is not None} == set()
    finally:
        for process in running.values():
            process.terminate()
        codes = {name: process.wait(30) for name, process in running.items()}
    assert set(codes.values()) == {0}, (codes, log.read_text()[-3000:])
    assert processes_of(str(tmp_path)) == {}
