"""Desks for files of figures: how one is read, and what becomes of each."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.http import require_POST

from cmast.desk.columns import figure, tag
from cmast.desk.forms import ReasonedForm
from cmast.desk.groups import METRICS
from cmast.desk.questions import Attention
from cmast.desk.records import OPTIONAL, RecordAdmin
from cmast.desk.site import page_url
from cmast.errors import RuleBroken
from metrics.models import Import


class ImportMappingAdmin(RecordAdmin):
    group = METRICS
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


class ImportAdmin(RecordAdmin):
    """A file is sent here, looked at once it is checked, and written by the button on its page."""

    group = METRICS
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
    #: How many kinds of problems its page shows.
    SHOWN = 100

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
        return HttpResponseRedirect(page_url(obj))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        if job := options.get("obj"):
            kinds = job.problems_by_kind()
            context |= {"job": job, "problems": kinds[: self.SHOWN], "more": len(kinds) - self.SHOWN}
            context["changes"] = [
                (change.row, change.column, change.before, *(figure(value, change.before.unit) for value in change.values))
                for change in job.changes.all().shown_to(request.user)
            ]
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
        return HttpResponseRedirect(page_url(job))
