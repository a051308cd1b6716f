"""`make run` from its first start to its second: real processes on SQLite and files."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.deployment.compose import ROOT
from tests.deployment.running import answers, environment, free_port, processes_of, start, wait_for

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="make run is on SQLite; see the other run"),
]


def serve(var: Path, port: int) -> subprocess.Popen:
    env = environment(CMAST_EMBEDDED="true", CMAST_VAR_DIR=str(var))
    process = start([sys.executable, "manage.py", "serve", f"--port={port}"], env, var / "log")
    wait_for(
        lambda: answers(f"http://127.0.0.1:{port}/health/ready/") or process.poll() is not None, "the start", var / "log", 120
    )
    assert process.poll() is None, (var / "log").read_text()
    return process


def rows(demo: dict[str, Any], token: str, resource: str = "programmes") -> list[dict[str, Any]]:
    asked = urllib.request.Request(f"{demo['url']}api/v1/{resource}/", headers={"Authorization": f"Bearer {demo[token]}"})
    with urllib.request.urlopen(asked, timeout=10) as response:
        return json.load(response)["results"]


def test_the_register_starts_stops_starts_again_with_its_data_and_stops_when_a_process_dies(tmp_path: Path) -> None:
    first_port, second_port = free_port(), free_port()
    file = tmp_path / "demo.json"

    process = serve(tmp_path, first_port)
    first = json.loads(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    assert first["url"] == f"http://127.0.0.1:{first_port}/"
    assert processes_of(f"CMAST_PUBLIC_URL={first['url']}"), "links in mail lead elsewhere"
    assert len(rows(first, "api_token")) == len(rows(first, "viewer_token")) == 7
    assert len(rows(first, "viewer_token", "findings")) == 7, "the findings of the edition wait for the night"
    assert {person["role"] for person in first["people"]} == {
        "pmo",
        "programme_manager",
        "workstream_lead",
        "trust_contributor",
        "viewer",
    }
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert processes_of(str(tmp_path)) == {}
    assert first["people"][0]["password"] in (tmp_path / "log").read_text()
    (tmp_path / "log").write_text("")

    process = serve(tmp_path, second_port)
    second = json.loads(file.read_text())
    assert second == first | {"url": f"http://127.0.0.1:{second_port}/"}
    assert len(rows(second, "api_token")) == 7
    assert first["people"][0]["password"] not in (tmp_path / "log").read_text()

    beat = next(pid for pid, command in processes_of(str(tmp_path)).items() if " beat " in command)
    os.kill(beat, signal.SIGKILL)
    assert process.wait(30) == 1
    assert "The beat process ended by itself (exit code -9), so everything was stopped." in (tmp_path / "log").read_text()
    assert processes_of(str(tmp_path)) == {}


def prepare(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=30, check=False
    )


def is_one_sentence(ended: subprocess.CompletedProcess) -> bool:
    return ended.returncode == 1 and ended.stdout == "" and len(ended.stderr.splitlines()) == 1


def test_a_busy_port_is_said_before_anything_is_installed(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = prepare("scripts/prepare.py", str(tmp_path / "venv"), "requirements/base.txt", "--port", port)
    assert is_one_sentence(ended)
    assert f"Port {port} cannot be used" in ended.stderr
    assert "PORT=" in ended.stderr
    assert not (tmp_path / "venv").exists()


def test_a_port_that_is_none_is_said() -> None:
    assert is_one_sentence(prepare("scripts/prepare.py", ".venv", "requirements/base.txt", "--port", "web"))


@pytest.mark.parametrize(
    ("setup", "advice"),
    [("sys.modules['ensurepip'] = None", "python3-venv"), ("sys.version_info = (3, 9, 2)", "Python 3.11")],
)
def test_what_a_machine_lacks_is_said_in_one_sentence(setup: str, advice: str, tmp_path: Path) -> None:
    code = (
        f"import runpy, sys\n{setup}\n"
        f"sys.argv = ['prepare.py', {str(tmp_path / 'venv')!r}, 'requirements/base.txt']\n"
        "runpy.run_path('scripts/prepare.py', run_name='__main__')"
    )
    ended = prepare("-c", code)
    assert ended.returncode == 1
    assert advice in ended.stderr
    assert "Traceback" not in ended.stderr
