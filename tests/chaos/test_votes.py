"""Many boards vote at once, some of them twice: every vote is counted once, and the approval is given exactly once.

`CMAST_VOTES=500` runs it longer.
"""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.server import Server, running

#: Votes that are sent; each board's is sent twice.
VOTES = int(os.environ.get("CMAST_VOTES", "40"))
WRITERS = 8

pytestmark = [pytest.mark.real_time, pytest.mark.django_db]


def test_racing_votes_approve_exactly_once(register: dict[str, str]) -> None:
    with running("cmast.wsgi", register, "--workers=2") as server:
        approval = approval_of(server, VOTES // 2)
        keys = [f"{approval}-{number}" for number in range(VOTES // 2)] * 2
        random.Random(7).shuffle(keys)

        def vote(number: int) -> int:
            said = {"status": "approved", "decided_on": "2024-05-29"}
            return server.call(
                "POST", f"votes/{keys[number]}/decide/", said, **{"Idempotency-key": f"{approval}-{number}"}
            ).status

        with ThreadPoolExecutor(WRITERS) as boards:
            answers = Counter(boards.map(vote, range(len(keys))))
        assert answers == {200: len(keys) // 2, 409: len(keys) // 2}
        outcome = server.call("GET", f"approvals/{approval}/outcome/").body
        assert outcome["sentence"] == f"{VOTES // 2} of {VOTES // 2} approved"
        assert outcome["approved_at"]
        assert len(moments_of_approval(server, approval)) == 1


def approval_of(server: Server, boards: int) -> str:
    """An approval that all these boards must give."""
    body = {"subject": "Racing", "kind": "business_case", "rule": "unanimous_of_named_bodies"}
    approval = str(server.call("POST", "approvals/", body).body["key"])
    rows = [{"key": f"{approval}-{n}", "approval": approval, "placeholder": f"board {n}"} for n in range(boards)]
    made = server.call("POST", "votes/bulk/", {"operation": "create", "rows": rows}, **{"Idempotency-key": approval})
    assert made.body["created"] == boards, made.body
    return approval


def moments_of_approval(server: Server, approval: str) -> list[str]:
    """Every value that `approved_at` was ever given, as the history tells it."""
    found, path = [], f"approvals/{approval}/history/?page_size=1000"
    while path:
        page = server.call("GET", path).body
        found += [c["after"] for row in page["results"] for c in row["changes"] if c["field"] == "approved_at" and c["after"]]
        path = (page["next"] or "").partition("/api/v1/")[2]
    return found
