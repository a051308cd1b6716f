"""Background jobs. Each parses, calls one function and records its run."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from cmast.models import ApiToken, IdempotencyKey, JobRun


@shared_task
def heartbeat() -> None:
    """Proves that beat, broker, worker and database work together."""
    JobRun.objects.record("heartbeat", lambda: "alive")


@shared_task
def sweep_expired() -> None:
    """Removes what has run out: tokens, stored answers, old job runs."""
    JobRun.objects.record("sweep_expired", _sweep)


def _sweep() -> str:
    now = timezone.now()
    tokens, _ = ApiToken.objects.filter(expiry__lt=now).delete()
    runs, _ = JobRun.objects.filter(finished_at__lt=now - dt.timedelta(days=30)).delete()
    answers, _ = IdempotencyKey.objects.expired(now).delete()
    return f"{tokens} tokens, {answers} stored answers, {runs} job runs"
