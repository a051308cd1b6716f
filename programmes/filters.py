"""Filters and questions of programmes."""

from cmast.api.filters import DayFilter, DaysQuestion, KeyQuestion, LinkFilter, Question, RecordFilterSet, WordInFilter
from cmast.models import Organisation
from programmes.models import (
    Action,
    AgendaItem,
    Approval,
    CalendarFeed,
    Closure,
    Condition,
    Decision,
    Deliverable,
    Forecast,
    Forum,
    Funding,
    Handover,
    HealthOverride,
    HealthRule,
    Meeting,
    Milestone,
    MutualAid,
    Objective,
    PlanYear,
    Procurement,
    Programme,
    ReportingPeriod,
    RoleHolder,
    Snapshot,
    Update,
    UpdateFact,
    Vote,
    Wait,
    Workstream,
)


class PlanYearFilter(RecordFilterSet):
    class Meta:
        model = PlanYear
        fields: list[str] = []


class ProgrammeFilter(RecordFilterSet):
    class Meta:
        model = Programme
        fields: list[str] = []


class ObjectiveFilter(RecordFilterSet):
    class Meta:
        model = Objective
        fields: list[str] = []


class WorkstreamFilter(RecordFilterSet):
    orphaned = Question("orphaned", help_text="Goes on after its programme was closed, and nobody has taken it over.")

    class Meta:
        model = Workstream
        fields: list[str] = []


class DeliverableFilter(RecordFilterSet):
    programme = LinkFilter("objective__programme", help_text="Programme of the objective.")

    class Meta:
        model = Deliverable
        fields: list[str] = []


class MilestoneFilter(RecordFilterSet):
    overdue = Question("overdue", dated=True, help_text="The date has passed and it is not settled.")
    outcome_missing = Question(
        "outcome_missing", dated=True, help_text="The date has passed and nobody has said what became of it."
    )
    undated = Question("undated", help_text="Something ahead without any date.")
    due_within = DaysQuestion("due_within", help_text="Expected on the day of `on` or at most so many days after it.")
    slipped = Question("slipped", help_text="Certainly later than first promised.")
    computed_status = WordInFilter(
        choices=Milestone.ComputedStatus.choices, help_text="What dates and outcome say on the day of `on`."
    )
    due_on__gte = DayFilter("due_on", "gte", help_text="Due on or after this day.")
    due_on__lte = DayFilter("due_on", "lte", help_text="Due on or before this day.")

    class Meta:
        model = Milestone
        fields: list[str] = []


class ForecastFilter(RecordFilterSet):
    slips = Question("slips", help_text="A date was put off.")
    declared_late = Question("declared_late", help_text="A date was put off when it had passed already.")
    programme = LinkFilter("milestone__programme", help_text="Programme of the milestone.")
    workstream = LinkFilter("milestone__workstream", help_text="Workstream of the milestone.")

    class Meta:
        model = Forecast
        fields: list[str] = []


class ForumFilter(RecordFilterSet):
    class Meta:
        model = Forum
        fields: list[str] = []


class MeetingFilter(RecordFilterSet):
    class Meta:
        model = Meeting
        fields: list[str] = []


class RoleHolderFilter(RecordFilterSet):
    class Meta:
        model = RoleHolder
        fields: list[str] = []


class ApprovalFilter(RecordFilterSet):
    awaiting_decision = Question("awaiting_decision", help_text="A body has still to decide.")
    overdue = Question("overdue", dated=True, help_text="Expected before the day of `on` and still open.")
    awaiting = KeyQuestion("awaiting", Organisation, help_text="Key of an organisation that has still to vote, such as RWW.")

    class Meta:
        model = Approval
        fields: list[str] = []


class SnapshotFilter(RecordFilterSet):
    class Meta:
        model = Snapshot
        fields: list[str] = []


class VoteFilter(RecordFilterSet):
    awaiting_decision = Question("awaiting_decision", help_text="Not yet cast.")
    programme = LinkFilter("approval__programme", help_text="Programme of the approval.")

    class Meta:
        model = Vote
        fields: list[str] = []


class AgendaItemFilter(RecordFilterSet):
    forum = LinkFilter("meeting__forum", help_text="Body that meets.")

    class Meta:
        model = AgendaItem
        fields: list[str] = []


class DecisionFilter(RecordFilterSet):
    class Meta:
        model = Decision
        fields: list[str] = []


class ActionFilter(RecordFilterSet):
    outstanding = Question("outstanding", help_text="Still to be done.")
    overdue = Question("overdue", dated=True, help_text="Still to be done after its date.")
    orphaned = Question("orphaned", help_text="To be done after its programme was closed, and nobody has taken it over.")

    class Meta:
        model = Action
        fields: list[str] = []


class FundingFilter(RecordFilterSet):
    class Meta:
        model = Funding
        fields: list[str] = []


class ProcurementFilter(RecordFilterSet):
    class Meta:
        model = Procurement
        fields: list[str] = []


class MutualAidFilter(RecordFilterSet):
    class Meta:
        model = MutualAid
        fields: list[str] = []


class ReportingPeriodFilter(RecordFilterSet):
    class Meta:
        model = ReportingPeriod
        fields: list[str] = []


class UpdateFilter(RecordFilterSet):
    outstanding = Question("outstanding", help_text="Asked for and not handed in.")
    not_started = Question("not_started", help_text="Asked for, and nobody has written anything.")
    late = Question("late", dated=True, help_text="Not handed in, and the last day of its period has passed.")

    class Meta:
        model = Update
        fields: list[str] = []


class UpdateFactFilter(RecordFilterSet):
    programme = LinkFilter("update__programme", help_text="Programme of the update.")
    workstream = LinkFilter("update__workstream", help_text="Workstream of the update.")

    class Meta:
        model = UpdateFact
        fields: list[str] = []


class CalendarFeedFilter(RecordFilterSet):
    class Meta:
        model = CalendarFeed
        fields: list[str] = []


class ClosureFilter(RecordFilterSet):
    class Meta:
        model = Closure
        fields: list[str] = []


class HealthRuleFilter(RecordFilterSet):
    class Meta:
        model = HealthRule
        fields: list[str] = []


class HealthOverrideFilter(RecordFilterSet):
    holding = Question("holding", dated=True, help_text="Counts on the day of `on`.")

    class Meta:
        model = HealthOverride
        fields: list[str] = []


class ConditionFilter(RecordFilterSet):
    outstanding = Question("outstanding", help_text="Neither met nor waived.")
    overdue = Question("overdue", dated=True, help_text="Still outstanding after its date.")
    approval = LinkFilter("vote__approval", help_text="Approval that the vote is on.")

    class Meta:
        model = Condition
        fields: list[str] = []


class WaitFilter(RecordFilterSet):
    class Meta:
        model = Wait
        fields: list[str] = []


class HandoverFilter(RecordFilterSet):
    class Meta:
        model = Handover
        fields: list[str] = []
