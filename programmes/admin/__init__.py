"""Desks for programmes, their delivery, who decides, money and updates. The index page lists them in this order."""

from django.contrib import admin

from programmes.admin.approvals import ApprovalAdmin, ConditionAdmin, SnapshotAdmin
from programmes.admin.calendars import CalendarFeedAdmin
from programmes.admin.closing import ClosureAdmin, HandoverAdmin
from programmes.admin.delivery import DeliverableAdmin, MilestoneAdmin
from programmes.admin.forecasts import ForecastAdmin
from programmes.admin.funding import FundingAdmin, MutualAidAdmin, ProcurementAdmin
from programmes.admin.governance import ForumAdmin, MeetingAdmin, RoleHolderAdmin
from programmes.admin.health import HealthOverrideAdmin, HealthRuleAdmin
from programmes.admin.meetings import ActionAdmin, AgendaItemAdmin, DecisionAdmin
from programmes.admin.periods import ReportingPeriodAdmin
from programmes.admin.programmes import ObjectiveAdmin, PlanYearAdmin, ProgrammeAdmin, WorkstreamAdmin
from programmes.admin.updates import UpdateAdmin, UpdateFactAdmin
from programmes.admin.votes import VoteAdmin
from programmes.admin.waiting import WaitAdmin
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

admin.site.register(ReportingPeriod, ReportingPeriodAdmin)
admin.site.register(Update, UpdateAdmin)
admin.site.register(UpdateFact, UpdateFactAdmin)
admin.site.register(CalendarFeed, CalendarFeedAdmin)
admin.site.register(Programme, ProgrammeAdmin)
admin.site.register(Workstream, WorkstreamAdmin)
admin.site.register(Objective, ObjectiveAdmin)
admin.site.register(Deliverable, DeliverableAdmin)
admin.site.register(Milestone, MilestoneAdmin)
admin.site.register(PlanYear, PlanYearAdmin)
admin.site.register(Approval, ApprovalAdmin)
admin.site.register(Vote, VoteAdmin)
admin.site.register(Condition, ConditionAdmin)
admin.site.register(Wait, WaitAdmin)
admin.site.register(Snapshot, SnapshotAdmin)
admin.site.register(Decision, DecisionAdmin)
admin.site.register(AgendaItem, AgendaItemAdmin)
admin.site.register(Action, ActionAdmin)
admin.site.register(Forum, ForumAdmin)
admin.site.register(Meeting, MeetingAdmin)
admin.site.register(RoleHolder, RoleHolderAdmin)
admin.site.register(Funding, FundingAdmin)
admin.site.register(Procurement, ProcurementAdmin)
admin.site.register(MutualAid, MutualAidAdmin)
admin.site.register(Closure, ClosureAdmin)
admin.site.register(Handover, HandoverAdmin)
admin.site.register(Forecast, ForecastAdmin)
admin.site.register(HealthRule, HealthRuleAdmin)
admin.site.register(HealthOverride, HealthOverrideAdmin)
