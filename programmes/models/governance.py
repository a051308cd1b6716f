"""Who decides: forums, their meetings, decisions and actions. Approvals with their votes are in `approvals`."""

import datetime as dt
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from cmast.models import Record
from cmast.models.fields import (
    DayField,
    LineField,
    WordField,
    precision_of,
    vague_date_rule,
    vague_day,
)
from cmast.models.verbs import verb
from cmast.vocabulary import Words
from programmes.models.closing import conclude, require_handed_over
from programmes.models.programmes import PlacedRecord, Programme
from programmes.models.votes import OPEN


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

    def clean(self) -> None:
        require_handed_over(self)

    @verb(
        "Close it",
        given={"status": (Status.OPEN, Status.TO_BE_ESTABLISHED)},
        of="programmes.Closure",
        asks=("confirmed_by",),
        needs=("closed_on", "closure_outcome"),
        example={"closed_on": "2024-05-03", "closure_outcome": "completed", "confirmed_by": "cmast-leadership-board"},
    )
    def close(self, closed_on: dt.date, closure_outcome: str, confirmed_by: Any = None, by: Any = None) -> None:
        """End it, with the record of its closure. Refused while something that it leaves open has nobody who takes it over.

        A programme's board answers for all of its programme, any forum for the actions that were recorded at its meetings.
        """
        conclude(self, closed_on, closure_outcome, confirmed_by, by)


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

    @verb("Cancel the meeting", given={"is_cancelled": (False,)}, needs_reason=True)
    def cancel(self) -> None:
        """It is called off. Votes that were to be cast at it go to the body's next meeting in the calendar, if one is known."""
        self.is_cancelled = True
        self.save()
        votes = self.forum.votes.filter(status__in=OPEN, is_current=True, board_on=self.held_on)
        for vote in votes.select_related("approval", "organisation").order_by("pk"):
            vote.defer()


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
