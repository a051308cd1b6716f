"""Many writers on the same records, through real server processes: nobody's change is lost.

`CMAST_RACES=2000` runs it longer.
"""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.server import running

RACES = int(os.environ.get("CMAST_RACES", "300"))
WRITERS = 8
KEYS = ["ws-lims", "ws-endoscopy", "ws-theatres", "ws-ent"]

pytestmark = [pytest.mark.real_time, pytest.mark.django_db]


def test_racing_writers_lose_no_update(register: dict[str, str]) -> None:
    """Each writer reads a number and writes it back one higher. The number must count the writes that succeeded."""
    with running("cmast.wsgi", register, "--workers=2") as server:

        def write(seed: int) -> tuple[str, int]:
            key = random.Random(seed).choice(KEYS)
            status, record, _ = server.call("GET", f"workstreams/{key}/")
            assert status == 200
            body = {"part_count": (record["part_count"] or 0) + 1}
            return key, server.call("PATCH", f"workstreams/{key}/", body, **{"If-match": record["etag"]}).status

        before = {key: server.call("GET", f"workstreams/{key}/").body["part_count"] or 0 for key in KEYS}
        with ThreadPoolExecutor(WRITERS) as writers:
            outcomes = Counter(writers.map(write, range(RACES)))
        assert {status for _, status in outcomes} == {200, 412}
        for key in KEYS:
            record = server.call("GET", f"workstreams/{key}/").body
            assert record["part_count"] - before[key] == outcomes[key, 200]
        assert sum(outcomes.values()) == RACES
