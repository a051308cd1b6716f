"""Endpoints of metrics."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.api.idempotency import once
from cmast.api.pagination import KeysetPagination, refuse_unknown
from cmast.api.parsers import StrictJSONParser, UploadParser
from cmast.api.past import the_past
from cmast.api.viewsets import RecordViewSet
from cmast.history.context import changing
from metrics import filters, models, serializers
from metrics.answers import BesideSerializer, spoken_beside
from metrics.benefit_answers import RealisationSerializer, spoken_realisation
from metrics.realisation import realisation_of
from metrics.series import series_until


class MetricViewSet(RecordViewSet):
    queryset = models.Metric.objects.all()
    serializer_class = serializers.MetricSerializer
    filterset_class = filters.MetricFilter


class MetricLevelViewSet(RecordViewSet):
    queryset = models.MetricLevel.objects.all()
    serializer_class = serializers.MetricLevelSerializer
    filterset_class = filters.MetricLevelFilter


class SeriesBreakViewSet(RecordViewSet):
    queryset = models.SeriesBreak.objects.all()
    serializer_class = serializers.SeriesBreakSerializer
    filterset_class = filters.SeriesBreakFilter


class RebaseViewSet(RecordViewSet):
    queryset = models.Rebase.objects.all()
    serializer_class = serializers.RebaseSerializer
    filterset_class = filters.RebaseFilter


class SeriesSettingViewSet(RecordViewSet):
    queryset = models.SeriesSetting.objects.all()
    serializer_class = serializers.SeriesSettingSerializer
    filterset_class = filters.SeriesSettingFilter


class PeriodLockViewSet(RecordViewSet):
    """A lock is never deleted: the month is opened again, with the reason, and what was closed is known ever after."""

    http_method_names = ["get", "head", "post", "put", "patch"]
    queryset = models.PeriodLock.objects.all()
    serializer_class = serializers.PeriodLockSerializer
    filterset_class = filters.PeriodLockFilter


class TargetViewSet(RecordViewSet):
    queryset = models.Target.objects.all()
    serializer_class = serializers.TargetSerializer
    filterset_class = filters.TargetFilter


class TrajectoryViewSet(RecordViewSet):
    queryset = models.Trajectory.objects.all()
    serializer_class = serializers.TrajectorySerializer
    filterset_class = filters.TrajectoryFilter


class TrajectoryPointViewSet(RecordViewSet):
    queryset = models.TrajectoryPoint.objects.all()
    serializer_class = serializers.TrajectoryPointSerializer
    filterset_class = filters.TrajectoryPointFilter


class CohortViewSet(RecordViewSet):
    queryset = models.Cohort.objects.all()
    serializer_class = serializers.CohortSerializer
    filterset_class = filters.CohortFilter


class ObservationViewSet(RecordViewSet):
    queryset = models.Observation.objects.all()
    serializer_class = serializers.ObservationSerializer
    filterset_class = filters.ObservationFilter

    @extend_schema(
        summary="Correct a figure",
        description="Says the figure anew as a revision that supersedes this one. Both are kept, and the latest counts.",
        request=serializers.RevisionSerializer,
        responses={201: serializers.ObservationSerializer},
    )
    @action(detail=True, methods=["post"])
    @once
    def revise(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        stored = self.get_object()
        asked = serializers.RevisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        figure = dict(asked.validated_data)
        with changing(reason=figure.pop("change_reason")):
            return self._new(stored.revise(figure))

    @extend_schema(
        summary="Set a figure beside others",
        description="The period before, the same period last year, the targets of its time, its trajectory, the region and the "
        "other trusts. Percents are apart by percentage points; what is unknown says so.",
        parameters=[
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment.")
        ],
        responses=BesideSerializer,
    )
    @action(detail=True, methods=["get"])
    def comparisons(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        refuse_unknown(request, ("as_of",))
        with the_past(request):
            figure = self.get_object()
            return Response(spoken_beside(figure.key, series_until(figure, request.user)))


class BenefitViewSet(RecordViewSet):
    queryset = models.Benefit.objects.all()
    serializer_class = serializers.BenefitSerializer
    filterset_class = filters.BenefitFilter

    @extend_schema(
        summary="Read what has come of a benefit",
        description="Through time, from its months, else its figures, else the metric that measures it. What nothing measures "
        "is said to be unmeasured.",
        parameters=[
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment.")
        ],
        responses=RealisationSerializer,
    )
    @action(detail=True, methods=["get"])
    def realisation(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        refuse_unknown(request, ("as_of",))
        with the_past(request):
            return Response(spoken_realisation(realisation_of(self.get_object(), request.user)))


class BenefitFigureViewSet(RecordViewSet):
    queryset = models.BenefitFigure.objects.all()
    serializer_class = serializers.BenefitFigureSerializer
    filterset_class = filters.BenefitFigureFilter


class BenefitMonthViewSet(RecordViewSet):
    queryset = models.BenefitMonth.objects.all()
    serializer_class = serializers.BenefitMonthSerializer
    filterset_class = filters.BenefitMonthFilter


class QualityImpactViewSet(RecordViewSet):
    """A quality impact is never deleted: it is sent back or signed again."""

    queryset = models.QualityImpact.objects.all()
    serializer_class = serializers.QualityImpactSerializer
    filterset_class = filters.QualityImpactFilter
    http_method_names = ["get", "head", "post", "put", "patch"]


class SavingWeightViewSet(RecordViewSet):
    queryset = models.SavingWeight.objects.all()
    serializer_class = serializers.SavingWeightSerializer
    filterset_class = filters.SavingWeightFilter


class FindingViewSet(RecordViewSet):
    """Findings are made and closed by the checks. People say who answers them, and what."""

    queryset = models.Finding.objects.all()
    serializer_class = serializers.FindingSerializer
    filterset_class = filters.FindingFilter
    http_method_names = ["get", "head", "post", "patch"]
    create: Any = None  # the checks make findings,
    bulk: Any = None  # which people only answer


class FindingSubjectViewSet(RecordViewSet):
    queryset = models.FindingSubject.objects.all()
    serializer_class = serializers.FindingSubjectSerializer
    filterset_class = filters.FindingSubjectFilter
    http_method_names = ["get", "head"]


class ImportMappingViewSet(RecordViewSet):
    queryset = models.ImportMapping.objects.all()
    serializer_class = serializers.ImportMappingSerializer
    filterset_class = filters.ImportMappingFilter


class FirstRows:
    """Pages of problems: in the order of the file, and in no other."""

    ordering_fields: tuple[str, ...] = ("row",)
    default_ordering = "row"


class ImportViewSet(RecordViewSet):
    """A file is sent, checked by a worker, and written by a worker once that is asked for."""

    queryset = models.Import.objects.all()
    serializer_class = serializers.ImportSerializer
    filterset_class = filters.ImportFilter
    max_upload = models.Import.MAX_SIZE
    needs_key = ("create",)
    bulk: Any = None  # an import is a file,
    external: Any = None  # which no other system keeps

    def get_parsers(self) -> list[Any]:
        """Only where a record is made, it is made by a file. The schema's generator asks before it has a request."""
        request: Any = self.request
        is_upload = request is not None and request.method == "POST" and not self.detail
        return [StrictJSONParser(), UploadParser()] if is_upload else super().get_parsers()

    @extend_schema(
        summary="Send a file of figures",
        description="It is checked within seconds; nothing is written before `run`. Poll the answer's address: `state` and "
        "`progress` say how far it is, the counts what would become of the figures, `errors/` what is wrong with which row.",
        request={"multipart/form-data": serializers.UploadSerializer},
        responses={202: serializers.ImportSerializer},
    )
    @once
    def create(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = serializers.UploadSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        caller: Any = request.user
        values = dict(asked.validated_data)
        file = values.pop("file")
        made = models.Import(**values)
        made.receive(file, caller)
        return self._written(made, status=202, Location=reverse("import-detail", args=[made.key]))

    @extend_schema(
        summary="Write what was checked",
        description="A worker reads the file once more and writes it in one transaction. 409 while it is not checked, or when "
        "figures are refused and the mode is all_or_nothing.",
        request=None,
        responses={202: serializers.ImportSerializer},
    )
    @action(detail=True, methods=["post"])
    @once
    def run(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = self.get_object()
        asked.run()
        return self._written(asked, status=202)

    @extend_schema(
        summary="What is wrong with the rows",
        description="By row and column, in the order of the file; the first 10,000.",
        responses=serializers.ImportProblemSerializer(many=True),
    )
    @action(detail=True, pagination_class=KeysetPagination, filterset_class=None)
    def errors(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = KeysetPagination()
        rows = page.paginate_queryset(self.get_object().problems.all(), request, view=FirstRows())
        return page.get_paginated_response(serializers.ImportProblemSerializer(rows, many=True).data)

    @extend_schema(
        summary="Which figures change",
        description="Beside what they are, or were before the file was written, in the order of the file; the first 100.",
        responses=serializers.ImportChangeSerializer(many=True),
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def changes(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, ())
        shown = self.get_object().changes.all().shown_to(request.user)
        return Response(serializers.ImportChangeSerializer(shown, many=True).data)
