"""`manage.py refresh_rollups`"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from metrics import rollups

#: Differences that are printed; the number of all is said.
PRINTED = 100


class Command(BaseCommand):
    help = "Make all kept rows of series and of the system anew, or prove that they are what follows from the figures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Bring up to date only what has moved; print what still differs, and exit with 1 where anything does.",
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if not check:
            self.stdout.write(rollups.refresh_all())
            return
        found = rollups.differences()
        for line in found[:PRINTED]:
            self.stdout.write(line)
        self.stdout.write(f"{len(found)} differences" if found else "All rows are what follows from the figures.")
        if found:
            raise SystemExit(1)
