"""Series over the API: of the register, and of whoever sends one."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.finding import visible
from cmast.api.pagination import refuse_unknown
from cmast.api.past import asked_day, the_past
from cmast.api.problems import QueryError
from cmast.api.serializers import OneOfField, Strict
from cmast.dates import month_end
from cmast.models import Organisation
from metrics import spc
from metrics.answers import (
    AnalysisSerializer,
    LeagueSerializer,
    ScorecardSerializer,
    SeriesSerializer,
    spoken,
    spoken_league,
    spoken_score,
)
from metrics.charts import to_png
from metrics.league import League, league_of, scorecard_of
from metrics.models import Metric
from metrics.series import Series, all_series, series_of, side_by_side
from programmes.models import Programme

#: As many points as decades of days have; an analysis of them takes a second.
MOST_POINTS = 5_000
PARAMETERS = ("as_of", "on")


# --- What comes in ----------------------------------------------------------------------------------------------------


class SpcOptionsSerializer(Strict):
    """How to analyse."""

    improvement_direction = OneOfField(
        spc.DIRECTIONS, default="increase", help_text="Which way is better; neutral where neither is."
    )
    target = serializers.FloatField(required=False, allow_null=True, default=None, help_text="Number to be reached, if any.")
    rebase = serializers.ListField(
        child=serializers.DateField(),
        required=False,
        default=list,
        max_length=MOST_POINTS,
        help_text="Dates of points that begin a new process, with limits of its own.",
    )
    fix_after_n_points = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=spc.LEAST_FIXED,
        max_value=MOST_POINTS,
        help_text="Find the limits from so many first points of each process only.",
    )
    screen_outliers = serializers.BooleanField(default=True, help_text="Leave exceptional jumps out of the limits.")


class SpcRequestSerializer(Strict):
    """A series to analyse."""

    dates = serializers.ListField(
        child=serializers.DateField(), max_length=MOST_POINTS, help_text="One date per point, all different, in any order."
    )
    values = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        max_length=MOST_POINTS,
        help_text="One value per date; null where there is none. A missing period is a point without a value.",
    )
    options: Any = SpcOptionsSerializer(required=False, help_text="How to analyse, where not as usual.")


# --- The endpoints ----------------------------------------------------------------------------------------------------

_METRIC = OpenApiParameter("metric", str, OpenApiParameter.PATH, description="Key of the metric.")
_ORGANISATION = OpenApiParameter("organisation", str, OpenApiParameter.PATH, description="Key of the organisation.")
_WHEN = [
    OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
    OpenApiParameter(
        "on",
        OpenApiTypes.DATE,
        description="Day on which targets must hold. When left out, figures are judged by the targets of their own time.",
    ),
]
_PART = OpenApiParameter("part", str, description="Member of a breakdown, for the figures of a part. The whole when left out.")
_PERIOD = OpenApiParameter(
    "period", str, description="Month, such as 2024-03. The latest one with a figure of a trust when left out."
)
_PROGRAMME = OpenApiParameter("programme", str, description="Keys of programmes, separated by commas. All when left out.")


class SpcView(APIView):
    """Analyse a series that you send: limits, special causes, variation and assurance. Nothing is kept."""

    @extend_schema(
        operation_id="spc_create",
        summary="Analyse a series of your own",
        request=SpcRequestSerializer,
        responses=AnalysisSerializer,
    )
    def post(self, request: Request) -> Response:
        asked = SpcRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        try:
            found = spc.analyse(given["dates"], given["values"], **given.get("options", {}))
        except spc.SeriesError as error:
            raise ValidationError({error.field: [error.message]}, error.code) from error
        return Response(found.as_dict())


class SeriesView(APIView):
    """A metric of an organisation through time: points, limits, rules broken, icons, targets judged, comparisons.

    Each point is the latest revision of one figure. Of several kinds of period the most frequent makes the series.
    """

    @extend_schema(
        operation_id="series_retrieve",
        summary="Read a series with its analysis",
        parameters=[_METRIC, _ORGANISATION, _PART, *_WHEN],
        responses=SeriesSerializer,
    )
    def get(self, request: Request, metric: str, organisation: str) -> Response:
        refuse_unknown(request, (*PARAMETERS, "part"))
        with the_past(request):
            return Response(spoken(_series(request, metric, organisation)))


class SeriesChartView(APIView):
    """The same as a picture, with its description for those who do not see it."""

    @extend_schema(
        operation_id="series_chart_retrieve",
        summary="Read a series as a chart",
        parameters=[_METRIC, _ORGANISATION, _PART, *_WHEN],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, metric: str, organisation: str) -> HttpResponse:
        refuse_unknown(request, (*PARAMETERS, "part"))
        with the_past(request):
            return HttpResponse(_series(request, metric, organisation).chart("series"), content_type="image/svg+xml")


class SeriesPictureView(APIView):
    """The same as a PNG, for papers and mails that take no SVG."""

    @extend_schema(
        operation_id="series_picture_retrieve",
        summary="Read a series as a PNG",
        parameters=[_METRIC, _ORGANISATION, _PART, *_WHEN],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, metric: str, organisation: str) -> HttpResponse:
        refuse_unknown(request, (*PARAMETERS, "part"))
        with the_past(request):
            return _png(_series(request, metric, organisation).chart("series"))


class BurnDownView(APIView):
    """The figures against the trajectory, and the way that a cohort must go to its horizon."""

    @extend_schema(
        operation_id="series_burn_down_retrieve",
        summary="Read a series against its plan in a chart",
        parameters=[_METRIC, _ORGANISATION, _PART, *_WHEN],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, metric: str, organisation: str) -> HttpResponse:
        refuse_unknown(request, (*PARAMETERS, "part"))
        with the_past(request):
            chart = _series(request, metric, organisation).burn_down("burn-down")
        if not chart:
            raise NotFound("Nothing is planned for this series: it has neither a trajectory with values nor a cohort.")
        return HttpResponse(chart, content_type="image/svg+xml")


class LeagueView(APIView):
    """All trusts of that time on one metric in one month, the best first."""

    action = "league"

    @extend_schema(
        operation_id="league_retrieve",
        summary="Compare the trusts on a metric",
        parameters=[_METRIC, _PERIOD, _PART, *_WHEN],
        responses=LeagueSerializer,
    )
    def get(self, request: Request, metric: str) -> Response:
        refuse_unknown(request, (*PARAMETERS, "period", "part"))
        with the_past(request):
            return Response(spoken_league(_league(request, metric)))


class LeagueChartView(APIView):
    """The same as a picture, with its description for those who do not see it."""

    @extend_schema(
        operation_id="league_chart_retrieve",
        summary="Compare the trusts on a metric in a chart",
        parameters=[_METRIC, _PERIOD, _PART, *_WHEN],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, metric: str) -> HttpResponse:
        refuse_unknown(request, (*PARAMETERS, "period", "part"))
        with the_past(request):
            return HttpResponse(_league(request, metric).chart("league"), content_type="image/svg+xml")


class LeaguePictureView(APIView):
    """The same as a PNG, for papers and mails that take no SVG."""

    @extend_schema(
        operation_id="league_picture_retrieve",
        summary="Compare the trusts on a metric in a PNG",
        parameters=[_METRIC, _PERIOD, _PART, *_WHEN],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, metric: str) -> HttpResponse:
        refuse_unknown(request, (*PARAMETERS, "period", "part"))
        with the_past(request):
            return _png(_league(request, metric).chart("league"))


class SideBySideView(APIView):
    """A small chart for each organisation that has figures of the metric, each on its own scale, with a description."""

    @extend_schema(
        operation_id="metric_series_chart_retrieve",
        summary="Set the series of a metric side by side in a chart",
        parameters=[_METRIC, _PART, *_WHEN],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, metric: str) -> HttpResponse:
        refuse_unknown(request, (*PARAMETERS, "part"))
        with the_past(request):
            found = _metric(request, metric)
            part = request.query_params.get("part", "")
            series = all_series(found, request.user, part, asked_day(request, "on"))
            return HttpResponse(side_by_side(found, series, "series"), content_type="image/svg+xml")


class ScorecardView(APIView):
    """The metrics of programmes, each with the system's latest figure, what it means, and the targets judged."""

    action = "scorecard"

    @extend_schema(
        operation_id="scorecard_retrieve",
        summary="Read a scorecard",
        parameters=[_PROGRAMME, *_WHEN],
        responses=ScorecardSerializer,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, (*PARAMETERS, "programme"))
        with the_past(request):
            metrics = Metric.objects.visible_to(request.user).select_related("programme").order_by("programme__name", "name")
            if given := request.query_params.get("programme"):
                programmes = Programme.objects.visible_to(request.user).filter(key__in=given.split(","))
                metrics = metrics.filter(programme__in=programmes)
            found = scorecard_of(metrics, request.user, asked_day(request, "on"))
            return Response({"results": [spoken_score(metric, series) for metric, series in found]})


def _png(chart: str) -> HttpResponse:
    return HttpResponse(to_png(chart), content_type="image/png")


def _metric(request: Request, key: str) -> Metric:
    found = visible(Metric, key, request.user)
    if found is None:
        raise NotFound
    return found


def _league(request: Request, metric: str) -> League:
    part, on = request.query_params.get("part", ""), asked_day(request, "on")
    return league_of(_metric(request, metric), request.user, _month(request), part, on)


def _month(request: Request) -> dt.date | None:
    """The last day of the month that is asked for."""
    given = request.query_params.get("period")
    if given is None:
        return None
    try:
        return month_end(dt.date.fromisoformat(f"{given}-01"))
    except ValueError as error:
        raise QueryError({"period": "Give a month, such as 2024-03."}) from error


def _series(request: Request, metric: str, organisation: str) -> Series:
    """Raises NotFound, alike for what there is not and for what is hidden."""
    found, whose = _metric(request, metric), visible(Organisation, organisation, request.user)
    if whose is None:
        raise NotFound
    return series_of(found, whose, request.user, request.query_params.get("part", ""), asked_day(request, "on"))
