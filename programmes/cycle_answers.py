"""The shapes of what the API says of the monthly round: the board of a period, and the changes since last month."""

from typing import Any

from rest_framework import serializers

from cmast.vocabulary import Rag
from programmes.changes import Moved, Part, UpdateChanges
from programmes.completeness import Board
from programmes.models import ReportingPeriod, Update


class BoardRowSerializer(serializers.Serializer):
    """One update that was asked for."""

    update: Any = serializers.CharField(source="update.key", help_text="Key of the update.")
    title = serializers.CharField(source="update.title", help_text="Whose report it is, and the month.")
    programme = serializers.CharField(source="update.programme.key", default=None, allow_null=True, help_text="Key.")
    workstream = serializers.CharField(source="update.workstream.key", default=None, allow_null=True, help_text="Key.")
    status = serializers.ChoiceField(Update.Status.choices, source="update.status", help_text="How far it has come.")
    is_late = serializers.BooleanField(help_text="Not handed in, and the last day of the period has passed.")
    author = serializers.CharField(
        source="author.key",
        default=None,
        allow_null=True,
        help_text="Key of whoever is asked: named, else lead, SRO, programme office.",
    )
    author_name = serializers.CharField(source="author.name", default=None, allow_null=True, help_text="Their name.")
    submitted_on = serializers.DateField(source="update.submitted_on", allow_null=True, help_text="When it was handed in.")
    approved_on = serializers.DateField(source="update.approved_on", allow_null=True, help_text="When it was approved.")
    signed_off_on = serializers.DateField(source="update.signed_off_on", allow_null=True, help_text="When it was signed off.")
    published_on = serializers.DateField(source="update.published_on", allow_null=True, help_text="When it was published.")
    last_published_month_on = serializers.DateField(
        allow_null=True, help_text="First day of the last month before that was published for the same place."
    )


class CompletenessBoardSerializer(serializers.Serializer):
    """Who has answered in a period."""

    period = serializers.CharField(source="period.key", help_text="Key of the period.")
    month_on = serializers.DateField(source="period.month_on", help_text="First day of the month.")
    due_on = serializers.DateField(source="period.due_on", help_text="Last day to hand in.")
    status = serializers.ChoiceField(
        ReportingPeriod.Status.choices, source="period.status", help_text="Where the period stands."
    )
    on = serializers.DateField(source="today", help_text="Day for which lateness is told.")
    asked = serializers.SerializerMethodField(help_text="How many updates there are.")
    answered = serializers.IntegerField(help_text="How many were handed in.")
    late = serializers.IntegerField(help_text="How many are late.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Status -> how many.")
    updates = BoardRowSerializer(source="rows", many=True, help_text="Each update, the late ones first.")

    def get_asked(self, board: Board) -> int:
        return len(board.rows)


class UpdatePartSerializer(serializers.Serializer):
    """Some words of a fact."""

    change = serializers.SerializerMethodField(help_text="same, added or dropped.")
    text = serializers.SerializerMethodField(help_text="The words, with the spaces around them.")

    def get_change(self, part: tuple[Part, str]) -> str:
        return part[0].value

    def get_text(self, part: tuple[Part, str]) -> str:
        return part[1]


class FactChangeSerializer(serializers.Serializer):
    """A fact beside that of the last update."""

    change = serializers.ChoiceField(Moved.choices, help_text="What became of it.")
    text = serializers.CharField(help_text="The fact now; empty where it was dropped.")
    before = serializers.CharField(allow_null=True, help_text="The fact then; null where it is new.")
    parts: Any = UpdatePartSerializer(many=True, help_text="Word by word.")


class DateChangeSerializer(serializers.Serializer):
    """A milestone whose expected date has moved."""

    milestone = serializers.CharField(source="milestone.key", help_text="Key of the milestone.")
    title = serializers.CharField(source="milestone.title", help_text="What it is.")
    before = serializers.CharField(help_text="The date then, as vague as it was known.")
    now = serializers.CharField(help_text="The date now.")


class UpdateChangesSerializer(serializers.Serializer):
    """An update beside the last one before it."""

    update: Any = serializers.CharField(source="update.key", help_text="Key of the update.")
    previous = serializers.CharField(
        source="previous.key", default=None, allow_null=True, help_text="Key of the one before; null where there is none."
    )
    rag_before = serializers.SerializerMethodField(help_text="RAG then; null where there is nothing before.")
    rag = serializers.ChoiceField(Rag.choices, source="update.rag", help_text="RAG now.")
    facts: Any = FactChangeSerializer(many=True, help_text="Facts of today in their order, then those that are gone.")
    dates: Any = DateChangeSerializer(many=True, help_text="Milestones whose date has moved since the last one was handed in.")

    def get_rag_before(self, changes: UpdateChanges) -> str | None:
        return changes.rag[0]
