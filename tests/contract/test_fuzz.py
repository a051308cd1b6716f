"""No call, however odd, breaks the API: made from the OpenAPI document, by three roles.

`CMAST_FUZZ=20000` makes that many calls; `make fuzz` does it on both databases.
"""

import logging
import os
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from drf_spectacular.generators import SchemaGenerator

from cmast.wsgi import application as product
from tests.conftest import PLACES
from tests.contract.fuzzing import Fuzzer

CALLS = int(os.environ.get("CMAST_FUZZ", "400"))
ROLES = ["viewer", "workstream_lead", "pmo"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def application(environ: Any, start_response: Any) -> list[bytes]:
    """The application inside the test's transaction: like Django's own client, without closing the connection."""
    body = b""
    # What one call breaks must not break the next ones: PostgreSQL refuses all after a statement that failed.
    with pytest.MonkeyPatch.context() as patch, suppress(DatabaseError), transaction.atomic():
        patch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda _: None)
        response: Any = product(environ, start_response)
        body = b"".join(response)
        if hasattr(response, "close"):
            response.close()
    return [body]


@pytest.mark.parametrize("role", ROLES)
def test_no_call_breaks_the_api(role: str, document: Any, edition: Any, api: Any, caplog: Any) -> None:
    caplog.set_level(logging.ERROR, "django.request")
    calls = CALLS // len(ROLES) + 1
    fuzzer = Fuzzer(document, application, lambda: api(role), role, PLACES["workstream"])
    fuzzer.look_around()
    fuzzer.coverage(calls // 2)
    fuzzer.fuzzing(calls // 4)
    fuzzer.chains(calls)
    print(f"{role}: {fuzzer.answers.total()} calls, {dict(sorted(fuzzer.answers.items()))}")
    assert not fuzzer.broken, "\n\n".join(f"{what}\n{how}" for what, how in fuzzer.broken.items())
    assert [path for path, answer in fuzzer.lists(1000).items() if answer.status_code != 200] == []
