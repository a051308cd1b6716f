"""What is measured, aimed at and gained."""

from metrics.models.benefits import Benefit, BenefitFigure
from metrics.models.definitions import Cohort, Metric, MetricLevel, SeriesBreak, Target, Trajectory, TrajectoryPoint
from metrics.models.observations import Observation

__all__ = [
    "Benefit",
    "BenefitFigure",
    "Cohort",
    "Metric",
    "MetricLevel",
    "Observation",
    "SeriesBreak",
    "Target",
    "Trajectory",
    "TrajectoryPoint",
]
