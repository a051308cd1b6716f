"""JSON of programmes."""

from rest_framework import serializers

from cmast.api.serializers import KeyRelatedField, RecordSerializer
from programmes.models import (
    Action,
    Approval,
    Closure,
    Condition,
    Decision,
    Deliverable,
    Forum,
    Funding,
    HealthOverride,
    HealthRule,
    Meeting,
    Milestone,
    MutualAid,
    Objective,
    PlanYear,
    Procurement,
    Programme,
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

    class Meta:
        model = Milestone


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


class ClosureSerializer(RecordSerializer):
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
