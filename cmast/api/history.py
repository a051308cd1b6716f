"""The history of a record and the feed of all changes, as JSON: columns by their field names, links by their keys."""

import json
from decimal import Decimal
from typing import Any

from django.db import models
from rest_framework import serializers

from cmast.history.reading import columns_of, field_name, is_row_of_record, keys_of, linked, owner_column
from cmast.models import Change, Person


class DifferenceSerializer(serializers.Serializer):
    """One field of a change."""

    field = serializers.CharField(help_text="Name of the field.")
    before = serializers.JSONField(allow_null=True, help_text="What it was.")
    after = serializers.JSONField(allow_null=True, help_text="What it became.")


class ChangeListSerializer(serializers.ListSerializer):
    """Looks up the keys behind the ids of all rows at once."""

    def to_representation(self, data: Any) -> list[Any]:
        rows = list(data)
        child: Any = self.child
        child.names = keys_of(linked(rows), child.context["reader"])
        actors = Person.objects.filter(key__in={row.actor for row in rows if row.actor})
        child.actors = dict(actors.values_list("key", "name"))
        return [child.to_representation(row) for row in rows]


class ChangeSerializer(serializers.Serializer):
    """One change of a record."""

    changed_at = serializers.DateTimeField(help_text="When.")
    operation = serializers.ChoiceField(Change.Operation.choices, help_text="What was done.")
    version = serializers.IntegerField(allow_null=True, help_text="Version that it led to; null for a part of the record.")
    actor = serializers.CharField(help_text="Key of the person; empty for a command or a task.")
    actor_name = serializers.CharField(allow_null=True, help_text="Name of the person.")
    reason = serializers.CharField(help_text="Why, where it was said.")
    origin = serializers.CharField(help_text="Entrance that it came in by: api, admin, task, command, answer (to an e-mail).")
    request_id = serializers.CharField(help_text="Request that made it.")
    changes = DifferenceSerializer(many=True, help_text="Each field before and after.")

    names: dict[tuple[str, int], str]
    actors: dict[str, str]

    class Meta:
        list_serializer_class = ChangeListSerializer

    def to_representation(self, change: Change) -> dict[str, Any]:
        return {
            "changed_at": change.changed_at.isoformat().replace("+00:00", "Z"),
            "operation": change.operation if (is_whole := is_row_of_record(change)) else Change.Operation.UPDATE,
            "version": (change.after or {}).get("version") if is_whole else None,
            "actor": change.actor,
            "actor_name": self.actors.get(change.actor),
            "reason": change.reason,
            "origin": change.origin,
            "request_id": change.request_id,
            "changes": list(self._differences(change)),
        }

    def _differences(self, change: Change) -> Any:
        fields = columns_of(change.table)
        owner = owner_column(change)
        for column, (before, after) in change.differences.items():
            field = fields.get(column)
            shown = [self._value(field, value) for value in (before, after)]
            # A link between records that are hidden from the reader leaves no trace.
            if column != owner and shown != [None, None]:
                yield {"field": field_name(change, field, column), "before": shown[0], "after": shown[1]}

    def _value(self, field: Any, value: Any) -> Any:
        match field:
            case _ if value is None:
                return None
            case models.ForeignKey():
                return self.names.get((field.related_model._meta.db_table, value))
            case models.DecimalField():
                number = Decimal(str(value))
                return f"{number.normalize():f}" if number else "0"
            case models.JSONField() if isinstance(value, str):
                return json.loads(value)
            case models.BooleanField():
                return bool(value)
            case _:
                return value


class FeedSerializer(ChangeSerializer):
    """A change with its place in the feed and the record that it is about."""

    position = serializers.IntegerField(help_text="Place in the feed.")
    resource = serializers.CharField(help_text="Resource of the record, as in its address: milestones.")
    key = serializers.CharField(help_text="Key of the record.")

    def to_representation(self, change: Change) -> dict[str, Any]:
        place = {
            "position": change.entry.position,
            "resource": self.context["resources"][change.record_type],
            "key": change.record_key,
        }
        return place | super().to_representation(change)
