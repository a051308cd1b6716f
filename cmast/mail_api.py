"""The ledger of reminders and the mail, over the API: what the PMO sees at its desk, and what it does there.

Neither says what a mail said: a digest names what its reader may see, and holds links that answer in their name.
"""

from typing import Any

import django_filters as df
from django.db.models import DateTimeField, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.api.filters import LedgerFilterSet, Question, WordInFilter
from cmast.api.idempotency import once
from cmast.api.serializers import MomentField, Strict
from cmast.models import MailAction, MailDelivery, Reminder, ReminderRule


def _key(what: str) -> Any:
    return serializers.SlugRelatedField(slug_field="key", read_only=True, help_text=what)


class LedgerSerializer(serializers.ModelSerializer):
    """Base of what the register writes by itself."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {DateTimeField: MomentField}


class ReminderSerializer(LedgerSerializer):
    """One line of the ledger."""

    rule = _key("Key of the rule that it follows.")
    person = _key("Key of the person who is reminded.")
    mail: Any = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="Digest that carries it; null while there is none."
    )

    class Meta:
        model = Reminder
        fields = [
            "rule",
            "record_type",
            "record_key",
            "person",
            "remind_on",
            "due_on",
            "is_escalated",
            "state",
            "reason",
            "mail",
            "created_at",
        ]


class MailActionSerializer(LedgerSerializer):
    """What a person did about a mail, and why."""

    by = _key("Key of the person who did it.")

    class Meta:
        model = MailAction
        fields = ["action", "by", "reason", "done_at"]


class MailSerializer(LedgerSerializer):
    """One mail and where it stands, without what it says."""

    id = serializers.UUIDField(read_only=True, help_text="Its address here; also the first part of its Message-ID.")
    person = _key("Key of the person whom it is to.")
    # Said here because each database has a range of its own for such numbers.
    attempts = serializers.IntegerField(read_only=True, help_text="How often it was tried.")
    ambiguous = serializers.IntegerField(read_only=True, help_text="Attempts that may have arrived and may not.")
    asked_by: Any = serializers.SlugRelatedField(
        slug_field="key", read_only=True, allow_null=True, help_text="Who asked for it to be sent again, where a person did."
    )
    actions = MailActionSerializer(many=True, read_only=True, help_text="What people did about it.")

    class Meta:
        model = MailDelivery
        fields = [
            "id",
            "purpose",
            "person",
            "for_on",
            "heading",
            "address",
            "transport",
            "state",
            "attempts",
            "ambiguous",
            "not_before",
            "last_error",
            "asked_by",
            "created_at",
            "sent_at",
            "actions",
        ]


class ReasonSerializer(Strict):
    """Why something is done."""

    change_reason = serializers.CharField(max_length=500, help_text="Why.")


class ReminderFilter(LedgerFilterSet):
    named = ("rule", "record_type", "record_key", "person", "remind_on", "due_on", "is_escalated", "state", "created_at")

    mail = df.UUIDFilter(field_name="mail", help_text="The lines that this digest carries.")
    kind = WordInFilter(
        field_name="rule__kind", choices=ReminderRule.Kind.choices, help_text="Kind of its rule; several, separated by commas."
    )
    waiting = Question("waiting", help_text="In no mail yet, or in one that went without them.")

    class Meta:
        model = Reminder
        fields: list[str] = []


class MailFilter(LedgerFilterSet):
    named = ("person", "purpose", "for_on", "transport", "state", "not_before", "created_at", "sent_at")

    undelivered = Question("undelivered", help_text="For a person to look at: refused, given up, or nobody knows.")

    class Meta:
        model = MailDelivery
        fields: list[str] = []


class LedgerViewSet(viewsets.GenericViewSet):
    """Base: what the caller may see of something that the register writes by itself, the latest first."""

    queryset: Any
    ordering_fields: tuple[str, ...]
    default_ordering: str
    has_past = False

    def get_queryset(self) -> QuerySet:
        visible: QuerySet = self.queryset.visible_to(self.request.user)
        return visible


class ReminderViewSet(mixins.ListModelMixin, LedgerViewSet):
    queryset = Reminder.objects.select_related("rule", "person")
    serializer_class = ReminderSerializer
    filterset_class = ReminderFilter
    ordering_fields = ("remind_on", "due_on", "created_at")
    default_ordering = "-remind_on"


class MailViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, LedgerViewSet):
    queryset = MailDelivery.objects.select_related("person", "asked_by").prefetch_related("actions__by")
    serializer_class = MailSerializer
    filterset_class = MailFilter
    ordering_fields = ("created_at", "not_before", "sent_at")
    default_ordering = "-created_at"
    needs_key = ("send_again",)

    @extend_schema(
        summary="Send a mail again",
        description="What failed, is unknown or was suppressed goes from the beginning, with all its reminders that are still "
        "open, under the same Message-ID.",
        request=ReasonSerializer,
    )
    @action(detail=True, methods=["post"])
    @once
    def send_again(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._done(lambda mail, reason: mail.send_again(request.user, reason))

    @extend_schema(
        summary="Settle a mail: it has arrived",
        description="What failed or is unknown has arrived after all, as a person has found out: it counts as sent.",
        request=ReasonSerializer,
    )
    @action(detail=True, methods=["post"])
    @once
    def settle_arrived(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._done(lambda mail, reason: mail.settle_by_hand(request.user, True, reason))

    @extend_schema(
        summary="Settle a mail: not needed any more",
        description="What failed or is unknown need not arrive any more: it counts as cancelled.",
        request=ReasonSerializer,
    )
    @action(detail=True, methods=["post"])
    @once
    def settle_given_up(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._done(lambda mail, reason: mail.settle_by_hand(request.user, False, reason))

    def _done(self, act: Any) -> Response:
        said = ReasonSerializer(data=self.request.data)
        said.is_valid(raise_exception=True)
        act(self.get_object(), said.validated_data["change_reason"])
        return Response(self.get_serializer(self.get_object()).data)
