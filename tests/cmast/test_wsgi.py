"""Calls with a token take a way of their own, and are answered the same."""

import io
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from cmast.wsgi import application

OF_THE_REQUEST = {"X-Request-ID", "RateLimit"}
#: Of pages: what varies with a session's cookie, and a policy that lets scripts in.
OF_PAGES = {"Vary", "Content-Security-Policy"}


def call(client: Any, path: str, **environ: str) -> tuple[str, dict[str, str], bytes]:
    """The answer of the program that the web server runs."""
    given: dict[str, Any] = RequestFactory().get(path).environ | {"wsgi.input": io.BytesIO()} | client._credentials | environ
    answered: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        answered.update(status=status, headers=dict(headers))

    signals = (request_started, request_finished)
    for signal in signals:  # it would take the test's own connection away
        signal.disconnect(close_old_connections)
    try:
        body = b"".join(application(given, start_response))
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
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


def test_a_strange_host_is_refused(edition: Any, api: Any) -> None:
    status, headers, _ = call(api("viewer"), "/api/v1/milestones/", HTTP_HOST="elsewhere.example")
    assert status.startswith("400")
    assert headers["Content-Type"] == "application/problem+json"


def test_a_wrong_token_is_refused(edition: Any, api: Any) -> None:
    status, headers, _ = call(api(None), "/api/v1/milestones/", HTTP_AUTHORIZATION="Bearer wrong")
    assert status.startswith("401")
    assert headers["WWW-Authenticate"].startswith("Bearer")


def test_a_page_takes_the_whole_way(edition: Any, api: Any) -> None:
    status, headers, _ = call(api(None), "/sign-in/")
    assert status.startswith("200")
    assert "csrftoken" in headers["Set-Cookie"]
