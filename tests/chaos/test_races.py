"""Many writers on the same records, through real server processes: nobody's change is lost.

`CMAST_RACES=2000` runs it longer.
"""

import json
import os
import random
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from tests.deployment.running import BIN, answers, environment, free_port, start, wait_for

RACES = int(os.environ.get("CMAST_RACES", "300"))
WRITERS = 8
KEYS = ["ws-lims", "ws-endoscopy", "ws-theatres", "ws-ent"]

pytestmark = pytest.mark.real_time


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of its own, of the kind that the tests run on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'races.sqlite3'}"
        return
    server = os.environ["CMAST_DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE cmast_races")
        yield urlunsplit(urlsplit(server)._replace(path="/cmast_races"))
        admin.execute("DROP DATABASE cmast_races WITH (FORCE)")


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a running server with the edition."""
    log, port = tmp_path / "log", free_port()
    env = environment(CMAST_EMBEDDED="true", CMAST_DATABASE_URL=database, CMAST_VAR_DIR=str(tmp_path), CMAST_LOG_LEVEL="ERROR")
    env["CMAST_STATIC_STORAGE"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    for command in (["migrate"], ["load_edition", "2024-05"], ["create_demo_people"]):
        assert start([f"{BIN}/python", "manage.py", *command], env, log).wait(120) == 0, log.read_text()[-3000:]
    gunicorn = ["gunicorn", "cmast.wsgi", "--worker-class=gthread", "--workers=2", "--threads=4", f"--bind=127.0.0.1:{port}"]
    process = start(gunicorn, env, log)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health/ready/"), "the start of the server", log)
        yield f"http://127.0.0.1:{port}/api/v1", json.loads((tmp_path / "demo.json").read_text())["api_token"]
    finally:
        process.terminate()
        process.wait(20)


def call(token: str, method: str, url: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body is not None else None)
    request.headers = {"Authorization": f"Bearer {token}", "Content-type": "application/json"} | headers
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_racing_writers_lose_no_update(server: tuple[str, str]) -> None:
    """Each writer reads a number and writes it back one higher. The number must count the writes that succeeded."""
    url, token = server

    def write(seed: int) -> tuple[str, int]:
        key = random.Random(seed).choice(KEYS)
        status, record = call(token, "GET", f"{url}/workstreams/{key}/")
        assert status == 200
        body = {"part_count": (record["part_count"] or 0) + 1}
        return key, call(token, "PATCH", f"{url}/workstreams/{key}/", body, **{"If-match": record["etag"]})[0]

    before = {key: call(token, "GET", f"{url}/workstreams/{key}/")[1]["part_count"] or 0 for key in KEYS}
    with ThreadPoolExecutor(WRITERS) as writers:
        outcomes = Counter(writers.map(write, range(RACES)))
    assert {status for _, status in outcomes} == {200, 412}
    for key in KEYS:
        _, record = call(token, "GET", f"{url}/workstreams/{key}/")
        assert record["part_count"] - before[key] == outcomes[key, 200]
    assert sum(outcomes.values()) == RACES
