"""JSON of cmast."""

from typing import Any

from django.db.models import DateTimeField
from rest_framework import serializers

from cmast.api.serializers import KeyRelatedField, MomentField, RecordSerializer, StrictSerializer
from cmast.models import (
    ApiToken,
    Membership,
    Note,
    NoteSubject,
    Organisation,
    Person,
    Record,
    ReminderRule,
    Restriction,
    Site,
    Source,
    SourceSection,
    Suppression,
    Webhook,
    WebhookDelivery,
)
from cmast.models.notes import require_named


class SourceSectionSerializer(RecordSerializer):
    class Meta:
        model = SourceSection


class SourceSerializer(RecordSerializer):
    sections = SourceSectionSerializer(many=True, read_only=True, help_text="Headings and the lines below them.")

    class Meta:
        model = Source


class OrganisationSerializer(RecordSerializer):
    predecessors = KeyRelatedField(many=True, read_only=True, help_text="Organisations that became this one.")

    class Meta:
        model = Organisation


class SiteSerializer(RecordSerializer):
    class Meta:
        model = Site


class PersonSerializer(RecordSerializer):
    hidden = ("password", "last_login")

    class Meta:
        model = Person


class MembershipSerializer(RecordSerializer):
    class Meta:
        model = Membership


class NamingSerializer(RecordSerializer):
    """Base for what names a record by its kind and key: one that the caller may not see is refused like a missing one."""

    class Meta:
        model: type[Record]

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        names = ("record_type", "record_key")
        before = [getattr(self.instance, name, "") for name in names]
        kind, key = (values.get(name, stored) for name, stored in zip(names, before, strict=True))
        if [kind, key] != before:
            require_named(kind, key, self.context["request"].user)
        return values


class NoteSubjectSerializer(NamingSerializer):
    class Meta:
        model = NoteSubject


class NoteSerializer(RecordSerializer):
    subjects = NoteSubjectSerializer(many=True, read_only=True, help_text="Records that it is about.")

    class Meta:
        model = Note


class RestrictionSerializer(NamingSerializer):
    hidden = ("record_id",)

    class Meta:
        model = Restriction


class ReminderRuleSerializer(RecordSerializer):
    class Meta:
        model = ReminderRule


class PreviewSerializer(serializers.Serializer):
    """One reminder that a rule would make."""

    person = serializers.CharField(source="person.key", help_text="Key of the person who is reminded.")
    record_type = serializers.CharField(source="reminder.record_type", help_text="Kind of record that it is about.")
    record = serializers.CharField(source="record.key", help_text="Key of that record.")
    title = serializers.CharField(source="record", help_text="What it is called.")
    due_on = serializers.DateField(source="reminder.due_on", help_text="Its date.")
    remind_on = serializers.DateField(source="reminder.remind_on", help_text="Day that the rule names.")
    is_escalated = serializers.BooleanField(source="reminder.is_escalated", help_text="Whether somebody else has not answered.")


class SuppressionSerializer(RecordSerializer):
    class Meta:
        model = Suppression


class WebhookSerializer(RecordSerializer):
    class Meta:
        model = Webhook


class NewWebhookSerializer(WebhookSerializer):
    """A webhook just made, with its secret, shown this once."""

    secret = serializers.CharField(read_only=True, help_text="What its messages are signed with. It is not shown again.")

    class Meta(WebhookSerializer.Meta):
        pass


class NewSecretSerializer(serializers.Serializer):
    """A secret just made, shown this once."""

    secret = serializers.CharField(help_text="What messages are signed with from now on. It is not shown again.")


class WebhookDeliverySerializer(serializers.ModelSerializer):
    """One message to a webhook."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {DateTimeField: MomentField}

    id = serializers.UUIDField(read_only=True, help_text="The header webhook-id of the message.")
    # Said here because each database has a range of its own for such numbers.
    attempts = serializers.IntegerField(read_only=True, help_text="How often it was tried.")
    last_status = serializers.IntegerField(read_only=True, allow_null=True, help_text="Status of the receiver's last answer.")
    asked_by: Any = serializers.SlugRelatedField(
        slug_field="key", read_only=True, allow_null=True, help_text="Who asked for it to be sent, where a person did."
    )

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "event",
            "state",
            "attempts",
            "not_before",
            "last_status",
            "last_error",
            "first_position",
            "last_position",
            "asked_by",
            "created_at",
            "sent_at",
        ]


class TokenSerializer(StrictSerializer):
    """A token without its secret."""

    key = serializers.CharField(source="token_key", read_only=True, help_text="First characters of the token; its address.")
    created_at = serializers.DateTimeField(source="created", read_only=True, help_text="When it was made.")
    expires_at = serializers.DateTimeField(
        source="expiry", required=False, allow_null=True, help_text="When it ends; a year from now when left out."
    )

    class Meta:
        model = ApiToken
        fields = ["key", "name", "scope", "created_at", "expires_at"]


class NewTokenSerializer(TokenSerializer):
    """A token just made, with its secret, shown this once."""

    token = serializers.CharField(read_only=True, help_text="The token itself. It is not stored and cannot be shown again.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
