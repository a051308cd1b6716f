"""Desks for deliverables and milestones."""

from typing import Any

from django.contrib import admin
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from cmast.desk.columns import NOTHING, figure, tag, word_tag
from cmast.desk.groups import PLAN
from cmast.desk.questions import Attention
from cmast.desk.records import PLACE, RecordAdmin, inline
from programmes.accuracy import BY, accuracy
from programmes.admin.slips import slip_in_words
from programmes.models import Deliverable, Forecast, Milestone


class DeliverableAdmin(RecordAdmin):
    group = PLAN
    list_display = ("text", "objective", tag("status"), "quantity_in_words")
    list_filter = ("status",)
    sections = (
        (None, ("text", ("objective", "parent"), "status")),
        ("How much", (("quantity", "quantity_qualifier", "unit"), "parts")),
    )

    @admin.display(description="Quantity", ordering="quantity")
    def quantity_in_words(self, deliverable: Deliverable) -> str:
        return figure(deliverable.quantity, deliverable.unit, deliverable.quantity_qualifier)


class MilestoneAdmin(RecordAdmin):
    group = PLAN
    list_display = ("title", "date", "standing", "slip", tag("outcome"), tag("rag", "RAG"), "workstream", "programme")
    list_filter = ("type", "stated", "status", "outcome", "rag", "financial_year", "organisation", "forum")
    questions = ("outcome_missing", "overdue", "due_soon", "slipped", "undated")
    readonly_fields = ("slip",)
    inlines = (
        inline(
            Forecast,
            "kind",
            "said_on",
            "said_by",
            "date_on",
            "date_precision",
            "previous_on",
            "previous_precision",
            "reason",
            max_num=0,  # they come of themselves with each new date
            can_delete=False,
        ),
    )
    search_fields = ("title", "key", "outcome_note")
    sections = (
        (None, ("title", "type", PLACE, ("stated", "status"), "rag")),
        (
            "When",
            (
                "sense",
                ("baseline_on", "baseline_precision"),
                ("forecast_on", "forecast_precision"),
                "starts_on",
                ("actual_on", "actual_precision"),
                "slip",
                "financial_year",
            ),
        ),
        ("What became of it", ("outcome", "outcome_note")),
        ("Where and who", (("forum", "meeting"), ("organisation", "site"), "person", "suppliers")),
        ("What must come first", ("depends_on",)),
    )
    attention = (
        Attention(
            "Outcomes missing",
            "outcome_missing",
            hint="The date has passed: what happened?",
            column="Outcomes missing",
            order=10,
        ),
        Attention("Milestones within 30 days", "due_soon", hint="What comes next?", order=45),
        Attention("Milestones without a date", "undated", hint="Ahead of us, but when?", order=50),
    )
    urgency = (Coalesce("forecast_on", "baseline_on"), "pk")

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.accuracy_view)
        return [path("forecast-accuracy/", page, name="programmes_forecast_accuracy"), *super().get_urls()]

    def accuracy_view(self, request: HttpRequest) -> HttpResponse:
        """How early slippage was declared."""
        by = request.GET.get("by", "programme")
        if by not in BY:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": "How early slippage was declared",
            "opts": self.opts,
            "by": by,
            "ways": BY,
            "lines": accuracy(request.user, timezone.localdate(), by),
        }
        return TemplateResponse(request, "admin/programmes/accuracy.html", context)

    @admin.display(description="Slip", ordering="slip_days_least")
    def slip(self, milestone: Any) -> str:
        return slip_in_words(milestone.slip_days_least, milestone.slip_days_most) if milestone.pk else NOTHING

    @admin.display(description="Date", ordering="due_on", empty_value=NOTHING)
    def date(self, milestone: Milestone) -> str:
        return milestone.date_in_words

    @admin.display(description="Today")
    def standing(self, milestone: Any) -> str:
        return word_tag(milestone.computed_status, Milestone.ComputedStatus(milestone.computed_status).label)

    def when(self, milestone: Milestone) -> str:
        return milestone.date_in_words
