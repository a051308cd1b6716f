"""Words that more than one model uses, spelled as they are stored, filtered and exported.

An enumeration of a single model lives inside that model.
"""

from enum import property as enum_property

from django.db import models


class Words(models.TextChoices):
    """Choices whose label is the stored word in sentence case, unless a label is given."""

    @enum_property
    def label(self) -> str:
        given = str(self._label_)
        return given if given != self.name.replace("_", " ").title() else self.value.replace("_", " ").capitalize()


class DatePrecision(Words):
    """How exactly a date is known. The stored date is the latest day that the words allow."""

    DAY = "day"
    WEEK = "week"
    EARLY_MONTH = "early_month"
    MID_MONTH = "mid_month"
    LATE_MONTH = "late_month"
    MONTH = "month"
    MONTH_END = "month_end"
    BEFORE_MONTH_END = "before_month_end"
    QUARTER = "quarter"
    SEASON = "season"
    HALF_YEAR = "half_year"
    FINANCIAL_YEAR = "financial_year"
    RECENT = "recent"
    UNDATED = "undated"


#: Precisions that carry no date at all.
DATELESS = (DatePrecision.RECENT, DatePrecision.UNDATED)


class DateSense(Words):
    """The preposition of a date."""

    ON = "on"
    BY = "by"
    BY_END_OF = "by_end_of"
    FROM = "from"
    CIRCA = "circa"


class Unit(Words):
    """What a number counts. `percentage_point` is for differences only."""

    PERCENT = "percent"
    PERCENTAGE_POINT = "percentage_point"
    GBP = "gbp", "GBP"
    PATIENTS = "patients"
    PATHWAYS = "pathways"
    TESTS = "tests"
    APPOINTMENTS = "appointments"
    PROCEDURES = "procedures"
    TRUSTS = "trusts"
    SITES = "sites"
    PRACTICES = "practices"
    SUPPLIERS = "suppliers"
    PEOPLE = "people"
    POSTS = "posts"
    MINUTES = "minutes"
    DAYS = "days"
    PER_HOUR = "per_hour"
    RANK = "rank"
    LEVEL = "level"
    YEARS = "years"
    COUNT = "count"
    RATIO = "ratio"
    UNSPECIFIED_PERCENT = "unspecified_percent", "Percent or points, not stated"


class TimeUnit(Words):
    """Units of a duration. Working days are never converted to calendar days."""

    DAYS = "days"
    WORKING_DAYS = "working_days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class Qualifier(Words):
    """How exactly a value was stated."""

    EXACT = "exact"
    APPROXIMATELY = "approximately"
    MORE_THAN = "more_than"
    AT_LEAST = "at_least"
    LESS_THAN = "less_than"
    UP_TO = "up_to"


class ScopeLevel(Words):
    """The level that a figure or a target speaks about."""

    SYSTEM = "system"
    PROVIDER = "provider"
    EACH_PROVIDER = "each_provider"
    PLACE = "place"
    SITE = "site"
    REGION = "region"
    NATIONAL = "national"
    PILOT = "pilot"


class Rag(Words):
    """Delivery confidence. A judgement at a point in time, not a calculation."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    EXEMPT = "exempt"
    NOT_SET = "not_set"


class Role(Words):
    """What a person does, and with it what a person may do. `cmast.models.people.RIGHTS` says which is which."""

    ADMIN = "admin", "Administrator"
    PMO = "pmo", "PMO"
    SRO = "sro", "Senior responsible officer"
    CHAIR_SPONSOR = "chair_sponsor"
    PROGRAMME_DIRECTOR = "programme_director"
    PROGRAMME_MANAGER = "programme_manager"
    WORKSTREAM_LEAD = "workstream_lead"
    CLINICAL_LEAD = "clinical_lead"
    FINANCE_LEAD = "finance_lead"
    BUSINESS_CHANGE_MANAGER = "business_change_manager"
    BENEFIT_OWNER = "benefit_owner"
    RISK_OWNER = "risk_owner"
    RISK_ACTIONEE = "risk_actionee"
    TRUST_CONTRIBUTOR = "trust_contributor"
    TRUST_APPROVER = "trust_approver"
    BOARD_READER = "board_reader"
    VIEWER = "viewer"
