"""Desks for metrics, with charts of their series, for their levels and for breaks in their series."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.html import format_html

from cmast.desk.columns import NOTHING, figure, vague
from cmast.desk.groups import METRICS
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from cmast.models import Organisation
from metrics.charts import RULES
from metrics.icons import icon
from metrics.league import league_of
from metrics.models import Metric, MetricLevel, Observation, Rebase, SeriesBreak, Target
from metrics.series import Series, all_series, parts_of, series_of, side_by_side


class MetricAdmin(RecordAdmin):
    group = METRICS
    list_display = ("name", "programme", "latest", "unit", "direction", "kind", "definition_confidence")
    list_filter = ("unit", "direction", "kind", "definition_confidence")
    search_fields = ("name", "key", "source_system")
    readonly_fields = ("latest", "charts")
    sections = (
        (None, ("name", "programme", ("unit", "direction"), "kind", ("latest", "charts"))),
        (
            "What is counted",
            ("numerator", "denominator", "exclusions", "scope_levels", "breakdowns", "variants", "value_domain"),
        ),
        (
            "Ratio of other metrics",
            (("numerator_metric", "complement_metric"), "denominator_metric"),
            OPTIONAL,
        ),
        ("The system's figure, and what can be", ("aggregation", ("lowest", "highest")), OPTIONAL),
        ("Where it comes from and how often", ("source_system", "frequency", "lag_days")),
        ("How well it is defined", ("definition_note", "definition_confidence", "definition_sources")),
    )
    inlines = (
        inline(
            Target,
            "operator",
            "operator_source",
            "value",
            "unit",
            "scope_level",
            "organisation",
            "basis",
            "due_on",
            "due_precision",
        ),
        inline(SeriesBreak, "starts_on", "starts_precision", "reason"),
        inline(MetricLevel, "level", "meaning"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the latest figure of the whole metric: no part of a breakdown and no stated difference."""
        plain = Observation.objects.current_to(request.user).filter(
            metric=OuterRef("pk"), value__isnull=False, breakdown_dimension="", comparison=None
        )
        last = plain.annotate(day=Coalesce("period_end_on", "as_at_on")).order_by(F("day").desc(nulls_last=True), "-pk")
        columns = {"value": "value", "unit": "unit", "qualifier": "qualifier", "day": "day", "scope": "organisation__name"}
        return (
            super()
            .get_queryset(request)
            .annotate(**{f"latest_{name}": Subquery(last.values(column)[:1]) for name, column in columns.items()})
        )

    # --- Charts -------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view
        return [
            path("<int:pk>/charts/", page(self.charts_view), name="metrics_metric_charts"),
            path("<int:pk>/charts/<str:organisation>/", page(self.series_view), name="metrics_metric_series"),
            *super().get_urls(),
        ]

    @admin.display(description="Charts")
    def charts(self, metric: Any) -> str:
        if metric.pk is None:
            return NOTHING
        return format_html('<a href="{}">All organisations</a>', reverse("admin:metrics_metric_charts", args=[metric.pk]))

    def charts_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All organisations that have figures of the metric, side by side."""
        metric = self._metric(request, pk)
        part = request.GET.get("part", "")
        found = all_series(metric, request.user, part)
        chart = side_by_side(metric, found, "all") if found else ""
        rows = [(series, latest_in_words(series), *icons(series)) for series in found]
        said = {"chart": chart, "rows": rows, "part": part}
        if (trusts := league_of(metric, request.user, part=part)).has_values:
            said["league"] = trusts.chart("league")
        return self._charts_page(request, metric, "charts", said)

    def series_view(self, request: HttpRequest, pk: int, organisation: str) -> HttpResponse:
        """One organisation: the chart, what it means, and the figures behind it."""
        metric = self._metric(request, pk)
        whose = Organisation.objects.visible_to(request.user).filter(key=organisation).first()
        if whose is None:
            raise Http404
        part = request.GET.get("part", "")
        series = series_of(metric, whose, request.user, part)
        signals = [RULES.get(point.special_cause_type, "") for point in series.analysis.points]
        points = list(zip(reversed(series.points), reversed(signals), strict=True))
        said = {"part": part, "series": series, "chart": series.chart("chart"), "points": points, "icons": icons(series, 56)}
        said["burn_down"] = series.burn_down("burn-down")
        said["may_decide"] = self.admin_site.get_model_admin(Rebase).has_add_permission(request)
        return self._charts_page(request, metric, "series", said)

    def _metric(self, request: HttpRequest, pk: int) -> Metric:
        metric = Metric.objects.visible_to(request.user).filter(pk=pk).first()
        if metric is None or not self.has_view_permission(request, metric):
            raise Http404
        return metric

    def _charts_page(self, request: HttpRequest, metric: Metric, page: str, said: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "metric": metric, "title": metric.name}
        context["parts"] = parts_of(metric, request.user)
        return TemplateResponse(request, f"admin/metrics/{page}.html", context | said)

    @admin.display(description="Latest figure")
    def latest(self, metric: Any) -> str:
        if metric.pk is None or metric.latest_value is None:
            return NOTHING
        value = figure(metric.latest_value, metric.latest_unit, metric.latest_qualifier)
        day = f", {formats.date_format(metric.latest_day, 'SHORT_DATE_FORMAT')}" if metric.latest_day else ""
        return f"{value} ({metric.latest_scope}{day})"


def latest_in_words(series: Series) -> str:
    """The latest figure with its period: "71.9% (March 2024)"."""
    latest = series.latest
    return f"{latest.words} ({latest.period.words})" if latest else NOTHING


def icons(series: Series, size: float = 36) -> tuple[str, str]:
    """Variation and assurance, in this order; empty where an XmR chart says nothing."""
    found, key = series.analysis, series.organisation.key
    is_suitable = found.suitability.is_suitable
    names = (found.variation_icon, found.assurance_icon) if is_suitable else (None, None)
    return icon(names[0], f"variation-{key}", size), icon(names[1], f"assurance-{key}", size)


class MetricLevelAdmin(RecordAdmin):
    group = METRICS
    is_detail = True
    list_display = ("metric", "level", "meaning")
    sections = ((None, ("metric", "level", "meaning")),)


class SeriesBreakAdmin(RecordAdmin):
    group = METRICS
    is_detail = True
    list_display = ("reason", "metric", vague("starts", "From"))
    sections = ((None, ("metric", "reason", ("starts_on", "starts_precision"))),)
