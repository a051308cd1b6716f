"""`manage.py refresh_health`"""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from programmes import rollups


class Command(BaseCommand):
    help = "Compute the health of every programme and workstream, and keep it as that of the day."

    def add_arguments(self, parser: CommandParser) -> None:
        said = "Day to judge, by what is known now, such as 2024-05-03. Today when left out."
        parser.add_argument("--on", type=dt.date.fromisoformat, help=said)

    def handle(self, *args: Any, on: dt.date | None, **options: Any) -> None:
        self.stdout.write(rollups.refresh(on or timezone.localdate()))
