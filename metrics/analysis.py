"""Series over the API: of the register, and of whoever sends one."""

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
from cmast.api.past import day_of_question, the_past
from cmast.api.problems import QueryError
from cmast.api.serializers import Strict
from cmast.models import Organisation
from metrics import spc
from metrics.models import Metric
from metrics.series import Series, series_of
from metrics.targets import Outcome, Reason

#: As many points as decades of days have; an analysis of them takes a second.
MOST_POINTS = 5_000
PARAMETERS = ("as_of", "on")


# --- What comes in ----------------------------------------------------------------------------------------------------


class SpcOptionsSerializer(Strict):
    """How to analyse."""

    improvement_direction = serializers.ChoiceField(
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


# --- What goes out ----------------------------------------------------------------------------------------------------


def _several(child: Any, what: str) -> Any:
    return serializers.ListField(child=child, help_text=what)


def _numbers(what: str) -> Any:
    return _several(serializers.FloatField(allow_null=True), what)


class PointsSerializer(serializers.Serializer):
    """One entry per point in each list, in the order of the dates."""

    date = _several(serializers.DateField(), "Date of the point.")
    value = _numbers("Its value; null where there is none.")
    mean = _numbers("Mean of its process: the centre line.")
    amr = _numbers("Average moving range of its process.")
    lpl = _numbers("Lower process limit; null where there is none.")
    upl = _numbers("Upper process limit.")
    nlpl = _numbers("Two thirds of the way to the lower limit.")
    nupl = _numbers("Two thirds of the way to the upper limit.")
    relative_to_mean = _several(serializers.IntegerField(allow_null=True), "1 above the mean, -1 below, 0 on it.")
    outside_limits = _several(serializers.BooleanField(allow_null=True), "Whether it is beyond a process limit.")
    close_to_limits = _several(serializers.BooleanField(allow_null=True), "Whether it is in the outer third.")
    special_cause_type = _several(serializers.CharField(), "The rule that it breaks, or Common Cause.")
    special_cause_flag = _several(serializers.BooleanField(), "Whether it breaks a rule.")
    point_type = _several(serializers.CharField(), "What that means: common_cause, special_cause_improvement and so on.")
    rebase_group = _several(serializers.IntegerField(), "Number of its process.")
    short_group_warning = _several(serializers.BooleanField(), "Whether its limits are provisional: fewer than 13 points.")


class GroupSerializer(serializers.Serializer):
    """Counts of the points of one process."""

    rebase_group = serializers.IntegerField(help_text="Number of the process.")
    n = serializers.IntegerField(help_text="Points.")
    common_cause = serializers.IntegerField(help_text="Points that break no rule.")
    special_cause_improvement = serializers.IntegerField(help_text="Points that are signals of improvement.")
    special_cause_concern = serializers.IntegerField(help_text="Points that are signals of concern.")
    variation_type = serializers.CharField(help_text="What the last point is.")


class SuitabilitySerializer(serializers.Serializer):
    """Whether an XmR chart says anything about the series."""

    is_suitable = serializers.BooleanField(help_text="Whether it does.")
    code = serializers.CharField(allow_null=True, help_text="Why not, for programs.")
    reason = serializers.CharField(allow_null=True, help_text="Why not, in words.")


class AnalysisSerializer(serializers.Serializer):
    """An XmR analysis by the method of NHS England's Making Data Count."""

    points = PointsSerializer(help_text="The points with the limits of their process and the rules that they break.")
    summary_by_group = GroupSerializer(many=True, help_text="The processes.")
    variation_type = serializers.CharField(allow_null=True, help_text="What the last point is.")
    variation_icon = serializers.CharField(allow_null=True, help_text="The icon that says so.")
    assurance_type = serializers.CharField(allow_null=True, help_text="Whether the process reaches the target for certain.")
    assurance_icon = serializers.CharField(allow_null=True, help_text="The icon that says so.")
    no_limits = serializers.BooleanField(help_text="Whether a process has no limits.")
    limits_width_zero = serializers.BooleanField(help_text="Whether the limits of a process are its mean.")
    short_group_warning = serializers.BooleanField(help_text="Whether limits are provisional.")
    suitability = SuitabilitySerializer(help_text="Whether to show it as an XmR chart.")


class VerdictSerializer(serializers.Serializer):
    """What can be said of a target."""

    target = serializers.CharField(help_text="Key of the target.")
    outcome = serializers.ChoiceField([outcome.value for outcome in Outcome], help_text="Met, not met, or cannot be judged.")
    code = serializers.ChoiceField([reason.value for reason in Reason], help_text="Why, for programs.")
    words = serializers.CharField(help_text="Why, in words.")


class ComparisonSerializer(serializers.Serializer):
    """The latest figure beside something else."""

    comparator = serializers.CharField(help_text="What it is set beside.")
    side = serializers.CharField(help_text="higher, lower, the same, or unknown.")
    is_better = serializers.BooleanField(allow_null=True, help_text="Whether that is the better side; null for unknown.")
    observation = serializers.CharField(allow_null=True, help_text="Key of the other figure, where it is one.")
    words = serializers.CharField(help_text="The comparison in words. Percents change by percentage points.")


class RankingSerializer(serializers.Serializer):
    """The place among the trusts."""

    place = serializers.IntegerField(allow_null=True, help_text="1 for the best; null for unknown.")
    of = serializers.IntegerField(help_text="Trusts that have a figure.")
    tied_with = _several(serializers.CharField(), "Trusts with the same figure.")
    words = serializers.CharField(help_text="The place in words.")


class NewProcessSerializer(serializers.Serializer):
    """A decision that limits begin anew."""

    key = serializers.CharField(help_text="Key of the rebase.")
    starts_on = serializers.DateField(help_text="First day of the new process.")
    reason = serializers.CharField(help_text="Why.")


class SeriesSerializer(serializers.Serializer):
    """A metric of an organisation through time."""

    metric = serializers.CharField(help_text="Key of the metric.")
    metric_name = serializers.CharField(help_text="Its name.")
    organisation = serializers.CharField(help_text="Key of the organisation.")
    organisation_name = serializers.CharField(help_text="Its name.")
    unit = serializers.CharField(help_text="What the values count.")
    direction = serializers.CharField(help_text="Which way is better.")
    period_type = serializers.CharField(allow_null=True, help_text="The stretch of time of each point.")
    observations = _several(serializers.CharField(allow_null=True), "Key of the observation behind each point; null for a gap.")
    analysis = AnalysisSerializer(help_text="Limits, rules broken, icons.")
    targets = VerdictSerializer(many=True, help_text="The targets that hold, judged by the latest figure.")
    comparisons = ComparisonSerializer(many=True, help_text="The latest figure beside others.")
    ranking = RankingSerializer(allow_null=True, help_text="The place among the trusts; null where it is no trust's.")
    rebases = NewProcessSerializer(many=True, help_text="Why limits begin anew.")
    series_breaks = _several(serializers.DateField(), "Days from which the metric counts something else.")
    setting = serializers.CharField(allow_null=True, help_text="Key of the setting, where limits are not found as usual.")


def spoken(series: Series) -> dict[str, Any]:
    """A series as the API says it."""
    latest, setting = series.latest, series.setting
    return {
        "metric": series.metric.key,
        "metric_name": series.metric.name,
        "organisation": series.organisation.key,
        "organisation_name": series.organisation.name,
        "unit": series.unit,
        "direction": series.metric.direction,
        "period_type": latest.period.kind if latest else None,
        "observations": [figure.key if figure else None for _, figure in series.points],
        "analysis": series.analysis.as_dict(),
        "targets": [
            {"target": target.key, "outcome": verdict.outcome, "code": verdict.code, "words": verdict.words}
            for target, verdict in series.verdicts
        ],
        "comparisons": [
            {
                "comparator": found.comparator,
                "side": found.side,
                "is_better": found.is_better,
                "observation": found.other.key or None if found.other else None,
                "words": found.words,
            }
            for found in series.comparisons
        ],
        "ranking": series.ranking and {name: getattr(series.ranking, name) for name in ("place", "of", "tied_with", "words")},
        "rebases": [{"key": r.key, "starts_on": r.starts_on.isoformat(), "reason": r.reason} for r in series.rebases],
        "series_breaks": [day.isoformat() for day in series.breaks],
        "setting": setting.key if setting else None,
    }


# --- The endpoints ----------------------------------------------------------------------------------------------------

_WHEN = [
    OpenApiParameter("metric", str, OpenApiParameter.PATH, description="Key of the metric."),
    OpenApiParameter("organisation", str, OpenApiParameter.PATH, description="Key of the organisation."),
    OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
    OpenApiParameter("on", OpenApiTypes.DATE, description="Day on which targets must hold. Today when left out."),
]


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
        operation_id="series_retrieve", summary="Read a series with its analysis", parameters=_WHEN, responses=SeriesSerializer
    )
    def get(self, request: Request, metric: str, organisation: str) -> Response:
        _refuse_unknown(request)
        with the_past(request):
            return Response(spoken(_series(request, metric, organisation)))


class SeriesChartView(APIView):
    """The same as a picture, with its description for those who do not see it."""

    @extend_schema(
        operation_id="series_chart_retrieve",
        summary="Read a series as a chart",
        parameters=_WHEN,
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, metric: str, organisation: str) -> HttpResponse:
        _refuse_unknown(request)
        with the_past(request):
            chart = _series(request, metric, organisation).chart("series")
        return HttpResponse(chart, content_type="image/svg+xml")


def _series(request: Request, metric: str, organisation: str) -> Series:
    """Raises NotFound, alike for what there is not and for what is hidden."""
    found, whose = visible(Metric, metric, request.user), visible(Organisation, organisation, request.user)
    if found is None or whose is None:
        raise NotFound
    return series_of(found, whose, request.user, day_of_question(request))


def _refuse_unknown(request: Request) -> None:
    for name, values in request.query_params.lists():
        if name not in PARAMETERS:
            raise QueryError({name[:100]: f"A series knows {', '.join(PARAMETERS)}."})
        if len(values) > 1 or not values[0]:
            raise QueryError({name: "Give one value, or leave the parameter out."})
