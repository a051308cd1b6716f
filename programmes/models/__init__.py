"""Programmes, what they deliver, who decides, what it costs and what is reported."""

from programmes.models.approvals import Approval, Condition, Snapshot
from programmes.models.calendars import CalendarAddress, CalendarFeed
from programmes.models.closing import Handover, HeldQuerySet
from programmes.models.delivery import Deliverable, Milestone
from programmes.models.forecasts import Forecast
from programmes.models.funding import Funding, MutualAid, Procurement
from programmes.models.governance import Forum, Meeting, RoleHolder
from programmes.models.health import HealthDay, HealthOverride, HealthRule
from programmes.models.meetings import Action, AgendaItem, Decision
from programmes.models.periods import ReportingPeriod
from programmes.models.programmes import Objective, PlacedRecord, PlanYear, Programme, Workstream
from programmes.models.updates import Closure, Update, UpdateFact
from programmes.models.votes import Vote
from programmes.models.waiting import Edge, Thing, Wait, refuse_loop

__all__ = [
    "Action",
    "AgendaItem",
    "Approval",
    "CalendarAddress",
    "CalendarFeed",
    "Closure",
    "Condition",
    "Decision",
    "Deliverable",
    "Edge",
    "Forecast",
    "Forum",
    "Funding",
    "Handover",
    "HealthDay",
    "HealthOverride",
    "HealthRule",
    "HeldQuerySet",
    "Meeting",
    "Milestone",
    "MutualAid",
    "Objective",
    "PlacedRecord",
    "PlanYear",
    "Procurement",
    "Programme",
    "ReportingPeriod",
    "RoleHolder",
    "Snapshot",
    "Thing",
    "Update",
    "UpdateFact",
    "Vote",
    "Wait",
    "Workstream",
    "refuse_loop",
]
