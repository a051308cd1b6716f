"""Celery's filesystem broker, which needs no server, without two of its races (celery/kombu#1551).

It gives a message its name first and writes it afterwards. Who looks in between takes an empty file away: the message is lost,
and the worker ends. So it is with the table of queues when that is made. Here a file is whole from the moment it has its name,
and what is spoilt nevertheless (the machine lost its power) is said and passed over.
"""

import logging
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    # Kombu's base calls the second one `message`.
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # The name says the order, as the reader expects it.
        _appear(Path(self.data_folder_out, f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"), dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        while True:
            try:
                return super()._get(queue)
            except ValueError as error:
                # It is out of the way already. What it asked for is still due in the database, and is found by the next round.
                logger.error("A message of the queue %s cannot be read and is passed over: %s", queue, error)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        table = self._exchange_file(exchange)
        if not table.exists():
            with suppress(FileExistsError):
                _appear(table, "[]")
        super()._queue_bind(exchange, routing_key, pattern, queue)


class Transport(filesystem.Transport):
    Channel = Channel


def _appear(file: Path, content: str) -> None:
    """Raises FileExistsError, and leaves what is there."""
    draft = file.with_name(f".{uuid4()}.draft")
    try:
        draft.write_text(content)
        file.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
