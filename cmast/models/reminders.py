"""Who is reminded of what: the rules as data, and the ledger of every reminder."""

from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cmast.due import kind_of
from cmast.models.fields import DayField, DaysField, LineField, WordField, both_or_neither
from cmast.models.mail import MailDelivery
from cmast.models.notes import record_types
from cmast.models.people import Person, Reader
from cmast.models.records import Record, RecordQuerySet
from cmast.vocabulary import Words


class Audience(Words):
    """Whom a rule reminds. Where nobody is named, or nobody who can be reached, the next one below is."""

    OWNER = "owner"
    LEAD = "lead", "Workstream lead"
    SRO = "sro", "Senior responsible officer"
    PMO = "pmo", "PMO"
    BODY_SECRETARY = "body_secretary", "Secretary of the body: who contributes for its organisation"


class ReminderRuleQuerySet(RecordQuerySet):
    def in_force(self) -> Self:
        """Those that are switched on."""
        return self.filter(is_active=True)


class ReminderRule(Record):
    """Who is reminded of one kind of thing, how long before and after its date, and who hears of it when nothing happens."""

    class Kind(Words):
        MILESTONE_DUE = "milestone_due"
        MILESTONE_OVERDUE = "milestone_overdue"
        OUTCOME_MISSING = "outcome_missing", "Date passed without an outcome"
        UPDATE_REQUESTED = "update_requested"
        UPDATE_DUE = "update_due"
        UPDATE_LATE = "update_late"
        UPDATE_RETURNED = "update_returned"
        SIGN_OFF_DUE = "sign_off_due", "Update to sign off"
        PAPERS_DUE = "papers_due", "Papers due for a board that votes"
        BOARD_DATE = "board_date", "Board that votes"
        CONDITION_OPEN = "condition_open", "Condition of an approval open"
        ACTION_DUE = "action_due"
        RISK_REVIEW_DUE = "risk_review_due"
        MITIGATION_DUE = "mitigation_due"
        METRIC_LATE = "metric_late", "Metric data late by its lag"
        BENEFIT_FIGURE_DUE = "benefit_figure_due"
        FINDING_UNANSWERED = "finding_unanswered", "Check finding unanswered"
        NO_ADDRESS = "no_address", "Role held without an e-mail address"

    class Channel(Words):
        EMAIL = "email", "E-mail"

    name = LineField(max_length=200, help_text="What it is for.")
    kind = WordField(Kind, help_text="What is due.")
    question = LineField(
        max_length=60, blank=True, help_text="Question that must be true of it as well, named as in the API, such as overdue."
    )
    days_before = DaysField(help_text="Days before the date on which it reminds; 0 is the day itself.")
    days_after = DaysField(help_text="Days after the date on which it reminds, while nothing has happened.")
    audience = WordField(Audience, help_text="Whom it reminds.")
    escalate_after = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Working days after the date until it is escalated; empty: never."
    )
    escalate_to = WordField(Audience, null=True, help_text="Whom it is escalated to.")
    channel = WordField(
        Channel, default=Channel.EMAIL, help_text="How: in one digest by e-mail for each person and working day."
    )
    is_optional = models.BooleanField(
        default=False,
        help_text="Whether people may decline it. Only what reminds ahead may be: nothing after the date, no escalation.",
    )
    is_active = models.BooleanField(default=True, help_text="Whether it is switched on.")

    objects: ClassVar = ReminderRuleQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "reminder rule"
        verbose_name_plural = "reminder rules"
        constraints = [
            *Record.Meta.constraints,
            both_or_neither("escalate_after", "escalate_to"),
            models.CheckConstraint(
                condition=Q(escalate_after__isnull=True) | Q(escalate_after__lte=60),
                name="cmast_reminderrule_escalate_after",
                violation_error_message="It is escalated within 60 working days.",
            ),
        ]

    def whom(self, is_escalated: bool) -> str:
        """The audience that it asks, or that it escalates to."""
        return str(self.escalate_to if is_escalated else self.audience)

    def clean(self) -> None:
        if self.question and self.question not in (known := kind_of(self.kind).questions):
            which = ", ".join(known) or "none"
            raise ValidationError({"question": f"This kind knows no question “{self.question}”; it knows: {which}."})
        if self.is_optional and (self.days_after or self.escalate_after is not None):
            said = "Only what reminds ahead of a date can be declined: this rule reminds after it, or escalates."
            raise ValidationError({"is_optional": said})


class ReminderQuerySet(models.QuerySet):
    def visible_to(self, user: Reader) -> Self:
        """The PMO reads the ledger, but for what is about records that are hidden from the reader."""
        if not user.is_authenticated or not user.reach.is_pmo:
            return self.none()
        found = self.all()
        for name, kind in record_types().items() if user.reach.hidden else ():
            if any(user.reach.hidden.paths(kind)):
                hidden = kind._default_manager.filter(user.reach.hidden.condition(kind)).order_by()
                found = found.exclude(record_type=name, record_id__in=hidden.values("pk"))
        return found

    def waiting(self) -> Self:
        """In no mail yet, or in one that went without them."""
        gone = Q(mail__state__in=MailDelivery.FINAL)
        return self.filter(Q(mail__isnull=True) | gone, state=MailDelivery.State.PENDING)


class Reminder(models.Model):
    """One line of the ledger: this person is to be reminded of this record by this rule, on this day. There is never a second.

    It ends as the mail that carries it ends, unless it has been settled before: then it is cancelled.
    """

    rule = models.ForeignKey(ReminderRule, models.CASCADE, related_name="reminders", help_text="Why.")
    record_type = LineField(max_length=60, help_text="Kind of record that it is about.")
    record_key = LineField(max_length=100, help_text="Key of that record.")
    record_id = models.BigIntegerField(help_text="Primary key of that record.")
    person = models.ForeignKey(Person, models.CASCADE, related_name="reminders", help_text="Who is reminded.")
    remind_on = DayField(help_text="Local day that the rule names.")
    due_on = DayField(help_text="Date of the record when this was planned.")
    is_escalated = models.BooleanField(default=False, help_text="Whether somebody else has not answered before.")
    state = WordField(MailDelivery.State, default=MailDelivery.State.PENDING, help_text="What became of it.")
    reason = LineField(blank=True, help_text="Why it ended so.")
    mail = models.ForeignKey(
        MailDelivery, models.SET_NULL, null=True, related_name="reminders", help_text="Digest that carries it."
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was planned.")

    objects: ClassVar = ReminderQuerySet.as_manager()

    class Meta:
        ordering = ["-remind_on", "-id"]
        verbose_name = "reminder"
        verbose_name_plural = "reminders"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "record_type", "record_key", "person", "remind_on"], name="cmast_reminder_once"
            )
        ]
        indexes = [
            models.Index(fields=["remind_on"], name="cmast_reminder_day"),
            models.Index(fields=["person"], condition=Q(state="pending"), name="cmast_reminder_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.record_type} {self.record_key}, {self.remind_on}"


class ReminderDay(models.Model):
    """A working day whose reminders have all been planned."""

    on = DayField(primary_key=True, help_text="The day.")
    planned_at = models.DateTimeField(auto_now_add=True, help_text="When that was done.")

    class Meta:
        verbose_name = "day of reminders"
        verbose_name_plural = "days of reminders"

    def __str__(self) -> str:
        return str(self.on)
