"""JSON of metrics."""

from typing import Any, ClassVar

from rest_framework import serializers

from cmast.api.serializers import DecimalTextField, KeyRelatedField, OneOfField, RecordSerializer, Strict, StrictSerializer
from cmast.models import Source
from metrics.models import (
    Benefit,
    BenefitFigure,
    BenefitMonth,
    Cohort,
    Finding,
    FindingSubject,
    Import,
    ImportMapping,
    ImportProblem,
    Metric,
    MetricLevel,
    Observation,
    PeriodLock,
    QualityImpact,
    Rebase,
    SavingWeight,
    SeriesBreak,
    SeriesSetting,
    Target,
    Trajectory,
    TrajectoryPoint,
)
from metrics.models.observations import FIGURE


class MetricLevelSerializer(RecordSerializer):
    class Meta:
        model = MetricLevel


class MetricSerializer(RecordSerializer):
    levels = MetricLevelSerializer(many=True, read_only=True, help_text="What the levels of an ordinal metric mean.")
    targets = KeyRelatedField(many=True, read_only=True, help_text="What it is to reach; often nothing is said.")

    class Meta:
        model = Metric


class SeriesBreakSerializer(RecordSerializer):
    class Meta:
        model = SeriesBreak


class RebaseSerializer(RecordSerializer):
    class Meta:
        model = Rebase


class SeriesSettingSerializer(RecordSerializer):
    class Meta:
        model = SeriesSetting


class PeriodLockSerializer(RecordSerializer):
    class Meta:
        model = PeriodLock


class TargetSerializer(RecordSerializer):
    class Meta:
        model = Target


class TrajectoryPointSerializer(RecordSerializer):
    class Meta:
        model = TrajectoryPoint


class TrajectorySerializer(RecordSerializer):
    points = TrajectoryPointSerializer(many=True, read_only=True, help_text="Planned values.")

    class Meta:
        model = Trajectory


class CohortSerializer(RecordSerializer):
    series = KeyRelatedField(many=True, read_only=True, help_text="Observations of how many are left.")

    class Meta:
        model = Cohort


class ObservationSerializer(RecordSerializer):
    meets_target = serializers.BooleanField(
        read_only=True, allow_null=True, help_text="Whether it meets the target that it names; null where that cannot be known."
    )

    class Meta:
        model = Observation


class BenefitFigureSerializer(RecordSerializer):
    class Meta:
        model = BenefitFigure


class RevisionSerializer(StrictSerializer):
    """A correction: what changes of the figure, and why. Everything else stays as it was."""

    change_reason = serializers.CharField(max_length=500, write_only=True, help_text="Why it is corrected.")

    class Meta:
        model = Observation
        fields = (*FIGURE, "value_status", "printed_as", "note", "change_reason")
        extra_kwargs: ClassVar = {name: {"required": False} for name in (*FIGURE, "value_status", "printed_as", "note")}


class BenefitSerializer(RecordSerializer):
    figures = BenefitFigureSerializer(
        many=True, read_only=True, help_text="Figures as stated; never added across basis or effect."
    )

    class Meta:
        model = Benefit


class BenefitMonthSerializer(RecordSerializer):
    class Meta:
        model = BenefitMonth


class QualityImpactSerializer(RecordSerializer):
    class Meta:
        model = QualityImpact


class SavingWeightSerializer(RecordSerializer):
    class Meta:
        model = SavingWeight


class FindingSubjectSerializer(RecordSerializer):
    class Meta:
        model = FindingSubject


class FindingSerializer(RecordSerializer):
    subjects = FindingSubjectSerializer(many=True, read_only=True, help_text="Records that it is about.")

    class Meta:
        model = Finding
        read_only_fields = (
            "rule",
            "what",
            "printed",
            "computed",
            "programme",
            "answered_by",
            "answered_at",
            "first_seen_on",
            "last_seen_on",
        )


class ImportMappingSerializer(RecordSerializer):
    class Meta:
        model = ImportMapping


class ImportSerializer(RecordSerializer):
    hidden = ("attempts", "lease_ends_at")

    class Meta:
        model = Import


class UploadSerializer(Strict):
    """A file of figures and how it is read."""

    file = serializers.FileField(help_text="A CSV file in UTF-8 or an .xlsx workbook, at most 64 MB and 1,000,000 rows.")
    mapping = KeyRelatedField(queryset=ImportMapping.objects.all(), help_text="Key of the mapping that says how it is read.")
    mode = OneOfField(
        Import.Mode.choices,
        default=Import.Mode.ALL_OR_NOTHING,
        help_text="Whether one wrong row keeps out all, or only itself.",
    )
    source: Any = KeyRelatedField(
        queryset=Source.objects.all(), required=False, help_text="Document that the figures are from; the figures name it."
    )


class ImportChangeSerializer(serializers.Serializer):
    """A figure that a file changes, beside what it is."""

    row = serializers.IntegerField(help_text="Row of the file; the heading is a row too.")
    column = serializers.CharField(help_text="Column, as the heading calls it.")
    observation = serializers.CharField(source="before.key", help_text="Key of the figure that changes.")
    before = DecimalTextField(
        source="before.value", max_digits=20, decimal_places=6, allow_null=True, help_text="Its value in the register."
    )
    after = DecimalTextField(max_digits=20, decimal_places=6, help_text="Its value in the file.")


class ImportProblemSerializer(serializers.ModelSerializer):
    """What is wrong with a row, or with a cell of it."""

    row = serializers.IntegerField(min_value=0, help_text="Row of the file; the heading is a row too.")

    class Meta:
        model = ImportProblem
        fields = ("row", "column", "code", "message")
