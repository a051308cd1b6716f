"""`manage.py create_demo_people`: people to try the register with, on this machine only."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cmast import demo


class Command(BaseCommand):
    help = "Create the demo people with random passwords, and write them with two API tokens to var/demo.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000/", help="Address of the register, for the file.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("Demo people exist in the embedded mode only (CMAST_EMBEDDED=true).")
        path = settings.VAR_DIR / "demo.json"
        known = demo.read(path)
        if demo.is_complete(known):
            demo.write(path, known | {"url": options["url"]})
            self.stdout.write(f"Demo sign-ins and API tokens: {path}")
            return
        made = {"url": options["url"], **demo.create()}
        demo.write(path, made)
        self._print(made)
        self.stdout.write(f"These are printed once and kept in {path}")

    def _print(self, made: dict[str, Any]) -> None:
        width = max(len(person["email"]) for person in made["people"])
        self.stdout.write("Demo sign-ins:")
        for person in made["people"]:
            self.stdout.write(f"  {person['email']:{width}}  {person['password']}  {person['role']}")
        self.stdout.write(f"API token of the PMO (reads and writes): {made['api_token']}")
        self.stdout.write(f"API token of the viewer (reads):         {made['viewer_token']}")
