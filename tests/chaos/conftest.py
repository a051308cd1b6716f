"""What the tests of this folder share: one register for all of them, a server for each."""

from collections.abc import Iterator

import pytest

from tests.chaos.server import empty_database, fill
from tests.deployment.running import environment


@pytest.fixture(scope="session")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a register with the edition, on a database of its own."""
    folder = tmp_path_factory.mktemp("chaos")
    with empty_database(folder) as url:
        env = environment(
            CMAST_EMBEDDED="true", CMAST_DATABASE_URL=url, CMAST_VAR_DIR=str(folder), CMAST_LOG_LEVEL="ERROR",
            CMAST_RATE_LIMIT="1000000/60", CMAST_STATIC_STORAGE="django.contrib.staticfiles.storage.StaticFilesStorage",
        )  # fmt: skip
        fill(env)
        yield env
