"""What a closure has still to settle, over the API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.api.pagination import refuse_unknown
from cmast.api.past import the_past
from programmes.models.closing import Checklist, Item, checklist, type_of

_AS_OF = OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment.")


class ChecklistItemSerializer(serializers.Serializer):
    """One record that a closure must settle."""

    record_type = serializers.CharField(help_text="Kind of record, such as risk.")
    record_key = serializers.CharField(help_text="Its key.")
    record_name = serializers.CharField(help_text="What it is called.")
    is_done = serializers.BooleanField(help_text="Whether somebody is named who takes it over.")
    missing = serializers.CharField(allow_null=True, help_text="What has still to be said; null when it is settled.")
    handover = serializers.CharField(allow_null=True, help_text="Key of the handover.")
    receiver = serializers.CharField(allow_null=True, help_text="Who takes it over.")
    accepted_on = serializers.DateField(allow_null=True, help_text="Day on which they took it over; null while they have not.")


class ChecklistSerializer(serializers.Serializer):
    """What the end of a programme, workstream or forum leaves behind."""

    record_type = serializers.CharField(help_text="programme, workstream or forum.")
    record_key = serializers.CharField(help_text="Its key.")
    record_name = serializers.CharField(help_text="What it is called.")
    status = serializers.CharField(help_text="Where it stands.")
    closed_on = serializers.DateField(allow_null=True, help_text="When it was closed.")
    closure = serializers.CharField(allow_null=True, help_text="Key of its closure, where there is a record of it.")
    confirmed_by = serializers.CharField(allow_null=True, help_text="Key of the forum that confirmed the closure.")
    is_risk_log_closed = serializers.BooleanField(allow_null=True, help_text="As its closure says; null: not stated.")
    is_risk_transfer_recorded = serializers.BooleanField(allow_null=True, help_text="As its closure says; null: not stated.")
    is_complete = serializers.BooleanField(help_text="Nothing is missing: it can be closed, or was closed in order.")
    missing_count = serializers.IntegerField(help_text="How many records nobody takes over.")
    items = ChecklistItemSerializer(many=True, help_text="What it leaves open, kind by kind.")


def spoken(found: Checklist) -> dict[str, Any]:
    """A checklist as the API answers it."""
    subject, closure = found.subject, found.closure
    return {
        "record_type": type_of(subject),
        "record_key": subject.key,
        "record_name": str(subject),
        "status": subject.status,
        "closed_on": subject.closed_on,
        "closure": closure and closure.key,
        "confirmed_by": closure and closure.confirmed_by and closure.confirmed_by.key,
        "is_risk_log_closed": closure and closure.is_risk_log_closed,
        "is_risk_transfer_recorded": closure and closure.is_risk_transfer_recorded,
        "is_complete": not found.missing,
        "missing_count": len(found.missing),
        "items": [_spoken_item(item) for item in found.items],
    }


def _spoken_item(item: Item) -> dict[str, Any]:
    handover = item.handover
    return {
        "record_type": item.record_type,
        "record_key": item.record.key,
        "record_name": str(item.record),
        "is_done": item.is_done,
        "missing": item.missing or None,
        "handover": handover and handover.key,
        "receiver": handover and handover.receiver,
        "accepted_on": handover and handover.accepted_on,
    }


class ClosureChecklist:
    """The checklist of a kind of record that is closed."""

    get_object: Any

    @extend_schema(
        summary="What its closure must settle",
        description="Every risk, action, benefit and workstream that is left open, and who takes it over. It cannot be closed "
        "while anything is missing.",
        responses=ChecklistSerializer,
        parameters=[
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment.")
        ],
    )
    @action(
        detail=True, url_path="closure-checklist", url_name="closure-checklist", filterset_class=None, pagination_class=None
    )
    def closure_checklist(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, ("as_of",))
        with the_past(request):
            return Response(spoken(checklist(self.get_object(), request.user)))
