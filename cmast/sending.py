"""Sending mail: claims what is due, writes it, hands it over, and writes down what is known of it.

Any number of senders may run at once, and each may die at any moment: what it had claimed is taken up when its lease ends.
A mail that is surely unsent is tried again; one that may have arrived goes once more under its Message-ID, or is looked up
where the transport can, and is then left to a person.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from cmast import letters
from cmast.letters import Letter, Suppressed
from cmast.mail import BrokenOff, Later, Refused, Transport, Unavailable, transport
from cmast.models import MailDelivery, MailTransport, Membership, Suppression
from cmast.vocabulary import Role

State = MailDelivery.State
log = logging.getLogger(__name__)

#: Seconds that one run goes on taking up new mail, and that it tries to write down that a mail was taken.
BUDGET, PERSISTENCE = 30, 40
#: Seconds of a lease that are left for what follows the check.
MARGIN = settings.MAIL_LEASE / 12
#: How late mail may be until somebody is told.
PATIENCE = dt.timedelta(minutes=15)


class Changed(Exception):
    """Its reader or what it says is no longer the same: it is written anew."""


class TooLate(Exception):
    """The lease has ended. Somebody else may be sending it."""


def run() -> str:
    """Send what is due, and see whether mail stands still. What was done, for the record of the job."""
    way = transport()
    outcomes = drain(way)
    watch(MailTransport.named(way.name))
    return ", ".join(f"{number} {state}" for state, number in sorted(outcomes.items())) or "nothing due"


def drain(way: Transport) -> Counter[str]:
    """Send what is due. How many mails are in which state afterwards."""
    outcomes: Counter[str] = Counter()
    breaker = MailTransport.named(way.name)
    ends = monotonic() + BUDGET
    while monotonic() < ends and breaker.lets_through():
        claimed_at = monotonic()
        mail = MailDelivery.objects.claim()
        if mail is None:
            breaker.untried()
            break
        attempt = Attempt(mail, way, breaker, claimed_at)
        attempt.make()
        if not attempt.has_tried_the_way:
            breaker.untried()
        outcomes[str(mail.state)] += 1
    return outcomes


class Attempt:
    """One try to send one mail."""

    def __init__(self, mail: MailDelivery, way: Transport, breaker: MailTransport, claimed_at: float) -> None:
        self.mail, self.way, self.breaker = mail, way, breaker
        #: When a lease that lasts so long ends, by a clock that nobody sets.
        self.safe_until = claimed_at + mail.LEASE.total_seconds() - MARGIN
        #: Whether it has shown that the way works, or that it does not.
        self.has_tried_the_way = False

    def make(self) -> None:
        """Whatever goes wrong is written down; a sender that is told to stop gives the mail back."""
        try:
            self._send()
        except Suppressed as error:
            self.mail.settle(State.SUPPRESSED, last_error=str(error))
        except Changed:
            self.mail.release()
        except TooLate:
            log.warning("Mail %s was left to the next sender: its lease has ended", self.mail.pk)
        except Unavailable as error:
            self._close_the_way(str(error))
            self.mail.release()
        except Later as error:
            self._open_the_way()
            self.mail.postpone(str(error))
        except Refused as error:
            self._refuse(error)
        except BrokenOff as error:
            self._break_off(str(error))
        except (OperationalError, InterfaceError):
            log.exception("The database failed; mail %s is taken up when its lease ends", self.mail.pk)
            raise
        except Exception as error:
            log.exception("Mail %s cannot be written", self.mail.pk)
            self.mail.settle(State.FAILED, last_error=f"It cannot be written ({type(error).__name__}).")
        except (KeyboardInterrupt, SystemExit):
            if self.mail.data_started_at is None:
                self.mail.release()
            raise

    def _send(self) -> None:
        if self.mail.is_deadly:
            state = State.UNKNOWN if self.mail.ambiguous else State.FAILED
            self.mail.settle(state, last_error="Every attempt broke off on our side.")
            return
        if self.mail.ambiguous and not self._is_to_be_sent_again():
            return
        letter = letters.write(self.mail)
        if letter is None:
            self.mail.settle(State.CANCELLED, last_error="Everything in it was settled before it was sent.")
            return
        self.way.send(letter, lambda: self._before_data(letter))
        # From here on it has arrived, whatever happens to us.
        self._persist(lambda: self.mail.settle(State.SENT, last_error="", sent_at=timezone.now(), **self._sent(letter)))
        self._open_the_way()

    def _is_to_be_sent_again(self) -> bool:
        """After an attempt of which nobody knows: not when it can be found out that it arrived, nor a third time."""
        if self.way.has_look_up:
            if self.way.has_taken(str(self.mail.pk)):
                self.mail.settle(State.SENT, last_error="", sent_at=timezone.now(), transport=self.way.name)
                return False
            return True
        if self.mail.ambiguous > 1:
            self.mail.settle(State.UNKNOWN, last_error="Two attempts broke off while it was being handed over.")
            return False
        return True

    def _before_data(self, letter: Letter) -> None:
        """The last look, and the mark that from now on it may have arrived. Raises Changed, TooLate or Suppressed."""
        now = letters.write(self.mail, with_links=False)
        if now is None or (now.to, now.reminders) != (letter.to, letter.reminders):
            raise Changed
        if monotonic() > self.safe_until or not self.mail.begin_data(**self._sent(letter)):
            raise TooLate
        self.breaker.wait_for_answer()
        if monotonic() > self.safe_until + MARGIN:  # asleep while it was written down
            raise TooLate

    def _sent(self, letter: Letter) -> dict[str, Any]:
        said = {"heading": letter.heading, "address": letter.to, "body_sha256": letter.sha256}
        return {**said, "transport": self.way.name}

    def _refuse(self, error: Refused) -> None:
        self._open_the_way()
        address = self.mail.address or (self.mail.person.email or "")
        self.mail.settle(State.FAILED, last_error=str(error)[:300])
        if error.is_of_address:
            Suppression.objects.get_or_create(
                address=address, defaults={"cause": Suppression.Cause.BOUNCED, "detail": str(error)[:300]}
            )

    def _break_off(self, why: str) -> None:
        self._close_the_way(why)
        self._persist(lambda: self.mail.break_off(why, self.way.has_look_up))

    def _open_the_way(self) -> None:
        self.has_tried_the_way = True
        self.breaker.note_success()

    def _close_the_way(self, why: str) -> None:
        self.has_tried_the_way = True
        log.warning("Mail does not go out by %s: %s", self.way.name, why)
        self.breaker.note_failure(why)

    def _persist(self, write: Callable[[], Any]) -> None:
        """What is known must be written down, even when the database restarts just now."""
        ends = monotonic() + PERSISTENCE
        while True:
            try:
                write()
                return
            except (OperationalError, InterfaceError):
                if monotonic() > ends:
                    raise
                connection.close()
                sleep(1)


# --- When it stands still ---------------------------------------------------------------------------------------------


def oldest_waiting(now: dt.datetime) -> int:
    """Seconds that the mail which waits longest should have gone by now; 0 where none waits."""
    first = (
        MailDelivery.objects.overdue_by(now, dt.timedelta(0))
        .order_by("not_before")
        .values_list("not_before", flat=True)
        .first()
    )
    return int((now - first).total_seconds()) if first else 0


def watch(breaker: MailTransport) -> None:
    """Mail that is late is reported in the log and on the PMO's desk; when it goes again, by mail as well."""
    breaker.refresh_from_db()
    now = timezone.now()
    late = MailDelivery.objects.overdue_by(now, PATIENCE)
    if late.exists():
        log.error("%s mails are more than a quarter of an hour late by %s: %s", late.count(), breaker.name, breaker.last_error)
        if breaker.stopped_at is None:
            MailTransport.objects.filter(pk=breaker.pk, stopped_at=None).update(stopped_at=now)
    elif breaker.stopped_at is not None:
        stopped_at = breaker.stopped_at
        if MailTransport.objects.filter(pk=breaker.pk, stopped_at=stopped_at).update(stopped_at=None):
            _tell_the_pmo(stopped_at, now)


def _tell_the_pmo(stopped_at: dt.datetime, now: dt.datetime) -> None:
    first, last = (timezone.localtime(moment) for moment in (stopped_at, now))
    text = (
        f"The register's mail stood still from {first:%H:%M on %d %B %Y} until {last:%H:%M on %d %B %Y}. Nothing was lost: "
        "what was due has been sent since, each mail once. What has failed or is unknown stands under Mail in the admin.\n"
    )
    pmo = Membership.objects.current(last.date()).filter(role=Role.PMO, person__is_active=True, person__email__isnull=False)
    MailDelivery.objects.bulk_create(
        [
            MailDelivery(
                person_id=person,
                purpose=MailDelivery.Purpose.NOTICE,
                dedupe_key=f"stood still {person} {stopped_at.isoformat()}",
                heading="CMAST: mail goes out again",
                text=text,
            )
            for person in pmo.order_by().values_list("person", flat=True).distinct()
        ],
        ignore_conflicts=True,
    )
