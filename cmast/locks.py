"""What two workers must not do at once, and no row stands for."""

import zlib

from django.db import connection


def take_turns(at: str) -> None:
    """Until the transaction ends, nobody else is at it. On SQLite whoever writes is alone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(at.encode())])
