"""Who is told of changes by a call to an address of theirs, and what was sent there."""

import base64
import datetime as dt
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from cmast.errors import RuleBroken
from cmast.history import feed
from cmast.history.context import changing, current
from cmast.models.changes import Change, FeedEntry
from cmast.models.deliveries import Delivery
from cmast.models.fields import LineField, WordField, WordListField
from cmast.models.people import Person
from cmast.models.records import Record, RecordQuerySet
from cmast.models.verbs import verb
from cmast.outbound import refusal_of
from cmast.vocabulary import Words

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class WebhookQuerySet(RecordQuerySet):
    def visible_to(self, user: "Person | AnonymousUser") -> Self:
        """One's own; the PMO sees all of them."""
        visible = super().visible_to(user)
        if not user.is_authenticated or user.reach.is_pmo:
            return visible
        return visible.filter(owner=user.pk)

    def given_up(self) -> Self:
        """Switched off by the register, because their receivers no longer take anything."""
        return self.filter(is_active=False).exclude(disabled_reason="")


class Webhook(Record):
    """An address that is told of changes as they happen, of those that its owner may see.

    Each message is signed with the webhook's secret, which is shown once, when it is made. A message that fails is sent again
    for three days; an address that takes nothing for five days is switched off and its owner told.
    """

    writers = {"person": "owner"}

    name = LineField(max_length=200, help_text="What receives it: Power BI, the trust's integration engine.")
    url = models.URLField(max_length=500, help_text="Address that it is sent to, beginning with https://.")
    owner = models.ForeignKey(
        Person,
        models.PROTECT,
        editable=False,
        related_name="webhooks",
        help_text="Who made it; it tells what they may see.",
    )
    resources = WordListField(help_text="Kinds of record as the API names them, such as milestones. Empty: all.")
    is_active = models.BooleanField(default=True, help_text="Whether it is sent to. What happens meanwhile is sent afterwards.")
    disabled_reason = LineField(blank=True, editable=False, help_text="Why the register has switched it off.")

    objects: ClassVar = WebhookQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "webhook"
        verbose_name_plural = "webhooks"

    def complete(self) -> None:
        if not self.owner_id:
            self.owner = Person.objects.filter(key=current().actor()).first()
        if self.is_active:
            self.disabled_reason = ""

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        if not self.owner_id:
            errors["name"] = "A webhook belongs to the person who makes it."
        if refusal := refusal_of(self.url):
            errors["url"] = refusal
        elif self._is_moved_by_another():
            errors["url"] = "Only its owner may send it elsewhere: it tells what its owner sees."
        if unknown := [name for name in self.resources if name not in resources()]:
            errors["resources"] = f"There is no resource called “{unknown[0]}”."
        if errors:
            raise ValidationError(errors)

    def _is_moved_by_another(self) -> bool:
        stored = type(self).objects.filter(pk=self.pk).exclude(url=self.url)
        return current().actor() not in ("", self.owner.key) and stored.exists()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Whoever changes it has seen to it: what waits is sent now, and the days until it is given up begin anew."""
        is_new = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                feed.number()
                last = FeedEntry.objects.aggregate(last=models.Max("position"))["last"]
                WebhookProgress.objects.create(webhook=self, position=last or 0)
                WebhookSecret.objects.create(webhook=self)
            elif self.is_active:
                self.note_success()  # as far as anybody knows
                self.deliveries.filter(state=Delivery.State.PENDING).update(not_before=timezone.now())

    @property
    def secret(self) -> str:
        """The newest secret. For its owner, once."""
        return self.secrets.latest("pk").secret

    def rotate(self) -> str:
        """A new secret. The one before it still signs for a day, so that the receiver can change over."""
        with transaction.atomic():
            list(type(self).objects.select_for_update().filter(pk=self.pk).values("pk"))
            until = timezone.now() + WebhookSecret.STILL_VALID
            self.secrets.filter(valid_until=None).update(valid_until=until)
            return WebhookSecret.objects.create(webhook=self).secret

    def send_test(self, by: Person) -> "WebhookDelivery":
        """Plans a message that tells nothing. Raises RuleBroken when the webhook is switched off."""
        self.require_active()
        return self.deliveries.create(event=WebhookDelivery.Event.TEST, asked_by=by)

    def require_active(self) -> None:
        if not self.is_active:
            raise RuleBroken("switched_off", "This webhook is switched off. Switch it on first.")

    @verb("Switch it on", given={"is_active": (False,)})
    def enable(self) -> None:
        """What waits is sent at once, and what has changed in the meantime after it."""
        self.is_active = True
        self.save()

    @verb("Switch it off", given={"is_active": (True,)})
    def disable(self) -> None:
        """Nothing is sent until it is switched on again; what happens meanwhile is sent then."""
        self.is_active = False
        self.save()

    def note_success(self) -> None:
        """Note that it has taken something."""
        WebhookProgress.objects.filter(webhook=self, failing_since__isnull=False).update(failing_since=None)

    def note_failure(self) -> dt.timedelta:
        """Note that it has failed; since when it has taken nothing."""
        now = timezone.now()
        WebhookProgress.objects.filter(webhook=self, failing_since=None).update(failing_since=now)
        since = WebhookProgress.objects.filter(webhook=self).values_list("failing_since", flat=True).first()
        return now - (since or now)

    def give_up(self, why: str) -> bool:
        """Switch it off. Whether this call has done so, of several at once."""
        now = timezone.now()
        with changing(reason=why):
            active = type(self).objects.filter(pk=self.pk, is_active=True)
            return active.update(is_active=False, disabled_reason=why[:300], updated_at=now) == 1

    def changes(self, first: int, last: int) -> models.QuerySet[Change]:
        """What it has to tell of this part of the feed: what its owner may see now, of the resources that it names."""
        changes = Change.objects.visible_to(self.owner).filter(entry__position__range=(first, last))
        if self.resources:
            known = resources()
            changes = changes.filter(record_type__in=[known[name] for name in self.resources if name in known])
        return changes.select_related("entry").order_by("entry__position")


def resources() -> dict[str, str]:
    """Name of a resource in the API -> kind of record, as the history names it."""
    router = import_string(f"{settings.ROOT_URLCONF}.api")  # by its name: the routes know the models, not the other way round
    kinds = {prefix: viewset.queryset.model for prefix, viewset, _ in router.registry}
    return {prefix: kind._meta.label_lower for prefix, kind in kinds.items() if issubclass(kind, Record)}


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


class WebhookSecretQuerySet(models.QuerySet):
    def valid(self, now: dt.datetime) -> Self:
        """Those that sign: the newest, and for a day the one before it."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=now)).order_by("-pk")

    def expired(self, now: dt.datetime) -> Self:
        """Those that sign nothing any more."""
        return self.filter(valid_until__lte=now)


class WebhookSecret(models.Model):
    """What the messages of a webhook are signed with. Not a column of the webhook: its history would keep it forever."""

    STILL_VALID = dt.timedelta(hours=24)

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="secrets", help_text="Whose messages.")
    secret = models.CharField(max_length=100, default=new_secret, help_text="As the receiver has it.")
    valid_until = models.DateTimeField(null=True, help_text="When it stops signing; empty for the newest.")

    objects: ClassVar = WebhookSecretQuerySet.as_manager()

    class Meta:
        verbose_name = "secret of a webhook"
        verbose_name_plural = "secrets of webhooks"

    def __str__(self) -> str:
        return f"Secret of {self.webhook_id}"


class WebhookProgress(models.Model):
    """How far a webhook is. Not columns of the webhook: its version is for people's changes."""

    webhook = models.OneToOneField(Webhook, models.CASCADE, related_name="progress", help_text="The webhook.")
    position = models.BigIntegerField(help_text="Place in the feed up to which deliveries are planned.")
    failing_since = models.DateTimeField(null=True, help_text="When it first failed since it last took something.")

    class Meta:
        verbose_name = "progress of a webhook"
        verbose_name_plural = "progress of webhooks"

    def __str__(self) -> str:
        return f"{self.webhook_id}: {self.position}"


class WebhookDelivery(Delivery):
    """One message to a webhook. What it says is read when it is sent; its id is the header `webhook-id`."""

    class Event(Words):
        CHANGED = "register.changed", "Changes"
        TEST = "register.test", "Test"

    #: As Standard Webhooks proposes.
    PAUSES = (
        dt.timedelta(0),
        dt.timedelta(seconds=5),
        dt.timedelta(minutes=5),
        dt.timedelta(minutes=30),
        *(dt.timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
    )
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", help_text="To whom.")
    event = WordField(Event, default=Event.CHANGED, help_text="What it tells.")
    first_position = models.BigIntegerField(null=True, help_text="Place in the feed of its first change.")
    last_position = models.BigIntegerField(null=True, help_text="Place in the feed of its last change.")
    last_status = models.PositiveSmallIntegerField(null=True, help_text="Status of the receiver's last answer.")

    class Meta(Delivery.Meta):
        verbose_name = "delivery of a webhook"
        verbose_name_plural = "deliveries of webhooks"
        indexes = [
            *Delivery.Meta.indexes,
            models.Index(fields=["webhook", "-created_at"], name="cmast_webhookdelivery_latest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "first_position"], name="cmast_webhookdelivery_once"),
            models.CheckConstraint(
                condition=Q(event="register.test", first_position=None, last_position=None)
                | Q(event="register.changed", first_position__isnull=False, last_position__gte=models.F("first_position")),
                name="cmast_webhookdelivery_positions",
                violation_error_message="A delivery of changes says which; a test has none.",
            ),
        ]

    def send_again(self, by: Any) -> None:
        self.webhook.require_active()
        super().send_again(by)
