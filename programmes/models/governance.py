"""Who decides: forums, their meetings, approvals with one vote per deciding body, decisions and actions."""

import datetime as dt
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from cmast.models import Record, RecordQuerySet
from cmast.models.fields import (
    DayField,
    LineField,
    NumberField,
    ProseField,
    WordField,
    WordListField,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.vocabulary import Unit, Words
from programmes.models.programmes import PlacedRecord, Programme


class Forum(Record):
    """A body that meets: a board, network, alliance, committee or group."""

    class Kind(Words):
        LEADERSHIP_BOARD = "leadership_board"
        PROGRAMME_BOARD = "programme_board"
        STEERING_GROUP = "steering_group"
        NETWORK = "network"
        ALLIANCE = "alliance"
        WORKING_GROUP = "working_group"
        TASK_AND_FINISH = "task_and_finish"
        TRUST_BOARD = "trust_board"
        TRUST_COMMITTEE = "trust_committee"
        ICB_GROUP = "icb_group", "ICB group"
        ICB_BOARD = "icb_board", "ICB board"
        ICB_COMMITTEE = "icb_committee", "ICB committee"
        NHSE_PANEL = "nhse_panel", "NHS England panel"
        PROFESSIONAL_GROUP = "professional_group"
        CONTROL_CENTRE = "control_centre"
        WORKSHOP = "workshop"
        AUTHORITY = "authority"
        COMMITTEES_IN_COMMON = "committees_in_common"
        JOINT_COMMITTEE = "joint_committee"
        FORUM = "forum"

    class DecisionPower(Words):
        NONE = "none"
        ADVISORY = "advisory"
        INDIVIDUAL = "individual"
        DELEGATED = "delegated"
        COMMITTEES_IN_COMMON = "committees_in_common"
        JOINT_COMMITTEE = "joint_committee"
        LEAD_PROVIDER = "lead_provider"

    class Status(Words):
        OPEN = "open"
        TO_BE_ESTABLISHED = "to_be_established"
        CLOSED = "closed"

    writers: ClassVar[dict[str, str]] = {"programme": "programme"}

    name = LineField(help_text="Name of the body.")
    kind = WordField(Kind, help_text="What sort of body it is.")
    decision_power = WordField(DecisionPower, null=True, help_text="What it may decide, where known.")
    status = WordField(Status, default=Status.OPEN, help_text="Whether it meets.")
    programme = models.ForeignKey(
        Programme, models.PROTECT, null=True, blank=True, related_name="forums", help_text="Programme that it serves."
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="forums",
        help_text="Organisation whose body it is.",
    )
    member_count = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many bodies or members, where only the number is known."
    )
    cadence = LineField(max_length=100, blank=True, help_text="How often it meets.")
    closed_on = DayField(null=True, help_text="When it was closed.")

    class Meta(Record.Meta):
        verbose_name = "forum"
        verbose_name_plural = "forums"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True) | Q(status="closed"),
                name="programmes_forum_closed_on",
                violation_error_message="closed_on is for what has the status closed.",
            ),
        ]


class Meeting(Record):
    """One sitting of a forum."""

    class Composition(Words):
        CHIEF_EXECUTIVES = "chief_executives"
        CHIEF_EXECUTIVES_AND_CHAIRS = "chief_executives_and_chairs"
        EXECUTIVES = "executives"
        MIXED = "mixed"

    class Session(Words):
        PUBLIC = "public"
        PRIVATE = "private"

    label_field = "title"
    writers: ClassVar[dict[str, str]] = {"programme": "forum__programme"}

    title = LineField(help_text="Name of the sitting.")
    forum = models.ForeignKey(Forum, models.PROTECT, related_name="meetings", help_text="Body that sits.")
    held_on = vague_day("Date of the meeting")
    held_precision = precision_of("the date")
    papers_due_on = DayField(null=True, help_text="Last day to hand in papers.")
    composition = WordField(Composition, null=True, help_text="Who sits.")
    session = WordField(Session, null=True, help_text="In public or in private.")
    is_cancelled = models.BooleanField(default=False, help_text="Whether it was called off.")

    class Meta(Record.Meta):
        verbose_name = "meeting"
        verbose_name_plural = "meetings"
        constraints = [*Record.Meta.constraints, vague_date_rule("held")]


class RoleHolder(PlacedRecord):
    """A post or group of people that a document names by role; the person is often not known."""

    class PostStatus(Words):
        IDENTIFIED = "identified"
        NOMINATIONS_SOUGHT = "nominations_sought"
        EXPRESSIONS_OF_INTEREST_SOUGHT = "expressions_of_interest_sought"
        RECRUITMENT_TO_START = "recruitment_to_start"
        IN_POST = "in_post"

    label_field = "title"

    title = LineField(help_text="The role.")
    person = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="posts", help_text="Who holds it, where known."
    )
    organisation = models.ForeignKey(
        "cmast.Organisation", models.PROTECT, null=True, blank=True, related_name="role_holders", help_text="Whose role it is."
    )
    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="role_holders", help_text="Body that they sit on."
    )
    post_status = WordField(PostStatus, null=True, help_text="How far the post is filled.")
    people_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many people, where stated.")
    expected_on = vague_day("Date from which the post is to be filled")
    expected_precision = precision_of("that date")

    class Meta(PlacedRecord.Meta):
        verbose_name = "role holder"
        verbose_name_plural = "role holders"
        constraints = [*Record.Meta.constraints, vague_date_rule("expected")]


class VoteStatus(Words):
    """What a body says. An approval without votes carries the same words as its stated status."""

    PENDING = "pending"
    AWAITING_OUTCOME = "awaiting_outcome"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions"
    ENDORSED = "endorsed"
    NOTED = "noted"
    REJECTED = "rejected"
    NOT_REQUIRED = "not_required"
    WITHDRAWN = "withdrawn"


#: Not decided yet.
OPEN = (VoteStatus.PENDING, VoteStatus.AWAITING_OUTCOME)
#: Counts towards what the rule requires.
IN_FAVOUR = (VoteStatus.APPROVED, VoteStatus.APPROVED_WITH_CONDITIONS, VoteStatus.ENDORSED)


class ApprovalQuerySet(RecordQuerySet):
    def awaiting_decision(self) -> "ApprovalQuerySet":
        """A body has still to decide: a vote is open, or, where there are no votes, the stated status is."""
        votes = Vote.objects.filter(approval=OuterRef("pk"))
        return self.filter(Exists(votes.filter(status__in=OPEN)) | (~Exists(votes) & Q(stated_status__in=OPEN)))

    def awaiting(self, organisation_key: str) -> "ApprovalQuerySet":
        """This organisation has still to vote."""
        return self.filter(
            Exists(Vote.objects.filter(approval=OuterRef("pk"), status__in=OPEN, organisation__key=organisation_key))
        )

    def overdue(self, today: dt.date) -> "ApprovalQuerySet":
        """Expected before that day and still open."""
        return self.awaiting_decision().filter(expected_on__lt=today)

    def with_computed(self, today: dt.date) -> "ApprovalQuerySet":
        """Adds `votes_total`, `votes_in_favour` and `votes_open`, counted from the votes."""

        def count(**status: Any) -> Coalesce:
            votes = Vote.objects.filter(approval=OuterRef("pk"), **status).order_by().values("approval")
            return Coalesce(Subquery(votes.annotate(count=models.Count("pk")).values("count")), 0)

        return self.annotate(
            votes_total=count(), votes_in_favour=count(status__in=IN_FAVOUR), votes_open=count(status__in=OPEN)
        )


class Approval(PlacedRecord):
    """Something that bodies must agree to: one vote per deciding body, and a rule that says how many it takes."""

    class Kind(Words):
        BUSINESS_CASE = "business_case"
        INVESTMENT = "investment"
        DELEGATION = "delegation"
        CONTRACT_AWARD = "contract_award"
        PROCUREMENT_WAIVER = "procurement_waiver"
        CLINICAL_SAFETY_CASE = "clinical_safety_case"
        ANNUAL_PLAN = "annual_plan"
        SCOPE_CHANGE = "scope_change"
        CLOSURE = "closure"
        PRIORITIES = "priorities"
        FUNDING = "funding"
        CAPITAL_PLAN = "capital_plan"
        SPECIFICATION = "specification"
        REPORT = "report"
        GOVERNANCE = "governance"

    class Rule(Words):
        UNANIMOUS = "unanimous"
        UNANIMOUS_OF_NAMED_BODIES = "unanimous_of_named_bodies"
        MAJORITY = "majority"
        QUORUM = "quorum"
        PER_GROUP = "per_group"
        SINGLE_BODY = "single_body"

    label_field = "subject"

    subject = LineField(help_text="What is to be agreed.")
    kind = WordField(Kind, help_text="What sort of approval it is.")
    resolutions = WordListField(help_text="The resolutions that one paper puts, where there are several.")
    rule = WordField(Rule, null=True, help_text="What it takes. Empty where nobody has stated it.")
    required_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many bodies must agree.")
    body = models.ForeignKey(
        Forum,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approvals",
        help_text="The deciding body, or the group of them, where known.",
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approvals",
        help_text="The deciding organisation, where no forum is named.",
    )
    delegate_to = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="+", help_text="Body that the matter passes to once agreed."
    )
    stated_status = WordField(
        VoteStatus,
        null=True,
        help_text="Status as the source states it, for an approval without votes. With votes it is derived from them.",
    )
    decided_on = vague_day("Date of the decision")
    decided_precision = precision_of("the decision's date")
    expected_on = vague_day("Date by which the decision is expected")
    expected_precision = precision_of("the expected date")
    as_at_on = DayField(null=True, help_text="Day that the votes were last stated for.")
    next_milestone = models.ForeignKey(
        "programmes.Milestone", models.PROTECT, null=True, blank=True, related_name="+", help_text="What follows from it."
    )

    objects: ClassVar = ApprovalQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "approval"
        verbose_name_plural = "approvals"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("decided"),
            vague_date_rule("expected"),
            models.CheckConstraint(
                condition=~Q(rule="quorum") | Q(required_count__isnull=False),
                name="programmes_approval_quorum",
                violation_error_message="A quorum needs required_count.",
            ),
        ]


class Snapshot(Record):
    """The same approval counted on another day: how many had agreed then, as a source states it."""

    label_field = "as_at_on"
    touches = ("approval",)
    writers: ClassVar[dict[str, str]] = {"programme": "approval__programme"}

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="snapshots", help_text="The approval.")
    as_at_on = DayField(help_text="Day of the count.")
    approved_count = models.PositiveIntegerField(help_text="How many bodies had agreed.")
    pending_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many had still to decide.")

    class Meta(Record.Meta):
        verbose_name = "approval snapshot"
        verbose_name_plural = "approval snapshots"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(fields=["approval", "as_at_on"], name="programmes_snapshot_day"),
        ]


class VoteQuerySet(RecordQuerySet):
    def awaiting_decision(self) -> "VoteQuerySet":
        """Not yet cast."""
        return self.filter(status__in=OPEN)


class Vote(Record):
    """What one body says to an approval. The body may be unknown; the count stays right all the same."""

    class Progress(Words):
        NOT_SUBMITTED = "not_submitted"
        SCHEDULED = "scheduled"
        SUBMITTED = "submitted"
        DEFERRED = "deferred"

    label_field = "body_label"
    touches = ("approval",)
    writers: ClassVar[dict[str, str]] = {"programme": "approval__programme", "organisation": "organisation"}

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="votes", help_text="What is voted on.")
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="votes",
        help_text="Organisation that votes; empty while unknown.",
    )
    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="votes", help_text="Body of the organisation that votes."
    )
    placeholder = LineField(max_length=100, blank=True, help_text="Stands for a body that is not known yet.")
    status = WordField(VoteStatus, default=VoteStatus.PENDING, help_text="The vote.")
    progress = WordField(Progress, null=True, help_text="How far an open vote has come.")
    board_on = vague_day("Date of the board that decides")
    board_precision = precision_of("the board's date")
    papers_due_on = DayField(null=True, help_text="Last day to hand in papers for that board.")
    decided_on = vague_day("Date by which it was decided")
    decided_precision = precision_of("the decision's date")
    conditions = ProseField(blank=True, help_text="Conditions of the agreement.")

    objects: ClassVar = VoteQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "vote"
        verbose_name_plural = "votes"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("board"),
            vague_date_rule("decided"),
            models.UniqueConstraint(
                fields=["approval", "organisation"],
                condition=~Q(status="withdrawn"),
                name="programmes_vote_once",
                violation_error_message="This organisation has a vote on this approval already.",
            ),
            models.CheckConstraint(
                condition=Q(organisation__isnull=False) | ~Q(placeholder=""),
                name="programmes_vote_body",
                violation_error_message="A vote names its organisation, or a placeholder while that is unknown.",
            ),
        ]

    @property
    def body_label(self) -> str:
        return str(self.organisation or self.placeholder)


class Decision(PlacedRecord):
    """What a forum decided."""

    class Status(Words):
        PROPOSED = "proposed"
        DEFERRED = "deferred"
        APPROVED = "approved"
        ENDORSED = "endorsed"
        NOTED = "noted"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"

    label_field = "text"

    text = LineField(help_text="What was decided.")
    status = WordField(Status, null=True, help_text="What became of it, where stated.")
    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="decisions", help_text="Body that decided, where known."
    )
    meeting = models.ForeignKey(
        Meeting, models.PROTECT, null=True, blank=True, related_name="decisions", help_text="Sitting at which it was taken."
    )
    approval = models.ForeignKey(
        Approval, models.PROTECT, null=True, blank=True, related_name="decisions", help_text="Approval that it is part of."
    )
    decided_on = vague_day("Date of the decision")
    decided_precision = precision_of("the decision's date")
    formalised_on = DayField(null=True, help_text="Day on which it was, or is to be, made formal.")

    class Meta(PlacedRecord.Meta):
        verbose_name = "decision"
        verbose_name_plural = "decisions"
        constraints = [*Record.Meta.constraints, vague_date_rule("decided")]

    def clean(self) -> None:
        super().clean()
        if self.meeting and self.forum_id and self.meeting.forum_id != self.forum_id:
            raise ValidationError({"meeting": f"This is a meeting of “{self.meeting.forum}”."})


class ActionQuerySet(RecordQuerySet):
    def outstanding(self) -> "ActionQuerySet":
        """Still to be done."""
        return self.filter(status=Action.Status.OPEN)

    def overdue(self, today: dt.date) -> "ActionQuerySet":
        """Still to be done after its date."""
        return self.outstanding().filter(due_on__lt=today)


class Action(PlacedRecord):
    """Something that somebody is to do."""

    class Status(Words):
        OPEN = "open"
        DONE = "done"
        CANCELLED = "cancelled"

    label_field = "text"
    writers: ClassVar[dict[str, str]] = {"programme": "programme", "workstream": "workstream"}

    text = LineField(help_text="What is to be done.")
    status = WordField(Status, default=Status.OPEN, help_text="Whether it is done.")
    owner = models.ForeignKey(
        "cmast.Person",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="actions",
        help_text="Who does it, where a person is named.",
    )
    owner_role = models.ForeignKey(
        RoleHolder,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="actions",
        help_text="Who does it, where only a role is named.",
    )
    decision = models.ForeignKey(
        Decision, models.PROTECT, null=True, blank=True, related_name="actions", help_text="Decision that it follows from."
    )
    due_on = vague_day("Date by which it is due")
    due_precision = precision_of("the due date")
    done_on = DayField(null=True, help_text="When it was done.")
    quantity = NumberField(null=True, help_text="How many things it concerns, where stated.")
    unit = WordField(Unit, null=True, help_text="What the quantity counts.")

    objects: ClassVar = ActionQuerySet.as_manager()

    class Meta(PlacedRecord.Meta):
        verbose_name = "action"
        verbose_name_plural = "actions"
        constraints = [
            *Record.Meta.constraints,
            vague_date_rule("due"),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True) | Q(status="done"),
                name="programmes_action_done_on",
                violation_error_message="done_on is for an action with the status done.",
            ),
        ]
