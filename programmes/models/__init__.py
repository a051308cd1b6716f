"""Programmes, what they deliver, who decides, what it costs and what is reported."""

from programmes.models.delivery import Deliverable, Milestone
from programmes.models.funding import Funding, MutualAid, Procurement
from programmes.models.governance import Action, Approval, Decision, Forum, Meeting, RoleHolder, Snapshot, Vote
from programmes.models.health import HealthDay, HealthOverride, HealthRule
from programmes.models.programmes import Objective, PlacedRecord, PlanYear, Programme, Workstream
from programmes.models.updates import Closure, Update, UpdateFact

__all__ = [
    "Action",
    "Approval",
    "Closure",
    "Decision",
    "Deliverable",
    "Forum",
    "Funding",
    "HealthDay",
    "HealthOverride",
    "HealthRule",
    "Meeting",
    "Milestone",
    "MutualAid",
    "Objective",
    "PlacedRecord",
    "PlanYear",
    "Procurement",
    "Programme",
    "RoleHolder",
    "Snapshot",
    "Update",
    "UpdateFact",
    "Vote",
    "Workstream",
]
