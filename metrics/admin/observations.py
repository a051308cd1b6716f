"""Desk for observations: one is corrected by a revision."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats
from django.utils.html import format_html

from cmast import dates
from cmast.desk.columns import NOTHING
from cmast.desk.forms import ReasonedForm
from cmast.desk.groups import METRICS
from cmast.desk.questions import JudgementFilter, question_filter
from cmast.desk.records import RecordAdmin
from cmast.desk.site import page_url
from cmast.models import Organisation
from metrics.answers import NO_POINT
from metrics.models import Observation
from metrics.series import series_until


class ObservationForm(ReasonedForm):
    """A new figure that corrects another says why."""

    @property
    def asks_why(self) -> bool:
        """Whether the page of a new record has a place for the reason."""
        return self.instance.pk is None and bool(self["supersedes"].value())


class ObservationAdmin(RecordAdmin):
    group = METRICS
    form = ObservationForm
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

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        figure = options.get("obj")
        if figure and Organisation.objects.visible_to(request.user).filter(pk=figure.organisation_id).exists():
            context |= {"figure": figure, "series": series_until(figure, request.user), "no_point": NO_POINT}
        return super().render_change_form(request, context, *args, **options)

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
            return format_html('It is corrected by <a href="{}">revision {}</a>.', page_url(revision), revision.revision)
        query = urlencode(observation.as_revised(), doseq=True)
        return format_html('<a href="{}?{}">Enter a revision</a>', reverse("admin:metrics_observation_add"), query)

    @admin.display(description="Figure", ordering="value")
    def figure(self, observation: Observation) -> str:
        return observation.in_words

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
