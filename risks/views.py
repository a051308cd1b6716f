"""Endpoints of risks."""

from cmast.api.viewsets import RecordViewSet
from risks import filters, models, serializers


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


class MitigationViewSet(RecordViewSet):
    queryset = models.Mitigation.objects.all()
    serializer_class = serializers.MitigationSerializer
    filterset_class = filters.MitigationFilter


class ReviewViewSet(RecordViewSet):
    queryset = models.Review.objects.all()
    serializer_class = serializers.ReviewSerializer
    filterset_class = filters.ReviewFilter
