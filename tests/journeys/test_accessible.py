"""WCAG 2.2 AA, as far as a program can tell: every page that is reached from a mail, the mail, and the desk of the month."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize

from cmast import letters
from cmast.links import fewer_address
from cmast.models import MailDelivery, Person, ReminderRule
from cmast.reminders import run_day
from programmes.models import Action, Milestone, Programme, ReportingPeriod, Update
from risks.models import Risk
from tests.cmast.test_answers import day, path_of, send, text_of
from tests.conftest import NOW
from tests.journeys.conftest import DESK, PHONE

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}

LOOKS: list[tuple[ViewportSize, Literal["light", "dark"]]] = [(PHONE, "light"), (DESK, "dark")]


@pytest.fixture
def show(chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Shows what Django has answered, with its styles, and without a server."""
    page = chromium.new_page()

    def show_page(html: str) -> Page:
        page.set_content(re.sub(r'<link rel="stylesheet" href="/static/([^"?]+)"[^>]*>', _style, html))
        return page

    yield show_page
    page.close()


def _style(found: re.Match[str]) -> str:
    return f"<style>{Path(str(finders.find(found[1]))).read_text()}</style>"


def faults(page: Page) -> list[str]:
    """What is wrong on a phone in light colours, and on a large screen in dark ones."""
    page.evaluate(Axe().axe_script)
    found = []
    for size, colours in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=colours)
        found += [f"{colours}: {fault}" for fault in _faults(page)]
    return found


def _faults(page: Page) -> Iterator[str]:
    if wide := page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"):
        yield f"It goes {wide} pixels to the side."
    for fault in page.evaluate("rules => axe.run(rules)", RULES)["violations"]:
        for node in fault["nodes"]:
            yield f"{fault['id']}: {node['html'][:150]} {node['failureSummary']}"


@pytest.fixture
def lead(edition: str, person: Callable[..., Person]) -> Person:
    return person("workstream_lead", workstream="ws-teledermatology")


@pytest.fixture
def update(lead: Person, person: Callable[..., Person], make: Callable[..., Any]) -> Any:
    """Asked for, with a passed date, an open action, figures and last month's text."""
    month = NOW.date().replace(day=1)
    Update.objects.filter(month_on=month).update(month_on=month.replace(month=4))
    made = make(Update, month_on=month, status="commissioned", programme=None, workstream=None)
    workstream = lead.memberships.get().workstream
    Update.objects.filter(pk=made.pk).update(workstream=workstream, programme=workstream.programme_id)
    Programme.objects.filter(pk=workstream.programme_id).update(sro=person("sro", programme=workstream.programme.key))
    made.refresh_from_db()
    return made


def test_pages_of_links(lead: Person, update: Any, show: Callable[[str], Page], make: Callable[..., Any]) -> None:
    milestone, action = Milestone.objects.get(key="e-telederm-ceg"), Action.objects.get(key="act-telederm-spec")
    risk = make(Risk, workstream=update.workstream, programme=update.programme)
    pages = {"choices": Client().get(path_of(lead, update))}
    for record, steps in (
        (update, ("write", "hand-over")),
        (milestone, ("done", "new-date")),
        (action, ("done",)),
        (risk, ("reviewed",)),
    ):
        for step in steps:
            answer = send(f"{path_of(lead, record)}{step}/", next_review_day="x")
            assert answer.status_code == 422
            pages[f"{record}: {step}, wrong"] = answer
    assert send(f"{path_of(lead, milestone)}done/", **day("on", NOW.date())).status_code == 303
    Update.objects.filter(pk=update.pk).update(status="approved", approved_on=NOW.date())
    pages["signing off, wrong"] = send(f"{path_of(update.programme.sro, update)}sign-off/", **{"return": "1"})
    pages["a refusal"] = Client().get("/answer/unknown/")
    optional = ReminderRule.objects.filter(is_optional=True).values_list("pk", flat=True)
    pages["fewer reminders"] = Client().get(fewer_address(lead, optional).removeprefix(settings.PUBLIC_URL))
    found = {name: faults(show(text_of(answer))) for name, answer in pages.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_mail(lead: Person, update: Any, show: Callable[[str], Page]) -> None:
    run_day(NOW.date())
    letter: Any = letters.write(MailDelivery.objects.get(person=lead))
    assert faults(show(letter.html)) == []


def test_the_board_at_the_desk(update: Any, show: Callable[[str], Page], sign_in: Callable[..., Client]) -> None:
    on = NOW.date()
    period = ReportingPeriod.objects.create(month_on=update.month_on, opens_on=on, due_on=on, locks_on=on)
    page = show(text_of(sign_in("pmo").get(f"/admin/programmes/reportingperiod/{period.pk}/change/")))
    assert [fault["id"] for fault in Axe().run(page, context="section.under", options=RULES).response["violations"]] == []
