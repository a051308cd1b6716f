"""Endpoints of risks."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.pagination import refuse_unknown
from cmast.api.past import asked_day, day_of_question, the_past
from cmast.api.viewsets import RecordViewSet
from programmes.models import Programme
from risks import filters, models, serializers
from risks.answers import HeatMapSerializer, StandingsSerializer
from risks.heat_map import HeatMap, heat_map_of
from risks.models.questions import RiskQuerySet
from risks.standing import standing


class RiskViewSet(RecordViewSet):
    queryset = models.Risk.objects.all()
    serializer_class = serializers.RiskSerializer
    filterset_class = filters.RiskFilter


class ScoreViewSet(RecordViewSet):
    queryset = models.Score.objects.all()
    serializer_class = serializers.ScoreSerializer
    filterset_class = filters.ScoreFilter


class ScoreBandViewSet(RecordViewSet):
    queryset = models.ScoreBand.objects.all()
    serializer_class = serializers.ScoreBandSerializer
    filterset_class = filters.ScoreBandFilter


class ControlViewSet(RecordViewSet):
    queryset = models.Control.objects.all()
    serializer_class = serializers.ControlSerializer
    filterset_class = filters.ControlFilter


class MitigationViewSet(RecordViewSet):
    queryset = models.Mitigation.objects.all()
    serializer_class = serializers.MitigationSerializer
    filterset_class = filters.MitigationFilter


class ReviewViewSet(RecordViewSet):
    queryset = models.Review.objects.all()
    serializer_class = serializers.ReviewSerializer
    filterset_class = filters.ReviewFilter


# --- Risks side by side -----------------------------------------------------------------------------------------------

_WHEN = [
    OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
    OpenApiParameter("on", OpenApiTypes.DATE, description="Day by which scores were given. Today when left out."),
]
_PROGRAMME = OpenApiParameter("programme", str, description="Keys of programmes, separated by commas. All when left out.")
_SINCE = OpenApiParameter("since", OpenApiTypes.DATE, description="Day to compare with. A month earlier when left out.")
_PARAMETERS = ("programme", "as_of", "on")


class HeatMapView(APIView):
    """How many open risks have each likelihood and consequence, of programmes or of the collaborative as a whole.

    Counts what you may see. Open risks without a score are listed beside the map, for they are not harmless, only unknown.
    """

    action = "heat_map"

    @extend_schema(
        operation_id="heat_map_retrieve",
        summary="Read the heat map of risks",
        parameters=[_PROGRAMME, *_WHEN],
        responses=HeatMapSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(HeatMapSerializer(_heat_map(request)).data)


class HeatMapChartView(APIView):
    """The same as a picture, with its description for those who do not see it."""

    @extend_schema(
        operation_id="heat_map_chart_retrieve",
        summary="Read the heat map of risks as a picture",
        parameters=[_PROGRAMME, *_WHEN],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponse:
        context = {"map": _heat_map(request), "title": "Open risks by likelihood and consequence"}
        return HttpResponse(render_to_string("risks/heat_map.svg", context), content_type="image/svg+xml")


class StandingView(APIView):
    """Each open risk as it stands on a day: score, band, appetite, next review, and how it has moved since another day."""

    action = "standing"

    @extend_schema(
        operation_id="risks_standing_retrieve",
        summary="Read how the open risks stand",
        parameters=[_PROGRAMME, _SINCE, *_WHEN],
        responses=StandingsSerializer,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, (*_PARAMETERS, "since"))
        today = asked_day(request, "on") or day_of_question(request)
        since = asked_day(request, "since") or a_month_before(today)
        with the_past(request):
            rows = standing(_asked(request), today, since)
        return Response(StandingsSerializer({"on": today, "since": since, "results": rows}).data)


def a_month_before(day: dt.date) -> dt.date:
    """The same day of the month before, or its last."""
    last = day.replace(day=1) - dt.timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def _heat_map(request: Request) -> HeatMap:
    refuse_unknown(request, _PARAMETERS)
    today = asked_day(request, "on") or day_of_question(request)
    with the_past(request):
        return heat_map_of(_asked(request), today)


def _asked(request: Request) -> RiskQuerySet:
    """The risks that the caller may see, of the programmes that are asked for."""
    reader: Any = request.user
    risks = models.Risk.objects.visible_to(reader)
    if given := request.query_params.get("programme"):
        risks = risks.filter(programme__in=Programme.objects.visible_to(reader).filter(key__in=given.split(",")))
    return risks
