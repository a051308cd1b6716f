"""`manage.py load_edition 2024-05`"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cmast.editions import loader


class Command(BaseCommand):
    help = "Load an edition from its data files, or bring its records back to what the files say. All or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("edition", help="Month of the edition, such as 2024-05.")

    def handle(self, *args: Any, edition: str, **options: Any) -> None:
        try:
            report = loader.load_edition(loader.EDITIONS / edition)
        except loader.EditionError as error:
            raise CommandError(str(error)) from error
        outcomes = ("created", "changed", "unchanged")
        self.stdout.write(f"{edition:<26}" + "".join(f"{outcome:>10}" for outcome in outcomes))
        for kind, counts in report.counts.items():
            self.stdout.write(f"{kind:<26}" + "".join(f"{counts[outcome]:>10}" for outcome in outcomes))
        self.stdout.write(f"{'all':<26}" + "".join(f"{report.total(outcome):>10}" for outcome in outcomes))
        for change in report.changes:
            self.stdout.write(f"changed {change}")
