"""Mail: what is sent to people, by which way, and to whom nothing is sent any more."""

import datetime as dt
from email.utils import parseaddr
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.models.deliveries import Delivery, DeliveryQuerySet
from cmast.models.fields import DayField, LineField, ProseField, WordField, at_most_one
from cmast.models.people import Person, Reader
from cmast.models.records import Record, RecordQuerySet
from cmast.vocabulary import Words


class MailDeliveryQuerySet(DeliveryQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """The PMO looks after the mail."""
        return self.all() if user.is_authenticated and user.reach.is_pmo else self.none()

    def undelivered(self) -> Self:
        """For a person to look at: refused, given up, or nobody knows."""
        return self.filter(state__in=[Delivery.State.FAILED, Delivery.State.UNKNOWN])

    def overdue_by(self, now: dt.datetime, pause: dt.timedelta) -> Self:
        """Those that should have gone so long ago and have not: nobody sends them. What is tried again later is not due yet."""
        return self.due(now - pause)

    def expired(self, now: dt.datetime) -> Self:
        return super().expired(now).exclude(state=Delivery.State.UNKNOWN)


class MailDelivery(Delivery):
    """One mail to one person. A digest is written when it is sent, from the reminders that are still open then.

    Between the moment before the first byte (`data_started_at`) and the receiver's answer nobody can know whether it was taken.
    An attempt that breaks off there counts as ambiguous: the mail is sent once more under the same Message-ID, and when that
    breaks off as well it is `unknown`, for a person to settle.
    """

    class Purpose(Words):
        DIGEST = "digest"
        NOTICE = "notice"

    #: States in which nothing more happens by itself.
    FINAL: ClassVar = (
        Delivery.State.SENT,
        Delivery.State.FAILED,
        Delivery.State.UNKNOWN,
        Delivery.State.SUPPRESSED,
        Delivery.State.CANCELLED,
    )
    LEASE: ClassVar = dt.timedelta(seconds=settings.MAIL_LEASE)
    #: Longer than a server may take to answer the end of the message (RFC 5321: ten minutes).
    DATA_LEASE: ClassVar = dt.timedelta(seconds=settings.MAIL_DATA_LEASE)
    #: The ledger outlives every rule that could plan the same again.
    KEPT: ClassVar = dt.timedelta(days=400)
    PAUSES: ClassVar = tuple(dt.timedelta(seconds=seconds) for seconds in settings.MAIL_PAUSES)

    dedupe_key = LineField(max_length=200, unique=True, help_text="What it is, so that there is no second one.")
    person = models.ForeignKey(Person, models.CASCADE, related_name="mail", help_text="To whom.")
    purpose = WordField(Purpose, default=Purpose.DIGEST, help_text="A digest of reminders, or a notice.")
    for_on = DayField(null=True, help_text="Working day of the digest.")
    heading = LineField(blank=True, help_text="Subject of the mail.")
    text = ProseField(blank=True, help_text="What a notice says. A digest is written when it is sent.")
    address = models.EmailField(blank=True, help_text="Where it was sent.")
    transport = LineField(max_length=20, blank=True, help_text="By which way it was sent.")
    data_started_at = models.DateTimeField(null=True, help_text="When its first byte went out, while the answer is not known.")
    ambiguous = models.PositiveSmallIntegerField(default=0, help_text="Attempts that may have arrived and may not.")
    body_sha256 = LineField(max_length=64, blank=True, help_text="Digest of what was sent.")

    objects: ClassVar = MailDeliveryQuerySet.as_manager()

    class Meta(Delivery.Meta):
        verbose_name = "mail"
        verbose_name_plural = "mail"
        indexes = [*Delivery.Meta.indexes]

    def __str__(self) -> str:
        return self.heading or f"{self.get_purpose_display()} {self.for_on or ''}".strip()

    @property
    def message_id(self) -> str:
        """The same however often it is sent, so that the receiver can tell."""
        return f"<{self.pk}@{parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition('@')[2]}>"

    # --- By the sender ------------------------------------------------------------------------------------------------

    def at_claim(self) -> dict[str, Any]:
        if self.data_started_at is None:
            return {}
        return {"ambiguous": self.ambiguous + 1, "data_started_at": None}

    def begin_data(self, **sent: Any) -> bool:
        """To be committed before the first byte of the message. False when the lease has ended: then nothing may be sent."""
        now = timezone.now()
        held = type(self).objects.filter(pk=self.pk, lease_token=self.lease_token, lease_until__gt=now)
        return self._set(held, data_started_at=now, lease_until=now + self.DATA_LEASE, **sent)

    def settle(self, state: str, **values: Any) -> bool:
        """With its reminders, in one transaction."""
        values.setdefault("data_started_at", None)
        with transaction.atomic():
            if not super().settle(state, **values):
                return False
            self._settle_reminders()
            return True

    def break_off(self, why: str, can_be_looked_up: bool) -> bool:
        """Nobody knows whether it was taken: it is looked up, or sent once more, and then it is for a person to settle."""
        state = self.State.UNKNOWN if self.ambiguous and not can_be_looked_up else self.State.PENDING
        return self.settle(state, ambiguous=self.ambiguous + 1, last_error=why[:300])

    def _settle_reminders(self) -> None:
        if self.state in self.FINAL:
            waiting = self.reminders.filter(state=self.State.PENDING)
            waiting.update(state=self.state, reason=self.last_error)

    # --- By a person --------------------------------------------------------------------------------------------------

    def send_again(self, by: Any, reason: str = "") -> None:
        """What has ended is sent from the beginning, with all its reminders that are still open. Raises RuleBroken."""
        _require(reason)
        if self.state not in (self.State.FAILED, self.State.UNKNOWN, self.State.SUPPRESSED):
            raise RuleBroken(
                "cannot_send_again", f"Only what failed is sent again; this is “{self.get_state_display().lower()}”."
            )
        with transaction.atomic():
            ended = self.state
            as_read = type(self).objects.filter(pk=self.pk, state=ended)
            start = {"attempts": 0, "ambiguous": 0, "not_before": timezone.now(), "last_error": "", "asked_by": by}
            if not self._set(as_read, state=self.State.PENDING, **start):
                raise RuleBroken("changed_meanwhile", "It has changed in the meantime. Look again.")
            self.reminders.filter(state=ended).update(state=self.State.PENDING, reason="")
            MailAction.objects.create(mail=self, action=MailAction.Action.SEND_AGAIN, by=by, reason=reason)

    def settle_by_hand(self, by: Any, has_arrived: bool, reason: str = "") -> None:
        """What nobody knew, as a person has found out: it arrived, or it did not and need not any more. Raises RuleBroken."""
        _require(reason)
        state = self.State.SENT if has_arrived else self.State.CANCELLED
        with transaction.atomic():
            ended = self.state
            as_read = type(self).objects.filter(pk=self.pk, state__in=[self.State.UNKNOWN, self.State.FAILED])
            if not self._set(as_read, state=state):
                said = self.get_state_display().lower()
                raise RuleBroken("cannot_settle", f"Only what failed or is unknown is settled; this is “{said}”.")
            self.reminders.filter(state=ended).update(state=state, reason=reason[:300])
            action = MailAction.Action.ARRIVED if has_arrived else MailAction.Action.GIVEN_UP
            MailAction.objects.create(mail=self, action=action, by=by, reason=reason)


def _require(reason: str) -> None:
    if not reason.strip():
        raise RuleBroken("reason_required", "Say why.")


class MailAction(models.Model):
    """What a person did about a mail, and why. Never changed."""

    class Action(Words):
        SEND_AGAIN = "send_again"
        ARRIVED = "arrived"
        GIVEN_UP = "given_up"

    mail = models.ForeignKey(MailDelivery, models.CASCADE, related_name="actions", help_text="The mail.")
    action = WordField(Action, help_text="What was done.")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+", help_text="Who did it.")
    reason = LineField(max_length=500, help_text="Why.")
    done_at = models.DateTimeField(auto_now_add=True, help_text="When.")

    class Meta:
        ordering = ["id"]
        verbose_name = "action on a mail"
        verbose_name_plural = "actions on mail"

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.reason}"


class MailTransportQuerySet(models.QuerySet):
    def visible_to(self, user: Reader) -> Self:
        return self.all() if user.is_authenticated and user.reach.is_pmo else self.none()

    def standing_still(self) -> Self:
        """Mail is due and does not go out by them."""
        return self.filter(stopped_at__isnull=False)


class MailTransport(models.Model):
    """One way of sending mail, and its circuit breaker: while it is open nothing is tried, so nothing is tried in vain.

    When its time has come one sender may try one mail (half open); that closes it or opens it for longer. A sender that dies
    over it holds the way up as long as its mail.
    """

    PAUSES: ClassVar = tuple(dt.timedelta(seconds=seconds) for seconds in settings.MAIL_BREAKER)

    name = LineField(max_length=20, primary_key=True, help_text="Name of the transport.")
    failures = models.PositiveIntegerField(default=0, help_text="Failures in a row.")
    open_until = models.DateTimeField(null=True, help_text="Until when nothing is tried; empty: it works.")
    last_error = LineField(blank=True, help_text="Why it failed the last time.")
    stopped_at = models.DateTimeField(null=True, help_text="Since when mail is due and does not go out.")

    objects: ClassVar = MailTransportQuerySet.as_manager()

    class Meta:
        verbose_name = "way of mail"
        verbose_name_plural = "ways of mail"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def named(cls, name: str) -> "MailTransport":
        return cls.objects.get_or_create(name=name)[0]

    def lets_through(self) -> bool:
        """Whether a mail may be tried now. Of many that ask while it is half open, one may."""
        now = timezone.now()
        self.refresh_from_db()
        if self.open_until is None:
            return True
        if self.open_until > now:
            return False
        as_read = type(self).objects.filter(pk=self.pk, open_until=self.open_until)
        return bool(as_read.update(open_until=now + MailDelivery.LEASE))

    def wait_for_answer(self) -> None:
        """Who tries it has begun to hand a mail over: nobody else tries until that is answered."""
        if self.open_until is not None:
            half_open = type(self).objects.filter(pk=self.pk, open_until__isnull=False)
            half_open.update(open_until=timezone.now() + MailDelivery.DATA_LEASE)

    def untried(self) -> None:
        """There was nothing to try it with."""
        type(self).objects.filter(pk=self.pk, open_until__isnull=False).update(open_until=timezone.now())

    def note_failure(self, why: str) -> None:
        pause = self.PAUSES[min(self.failures, len(self.PAUSES) - 1)]
        same = type(self).objects.filter(pk=self.pk)
        same.update(failures=F("failures") + 1, open_until=timezone.now() + pause, last_error=why[:300])

    def note_success(self) -> None:
        type(self).objects.filter(pk=self.pk, failures__gt=0).update(failures=0, open_until=None, last_error="")


class SuppressionQuerySet(RecordQuerySet):
    def decline(self, person: Person, rules: RecordQuerySet) -> None:
        """The person is not reminded by these rules any more. Done twice it is done once."""
        with transaction.atomic():
            person.lock()
            for rule in rules.exclude(suppressions__person=person):
                self.create(person=person, rule=rule, cause=Suppression.Cause.OPTED_OUT)

    def of_all_mail(self) -> Self:
        """Those that stop everything, not one rule only."""
        return self.filter(rule__isnull=True)


class Suppression(Record):
    """A person or an address that is sent nothing any more, or nothing by one rule. Lifting it means deleting it."""

    class Cause(Words):
        BOUNCED = "bounced"
        LEFT = "left"
        OPTED_OUT = "opted_out"
        OTHER = "other"

    person = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="suppressions", help_text="Who is sent nothing."
    )
    address = models.EmailField(null=True, blank=True, help_text="Address that nothing is sent to, whoever has it.")
    rule = models.ForeignKey(
        "cmast.ReminderRule",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="suppressions",
        help_text="Only this rule; it must allow that. Empty: all mail.",
    )
    cause = WordField(Cause, help_text="Why.")
    detail = LineField(blank=True, help_text="What the receiver's server said, or what the person asked for.")

    label_field = "cause"

    objects: ClassVar = SuppressionQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "suppression"
        verbose_name_plural = "suppressions"
        constraints = [
            *Record.Meta.constraints,
            at_most_one("person", "address"),
            models.CheckConstraint(
                condition=Q(person__isnull=False) | Q(address__isnull=False, rule__isnull=True),
                name="cmast_suppression_whom",
                violation_error_message="Name a person, or an address that nothing at all is sent to.",
            ),
            models.UniqueConstraint(
                fields=["address"],
                name="cmast_suppression_address",
                violation_error_message="This address is suppressed already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person or self.address}: {self.get_cause_display().lower()}"

    def complete(self) -> None:
        self.address = self.address.strip().lower() if self.address else None

    def clean(self) -> None:
        if self.rule and not self.rule.is_optional:
            raise ValidationError({"rule": f"“{self.rule}” is not optional."})
