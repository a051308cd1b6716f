"""How early slippage was declared: per programme, workstream or lead, in two queries."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.pagination import refuse_unknown
from cmast.api.past import day_of_question, the_past
from cmast.api.problems import QueryError
from cmast.api.serializers import DecimalTextField
from cmast.models.windows import DaysBetween, first_day
from programmes.models import Forecast, Milestone

#: What the figures may be put together by -> the path from a milestone.
BY = {"programme": "programme", "workstream": "workstream", "lead": "workstream__lead"}


@dataclass(frozen=True)
class Accuracy:
    """The dates of one programme, workstream or lead: what was said of them, and how early."""

    key: str | None
    name: str | None
    milestones: int
    outcomes_missing: int
    happened_late: int
    slips: int = 0
    slips_in_time: int = 0
    notice_days: int = 0
    notice_days_least: int | None = None
    notice_days_most: int | None = None
    moved_days: int = 0

    @property
    def slips_late(self) -> int:
        return self.slips - self.slips_in_time

    @property
    def notice_days_mean(self) -> Decimal | None:
        return self._mean(self.notice_days)

    @property
    def moved_days_mean(self) -> Decimal | None:
        return self._mean(self.moved_days)

    def _mean(self, days: int) -> Decimal | None:
        return (Decimal(days) / self.slips).quantize(Decimal("0.1")) if self.slips else None


def accuracy(reader: Any, today: dt.date, by: str = "programme", programmes: list[str] | None = None) -> list[Accuracy]:
    """A line for each that has milestones, by name; last that of the milestones that belong to none."""
    said: Any = Forecast.objects.visible_to(reader).slips()
    milestones: Any = Milestone.objects.visible_to(reader)
    if programmes:
        said, milestones = (
            said.filter(milestone__programme__key__in=programmes),
            milestones.filter(programme__key__in=programmes),
        )
    slips = {row.pop("group"): row for row in _slips(said, f"milestone__{BY[by]}")}
    lines = [
        Accuracy(row.pop("group"), row.pop("group_name"), **row, **slips.get(key, {}))
        for row in _milestones(milestones, BY[by], today)
        for key in [row["group"]]
    ]
    return sorted(lines, key=lambda line: (line.name is None, line.name))


def _slips(said: QuerySet, path: str) -> QuerySet:
    notice = DaysBetween(F("said_on"), F("previous_on"))
    return (
        said.order_by()
        .values(group=F(f"{path}__key"))
        .annotate(
            slips=Count("pk"),
            slips_in_time=Count("pk", filter=Q(said_on__lte=F("previous_on"))),
            notice_days=Sum(notice),
            notice_days_least=Min(notice),
            notice_days_most=Max(notice),
            moved_days=Sum(DaysBetween(F("previous_on"), F("date_on"))),
        )
    )


def _milestones(milestones: Any, path: str, today: dt.date) -> QuerySet:
    missing = Milestone.objects.outcome_missing(today).order_by().values("pk")
    late = Q(happened_from__gt=F("due_on"))
    found: QuerySet = (
        milestones.dated()
        .annotate(happened_from=first_day("actual"))
        .order_by()
        .values(group=F(f"{path}__key"), group_name=F(f"{path}__name"))
        .annotate(
            milestones=Count("pk"),
            outcomes_missing=Count("pk", filter=Q(pk__in=missing)),
            happened_late=Count("pk", filter=late),
        )
    )
    return found


class AccuracySerializer(serializers.Serializer):
    """The dates of one programme, workstream or lead: what was said of them, and how early."""

    key = serializers.CharField(allow_null=True, help_text="Its key; null for milestones that belong to none.")
    name = serializers.CharField(allow_null=True, help_text="What it is called.")
    milestones = serializers.IntegerField(help_text="How many milestones it has.")
    slips = serializers.IntegerField(help_text="How often a date was put off.")
    slips_in_time = serializers.IntegerField(help_text="How often that was said before the date had passed.")
    slips_late = serializers.IntegerField(help_text="How often it was said afterwards.")
    notice_days_mean = DecimalTextField(
        max_digits=8, decimal_places=1, allow_null=True, help_text="Mean of the days from the saying to the date that held."
    )
    notice_days_least = serializers.IntegerField(allow_null=True, help_text="The fewest; less than nothing is afterwards.")
    notice_days_most = serializers.IntegerField(allow_null=True, help_text="The most.")
    moved_days_mean = DecimalTextField(
        max_digits=8, decimal_places=1, allow_null=True, help_text="Mean of the days by which dates were put off."
    )
    happened_late = serializers.IntegerField(help_text="How many happened after the last date that was said.")
    outcomes_missing = serializers.IntegerField(help_text="How many dates have passed without a word on what became of them.")


class AccuracyPageSerializer(serializers.Serializer):
    """How early slippage was declared."""

    by = serializers.CharField(help_text="What the figures are put together by.")
    results = AccuracySerializer(many=True, help_text="A line each.")


class ForecastAccuracyView(APIView):
    """How early slippage was declared, by programme, workstream or its lead.

    Vague dates count by the last day that their words allow.
    """

    action = "accuracy"

    @extend_schema(
        operation_id="forecast_accuracy_retrieve",
        summary="See how early slippage was declared",
        parameters=[
            OpenApiParameter("by", str, enum=list(BY), description="By what: programme, where not said."),
            OpenApiParameter("programme", str, description="Keys of programmes, separated by commas. All when left out."),
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
            OpenApiParameter("on", OpenApiTypes.DATE, description="Day on which outcomes are missing. Today when left out."),
        ],
        responses=AccuracyPageSerializer,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, ("by", "programme", "as_of", "on"))
        by = request.query_params.get("by", "programme")
        if by not in BY:
            raise QueryError({"by": f"Give one of {', '.join(BY)}."})
        given = request.query_params.get("programme")
        with the_past(request):
            found = accuracy(request.user, day_of_question(request), by, given.split(",") if given else None)
        return Response({"by": by, "results": AccuracySerializer(found, many=True).data})
