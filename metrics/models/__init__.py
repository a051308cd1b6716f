"""What is measured, aimed at and gained."""

from metrics.models.benefits import Benefit, BenefitFigure
from metrics.models.definitions import Cohort, Metric, MetricLevel, SeriesBreak, Target, Trajectory, TrajectoryPoint
from metrics.models.findings import Finding, FindingSubject
from metrics.models.import_rows import ImportChange, ImportPart, ImportProblem
from metrics.models.imports import Import, ImportMapping
from metrics.models.locks import PeriodLock
from metrics.models.observations import Observation
from metrics.models.rollups import RollupState, SeriesSummary, SystemFigure
from metrics.models.schemes import BenefitMonth, QualityImpact, SavingWeight
from metrics.models.series import Rebase, SeriesSetting

__all__ = [
    "Benefit",
    "BenefitFigure",
    "BenefitMonth",
    "Cohort",
    "Finding",
    "FindingSubject",
    "Import",
    "ImportChange",
    "ImportMapping",
    "ImportPart",
    "ImportProblem",
    "Metric",
    "MetricLevel",
    "Observation",
    "PeriodLock",
    "QualityImpact",
    "Rebase",
    "RollupState",
    "SavingWeight",
    "SeriesBreak",
    "SeriesSetting",
    "SeriesSummary",
    "SystemFigure",
    "Target",
    "Trajectory",
    "TrajectoryPoint",
]
