"""What the tests of this folder share: one register for all of them, a server for each."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.server import copied_database, populate
from tests.deployment.running import environment


@pytest.fixture(scope="session")
def register(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[dict[str, str]]:
    """The environment of a register with the edition, on a database of its own."""
    folder = tmp_path_factory.mktemp("chaos")
    with django_db_blocker.unblock(), copied_database(folder) as url:
        env = environment(
            CMAST_EMBEDDED="true", CMAST_DATABASE_URL=url, CMAST_VAR_DIR=str(folder), CMAST_LOG_LEVEL="ERROR",
            CMAST_RATE_LIMIT="1000000/60", CMAST_STATIC_STORAGE="django.contrib.staticfiles.storage.StaticFilesStorage",
        )  # fmt: skip
        populate(env)
        yield env
