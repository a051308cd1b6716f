"""Filters and questions of metrics."""

from cmast.api.filters import Judgement, LinkFilter, Question, RecordFilterSet
from metrics.models import (
    Benefit,
    BenefitFigure,
    BenefitMonth,
    Cohort,
    Finding,
    FindingSubject,
    Import,
    ImportMapping,
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


class MetricFilter(RecordFilterSet):
    class Meta:
        model = Metric
        fields: list[str] = []


class MetricLevelFilter(RecordFilterSet):
    class Meta:
        model = MetricLevel
        fields: list[str] = []


class SeriesBreakFilter(RecordFilterSet):
    class Meta:
        model = SeriesBreak
        fields: list[str] = []


class RebaseFilter(RecordFilterSet):
    class Meta:
        model = Rebase
        fields: list[str] = []


class SeriesSettingFilter(RecordFilterSet):
    class Meta:
        model = SeriesSetting
        fields: list[str] = []


class PeriodLockFilter(RecordFilterSet):
    in_force = Question("in_force", help_text="Nobody has taken it away.")

    class Meta:
        model = PeriodLock
        fields: list[str] = []


class TargetFilter(RecordFilterSet):
    numberless = Question("numberless", help_text="Has no number to compare with.")
    overdue = Question("overdue", dated=True, help_text="The date by which it was to be met has passed.")
    programme = LinkFilter("metric__programme", help_text="Programme of the metric.")

    class Meta:
        model = Target
        fields: list[str] = []


class TrajectoryFilter(RecordFilterSet):
    programme = LinkFilter("metric__programme", help_text="Programme of the metric.")

    class Meta:
        model = Trajectory
        fields: list[str] = []


class TrajectoryPointFilter(RecordFilterSet):
    class Meta:
        model = TrajectoryPoint
        fields: list[str] = []


class CohortFilter(RecordFilterSet):
    class Meta:
        model = Cohort
        fields: list[str] = []


class ObservationFilter(RecordFilterSet):
    meets_target = Judgement("meets_target", help_text="Known to meet (true) or to miss (false) the target that it names.")
    current = Question("current", link="revisions", help_text="The latest revision.")
    programme = LinkFilter("metric__programme", help_text="Programme of the metric.")

    class Meta:
        model = Observation
        fields: list[str] = []


class BenefitFilter(RecordFilterSet):
    savings = Question("savings", help_text="Belongs in the savings ledger.")
    unmeasured = Question(
        "unmeasured", link="metric", help_text="Nothing says what has come of it: no metric, no figure, no month."
    )
    overdue = Question("overdue", dated=True, help_text="It was to be realised by now, and nobody has said whether it was.")
    review_due = Question("review_due", dated=True, help_text="It is to be looked at again.")
    orphaned = Question("orphaned", help_text="Its programme was closed, and nobody has taken it over.")

    class Meta:
        model = Benefit
        fields: list[str] = []


class BenefitFigureFilter(RecordFilterSet):
    programme = LinkFilter("benefit__programme", help_text="Programme of the benefit.")
    workstream = LinkFilter("benefit__workstream", help_text="Workstream of the benefit.")

    class Meta:
        model = BenefitFigure
        fields: list[str] = []


class BenefitMonthFilter(RecordFilterSet):
    programme = LinkFilter("benefit__programme", help_text="Programme of the benefit.")
    workstream = LinkFilter("benefit__workstream", help_text="Workstream of the benefit.")

    class Meta:
        model = BenefitMonth
        fields: list[str] = []


class QualityImpactFilter(RecordFilterSet):
    awaiting_sign_off = Question("awaiting_sign_off", help_text="Submitted, and a signature is missing.")
    review_due = Question("review_due", dated=True, help_text="It is to be looked at again.")
    programme = LinkFilter("benefit__programme", help_text="Programme of the scheme.")

    class Meta:
        model = QualityImpact
        fields: list[str] = []


class SavingWeightFilter(RecordFilterSet):
    class Meta:
        model = SavingWeight
        fields: list[str] = []


class FindingFilter(RecordFilterSet):
    still_found = Question("still_found", help_text="The checks still find it, whatever was answered.")

    class Meta:
        model = Finding
        fields: list[str] = []


class FindingSubjectFilter(RecordFilterSet):
    class Meta:
        model = FindingSubject
        fields: list[str] = []


class ImportMappingFilter(RecordFilterSet):
    class Meta:
        model = ImportMapping
        fields: list[str] = []


class ImportFilter(RecordFilterSet):
    hidden = ("attempts", "lease_ends_at")
    awaiting_decision = Question("awaiting_decision", help_text="Checked, and nobody has said whether to write it.")

    class Meta:
        model = Import
        fields: list[str] = []
