"""What was answered to a POST that may be sent again."""

import datetime as dt

from django.db import models


class IdempotencyKeyQuerySet(models.QuerySet):
    def expired(self, now: dt.datetime) -> "IdempotencyKeyQuerySet":
        """Older than a caller may still ask for."""
        return self.filter(created_at__lt=now - IdempotencyKey.KEPT)


class IdempotencyKey(models.Model):
    """A caller's key with the answer that its request got, written in the transaction of the effect itself.

    Either all three are there, key, effect and answer, or none: after a crash the same request simply runs again.
    """

    KEPT = dt.timedelta(days=7)

    person = models.ForeignKey("cmast.Person", models.CASCADE, related_name="+", help_text="Who sent it.")
    key = models.CharField(max_length=255, help_text="The key, as the caller chose it.")
    path = models.CharField(max_length=500, help_text="Address that it was sent to.")
    fingerprint = models.CharField(max_length=64, help_text="Digest of the body.")
    status = models.PositiveSmallIntegerField(default=0, help_text="Status of the answer.")
    answer = models.TextField(blank=True, help_text="Body of the answer.")
    headers = models.JSONField(default=dict, help_text="Headers of the answer that belong to the effect.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="When.")

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "idempotency key"
        verbose_name_plural = "idempotency keys"
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="cmast_idempotencykey_once")]
        indexes = [models.Index(fields=["created_at"], name="cmast_idempotencykey_age")]

    def __str__(self) -> str:
        return self.key
