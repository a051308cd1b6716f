"""What was changed: one row for each row of a record that was inserted, updated or deleted."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from cmast.history.context import Origin
from cmast.models.records import Record, RecordQuerySet
from cmast.vocabulary import Words

if TYPE_CHECKING:
    from cmast.models.people import Person, Reader


class ChangeQuerySet(models.QuerySet):
    def visible_to(self, user: "Reader") -> Self:
        """Changes of the records that the person may see today, whatever could be seen when they were made."""
        if not user.is_authenticated or not user.reach.is_member:
            return self.none()
        hidden = Q(pk__in=[])
        for kind in apps.get_models():
            if issubclass(kind, Record):
                hidden |= _hidden_changes(kind, user)
        return self.exclude(hidden)


def _hidden_changes(kind: Any, user: "Person") -> Q:
    """Which changes of this kind of record are not for this person."""
    of_kind = Q(record_type=kind._meta.label_lower)
    if type(kind.objects.all()).visible_to is not RecordQuerySet.visible_to:
        return of_kind & ~Q(record_id__in=kind.objects.visible_to(user).values("pk"))
    hidden = Q(pk__in=[])
    for path, ids in user.reach.hidden.paths(kind):
        if path == "pk":
            hidden |= of_kind & Q(record_id__in=ids)
        else:
            column = kind._meta.get_field(path).attname
            belongs_now = Q(record_id__in=kind._default_manager.filter(**{f"{path}__in": ids}).order_by().values("pk"))
            hidden |= of_kind & (belongs_now | Q(**{f"after__{column}__in": ids}) | Q(**{f"before__{column}__in": ids}))
    return hidden


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

    objects: ClassVar = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = "change"
        verbose_name_plural = "changes"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["table", "row_id", "-id"], name="cmast_change_row"),
            models.Index(fields=["record_type", "record_key", "-id"], name="cmast_change_record"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.record_type} {self.record_key}"

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Column -> before and after, for what differs besides the version and the time of the change."""
        before, after = self.before or {}, self.after or {}
        columns = [name for name in {**before, **after} if name not in ("id", "version", "created_at", "updated_at")]
        return {name: (before.get(name), after.get(name)) for name in columns if before.get(name) != after.get(name)}


class FeedEntry(models.Model):
    """A change's place in the feed. A trigger puts each change in the queue; whoever reads the feed numbers what is committed.

    See `cmast.history.feed` for why the ids of the changes themselves are no order to read by.
    """

    change = models.OneToOneField(
        Change, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="entry", help_text="The change."
    )
    position = models.BigIntegerField(null=True, unique=True, help_text="Its place; empty until it is numbered.")

    class Meta:
        verbose_name = "feed entry"
        verbose_name_plural = "feed entries"
        ordering = ["position"]
        indexes = [models.Index(fields=["change"], condition=Q(position__isnull=True), name="cmast_feedentry_queue")]

    def __str__(self) -> str:
        return f"{self.position}"
