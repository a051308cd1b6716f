"""Links in e-mails by which somebody answers for one record, without signing in."""

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cmast import secret_links
from cmast.models.fields import LineField
from cmast.models.notes import record_types

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cmast.models.people import Person
    from cmast.models.records import Record


class AnswerLinkQuerySet(models.QuerySet):
    def issue(self, person: "Person", records: "Iterable[Record]") -> "list[str]":
        """Secrets of new links, one for each record, in their order. Nobody can read them here again."""
        expires_at = timezone.now() + AnswerLink.LIFETIME
        made = [(secret_links.new(AnswerLink.SALT), record) for record in records]
        links: list[Any] = [
            AnswerLink(
                person=person,
                record_type=str(record._meta.verbose_name).replace(" ", "_"),
                record_key=record.key,
                digest=secret_links.digest(secret),
                expires_at=expires_at,
            )
            for secret, record in made
        ]
        self.bulk_create(links)
        return [secret for secret, _ in made]

    def named(self, secret: str) -> "AnswerLink | None":
        """The link with this secret, whatever its state. A secret that is not ours costs no query."""
        if not secret_links.is_ours(secret, AnswerLink.SALT):
            return None
        links: Any = self.filter(digest=secret_links.digest(secret))
        found: AnswerLink | None = links.select_related("person").first()
        return found

    def usable(self, now: dt.datetime) -> "AnswerLinkQuerySet":
        """Those that can still be answered by."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=now)

    def expired(self, now: dt.datetime) -> "AnswerLinkQuerySet":
        """Over for so long that nobody needs to be told any more why they do not work."""
        return self.filter(expires_at__lt=now - AnswerLink.REMEMBERED)

    def revoke(self) -> int:
        """End those that are not used yet: whoever opens them is told to wait for the next e-mail."""
        return self.filter(used_at=None, revoked_at=None).update(revoked_at=timezone.now())


class AnswerLink(models.Model):
    """A link that lets one person answer once for one record. Only a digest of its secret is kept.

    It gives no right of its own: what the person may not change through the API, the link does not change either.
    """

    LIFETIME = dt.timedelta(days=30)
    REMEMBERED = dt.timedelta(days=60)
    SALT = "cmast.answer"

    person = models.ForeignKey("cmast.Person", models.CASCADE, related_name="answer_links", help_text="Who may answer.")
    record_type = LineField(max_length=60, help_text="Kind of record, in the singular.")
    record_key = LineField(max_length=100, help_text="Key of the record that is asked about.")
    digest = models.CharField(max_length=64, unique=True, help_text="Digest of the secret.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    expires_at = models.DateTimeField(help_text="When it ends.")
    used_at = models.DateTimeField(null=True, blank=True, help_text="When it was answered by.")
    answer = LineField(blank=True, help_text="What was answered, in a sentence.")
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="When it was ended before its time.")

    objects: ClassVar = AnswerLinkQuerySet.as_manager()

    class Meta:
        verbose_name = "answer link"
        verbose_name_plural = "answer links"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["record_type", "record_key"], name="cmast_answerlink_record"),
            models.Index(fields=["expires_at"], name="cmast_answerlink_age"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(used_at__isnull=False) | Q(answer=""), name="cmast_answerlink_answer"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.record_type.replace('_', ' ')} {self.record_key}"

    def find(self) -> "Record | None":
        """The record, where the person may see it today."""
        model: Any = record_types().get(self.record_type)
        if model is None:
            return None
        seen = model.objects.visible_to(self.person).with_computed(timezone.localdate())
        found: Record | None = seen.filter(key=self.record_key).first()
        return found

    def spend(self, answer: str) -> bool:
        """Note the answer. False where somebody was quicker: of two posts at once one counts."""
        now = timezone.now()
        usable = type(self).objects.usable(now).filter(pk=self.pk)
        return bool(usable.update(used_at=now, answer=answer[:500]))
