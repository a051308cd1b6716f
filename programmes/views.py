"""Endpoints of programmes."""

from cmast.api.viewsets import RecordViewSet
from programmes import filters, models, serializers


class PlanYearViewSet(RecordViewSet):
    queryset = models.PlanYear.objects.all()
    serializer_class = serializers.PlanYearSerializer
    filterset_class = filters.PlanYearFilter


class ProgrammeViewSet(RecordViewSet):
    queryset = models.Programme.objects.all()
    serializer_class = serializers.ProgrammeSerializer
    filterset_class = filters.ProgrammeFilter


class ObjectiveViewSet(RecordViewSet):
    queryset = models.Objective.objects.all()
    serializer_class = serializers.ObjectiveSerializer
    filterset_class = filters.ObjectiveFilter


class WorkstreamViewSet(RecordViewSet):
    queryset = models.Workstream.objects.all()
    serializer_class = serializers.WorkstreamSerializer
    filterset_class = filters.WorkstreamFilter


class DeliverableViewSet(RecordViewSet):
    queryset = models.Deliverable.objects.all()
    serializer_class = serializers.DeliverableSerializer
    filterset_class = filters.DeliverableFilter


class MilestoneViewSet(RecordViewSet):
    queryset = models.Milestone.objects.all()
    serializer_class = serializers.MilestoneSerializer
    filterset_class = filters.MilestoneFilter
    also_ordered = ("due_on",)


class ForumViewSet(RecordViewSet):
    queryset = models.Forum.objects.all()
    serializer_class = serializers.ForumSerializer
    filterset_class = filters.ForumFilter


class MeetingViewSet(RecordViewSet):
    queryset = models.Meeting.objects.all()
    serializer_class = serializers.MeetingSerializer
    filterset_class = filters.MeetingFilter


class RoleHolderViewSet(RecordViewSet):
    queryset = models.RoleHolder.objects.all()
    serializer_class = serializers.RoleHolderSerializer
    filterset_class = filters.RoleHolderFilter


class ApprovalViewSet(RecordViewSet):
    queryset = models.Approval.objects.all()
    serializer_class = serializers.ApprovalSerializer
    filterset_class = filters.ApprovalFilter


class SnapshotViewSet(RecordViewSet):
    queryset = models.Snapshot.objects.all()
    serializer_class = serializers.SnapshotSerializer
    filterset_class = filters.SnapshotFilter


class VoteViewSet(RecordViewSet):
    queryset = models.Vote.objects.all()
    serializer_class = serializers.VoteSerializer
    filterset_class = filters.VoteFilter
    needs_key = ("create", "bulk")


class DecisionViewSet(RecordViewSet):
    queryset = models.Decision.objects.all()
    serializer_class = serializers.DecisionSerializer
    filterset_class = filters.DecisionFilter


class ActionViewSet(RecordViewSet):
    queryset = models.Action.objects.all()
    serializer_class = serializers.ActionSerializer
    filterset_class = filters.ActionFilter


class FundingViewSet(RecordViewSet):
    queryset = models.Funding.objects.all()
    serializer_class = serializers.FundingSerializer
    filterset_class = filters.FundingFilter


class ProcurementViewSet(RecordViewSet):
    queryset = models.Procurement.objects.all()
    serializer_class = serializers.ProcurementSerializer
    filterset_class = filters.ProcurementFilter


class MutualAidViewSet(RecordViewSet):
    queryset = models.MutualAid.objects.all()
    serializer_class = serializers.MutualAidSerializer
    filterset_class = filters.MutualAidFilter


class UpdateViewSet(RecordViewSet):
    queryset = models.Update.objects.all()
    serializer_class = serializers.UpdateSerializer
    filterset_class = filters.UpdateFilter


class UpdateFactViewSet(RecordViewSet):
    queryset = models.UpdateFact.objects.all()
    serializer_class = serializers.UpdateFactSerializer
    filterset_class = filters.UpdateFactFilter


class ClosureViewSet(RecordViewSet):
    queryset = models.Closure.objects.all()
    serializer_class = serializers.ClosureSerializer
    filterset_class = filters.ClosureFilter
