"""One after the other, where what is read must still hold when it is written and no row can be locked for it."""

from zlib import crc32

from django.db import connection


def take_turn(place: str) -> None:
    """Waits until whoever passed this place before has ended their transaction. On SQLite whoever writes is alone anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [crc32(place.encode())])
