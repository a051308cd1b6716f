"""Sign-ins that failed, so that passwords cannot be tried out."""

import datetime as dt
import math
import unicodedata

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac


class TooManyFailures(Exception):
    """No sign-in with this name or from this address for now, with whatever password. `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class SignInFailureQuerySet(models.QuerySet):
    def expired(self, now: dt.datetime) -> "SignInFailureQuerySet":
        """Older than anybody counts."""
        return self.filter(failed_at__lt=now - SignInFailure.WINDOW)

    def attempt(self, name: str, address: str) -> "SignInFailure":
        """Write an attempt down as failed before the password is looked at; `forgive` it when the password was right.

        In this order however many attempts at once get no further than one after the other. Raises TooManyFailures.
        """
        attempt = SignInFailure(account=_account(name), address=address)
        attempt.save()
        if wait := attempt.wait():
            attempt.delete()  # a refusal does not prolong itself
            raise TooManyFailures(wait)
        return attempt


class SignInFailure(models.Model):
    """One sign-in that failed, or one secret of a link that nobody has.

    The account is a digest, because people also type other things into that box.
    """

    WINDOW = dt.timedelta(minutes=15)
    PER_ACCOUNT = 10
    PER_ADDRESS = 50

    account = models.CharField(max_length=64, help_text="Digest of the name that was given, whether anybody has it or not.")
    address = models.CharField(max_length=50, help_text="Address that it came from; of IPv6 the network.")
    failed_at = models.DateTimeField(auto_now_add=True, help_text="When.")

    objects = SignInFailureQuerySet.as_manager()

    class Meta:
        verbose_name = "failed sign-in"
        verbose_name_plural = "failed sign-ins"
        indexes = [
            models.Index(fields=["account", "failed_at"], name="cmast_signinfailure_account"),
            models.Index(fields=["address", "failed_at"], name="cmast_signinfailure_address"),
            models.Index(fields=["failed_at"], name="cmast_signinfailure_age"),
        ]

    def __str__(self) -> str:
        return self.address

    def wait(self) -> int:
        """Seconds until this attempt could be made, for the failures besides it; 0: it can be made now."""
        now = timezone.now()
        others = SignInFailure.objects.exclude(pk=self.pk).filter(
            Q(account=self.account) | Q(address=self.address), failed_at__gt=now - self.WINDOW
        )
        failures = list(others.order_by("-failed_at"))
        ends = [
            *_ends([failure.failed_at for failure in failures if failure.account == self.account], self.PER_ACCOUNT),
            *_ends([failure.failed_at for failure in failures if failure.address == self.address], self.PER_ADDRESS),
        ]
        return math.ceil((max(ends) - now).total_seconds()) if ends else 0

    def forgive(self) -> None:
        """The password was right: the account starts afresh, the address keeps its failures with other accounts."""
        SignInFailure.objects.filter(account=self.account).delete()


def _account(name: str) -> str:
    """Spellings that Django's sign-in takes for one name, and some more, are one account."""
    plain = unicodedata.normalize("NFKC", name).strip().lower()
    return salted_hmac("cmast.sign_ins", plain, algorithm="sha256").hexdigest()


def _ends(moments: list[dt.datetime], limit: int) -> list[dt.datetime]:
    """When, of these failures with the latest first, so many have left the window that one more is allowed."""
    return [moments[limit - 1] + SignInFailure.WINDOW] if len(moments) >= limit else []
