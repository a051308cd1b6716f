"""What is sent to somebody outside: a ledger of messages, each sent by one sender at a time and tried again when that fails.

A sender *claims* a row and commits that before it touches the network. The claim is a lease with a token: whatever is written
about the attempt needs that token, unexpired, so a sender that was asleep too long can no longer write. A row whose sender has
died is claimed again when its lease has ended.
"""

import datetime as dt
import secrets
import uuid
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from cmast.errors import RuleBroken
from cmast.models.fields import LineField, WordField
from cmast.vocabulary import Words


class DeliveryQuerySet(models.QuerySet):
    def due(self, now: dt.datetime) -> Self:
        """Those whose time has come, and those whose sender has not been heard of since its lease ended."""
        return self.filter(Q(state="pending", not_before__lte=now) | Q(state="sending", lease_until__lte=now))

    def expired(self, now: dt.datetime) -> Self:
        """Done with, and older than anybody looks at."""
        model: Any = self.model
        return self.exclude(state__in=["pending", "sending"]).filter(created_at__lt=now - model.KEPT)

    def claim(self) -> Any:
        """The delivery that is due longest, now ours until its lease ends; None when nothing is due."""
        now = timezone.now()
        # On SQLite the lock means nothing; there whoever writes is alone anyway.
        due = self.due(now).order_by("not_before", "created_at").select_for_update(skip_locked=True, of=("self",))
        with transaction.atomic(durable=True):
            found: Any = due.first()
            return found if found is not None and found.take(now) else None


class Delivery(models.Model):
    """One message to one receiver. Its id stays the same however often it is sent, so that the receiver can know it again."""

    class State(Words):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        UNKNOWN = "unknown"
        SUPPRESSED = "suppressed"
        CANCELLED = "cancelled"

    #: Longer than an attempt can take.
    LEASE: ClassVar = dt.timedelta(minutes=2)
    #: How long it can be looked at and sent again.
    KEPT: ClassVar = dt.timedelta(days=30)
    #: How long to wait before each attempt.
    PAUSES: ClassVar[tuple[dt.timedelta, ...]] = ()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = WordField(State, default=State.PENDING, help_text="Where it stands.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often it was tried.")
    not_before = models.DateTimeField(default=timezone.now, help_text="When it is tried next.")
    lease_token = models.UUIDField(null=True, editable=False, help_text="Who is sending it.")
    lease_until = models.DateTimeField(null=True, editable=False, help_text="Until when nobody else will.")
    last_error = LineField(blank=True, help_text="Why the last attempt failed.")
    asked_by = models.ForeignKey(
        "cmast.Person", models.SET_NULL, null=True, blank=True, related_name="+", help_text="Who asked for it to be sent."
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was planned.")
    sent_at = models.DateTimeField(null=True, help_text="When the receiver took it.")

    objects: ClassVar = DeliveryQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "not_before"], name="%(app_label)s_%(class)s_due")]

    def __str__(self) -> str:
        return f"{self.pk}: {self.state}"

    # --- By the sender ------------------------------------------------------------------------------------------------

    def take(self, now: dt.datetime) -> bool:
        """Compare and swap: whether it is ours. Counts the attempt, so that a message that kills its sender ends as well."""
        as_read = type(self).objects.filter(pk=self.pk, state=self.state, lease_token=self.lease_token)
        lease = {"lease_token": uuid.uuid4(), "lease_until": now + self.LEASE}
        return self._set(as_read, state=self.State.SENDING, attempts=self.attempts + 1, **lease, **self.at_claim())

    def at_claim(self) -> dict[str, Any]:
        """What else is written with a claim."""
        return {}

    @property
    def is_held(self) -> bool:
        """Whether the lease of this copy has not ended. To be asked before anything is sent."""
        return self.lease_until is not None and self.lease_until > timezone.now()

    @property
    def is_last_attempt(self) -> bool:
        return self.attempts >= len(self.PAUSES)

    @property
    def is_deadly(self) -> bool:
        """Whether it was claimed for every attempt that it has, and no sender has lived to say how the last one ended."""
        return self.attempts > len(self.PAUSES)

    def settle(self, state: str, **values: Any) -> bool:
        """How the attempt ended. False, and nothing is written, when the lease has ended meanwhile."""
        held = type(self).objects.filter(pk=self.pk, lease_token=self.lease_token, lease_until__gt=timezone.now())
        return self._set(held, state=state, lease_token=None, lease_until=None, **values)

    def postpone(self, why: str, **values: Any) -> bool:
        """Try again later, or give up after the last attempt."""
        if self.is_last_attempt:
            return self.settle(self.State.FAILED, last_error=why[:300], **values)
        not_before = timezone.now() + _about(self.PAUSES[self.attempts])
        return self.settle(self.State.PENDING, not_before=not_before, last_error=why[:300], **values)

    def release(self) -> bool:
        """Give it back untried."""
        return self.settle(self.State.PENDING, attempts=self.attempts - 1)

    # --- By a person --------------------------------------------------------------------------------------------------

    def send_again(self, by: Any) -> None:
        """From the beginning, under the same id. Raises RuleBroken while it is being sent."""
        idle = type(self).objects.filter(pk=self.pk).exclude(state=self.State.SENDING)
        start = {"attempts": 0, "not_before": timezone.now(), "last_error": "", "asked_by": by}
        if not self._set(idle, state=self.State.PENDING, **start):
            raise RuleBroken("being_sent", "It is being sent at this moment.")

    def _set(self, where: models.QuerySet, **values: Any) -> bool:
        if not where.update(**values):
            return False
        for name, value in values.items():
            setattr(self, name, value)
        return True


def _about(pause: dt.timedelta) -> dt.timedelta:
    """Up to a fifth longer, so that what failed together is not tried again together."""
    return pause * (1 + secrets.randbelow(200) / 1000)
