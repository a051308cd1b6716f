"""Desks for risks, issues, challenges and dependencies."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cmast.desk.columns import NOTHING, tag, vague, word_tag
from cmast.desk.groups import RISKS
from cmast.desk.questions import Attention
from cmast.desk.records import OPTIONAL, PLACE, Humane, RecordAdmin, RecordInline, inline
from risks.heat_map import heat_map_of
from risks.models import CONSEQUENCES, LIKELIHOODS, Control, Mitigation, Review, Risk, Score, ScoreBand


class RisksAdmin(RecordAdmin):
    group = RISKS


class InWords(Humane):
    """Likelihood and consequence are chosen by their words."""

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        words = {"likelihood": LIKELIHOODS, "consequence": CONSEQUENCES}.get(db_field.name)
        if words:
            choices = [("", NOTHING), *((number, f"{number} {word.replace('_', ' ')}") for number, word in words.items())]
            return forms.TypedChoiceField(choices=choices, coerce=int, empty_value=None, help_text=db_field.help_text)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class ScoreInline(InWords, RecordInline):
    model = Score
    fields = ("kind", "likelihood", "consequence", "scored_on", "scored_by")


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
    list_filter = (
        "kind",
        "status",
        "sense",
        "response",
        "proximity",
        "dependency_status",
        "closure_reason",
        "escalated_to",
        "owner",
    )
    questions = ("unresolved", "overdue", "review_due", "beyond_appetite", "unscored", "unmitigated", "orphaned")
    search_fields = ("title", "description", "key")
    change_list_template = "admin/risks/risk/change_list.html"
    readonly_fields = ("current", "next_review")
    sections = (
        (None, ("title", ("kind", "status"), "description", PLACE, "organisations")),
        (
            "How bad, and what is done in principle",
            (("current", "next_review"), ("sense", "response"), ("proximity", "appetite"), ("quantity", "unit")),
        ),
        ("Who and since when", ("owner", "raised_on")),
        ("Before a board", (("escalated_to", "escalated_on"),), OPTIONAL),
        ("As an issue", ("issue_type", "materialised_on"), OPTIONAL),
        (
            "As a dependency",
            (
                ("direction", "dependency_status"),
                ("giver", "giver_organisation"),
                ("need_by_on", "need_by_precision"),
                ("waits_for", "holds_up"),
                ("giver_agreed_on", "giver_agreed_by"),
                ("receiver_agreed_on", "receiver_agreed_by"),
                "settled_on",
            ),
            OPTIONAL,
        ),
        ("Closure", (("closed_on", "closure_reason"), "is_transfer_recorded", ("transferred_to", "received_by")), OPTIONAL),
    )
    inlines = (
        inline(Mitigation, "text", "kind", "status", "owner", "organisation", "due_on", "due_precision"),
        inline(Control, "text", "kind", "effectiveness", "gap"),
        ScoreInline,
        inline(Review, "reviewed_on", "reviewed_by", "summary", "next_review_on"),
    )
    attention = (
        Attention("", "unresolved", column="Open risks", order=60),
        Attention("Risks and issues overdue", "overdue", hint="Needed, or due for review, by now.", order=45),
        Attention("Risks beyond appetite", "beyond_appetite", hint="Bear it, or ask for a decision.", order=46),
        Attention("Open without mitigation", "unmitigated", hint="What is done about them?", order=90),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        risks: Any = super().get_queryset(request)
        return risks.with_standing(timezone.localdate())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the heat map of what the list shows, whatever it is filtered by."""
        response: Any = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            risks = Risk.objects.filter(pk__in=shown["cl"].queryset.order_by().values("pk"))
            shown["heat_map"] = heat_map_of(risks, timezone.localdate())
        return response

    @admin.display(description="Current score", ordering="current_score")
    def current(self, risk: Any) -> str:
        if risk.pk is None or risk.current_score is None:
            return NOTHING
        band = risk.band or "no band"
        return word_tag(band.lower().replace(" ", "-"), f"{risk.current_score} {band}")

    @admin.display(description="Next review")
    def next_review(self, risk: Any) -> Any:
        return NOTHING if risk.pk is None else risk.next_review_on or NOTHING


@admin.register(Control)
class ControlAdmin(RisksAdmin):
    list_display = ("text", "risk", "kind", tag("effectiveness"), "gap")
    list_filter = ("kind", "effectiveness")
    questions = ("lacking",)
    sections = ((None, ("risk", "text", "kind", "effectiveness", "assurance", "gap")),)
    attention = (Attention("Controls with gaps", "lacking", hint="What is left open, and who closes it?", order=92),)


@admin.register(Mitigation)
class MitigationAdmin(RisksAdmin):
    list_display = ("text", "risk", tag("status"), "kind", "owner", "organisation", vague("due", "Due"))
    list_filter = ("status", "kind", "owner", "organisation")
    questions = ("overdue",)
    sections = (
        (None, ("risk", "text", ("kind", "status"))),
        ("Who and when", (("owner", "organisation"), ("due_on", "due_precision"), "done_on")),
    )
    attention = (Attention("Mitigations overdue", "overdue", hint="Still to be done after their date.", order=48),)

    def when(self, mitigation: Mitigation) -> str:
        return vague("due", "")(mitigation)


@admin.register(Score)
class ScoreAdmin(InWords, RisksAdmin):
    is_detail = True
    list_display = ("risk", "kind", "likelihood_in_words", "consequence_in_words", "scored_on", "scored_by")
    list_filter = ("kind",)
    search_fields = ("risk__title", "key")
    sections = ((None, ("risk", "kind", ("likelihood", "consequence"), ("scored_on", "scored_by"))),)

    @admin.display(description="Likelihood", ordering="likelihood")
    def likelihood_in_words(self, score: Score) -> str:
        return f"{score.likelihood} {LIKELIHOODS[score.likelihood].replace('_', ' ')}"

    @admin.display(description="Consequence", ordering="consequence")
    def consequence_in_words(self, score: Score) -> str:
        return f"{score.consequence} {CONSEQUENCES[score.consequence]}"


@admin.register(Review)
class ReviewAdmin(RisksAdmin):
    is_detail = True
    list_display = ("risk", "reviewed_on", "reviewed_by", "next_review_on")
    search_fields = ("risk__title", "summary", "key")
    sections = ((None, ("risk", ("reviewed_on", "reviewed_by"), "summary", "next_review_on")),)


@admin.register(ScoreBand)
class ScoreBandAdmin(RisksAdmin):
    list_display = ("name", "low", "high", "borne_from", "review_days")
    ordering = ("low",)
    sections = ((None, ("name", ("low", "high"), "borne_from", "review_days")),)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Says what is wrong with the bands as a whole."""
        bands: Any = ScoreBand.objects.all()
        for mistake in bands.visible_to(request.user).mistakes() if request.method == "GET" else ():
            self.message_user(request, mistake, messages.WARNING)
        return super().changelist_view(request, extra_context)
