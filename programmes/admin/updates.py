"""Desks for updates, with what has changed, and their facts."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from cmast.desk.columns import tag
from cmast.desk.groups import REPORTING
from cmast.desk.questions import Attention
from cmast.desk.records import PLACE, RecordAdmin, inline
from programmes.changes import changes_since_last, shown
from programmes.models import UpdateFact


class UpdateAdmin(RecordAdmin):
    group = REPORTING
    change_form_template = "admin/programmes/update/change_form.html"
    list_display = (
        "title",
        "month_on",
        tag("status"),
        tag("rag", "RAG"),
        "author",
        "submitted_by",
        "submitted_on",
        "approved_on",
        "signed_off_on",
        "programme",
    )
    list_filter = ("status", "rag", "month_on")
    questions = ("late", "outstanding", "not_started")
    named_by = ("workstream", "programme")
    search_fields = ("workstream__name", "programme__name", "key")
    ordering = ("-month_on", "programme", "workstream")
    readonly_fields = ("status", "revision", "supersedes", "signed_off_by", "signed_off_on", "published_on")
    sections = (
        (None, (PLACE, "month_on", ("status", "rag"), "author")),
        (
            "Sign-off",
            (
                ("submitted_by", "submitted_on"),
                ("approved_by", "approved_on"),
                ("signed_off_by", "signed_off_on"),
                "published_on",
                ("revision", "supersedes"),
            ),
        ),
    )
    inlines = (inline(UpdateFact, "text", "activity_month_on", "forum", "quantity", "unit"),)
    attention = (
        Attention("Updates late", "late", hint="Asked for, and not handed in by the day.", column="Updates late", order=25),
    )
    urgency = ("month_on", "pk")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        if context.get("original"):
            reader: Any = request.user
            context["changes"] = found = changes_since_last(context["original"], reader)
            context["fact_changes"] = shown(found.facts)
        return super().render_change_form(request, context, *args, **options)


class UpdateFactAdmin(RecordAdmin):
    group = REPORTING
    is_detail = True
    list_display = ("text", "update", "activity_month_on", "forum")
    also_read = ("update__workstream", "update__programme")
    sections = (
        (None, ("update", "text", "activity_month_on", "forum")),
        ("How much", (("quantity", "unit"), "parts", "financial_year")),
    )
