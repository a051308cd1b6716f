"""Background jobs of metrics. Each calls one function and records its run."""

from celery import shared_task

from cmast.models import JobRun
from metrics import checks, imports, rollups


@shared_task
def check_figures() -> None:
    """Checks figures and texts against each other, and brings the findings up to date."""
    JobRun.objects.record("check_figures", checks.run)


@shared_task
def run_imports() -> None:
    """Checks the files that have come in, and writes those that somebody has said to write."""
    JobRun.objects.record("run_imports", imports.run)


@shared_task
def refresh_rollups() -> None:
    """Makes the kept rows of the series anew that have moved."""
    JobRun.objects.record("refresh_rollups", rollups.run)


@shared_task
def refresh_all_rollups() -> None:
    """Makes every kept row anew, for what depends on the day."""
    JobRun.objects.record("refresh_all_rollups", rollups.refresh_all)
