"""A number that moves with everything that decides who may do what."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Func, TextField

from cmast import shapes

_is_one_moment: ContextVar[bool] = ContextVar("one_moment", default=False)


@contextmanager
def one_moment() -> Iterator[None]:
    """All statements inside see the data of the first, however many others write meanwhile. Nothing is written inside."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield  # readers of SQLite have no stamp of all data, and rights do not change twice in a request
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        token = _is_one_moment.set(True)
        try:
            yield
        finally:
            _is_one_moment.reset(token)


class Stamp(Func):
    """The present number as text, empty where nothing has changed yet.

    With data it is a text that moves with every change of any table, if only on PostgreSQL: what follows from the data of many
    tables is known to hold as long as it stays the same.
    """

    NUMBER = "coalesce((SELECT CAST(number AS text) FROM cmast_accessstamp WHERE id = 1), '')"
    WITH_DATA = NUMBER + " || '/' || CAST(pg_current_snapshot() AS text)"

    output_field = TextField()

    def __init__(self, *, with_data: bool = False, **extra: Any) -> None:
        super().__init__(template=self.WITH_DATA if with_data and self.sees_data() else self.NUMBER)

    @staticmethod
    def sees_data() -> bool:
        """A transaction does not see its own changes as a new state."""
        return connection.vendor == "postgresql" and (_is_one_moment.get() or not connection.in_atomic_block)


class AccessStamp(models.Model):
    """One row. Triggers move its number whenever a person, a membership, a token or a restriction changes, by whatever path.

    Who keeps in memory what a caller may do compares this number with each request, in the statement that reads the rows.
    """

    ID = 1
    #: Tables that it moves with.
    TABLES = ("cmast_person", "cmast_membership", "cmast_apitoken", "cmast_restriction", "cmast_restriction_named")

    number = models.BigIntegerField(default=1, help_text="Counts the changes.")

    class Meta:
        verbose_name = "access stamp"
        verbose_name_plural = "access stamps"

    def __str__(self) -> str:
        return f"{self.number}"

    @classmethod
    def now(cls, *, with_data: bool = False) -> str:
        ((found,),) = shapes.run("SELECT " + Stamp(with_data=with_data).extra["template"], [])
        return str(found)
