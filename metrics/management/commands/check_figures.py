"""`manage.py check_figures`"""

import textwrap
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from metrics import checks
from metrics.models import Finding


class Command(BaseCommand):
    help = "Check figures and texts against each other, bring the findings up to date, and print those that are still found."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fail-on", choices=["open"], help="Exit with 1 where a finding is open, that is unanswered.")

    def handle(self, *args: Any, fail_on: str | None, **options: Any) -> None:
        done = checks.run()
        for finding in Finding.objects.still_found().prefetch_related("subjects").order_by("rule", "pk"):
            self._print(finding)
        self.stdout.write(done)
        if fail_on and Finding.objects.filter(state=fail_on).exists():
            raise SystemExit(1)

    def _print(self, finding: Finding) -> None:
        """State and rule, the sentence, and the records that it is about."""
        self.stdout.write(f"{finding.get_state_display():<10}{finding.get_rule_display()}")
        about = ", ".join(f"{subject.record_type} {subject.record_key}" for subject in finding.subjects.all())
        for text in (finding.what, about):
            self.stdout.write(textwrap.fill(text, 110, initial_indent=" " * 10, subsequent_indent=" " * 10))
        self.stdout.write("")
