"""Each cell of the permission table is tried out, and a route, a method or a role that is not in it fails."""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.permissions import SAFE_METHODS

from cmast.models import ApiToken, Organisation, Person, Record, Restriction, Webhook
from cmast.models.people import RIGHTS
from cmast.models.verbs import Verb, verbs_of
from cmast.urls import api as router
from cmast.vocabulary import Role
from metrics.models import Import
from programmes.models import CalendarFeed, Programme, Workstream
from tests.contract.permissions import ANSWERS, CALLERS, PAGES, RESOURCES
from tests.factories import restrict

pytestmark = pytest.mark.either_database

HEAD, *ROWS = (line.split(maxsplit=7) for line in RESOURCES.strip().splitlines())
#: (resource, column) -> word.
WORD = {(row[0], column): word for row in ROWS for column, word in zip(HEAD[1:7], row[1:7], strict=True)}
OWN_THROUGH = {row[0]: dict(pair.split("=") for pair in row[7].split()) for row in ROWS if row[7] != "-"}
WORDS, *LINES = (line.split() for line in ANSWERS.strip().splitlines() if line)
#: (route, method) -> the records for which it is decided.
RECORDS: dict[tuple[str, str], list[str]] = defaultdict(list)
#: (route, method, record, word) -> status; None where there is no such record.
ANSWER: dict[tuple[str, str, str, str], int | None] = {}
for route, method, record, *statuses in LINES:
    RECORDS[route, method].append(record)
    for word, status in zip(WORDS[3:], statuses, strict=True):
        ANSWER[route, method, record, word] = int(status) if status != "-" else None

#: What cannot be restricted: who is who, who may do what, and what belongs to one person anyway.
OPEN = ("people", "memberships", "restrictions", "tokens", "webhooks", "calendar-feeds")
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}
BASENAMES = {prefix: basename for prefix, _, basename in router.registry}


# --- The table is complete --------------------------------------------------------------------------------------------


def test_every_resource_has_a_row_in_the_table() -> None:
    assert {row[0] for row in ROWS} == {*VIEWSETS, "changes"}


def test_every_role_has_a_column_in_the_table() -> None:
    roles = [role for roles in CALLERS.values() for role in roles.split()]
    assert sorted(roles) == sorted(Role.values)


@pytest.mark.parametrize("caller", CALLERS)
def test_roles_of_one_column_have_the_same_rights(caller: str, edition: str, person: Any) -> None:
    reaches = [person(role).reach for role in CALLERS[caller].split()]
    rights = [
        (reach.is_member, reach.is_pmo, {area: ids for area, ids in reach.writes.items() if area != "person"})
        for reach in reaches
    ]
    assert all(found == rights[0] for found in rights)


def test_every_method_of_every_route_has_a_row_in_the_table() -> None:
    found = [(prefix, route, method) for prefix in VIEWSETS for route, methods in routes(prefix).items() for method in methods]
    offered = {(kind_of(prefix, route), method) for prefix, route, method in found}
    assert offered == set(RECORDS)


def test_every_other_route_has_a_row_in_the_table() -> None:
    names = set()
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern):
            names.add(pattern.name)
        elif isinstance(pattern, URLResolver) and pattern.namespace:
            names.add(pattern.namespace)
    assert names == {*PAGES, "changes"}


#: Where the name alone does not lead.
PATHS = {
    "admin": "/admin/",
    "answer": "/answer/unknown/",
    "answer-by": "/answer/unknown/done/",
    "fewer": "/fewer/unknown/",
    "calendar": "/calendar/unknown.ics",
    "api-unknown": "/api/v1/nothing-here/",
    "mail-detail": "/api/v1/mail/6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e/",
    "mail-send-again": "/api/v1/mail/6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e/send-again/",
    "mail-arrived": "/api/v1/mail/6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e/settle-arrived/",
    "mail-given-up": "/api/v1/mail/6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e/settle-given-up/",
    "series": "/api/v1/series/theatre-utilisation-capped/RBQ/",
    "facts": "/api/v1/facts/observations/",
    "programme-health": "/api/v1/programmes/diagnostics/health/",
    "workstream-health": "/api/v1/workstreams/ws-lims/health/",
    "savings": "/api/v1/programmes/efficiency-at-scale/savings/",
    "league": "/api/v1/metrics/theatre-utilisation-capped/league/",
    "league-chart": "/api/v1/metrics/theatre-utilisation-capped/league.svg",
    "metric-series-chart": "/api/v1/metrics/theatre-utilisation-capped/series.svg",
    "league-picture": "/api/v1/metrics/theatre-utilisation-capped/league.png",
    "outcome": "/api/v1/approvals/a-lims/outcome/",
    "dependencies": "/api/v1/programmes/diagnostics/dependencies/",
    "dependencies-chart": "/api/v1/programmes/diagnostics/dependencies.svg",
    "dependencies-page": "/programmes/diagnostics/dependencies/",
    "burn-down": "/api/v1/series/rtt-65w-breach-cohort/cm-system/burn-down.svg",
    "series-chart": "/api/v1/series/theatre-utilisation-capped/RBQ/chart.svg",
    "series-picture": "/api/v1/series/theatre-utilisation-capped/RBQ/chart.png",
}


# --- The table is true ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_pages_answer_each_reader_as_the_table_says(name: str, edition: Any, sign_in: Any) -> None:
    path = PATHS.get(name) or reverse(name)
    assert tuple(sign_in(role).get(path).status_code for role in (None, "viewer", "pmo")) == PAGES[name]


@pytest.mark.parametrize("resource", [row[0] for row in ROWS])
def test_each_cell_of_the_table_is_what_the_register_answers(
    resource: str,
    edition: Any,
    callers: list["Caller"],
    records: "Records",
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "django.request")  # thousands of refusals are what is wanted
    tries: list[tuple[Caller, Cell, Any]] = []
    for caller in callers:
        tried = [cell for cell in cells(resource, caller) if cell.route not in like_another(resource)]
        found = records(caller, {cell.record for cell in tried})
        tries += [(caller, cell, found.get(cell.record)) for cell in tried]
    # Last what is restricted: where nothing is, each answer costs half as much.
    tries.sort(key=lambda tried: tried[1].record == "restricted")
    wrong, hidden = [], set()
    for caller, cell, record in tries:
        if cell.record == "restricted" and record.pk not in hidden:
            restrict(record)
            hidden.add(record.pk)
        status = ask(caller, cell, address(resource, cell.route, record), record)
        # A record that others refer to stays, whoever asks.
        if status != cell.status and (status, cell.status) != (409, 204) and not is_answer_of_verb(resource, cell, status):
            wrong.append(f"{caller}: {cell.method} {cell.route} of {cell.record} is {status}, not {cell.status}")
    assert wrong == []


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, or a stranger without one."""

    name: str
    person: Person | None = None
    token: str = ""
    #: Heading of the column; empty for those who are refused whatever they ask for.
    column: str = ""
    refusal: int = 0
    is_read_only: bool = False

    def __str__(self) -> str:
        return self.name


#: Who tries which kinds of record -> the records.
Records = Callable[[Caller, set[str]], dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """One thing that a caller tries, and what the table says to it."""

    route: str
    method: str
    record: str
    status: int


def verbs(resource: str) -> dict[str, Verb]:
    """Route -> verb."""
    return {} if resource == "changes" else {verb.path: verb for verb in verbs_of(model_of(resource)).values()}


@cache
def like_another(resource: str) -> set[str]:
    """Verbs that need not be tried. All of a kind of record are one endpoint, which asks for rights before it looks at the
    verb: one of them is tried, and those that are for some of its writers only. What each does, `test_verbs` tries.
    """
    plain = [verb.path for verb in verbs(resource).values() if verb.may is None]
    return set(plain[1:])


def kind_of(resource: str, route: str) -> str:
    """The route's name in the table: all verbs are one."""
    return "verb" if route in verbs(resource) else route


def is_answer_of_verb(resource: str, cell: Cell, status: int) -> bool:
    """Whoever may do it is answered by the verb itself: what is missing, or that the record is in no state for it."""
    verb = verbs(resource).get(cell.route)
    return verb is not None and cell.status == 200 and (status in (400, 409) or (status == 403 and verb.may is not None))


def cells(resource: str, caller: Caller) -> Iterator[Cell]:
    """All that a caller can try at a resource: each method of each route, with each record where that matters."""
    for route, offered in routes(resource).items():
        for method in METHODS:
            if method not in offered:
                # Nobody can do what is not there, so that one who may do everything is enough to try it.
                if caller.column == "admin":
                    yield Cell(route, method, "own", 405)
            elif caller.refusal or (caller.is_read_only and method not in SAFE_METHODS):
                yield Cell(route, method, "own", caller.refusal or 403)
            else:
                yield from decided(resource, route, method, WORD[resource, caller.column])


def decided(resource: str, route: str, method: str, word: str) -> Iterator[Cell]:
    """What the table says of one method of one route, for each record that there is."""
    kind = kind_of(resource, route)
    for record in RECORDS[kind, method]:
        status = ANSWER[kind, method, record, word]
        if status is not None and (record != "restricted" or resource not in OPEN):
            yield Cell(route, method, record, status)


@cache
def routes(resource: str) -> dict[str, list[str]]:
    """Route -> the methods that it has."""
    if resource == "changes":
        return {"list": ["GET", "HEAD"]}
    found: dict[str, list[str]] = {}
    for pattern in router.urls:
        name = str(pattern.name)
        basename = max((one for one in BASENAMES.values() if name.startswith(f"{one}-")), key=len)
        if basename == BASENAMES[resource]:
            route = name.removeprefix(f"{basename}-")
            methods = [method.upper() for method in pattern.callback.actions]
            found[route] = [*methods, *(["HEAD"] if "GET" in methods else [])]
    return found


def model_of(resource: str) -> Any:
    return VIEWSETS[resource].queryset.model


def address(resource: str, route: str, record: Any) -> str:
    path = f"/api/v1/{resource}/"
    match route:
        case "list":
            return f"{path}?page_size=1"
        case "bulk":
            return f"{path}bulk/"
        case "external":
            return f"{path}external/{record.external_source}/{record.external_id}/"
        case "detail":
            return f"{path}{record.token_key if resource == 'tokens' else record.key}/"
        case "replay":
            return f"{path}{record.key}/deliveries/{record.delivery}/replay/"
        case _:
            return f"{path}{record.key}/{route}/"


def ask(caller: Caller, cell: Cell, path: str, record: Any) -> int:
    """The status of the answer. What it has changed is taken back."""
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {caller.token}"} if caller.token else {}
    if isinstance(record, Record) and cell.method in ("PATCH", "DELETE"):
        headers["HTTP_IF_MATCH"] = f'"{record._meta.model_name}-{record.key}-{record.version}"'
    if isinstance(record, Record) and cell.route in {verb.path for verb in verbs_of(type(record)).values()}:
        headers["HTTP_IDEMPOTENCY_KEY"] = f"{caller}-{record.pk}-{cell.route}"
    body = '{"note": "Changed."}' if cell.method == "PATCH" else "{}"
    with transaction.atomic():
        response = Client().generic(cell.method, path, body, "application/json", **headers)
        transaction.set_rollback(True)
    return response.status_code


# --- Who asks, and for what -------------------------------------------------------------------------------------------


@pytest.fixture
def places(make: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """What the callers' roles are held in, and what is none of theirs."""

    def area(whose: str) -> dict[str, Any]:
        programme = make(Programme, **external(whose))
        return {
            "programme": programme,
            "workstream": make(Workstream, programme=programme),
            "organisation": make(Organisation),
        }

    return {whose: area(whose) for whose in ("own", "others")}


@pytest.fixture
def callers(resource: str, places: dict[str, dict[str, Any]], person: Callable[..., Person]) -> list[Caller]:
    """A stranger, a person without a role, one caller for each column of the table, and a token that only reads.

    The roles of a column take turns.
    """
    turn = [row[0] for row in ROWS].index(resource)

    def somebody(role: str | None) -> Person:
        area = RIGHTS.get(role or "", "")
        return person(role, **({area: places["own"][area].key} if area in places["own"] else {}))

    outsider, reader = somebody(None), somebody("pmo")
    found = [
        Caller("a stranger", refusal=401),
        Caller("a person without a role", outsider, token_of(outsider), refusal=403),
        Caller("a read-only token", reader, token_of(reader, ApiToken.Scope.READ), "pmo", is_read_only=True),
    ]
    for column, roles in CALLERS.items():
        role = roles.split()[turn % len(roles.split())]
        who = somebody(role)
        found.append(Caller(role, who, token_of(who), column))
    return found


def token_of(who: Person, scope: str = ApiToken.Scope.WRITE) -> str:
    return str(ApiToken.objects.create(user=who, expiry=dt.timedelta(days=1), name="test", scope=scope)[1])


@pytest.fixture
def records(resource: str, places: dict[str, dict[str, Any]], make: Callable[..., Any]) -> Records:
    """The records that a caller tries: the same for all, but where each has records of their own."""
    if resource == "changes":
        return lambda caller, names: {}
    if resource in PERSONAL:
        stranger = make(Person)
        return lambda caller, names: made(names, lambda name: PERSONAL[resource](make, caller.person or stranger, name))
    shared = made({"own", "others", "restricted", "deleted"}, lambda name: placed(resource, places, make, name))
    return lambda caller, names: shared


def made(names: set[str], one: Callable[[str], Any]) -> dict[str, Any]:
    """A record for each of these columns of the table."""
    found = {name: one(name) for name in sorted(names - {"-"})}
    if "deleted" in found:
        gone = copy(found["deleted"])
        found["deleted"].delete()
        found["deleted"] = gone
    return found


def placed(resource: str, places: dict[str, dict[str, Any]], make: Callable[..., Any], name: str) -> Any:
    """A record in the callers' area; of others, outside it."""
    where = places["others" if name == "others" else "own"]
    through = OWN_THROUGH.get(resource, {})
    if "pk" in through.values() and name in places:
        return where["programme"]
    links = {path: where[area] for area, path in through.items() if path != "pk"}
    return make(model_of(resource), **links, **external(name))


def external(name: str) -> dict[str, str]:
    return {"external_source": "Test", "external_id": name}


def a_token(make: Callable[..., Any], person: Person, name: str) -> ApiToken:
    owner = make(Person) if name == "others" else person
    return ApiToken.objects.create(user=owner, expiry=dt.timedelta(days=1), name=name)[0]


def a_webhook(make: Callable[..., Any], person: Person, name: str) -> Webhook:
    webhook: Any = make(Webhook, owner=make(Person) if name == "others" else person, **external(f"{name}-{person.pk}"))
    webhook.delivery = webhook.deliveries.create(event="register.test").pk
    return webhook


def an_import(make: Callable[..., Any], person: Person, name: str) -> Import:
    sender = make(Person) if name == "others" else person
    made: Import = make(Import, submitted_by=sender, **external(f"{name}-{person.pk}"))
    return made


def a_calendar(make: Callable[..., Any], person: Person, name: str) -> CalendarFeed:
    owner = make(Person) if name == "others" else person
    feed: CalendarFeed = make(CalendarFeed, owner=owner, **external(f"{name}-{person.pk}"))
    return feed


def a_restriction(make: Callable[..., Any], person: Person, name: str) -> Restriction:
    restriction: Restriction = make(Restriction, **external(f"{name}-{person.pk}"))
    if name != "others":
        restriction.named.add(person)
    return Restriction.objects.get(pk=restriction.pk)


#: Resources whose records belong to persons -> how to make one.
PERSONAL: dict[str, Callable[..., Any]] = {
    "tokens": a_token,
    "webhooks": a_webhook,
    "restrictions": a_restriction,
    "imports": an_import,
    "calendar-feeds": a_calendar,
}


# --- What the table does not say --------------------------------------------------------------------------------------


def test_a_record_cannot_be_moved_out_of_the_area_of_the_one_who_moves_it(edition: Any, api: Any, person: Any) -> None:
    client = api(person("workstream_lead", workstream="ws-lims"))
    moved = client.patch("/api/v1/milestones/e-lims-contract-award/", {"workstream": "ws-endoscopy"})
    assert moved.status_code == 403
    assert client.get("/api/v1/milestones/e-lims-contract-award/").json()["workstream"] == "ws-lims"


def test_a_record_cannot_be_created_in_somebody_elses_area(edition: Any, api: Any, person: Any) -> None:
    client = api(person("workstream_lead", workstream="ws-lims"))
    body = {"title": "Kick-off", "type": "meeting", "workstream": "ws-endoscopy"}
    assert client.post("/api/v1/milestones/", body).status_code == 403
    assert client.get("/api/v1/milestones/kick-off/").status_code == 404
    assert client.post("/api/v1/milestones/", body | {"workstream": "ws-lims"}).status_code == 201


def test_a_leaver_is_refused_at_the_next_request(edition: Any, api: Any, person: Any) -> None:
    leaver = person("pmo")
    client = api(leaver)
    assert client.get("/api/v1/programmes/").status_code == 200
    type(leaver).objects.filter(pk=leaver.pk).update(is_active=False)
    assert client.get("/api/v1/programmes/").status_code == 401


def test_a_role_that_has_ended_gives_no_access(edition: Any, api: Any, person: Any) -> None:
    former = person("pmo")
    former.memberships.update(valid_to="2024-05-02")
    assert api(former).get("/api/v1/programmes/").status_code == 403
