"""Desks for metrics, targets, figures and benefits. The index page lists them in this order."""

from django.contrib import admin

from metrics.admin.benefits import BenefitAdmin, BenefitFigureAdmin
from metrics.admin.definitions import MetricAdmin, MetricLevelAdmin, SeriesBreakAdmin
from metrics.admin.findings import FindingAdmin, FindingSubjectAdmin
from metrics.admin.imports import ImportAdmin, ImportMappingAdmin
from metrics.admin.locks import PeriodLockAdmin
from metrics.admin.observations import ObservationAdmin
from metrics.admin.rollups import SeriesSummaryAdmin, SystemFigureAdmin
from metrics.admin.schemes import BenefitMonthAdmin, QualityImpactAdmin, SavingWeightAdmin
from metrics.admin.series import RebaseAdmin, SeriesSettingAdmin
from metrics.admin.targets import CohortAdmin, TargetAdmin, TrajectoryAdmin, TrajectoryPointAdmin
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
    SeriesSummary,
    SystemFigure,
    Target,
    Trajectory,
    TrajectoryPoint,
)

admin.site.register(Metric, MetricAdmin)
admin.site.register(MetricLevel, MetricLevelAdmin)
admin.site.register(SeriesBreak, SeriesBreakAdmin)
admin.site.register(Rebase, RebaseAdmin)
admin.site.register(SeriesSetting, SeriesSettingAdmin)
admin.site.register(PeriodLock, PeriodLockAdmin)
admin.site.register(Target, TargetAdmin)
admin.site.register(Trajectory, TrajectoryAdmin)
admin.site.register(TrajectoryPoint, TrajectoryPointAdmin)
admin.site.register(Cohort, CohortAdmin)
admin.site.register(Observation, ObservationAdmin)
admin.site.register(Benefit, BenefitAdmin)
admin.site.register(BenefitFigure, BenefitFigureAdmin)
admin.site.register(BenefitMonth, BenefitMonthAdmin)
admin.site.register(QualityImpact, QualityImpactAdmin)
admin.site.register(SavingWeight, SavingWeightAdmin)
admin.site.register(Finding, FindingAdmin)
admin.site.register(FindingSubject, FindingSubjectAdmin)
admin.site.register(SeriesSummary, SeriesSummaryAdmin)
admin.site.register(SystemFigure, SystemFigureAdmin)
admin.site.register(ImportMapping, ImportMappingAdmin)
admin.site.register(Import, ImportAdmin)
