"""Sends mail with processes that kill themselves, on the register of the environment.

`manage.py shell -c "from tests.chaos import mailer; mailer.main(40)"`. Each sender dies with SIGKILL at one of the points P2 to
P6, now and then; others follow, two at a time, until every mail has ended. The product knows nothing of it: leases and
pauses are short here, so that it takes seconds.
"""

import datetime as dt
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from cmast import sending
from cmast.mail import Smtp
from cmast.models import MailDelivery, MailTransport, Person

#: How likely a process dies at each point that it passes, and the seconds until all must have ended.
CHANCE, PATIENCE = 1 / 15, 60
POINTS = ("P2", "P3", "P4", "P5", "P6")


class Killer(Smtp):
    """The transport, with points at which its process dies."""

    def send(self, letter: Any, before_data: Any) -> None:
        def marked() -> None:
            die_at("P3")
            before_data()
            die_at("P4")

        die_at("P2")
        super().send(letter, marked)
        die_at("P5")


def die_at(point: str) -> None:
    if random.random() < CHANCE:
        with Path(settings.VAR_DIR, "deaths").open("a") as log:
            log.write(f"{point}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def main(number: int) -> None:
    MailDelivery.LEASE, MailDelivery.DATA_LEASE = dt.timedelta(seconds=1), dt.timedelta(seconds=1.5)
    MailTransport.PAUSES, MailTransport.TRIAL = (dt.timedelta(seconds=0.2),), dt.timedelta(seconds=1.5)
    sending.MARGIN = 0
    prepare(number)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and MailDelivery.objects.exclude(state__in=MailDelivery.FINAL).exists():
        connections.close_all()  # no two processes on one connection
        for child in [fork(), fork()]:
            os.waitpid(child, 0)
    rows = MailDelivery.objects.order_by("created_at")
    found = {row.message_id: {"state": row.state, "ambiguous": row.ambiguous} for row in rows}
    Path(settings.VAR_DIR, "ledger.json").write_text(json.dumps(found))


def fork() -> int:
    child = os.fork()
    if child == 0:
        random.seed()
        try:
            sending.drain(Killer())
            die_at("P6")
            time.sleep(0.1)
        finally:
            os._exit(0)
    return child


def prepare(number: int) -> None:
    MailDelivery.objects.all().delete()
    for each in range(number):
        reader, _ = Person.objects.get_or_create(
            key=f"reader-{each}", defaults={"name": f"Reader {each}", "email": f"reader.{each}@cmast.example"}
        )
        MailDelivery.objects.create(
            person=reader, purpose="notice", dedupe_key=f"chaos {each}", heading=f"Mail {each}", text="Said."
        )
