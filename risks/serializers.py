"""JSON of risks."""

from rest_framework import serializers

from cmast.api.serializers import RecordSerializer
from risks.models import Control, Mitigation, Review, Risk, Score, ScoreBand


class MitigationSerializer(RecordSerializer):
    class Meta:
        model = Mitigation


class ControlSerializer(RecordSerializer):
    class Meta:
        model = Control


class RiskSerializer(RecordSerializer):
    inherent_score = serializers.IntegerField(read_only=True, allow_null=True, help_text="Latest, with nothing done.")
    current_score = serializers.IntegerField(read_only=True, allow_null=True, help_text="Latest, as things stand.")
    target_score = serializers.IntegerField(read_only=True, allow_null=True, help_text="Latest, as aimed at.")
    mitigations = MitigationSerializer(many=True, read_only=True, help_text="What is done about it.")
    controls = ControlSerializer(many=True, read_only=True, help_text="What keeps it down already.")

    class Meta:
        model = Risk


class ScoreSerializer(RecordSerializer):
    product = serializers.IntegerField(read_only=True, help_text="Likelihood x consequence.")
    likelihood_word = serializers.CharField(read_only=True, help_text="The likelihood in the words of the NHS's matrix.")
    consequence_word = serializers.CharField(read_only=True, help_text="The consequence in the words of the NHS's matrix.")

    class Meta:
        model = Score


class ScoreBandSerializer(RecordSerializer):
    class Meta:
        model = ScoreBand


class ReviewSerializer(RecordSerializer):
    class Meta:
        model = Review
