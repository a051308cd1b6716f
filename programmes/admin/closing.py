"""Desks for closures and handovers, and the checklist of a closure on the page of what is closed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from cmast.desk.groups import REPORTING
from cmast.desk.records import PLACE, RecordAdmin, inline
from cmast.desk.site import page_url
from programmes.models import Closure, Handover
from programmes.models.closing import checklist


class ClosureDesk(admin.ModelAdmin):
    """A page that shows what a closure has to settle, with a link to each record."""

    change_form_template = "admin/closure_change_form.html"

    def closed_by(self, record: Any) -> Any:
        """The programme, workstream or forum that is closed."""
        return record

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            found = checklist(self.closed_by(obj), request.user)
            context["checklist"] = found
            context["checklist_items"] = [(item, page_url(item.record)) for item in found.items]
            context["is_ending"] = found.closure is not None or found.subject.status in ("closing", "closed")
        return super().render_change_form(request, context, add, change, form_url, obj)


class ClosureAdmin(ClosureDesk, RecordAdmin):
    group = REPORTING
    list_display = ("title", "closed_on", "confirmed_by", "is_risk_log_closed", "is_risk_transfer_recorded")
    list_filter = ("is_risk_log_closed", "is_risk_transfer_recorded")
    named_by = ("forum", "workstream", "programme")
    search_fields = ("key", "forum__name", "workstream__name", "programme__name")
    sections = (
        ("What was closed", (PLACE, "forum", ("closed_on", "closure_outcome"), "confirmed_by")),
        (
            "What is left",
            (("is_risk_log_closed", "is_risk_transfer_recorded"), "residual_workstreams", "residual_decision", "outputs"),
        ),
    )
    inlines = (
        inline(
            Handover,
            "record_type",
            "record_key",
            "to_programme",
            "to_workstream",
            "to_organisation",
            "to_person",
            "accepted_on",
        ),
    )

    def closed_by(self, closure: Closure) -> Any:
        return closure.forum or closure.workstream or closure.programme


class HandoverAdmin(RecordAdmin):
    group = REPORTING
    is_detail = True
    list_display = ("record_key", "record_type", "closure", "receiver", "accepted_on")
    list_filter = ("record_type",)
    also_read = (
        "to_person",
        "to_workstream",
        "to_programme",
        "to_organisation",
        "closure__forum",
        "closure__workstream",
        "closure__programme",
    )
    sections = (
        (None, ("closure", ("record_type", "record_key"))),
        ("Who takes it over", (("to_programme", "to_workstream"), ("to_organisation", "to_person"), "accepted_on")),
    )

    @admin.display(description="Taken over by")
    def receiver(self, handover: Handover) -> str:
        return handover.receiver
