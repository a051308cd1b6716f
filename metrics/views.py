"""Endpoints of metrics."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from cmast.api.idempotency import once
from cmast.api.viewsets import RecordViewSet
from cmast.history.context import changing
from metrics import filters, models, serializers


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
        summary="Take a figure back",
        description="It stays readable as withdrawn, and counts no more.",
        request=serializers.WithdrawalSerializer,
        responses=serializers.ObservationSerializer,
    )
    @action(detail=True, methods=["post"])
    @once
    def withdraw(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        stored = self.get_object()
        asked = serializers.WithdrawalSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._updated(stored, {"review_state": "withdrawn", **asked.validated_data}, partial=True)


class BenefitViewSet(RecordViewSet):
    queryset = models.Benefit.objects.all()
    serializer_class = serializers.BenefitSerializer
    filterset_class = filters.BenefitFilter


class BenefitFigureViewSet(RecordViewSet):
    queryset = models.BenefitFigure.objects.all()
    serializer_class = serializers.BenefitFigureSerializer
    filterset_class = filters.BenefitFigureFilter


class FindingViewSet(RecordViewSet):
    """Findings are made and closed by the checks. People say who answers them, and what."""

    queryset = models.Finding.objects.all()
    serializer_class = serializers.FindingSerializer
    filterset_class = filters.FindingFilter
    http_method_names = ["get", "head", "patch"]


class FindingSubjectViewSet(RecordViewSet):
    queryset = models.FindingSubject.objects.all()
    serializer_class = serializers.FindingSubjectSerializer
    filterset_class = filters.FindingSubjectFilter
    http_method_names = ["get", "head"]
