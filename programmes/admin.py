"""Desks for programmes, their delivery, who decides, money and updates."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from cmast.desk.columns import NOTHING, figure, related, tag, vague, word_tag
from cmast.desk.questions import Attention
from cmast.desk.records import OPTIONAL, PLACE, RecordAdmin, inline
from cmast.desk.site import RegisterSite
from programmes import outcomes
from programmes.accuracy import BY, accuracy
from programmes.cycle_desk import REPORTING
from programmes.desk import ClosureDesk, days_in_words, slip_in_words
from programmes.health_desk import HealthOverrideAdmin, HealthRuleAdmin, on_page
from programmes.models import (
    Action,
    AgendaItem,
    Approval,
    Closure,
    Condition,
    Decision,
    Deliverable,
    Forecast,
    Forum,
    Funding,
    Handover,
    HealthOverride,
    HealthRule,
    Meeting,
    Milestone,
    MutualAid,
    Objective,
    PlanYear,
    Procurement,
    Programme,
    RoleHolder,
    Snapshot,
    Vote,
    Wait,
    Workstream,
)
from programmes.models.votes import ballots_of
from programmes.models.waiting import AWAITED, WAITING
from programmes.positions import position_of

PLAN, GOVERNANCE, MONEY = "Plan and delivery", "Governance", "Money and capacity"


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


@admin.register(Programme)
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


@admin.register(Workstream)
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


@admin.register(Objective)
class ObjectiveAdmin(RecordAdmin):
    group = PLAN
    list_display = ("number", "text", "programme", "parent")
    list_display_links = ("text",)
    ordering = ("programme", "number")
    search_fields = ("text", "number", "key")
    sections = ((None, (("programme", "parent"), "number", "text")),)
    inlines = (inline(Deliverable, "text", "status", "quantity", "quantity_qualifier", "unit"),)


@admin.register(Deliverable)
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


@admin.register(Milestone)
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


@admin.register(PlanYear)
class PlanYearAdmin(RecordAdmin):
    group = PLAN
    list_display = ("name", "starts_on", "ends_on")
    sections = ((None, ("name", ("starts_on", "ends_on"))),)


# --- Governance -------------------------------------------------------------------------------------------------------


def _short(vote: Vote) -> str:
    """The body by the name that people use."""
    organisation = vote.organisation
    return (organisation and (organisation.abbreviation or organisation.short_name)) or vote.body_label


@admin.register(Approval)
class ApprovalAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = (
        "subject",
        "kind",
        "position",
        "rule",
        vague("expected", "Expected"),
        vague("decided", "Decided"),
        "workstream",
    )
    list_filter = ("kind", "rule", "stated_status", "body", "organisation")
    questions = ("awaiting_decision", "overdue")
    also_read = ("body",)
    also_fetch = ("votes__organisation",)
    readonly_fields = ("outcome", "approved_at", "paper_version")
    sections = (
        (None, ("subject", "kind", PLACE, "outcome", "resolutions")),
        ("What it takes", (("rule", "required_count"), ("body", "organisation"), "delegate_to")),
        ("When", (("expected_on", "expected_precision"), ("decided_on", "decided_precision"), "as_at_on")),
        ("The paper", (("paper_version", "paper_revised_on"), "approved_at")),
        ("Where it stands", ("stated_status", "next_milestone")),
    )
    inlines = (
        inline(
            Vote,
            "organisation",
            "placeholder",
            "status",
            "progress",
            "board_on",
            "board_precision",
            "papers_due_on",
            "decided_on",
            "decided_precision",
        ),
        inline(Snapshot, "as_at_on", "approved_count", "pending_count"),
    )
    attention = (
        Attention(
            "Approvals awaiting a decision",
            "awaiting_decision",
            hint="Who has still to decide?",
            column="Approvals awaiting",
            order=20,
        ),
        Attention("Approvals overdue", "overdue", hint="Expected by now, and still open.", order=30),
    )
    urgency = ("expected_on", "pk")

    @admin.display(description="Position", empty_value=NOTHING)
    def position(self, approval: Approval) -> str:
        """Counted from the votes; as stated where there are none."""
        votes = sorted(approval.votes.all(), key=lambda vote: vote.pk) if approval.pk else []
        if not votes:
            return approval.get_stated_status_display() if approval.stated_status else ""
        names = dict(zip((ballot.body for ballot in ballots_of(votes)), map(_short, votes), strict=True))
        counts = approval.tallies(votes)
        said = [outcomes.sentence(count, names.__getitem__, lambda body: "") for count in counts]
        return "; ".join(said)

    @admin.display(description="Today", empty_value=NOTHING)
    def outcome(self, approval: Approval) -> str:
        """In full: who is outstanding, and when they meet next."""
        asked_by = getattr(approval, "asked_by", None)
        return position_of(approval, asked_by, timezone.localdate()).sentence if asked_by else ""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        record = super().get_object(request, object_id, from_field)
        if record is not None:
            record.asked_by = request.user  # what is said of it is for this reader
        return record

    def when(self, approval: Approval) -> str:
        return vague("expected", "")(approval)


@admin.register(Vote)
class VoteAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("body_label", "approval", tag("status"), "progress", vague("board", "Board"), "papers_due_on")
    list_filter = ("status", "progress", "organisation", "approval__programme")
    questions = ("awaiting_decision",)
    named_by = ("organisation",)
    search_fields = ("approval__subject", "organisation__name", "placeholder", "key")
    sections = (
        (
            None,
            (
                ("approval", "resolution"),
                ("organisation", "forum"),
                ("placeholder", "group"),
                ("status", "progress"),
                "conditions",
            ),
        ),
        (
            "When",
            (("board_on", "board_precision"), ("papers_due_on", "deferred_from_on"), ("decided_on", "decided_precision")),
        ),
        ("What it was cast for", (("paper_version", "cast_at"), ("is_current", "supersedes"))),
    )
    readonly_fields = ("cast_at", "is_current", "supersedes", "deferred_from_on")


@admin.register(Condition)
class ConditionAdmin(RecordAdmin):
    group = GOVERNANCE
    is_detail = True
    list_display = ("text", "vote", tag("status"), vague("due", "Due"), "settled_on")
    list_filter = ("status",)
    questions = ("outstanding", "overdue")
    sections = ((None, ("vote", "text", "status", ("due_on", "due_precision"), "settled_on")),)


@admin.register(Wait)
class WaitAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("title", "programme")
    named_by = (*WAITING, "target__metric", *AWAITED)
    search_fields = ("key", "milestone__title", "for_approval__subject")
    sections = (
        ("What waits", ("milestone", "procurement", "target", "benefit")),
        ("For what", ("for_approval", "for_decision", "for_milestone")),
        ("Where it belongs", ("programme",)),
    )
    readonly_fields = ("programme",)


@admin.register(Snapshot)
class SnapshotAdmin(RecordAdmin):
    group = GOVERNANCE
    is_detail = True
    list_display = ("as_at_on", "approval", "approved_count", "pending_count")
    search_fields = ("approval__subject", "key")
    sections = ((None, ("approval", "as_at_on", ("approved_count", "pending_count"))),)


@admin.register(Decision)
class DecisionAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("text", tag("status"), "forum", vague("decided", "Decided"), "formalised_on", "workstream", "programme")
    list_filter = ("status", "forum")
    sections = (
        (None, ("text", "status", PLACE)),
        (
            "Who and when",
            (
                "forum",
                ("meeting", "agenda_item"),
                "approval",
                ("decided_on", "decided_precision"),
                "formalised_on",
                "superseded_by",
            ),
        ),
    )
    inlines = (inline(Action, "text", "status", "owner", "owner_role", "due_on", "due_precision"),)


@admin.register(AgendaItem)
class AgendaItemAdmin(RecordAdmin):
    group = GOVERNANCE
    is_detail = True
    list_display = ("number", "title", "meeting", tag("purpose"), "approval", "paper_title")
    list_display_links = ("title",)
    list_filter = ("purpose", "meeting__forum")
    search_fields = ("title", "paper_title", "key", "meeting__title")
    sections = (
        (None, ("meeting", ("number", "title"), "purpose", "approval")),
        ("Its paper", (("paper_title", "paper_url"),)),
    )
    inlines = (
        inline(Decision, "text", "status", "forum", "decided_on", "decided_precision"),
        inline(Action, "text", "status", "owner", "owner_role", "due_on", "due_precision"),
    )


@admin.register(Action)
class ActionAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("text", tag("status"), "owner", "owner_role", vague("due", "Due"), "done_on", "workstream", "programme")
    list_filter = ("status", "owner")
    questions = ("overdue", "outstanding", "orphaned")
    sections = (
        (None, ("text", "status", PLACE, ("meeting", "agenda_item"), "decision")),
        ("Who and when", (("owner", "owner_role"), ("due_on", "due_precision"), "done_on")),
        ("How much", (("quantity", "unit"),)),
    )
    attention = (
        Attention("Actions overdue", "overdue", hint="Still to be done after their date.", column="Actions overdue", order=40),
    )
    urgency = ("due_on", "pk")

    def when(self, action: Action) -> str:
        return vague("due", "")(action)


@admin.register(Forum)
class ForumAdmin(ClosureDesk, RecordAdmin):
    group = GOVERNANCE
    list_display = ("name", "kind", tag("status"), "decision_power", "organisation", "programme", "cadence")
    list_filter = ("kind", "status", "decision_power", "organisation")
    ordering = ("name",)
    sections = (
        (None, ("name", "kind", "decision_power", ("status", "closed_on"))),
        ("Whose it is", (("programme", "organisation"),)),
        ("How it meets", (("cadence", "member_count"),)),
    )
    inlines = (inline(Meeting, "title", "held_on", "held_precision", "papers_due_on", "session", "is_cancelled"),)


@admin.register(Meeting)
class MeetingAdmin(RecordAdmin):
    group = GOVERNANCE
    list_display = ("title", "forum", vague("held", "Held"), "papers_due_on", "composition", "session", "is_cancelled")
    list_filter = ("forum", "composition", "session", "is_cancelled", "forum__programme")
    search_fields = ("title", "forum__name", "key")
    sections = (
        (None, ("title", "forum", ("composition", "session"), "is_cancelled")),
        ("When", (("held_on", "held_precision"), "papers_due_on")),
    )
    inlines = (inline(AgendaItem, "number", "title", "purpose", "approval", "paper_title", "paper_url"),)


@admin.register(RoleHolder)
class RoleHolderAdmin(RecordAdmin):
    group = "People and places"
    list_display = ("title", "person", "organisation", "forum", tag("post_status"), vague("expected", "From"), "people_count")
    list_filter = ("post_status", "organisation")
    sections = (
        (None, ("title", ("person", "people_count"), "post_status", ("expected_on", "expected_precision"))),
        ("Where", (PLACE, ("organisation", "forum"))),
    )


# --- Money and capacity -----------------------------------------------------------------------------------------------


@admin.register(Funding)
class FundingAdmin(RecordAdmin):
    group = MONEY
    list_display = (
        "title",
        tag("status"),
        tag("delivery_status"),
        "amount",
        "funder",
        vague("decision_expected", "Decision expected"),
        "workstream",
        "programme",
    )
    list_filter = ("status", "delivery_status", "funder", "financial_year")
    sections = (
        (None, ("title", PLACE, "status", "delivery_status")),
        ("How much", (("amount_gbp", "qualifier"), "years_covered", "financial_year")),
        ("Who pays", ("funder", "source_of_funds", "source_workstream", "shared_with")),
        ("When", (("submitted_on", "submitted_precision"), ("decision_expected_on", "decision_expected_precision"))),
    )

    @admin.display(description="Amount", ordering="amount_gbp")
    def amount(self, funding: Funding) -> str:
        return figure(funding.amount_gbp, "gbp", funding.qualifier)


@admin.register(Procurement)
class ProcurementAdmin(RecordAdmin):
    group = MONEY
    list_display = (
        "title",
        tag("stage"),
        vague("award_expected", "Award expected"),
        "awarded_on",
        "supplier_count",
        "workstream",
    )
    list_filter = ("stage",)
    sections = (
        (None, ("title", PLACE, "stage")),
        ("When", (("award_expected_on", "award_expected_precision"), "awarded_on", "next_milestone")),
        ("Suppliers", ("supplier_count", "suppliers")),
    )


@admin.register(MutualAid)
class MutualAidAdmin(RecordAdmin):
    group = MONEY
    list_display = ("__str__", "donor", "recipient", "quantity_in_words", "workstream")
    list_filter = ("service", "donor", "recipient")
    named_by = ("recipient",)
    search_fields = ("key", "donor__name", "recipient__name")
    sections = (
        (None, ("service", PLACE)),
        ("Who", (("donor", "donor_site_count"), "recipient")),
        ("How much", (("quantity", "unit"),)),
    )

    @admin.display(description="Quantity", ordering="quantity")
    def quantity_in_words(self, aid: MutualAid) -> str:
        return figure(aid.quantity, aid.unit)


# --- Reporting --------------------------------------------------------------------------------------------------------


@admin.register(Closure)
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


@admin.register(Handover)
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


@admin.register(Forecast)
class ForecastAdmin(RecordAdmin):
    group = PLAN
    is_detail = True
    list_display = ("said_on", "milestone", "kind", "said_by", vague("date", "Date"), vague("previous", "Before"), "notice")
    list_display_links = ("milestone",)
    list_filter = ("kind", "said_by")
    questions = ("slips", "declared_late")
    search_fields = ("milestone__title", "key", "reason")
    sections = (
        (None, ("milestone", "kind", ("said_on", "said_by"), "reason")),
        (
            "The date",
            (
                ("date_on", "date_precision"),
                "starts_on",
                ("previous_on", "previous_precision"),
                "previous_starts_on",
            ),
        ),
        ("Who allowed a new baseline", ("forum", "decision", "allowed_by")),
    )

    @admin.display(description="Notice", ordering="notice_days")
    def notice(self, forecast: Any) -> str:
        return days_in_words(forecast.notice_days, "after it")


admin.site.register(HealthRule, HealthRuleAdmin)
admin.site.register(HealthOverride, HealthOverrideAdmin)
