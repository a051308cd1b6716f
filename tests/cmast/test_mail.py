"""Mail: what is due arrives, once; what is not known is looked up, sent once more, or left to a person."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from cmast import letters, mail, sending
from cmast.errors import RuleBroken
from cmast.links import fewer_address
from cmast.mail import Files, Notify, OAuthSmtp, Smtp
from cmast.models import Change, MailAction, MailDelivery, MailTransport, Person, ReminderRule, Suppression
from cmast.reminders import run_day
from cmast.sending import drain, watch
from programmes.models import Milestone
from tests.factories import restrict
from tests.sink import Sink, running

State = MailDelivery.State
DAY = dt.date(2024, 5, 3)


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    with running() as sink:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        yield sink


@pytest.fixture
def lead(edition: Any, person: Any) -> Person:
    """Somebody who leads a workstream with an open milestone that was due on 30 April."""
    lead = person("workstream_lead")
    lead.name = "Lee Lead"
    lead.save()
    return lead


@pytest.fixture
def due(lead: Person, make: Any) -> Milestone:
    return make(Milestone, title="Go-live of the LIMS", person=lead, forecast_on=dt.date(2024, 5, 2))


@pytest.fixture
def digest(due: Milestone, lead: Person) -> MailDelivery:
    """Today's digest of the lead, the only one that waits."""
    run_day(DAY)
    MailDelivery.objects.exclude(person=lead).delete()
    return MailDelivery.objects.get()


@pytest.fixture
def notices(edition: Any, make: Any) -> Any:
    """`notices(3)`: as many mails to different people."""

    def make_notices(number: int) -> list[MailDelivery]:
        return [
            MailDelivery.objects.create(
                person=make(Person), purpose="notice", dedupe_key=f"notice {n}", heading=f"Notice {n}", text="Said."
            )
            for n in range(number)
        ]

    return make_notices


def ends(digest: MailDelivery) -> set[str]:
    """What became of the reminders in it."""
    return set(digest.reminders.values_list("state", flat=True))


def later(**after: float) -> Any:
    return time_machine.travel(timezone.now() + dt.timedelta(**after))


def states() -> list[str]:
    return [str(state) for state in MailDelivery.objects.order_by("created_at", "pk").values_list("state", flat=True)]


class Killed(BaseException):
    """The process dies here: nothing after it runs, not even what tidies up."""


class Dies(Smtp):
    """The transport, killed at one point of its work."""

    def __init__(self, point: str) -> None:
        self.point = point

    def send(self, letter: Any, before_data: Any) -> None:
        def marked() -> None:
            self.die("P3")
            before_data()
            self.die("P4")

        self.die("P2")
        super().send(letter, marked)
        self.die("P5")

    def die(self, point: str) -> None:
        if point == self.point:
            raise Killed


# --- A digest ---------------------------------------------------------------------------------------------------------


def test_a_digest_arrives_as_text_and_html_and_the_ledger_says_so(digest: MailDelivery, sink: Sink, lead: Person) -> None:
    assert drain(Smtp()) == {"sent": 1}
    (message,) = sink.got
    assert message["To"] == f"Lee Lead <{lead.email}>"
    assert message["Subject"] == "CMAST: 1 thing to answer, 1 overdue"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "OVERDUE: Go-live of the LIMS" in text and "Milestone overdue: Thursday 2 May 2024, 1 day ago." in text
    assert "OVERDUE</strong>" in html and "<script" not in html and "<img" not in html
    digest.refresh_from_db()
    assert (digest.state, digest.transport, digest.address, len(digest.body_sha256)) == ("sent", "smtp", lead.email, 64)
    assert ends(digest) == {"sent"}


@pytest.mark.either_database
def test_what_only_reminds_ahead_is_declined_with_one_click(
    digest: MailDelivery, sink: Sink, lead: Person, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://register.cmast.example/with/a/path/that/is/longer/than/one/line/of/a/mail/may/be"
    ReminderRule.objects.update(is_optional=True)
    drain(Smtp())
    (message,) = sink.got
    address = message["List-Unsubscribe"].partition(">")[0].removeprefix(f"<{settings.PUBLIC_URL}")
    assert message["List-Unsubscribe"].endswith("<mailto:register@cmast.invalid?subject=unsubscribe>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for method in ("get", "head"):
        page = getattr(Client(enforce_csrf_checks=True), method)(address)
        assert (page.status_code, Suppression.objects.count()) == (200, 0), "who only looks stops nothing"
    for _ in range(2):
        page = Client(enforce_csrf_checks=True).post(address, {"List-Unsubscribe": "One-Click"})
        assert (page.status_code, page.cookies) == (200, {})
        assert "are stopped" in page.content.decode()
    rules = set(digest.reminders.values_list("rule", flat=True))
    declined = Suppression.objects.values_list("person", "rule", "cause")
    assert sorted(declined) == sorted((lead.pk, rule, "opted_out") for rule in rules), "each once"
    assert Change.objects.first().actor == lead.key
    assert Client().post(address.replace("/fewer/", "/fewer/x")).status_code == 404


@pytest.mark.either_database
def test_what_is_asked_or_late_cannot_be_declined(digest: MailDelivery, lead: Person, make: Any) -> None:
    late = ReminderRule.objects.get(kind="milestone_overdue")
    Client().post(fewer_address(lead, [late.pk]).removeprefix("http://localhost:8000"))
    assert not Suppression.objects.exists()
    mixed: Any = letters.write(digest)
    assert b"List-Unsubscribe" not in mixed.as_bytes() and "/fewer/" in mixed.text and "/fewer/" in mixed.html
    ReminderRule.objects.update(is_optional=False)
    firm: Any = letters.write(digest)
    assert "/fewer/" not in firm.text + firm.html
    for more in ({"days_after": ["1"]}, {"escalate_after": 3, "escalate_to": "sro"}):
        with pytest.raises(ValidationError, match="Only what reminds ahead"):
            make(ReminderRule, **more)


@pytest.mark.either_database
def test_a_name_cannot_add_a_header_nor_hold_up_others(digest: MailDelivery, sink: Sink, lead: Person) -> None:
    Person.objects.filter(pk=lead.pk).update(name='Lee "\r\nBcc: all@cmast.example')
    Milestone.objects.filter(title="Go-live of the LIMS").update(title="Go-live\nX-Header: 1")
    assert drain(Smtp()) == {"sent": 1}
    assert sink.got[0]["Bcc"] is None and sink.got[0]["X-Header"] is None


@pytest.mark.either_database
@pytest.mark.parametrize("change", ["done", "cancelled", "re-dated", "re-assigned", "hidden", "deleted", "rule off"])
@pytest.mark.parametrize("when", ["before the claim", "before DATA"])
def test_what_is_settled_in_the_meantime_falls_out(
    change: str, when: str, due: Milestone, digest: MailDelivery, sink: Sink, make: Any
) -> None:
    def settle() -> None:
        stored = Milestone.objects.filter(pk=due.pk)
        match change:
            case "done":
                stored.update(actual_on=DAY, actual_precision="day")
            case "cancelled":
                stored.update(outcome="cancelled")
            case "re-dated":
                stored.update(forecast_on=dt.date(2024, 9, 1))
            case "re-assigned":
                stored.update(person=make(Person))
            case "hidden":
                restrict(due)
            case "deleted":
                stored.delete()
            case "rule off":
                ReminderRule.objects.update(is_active=False)

    class Meanwhile(Smtp):
        def send(self, letter: Any, before_data: Any) -> None:
            settle()
            super().send(letter, before_data)

    if when == "before the claim":
        settle()
    drain(Smtp() if when == "before the claim" else Meanwhile())
    assert sink.got == []
    assert states() == ["cancelled"]
    assert ends(digest) == {"cancelled"}


@pytest.mark.either_database
@pytest.mark.parametrize("when", ["before the claim", "before DATA"])
def test_a_leaver_is_sent_nothing(when: str, digest: MailDelivery, sink: Sink, lead: Person) -> None:
    class Meanwhile(Smtp):
        def send(self, letter: Any, before_data: Any) -> None:
            Person.objects.filter(pk=lead.pk).update(is_active=False)
            super().send(letter, before_data)

    if when == "before the claim":
        Person.objects.filter(pk=lead.pk).update(is_active=False)
    drain(Smtp() if when == "before the claim" else Meanwhile())
    assert (sink.got, states(), ends(digest)) == ([], ["suppressed"], {"suppressed"})


# --- Deaths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["P2", "P3"])
def test_who_dies_before_data_has_surely_sent_nothing_and_the_next_sender_sends_it(
    point: str, digest: MailDelivery, sink: Sink
) -> None:
    with pytest.raises(Killed):
        drain(Dies(point))
    assert drain(Smtp()) == {}  # still leased
    with later(minutes=3):
        assert drain(Smtp()) == {"sent": 1}
    digest.refresh_from_db()
    assert (len(sink.got), digest.ambiguous) == (1, 0)


@pytest.mark.parametrize(("point", "copies"), [("P4", 1), ("P5", 2)])
def test_who_dies_after_the_mark_leaves_a_mail_that_goes_once_more_under_the_same_id(
    point: str, copies: int, digest: MailDelivery, sink: Sink
) -> None:
    with pytest.raises(Killed):
        drain(Dies(point))
    with later(minutes=3):
        assert drain(Smtp()) == {}  # it may still be waiting for the answer
    with later(minutes=16):
        assert drain(Smtp()) == {"sent": 1}
    digest.refresh_from_db()
    assert digest.ambiguous == 1
    assert sink.ids == {digest.message_id: copies}


def test_what_broke_off_twice_is_unknown_until_a_person_settles_it(digest: MailDelivery, sink: Sink, person: Any) -> None:
    for minutes in (0, 16):
        with later(minutes=minutes), pytest.raises(Killed):
            drain(Dies("P5"))
    with later(minutes=40):
        assert drain(Smtp()) == {"unknown": 1}
        assert drain(Smtp()) == {}
    digest.refresh_from_db()
    assert (digest.ambiguous, ends(digest)) == (2, {"unknown"})
    with pytest.raises(RuleBroken, match="Say why"):
        digest.settle_by_hand(person("pmo"), True)
    digest.settle_by_hand(person("pmo"), True, "Lee has it twice.")
    assert (digest.state, ends(digest)) == ("sent", {"sent"})
    assert MailAction.objects.get().reason == "Lee has it twice."


@pytest.mark.either_database
def test_after_the_commit_nothing_is_sent_again(digest: MailDelivery, sink: Sink) -> None:
    drain(Smtp())
    with later(days=2):
        assert drain(Smtp()) == {}
    assert len(sink.got) == 1


def test_a_sender_that_slept_past_its_lease_sends_nothing(digest: MailDelivery, sink: Sink) -> None:
    class Sleeps(Smtp):
        def send(self, letter: Any, before_data: Any) -> None:
            with later(minutes=3):
                MailDelivery.objects.claim()  # somebody else
                super().send(letter, before_data)

    drain(Sleeps())
    assert sink.got == []
    digest.refresh_from_db()
    assert (digest.state, digest.data_started_at) == ("sending", None)


@pytest.mark.either_database
def test_a_sender_whose_clock_jumps_is_stopped_by_the_clock_that_nobody_sets(
    digest: MailDelivery, sink: Sink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(sending, "MARGIN", 1000)  # the lease has ended by that clock
    assert drain(Smtp()) == {"sending": 1}
    assert sink.got == []


def test_a_sender_that_is_told_to_stop_gives_the_mail_back(digest: MailDelivery, sink: Sink) -> None:
    class Stopped(Smtp):
        def send(self, letter: Any, before_data: Any) -> None:
            raise SystemExit

    with pytest.raises(SystemExit):
        drain(Stopped())
    digest.refresh_from_db()
    assert (digest.state, digest.attempts) == ("pending", 0)


# --- The server -------------------------------------------------------------------------------------------------------


def test_a_server_that_is_down_costs_no_attempt_and_is_tried_again_by_one(notices: Any, sink: Sink, settings: Any) -> None:
    notices(3)
    settings.EMAIL_PORT = 1
    assert drain(Smtp()) == {"pending": 1}
    assert drain(Smtp()) == {}  # the breaker is open
    assert set(MailDelivery.objects.values_list("attempts", flat=True)) == {0}
    settings.EMAIL_PORT = sink.port
    with later(seconds=31):
        breaker, other = MailTransport.named("smtp"), MailTransport.named("smtp")
        assert [breaker.lets_through(), other.lets_through()] == [True, False]
        breaker.untried()
        assert drain(Smtp()) == {"sent": 3}
    assert MailTransport.named("smtp").open_until is None


@pytest.mark.parametrize(("point", "minutes"), [("P3", 2), ("P4", 15)])
def test_a_sender_that_dies_while_it_tries_the_way_holds_it_up_as_long_as_its_mail(
    point: str, minutes: int, notices: Any, sink: Sink, settings: Any
) -> None:
    notices(2)
    settings.EMAIL_PORT = 1
    drain(Smtp())
    settings.EMAIL_PORT = sink.port
    with later(minutes=1), pytest.raises(Killed):
        drain(Dies(point))
    with later(minutes=minutes):
        assert drain(Smtp()) == {}
    with later(minutes=minutes + 2):
        assert drain(Smtp()) == {"sent": 2}


@pytest.mark.either_database
def test_a_server_that_stays_down_is_tried_less_and_less_often(notices: Any, sink: Sink, settings: Any) -> None:
    notices(1)
    settings.EMAIL_PORT = 1
    tries = 0
    start = timezone.now()
    for minute in range(60):
        with time_machine.travel(start + dt.timedelta(minutes=minute)):
            tries += drain(Smtp())["pending"]
    assert 5 <= tries <= 9


@pytest.mark.either_database
@pytest.mark.parametrize(
    ("command", "answer", "state"),
    [
        ("MAIL", "451 greylisted", "pending"),
        ("RCPT", "450 later", "pending"),
        ("RCPT", "421 closing", "pending"),
        ("DATA", "451 later", "pending"),
        ("END", "432 too many connections", "pending"),
        ("RCPT", "550 no such user", "failed"),
        ("RCPT", "554 no", "failed"),
        ("DATA", "554 no", "failed"),
        ("END", "554 looks like spam", "failed"),
    ],
)
def test_4xx_is_tried_later_and_5xx_never_again(
    command: str, answer: str, state: str, digest: MailDelivery, sink: Sink
) -> None:
    sink.answers[command] = answer
    drain(Smtp())
    digest.refresh_from_db()
    assert (digest.state, digest.data_started_at, digest.ambiguous) == (state, None, 0)
    assert answer[4:] in digest.last_error or MailTransport.named("smtp").last_error
    sink.answers.clear()
    with later(hours=1):
        drain(Smtp())
    assert len(sink.got) == (state == "pending")


@pytest.mark.either_database
def test_an_address_that_does_not_exist_is_sent_nothing_more_and_the_next_in_line_is_reminded(
    due: Milestone, digest: MailDelivery, sink: Sink, lead: Person
) -> None:
    sink.answers["RCPT"] = "550 no such user"
    drain(Smtp())
    assert Suppression.objects.get().address == lead.email
    run_day(dt.date(2024, 5, 9))
    assert not lead.mail.filter(for_on=dt.date(2024, 5, 9)).exists()


def test_one_bad_mail_holds_up_nobody(notices: Any, sink: Sink) -> None:
    bad, poison, *_ = notices(6)
    sink.answers["RCPT", bad.person.email] = "550 no such user"
    MailDelivery.objects.filter(pk=poison.pk).update(purpose="digest")  # of no day, which cannot be written
    Person.objects.filter(pk=poison.person_id).update(email="not an address")
    outcomes = drain(Smtp())
    assert outcomes["sent"] == 4 and outcomes["failed"] >= 1
    assert len(sink.got) == 4


@pytest.mark.parametrize("answer", ["drop", "take-and-drop"])
def test_a_server_that_hangs_up_after_the_message_closes_the_way_at_once(answer: str, notices: Any, sink: Sink) -> None:
    notices(5)
    sink.answers["END"] = answer
    assert drain(Smtp()) == {"pending": 1}
    assert sum(MailDelivery.objects.values_list("ambiguous", flat=True)) == 1
    sink.answers.clear()
    with later(minutes=1):
        assert drain(Smtp()) == {"sent": 5}
    repeated = sum(sink.ids.values()) - len(sink.ids)
    assert repeated == (answer == "take-and-drop")


@pytest.mark.either_database
def test_a_slow_server_is_waited_for(notices: Any, sink: Sink) -> None:
    notices(1)
    sink.pause = 0.3
    assert drain(Smtp()) == {"sent": 1}
    assert mail.END_OF_DATA == 600 and dt.timedelta(seconds=mail.END_OF_DATA) < MailDelivery.DATA_LEASE


# --- Other ways -------------------------------------------------------------------------------------------------------


class Service:
    """Answers HTTP as GOV.UK Notify and as the sign-in service of Microsoft would."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self.status = 201
        self.is_cut = False
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.headers.append(self.headers.get("Authorization", ""))
                if self.path == "/token":
                    return self.answer(200, {"access_token": "secret-token"})
                if service.status == 201:
                    service.taken.append(json.loads(body))
                if service.is_cut:
                    self.close_connection = True
                    return None
                return self.answer(service.status, {"id": "1", "errors": [{"message": "no"}]})

            def do_GET(self) -> None:
                reference = self.path.partition("reference=")[2]
                self.answer(200, {"notifications": [one for one in service.taken if one["reference"] == reference]})

            def answer(self, status: int, body: Any) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *args: Any) -> None:
                """Nothing on the screen."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.NOTIFY_URL, settings.NOTIFY_TEMPLATE_ID = service.url, "template"
    settings.NOTIFY_API_KEY = "cmast-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"
    settings.OAUTH_TOKEN_URL, settings.EMAIL_HOST_USER = f"{service.url}/token", "register@cmast.example"
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


@pytest.mark.either_database
def test_notify_is_asked_by_reference_before_anything_is_sent_twice(notices: Any, service: Service) -> None:
    (notice,) = notices(1)
    service.is_cut = True
    assert drain(Notify()) == {"pending": 1}
    service.is_cut = False
    with later(minutes=1):
        assert drain(Notify()) == {"sent": 1}
    assert [one["reference"] for one in service.taken] == [str(notice.pk)]
    assert service.taken[0]["personalisation"] == {"subject": "Notice 0", "body": "Said."}
    assert service.headers[0].startswith("Bearer eyJ") and service.headers[0].count(".") == 2


@pytest.mark.either_database
@pytest.mark.parametrize(("status", "state"), [(400, "failed"), (403, "pending"), (429, "pending"), (500, "pending")])
def test_what_notify_refuses_is_told_from_what_it_cannot_do_now(
    status: int, state: str, notices: Any, service: Service
) -> None:
    notices(1)
    service.status = status
    drain(Notify())
    assert states() == [state]
    assert (MailTransport.named("notify").open_until is None) == (status == 400)


@pytest.mark.either_database
def test_exchange_is_signed_in_to_with_a_token(notices: Any, service: Service, sink: Sink) -> None:
    notices(1)
    assert drain(OAuthSmtp()) == {"sent": 1}
    assert len(sink.got) == 1


@pytest.mark.either_database
def test_files_hold_each_mail_once(notices: Any, settings: Any, tmp_path: Any) -> None:
    settings.MAIL_DIR = tmp_path
    notices(2)
    assert drain(Files()) == {"sent": 2}
    assert len(list(tmp_path.glob("*.eml"))) == 2 == len(list(tmp_path.iterdir()))


# --- When it stands still ---------------------------------------------------------------------------------------------


def test_mail_that_stands_still_is_told_of_and_told_of_by_mail_when_it_goes_again(
    notices: Any, sink: Sink, settings: Any, person: Any, caplog: Any, sign_in: Any
) -> None:
    notices(2)
    pmo = person("pmo")
    settings.EMAIL_PORT = 1
    with later(minutes=20):
        drain(Smtp())
        watch(MailTransport.named("smtp"))
        assert "late by smtp" in caplog.text
        assert "Mail stands still" in sign_in(pmo).get("/admin/").content.decode()
        answer = sign_in(None).get("/health/ready/").json()
        assert (answer["status"], answer["oldest_unsent_mail_seconds"] >= 1200) == ("degraded", True)
    settings.EMAIL_PORT = sink.port
    with later(minutes=40):
        drain(Smtp())
        watch(MailTransport.named("smtp"))
        watch(MailTransport.named("smtp"))
        drain(Smtp())
    told = [message for message in sink.got if message["Subject"] == "CMAST: mail goes out again"]
    assert [message["To"].addresses[0].addr_spec for message in told] == [pmo.email]


@pytest.mark.either_database
def test_a_digest_that_is_made_after_seven_o_clock_is_due_from_then_on(digest: MailDelivery, lead: Person) -> None:
    """It is noon, the register was down all morning: that the digest is five hours late is no fault of the mail."""
    assert sending.oldest_waiting(timezone.now()) == 0
    assert sending.oldest_waiting(timezone.now() + dt.timedelta(minutes=1)) == 60
    digest.delete()
    run_day(dt.date(2024, 5, 7))  # from seven o'clock of that day
    assert MailDelivery.objects.exists()
    assert sending.oldest_waiting(dt.datetime(2024, 5, 7, 5, 59, tzinfo=dt.UTC)) == 0
    assert sending.oldest_waiting(dt.datetime(2024, 5, 7, 6, 1, tzinfo=dt.UTC)) == 60


# --- At the desk ------------------------------------------------------------------------------------------------------


def test_the_desk_sends_again_and_settles_with_a_reason(notices: Any, sink: Sink, sign_in: Any) -> None:
    (notice,) = notices(1)
    sink.answers["RCPT"] = "554 no"
    drain(Smtp())
    desk, page = sign_in("pmo"), "/admin/cmast/maildelivery/"
    asked = {"action": "send_again", "_selected_action": [str(notice.pk)]}
    assert "Say why" in desk.post(page, asked, follow=True).content.decode()
    assert "will be sent again" in desk.post(page, asked | {"change_reason": "It is there now."}, follow=True).content.decode()
    assert MailAction.objects.get().reason == "It is there now."
    sink.answers.clear()
    assert drain(Smtp()) == {"sent": 1}
    assert "was left as it is" in desk.post(page, asked | {"change_reason": "Again."}, follow=True).content.decode()
    assert desk.get(f"{page}{notice.pk}/change/").status_code == 200


@pytest.mark.either_database
def test_the_desk_shows_a_mail_that_went_to_a_file_but_not_what_is_hidden(
    due: Milestone, digest: MailDelivery, settings: Any, tmp_path: Any, sign_in: Any
) -> None:
    settings.MAIL_DIR = tmp_path
    drain(Files())
    desk, page = sign_in("pmo"), f"/admin/cmast/maildelivery/{digest.pk}/message"
    assert "Go-live of the LIMS" in desk.get(f"{page}/").content.decode()
    assert desk.get(f"{page}.eml")["Content-Type"] == "message/rfc822"
    assert due.key in desk.get("/admin/cmast/reminder/").content.decode()
    restrict(due)
    hidden = sign_in("pmo")
    assert hidden.get(f"{page}/").status_code == hidden.get(f"{page}.eml").status_code == 404
    assert due.key not in hidden.get("/admin/cmast/reminder/").content.decode()


def test_nothing_that_was_settled_is_said_again_when_a_mail_is_sent_again(
    due: Milestone, digest: MailDelivery, sink: Sink, person: Any
) -> None:
    sink.answers["RCPT"] = "554 no"
    drain(Smtp())
    Milestone.objects.filter(pk=due.pk).update(outcome="achieved")
    digest.refresh_from_db()
    digest.send_again(person("pmo"), "Try again.")
    sink.answers.clear()
    assert drain(Smtp()) == {"cancelled": 1}
    assert letters.write(digest) is None
