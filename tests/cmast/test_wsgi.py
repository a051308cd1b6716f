"""Calls with a token take a way of their own, and are answered the same."""

import io
from typing import Any

import orjson
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import RequestFactory

from cmast import wsgi
from cmast.api import lists

OF_THE_REQUEST = {"X-Request-ID", "RateLimit"}
#: Of pages: what varies with a session's cookie, and a policy that lets scripts in.
OF_PAGES = {"Vary", "Content-Security-Policy"}


def call(client: Any, path: str, application: Any = wsgi.application, **environ: str) -> tuple[str, dict[str, str], bytes]:
    """The answer of the program that the web server runs."""
    given: dict[str, Any] = RequestFactory().get(path).environ | {"wsgi.input": io.BytesIO()} | client._credentials | environ
    answered: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        answered.update(status=status, headers=dict(headers))

    with pytest.MonkeyPatch.context() as patch:  # it would take the test's own connection away
        patch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda _: None)
        body = b"".join(application(given, start_response))
    return answered["status"], answered["headers"], body


@pytest.mark.parametrize("path", ["/api/v1/milestones/", "/api/v1/milestones/nothing/", "/api/v1/nowhere/", "/api/v1/tokens/"])
def test_both_ways_answer_the_same(path: str, edition: Any, api: Any) -> None:
    client = api("viewer")
    status, headers, body = call(client, path, HTTP_X_REQUEST_ID="the-same-id")
    whole = client.get(path, HTTP_X_REQUEST_ID="the-same-id")
    assert (int(status[:3]), body) == (whole.status_code, whole.content)
    kept = {name: value for name, value in headers.items() if name not in OF_THE_REQUEST | OF_PAGES}
    assert kept == {name: value for name, value in whole.headers.items() if name not in OF_THE_REQUEST | OF_PAGES}
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_head_has_the_headers_of_get_and_no_body(edition: Any, api: Any) -> None:
    client, path = api("viewer"), "/api/v1/milestones/?page_size=1"
    got, asked = call(client, path), call(client, path, REQUEST_METHOD="HEAD")
    assert asked[0] == got[0] and asked[1]["Content-Length"] == str(len(got[2])) and asked[2] == b""


def test_a_strange_host_is_refused(edition: Any, api: Any) -> None:
    status, headers, _ = call(api("viewer"), "/api/v1/milestones/", HTTP_HOST="elsewhere.example")
    assert status.startswith("400")
    assert headers["Content-Type"] == "application/problem+json"


def test_over_tls_both_ways_say_so_and_plain_http_is_led_there(edition: Any, api: Any, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 60
    client, program = api("viewer"), wsgi.Api()
    status, headers, _ = call(client, "/api/v1/milestones/?page_size=1", program, HTTP_X_FORWARDED_PROTO="https")
    whole = client.get("/api/v1/milestones/?page_size=1", HTTP_X_FORWARDED_PROTO="https")
    assert status == "200 OK"
    assert headers["Strict-Transport-Security"] == whole["Strict-Transport-Security"] == "max-age=60"
    status, headers, _ = call(client, "/api/v1/milestones/?page_size=1", program)
    whole = client.get("/api/v1/milestones/?page_size=1")
    assert (int(status[:3]), headers["Location"]) == (whole.status_code, whole["Location"])
    assert "Strict-Transport-Security" not in headers


def test_what_breaks_is_answered_as_elsewhere(edition: Any, api: Any, monkeypatch: Any, caplog: Any) -> None:
    def breaking(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(lists, "page", breaking)
    status, headers, body = call(api("viewer"), "/api/v1/milestones/", HTTP_X_REQUEST_ID="what-breaks")
    assert status == "500 Internal Server Error"
    assert (headers["X-Request-ID"], orjson.loads(body)["request_id"]) == ("what-breaks", "what-breaks")
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_all_headers_can_be_read_as_django_reads_them() -> None:
    environ = RequestFactory().get("/", headers={"If-Match": "a", "Accept": "b"}).environ
    headers, plain = wsgi.Headers(environ), RequestFactory().get("/", headers={"If-Match": "a", "Accept": "b"}).headers
    assert dict(headers) == dict(plain)
    assert headers.get("if-match") == headers["If_Match"] == "a"
    assert headers.get("Cookie") == plain.get("Cookie")
    assert headers.get("Nothing") is None
    assert "accept" in headers and "nothing" not in headers


def test_a_wrong_token_is_refused(edition: Any, api: Any) -> None:
    status, headers, _ = call(api(None), "/api/v1/milestones/", HTTP_AUTHORIZATION="Bearer wrong")
    assert status.startswith("401")
    assert headers["WWW-Authenticate"].startswith("Bearer")


def test_a_page_takes_the_whole_way(edition: Any, api: Any) -> None:
    status, headers, _ = call(api(None), "/sign-in/")
    assert status.startswith("200")
    assert "csrftoken" in headers["Set-Cookie"]
