"""What is kept of each series, to be read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cmast.desk.groups import METRICS
from cmast.desk.reading import ReadOnly
from metrics.models import SeriesSummary


class KeptAdmin(ReadOnly):
    """What is kept of the figures. It is written by the job that makes it, and read here."""

    group = METRICS
    list_per_page = 50
    search_fields = ("metric__name", "metric__key")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        kept: Any = self.model._default_manager
        found: QuerySet = kept.visible_to(request.user).select_related("metric")
        return found


class SeriesSummaryAdmin(KeptAdmin):
    list_display = ("metric", "organisation", "part", "latest_on", "latest_figure", "trend", "variation_icon", "outcome")
    list_filter = ("trend", "variation_icon", "outcome", "organisation")
    list_select_related = ("metric", "organisation", "latest")

    @admin.display(description="Latest figure", ordering="latest__value")
    def latest_figure(self, row: SeriesSummary) -> str:
        return row.latest.in_words


class SystemFigureAdmin(KeptAdmin):
    list_display = ("metric", "part", "ends_on", "words", "aggregation")
    list_filter = ("aggregation", "period_type")
    ordering = ("-ends_on", "pk")
