"""Creates that are sent again while the server's processes are killed: one object per key, and no key stays stuck.

`CMAST_KILLS=200` sends that many keys for each of the five places.
"""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.server import Answer, Server, running

KEYS = int(os.environ.get("CMAST_KILLS", "8"))
CLIENTS = 6
LONGEST = 10  # seconds that a key may be stuck after the last death
PLACES = [
    "before-the-claim",
    "before-the-work",
    "before-the-answer-is-stored",
    "before-the-commit",
    "after-the-commit",
]

pytestmark = [pytest.mark.real_time, pytest.mark.django_db]


class Outcome(NamedTuple):
    title: str
    answer: Answer
    seconds: float
    stuck: float


def post(server: Server, title: str, fault: str = "") -> Answer:
    headers = {"Idempotency-key": title.replace(" ", "-"), "X-fault": fault}
    return server.call("POST", "milestones/", {"title": title, "type": "meeting"}, **headers)


def insist(server: Server, title: str, place: str) -> Outcome:
    """Send the same request until it is answered. The first one kills its process, and so do some of the later ones."""
    chance, fault, started = random.Random(title), place, time.monotonic()
    last_death = started
    while True:
        try:
            answer = post(server, title, fault)
        except (OSError, HTTPException):
            last_death = time.monotonic()
            fault = place if chance.random() < 0.25 else ""
            time.sleep(0.1)
            continue
        if answer.status != 409:
            return Outcome(title, answer, time.monotonic() - started, time.monotonic() - last_death)
        time.sleep(int(answer.headers["Retry-After"]))


def test_a_create_that_is_sent_again_past_killed_processes_has_one_effect(register: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "faults"
    titles = {f"Kill {place} {number}": place for number in range(KEYS) for place in PLACES}
    with running("tests.chaos.faults", register | {"FAULT_LOG": str(log)}, "--workers=4", "--preload") as server:
        with ThreadPoolExecutor(CLIENTS) as clients:
            outcomes = list(clients.map(lambda title: insist(server, title, titles[title]), titles))
        deaths, stuck = Counter(log.read_text().split()), max(outcome.stuck for outcome in outcomes)
        longest = max(outcome.seconds for outcome in outcomes)
        print(f"{len(outcomes)} keys; deaths {dict(deaths)}; longest {longest:.1f} s, stuck after its last death {stuck:.1f} s")
        assert set(deaths) == set(PLACES)
        assert stuck < LONGEST
        for title, answer, *_ in outcomes:
            assert answer.status == 201, answer.body
            found = server.call("GET", f"milestones/?title={title.replace(' ', '%20')}").body["results"]
            assert [record["key"] for record in found] == [answer.body["key"]]
            again = post(server, title)
            assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, answer.body, "true")
