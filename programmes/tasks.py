"""Background jobs of programmes. Each calls one function and records its run."""

from celery import shared_task
from django.utils import timezone

from cmast.models import JobRun
from programmes import periods, rollups


@shared_task
def refresh_health() -> None:
    """Keeps the health of today."""
    JobRun.objects.record("refresh_health", lambda: rollups.refresh(timezone.localdate()))


@shared_task
def open_periods() -> None:
    """Opens reporting periods whose day has come, and locks those whose last day has passed."""
    JobRun.objects.record("open_periods", lambda: periods.run(timezone.localdate()))
