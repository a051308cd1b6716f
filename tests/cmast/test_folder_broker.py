"""The broker of a register without Redis: a folder of messages that several processes write and read at once."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from threading import Thread
from typing import Any

import pytest
from kombu import Connection

ROOT = Path(__file__).resolve().parents[2]
TRANSPORT = "cmast.folder_broker:Transport"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("messages", "control"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def connect(folder: Path) -> Iterator[Any]:
    """Queues of a folder of the test's own, by its name: a process remembers which ones are bound."""
    opened: list[Connection] = []

    def make() -> Any:
        options = {"data_folder_in": str(folder / "messages"), "data_folder_out": str(folder / "messages")}
        options |= {"control_folder": str(folder / "control")}
        opened.append(Connection("filesystem://localhost/", transport=TRANSPORT, transport_options=options))
        return opened[-1].SimpleQueue(folder.name)

    yield make
    for connection in opened:
        connection.release()


def test_the_product_uses_it_where_there_is_no_redis(tmp_path: Path) -> None:
    asked = "from cmast.celery import app; print(app.connection_for_write().get_transport_cls().__module__)"
    env = {"PATH": os.environ["PATH"], "CMAST_EMBEDDED": "true", "CMAST_VAR_DIR": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == TRANSPORT.partition(":")[0]


def test_a_message_has_its_name_only_when_it_is_whole(connect: Any, folder: Path) -> None:
    class Watched:
        """Looks into the folder while it is being written out."""

        def __json__(self) -> str:
            seen.extend(folder.glob("messages/*.msg"))
            return "written"

    seen: list[Path] = []
    queue = connect()
    with queue.channel as channel:
        channel._put(folder.name, {"body": Watched()})
        (message,) = folder.glob("messages/*")
        assert seen == [] and message.name.endswith(f".{folder.name}.msg")
        assert channel._get(folder.name) == {"body": "written"}


def test_no_message_is_lost_between_one_who_writes_and_one_who_reads(connect: Any) -> None:
    wanted = list(range(500))
    found: list[int] = []
    reader, writer = connect(), connect()
    thread = Thread(target=lambda: [writer.put(number, serializer="json") for number in wanted])
    thread.start()
    while len(found) < len(wanted):
        message = reader.get(timeout=5)
        message.ack()
        found.append(message.payload)
    thread.join()
    assert sorted(found) == wanted
    with pytest.raises(Empty):
        reader.get(block=False)


def test_the_table_of_queues_is_whole_when_it_appears_and_is_added_to(connect: Any, folder: Path) -> None:
    channel, (table,) = connect().channel, folder.glob("control/*")
    assert json.loads(table.read_text()) == [[folder.name, "", folder.name]]
    before = table.stat().st_ino
    channel._queue_bind(folder.name, "other", "", "other")
    assert json.loads(table.read_text()) == [["other", "", "other"], [folder.name, "", folder.name]]
    assert table.stat().st_ino == before and list(folder.glob("control/.*")) == []


def test_a_spoilt_message_is_said_and_passed_over(connect: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    queue = connect()
    for name, content in (("1_a", b""), ("2_b", b'{"body": "cut o'), ("3_c", b"\xff\xfe")):
        (folder / "messages" / f"{name}.{folder.name}.msg").write_bytes(content)
    queue.put("whole", serializer="json")
    with caplog.at_level(logging.ERROR):
        assert queue.get(timeout=5).payload == "whole"
    assert caplog.text.count("cannot be read and is passed over") == 3
    assert list(folder.glob("messages/*")) == []
