"""Each caller has a quota of requests, every answer says how much of it is left, and nobody feels a dead Redis."""

import datetime as dt
import itertools
import logging
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.views import APIView

from cmast.api import limits
from cmast.middleware import client_address
from tests.conftest import NOW
from tests.deployment.running import environment, free_port, start, wait_for

LIST = "/api/v1/programmes/"
names = itertools.count()


@pytest.fixture(autouse=True)
def five_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small quota, and counters that nobody has used."""
    settings.RATE_QUOTA = 5
    memory = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": memory, "LOCATION": f"test-{next(names)}"}}
    monkeypatch.setattr(limits, "counters", limits.Counters())


@pytest.fixture
def use_redis(settings: Any) -> Callable[[int], None]:
    """`use_redis(port)`: counters are in the Redis there, with the product's own options."""

    def use(port: int) -> None:
        backend, address = "django.core.cache.backends.redis.RedisCache", f"redis://127.0.0.1:{port}/1"
        options = settings.REDIS_CACHE_OPTIONS
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": address, "OPTIONS": options}}

    return use


@pytest.fixture(params=["memory", "redis"])
def each_cache(request: pytest.FixtureRequest, use_redis: Callable[[int], None], tmp_path: Path) -> Iterator[None]:
    """In the process's memory, and in a real Redis."""
    if request.param == "memory":
        yield
        return
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port, log = free_port(), tmp_path / "log"
    process = start(["redis-server", f"--port {port}", "--bind 127.0.0.1", "--save", ""], environment(), log)
    try:
        wait_for(lambda: "Ready to accept connections" in log.read_text(), "the start of Redis", log)
        use_redis(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(params=["closed", "hung"])
def dead_redis(request: pytest.FixtureRequest, use_redis: Callable[[int], None]) -> Iterator[None]:
    """A port where nobody listens, and one where somebody accepts and then says nothing."""
    if request.param == "closed":
        use_redis(free_port())
        yield
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_redis(silent.getsockname()[1])
        yield


def statuses(client: Any, times: int, **headers: str) -> list[int]:
    return [client.get(LIST, **headers).status_code for _ in range(times)]


def remaining(response: Any) -> str:
    return response["RateLimit"].partition(";")[2]


def test_each_token_person_and_stranger_has_a_quota_of_its_own(
    each_cache: None, edition: Any, api: Any, person: Any, sign_in: Any
) -> None:
    somebody = person("viewer")
    for client in (api(somebody), api(somebody), sign_in(somebody), api("viewer")):
        assert statuses(client, 7) == [200] * 5 + [429] * 2
    assert statuses(api(None), 7) == [401] * 5 + [429] * 2


def test_wrong_tokens_and_people_without_a_role_use_up_a_quota_as_well(edition: Any, api: Any, person: Any) -> None:
    wrong = api(None)
    found = []
    for number in range(6):
        wrong.credentials(HTTP_AUTHORIZATION=f"Bearer wrong{number}")
        found += statuses(wrong, 1)
    assert found == [401] * 5 + [429]
    assert statuses(api(person(None)), 6) == [403] * 5 + [429]
    assert statuses(api("viewer"), 1) == [200]


def test_a_refusal_says_when_to_come_back_and_then_it_is_true(edition: Any, api: Any) -> None:
    client = api("viewer")
    with time_machine.travel(NOW + dt.timedelta(seconds=18), tick=False) as clock:
        assert statuses(client, 5) == [200] * 5
        refused = client.get(LIST)
        assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
        assert (refused.json()["code"], refused["Retry-After"]) == ("throttled", "42")
        assert remaining(refused) == "r=0;t=42"
        clock.shift(41)
        assert statuses(client, 1) == [429]
        clock.shift(1)
        assert statuses(client, 6) == [200] * 5 + [429]


REQUESTS: list[tuple[int, str, str, Any]] = [
    (200, "get", LIST, None),
    (400, "get", f"{LIST}?nonsense=1", None),
    (400, "post", LIST, {}),
    (404, "get", f"{LIST}nothing-here/", None),
    (404, "get", "/api/v1/nothing-here/", None),
    (405, "post", f"{LIST}diagnostics/", {}),
    (428, "patch", f"{LIST}diagnostics/", {}),
    (201, "post", "/api/v1/tokens/", {"name": "A system"}),
]


@pytest.mark.parametrize(("status", "method", "path", "body"), REQUESTS, ids=lambda value: str(value))
def test_every_answer_says_what_is_left(status: int, method: str, path: str, body: Any, edition: Any, api: Any) -> None:
    client = api("pmo")
    with time_machine.travel(NOW, tick=False):
        response = getattr(client, method)(path, body, HTTP_IF_MATCH="")
        assert response.status_code == status
        assert response["RateLimit-Policy"] == '"default";q=5;w=60'
        assert response["RateLimit"] == '"default";r=4;t=60'


@pytest.mark.parametrize("proxies", [0, 1])
def test_an_invented_address_gains_no_request(proxies: int, settings: Any, edition: Any, api: Any) -> None:
    settings.PROXIES = proxies
    stranger = api(None)
    ours = [", 192.0.2.7"] * proxies  # what our proxy has added
    found = [statuses(stranger, 1, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}{''.join(ours)}") for number in range(7)]
    assert found == [[401]] * 5 + [[429]] * 2


@pytest.mark.parametrize(
    ("proxies", "forwarded", "direct", "address"),
    [
        (0, "", "192.0.2.1", "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9, 192.0.2.1", "10.0.0.2", "192.0.2.1"),
        (2, "203.0.113.9, 192.0.2.1, 10.0.0.1", "10.0.0.2", "192.0.2.1"),
        (1, "", "10.0.0.2", "10.0.0.2"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "2001:db8:1:2::1", "10.0.0.2", "2001:db8:1:2::/64"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (1, "192.0.2.1:4711", "10.0.0.2", "unknown"),
        (0, "", "", "unknown"),
    ],
)
def test_the_address_is_what_our_own_proxies_heard_from(
    proxies: int, forwarded: str, direct: str, address: str, settings: Any
) -> None:
    settings.PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=direct)) == address


def test_counting_asks_the_database_nothing(person: Any, django_assert_num_queries: Any) -> None:
    view, request = APIView(), Request(RequestFactory().get(LIST))
    view.headers, request.user = {}, person("viewer")
    with django_assert_num_queries(0):
        assert limits.Limit().allow_request(request, view)
    assert remaining(view.headers)


def test_without_redis_calls_succeed_at_once_and_the_log_says_so_once(
    dead_redis: None, edition: Any, api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = api("viewer")
    began = time.perf_counter()
    with caplog.at_level(logging.WARNING, "cmast.api.limits"):
        answers = [client.get(LIST) for _ in range(8)]
    assert time.perf_counter() - began < 1  # redis-py itself would wait 5 s for each
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Policy" in answers[0] and "RateLimit" not in answers[0]
    assert len(caplog.records) == 1


def test_a_redis_that_failed_is_left_alone_for_half_a_minute_and_then_asked_again(use_redis: Callable[[int], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.1)
        use_redis(silent.getsockname()[1])
        for _ in range(2):
            assert [limits.counters.up("key", 60) for _ in range(3)] == [None] * 3
            silent.accept()[0].close()
            with pytest.raises(TimeoutError):
                silent.accept()  # three calls, one connection
            assert 29 < limits.counters.paused_until - time.monotonic() <= 30
            limits.counters.paused_until = time.monotonic()
