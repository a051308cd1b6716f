"""The May 2024 cycle: the register asks, people answer from their mail, and the month is locked.

Nobody but the programme office signs in. All mail goes through the loop that sends it, without a broker, and is read from the
files that it becomes. `docs/month/` shows what is seen and sent.
"""

import datetime as dt
import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Page, ViewportSize, expect

from cmast.models import AnswerLink, Change, MailDelivery, Membership, Person
from programmes.models import Action, Milestone, Programme, ReportingPeriod, Update, Workstream
from tests.cmast.test_answers import send
from tests.journeys.album import Album, body
from tests.journeys.conftest import PHONE, sign_in_to
from tests.programmes.test_cycle import items

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.either_database]

LONDON = ZoneInfo("Europe/London")
APRIL, MAY = dt.date(2024, 4, 1), dt.date(2024, 5, 1)
#: Who leads what. All other workstreams report from June on.
LEADS = {
    "ws-teledermatology": "Tess Lang",
    "ws-lims": "Omar Reid",
    "ws-endoscopy": "Lena Moss",
    "ws-ent": "Ravi Shah",
    "ws-orthopaedics": "Joan Pike",
    "ws-cdc": "Amy Cole",
    "ws-other-ologies": "Sam West",
    "ws-pacs-based-reporting": "Kit Dunn",
}
READER = ViewportSize(width=680, height=200)
LAST_MONTH = [
    "Four suppliers met before market",
    "ICB alignment sought through the transformation directors and the clinical effectiveness group",
    "Specification to change after supplier feedback",
    "Uptake explored; one place has 21 of 62 practices inactive",
]
THIS_MONTH = [
    "ICB alignment sought through the transformation directors and the clinical effectiveness group",
    "Specification changed after supplier feedback; to market in June",
    "Uptake explored; one place has 5 of 62 practices inactive",
]
TOLD = "Teledermatology at the ICB Clinical Effectiveness Group"


def path(address: str) -> str:
    return "/" + address.split("/", 3)[3]


def at(day: int, hour: int = 9) -> Any:
    return time_machine.travel(dt.datetime(2024, 5, day, hour, tzinfo=LONDON))


class Post:
    """The mail that has been written to files, as its readers find it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: set[Path] = set()

    def of(self, day: int) -> dict[str, EmailMessage]:
        """What the register does by itself on a morning in May. Name of each reader -> the one mail that has come."""
        for hour, name in ((6, "open_periods"), (7, "plan_reminders"), (8, "send_mail")):
            with at(day, hour):
                call_command("run_scheduled", name, stdout=StringIO())
        files = set(self.folder.glob("*.eml")) - self.read
        self.read |= files
        found = [message_from_bytes(file.read_bytes(), EmailMessage, policy=policy.default) for file in files]
        mails = {message["To"].addresses[0].display_name: message for message in found}
        assert len(mails) == len(files)
        return mails


def links(message: EmailMessage) -> dict[str, str]:
    """Title of each thing in a mail -> where it is answered. Text and HTML lead to the same places."""
    found = dict(re.findall(r'<a href="([^"]+/answer/[^"]+)"[^>]*>([^<]+)</a>', body(message, "html")))
    assert set(found) == set(re.findall(r"http\S+/answer/\S+", body(message, "plain")))
    return {title: address for address, title in found.items()}


def link(message: EmailMessage) -> str:
    """Where this month's update is written or signed off."""
    (found,) = (address for title, address in links(message).items() if title.endswith(", May 2024"))
    return found


def update_of(workstream: str) -> Update:
    return Update.objects.select_related("workstream").get(workstream__key=workstream, month_on=MAY)


@pytest.fixture
def people(edition: Any, make: Callable[..., Any]) -> dict[str, Person]:
    """Eight leads, a colleague, two senior responsible officers, and the programme office."""

    def named(name: str, role: str, **place: Any) -> Person:
        somebody: Person = make(Person, name=name, email=f"{name.lower().replace(' ', '.')}@cmast.example")
        Membership.objects.create(person=somebody, role=role, **place)
        return somebody

    diagnostics, pathways = (Programme.objects.get(key=key) for key in ("diagnostics", "clinical-pathways"))
    made = [named(name, "workstream_lead", workstream=Workstream.objects.get(key=key)) for key, name in LEADS.items()]
    made += [named("Priya Nair", "programme_manager", programme=diagnostics), named("Pat Oldham", "pmo")]
    for programme, name in ((diagnostics, "Sir Hugh Bell"), (pathways, "Dr Ida Fox")):
        programme.sro = named(name, "sro", programme=programme)
        programme.save()
        made.append(programme.sro)
    return {person.name: person for person in made}


@pytest.fixture
def period(people: dict[str, Person]) -> ReportingPeriod:
    """May, planned. The texts of the edition are what was reported for April."""
    Update.objects.update(month_on=APRIL)
    Workstream.objects.exclude(key__in=LEADS).update(reported_from_on=dt.date(2024, 6, 1))
    dates = {"opens_on": dt.date(2024, 5, 1), "due_on": dt.date(2024, 5, 10), "locks_on": dt.date(2024, 5, 17)}
    return ReportingPeriod.objects.create(month_on=MAY, **dates)


@pytest.fixture
def post(settings: Any, live_server: Any, tmp_path: Path) -> Post:
    settings.MAIL_TRANSPORT, settings.MAIL_DIR, settings.PUBLIC_URL = "files", tmp_path, live_server.url
    return Post(tmp_path)


def test_the_may_2024_cycle(period: ReportingPeriod, people: dict[str, Person], post: Post, opened: Any) -> None:
    phone, desk, album = opened(PHONE, has_scripts=False), opened(), Album(opened(READER))

    # Wednesday 1 May. The period opens by the calendar, and eight leads are asked.
    asked = post.of(1)
    period.refresh_from_db()

    assert (period.status, Update.objects.filter(month_on=MAY).count()) == ("open", 8)
    assert set(LEADS.values()) <= set(asked)
    album.mail("1-request", asked["Tess Lang"])
    scanners_look_at(asked)

    # Thursday. One writes on a phone, one hands over, five others write.
    with at(2):
        write_on_the_phone(album, phone, link(asked["Tess Lang"]))
        hand_over_on_the_phone(album, phone, link(asked["Omar Reid"]))
        for key in ("ws-ent", "ws-orthopaedics", "ws-cdc", "ws-other-ologies", "ws-pacs-based-reporting"):
            update = update_of(key)
            said = {"submit": "1", "rag": "green", "facts": f"{update.workstream} goes on as planned.", **items(update)}
            assert send(f"{path(link(asked[LEADS[key]]))}write/", **said).status_code == 303, key

    # Friday. The programme office returns a text with a reason; the colleague has a link of her own and begins.
    taken = post.of(3)

    assert "Omar Reid" not in taken and "Tess Lang" not in taken
    with at(3):
        sign_in_to(desk, people["Pat Oldham"])
        return_at_the_desk(album, desk, update_of("ws-teledermatology"))
        said = {"draft": "1", "facts": "The fifth trust meets on 29 May."}
        assert send(f"{path(link(taken['Priya Nair']))}write/", **said).status_code == 303

    # Tuesday, after the bank holiday. The author is told why and hands in again; the programme office approves.
    back = post.of(7)
    album.mail("4-returned", back["Tess Lang"])
    assert "returned to you with a question" in body(back["Tess Lang"], "plain")
    with at(7):
        hand_in_again(album, phone, link(back["Tess Lang"]))
        assert send(f"{path(link(back['Priya Nair']))}write/", **told("ws-lims")).status_code == 303
        sign_in_to(desk, people["Pat Oldham"])
        approve_at_the_desk(desk, period)

    # Wednesday. The senior responsible officers sign off.
    to_sign = post.of(8)
    album.mail("5-sign-off", to_sign["Dr Ida Fox"])
    with at(8):
        sign_off_on_the_phone(album, phone, links(to_sign["Dr Ida Fox"])["Teledermatology, May 2024"])
        sign_all(to_sign["Sir Hugh Bell"])
    assert update_of("ws-teledermatology").signed_off_by == people["Dr Ida Fox"]

    # Monday. One has not answered by Friday: she is chased.
    assert "Lena Moss" not in post.of(9)
    assert link(post.of(10)["Lena Moss"])
    late = post.of(13)["Lena Moss"]
    album.mail("6-late", late)
    assert "OVERDUE: Endoscopy, May 2024" in body(late, "plain")
    with at(13):
        look_at_the_board(album, desk, people["Pat Oldham"], period)

    # Wednesday. Three working days after the last day the senior responsible officer is told; then she hands in.
    assert "Endoscopy, May 2024" not in links(post.of(14)["Sir Hugh Bell"])
    escalated = post.of(15)["Sir Hugh Bell"]
    album.mail("8-escalated", escalated)
    assert "nobody has answered before" in body(escalated, "plain")
    with at(15):
        assert send(f"{path(link(late))}write/", **told("ws-endoscopy")).status_code == 303
        update_of("ws-endoscopy").approve(by=people["Pat Oldham"])
    last = post.of(16)["Sir Hugh Bell"]
    with at(16):
        sign_all(last)
        sign_all(to_sign["Dr Ida Fox"])

    # Friday, the last day: all is published. On Saturday the period locks by itself; nothing is changed any more.
    with at(17):
        for update in Update.objects.filter(month_on=MAY):
            update.publish(by=people["Pat Oldham"])
    post.of(17), post.of(18)
    with at(20):
        nothing_is_changed(album, phone, desk, people["Pat Oldham"], link(taken["Priya Nair"]))
    assert not MailDelivery.objects.exclude(state="sent").exists()


# --- What people do ---------------------------------------------------------------------------------------------------


def scanners_look_at(mails: dict[str, EmailMessage]) -> None:
    """Programs that follow the links of a mail, often, from elsewhere. Nothing comes of it."""
    before = Change.objects.count()
    for message in mails.values():
        for address in links(message).values():
            for method in ("head", "get"):
                assert getattr(Client(), method)(path(address), headers={"User-Agent": "link scanner"}).status_code == 200
    assert (Change.objects.count(), AnswerLink.objects.exclude(used_at=None).count()) == (before, 0)


def told(workstream: str) -> dict[str, str]:
    """An update, handed in; nothing is said of dates."""
    update = update_of(workstream)
    return {"submit": "1", "rag": "amber", "facts": f"{update.workstream} is delayed.", **items(update)}


def write_on_the_phone(album: Album, phone: Page, address: str) -> None:
    """Last month's text and the figures are beside it, every passed date is asked about, and no script runs."""
    phone.goto(address)
    album.picture("2-choose", phone)
    phone.get_by_role("link", name="Write this month's update").click()
    expect(phone.locator("aside")).to_contain_text("Latest figures of the programme")
    album.picture("2-write", phone)
    facts = phone.locator("textarea[name=facts]")
    expect(facts).to_have_value("\n".join(LAST_MONTH))
    facts.fill("\n".join(THIS_MONTH))
    phone.get_by_role("button", name="Hand it in").click()
    expect(phone.locator(".error-summary")).to_contain_text("Choose green, amber or red.")
    expect(phone.locator(".error-summary")).to_contain_text(f"Say what happened to “{TOLD}”")
    album.picture("2-wrong", phone)
    phone.get_by_label("Amber: at risk").check()
    passed, open_ = (phone.locator(".item", has=phone.get_by_role("heading", name=name)) for name in (TOLD, "Revise the tele"))
    passed.get_by_label("It has happened").check()
    for label, number in (("Day", "3"), ("Month", "4"), ("Year", "2024")):
        passed.get_by_label(label, exact=True).fill(number)
    open_.get_by_label("Nothing has changed").check()
    phone.get_by_role("button", name="Hand it in").click()
    expect(phone.locator("h1")).to_have_text("Thank you, we have your answer")
    album.picture("2-thank-you", phone)
    milestone = Milestone.objects.get(title=TOLD)
    assert (milestone.outcome, milestone.actual_on) == ("achieved", dt.date(2024, 4, 3))
    update, change = update_of("ws-teledermatology"), Change.objects.filter(record_type="programmes.updatefact").first()
    assert (update.status, update.rag, update.submitted_by.name) == ("submitted", "amber", "Tess Lang")
    assert (change.origin, change.actor) == ("answer", update.submitted_by.key)
    assert Action.objects.get(key="act-telederm-spec").status == "open"


def hand_over_on_the_phone(album: Album, phone: Page, address: str) -> None:
    phone.goto(address)
    phone.get_by_role("link", name="Ask a colleague to write it").click()
    phone.get_by_label("Priya Nair").check()
    album.picture("3-hand-over", phone)
    phone.get_by_role("button", name="Hand it over").click()
    expect(phone.locator("main")).to_contain_text("You have handed this over to Priya Nair")
    assert update_of("ws-lims").author.name == "Priya Nair"


def do(desk: Page, verb: str, why: str = "") -> None:
    """A button of the page at the desk, and its form."""
    desk.get_by_role("link", name=verb, exact=True).click()
    if why:
        desk.fill("textarea[name=change_reason]", why)
    desk.locator(f"input[type=submit][value='{verb}']").click()
    expect(desk.locator(".messagelist")).to_contain_text(f"{verb}: done.")


def return_at_the_desk(album: Album, desk: Page, update: Update) -> None:
    desk.goto(f"/admin/programmes/update/{update.pk}/change/")
    album.picture("4-what-changed", desk.locator("section.changes"))
    do(desk, "Return it to its author", "Which place is it?")


def hand_in_again(album: Album, phone: Page, address: str) -> None:
    phone.goto(address)
    phone.get_by_role("link", name="Write this month's update").click()
    expect(phone.get_by_role("status")).to_contain_text("Which place is it?")
    album.picture("4-returned-page", phone)
    known = phone.locator("textarea[name=facts]")
    known.fill(known.input_value().replace("one place has", "Knowsley has"))
    phone.get_by_role("button", name="Hand it in").click()
    expect(phone.locator("h1")).to_have_text("Thank you, we have your answer")


def approve_at_the_desk(desk: Page, period: ReportingPeriod) -> None:
    desk.goto(f"/admin/programmes/reportingperiod/{period.pk}/change/")
    desk.locator("section", has=desk.locator("#board")).get_by_role("link", name="Teledermatology").click()
    do(desk, "Approve it")
    for update in Update.objects.filter(month_on=MAY, status="submitted"):
        update.approve()


def sign_off_on_the_phone(album: Album, phone: Page, address: str) -> None:
    phone.goto(address)
    expect(phone.locator("h1")).to_have_text("Teledermatology, May 2024: do you sign this off?")
    expect(phone.locator(".changes")).to_contain_text("Knowsley")
    album.picture("5-sign-off-page", phone)
    phone.get_by_role("button", name="Sign it off").click()
    expect(phone.locator("main")).to_contain_text("You have signed off the update")


def sign_all(message: EmailMessage) -> None:
    """What a mail asks to be signed off and is not yet."""
    for title, address in links(message).items():
        if Client().get(path(address)).status_code == 302:
            assert send(f"{path(address)}sign-off/", sign="1").status_code == 303, title


def look_at_the_board(album: Album, desk: Page, officer: Person, period: ReportingPeriod) -> None:
    sign_in_to(desk, officer)
    desk.goto(f"/admin/programmes/reportingperiod/{period.pk}/change/")
    board = desk.locator("section", has=desk.locator("#board"))
    expect(board).to_contain_text("7 of 8 handed in, 1 late")
    first = board.locator("tbody tr").first
    expect(first).to_contain_text("Endoscopy")
    expect(first.locator(".late")).to_have_text("Late")
    expect(first).to_contain_text("Lena Moss")
    expect(first).to_contain_text("April 2024")
    album.picture("7-board", board)


def nothing_is_changed(album: Album, phone: Page, desk: Page, officer: Person, address: str) -> None:
    """By no entrance: an old link, the desk, the model that both use."""
    period = ReportingPeriod.objects.get(month_on=MAY)
    assert period.status == "locked"
    phone.goto(address)
    expect(phone.locator("h1")).to_have_text("This needs no answer any more")
    album.picture("9-too-late", phone)
    sign_in_to(desk, officer)
    desk.goto(f"/admin/programmes/reportingperiod/{period.pk}/change/")
    expect(desk.locator("#board")).to_have_text("8 of 8 handed in")
    album.picture("9-locked", desk.locator("section", has=desk.locator("#board")))
    fact: Any = update_of("ws-teledermatology").facts.first()
    desk.goto(f"/admin/programmes/updatefact/{fact.pk}/change/")
    desk.fill("[name=text]", "Said too late.")
    desk.locator("input[name=_save]").click()
    expect(desk.locator("body")).to_contain_text("The period May 2024 is locked.")
    fact.refresh_from_db()
    assert fact.text != "Said too late."
