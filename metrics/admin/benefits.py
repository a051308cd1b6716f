"""Desks for benefits, with the savings ledger of a programme and what has come of a benefit, and for their figures."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from cmast.dates import financial_year, financial_year_days
from cmast.desk.columns import NOTHING, figure, tag, vague
from cmast.desk.groups import METRICS
from cmast.desk.records import OPTIONAL, PLACE, RecordAdmin, inline
from metrics.ledger import ledger_of
from metrics.models import Benefit, BenefitFigure
from metrics.realisation import realisation_of
from programmes.models import Programme


class BenefitAdmin(RecordAdmin):
    group = METRICS
    list_display = ("title", "benefit_type", tag("status"), "workstream", "programme", "organisation", "owner", "maturity")
    list_filter = (
        "benefit_type",
        "appraisal_category",
        "status",
        "driver",
        "recurrence",
        "delivery_risk",
        "maturity",
        "confidence",
        "organisation",
    )
    questions = ("savings", "unmeasured", "overdue", "review_due")
    readonly_fields = ("is_cleared", "pages")
    sections = (
        (
            None,
            ("title", ("benefit_type", "appraisal_category"), "is_disbenefit", "status", ("organisation", "owner"), "pages"),
        ),
        ("Where it belongs", (PLACE, ("objective", "deliverable"), "metric", "tracked_by")),
        (
            "Profile",
            (
                ("measure", "measure_unit"),
                ("baseline_value", "baseline_on"),
                ("target_value", "target_on"),
                ("realisation_starts_on", "realisation_ends_on"),
                ("confidence", "next_review_on"),
                ("owner_after_closure", "beneficiary"),
                "disbenefits",
            ),
            OPTIONAL,
        ),
        (
            "As a saving",
            (
                ("driver", "counts_towards_target"),
                ("recurrence", "delivery_risk"),
                ("maturity", "is_cleared"),
                "windfall_source",
            ),
            OPTIONAL,
        ),
    )
    inlines = (
        inline(
            BenefitFigure,
            "title",
            "basis",
            "effect",
            "windfall",
            "value",
            "from_value",
            "to_value",
            "unit",
            "qualifier",
            "financial_year",
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view
        return [
            path("savings/", page(self.ledgers_view), name="metrics_benefit_ledgers"),
            path("savings/<str:programme>/", page(self.ledger_view), name="metrics_benefit_ledger"),
            path("<int:pk>/realisation/", page(self.realisation_view), name="metrics_benefit_realisation"),
            *super().get_urls(),
        ]

    @admin.display(description="More about it")
    def pages(self, benefit: Any) -> str:
        if benefit.pk is None:
            return NOTHING
        course = format_html(
            '<a href="{}">What has come of it</a>', reverse("admin:metrics_benefit_realisation", args=[benefit.pk])
        )
        if benefit.programme is None:
            return course
        ledger = reverse("admin:metrics_benefit_ledger", args=[benefit.programme.key])
        return format_html('{}, <a href="{}">savings of the programme</a>', course, ledger)

    def ledgers_view(self, request: HttpRequest) -> HttpResponse:
        """The programmes that have savings."""
        savings = Benefit.objects.visible_to(request.user).savings()
        programmes = Programme.objects.visible_to(request.user).filter(pk__in=savings.values("programme")).order_by("name")
        return self._shown(request, "ledgers", {"title": "Savings", "programmes": programmes})

    def ledger_view(self, request: HttpRequest, programme: str) -> HttpResponse:
        """One programme in one year."""
        found = Programme.objects.visible_to(request.user).filter(key=programme).first()
        year = request.GET.get("year") or financial_year(timezone.localdate())
        if found is None or not self.has_view_permission(request):
            raise Http404
        try:
            first, _ = financial_year_days(year)
        except ValueError as error:
            raise Http404 from error
        near = [financial_year(first.replace(year=first.year + step)) for step in (-1, 1)]
        said = {"title": f"Savings of {found.name}, {year}", "ledger": ledger_of(found, request.user, year), "near": near}
        return self._shown(request, "ledger", said)

    def realisation_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The course of one benefit, as a chart and in figures."""
        benefit = Benefit.objects.visible_to(request.user).select_related("organisation", "metric").filter(pk=pk).first()
        if benefit is None or not self.has_view_permission(request, benefit):
            raise Http404
        found = realisation_of(benefit, request.user)
        said = {"title": benefit.title, "benefit": benefit, "found": found, "chart": found.chart("realisation")}
        return self._shown(request, "realisation", said)

    def _shown(self, request: HttpRequest, page: str, said: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/metrics/{page}.html", context | said)


class BenefitFigureAdmin(RecordAdmin):
    group = METRICS
    list_display = ("title", "benefit", "figure", "basis", "effect", "windfall", "financial_year", vague("as_at", "As at"))
    list_filter = ("basis", "effect", "windfall", "financial_year", "unit", "organisation")
    sections = (
        (None, ("benefit", "title", ("basis", "effect", "windfall"))),
        ("The figure", ("value", ("from_value", "to_value"), ("unit", "qualifier"), "observation")),
        (
            "For whom and when",
            (
                ("organisation", "scope_level"),
                "financial_year",
                ("as_at_on", "as_at_precision"),
                ("horizon_amount", "horizon_unit"),
            ),
        ),
    )

    @admin.display(description="Figure", ordering="value")
    def figure(self, row: BenefitFigure) -> str:
        if row.from_value is not None:
            return f"{figure(row.from_value)} to {figure(row.to_value, row.unit, row.qualifier)}"
        return figure(row.value, row.unit, row.qualifier)
