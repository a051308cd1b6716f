"""`make chaos`, small: no reminder is lost and none comes twice without a trace, whatever kills who plans and sends."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cmast.models import MailDelivery
from cmast.reminders import run_day
from tests import copies
from tests.chaos import ledger
from tests.chaos.servers import Redis, WrongServer
from tests.deployment.compose import ROOT
from tests.deployment.running import environment

pytestmark = pytest.mark.either_database


@pytest.mark.real_time
def test_nothing_is_lost_at_any_of_the_seven_points(edition: str, tmp_path: Path) -> None:
    file = tmp_path / "chaos.sqlite3"
    copies.copy_to_file(file)
    command = [sys.executable, "-m", "tests.chaos", "small", str(file)]
    run = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=100, check=False)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_comparison_sees_what_is_lost_repeated_and_unexplained(edition: str) -> None:
    ledger.make_rule()
    ledger.add(range(3))
    run_day(ledger.day())
    mails = MailDelivery.objects.filter(person__key__startswith="chaos-").order_by("person__key")
    first, second, third = ({"id": mail.message_id, "to": mail.person.email} for mail in mails.select_related("person"))
    assert ledger.judge([], 3).not_ended >= 3
    mails.update(state=ledger.State.SENT)

    verdict = ledger.judge([first, first, second], 4)
    assert verdict.lost == ["chaos-3", "chaos-2"]  # nobody planned it; nobody has it
    assert verdict.duplicates == verdict.unexplained == [first["id"]]
    mails.update(ambiguous=1)
    assert ledger.judge([first, first, second, third], 3).unexplained == []
    assert ledger.judge([first, {"id": "<unheard-of@x>", "to": "reader.0@cmast.example"}], 1).unexplained == [
        "<unheard-of@x>",
        "reader.0@cmast.example",
    ]


@pytest.mark.real_time
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_server_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    server = Redis(tmp_path)
    try:
        server.folder = tmp_path / "ours"
        for harm in (server.kill, server.empty):
            with pytest.raises(WrongServer, match="lives in"):
                harm()
        assert server.process.poll() is None
    finally:
        server.stop()
