from typing import Any

from django.core.management.commands.flush import Command as Flush

from cmast.history.context import changing


class Command(Flush):
    help = "Empty the database, its history included. Nothing else can delete history."

    def handle(self, **options: Any) -> None:
        with changing(is_maintenance=True):
            # The token table of a library that we replace refers to people, too.
            super().handle(**options | {"allow_cascade": True})
