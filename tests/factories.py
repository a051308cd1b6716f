"""One factory per kind of record: the least that is valid, each with related records of its own."""

import datetime as dt
from typing import Any

from factory import LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from cmast import models as cmast
from cmast.models import Record
from cmast.models.restrictions import belongs_to, restrictable
from metrics import models as metrics
from programmes import models as programmes
from risks import models as risks

MONTH = dt.date(2024, 4, 1)
DAY = dt.date(2024, 4, 30)


class OrganisationFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Organisation

    name = Sequence("Organisation {}".format)
    kind = "supplier"


class SiteFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Site

    name = Sequence("Site {}".format)
    organisation = SubFactory(OrganisationFactory)


class PersonFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Person

    name = Sequence("Person {}".format)
    email = Sequence("person.{}@cmast.example".format)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Membership

    person = SubFactory(PersonFactory)
    role = "viewer"


class SourceFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Source

    title = Sequence("Source {}".format)
    kind = "board_paper"


class SourceSectionFactory(DjangoModelFactory):
    class Meta:
        model = cmast.SourceSection

    document = SubFactory(SourceFactory)
    title = Sequence("Section {}".format)


class NoteFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Note

    text = Sequence("Note {}".format)


class NoteSubjectFactory(DjangoModelFactory):
    class Meta:
        model = cmast.NoteSubject

    about_note = SubFactory(NoteFactory)
    record_type = "organisation"
    record_key = LazyFunction(lambda: OrganisationFactory.create().key)


class PlanYearFactory(DjangoModelFactory):
    class Meta:
        model = programmes.PlanYear

    name = Sequence(lambda n: f"{3000 + n}/{(3001 + n) % 100:02}")
    starts_on = Sequence(lambda n: dt.date(3000 + n, 4, 1))
    ends_on = Sequence(lambda n: dt.date(3001 + n, 3, 31))


class ProgrammeFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Programme

    name = Sequence("Programme {}".format)
    status = "active"


class ObjectiveFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Objective

    programme = SubFactory(ProgrammeFactory)
    number = Sequence(str)
    text = Sequence("Objective {}".format)


class WorkstreamFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Workstream

    programme = SubFactory(ProgrammeFactory)
    name = Sequence("Workstream {}".format)
    status = "active"


class PlacedFactory(DjangoModelFactory):
    """Base of what belongs to a workstream; a test may place it on a programme alone."""

    class Meta:
        abstract = True

    @classmethod
    def _adjust_kwargs(cls, **kwargs: object) -> dict[str, object]:
        if "workstream" not in kwargs and "programme" not in kwargs:
            kwargs["workstream"] = WorkstreamFactory()
        return kwargs


class DeliverableFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Deliverable

    objective = SubFactory(ObjectiveFactory)
    text = Sequence("Deliverable {}".format)


class MilestoneFactory(PlacedFactory):
    class Meta:
        model = programmes.Milestone

    title = Sequence("Milestone {}".format)
    type = "go_live"
    forecast_on = DAY
    forecast_precision = "day"


class ForecastFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Forecast

    milestone = SubFactory(MilestoneFactory)
    kind = "forecast"
    said_on = MONTH
    date_on = dt.date(2024, 5, 31)
    date_precision = "month"
    previous_on = DAY
    previous_precision = "day"


class ForumFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Forum

    programme = SubFactory(ProgrammeFactory)
    name = Sequence("Forum {}".format)
    kind = "network"


class MeetingFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Meeting

    forum = SubFactory(ForumFactory)
    title = Sequence("Meeting {}".format)
    held_on = DAY
    held_precision = "day"


class RoleHolderFactory(PlacedFactory):
    class Meta:
        model = programmes.RoleHolder

    title = Sequence("Role {}".format)
    person = SubFactory(PersonFactory)


class ApprovalFactory(PlacedFactory):
    class Meta:
        model = programmes.Approval

    subject = Sequence("Approval {}".format)
    kind = "business_case"


class SnapshotFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Snapshot

    approval = SubFactory(ApprovalFactory)
    as_at_on = DAY
    approved_count = 2


class VoteFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Vote

    approval = SubFactory(ApprovalFactory)
    organisation = SubFactory(OrganisationFactory)


class ConditionFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Condition

    vote = SubFactory(VoteFactory)
    text = Sequence("Condition {}".format)


class WaitFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Wait

    for_approval = SubFactory(ApprovalFactory)

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        """One thing waits for one other. The programme of a wait is that of what waits."""
        if kwargs.get("for_decision") or kwargs.get("for_milestone"):
            kwargs["for_approval"] = None
        if not any(kwargs.get(name) for name in ("milestone", "procurement", "target", "benefit")):
            place = {"workstream": None, "programme": kwargs["programme"]} if kwargs.get("programme") else {}
            kwargs["milestone"] = MilestoneFactory(**place)
        return kwargs


class AgendaItemFactory(DjangoModelFactory):
    class Meta:
        model = programmes.AgendaItem

    meeting = SubFactory(MeetingFactory)
    number = Sequence(str)
    title = Sequence("Agenda item {}".format)


class DecisionFactory(PlacedFactory):
    class Meta:
        model = programmes.Decision

    text = Sequence("Decision {}".format)
    decided_on = DAY
    decided_precision = "day"


class ActionFactory(PlacedFactory):
    class Meta:
        model = programmes.Action

    text = Sequence("Action {}".format)
    owner = SubFactory(PersonFactory)
    due_on = DAY
    due_precision = "day"


class FundingFactory(PlacedFactory):
    class Meta:
        model = programmes.Funding

    title = Sequence("Funding {}".format)
    status = "agreed"


class ProcurementFactory(PlacedFactory):
    class Meta:
        model = programmes.Procurement

    title = Sequence("Procurement {}".format)
    stage = "launched"


class MutualAidFactory(PlacedFactory):
    class Meta:
        model = programmes.MutualAid

    service = "colonoscopy"
    donor = SubFactory(OrganisationFactory)
    recipient = SubFactory(OrganisationFactory)


class ReportingPeriodFactory(DjangoModelFactory):
    class Meta:
        model = programmes.ReportingPeriod

    month_on = Sequence(lambda n: dt.date(2060 + n // 12, 1 + n % 12, 1))
    opens_on = Sequence(lambda n: dt.date(2060 + n // 12, 1 + n % 12, 2))
    due_on = Sequence(lambda n: dt.date(2060 + n // 12, 1 + n % 12, 9))
    locks_on = Sequence(lambda n: dt.date(2060 + n // 12, 1 + n % 12, 20))


class CalendarFeedFactory(DjangoModelFactory):
    class Meta:
        model = programmes.CalendarFeed

    name = Sequence("Calendar {}".format)
    owner = SubFactory(PersonFactory)


class UpdateFactory(PlacedFactory):
    class Meta:
        model = programmes.Update

    month_on = Sequence(lambda n: dt.date(2030 + n // 12, 1 + n % 12, 1))


class UpdateFactFactory(DjangoModelFactory):
    class Meta:
        model = programmes.UpdateFact

    update = SubFactory(UpdateFactory)
    text = Sequence("Fact {}".format)


class ClosureFactory(PlacedFactory):
    class Meta:
        model = programmes.Closure

    closed_on = DAY


class HealthRuleFactory(DjangoModelFactory):
    class Meta:
        model = programmes.HealthRule

    dimension = "delivery"
    measure = "milestones_overdue"
    colour = "red"
    threshold = 5
    description = Sequence("Rule {}".format)


class HealthOverrideFactory(PlacedFactory):
    class Meta:
        model = programmes.HealthOverride

    colour = "amber"
    reason = Sequence("Reason {}".format)
    made_on = MONTH
    expires_on = DAY


class HandoverFactory(DjangoModelFactory):
    class Meta:
        model = programmes.Handover

    closure = SubFactory(ClosureFactory)
    record_type = "workstream"
    record_key = LazyFunction(lambda: WorkstreamFactory.create().key)
    to_person = SubFactory(PersonFactory)


class MetricFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Metric

    programme = SubFactory(ProgrammeFactory)
    name = Sequence("Metric {}".format)
    unit = "percent"
    direction = "higher_is_better"


class MetricLevelFactory(DjangoModelFactory):
    class Meta:
        model = metrics.MetricLevel

    metric = SubFactory(MetricFactory)
    level = Sequence(str)
    meaning = Sequence("Level {}".format)


class SeriesBreakFactory(DjangoModelFactory):
    class Meta:
        model = metrics.SeriesBreak

    metric = SubFactory(MetricFactory)
    starts_on = DAY
    starts_precision = "day"
    reason = Sequence("Reason {}".format)


class RebaseFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Rebase

    metric = SubFactory(MetricFactory)
    starts_on = DAY
    reason = Sequence("Rebase {}".format)


class SeriesSettingFactory(DjangoModelFactory):
    class Meta:
        model = metrics.SeriesSetting

    metric = SubFactory(MetricFactory)
    is_screened = False
    reason = Sequence("Setting {}".format)


class PeriodLockFactory(DjangoModelFactory):
    class Meta:
        model = metrics.PeriodLock

    programme = SubFactory(ProgrammeFactory)
    metric = SubFactory(MetricFactory, programme=SelfAttribute("..programme"))
    month_end_on = DAY
    reason = Sequence("Reason {}".format)
    locked_on = DAY


class TargetFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Target

    metric = SubFactory(MetricFactory)
    organisation = SubFactory(OrganisationFactory)
    operator = "gte"
    operator_source = "stated"
    value = 85
    unit = "percent"
    scope_level = "system"
    basis = "national"


class TrajectoryFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Trajectory

    metric = SubFactory(MetricFactory)
    basis = "local"


class TrajectoryPointFactory(DjangoModelFactory):
    class Meta:
        model = metrics.TrajectoryPoint

    trajectory = SubFactory(TrajectoryFactory)
    period_end_on = DAY
    value = 80


class CohortFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Cohort

    metric = SubFactory(MetricFactory)
    name = Sequence("Cohort {}".format)
    horizon_on = DAY
    goal = 0
    membership_rule = "Everybody who waits on the horizon day."


class ObservationFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Observation

    metric = SubFactory(MetricFactory)
    organisation = SubFactory(OrganisationFactory)
    scope_level = "provider"
    value = 82
    unit = "percent"
    period_type = "month"
    period_start_on = MONTH
    period_end_on = DAY
    value_status = "reported"


class ImportMappingFactory(DjangoModelFactory):
    class Meta:
        model = metrics.ImportMapping

    name = Sequence("Mapping {}".format)
    layout = "long"
    metric = SubFactory(MetricFactory)
    organisation_column = "organisation"
    period_column = "period"
    value_column = "value"


class ImportFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Import

    file_name = Sequence("figures-{}.csv".format)
    sha256 = "0" * 64
    size = 1
    mapping = SubFactory(ImportMappingFactory)
    submitted_by = SubFactory(PersonFactory)
    state = "checked"


class BenefitFactory(PlacedFactory):
    class Meta:
        model = metrics.Benefit

    title = Sequence("Benefit {}".format)
    benefit_type = "capacity"
    is_cleared = True


class BenefitFigureFactory(DjangoModelFactory):
    class Meta:
        model = metrics.BenefitFigure

    benefit = SubFactory(BenefitFactory)
    title = Sequence("Figure {}".format)
    basis = "planned"
    value = 1000
    unit = "gbp"


class BenefitMonthFactory(DjangoModelFactory):
    class Meta:
        model = metrics.BenefitMonth

    benefit = SubFactory(BenefitFactory)
    month_on = Sequence(lambda n: dt.date(2024 + n // 12, 1 + n % 12, 1))
    planned = 1000


class QualityImpactFactory(DjangoModelFactory):
    class Meta:
        model = metrics.QualityImpact

    benefit = SubFactory(BenefitFactory)
    why_not_required = "No patient is concerned."


class SavingWeightFactory(DjangoModelFactory):
    class Meta:
        model = metrics.SavingWeight

    financial_year = Sequence(lambda n: f"{3000 + n}/{(3001 + n) % 100:02}")
    maturity = "fully_developed"
    delivery_risk = "low"
    percent = 50


class FindingFactory(DjangoModelFactory):
    class Meta:
        model = metrics.Finding

    rule = "repeated_record"
    what = Sequence("Finding {}".format)
    programme = SubFactory(ProgrammeFactory)
    first_seen_on = MONTH
    last_seen_on = DAY


class FindingSubjectFactory(DjangoModelFactory):
    class Meta:
        model = metrics.FindingSubject

    finding = SubFactory(FindingFactory)
    record_type = "organisation"
    record_key = LazyFunction(lambda: OrganisationFactory.create().key)


class RiskFactory(PlacedFactory):
    class Meta:
        model = risks.Risk

    kind = "risk"
    title = Sequence("Risk {}".format)


class ScoreFactory(DjangoModelFactory):
    class Meta:
        model = risks.Score

    risk = SubFactory(RiskFactory)
    kind = "current"
    likelihood = 3
    consequence = 4
    scored_on = DAY


class ScoreBandFactory(DjangoModelFactory):
    class Meta:
        model = risks.ScoreBand

    name = Sequence("Band {}".format)
    low = 1
    high = 3


class ControlFactory(DjangoModelFactory):
    class Meta:
        model = risks.Control

    risk = SubFactory(RiskFactory)
    text = Sequence("Control {}".format)


class MitigationFactory(DjangoModelFactory):
    class Meta:
        model = risks.Mitigation

    risk = SubFactory(RiskFactory)
    text = Sequence("Mitigation {}".format)


class ReviewFactory(DjangoModelFactory):
    class Meta:
        model = risks.Review

    risk = SubFactory(RiskFactory)
    reviewed_on = DAY


class RestrictionFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Restriction

    record_type = "risk"
    record_key = LazyFunction(lambda: RiskFactory().key)
    kind = "commercial"


class WebhookFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Webhook

    name = Sequence("Webhook {}".format)
    url = Sequence("https://receiver-{}.example/register".format)
    owner = SubFactory(PersonFactory)


class ReminderRuleFactory(DjangoModelFactory):
    class Meta:
        model = cmast.ReminderRule

    name = Sequence("Rule {}".format)
    kind = "milestone_due"
    days_before = LazyFunction(lambda: ["7", "0"])
    audience = "owner"
    is_optional = True


class SuppressionFactory(DjangoModelFactory):
    class Meta:
        model = cmast.Suppression

    person = SubFactory(PersonFactory)
    cause = "other"


FACTORIES: dict[type[Record], type[DjangoModelFactory]] = {
    factory._meta.model: factory
    for factory in list(globals().values())
    if isinstance(factory, type) and issubclass(factory, DjangoModelFactory) and factory._meta.model
}


def restrict(record: Record) -> cmast.Restriction:
    """Hide a record from everybody; a part of another one with that."""
    for kind, model in restrictable().items():
        if isinstance(record, model):
            return RestrictionFactory.create(record_type=kind, record_key=record.key)
    (whole,) = belongs_to(type(record)).keys() & {*record.touches}
    return restrict(getattr(record, whole))
