"""Desks for what the checks have found, and what people have answered."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join

from cmast.desk.columns import tag
from cmast.desk.groups import REPORTING
from cmast.desk.questions import Attention
from cmast.desk.reading import ReadOnly
from cmast.desk.records import RecordAdmin
from cmast.models.notes import record_types
from metrics.models import Finding


class FindingAdmin(RecordAdmin):
    """What the checks found. They make and close findings; here they are given to somebody and answered."""

    group = REPORTING
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


class FindingSubjectAdmin(ReadOnly, RecordAdmin):
    group = REPORTING
    is_detail = True
    list_display = ("record_key", "record_type", "finding")
    list_filter = ("record_type",)
    sections = ((None, ("finding", ("record_type", "record_key"))),)
