"""What every test may ask for."""

import datetime as dt
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import timezone
from rest_framework.test import APIClient

from cmast.models import ApiToken, Membership, Organisation, Person, Record
from cmast.models.people import RIGHTS
from programmes.models import Programme, Workstream
from tests import copies
from tests.factories import FACTORIES

EDITION = "2024-05"
NOW = dt.datetime(2024, 5, 3, 12, tzinfo=ZoneInfo("Europe/London"))
AREAS: dict[str, type[Record]] = {"programme": Programme, "workstream": Workstream, "organisation": Organisation}
#: Where a role is held when the test does not say.
PLACES = {"programme": "diagnostics", "workstream": "ws-lims", "organisation": "RBN"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each database has the tests that it could answer differently; the others take their time once.

    First those that wait for processes, so that at the end nobody waits for them.
    """
    items[:] = [item for item in items if _is_asked_here(item)]
    items.sort(key=lambda item: item.get_closest_marker("real_time") is None)


def _is_asked_here(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("either_database")
    return marker is None or marker.kwargs.get("on", "sqlite") == connection.vendor


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The May 2024 edition is in the database before each test: what a test changes is rolled back, or put back as it was."""
    with django_db_blocker.unblock():
        with time_machine.travel(NOW):
            call_command("load_edition", EDITION, stdout=StringIO())
        with copies.kept() as put_back, pytest.MonkeyPatch.context() as patch:
            # Django would empty a hundred tables and make all triggers anew, and we should have to load the edition.
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test: put_back())
            yield


@pytest.fixture
def edition(db: None) -> str:
    """Name of the edition that is loaded."""
    return EDITION


@pytest.fixture(autouse=True)
def frozen_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """It is noon on 3 May 2024, and the clock ticks on from there. `@pytest.mark.real_time` switches it off."""
    if request.node.get_closest_marker("real_time"):
        yield
        return
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def make(db: None) -> Callable[..., Any]:
    """`make(Milestone, title="Go-live")`: a valid record, with whatever it needs."""
    return lambda model, **fields: FACTORIES[model](**fields)


@pytest.fixture
def person(make: Callable[..., Any]) -> Callable[..., Person]:
    """`person("workstream_lead", workstream="ws-lims")`: somebody with that role; `person(None)`: without any."""

    def make_person(role: str | None, **place: str) -> Person:
        somebody: Person = make(Person)
        if role:
            area = RIGHTS.get(role, "everything")
            place = place or ({area: PLACES[area]} if area in PLACES else {})
            where = {name: AREAS[name].objects.get(key=key) for name, key in place.items()}
            Membership.objects.create(person=somebody, role=role, **where)
        return somebody

    return make_person


class Reader(APIClient):
    """A caller that reads a record before it changes it, and says so with If-Match, as every caller must."""

    def request(self, **kwargs: Any) -> Any:
        if kwargs["REQUEST_METHOD"] in ("PUT", "PATCH", "DELETE") and "HTTP_IF_MATCH" not in kwargs:
            kwargs["HTTP_IF_MATCH"] = self.get(kwargs["PATH_INFO"]).headers.get("ETag", '"unread"')
        return super().request(**kwargs)


@pytest.fixture
def api(person: Callable[..., Person]) -> Callable[..., APIClient]:
    """`api("pmo")`, `api(somebody, scope="read")`: a client with a real token; `api(None)`: a stranger."""

    def make_client(who: str | Person | None, scope: str = ApiToken.Scope.WRITE) -> APIClient:
        client = Reader()
        if who is not None:
            user = person(who) if isinstance(who, str) else who
            expiry = dt.timedelta(days=1)
            _, secret = ApiToken.objects.create(user=user, expiry=expiry, name="test", scope=scope)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make_client


@pytest.fixture
def sign_in(person: Callable[..., Person]) -> Callable[..., Client]:
    """`sign_in("pmo")`: a browser with a session; `sign_in(None)`: without one."""

    def make_client(who: str | Person | None) -> Client:
        client = Client()
        if who is not None:
            client.force_login(person(who) if isinstance(who, str) else who)
        return client

    return make_client


@pytest.fixture
def today() -> dt.date:
    """The frozen day."""
    return timezone.localdate()
