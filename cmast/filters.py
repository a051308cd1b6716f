"""Filters and questions of cmast."""

from cmast.api.filters import Question, RecordFilterSet
from cmast.models import (
    Membership,
    Note,
    NoteSubject,
    Organisation,
    Person,
    ReminderRule,
    Restriction,
    Site,
    Source,
    SourceSection,
    Suppression,
    Webhook,
)


class SourceFilter(RecordFilterSet):
    class Meta:
        model = Source
        fields: list[str] = []


class SourceSectionFilter(RecordFilterSet):
    class Meta:
        model = SourceSection
        fields: list[str] = []


class OrganisationFilter(RecordFilterSet):
    class Meta:
        model = Organisation
        fields: list[str] = []


class SiteFilter(RecordFilterSet):
    class Meta:
        model = Site
        fields: list[str] = []


class PersonFilter(RecordFilterSet):
    hidden = ("password", "last_login")

    class Meta:
        model = Person
        fields: list[str] = []


class MembershipFilter(RecordFilterSet):
    class Meta:
        model = Membership
        fields: list[str] = []


class NoteFilter(RecordFilterSet):
    class Meta:
        model = Note
        fields: list[str] = []


class NoteSubjectFilter(RecordFilterSet):
    class Meta:
        model = NoteSubject
        fields: list[str] = []


class RestrictionFilter(RecordFilterSet):
    hidden = ("record_id",)

    class Meta:
        model = Restriction
        fields: list[str] = []


class WebhookFilter(RecordFilterSet):
    given_up = Question("given_up", help_text="Switched off by the register, because the receiver takes nothing any more.")

    class Meta:
        model = Webhook
        fields: list[str] = []


class ReminderRuleFilter(RecordFilterSet):
    class Meta:
        model = ReminderRule
        fields: list[str] = []


class SuppressionFilter(RecordFilterSet):
    class Meta:
        model = Suppression
        fields: list[str] = []
