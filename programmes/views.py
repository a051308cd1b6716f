"""Endpoints of programmes."""

from contextlib import nullcontext
from typing import Any

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.finding import visible
from cmast.api.pagination import refuse_unknown
from cmast.api.past import asked_day, day_of_question, moment_of, the_past
from cmast.api.problems import QueryError
from cmast.api.viewsets import RecordViewSet
from cmast.models import Change
from cmast.views import refuse_key
from programmes import filters, models, serializers
from programmes.calendars import address_of
from programmes.changes import changes_since_last
from programmes.checklists import ClosureChecklist
from programmes.completeness import board
from programmes.cycle_answers import CompletenessBoardSerializer, UpdateChangesSerializer
from programmes.health_answers import HealthSerializer, spoken
from programmes.rollups import health_of, strip_of


class PlanYearViewSet(RecordViewSet):
    queryset = models.PlanYear.objects.all()
    serializer_class = serializers.PlanYearSerializer
    filterset_class = filters.PlanYearFilter


class ProgrammeViewSet(ClosureChecklist, RecordViewSet):
    queryset = models.Programme.objects.all()
    serializer_class = serializers.ProgrammeSerializer
    filterset_class = filters.ProgrammeFilter


class ObjectiveViewSet(RecordViewSet):
    queryset = models.Objective.objects.all()
    serializer_class = serializers.ObjectiveSerializer
    filterset_class = filters.ObjectiveFilter


class WorkstreamViewSet(ClosureChecklist, RecordViewSet):
    queryset = models.Workstream.objects.all()
    serializer_class = serializers.WorkstreamSerializer
    filterset_class = filters.WorkstreamFilter


class DeliverableViewSet(RecordViewSet):
    queryset = models.Deliverable.objects.all()
    serializer_class = serializers.DeliverableSerializer
    filterset_class = filters.DeliverableFilter


class MilestoneViewSet(RecordViewSet):
    queryset = models.Milestone.objects.all()
    serializer_class = serializers.MilestoneSerializer
    filterset_class = filters.MilestoneFilter
    also_ordered = ("due_on", "slip_days_least")


class ForecastViewSet(RecordViewSet):
    queryset = models.Forecast.objects.all()
    serializer_class = serializers.ForecastSerializer
    filterset_class = filters.ForecastFilter
    also_ordered = ("notice_days",)


class ForumViewSet(ClosureChecklist, RecordViewSet):
    queryset = models.Forum.objects.all()
    serializer_class = serializers.ForumSerializer
    filterset_class = filters.ForumFilter


class MeetingViewSet(RecordViewSet):
    queryset = models.Meeting.objects.all()
    serializer_class = serializers.MeetingSerializer
    filterset_class = filters.MeetingFilter


class RoleHolderViewSet(RecordViewSet):
    queryset = models.RoleHolder.objects.all()
    serializer_class = serializers.RoleHolderSerializer
    filterset_class = filters.RoleHolderFilter


class ApprovalViewSet(RecordViewSet):
    queryset = models.Approval.objects.all()
    serializer_class = serializers.ApprovalSerializer
    filterset_class = filters.ApprovalFilter


class SnapshotViewSet(RecordViewSet):
    queryset = models.Snapshot.objects.all()
    serializer_class = serializers.SnapshotSerializer
    filterset_class = filters.SnapshotFilter


class VoteViewSet(RecordViewSet):
    queryset = models.Vote.objects.all()
    serializer_class = serializers.VoteSerializer
    filterset_class = filters.VoteFilter
    needs_key = ("create", "bulk")


class AgendaItemViewSet(RecordViewSet):
    queryset = models.AgendaItem.objects.all()
    serializer_class = serializers.AgendaItemSerializer
    filterset_class = filters.AgendaItemFilter


class DecisionViewSet(RecordViewSet):
    queryset = models.Decision.objects.all()
    serializer_class = serializers.DecisionSerializer
    filterset_class = filters.DecisionFilter


class ActionViewSet(RecordViewSet):
    queryset = models.Action.objects.all()
    serializer_class = serializers.ActionSerializer
    filterset_class = filters.ActionFilter


class FundingViewSet(RecordViewSet):
    queryset = models.Funding.objects.all()
    serializer_class = serializers.FundingSerializer
    filterset_class = filters.FundingFilter


class ProcurementViewSet(RecordViewSet):
    queryset = models.Procurement.objects.all()
    serializer_class = serializers.ProcurementSerializer
    filterset_class = filters.ProcurementFilter


class MutualAidViewSet(RecordViewSet):
    queryset = models.MutualAid.objects.all()
    serializer_class = serializers.MutualAidSerializer
    filterset_class = filters.MutualAidFilter


class UpdateViewSet(RecordViewSet):
    queryset = models.Update.objects.all()
    serializer_class = serializers.UpdateSerializer
    filterset_class = filters.UpdateFilter

    @extend_schema(
        summary="What has changed since last month",
        description="Each fact beside that of the last update before this one, word by word, and the RAG and the dates of its "
        "place that have moved since.",
        responses=UpdateChangesSerializer,
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def changes(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        caller: Any = request.user
        return Response(UpdateChangesSerializer(changes_since_last(self.get_object(), caller)).data)


class UpdateFactViewSet(RecordViewSet):
    queryset = models.UpdateFact.objects.all()
    serializer_class = serializers.UpdateFactSerializer
    filterset_class = filters.UpdateFactFilter


class ReportingPeriodViewSet(RecordViewSet):
    queryset = models.ReportingPeriod.objects.all()
    serializer_class = serializers.ReportingPeriodSerializer
    filterset_class = filters.ReportingPeriodFilter

    @extend_schema(
        summary="Who has answered",
        description="Every update of the period that you may see, the late ones first: where it stands, who is asked, and "
        "when that place was last published.",
        parameters=[
            OpenApiParameter("on", OpenApiTypes.DATE, description="Day for which lateness is told. Today when left out.")
        ],
        responses=CompletenessBoardSerializer,
    )
    @action(detail=True, pagination_class=None, filterset_class=None, filter_backends=[])
    def completeness(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, ("on",))
        caller: Any = request.user
        return Response(CompletenessBoardSerializer(board(self.get_object(), caller, self.day_of_question())).data)


class CalendarFeedViewSet(RecordViewSet):
    """Besides what every record has: its address, once."""

    queryset = models.CalendarFeed.objects.all()
    serializer_class = serializers.CalendarFeedSerializer
    filterset_class = filters.CalendarFeedFilter
    bulk: Any = None  # it would show many secrets, in an answer that is stored

    @extend_schema(responses={201: serializers.NewCalendarFeedSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        refuse_key(request)
        return super().create(request, *args, **kwargs)

    def _created(self, body: Any) -> HttpResponse:
        response = super()._created(body)
        made = orjson.loads(response.content)
        secret = models.CalendarFeed.objects.get(key=made["key"]).renew()
        response.content = orjson.dumps(made | {"address": address_of(secret)})
        return response

    @extend_schema(
        summary="Renew the address of a calendar",
        description="A new address, shown this once. The one before it no longer works.",
        request=None,
        responses=serializers.NewAddressSerializer,
    )
    @action(detail=True, methods=["post"])
    def renew(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_key(request)
        return Response({"address": address_of(self.get_object().renew())})


class ClosureViewSet(RecordViewSet):
    queryset = models.Closure.objects.all()
    serializer_class = serializers.ClosureSerializer
    filterset_class = filters.ClosureFilter


class ConditionViewSet(RecordViewSet):
    queryset = models.Condition.objects.all()
    serializer_class = serializers.ConditionSerializer
    filterset_class = filters.ConditionFilter


class WaitViewSet(RecordViewSet):
    queryset = models.Wait.objects.all()
    serializer_class = serializers.WaitSerializer
    filterset_class = filters.WaitFilter


class HandoverViewSet(RecordViewSet):
    queryset = models.Handover.objects.all()
    serializer_class = serializers.HandoverSerializer
    filterset_class = filters.HandoverFilter


class HealthRuleViewSet(RecordViewSet):
    queryset = models.HealthRule.objects.all()
    serializer_class = serializers.HealthRuleSerializer
    filterset_class = filters.HealthRuleFilter


class HealthOverrideViewSet(RecordViewSet):
    queryset = models.HealthOverride.objects.all()
    serializer_class = serializers.HealthOverrideSerializer
    filterset_class = filters.HealthOverrideFilter


# --- Health -----------------------------------------------------------------------------------------------------------

MOST_MONTHS = 60
_KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the programme or workstream.")
_ASKED = [
    OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
    OpenApiParameter("on", OpenApiTypes.DATE, description="Day that is judged, by what is known now. Today when left out."),
    OpenApiParameter(
        "months",
        {"type": "integer", "minimum": 1, "maximum": MOST_MONTHS},
        description="Length of the strip, if any.",
    ),
]


class HealthView(APIView):
    """How it stands in five dimensions and overall: each colour with the rules that hold, the numbers and the records counted.

    Where nothing could be judged it says so: that is no colour between the others. Counts what you may see.
    """

    action = "health"
    model: Any = models.Programme

    @extend_schema(
        operation_id="programme_health_retrieve",
        summary="Read the health of a programme, explained",
        parameters=[_KEY, *_ASKED],
        responses=HealthSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        refuse_unknown(request, ("as_of", "on", "months"))
        today = asked_day(request, "on") or day_of_question(request)
        months, reader = _months(request), request.user
        is_known_then = _was_kept(request)
        with the_past(request) if is_known_then else nullcontext():
            place = visible(self.model, key, reader)
            if place is None:
                raise NotFound
            (health,) = health_of([place], reader, today)
        strip = strip_of(place, today, months) if months else []
        return Response(spoken(health, strip) | {"is_known_then": is_known_then})


class WorkstreamHealthView(HealthView):
    """The same of a workstream, with what lies below it."""

    model = models.Workstream

    @extend_schema(
        operation_id="workstream_health_retrieve",
        summary="Read the health of a workstream, explained",
        parameters=[_KEY, *_ASKED],
        responses=HealthSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        return super().get(request, key)


def _was_kept(request: Request) -> bool:
    """Whether the register knew anything at the moment of `as_of`. Raises QueryError.

    A day before its beginning, such as that of the first edition, is judged by what is known of that day now.
    """
    given = request.query_params.get("as_of")
    if given is None:
        return False
    began_at = Change.objects.order_by("pk").values_list("changed_at", flat=True).first()
    return began_at is not None and began_at <= moment_of(given)


def _months(request: Request) -> int:
    """How many months the strip has: none where none are asked for. Raises QueryError."""
    given = request.query_params.get("months")
    if given is None:
        return 0
    if not (given.isascii() and given.isdecimal() and len(given) < 4 and 1 <= int(given) <= MOST_MONTHS):
        raise QueryError({"months": f"Give a whole number from 1 to {MOST_MONTHS}."})
    return int(given)
