"""`manage.py run_scheduled plan_reminders --on 2024-05-03`: a job of the schedule, now, without beat, worker or broker."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from cmast import reminders
from cmast.models import JobRun

PLAN = "plan_reminders"


def jobs() -> dict[str, str]:
    """Name of each job of the schedule -> its task."""
    tasks = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    return {task.rpartition(".")[2]: task for task in tasks}


class Command(BaseCommand):
    help = (
        "Run a job of the schedule, or all of them one after another, as the worker would. From cron, or with no broker: "
        "each may run at any time and several at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=f"all, or one of: {', '.join(sorted(jobs()))}.")
        parser.add_argument("--on", help=f"Day that {PLAN} plans, such as 2024-05-03, whether it was planned before or not.")

    def handle(self, *args: Any, name: str, on: str | None, **options: Any) -> None:
        if name != "all" and name not in jobs():
            raise CommandError(f"There is no job called “{name}”. There are: all, {', '.join(sorted(jobs()))}.")
        if on is not None and name not in ("all", PLAN):
            raise CommandError(f"A day can be given for {PLAN} only.")
        day = _day(on)
        failed = [one for one in (jobs() if name == "all" else [name]) if not self._run(one, day)]
        if failed:
            raise CommandError(f"Failed: {', '.join(failed)}. The job runs in the admin say why.")

    def _run(self, name: str, on: dt.date | None) -> bool:
        """Whether it ended well. What one leaves undone, the others do not wait for."""
        try:
            if name == PLAN and on is not None:
                JobRun.objects.record(PLAN, lambda: reminders.run_day(on))
            else:
                import_string(jobs()[name])()
        except Exception as error:
            self.stderr.write(f"{name}: {error!r}")
            return False
        self.stdout.write(f"{name}: {JobRun.objects.filter(name=name).values_list('detail', flat=True).first()}")
        return True


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise CommandError(f"“{text}” is no day; write it as 2024-05-03.") from error
