"""A POST that is sent again has one effect, and gets the answer that the first one got."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from cmast.models import IdempotencyKey
from cmast.tasks import sweep_expired
from programmes.models import Milestone

PATH = "/api/v1/milestones/"
BODY = {"title": "Kick-off", "type": "meeting"}


def post(client: Any, key: str = "a-key", body: Any = BODY, path: str = PATH) -> Any:
    return client.post(path, body, HTTP_IDEMPOTENCY_KEY=key)


def test_the_second_request_gets_the_first_answer_and_has_no_effect(edition: Any, api: Any) -> None:
    client = api("pmo")
    first, second = post(client), post(client)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert (second["Location"], second["ETag"]) == (first["Location"], first["ETag"])
    assert "Idempotency-Replayed" not in first and second["Idempotency-Replayed"] == "true"
    assert Milestone.objects.filter(title="Kick-off").count() == 1


@pytest.mark.parametrize("change", [{"body": BODY | {"title": "Another"}}, {"path": "/api/v1/actions/"}])
def test_the_key_of_another_request_is_refused(change: Any, edition: Any, api: Any) -> None:
    client = api("pmo")
    post(client)
    refused = post(client, **change)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert Milestone.objects.filter(title="Another").count() == 0


def test_the_order_of_the_fields_is_no_other_request_but_their_values_are(edition: Any, api: Any) -> None:
    client = api("pmo")
    post(client)
    again = post(client, body=dict(reversed(BODY.items())))
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert post(client, body=BODY | {"type": "launch"}).status_code == 422


def test_another_persons_key_is_another_key(edition: Any, api: Any) -> None:
    assert post(api("pmo")).json()["key"] != post(api("pmo")).json()["key"]


def test_a_refusal_is_not_stored_so_that_it_can_be_mended(edition: Any, api: Any) -> None:
    client = api("pmo")
    assert post(client, body={"title": "Kick-off"}).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert post(client).status_code == 201


def test_who_may_no_longer_write_gets_no_replay(edition: Any, api: Any, person: Any) -> None:
    officer = person("pmo")
    client = api(officer)
    post(client)
    officer.memberships.update(role="viewer")
    assert post(client).status_code == 403


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "é"])
def test_a_key_of_another_form_is_a_problem(key: str, edition: Any, api: Any) -> None:
    assert post(api("pmo"), key=key).status_code == 400


def test_a_token_is_never_stored_for_a_replay(edition: Any, api: Any) -> None:
    assert post(api("pmo"), path="/api/v1/tokens/", body={"name": "Power BI"}).status_code == 400


def test_stored_answers_are_swept_after_seven_days(edition: Any, api: Any) -> None:
    post(api("pmo"))
    IdempotencyKey.objects.update(created_at=timezone.now() - dt.timedelta(days=6, hours=23))
    sweep_expired()
    assert IdempotencyKey.objects.count() == 1
    IdempotencyKey.objects.update(created_at=timezone.now() - dt.timedelta(days=7, minutes=1))
    sweep_expired()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory has one connection")
@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_have_one_effect(edition: Any, api: Any) -> None:
    client = api("pmo")

    def one(_: int) -> Any:
        try:
            return post(client)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as callers:
        answers = list(callers.map(one, range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["key"] for answer in answers}) == 1
    assert Milestone.objects.filter(title="Kick-off").count() == 1
