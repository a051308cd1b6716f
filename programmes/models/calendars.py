"""Calendars that people subscribe to in Outlook and the like, each at a secret address."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models

from cmast import secret_links
from cmast.history.context import changing, current
from cmast.models import Person, Record, RecordQuerySet
from cmast.models.fields import LineField, WordField, at_most_one
from cmast.models.verbs import verb
from cmast.vocabulary import Words
from programmes.models.governance import Forum
from programmes.models.programmes import Programme

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class CalendarFeedQuerySet(RecordQuerySet):
    def visible_to(self, user: "Person | AnonymousUser") -> Self:
        """One's own; the PMO sees all of them."""
        visible = super().visible_to(user)
        if not user.is_authenticated or user.reach.is_pmo:
            return visible
        return visible.filter(owner=user.pk)

    def named(self, secret: str) -> "CalendarFeed | None":
        """The calendar with this secret. A secret that is not ours costs no query."""
        if not secret_links.is_ours(secret, CalendarFeed.SALT):
            return None
        addresses = CalendarAddress.objects.filter(digest=secret_links.digest(secret))
        feeds: Any = self.filter(pk__in=addresses.values("feed"), status=CalendarFeed.Status.ACTIVE)
        found: CalendarFeed | None = feeds.select_related("owner", "programme", "forum").first()
        return found


class CalendarFeed(Record):
    """A calendar at a secret address: of what concerns its owner, or of a programme, or of a board.

    It shows what its owner may see at the moment of asking. The address is shown once, when it is made or renewed.
    """

    class Status(Words):
        ACTIVE = "active"
        REVOKED = "revoked"

    SALT = "cmast.calendar"

    writers: ClassVar[dict[str, str]] = {"person": "owner"}

    name = LineField(max_length=200, help_text="What it is called in the program that shows it.")
    owner = models.ForeignKey(
        Person, models.PROTECT, editable=False, related_name="calendars", help_text="Who made it; it shows what they may see."
    )
    programme = models.ForeignKey(
        Programme, models.PROTECT, null=True, blank=True, related_name="+", help_text="For the calendar of a programme."
    )
    forum = models.ForeignKey(
        Forum, models.PROTECT, null=True, blank=True, related_name="+", help_text="For the calendar of a board."
    )
    status = WordField(Status, default=Status.ACTIVE, editable=False, help_text="Whether its address works, or was taken back.")

    objects: ClassVar = CalendarFeedQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "calendar feed"
        verbose_name_plural = "calendar feeds"
        constraints = [*Record.Meta.constraints, at_most_one("programme", "forum")]

    def complete(self) -> None:
        if not self.owner_id:
            self.owner = Person.objects.filter(key=current().actor()).first()

    def clean(self) -> None:
        if not self.owner_id:
            raise ValidationError({"name": "A calendar belongs to the person who makes it."})

    def renew(self) -> str:
        """A new secret, for its owner, once. The address before it no longer works."""
        secret = secret_links.new(self.SALT)
        CalendarAddress.objects.update_or_create(feed=self, defaults={"digest": secret_links.digest(secret)})
        if self.status == self.Status.REVOKED:
            self._move(self.Status.ACTIVE, "Renewed")
        return secret

    @verb("Take the address back", given={"status": (Status.ACTIVE,)})
    def revoke(self) -> None:
        """From now on nobody gets the calendar. Renewing gives it another address."""
        self._move(self.Status.REVOKED, "Taken back")

    def _move(self, status: Status, reason: str) -> None:
        self.status = status
        with changing(reason=current().reason or reason):
            self.save()


class CalendarAddress(models.Model):
    """The digest of a calendar's present secret, apart from the record, whose history everybody who sees it may read."""

    feed = models.OneToOneField(CalendarFeed, models.CASCADE, related_name="address", help_text="The calendar.")
    digest = models.CharField(max_length=64, unique=True, help_text="Digest of the secret.")
    made_at = models.DateTimeField(auto_now=True, help_text="When it was made.")

    class Meta:
        verbose_name = "calendar address"
        verbose_name_plural = "calendar addresses"

    def __str__(self) -> str:
        return str(self.feed)
