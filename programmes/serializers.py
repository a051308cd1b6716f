"""JSON of programmes."""

from rest_framework import serializers

from cmast.api.serializers import KeyRelatedField, RecordSerializer
from cmast.serializers import NamingSerializer
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


class PlanYearSerializer(RecordSerializer):
    class Meta:
        model = PlanYear


class ProgrammeSerializer(RecordSerializer):
    class Meta:
        model = Programme


class ObjectiveSerializer(RecordSerializer):
    class Meta:
        model = Objective


class WorkstreamSerializer(RecordSerializer):
    class Meta:
        model = Workstream


class DeliverableSerializer(RecordSerializer):
    measured_by = KeyRelatedField(many=True, read_only=True, help_text="Targets that measure it; often none.")
    benefits = KeyRelatedField(many=True, read_only=True, help_text="Benefits that it promises.")

    class Meta:
        model = Deliverable


class MilestoneSerializer(RecordSerializer):
    due_on = serializers.DateField(
        read_only=True, allow_null=True, help_text="Forecast, or baseline where nobody has forecast."
    )
    computed_status = serializers.ChoiceField(
        Milestone.ComputedStatus.choices,
        read_only=True,
        help_text="What dates and outcome say on the day of `?on=`, else today.",
    )

    slip_days_least = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Days from the baseline to when it happened, or is expected now: at least, as far as vague dates say. Less "
        "than nothing is early; null without a baseline.",
    )
    slip_days_most = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The same days at most. Exact dates have one number."
    )

    class Meta:
        model = Milestone


class ForecastSerializer(RecordSerializer):
    notice_days = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="How many days before the last day of the date that held before it was said; less than nothing is after it.",
    )
    moved_days_least = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Days by which the date moved: at least, as far as vague dates say."
    )
    moved_days_most = serializers.IntegerField(read_only=True, allow_null=True, help_text="The same days at most.")

    class Meta:
        model = Forecast


class ForumSerializer(RecordSerializer):
    class Meta:
        model = Forum


class MeetingSerializer(RecordSerializer):
    class Meta:
        model = Meeting


class RoleHolderSerializer(RecordSerializer):
    class Meta:
        model = RoleHolder


class VoteSerializer(RecordSerializer):
    class Meta:
        model = Vote


class SnapshotSerializer(RecordSerializer):
    class Meta:
        model = Snapshot


class ApprovalSerializer(RecordSerializer):
    votes_total = serializers.IntegerField(read_only=True, help_text="How many bodies decide.")
    votes_in_favour = serializers.IntegerField(read_only=True, help_text="How many have agreed.")
    votes_open = serializers.IntegerField(read_only=True, help_text="How many have still to decide.")
    votes = VoteSerializer(many=True, read_only=True, help_text="One vote per deciding body.")
    snapshots = SnapshotSerializer(many=True, read_only=True, help_text="The count on other days, as sources state it.")

    class Meta:
        model = Approval


class AgendaItemSerializer(RecordSerializer):
    decisions = KeyRelatedField(many=True, read_only=True, help_text="Decisions recorded under it.")
    actions = KeyRelatedField(many=True, read_only=True, help_text="Actions recorded under it.")

    class Meta:
        model = AgendaItem


class DecisionSerializer(RecordSerializer):
    class Meta:
        model = Decision


class ActionSerializer(RecordSerializer):
    class Meta:
        model = Action


class FundingSerializer(RecordSerializer):
    class Meta:
        model = Funding


class ProcurementSerializer(RecordSerializer):
    class Meta:
        model = Procurement


class MutualAidSerializer(RecordSerializer):
    class Meta:
        model = MutualAid


class UpdateFactSerializer(RecordSerializer):
    class Meta:
        model = UpdateFact


class UpdateSerializer(RecordSerializer):
    facts = UpdateFactSerializer(many=True, read_only=True, help_text="What is reported, fact by fact.")

    class Meta:
        model = Update


class HandoverSerializer(NamingSerializer):
    class Meta:
        model = Handover


class ReportingPeriodSerializer(RecordSerializer):
    class Meta:
        model = ReportingPeriod


class CalendarFeedSerializer(RecordSerializer):
    class Meta:
        model = CalendarFeed


class NewCalendarFeedSerializer(CalendarFeedSerializer):
    """A calendar just made, with its address, shown this once."""

    address = serializers.CharField(read_only=True, help_text="Where to subscribe to it. It is not shown again.")

    class Meta(CalendarFeedSerializer.Meta):
        pass


class NewAddressSerializer(serializers.Serializer):
    """An address just made, shown this once."""

    address = serializers.CharField(help_text="Where to subscribe from now on. It is not shown again.")


class ClosureSerializer(RecordSerializer):
    handovers = HandoverSerializer(many=True, read_only=True, help_text="What is left over, and who takes it over.")

    class Meta:
        model = Closure


class HealthRuleSerializer(RecordSerializer):
    class Meta:
        model = HealthRule


class HealthOverrideSerializer(RecordSerializer):
    class Meta:
        model = HealthOverride


class ConditionSerializer(RecordSerializer):
    class Meta:
        model = Condition


class WaitSerializer(RecordSerializer):
    class Meta:
        model = Wait
