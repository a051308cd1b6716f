"""Desks for metrics, targets, figures and benefits."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_POST

from cmast import dates
from cmast.desk.columns import NOTHING, figure, tag, vague
from cmast.desk.forms import ReasonedForm
from cmast.desk.questions import Attention, JudgementFilter, question_filter
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from cmast.errors import RuleBroken
from cmast.models import Organisation
from cmast.models.notes import record_types
from metrics.benefits_desk import DESKS
from metrics.charts import RULES
from metrics.icons import icon
from metrics.models import (
    Cohort,
    Finding,
    FindingSubject,
    Import,
    ImportMapping,
    Metric,
    MetricLevel,
    Observation,
    PeriodLock,
    Rebase,
    SeriesBreak,
    SeriesSetting,
    SeriesSummary,
    SystemFigure,
    Target,
    Trajectory,
    TrajectoryPoint,
)
from metrics.series import Series, all_series, parts_of, series_of, side_by_side


class MetricsAdmin(RecordAdmin):
    group = "Metrics and benefits"


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


@admin.register(Metric)
class MetricAdmin(MetricsAdmin):
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
        plain = Observation.objects.current().filter(
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
        found = all_series(metric, request.user, timezone.localdate(), part)
        chart = side_by_side(metric, found, "all") if found else ""
        rows = [(series, latest_in_words(series), *icons(series)) for series in found]
        return self._charts_page(request, metric, "charts", {"chart": chart, "rows": rows, "part": part})

    def series_view(self, request: HttpRequest, pk: int, organisation: str) -> HttpResponse:
        """One organisation: the chart, what it means, and the figures behind it."""
        metric = self._metric(request, pk)
        whose = Organisation.objects.visible_to(request.user).filter(key=organisation).first()
        if whose is None:
            raise Http404
        part = request.GET.get("part", "")
        series = series_of(metric, whose, request.user, timezone.localdate(), part)
        signals = [RULES.get(point.special_cause_type, "") for point in series.analysis.points]
        points = list(zip(reversed(series.points), reversed(signals), strict=True))
        said = {"part": part, "series": series, "chart": series.chart("chart"), "points": points, "icons": icons(series, 56)}
        said["burn_down"] = series.burn_down("burn-down")
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


@admin.register(MetricLevel)
class MetricLevelAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("metric", "level", "meaning")
    sections = ((None, ("metric", "level", "meaning")),)


@admin.register(SeriesBreak)
class SeriesBreakAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("reason", "metric", vague("starts", "From"))
    sections = ((None, ("metric", "reason", ("starts_on", "starts_precision"))),)


@admin.register(Rebase)
class RebaseAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("metric", "organisation", "starts_on", "reason", "decided_by", "decided_on")
    list_filter = ("organisation",)
    search_fields = ("metric__name", "reason", "key")
    sections = ((None, (("metric", "organisation"), "starts_on", "reason", ("decided_by", "decided_on"))),)


@admin.register(SeriesSetting)
class SeriesSettingAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("metric", "organisation", "is_screened", "fix_after_n_points", "reason", "decided_by", "decided_on")
    list_filter = ("organisation",)
    search_fields = ("metric__name", "reason", "key")
    sections = (
        (
            None,
            (
                ("metric", "organisation"),
                ("is_screened", "fix_after_n_points"),
                "reason",
                ("decided_by", "decided_on"),
            ),
        ),
    )


@admin.register(PeriodLock)
class PeriodLockAdmin(MetricsAdmin):
    list_display = ("month_end_on", "metric", "programme", "reason", "locked_on", "locked_by", "unlocked_on")
    list_filter = ("programme",)
    questions = ("in_force",)
    search_fields = ("metric__name", "reason", "unlock_reason", "key")
    sections = (
        (None, ("month_end_on", ("metric", "programme"), "reason", ("locked_on", "locked_by"))),
        ("Opened again", (("unlocked_on", "unlocked_by"), "unlock_reason"), OPTIONAL),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A month is opened again, with the reason."""
        return False


@admin.register(Target)
class TargetAdmin(MetricsAdmin):
    list_display = ("metric", "aim", "operator_source", "organisation", "basis", vague("due", "By"), "financial_year")
    list_filter = ("operator", "operator_source", "intent", "basis", "scope_level", "financial_year", "organisation")
    questions = ("numberless", "overdue")
    named_by = ("metric",)
    search_fields = ("metric__name", "key", "supersedes_text", "successor_text")
    sections = (
        (
            None,
            (
                "metric",
                ("operator", "operator_source"),
                "value",
                ("low", "high"),
                "unit",
                ("within_amount", "within_unit"),
                "intent",
            ),
        ),
        ("For whom and by when", (("scope_level", "organisation"), "basis", "financial_year", ("due_on", "due_precision"))),
        ("What it leaves out", ("exclusions", "exclusions_source"), OPTIONAL),
        ("What it is compared with", (("guidance_low", "guidance_high"), ("baseline_value", "baseline_on")), OPTIONAL),
        (
            "What it replaces and serves",
            (("supersedes", "supersedes_text"), "successor_text", "deliverables", "drivers", "awaits"),
        ),
    )
    attention = (Attention("Targets without a number", "numberless", hint="Nothing to compare a figure with.", order=80),)

    @admin.display(description="Target", ordering="value")
    def aim(self, target: Target) -> str:
        """The comparison in words; a time limit is said as it is set."""
        words = target.get_operator_display().capitalize()
        if target.low is not None and target.high is not None:
            words += f" {figure(target.low)} and {figure(target.high, target.unit)}"
        elif target.value is not None:
            words += f" {figure(target.value, target.unit)}"
        if target.within_amount:
            words += f" within {target.within_amount} {target.get_within_unit_display().lower()}"
        return words


@admin.register(Trajectory)
class TrajectoryAdmin(MetricsAdmin):
    list_display = ("metric", "organisation", "basis", "financial_year", "variance")
    list_filter = ("basis", "financial_year", "organisation")
    search_fields = ("metric__name", "key")
    sections = (
        (None, ("metric", "organisation", "basis", "financial_year")),
        ("Distance from it", (("variance_value", "variance_unit"),), OPTIONAL),
    )
    inlines = (inline(TrajectoryPoint, "period_start_on", "period_end_on", "value"),)

    @admin.display(description="Stated distance")
    def variance(self, trajectory: Trajectory) -> str:
        return figure(trajectory.variance_value, trajectory.variance_unit)


@admin.register(TrajectoryPoint)
class TrajectoryPointAdmin(MetricsAdmin):
    is_detail = True
    list_display = ("trajectory", "period_start_on", "period_end_on", "value")
    search_fields = ("trajectory__metric__name", "key")
    sections = ((None, ("trajectory", ("period_start_on", "period_end_on"), "value")),)


@admin.register(Cohort)
class CohortAdmin(MetricsAdmin):
    list_display = ("name", "metric", "horizon_on", "goal_in_words", "is_closed")
    list_filter = ("is_closed",)
    sections = ((None, ("name", "metric", ("horizon_on", "goal"), "membership_rule", "is_closed")),)

    @admin.display(description="Goal", ordering="goal")
    def goal_in_words(self, cohort: Cohort) -> str:
        return figure(cohort.goal)


@admin.register(Observation)
class ObservationAdmin(MetricsAdmin):
    list_display = ("metric", "figure", "organisation", "part", "when_in_words", "value_status", "meets_target", "revision")
    list_filter = (
        question_filter("meets_target", JudgementFilter),
        "organisation",
        "scope_level",
        "unit",
        "period_type",
        "value_status",
        "review_state",
        "financial_year",
    )
    questions = ("current",)
    named_by = ("metric", "organisation")
    search_fields = ("metric__name", "organisation__name", "key", "also_described_as", "printed_as")
    sections = (
        (None, ("metric", ("organisation", "scope_level", "role_of_scope"), ("breakdown_dimension", "breakdown_member"))),
        (
            "The figure",
            (
                ("value", "unit", "qualifier"),
                ("bound_operator", "bound_value"),
                "quantifier",
                "denominator",
                "members",
                "correction",
            ),
        ),
        (
            "When",
            (
                "period_type",
                ("period_start_on", "period_end_on"),
                ("as_at_on", "as_at_precision"),
                "horizon_on",
                "financial_year",
            ),
        ),
        ("What the number is", (("value_status", "review_state"), ("revision", "supersedes"), "trend", "also_described_as")),
        (
            "What it belongs with",
            (
                "target",
                "cohort",
                "subset_of",
                ("comparison", "comparator_for"),
                ("threshold_operator", "threshold_value", "threshold_unit"),
            ),
        ),
    )
    readonly_fields = ("correction",)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A figure of a locked month stands in the way of its own deletion."""
        nested, numbers, kept, protected = super().get_deleted_objects(objs, request)
        locked = Observation.objects.filter(pk__in=[each.pk for each in objs]).locked()
        return nested, numbers, kept, [*protected, *(f"{each} is of a locked month" for each in locked)]

    @admin.display(description="To correct it")
    def correction(self, observation: Any) -> str:
        """A stated figure is never overwritten: the form for a revision, with everything filled in as it is."""
        if observation.pk is None:
            return NOTHING
        revision = Observation.objects.filter(supersedes=observation.pk).first()
        if revision is not None:
            address = reverse("admin:metrics_observation_change", args=[revision.pk])
            return format_html('It is corrected by <a href="{}">revision {}</a>.', address, revision.revision)
        query = urlencode(observation.as_revised(), doseq=True)
        return format_html('<a href="{}?{}">Enter a revision</a>', reverse("admin:metrics_observation_add"), query)

    @admin.display(description="Figure", ordering="value")
    def figure(self, observation: Observation) -> str:
        if observation.value is None and observation.bound_value is not None:
            return f"{observation.get_bound_operator_display()} {figure(observation.bound_value, observation.unit)}"
        return figure(observation.value, observation.unit, observation.qualifier)

    @admin.display(description="Part")
    def part(self, observation: Observation) -> str:
        return observation.breakdown_member.replace("_", " ") or NOTHING

    @admin.display(description="When", ordering=Coalesce("period_end_on", "as_at_on"))
    def when_in_words(self, observation: Observation) -> str | None:
        """The period where there is one, else the day, else the financial year."""
        if observation.period_end_on:
            days = (observation.period_start_on, observation.period_end_on)
            return " to ".join(formats.date_format(day, "SHORT_DATE_FORMAT") for day in days if day)
        return dates.describe(observation.as_at_on, observation.as_at_precision) or observation.financial_year

    @admin.display(description="Meets target", boolean=True)
    def meets_target(self, observation: Any) -> Any:
        return observation.meets_target


for benefits, desk in DESKS.items():
    admin.site.register(benefits, desk)


@admin.register(Finding)
class FindingAdmin(MetricsAdmin):
    """What the checks found. They make and close findings; here they are given to somebody and answered."""

    group = "Reporting"
    list_display = ("what", tag("state"), "rule", "programme", "owner", "first_seen_on")
    list_filter = ("state", "rule", "owner")
    questions = ("still_found",)
    search_fields = ("what", "printed", "computed", "answer", "key", "subjects__record_key")
    ordering = ("-first_seen_on", "pk")
    readonly_fields = (
        "what",
        "rule",
        "printed",
        "computed",
        "about",
        "programme",
        "answered_by",
        "answered_at",
        "first_seen_on",
        "last_seen_on",
    )
    sections = (
        (None, ("what", "rule", ("printed", "computed"), "about", "programme", ("first_seen_on", "last_seen_on"))),
        ("Answer", (("owner", "state"), "answer", ("answered_by", "answered_at"))),
    )
    attention = (Attention("Findings of the checks", values={"state": "open"}, hint="Nobody has answered yet.", order=75),)

    @admin.display(description="About")
    def about(self, finding: Finding) -> str:
        """The records, each as a link that finds it."""
        found = []
        for subject in finding.subjects.all():
            opts = record_types()[subject.record_type]._meta
            url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist", query={"q": subject.record_key})
            found.append((url, opts.verbose_name, subject.record_key))
        return format_html_join(", ", '<a href="{}">{} {}</a>', found)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Finding | None = None) -> bool:
        return False


@admin.register(FindingSubject)
class FindingSubjectAdmin(MetricsAdmin):
    group = "Reporting"
    is_detail = True
    list_display = ("record_key", "record_type", "finding")
    list_filter = ("record_type",)
    sections = ((None, ("finding", ("record_type", "record_key"))),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: FindingSubject | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: FindingSubject | None = None) -> bool:
        return False


class KeptAdmin(admin.ModelAdmin):
    """What is kept of the figures. It is written by the job that makes it, and read here."""

    group = "Metrics and benefits"
    list_per_page = 50
    search_fields = ("metric__name", "metric__key")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        kept: Any = self.model._default_manager
        found: QuerySet = kept.visible_to(request.user).select_related("metric")
        return found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SeriesSummary)
class SeriesSummaryAdmin(KeptAdmin):
    list_display = ("metric", "organisation", "part", "latest_on", "latest_figure", "trend", "variation_icon", "outcome")
    list_filter = ("trend", "variation_icon", "outcome", "organisation")
    list_select_related = ("metric", "organisation", "latest")

    @admin.display(description="Latest figure", ordering="latest__value")
    def latest_figure(self, row: SeriesSummary) -> str:
        return figure(row.latest.value, row.latest.unit, row.latest.qualifier)


@admin.register(SystemFigure)
class SystemFigureAdmin(KeptAdmin):
    list_display = ("metric", "part", "ends_on", "words", "aggregation")
    list_filter = ("aggregation", "period_type")
    ordering = ("-ends_on", "pk")


@admin.register(ImportMapping)
class ImportMappingAdmin(MetricsAdmin):
    list_display = ("name", "layout", "metric", "period_type", "value_status")
    list_filter = ("layout", "period_type", "value_status")
    sections = (
        (None, ("name", "layout", "sheet")),
        ("Which metric", ("metric", "metric_column", "measures")),
        ("Whose figures", ("organisation", "organisation_column", "scope_level")),
        ("When", (("period_column", "period_type"), "date_order")),
        ("The values", (("value_column", "denominator_column"), "value_status")),
        ("What is checked", ("unit", ("lowest", "highest")), OPTIONAL),
        ("Parts of a whole", (("breakdown_dimension", "breakdown_column"),), OPTIONAL),
    )


class UploadForm(ReasonedForm):
    """A new import: a file, and how it is read."""

    file = forms.FileField(help_text="A CSV file in UTF-8 or an .xlsx workbook, at most 64 MB and 1,000,000 rows.")


@admin.register(Import)
class ImportAdmin(MetricsAdmin):
    """A file is sent here, looked at once it is checked, and written by the button on its page."""

    list_display = (
        "file_name",
        "mapping",
        tag("state"),
        "new_count",
        "changed_count",
        "unchanged_count",
        "refused_count",
        "submitted_by",
        "created_at",
    )
    list_filter = ("state", "mode", "mapping")
    search_fields = ("file_name", "key", "sha256")
    questions = ("awaiting_decision",)
    attention = (
        Attention("Files to decide on", "awaiting_decision", hint="Checked: say whether their figures are written.", order=75),
    )
    readonly_fields = (
        "file_name",
        "sha256",
        "size",
        "submitted_by",
        "state",
        "message",
        "progress",
        "row_count",
        "new_count",
        "changed_count",
        "unchanged_count",
        "refused_count",
        "unstated_count",
        "attempts",
        "lease_ends_at",
        "checked_at",
        "ended_at",
    )
    sections = (
        (None, ("mapping", "mode")),
        ("The file", ("file_name", ("size", "sha256"), "submitted_by"), OPTIONAL),
        (
            "The work",
            (
                ("state", "progress", "message"),
                ("row_count", "new_count", "changed_count"),
                ("unchanged_count", "refused_count", "unstated_count"),
                ("checked_at", "ended_at"),
                ("attempts", "lease_ends_at"),
            ),
            OPTIONAL,
        ),
    )
    #: How many problems its page shows.
    SHOWN = 50

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        (title, first), *others = super().get_fieldsets(request, obj)
        return [(title, first if obj else first | {"fields": ("file", *first["fields"])}), *others]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change=change, **kwargs, **({} if obj else {"form": UploadForm}))

    def save_model(self, request: HttpRequest, obj: Import, form: Any, change: bool) -> None:
        caller: Any = request.user
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.receive(form.cleaned_data["file"], caller)

    def response_add(self, request: HttpRequest, obj: Import, *args: Any, **kwargs: Any) -> HttpResponse:
        """To its page, which says what the check has found."""
        return HttpResponseRedirect(_page(obj))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        if job := options.get("obj"):
            context |= {"job": job, "problems": list(job.problems.all()[: self.SHOWN])}
        return super().render_change_form(request, context, *args, **options)

    def get_urls(self) -> list[Any]:
        run = require_POST(self.admin_site.admin_view(self.run))
        return [path("<path:object_id>/run/", run, name="metrics_import_run"), *super().get_urls()]

    def run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404
        try:
            job.run()
        except RuleBroken as error:
            self.message_user(request, error.message, messages.ERROR)
        return HttpResponseRedirect(_page(job))


def _page(job: Import) -> str:
    return reverse("admin:metrics_import_change", args=[job.pk])
