"""Headings of the index page, under which each kind of record is found."""

PLAN = "Plan and delivery"
GOVERNANCE = "Governance"
REPORTING = "Reporting"
METRICS = "Metrics and benefits"
MONEY = "Money and capacity"
RISKS = "Risks"
PEOPLE = "People and places"
REMINDERS = "Reminders and mail"
SYSTEM = "System"

#: In the order of the page.
GROUPS = (PLAN, GOVERNANCE, REPORTING, METRICS, MONEY, RISKS, PEOPLE, REMINDERS, SYSTEM)
