"""What background work was done. Health looks at work done, not at processes alive."""

from collections.abc import Callable

from django.db import models
from django.utils import timezone

from cmast.history.context import Origin, changing
from cmast.models.fields import LineField
from cmast.vocabulary import Words


class JobRunManager(models.Manager):
    def record(self, name: str, job: Callable[[], str]) -> None:
        """Run a job and keep what it says it did. A failure is kept too, and raised again."""
        started_at = timezone.now()
        try:
            with changing(origin=Origin.TASK):
                detail = job()
        except Exception as error:
            self.create(name=name, started_at=started_at, outcome=JobRun.Outcome.FAILED, detail=repr(error)[:500])
            raise
        self.create(name=name, started_at=started_at, outcome=JobRun.Outcome.DONE, detail=detail)


class JobRun(models.Model):
    """One run of a background job."""

    class Outcome(Words):
        DONE = "done"
        FAILED = "failed"

    name = LineField(max_length=100, help_text="Name of the job.")
    started_at = models.DateTimeField(help_text="When it began.")
    finished_at = models.DateTimeField(auto_now_add=True, help_text="When it ended.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, help_text="How it ended.")
    detail = LineField(max_length=500, blank=True, help_text="What it did, or what went wrong.")

    objects = JobRunManager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "job run"
        verbose_name_plural = "job runs"
        indexes = [models.Index(fields=["name", "-finished_at"], name="cmast_jobrun_latest")]

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}"
