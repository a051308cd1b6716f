"""Desks for risks, issues, challenges and dependencies."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from cmast.desk.columns import NOTHING, tag, vague, word_tag
from cmast.desk.questions import Attention, today, verb
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from risks.models import Mitigation, Review, Risk, Score, ScoreBand


class RisksAdmin(RecordAdmin):
    group = "Risks"


@admin.register(Risk)
class RiskAdmin(RisksAdmin):
    list_display = (
        "title",
        "kind",
        tag("status"),
        "current",
        "owner",
        "workstream",
        "programme",
        vague("need_by", "Needed by"),
    )
    list_filter = ("kind", "status", "sense", "response", "proximity", "dependency_status", "closure_reason", "owner")
    questions = ("unresolved", "overdue", "unmitigated")
    search_fields = ("title", "description", "key")
    readonly_fields = ("current",)
    sections = (
        (None, ("title", ("kind", "status"), "description", ("workstream", "programme"), "organisations")),
        (
            "How bad, and what is done in principle",
            ("current", "sense", "response", ("proximity", "appetite"), ("quantity", "unit")),
        ),
        ("Who and since when", ("owner", "raised_on")),
        ("As an issue", ("issue_type",), OPTIONAL),
        (
            "As a dependency",
            (
                ("direction", "dependency_status"),
                ("giver", "giver_organisation"),
                ("need_by_on", "need_by_precision"),
                ("waits_for", "holds_up"),
            ),
            OPTIONAL,
        ),
        ("Closure", (("closed_on", "closure_reason"), "is_transfer_recorded", "transferred_to"), OPTIONAL),
    )
    inlines = (
        inline(Mitigation, "text", "kind", "status", "owner", "organisation", "due_on", "due_precision"),
        inline(Score, "kind", "likelihood", "consequence", "scored_on", "scored_by"),
        inline(Review, "reviewed_on", "reviewed_by", "summary", "next_review_on"),
    )
    attention = (
        Attention("", "unresolved", column="Open risks", order=60),
        Attention("Risks and issues overdue", "overdue", hint="Needed, or due for review, by now.", order=45),
        Attention("Open without mitigation", "unmitigated", hint="What is done about them?", order=90),
    )
    actions = (
        verb("escalate", "Escalate", {"status": ("draft", "open", "materialised")}, status="escalated"),
        verb(
            "close", "Close today", {"status": ("draft", "open", "escalated", "materialised")}, status="closed", closed_on=today
        ),
        verb("reopen", "Open again", {"status": ("escalated", "closed")}, status="open", closed_on=None, closure_reason=None),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        band = ScoreBand.objects.filter(low__lte=OuterRef("current_score"), high__gte=OuterRef("current_score"))
        return super().get_queryset(request).annotate(band=Subquery(band.values("name")[:1]))

    @admin.display(description="Current score", ordering="current_score")
    def current(self, risk: Any) -> str:
        if risk.pk is None or risk.current_score is None:
            return NOTHING
        band = risk.band or "no band"
        return word_tag(band.lower().replace(" ", "-"), f"{risk.current_score} {band}")


@admin.register(Mitigation)
class MitigationAdmin(RisksAdmin):
    list_display = ("text", "risk", tag("status"), "kind", "owner", "organisation", vague("due", "Due"))
    list_filter = ("status", "kind", "owner", "organisation")
    questions = ("overdue",)
    sections = (
        (None, ("risk", "text", ("kind", "status"))),
        ("Who and when", (("owner", "organisation"), ("due_on", "due_precision"))),
    )
    attention = (Attention("Mitigations overdue", "overdue", hint="Still to be done after their date.", order=48),)
    actions = (
        verb("done", "Mark as done", {"status": ("open", None)}, status="done"),
        verb("cancel", "Cancel", {"status": ("open", None)}, status="cancelled"),
    )

    def when(self, mitigation: Mitigation) -> str:
        return vague("due", "")(mitigation)


@admin.register(Score)
class ScoreAdmin(RisksAdmin):
    is_detail = True
    list_display = ("risk", "kind", "likelihood", "consequence", "scored_on", "scored_by")
    list_filter = ("kind",)
    search_fields = ("risk__title", "key")
    sections = ((None, ("risk", "kind", ("likelihood", "consequence"), ("scored_on", "scored_by"))),)


@admin.register(Review)
class ReviewAdmin(RisksAdmin):
    is_detail = True
    list_display = ("risk", "reviewed_on", "reviewed_by", "next_review_on")
    search_fields = ("risk__title", "summary", "key")
    sections = ((None, ("risk", ("reviewed_on", "reviewed_by"), "summary", "next_review_on")),)


@admin.register(ScoreBand)
class ScoreBandAdmin(RisksAdmin):
    list_display = ("name", "low", "high")
    ordering = ("low",)
    sections = ((None, ("name", ("low", "high"))),)
