"""Bad input is refused with a problem that says what was wrong; it never breaks anything for the next reader."""

import json
from typing import Any

import pytest

from cmast.urls import api as router
from programmes.models import Milestone

NUL, SURROGATE, HUGE = "%00", "%ED%A0%80", "9" * 400
DEEP = "[" * 100_000 + "]" * 100_000
MILESTONE = {"title": "Kick-off", "type": "meeting", "workstream": "ws-lims"}

QUERIES = [
    "/api/v1/milestones/?nonsense=1",
    "/api/v1/milestones/?overdue=maybe",
    "/api/v1/milestones/?overdue=True",
    "/api/v1/milestones/?overdue=",
    "/api/v1/milestones/?overdue=true&overdue=false",
    "/api/v1/milestones/?on=2024-02-30",
    "/api/v1/milestones/?on=0000-00-00",
    "/api/v1/milestones/?on=03/05/2024",
    f"/api/v1/milestones/?on={HUGE}",
    "/api/v1/milestones/?forecast_on__gte=yesterday",
    "/api/v1/milestones/?forecast_on__gte=2024-05",
    "/api/v1/milestones/?forecast_on__year=2024",
    "/api/v1/milestones/?forecast_on__isnull=2",
    "/api/v1/milestones/?created_at__gte=0001-01-01T00:00:00%2B14:00",
    "/api/v1/milestones/?created_at__lte=9999-12-31T23:59:59-14:00",
    "/api/v1/milestones/?created_at__gte=noon",
    "/api/v1/milestones/?type=party",
    "/api/v1/milestones/?type=meeting,party",
    f"/api/v1/milestones/?type={NUL}",
    f"/api/v1/milestones/?programme=diagnostics{NUL}",
    f"/api/v1/milestones/?key={NUL}",
    f"/api/v1/milestones/?q={NUL}",
    f"/api/v1/milestones/?q={'x' * 5000}",
    f"/api/v1/milestones/?inferred={NUL}",
    f"/api/v1/milestones/?external_id={NUL}",
    "/api/v1/milestones/?ordering=password",
    "/api/v1/milestones/?ordering=workstream__programme__owner",
    "/api/v1/milestones/?ordering=--title",
    "/api/v1/milestones/?ordering=",
    "/api/v1/milestones/?page_size=0",
    "/api/v1/milestones/?page_size=-1",
    "/api/v1/milestones/?page_size=1001",
    f"/api/v1/milestones/?page_size={HUGE}",
    "/api/v1/milestones/?page_size=ten",
    "/api/v1/milestones/?page_size=%D9%A3",
    "/api/v1/milestones/?count=1",
    "/api/v1/milestones/?cursor=abc",
    f"/api/v1/milestones/?cursor={NUL}",
    "/api/v1/milestones/?cursor=",
    "/api/v1/milestones/?programme__name=x",
    "/api/v1/milestones/?workstream__programme__key=diagnostics",
    "/api/v1/observations/?value=1e400",
    "/api/v1/observations/?value=NaN",
    "/api/v1/observations/?value=Infinity",
    "/api/v1/observations/?value__gte=-1e30",
    f"/api/v1/observations/?value__lte={HUGE}",
    "/api/v1/observations/?value=ten",
    "/api/v1/observations/?revision=99999999999999999999",
    "/api/v1/observations/?revision=-1",
    "/api/v1/observations/?revision=1.5",
    "/api/v1/observations/?meets_target=unknown",
    "/api/v1/people/?password=x",
    "/api/v1/people/?last_login__gte=2024-01-01",
    "/api/v1/people/?ordering=password",
    f"/api/v1/approvals/?awaiting={NUL}",
    f"/api/v1/milestones/{NUL}/",
    f"/api/v1/milestones/{SURROGATE}/",
    f"/api/v1/milestones/{HUGE}/",
    "/api/v1/milestones/..%2F..%2Fetc/",
    "/api/v1/milestones/a%20b/",
    "/api/v1/milestones",
    "/api/v2/milestones/",
    "/api/",
]

BODIES: list[tuple[str, Any]] = [
    ("not JSON", "{"),
    ("empty", ""),
    ("not an object", "[]"),
    ("a number", "7"),
    ("null", "null"),
    ("deep nesting", DEEP),
    ("deep nesting in a field", f'{{"title": {DEEP}}}'),
    ("NaN", '{"title": NaN}'),
    ("a lone surrogate", '{"title": "\\ud800"}'),
    ("not UTF-8", b'{"title": "\xff"}'),
    ("a NUL byte", MILESTONE | {"title": "a\x00b"}),
    ("a control character", MILESTONE | {"title": "a\x08b"}),
    ("a NUL in a list", MILESTONE | {"inferred": ["a\x00b"]}),
    ("a NUL in a key", MILESTONE | {"key": "a\x00b"}),
    ("a NUL in a link", MILESTONE | {"workstream": "ws-lims\x00"}),
    ("an unknown field", MILESTONE | {"colour": "red"}),
    ("a field name with a NUL", MILESTONE | {"a\x00b": "red"}),
    ("an unknown word", MILESTONE | {"type": "party"}),
    ("a word of another type", MILESTONE | {"type": ["meeting"]}),
    ("an object for a text", MILESTONE | {"title": {"en": "Kick-off"}}),
    ("no title", {"type": "meeting"}),
    ("an empty title", MILESTONE | {"title": ""}),
    ("a long title", MILESTONE | {"title": "x" * 301}),
    ("a reserved key", MILESTONE | {"key": "bulk"}),
    ("a key with a slash", MILESTONE | {"key": "a/b"}),
    ("a long key", MILESTONE | {"key": "x" * 101}),
    ("a date that does not exist", MILESTONE | {"forecast_on": "2024-02-30", "forecast_precision": "day"}),
    ("a date far away", MILESTONE | {"forecast_on": "99999-01-01", "forecast_precision": "day"}),
    ("a moment for a date", MILESTONE | {"forecast_on": "2024-05-03T10:00:00Z", "forecast_precision": "day"}),
    ("a number for a date", MILESTONE | {"forecast_on": 20240503, "forecast_precision": "day"}),
    ("a date without precision", MILESTONE | {"forecast_on": "2024-05-03"}),
    ("a precision without date", MILESTONE | {"forecast_precision": "month"}),
    (
        "dates out of order",
        MILESTONE | {"starts_on": "2024-06-02", "forecast_on": "2024-06-01", "forecast_precision": "season"},
    ),
    ("a link that does not exist", MILESTONE | {"workstream": "ws-nothing"}),
    ("a number for a link", MILESTONE | {"workstream": 1}),
    ("an object for a link", MILESTONE | {"workstream": {"key": "ws-lims"}}),
    ("another programme's workstream", MILESTONE | {"programme": "workforce"}),
    ("a text for a list", MILESTONE | {"depends_on": "e-lims-status-date"}),
    ("an unknown key in a list", MILESTONE | {"depends_on": ["e-nothing"]}),
    ("wrong lines", MILESTONE | {"source_lines": ["12-3"]}),
    ("lines as numbers in a range text", MILESTONE | {"source_lines": ["a-b"]}),
    ("half of an external id", MILESTONE | {"external_id": "1"}),
    ("a wrong financial year", MILESTONE | {"financial_year": "2024-25"}),
    ("a financial year out of step", MILESTONE | {"financial_year": "2024/26"}),
]
NUMBERS = [HUGE, f"-{HUGE}", "1e400", "NaN", "Infinity", "ten", True, [], {}, "0.1234567", 1e300]


def assert_is_a_problem(response: Any) -> None:
    assert 400 <= response.status_code < 500, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert problem["request_id"] == response["X-Request-ID"]
    assert problem["status"] == response.status_code
    assert problem["detail"]


@pytest.mark.parametrize("path", QUERIES)
def test_a_malformed_query_is_a_problem(path: str, edition: Any, api: Any) -> None:
    assert_is_a_problem(api("pmo").get(path))


@pytest.mark.parametrize(("what", "body"), BODIES, ids=[what for what, _ in BODIES])
def test_a_malformed_body_is_a_problem(what: str, body: Any, edition: Any, api: Any) -> None:
    client = api("pmo")
    raw = json.dumps(body) if isinstance(body, dict) else body
    assert_is_a_problem(client.post("/api/v1/milestones/", raw, content_type="application/json"))
    assert_is_a_problem(client.put("/api/v1/milestones/e-lims-contract-award/", raw, content_type="application/json"))


@pytest.mark.parametrize("value", NUMBERS, ids=str)
def test_a_malformed_number_is_a_problem(value: Any, edition: Any, api: Any) -> None:
    assert_is_a_problem(api("pmo").patch("/api/v1/observations/o-65w-2024-03/", {"value": value}))
    assert_is_a_problem(
        api("pmo").patch("/api/v1/observations/o-65w-2024-03/", {"revision": value if value != "0.1234567" else -1})
    )


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_a_body_that_is_not_json_is_a_problem(content_type: str, edition: Any, api: Any) -> None:
    assert_is_a_problem(api("pmo").post("/api/v1/milestones/", "title=x", content_type=content_type))


def test_put_replaces_the_whole_record(edition: Any, api: Any) -> None:
    client = api("pmo")
    replaced = client.put("/api/v1/milestones/e-lims-contract-award/", MILESTONE | {"change_reason": "Started anew."}).json()
    assert replaced["title"] == "Kick-off"
    assert replaced["forecast_on"] is None and replaced["depends_on"] == [] and replaced["source"] is None


def test_the_records_own_key_and_what_the_server_writes_may_come_back(edition: Any, api: Any) -> None:
    client = api("pmo")
    read = client.get("/api/v1/milestones/e-lims-contract-award/").json()
    written = client.put(
        "/api/v1/milestones/e-lims-contract-award/", read | {"version": 99, "created_at": "2000-01-01T00:00:00Z"}
    ).json()
    moved = {name: written[name] for name in ("version", "etag", "updated_at")}
    assert written == read | moved
    assert written["version"] == read["version"] + 1


def test_a_key_for_a_request_about_no_record_is_a_problem(edition: Any, api: Any) -> None:
    response = api("pmo").post("/api/v1/webhooks/nothing/test/", HTTP_IDEMPOTENCY_KEY="a-key")
    assert_is_a_problem(response)
    assert response.status_code == 404


@pytest.mark.parametrize("query", ["as_of=", "created_at__lte=", "source_lines=1&created_at__lte="])
@pytest.mark.parametrize("offset", ["%2B17:56", "-23:59", "Z"])
def test_a_moment_is_understood_however_far_from_greenwich_it_is_told(query: str, offset: str, edition: Any, api: Any) -> None:
    assert api("pmo").get(f"/api/v1/milestones/?{query}2024-05-03T12:00:00{offset}").status_code == 200


@pytest.mark.parametrize("query", ["", "source_lines=1&"])
def test_a_number_beyond_what_is_stored_finds_nothing(query: str, edition: Any, api: Any) -> None:
    assert api("pmo").get(f"/api/v1/scores/?{query}consequence=67180").json()["results"] == []


def test_a_strange_charset_changes_nothing(edition: Any, api: Any) -> None:
    response = api("pmo").post("/api/v1/milestones/", json.dumps(MILESTONE), content_type="application/json; charset=klingon")
    assert response.status_code == 201


def test_a_body_that_is_too_large_is_a_problem(edition: Any, api: Any) -> None:
    response = api("pmo").post("/api/v1/milestones/", b" " * (6 * 1024 * 1024), content_type="application/json")
    assert_is_a_problem(response)
    assert response.status_code == 413


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_a_method_that_a_list_does_not_have_is_a_problem(method: str, edition: Any, api: Any) -> None:
    assert_is_a_problem(getattr(api("pmo"), method)("/api/v1/milestones/"))


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "\u00e9", "a b c", "0" * 64])
def test_a_wrong_token_is_a_problem(token: str, edition: Any, api: Any) -> None:
    response = api(None).get("/api/v1/programmes/", HTTP_AUTHORIZATION=f"Bearer {token}".encode().decode("latin-1"))
    assert_is_a_problem(response)
    assert response.status_code == 401


def test_the_problem_names_the_place(edition: Any, api: Any) -> None:
    client = api("pmo")
    body = client.post("/api/v1/milestones/", MILESTONE | {"type": "party", "depends_on": ["e-nothing"]}).json()
    assert {error["pointer"] for error in body["errors"]} == {"/type", "/depends_on"}
    query = client.get("/api/v1/milestones/?overdu=true").json()
    assert query["errors"] == [
        {"parameter": "overdu", "code": "invalid", "detail": "This list has no such parameter. Did you mean overdue?"}
    ]


def test_a_word_that_is_none_is_refused_with_the_words_that_are(edition: Any, api: Any) -> None:
    client, kinds = api("pmo"), ", ".join(Milestone.Type.values)
    said = [
        client.post("/api/v1/milestones/", MILESTONE | {"type": "party"}),
        client.get("/api/v1/milestones/?type=meeting,party"),
        client.get("/api/v1/milestones/?overdue=party"),
        client.post("/api/v1/spc/", {"dates": [], "values": [], "options": {"improvement_direction": "party"}}),
    ]
    assert [answer.json()["errors"][0]["detail"] for answer in said] == [
        f"“party” is not one of {kinds}.",
        f"“party” is not one of {kinds}.",
        "“party” is not one of true, false.",
        "“party” is not one of increase, decrease, neutral.",
    ]


@pytest.mark.django_db
def test_every_list_still_answers_after_all_of_it(edition: Any, api: Any) -> None:
    client = api("pmo")
    for path in QUERIES:
        client.get(path)
    for _, body in BODIES:
        raw = json.dumps(body) if isinstance(body, dict) else body
        client.post("/api/v1/milestones/", raw, content_type="application/json")
    for value in NUMBERS:
        client.patch("/api/v1/observations/o-65w-2024-03/", {"value": value})
    for resource, _, _ in router.registry:
        assert client.get(f"/api/v1/{resource}/?page_size=1000&count=true").status_code == 200
