"""JSON of risks."""

from rest_framework import serializers

from cmast.api.serializers import RecordSerializer
from risks.models import Mitigation, Review, Risk, Score, ScoreBand


class MitigationSerializer(RecordSerializer):
    class Meta:
        model = Mitigation


class RiskSerializer(RecordSerializer):
    inherent_score = serializers.IntegerField(read_only=True, allow_null=True, help_text="Latest, with nothing done.")
    current_score = serializers.IntegerField(read_only=True, allow_null=True, help_text="Latest, as things stand.")
    target_score = serializers.IntegerField(read_only=True, allow_null=True, help_text="Latest, as aimed at.")
    mitigations = MitigationSerializer(many=True, read_only=True, help_text="What is done about it.")

    class Meta:
        model = Risk


class ScoreSerializer(RecordSerializer):
    class Meta:
        model = Score


class ScoreBandSerializer(RecordSerializer):
    class Meta:
        model = ScoreBand


class ReviewSerializer(RecordSerializer):
    class Meta:
        model = Review
