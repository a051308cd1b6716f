"""The list of milestones as a textbook writes it, for comparison: serializer, page number, count. Without sign-in or rights."""

from django.urls import path
from rest_framework import generics, serializers

from programmes.models import Milestone

LINKS = ("programme", "workstream", "forum", "meeting", "organisation", "site", "person", "source")


class MilestoneSerializer(serializers.ModelSerializer):
    programme_name = serializers.CharField(source="programme.name")
    workstream_name = serializers.CharField(source="workstream.name")

    class Meta:
        model = Milestone
        fields = "__all__"


class MilestoneList(generics.ListAPIView):
    queryset = Milestone.objects.select_related(*LINKS).prefetch_related("suppliers", "depends_on")
    serializer_class = MilestoneSerializer


urlpatterns = [path("milestones/", MilestoneList.as_view())]
