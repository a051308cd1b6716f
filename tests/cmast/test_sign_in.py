"""Passwords cannot be tried out: too many wrong ones close the door to the account and to the address, for everybody alike."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.test import Client

from cmast.models import Person, SignInFailure
from cmast.models.sign_ins import TooManyFailures
from cmast.tasks import sweep_expired
from tests.conftest import NOW

RIGHT = "five quiet orange boats"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def ann(person: Callable[..., Person]) -> Person:
    """Somebody with a password."""
    somebody = person("viewer")
    somebody.email = "ann@example.org"
    somebody.set_password(RIGHT)
    somebody.save()
    return somebody


def sign_in(password: str, name: str = "ann@example.org", address: str = "192.0.2.1") -> Any:
    return Client().post("/sign-in/", {"username": name, "password": password}, REMOTE_ADDR=address)


def fail(times: int, **where: str) -> list[int]:
    return [sign_in("wrong", **where).status_code for _ in range(times)]


def test_after_ten_failures_the_right_password_is_refused_too_until_a_quarter_of_an_hour_has_passed(
    ann: Person, clock: Any
) -> None:
    assert fail(10) == [200] * 10
    clock.shift(60)
    refused = sign_in(RIGHT)
    assert (refused.status_code, refused["Retry-After"]) == (429, str(14 * 60))
    assert "12:15" in refused.content.decode()
    clock.shift(14 * 60 - 1)
    assert sign_in(RIGHT)["Retry-After"] == "1"
    clock.shift(1)
    assert sign_in(RIGHT).status_code == 302


def test_the_account_is_closed_from_wherever_one_comes_and_other_accounts_are_not(ann: Person, person: Any) -> None:
    other = person("viewer")
    other.set_password(RIGHT)
    other.save()
    fail(10)
    assert sign_in(RIGHT, address="198.51.100.1").status_code == 429
    assert sign_in(RIGHT, name=other.email).status_code == 302


@pytest.mark.parametrize("spelling", ["ANN@example.org", " ann@example.org ", "ａnn@example.org"])
def test_no_spelling_of_the_address_is_another_account(spelling: str, ann: Person) -> None:
    assert fail(5) + fail(5, name=spelling) == [200] * 10
    assert fail(1, name=spelling) == [429]


def test_an_address_is_closed_after_fifty_failures_whichever_accounts_they_were_for(ann: Person) -> None:
    for number in range(50):
        SignInFailure.objects.attempt(f"somebody-{number}@example.org", "192.0.2.1")
    assert sign_in(RIGHT).status_code == 429
    assert sign_in(RIGHT, address="198.51.100.1").status_code == 302


def test_an_invented_address_gains_no_attempt(ann: Person) -> None:
    for number in range(50):
        SignInFailure.objects.attempt(f"somebody-{number}@example.org", "192.0.2.1")
    given = {"username": "ann@example.org", "password": RIGHT}
    refused = Client().post("/sign-in/", given, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert refused.status_code == 429


def test_success_clears_the_failures_of_the_account_and_no_others(ann: Person) -> None:
    fail(9)
    fail(3, name="somebody@example.org")
    assert sign_in(RIGHT).status_code == 302
    assert SignInFailure.objects.count() == 3
    assert fail(11) == [200] * 10 + [429]


def test_a_refusal_does_not_prolong_itself(ann: Person, clock: Any) -> None:
    fail(10)
    for _ in range(5):
        clock.shift(60)
        assert fail(1) == [429]
    clock.shift(10 * 60)
    assert sign_in(RIGHT).status_code == 302


def test_an_account_that_nobody_has_is_answered_the_same_at_every_turn(ann: Person, clock: Any) -> None:
    def answers(name: str) -> list[tuple[int, str, str]]:
        found = []
        for _ in range(12):
            response = sign_in("wrong", name=name)
            page = re.sub(r'value="[^"]*"', "", response.content.decode())
            found.append((response.status_code, page, response.get("Retry-After", "")))
        return found

    known = answers("ann@example.org")
    assert [status for status, *_ in known] == [200] * 10 + [429] * 2
    assert answers("nobody@example.org") == known


def test_a_form_without_a_password_is_no_attempt(db: None) -> None:
    assert fail(1, name="") == [200]
    assert sign_in("").status_code == 200
    assert not SignInFailure.objects.exists()


def test_the_name_is_not_kept_in_plain(db: None) -> None:
    fail(1)
    kept = str(SignInFailure.objects.values().get())
    assert "ann" not in kept and "192.0.2.1" in kept


def test_the_admin_has_no_other_door(db: None) -> None:
    given = {"username": "ann@example.org", "password": "wrong"}
    assert Client().post("/admin/login/", given)["Location"] == "/sign-in/?next=/admin/"


def test_the_sweep_removes_what_nobody_counts_any_more(db: None, clock: Any) -> None:
    fail(1)
    clock.shift(14 * 60)
    fail(1)
    clock.shift(2 * 60)
    sweep_expired()
    assert SignInFailure.objects.count() == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory has one connection")
@pytest.mark.django_db(transaction=True)
def test_many_attempts_at_once_get_no_further_than_one_after_the_other() -> None:
    def attempt(number: int) -> bool:
        try:
            SignInFailure.objects.attempt("ann@example.org", f"192.0.2.{number}")
        except TooManyFailures:
            return False
        finally:
            connections["default"].close()
        return True

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(attempt, range(40)))
    assert 1 <= allowed <= SignInFailure.PER_ACCOUNT
