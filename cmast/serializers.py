"""JSON of cmast."""

from rest_framework import serializers

from cmast.api.serializers import KeyRelatedField, RecordSerializer
from cmast.models import ApiToken, Membership, Note, NoteSubject, Organisation, Person, Site, Source, SourceSection


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


class NoteSubjectSerializer(RecordSerializer):
    class Meta:
        model = NoteSubject


class NoteSerializer(RecordSerializer):
    subjects = NoteSubjectSerializer(many=True, read_only=True, help_text="Records that it is about.")

    class Meta:
        model = Note


class TokenSerializer(serializers.ModelSerializer):
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
