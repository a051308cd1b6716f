"""A browser for the journeys: Debian's Chromium, without a screen."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, sync_playwright

from cmast.models import Person

CHROMIUM = shutil.which("chromium")
#: It runs as root and on a closed network, and is not to look for updates of itself.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
DESK, PHONE = ViewportSize(width=1300, height=900), ViewportSize(width=390, height=844)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("There is no Chromium: apt-get install chromium")
    # Playwright keeps an event loop in this thread, in which Django would otherwise refuse to ask the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """`opened(PHONE)`: a page of a new browser that nobody has signed in with. What it complains of fails the test, but for
    pages that refuse an answer."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error" and "/answer/" not in message.location["url"]:
            complaints.append(message.text)

    def open_page(size: ViewportSize = DESK, *, has_scripts: bool = True) -> Page:
        context = chromium.new_context(
            viewport=size, base_url=live_server.url, java_script_enabled=has_scripts, timezone_id="Europe/London"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def desk(opened: Callable[..., Page], person: Callable[..., Person]) -> Page:
    """The browser of somebody from the PMO, signed in."""
    page = opened()
    sign_in_to(page, person("pmo"))
    return page


def sign_in_to(page: Page, officer: Person) -> None:
    """Give somebody a password, and sign in with it."""
    officer.set_password("a long password for tests")
    officer.save()
    page.goto("/sign-in/")
    page.fill("input[name=username]", officer.email or "")
    page.fill("input[name=password]", "a long password for tests")
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
