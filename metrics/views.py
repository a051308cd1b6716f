"""Endpoints of metrics."""

from cmast.api.viewsets import RecordViewSet
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


class BenefitViewSet(RecordViewSet):
    queryset = models.Benefit.objects.all()
    serializer_class = serializers.BenefitSerializer
    filterset_class = filters.BenefitFilter


class BenefitFigureViewSet(RecordViewSet):
    queryset = models.BenefitFigure.objects.all()
    serializer_class = serializers.BenefitFigureSerializer
    filterset_class = filters.BenefitFigureFilter
