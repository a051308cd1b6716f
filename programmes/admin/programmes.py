"""Desks for plan years, programmes, objectives and workstreams: the tree that everything else hangs on."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from cmast.desk.columns import NOTHING, related, tag
from cmast.desk.groups import PLAN
from cmast.desk.questions import Attention
from cmast.desk.records import OPTIONAL, RecordAdmin, inline
from cmast.desk.site import RegisterSite
from programmes.admin.closing import ClosureDesk
from programmes.admin.health import on_page
from programmes.models import Deliverable


class PlaceAdmin(ClosureDesk, RecordAdmin):
    """A programme or a workstream: its page leads to everything under it, and says how it stands and why."""

    admin_site: RegisterSite
    group = PLAN
    change_form_template = "admin/programmes/place_change_form.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        if obj is not None:
            place: Any = obj
            context["under"] = self.admin_site.under(request, obj)
            context |= on_page(place, request.user)
        return super().render_change_form(request, context, add, change, form_url, obj)


class ProgrammeAdmin(PlaceAdmin):
    list_display = ("name", "abbreviation", tag("status"), tag("rag", "RAG"), "owner", related("sro", "SRO"), "chair_sponsor")
    also_read = ("sro",)
    list_filter = ("status", "rag", "stage", "owner", "plan_years")
    search_fields = ("name", "abbreviation", "key")
    sections = (
        (None, (("name", "abbreviation"), ("status", "stage"), "rag", "kind")),
        ("Who answers for it", ("owner", ("sro", "chair_sponsor"))),
        ("Plan", ("plan_years", "dependencies")),
        ("Closure", (("closed_on", "closure_outcome"),), OPTIONAL),
    )
    readonly_fields = ("dependencies",)

    @admin.display(description="Dependencies", empty_value=NOTHING)
    def dependencies(self, programme: Any) -> str:
        if programme.pk is None:
            return ""
        return format_html('<a href="{}">What waits for what</a>', reverse("dependencies-page", args=[programme.key]))


class WorkstreamAdmin(PlaceAdmin):
    list_display = ("name", "programme", "parent", tag("status"), tag("rag", "RAG"), "lead", "reported_from_on")
    list_filter = ("status", "rag", "closure_outcome")
    questions = ("orphaned",)
    attention = (
        Attention("Workstreams of nobody", "orphaned", hint="Their programme is closed: who takes them over?", order=60),
    )
    search_fields = ("name", "key", "programme__name")
    sections = (
        (None, ("name", ("programme", "parent"), "status", "rag", "lead", "reported_from_on")),
        ("What it consists of", ("parts", "part_count"), OPTIONAL),
        ("Closure", (("closed_on", "closure_outcome"),), OPTIONAL),
    )


class ObjectiveAdmin(RecordAdmin):
    group = PLAN
    list_display = ("number", "text", "programme", "parent")
    list_display_links = ("text",)
    ordering = ("programme", "number")
    search_fields = ("text", "number", "key")
    sections = ((None, (("programme", "parent"), "number", "text")),)
    inlines = (inline(Deliverable, "text", "status", "quantity", "quantity_qualifier", "unit"),)


class PlanYearAdmin(RecordAdmin):
    group = PLAN
    list_display = ("name", "starts_on", "ends_on")
    sections = ((None, ("name", ("starts_on", "ends_on"))),)
