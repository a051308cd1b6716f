"""What was changed: one row for each row of a record that was inserted, updated or deleted."""

from typing import Any

from django.db import models

from cmast.history.context import Origin
from cmast.vocabulary import Words


class Change(models.Model):
    """A row of the history. Only triggers write it, and the database refuses to change or delete it.

    A touch moved only the version, because something that the record is shown with has changed.

    `before` and `after` are the whole row by column name. A row of a many-to-many relation counts as a change of the record
    that owns the relation.
    """

    class Operation(Words):
        INSERT = "insert"
        UPDATE = "update"
        DELETE = "delete"
        TOUCH = "touch"

    transaction_id = models.BigIntegerField(help_text="Transaction of the database; 0 on SQLite, where one writes at a time.")
    changed_at = models.DateTimeField(help_text="When, by the clock of the database.")
    table = models.CharField(max_length=63, help_text="Table of the row.")
    row_id = models.BigIntegerField(help_text="Primary key of the row.")
    record_type = models.CharField(max_length=60, help_text="Model of the record, such as programmes.milestone.")
    record_id = models.BigIntegerField(help_text="Primary key of the record.")
    record_key = models.CharField(max_length=100, help_text="Key of the record.")
    operation = models.CharField(max_length=6, choices=Operation.choices, help_text="What was done to the row.")
    before = models.JSONField(null=True, help_text="The row as it was; empty for an insert.")
    after = models.JSONField(null=True, help_text="The row as it became; empty for a delete.")
    actor = models.CharField(max_length=100, help_text="Key of the person; empty for a command or a task.")
    reason = models.TextField(help_text="Why, where it was said.")
    origin = models.CharField(max_length=10, choices=Origin.choices, help_text="Entrance that it came in by.")
    request_id = models.CharField(max_length=64, help_text="Request that made it.")

    class Meta:
        verbose_name = "change"
        verbose_name_plural = "changes"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["table", "row_id", "-id"], name="cmast_change_row"),
            models.Index(fields=["record_type", "record_key", "-id"], name="cmast_change_record"),
            models.Index(fields=["transaction_id", "id"], name="cmast_change_feed"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.record_type} {self.record_key}"

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Column -> before and after, for what differs besides the version and the time of the change."""
        before, after = self.before or {}, self.after or {}
        columns = [name for name in {**before, **after} if name not in ("id", "version", "created_at", "updated_at")]
        return {name: (before.get(name), after.get(name)) for name in columns if before.get(name) != after.get(name)}
