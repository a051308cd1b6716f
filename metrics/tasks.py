"""Background jobs of metrics. Each calls one function and records its run."""

from celery import shared_task

from cmast.models import JobRun
from metrics import checks


@shared_task
def check_figures() -> None:
    """Checks figures and texts against each other, and brings the findings up to date."""
    JobRun.objects.record("check_figures", checks.run)
