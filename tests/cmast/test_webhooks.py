"""Webhooks: what changes is sent, signed, until it has arrived, to whom it concerns and to nobody else."""

import datetime as dt
import ipaddress
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Library

from cmast import webhooks
from cmast.history.context import changing
from cmast.models import (
    Change,
    FeedEntry,
    JobRun,
    Person,
    Restriction,
    Webhook,
    WebhookDelivery,
    WebhookProgress,
    WebhookSecret,
)
from cmast.tasks import send_webhooks, sweep_expired
from cmast.webhooks import drain, plan
from programmes.models import Milestone
from tests.receiver import Receiver, running

URL = "/api/v1/webhooks/"
LIMS = "e-lims-contract-award"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    with running() as receiver:
        yield receiver


@pytest.fixture
def webhook(edition: Any, make: Any, person: Any, receiver: Receiver) -> Callable[..., Webhook]:
    """`webhook("500", owner=somebody)`: one that is answered like this."""

    def make_webhook(answer: str = "200", **fields: Any) -> Webhook:
        return make(Webhook, url=receiver.url(answer), **({"owner": person("viewer")} | fields))

    return make_webhook


def touch(key: str = LIMS, text: str = "Changed.") -> None:
    Milestone.objects.filter(key=key).update(note=text)


def told(receiver: Receiver) -> list[dict[str, Any]]:
    """Every change that has arrived."""
    return [change for got in receiver.got for change in json.loads(got["body"])["data"].get("changes", [])]


def only() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def later(**time: float) -> Any:
    return time_machine.travel(timezone.now() + dt.timedelta(**time))


# ------------------------------------------------------------------------------------------------------------- arriving


def test_a_change_arrives_signed(webhook: Any, receiver: Receiver) -> None:
    made = webhook()
    with changing(reason="Because."):
        touch()
    send_webhooks()
    (got,) = receiver.got
    message = Library(made.secret).verify(got["body"], got["headers"])
    assert message["type"] == "register.changed" and got["headers"]["content-type"] == "application/json"
    (change,) = message["data"]["changes"]
    assert (change["resource"], change["key"], change["operation"]) == ("milestones", LIMS, "update")
    assert change["reason"] == "Because." and {"field": "note", "before": "", "after": "Changed."} in change["changes"]
    assert only().state == "sent" and str(only().pk) == got["headers"]["webhook-id"]
    assert JobRun.objects.get(name="send_webhooks").detail == "1 planned, 1 sent"


def test_the_six_lines_of_the_documentation_tell_genuine_from_forged(webhook: Any, receiver: Receiver) -> None:
    code = (settings.BASE_DIR / "docs" / "webhooks.md").read_text().partition("```python")[2].partition("```")[0]
    lines: dict[str, Any] = {}
    exec(code, lines)
    made = webhook()
    touch()
    send_webhooks()
    headers, body = receiver.got[0]["headers"], receiver.got[0]["body"]
    assert lines["is_genuine"](made.secret, headers, body)
    assert not lines["is_genuine"](made.secret, headers, body + b" ")
    assert not lines["is_genuine"](made.secret, headers | {"webhook-timestamp": "1714730000"}, body)
    with later(minutes=6):
        assert not lines["is_genuine"](made.secret, headers, body)


def test_nothing_arrives_twice_however_often_the_job_runs(webhook: Any, receiver: Receiver) -> None:
    webhook()
    touch()
    for _ in range(3):
        send_webhooks()
    assert len(receiver.got) == 1


def test_changes_arrive_by_whatever_path_they_come(webhook: Any, receiver: Receiver, make: Any, api: Any) -> None:
    webhook()
    made = make(Milestone, title="One")
    made.note = "In bulk."
    Milestone.objects.bulk_update([made], ["note"])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE programmes_milestone SET note = 'Raw.' WHERE key = %s", [made.key])
    api("pmo").patch(f"/api/v1/milestones/{made.key}/", {"note": "By the API."})
    made.delete()
    send_webhooks()
    of_it = [(change["operation"], change["version"]) for change in told(receiver) if change["key"] == made.key]
    assert of_it == [("insert", 1), ("update", 2), ("update", 3), ("update", 4), ("delete", None)]
    positions = [change["position"] for change in told(receiver)]
    assert positions == sorted(positions)


def test_what_was_before_the_webhook_is_not_sent(webhook: Any, receiver: Receiver) -> None:
    touch()
    webhook()
    send_webhooks()
    assert not receiver.got


def test_only_the_named_resources_arrive(webhook: Any, receiver: Receiver, make: Any) -> None:
    webhook(resources=["milestones"])
    make(Milestone)  # with a programme and a workstream
    send_webhooks()
    assert {change["resource"] for change in told(receiver)} == {"milestones"}


def test_many_changes_arrive_in_messages_of_a_hundred(webhook: Any, receiver: Receiver, make: Any) -> None:
    webhook(resources=["milestones"])
    Milestone.objects.update(note="All of them.")
    rounds = 250 // Milestone.objects.count() + 1
    for turn in range(rounds):
        Milestone.objects.update(note=f"Again {turn}.")
    send_webhooks()
    sizes = [len(json.loads(got["body"])["data"]["changes"]) for got in receiver.got]
    assert sum(sizes) == (rounds + 1) * Milestone.objects.count() and sizes[0] == max(sizes) == 100
    positions = [change["position"] for change in told(receiver)]
    assert len(set(positions)) == len(positions)


def test_planning_twice_plans_once_even_where_the_cursor_was_lost(webhook: Any, receiver: Receiver) -> None:
    webhook()
    before = WebhookProgress.objects.get().position
    touch()
    assert (plan(), plan()) == (1, 0)
    WebhookProgress.objects.update(position=before)
    plan()
    assert WebhookDelivery.objects.count() == 1


# -------------------------------------------------------------------------------------------------------------- rights


def restrict(key: str, named: Person) -> Restriction:
    restriction = Restriction.objects.create(record_type="milestone", record_key=key, kind="commercial")
    restriction.named.add(named)
    return restriction


def test_a_hidden_record_is_told_to_those_who_are_named_only(webhook: Any, receiver: Receiver, person: Any) -> None:
    named = person("viewer")
    restrict(LIMS, named)
    open_to, closed_to = webhook(owner=named), webhook()
    touch(text="Secret.")
    send_webhooks()
    assert only().webhook == open_to != closed_to
    assert LIMS in {change["key"] for change in told(receiver)}


def test_what_is_hidden_between_planning_and_sending_is_not_sent(webhook: Any, receiver: Receiver, person: Any) -> None:
    webhook(resources=["milestones"])
    touch(text="Secret.")
    plan()
    restrict(LIMS, person("viewer"))
    drain()
    assert not receiver.got and only().state == "cancelled"


@pytest.mark.parametrize("how", ["leaves", "loses the role"])
def test_who_has_gone_is_told_nothing_more(how: str, webhook: Any, receiver: Receiver) -> None:
    owner = webhook().owner
    touch()
    plan()
    if how == "leaves":
        Person.objects.filter(pk=owner.pk).update(is_active=False)
    else:
        owner.memberships.all().delete()
    touch(text="Once more.")
    send_webhooks()
    assert not receiver.got and only().state == "cancelled"


def test_another_persons_webhook_does_not_exist_for_a_member(webhook: Any, receiver: Receiver, api: Any, make: Any) -> None:
    made = webhook()
    touch()
    plan()
    client, replay = api("programme_manager"), f"{URL}{made.key}/deliveries/{only().pk}/replay/"
    assert client.get(URL).json()["results"] == []
    for path in (f"{made.key}/", f"{made.key}/history/", f"{made.key}/deliveries/"):
        assert client.get(URL + path).status_code == client.get(URL + path.replace(made.key, "missing")).status_code == 404
    for path in ("rotate/", "test/", "enable/"):
        assert client.post(f"{URL}{made.key}/{path}").status_code == 404
    assert client.post(replay).status_code == 404
    assert client.patch(f"{URL}{made.key}/", {"note": "Mine."}).status_code == 404
    assert client.delete(f"{URL}{made.key}/").status_code == 404
    feed = client.get("/api/v1/changes/?resource=webhooks").json()["results"]
    assert made.key not in {change["key"] for change in feed}


def test_a_delivery_of_one_webhook_is_not_found_through_another(webhook: Any, api: Any, person: Any) -> None:
    mine, other = webhook(owner=(me := person("viewer"))), webhook()
    delivery = other.send_test(other.owner)
    for name in (str(delivery.pk), "0" * 36, "-" * 36):
        assert api(me).post(f"{URL}{mine.key}/deliveries/{name}/replay/").status_code == 404


def test_every_member_may_make_one_and_it_is_theirs(edition: Any, api: Any, person: Any) -> None:
    reader = person("viewer")
    made = api(reader).post(URL, {"name": "Power BI", "url": "https://bi.example/register"})
    assert made.status_code == 201 and made.json()["owner"] == reader.key
    assert api(reader, scope="read").post(URL, {"name": "B", "url": "https://bi.example/"}).status_code == 403
    stolen = api(reader).post(URL, {"name": "C", "url": "https://bi.example/", "owner": person("pmo").key})
    assert stolen.status_code == 201 and stolen.json()["owner"] == reader.key


def test_nobody_else_sends_elsewhere_what_its_owner_sees(webhook: Any, api: Any) -> None:
    made, client = webhook(), api("pmo")
    assert client.patch(f"{URL}{made.key}/", {"url": "https://elsewhere.example/"}).status_code == 400
    assert client.patch(f"{URL}{made.key}/", {"is_active": False}).status_code == 200
    assert api(made.owner).patch(f"{URL}{made.key}/", {"url": "https://elsewhere.example/"}).status_code == 200


@pytest.mark.parametrize(
    "url", ["http://receiver.example/", "https://10.0.0.1/", "https://[::1]/", "https://u:p@receiver.example/"]
)
def test_an_address_that_would_be_refused_is_refused_at_once(url: str, edition: Any, api: Any) -> None:
    refused = api("viewer").post(URL, {"name": "A", "url": url})
    assert refused.status_code == 400 and refused.json()["errors"][0]["pointer"] == "/url"


def test_a_resource_that_does_not_exist_is_refused(edition: Any, make: Any) -> None:
    with pytest.raises(ValidationError, match="mile-stones"):
        make(Webhook, resources=["milestones", "mile-stones"])


# -------------------------------------------------------------------------------------------------------- secret


def test_the_secret_is_shown_once_and_stands_nowhere_else(
    receiver: Receiver, edition: Any, api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = api("pmo")
    secret = client.post(URL, {"name": "A", "url": receiver.url("500"), "key": "a"}).json()["secret"]
    touch()
    assert len(secret) > 40 and secret.startswith("whsec_")
    send_webhooks()
    pages = [client.get(path) for path in (URL, f"{URL}a/", f"{URL}a/history/", f"{URL}a/deliveries/", "/api/v1/changes/")]
    shown = "".join(page.content.decode() for page in pages) + caplog.text + receiver.got[0]["body"].decode()
    assert secret not in shown and "whsec_" not in shown
    stored = [str(change.before) + str(change.after) for change in Change.objects.filter(table__startswith="cmast_webhook")]
    assert stored and "whsec_" not in "".join(stored)


def test_a_secret_is_never_stored_for_a_replay(edition: Any, api: Any, webhook: Any) -> None:
    client, key = api("pmo"), {"HTTP_IDEMPOTENCY_KEY": "1"}
    assert client.post(URL, {"name": "A", "url": "https://bi.example/"}, **key).status_code == 400
    assert client.post(f"{URL}{webhook().key}/rotate/", **key).status_code == 400
    assert client.post(f"{URL}bulk/", {"operation": "create", "rows": []}, **key).status_code in (404, 405)


def test_a_system_that_makes_its_webhook_by_its_own_id_is_told_the_secret(edition: Any, api: Any) -> None:
    client, path = api("pmo"), f"{URL}external/bi/7/"
    made = client.put(path, {"name": "A", "url": "https://bi.example/"}, HTTP_IF_MATCH="")
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    assert "secret" not in client.put(path, {"name": "B", "url": "https://bi.example/"}, HTTP_IF_MATCH="").json()


def test_for_a_day_the_old_secret_signs_beside_the_new_one(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook()
    old, new = made.secret, api(made.owner).post(f"{URL}{made.key}/rotate/").json()["secret"]
    assert old != new
    touch()
    send_webhooks()
    for secret in (old, new):
        Library(secret).verify(receiver.got[0]["body"], receiver.got[0]["headers"])
    with later(hours=25):
        touch(text="Tomorrow.")
        send_webhooks()
        Library(new).verify(receiver.got[1]["body"], receiver.got[1]["headers"])
        with pytest.raises(Exception, match="No matching signature"):
            Library(old).verify(receiver.got[1]["body"], receiver.got[1]["headers"])
        sweep_expired()
        assert [row.secret for row in WebhookSecret.objects.all()] == [new]


# ---------------------------------------------------------------------------------------------------- trying again


def test_a_failure_is_tried_again_under_the_same_id_with_growing_pauses(webhook: Any, receiver: Receiver) -> None:
    made = webhook("500")
    touch()
    send_webhooks()
    moment = timezone.now()
    pauses = []
    while only().state == "pending":
        pauses.append((only().not_before - moment).total_seconds())
        moment = only().not_before + dt.timedelta(seconds=1)
        with time_machine.travel(moment - dt.timedelta(seconds=2)):
            drain()
        assert only().attempts == len(pauses)  # not before its time
        with time_machine.travel(moment):
            drain()
    assert len(set(receiver.ids)) == 1 and len(receiver.got) == 10
    for pause, wanted in zip(pauses, WebhookDelivery.PAUSES[1:], strict=True):
        assert wanted.total_seconds() - 2 <= pause <= wanted.total_seconds() * 1.2
    delivery = only()
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("failed", 10, 500)
    assert delivery.last_error == "It answered 500, no success."
    made.refresh_from_db()
    assert made.is_active


def test_what_failed_once_arrives_when_the_receiver_is_back(webhook: Any, receiver: Receiver) -> None:
    made = webhook("500", resources=["milestones"])
    touch()
    send_webhooks()
    Webhook.objects.filter(pk=made.pk).update(url=receiver.url("200"))
    with later(seconds=10):
        send_webhooks()
    assert [got["path"] for got in receiver.got] == ["/500", "/200"] and only().state == "sent"
    assert WebhookProgress.objects.get().failing_since is None


@pytest.mark.parametrize("answer", ["302", "400", "404", "429", "503"])
def test_everything_but_success_is_tried_again(answer: str, webhook: Any, receiver: Receiver) -> None:
    webhook(answer)
    touch()
    send_webhooks()
    assert (only().state, only().last_status) == ("pending", int(answer))


def test_an_address_that_becomes_private_gets_nothing(webhook: Any, receiver: Receiver, settings: Any) -> None:
    webhook()
    settings.WEBHOOK_NETWORKS = []
    touch()
    send_webhooks()
    assert not receiver.got and only().state == "pending" and only().last_error == "It must begin with https://."


def test_one_address_that_fails_holds_up_nobody(webhook: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "BATCH", 1)
    failing = webhook("500", resources=["milestones"])
    webhook(resources=["milestones"])
    for turn in range(5):
        touch(text=str(turn))
    send_webhooks()
    paths = [got["path"] for got in receiver.got]
    assert paths.count("/200") == 5 and paths.count("/500") == 1
    assert failing.deliveries.filter(state="pending").count() == 5


def test_a_message_that_cannot_be_made_fails_alone(
    webhook: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhooks, "BATCH", 1)
    webhook()
    touch()
    touch(text="Again.")
    plan()
    poison = WebhookDelivery.objects.earliest("first_position")
    real = webhooks.events

    def events(changes: Any, reader: Any) -> Any:
        if any(change.entry.position == poison.first_position for change in changes):
            raise RuntimeError("A secret detail")
        return real(changes, reader)

    monkeypatch.setattr(webhooks, "events", events)
    drain()
    poison.refresh_from_db()
    assert (poison.state, poison.last_error) == ("pending", "It broke off on our side (RuntimeError).")
    drain()
    assert len(receiver.got) == 1


# ------------------------------------------------------------------------------------------------------------- leases


def test_a_sender_that_died_after_its_claim_loses_nothing(webhook: Any, receiver: Receiver) -> None:
    """kill -9 between the claim and the call: the row says that it is being sent, and nobody is sending it."""
    webhook()
    touch()
    plan()
    claimed = WebhookDelivery.objects.claim()
    drain()
    assert claimed and not receiver.got
    with later(minutes=1, seconds=59):
        drain()
        assert not receiver.got
    with later(minutes=2, seconds=1):
        drain()
    assert receiver.ids == [str(claimed.pk)] and (only().state, only().attempts) == ("sent", 2)


def test_a_sender_that_slept_too_long_writes_nothing_and_sends_nothing(webhook: Any, receiver: Receiver) -> None:
    webhook()
    touch()
    plan()
    sleeper: Any = WebhookDelivery.objects.claim()
    with later(minutes=3):
        webhooks._deliver(sleeper)
        assert not receiver.got and only().state == "sending"
        drain()
        assert not sleeper.settle("failed") and not sleeper.postpone("Too late.") and not sleeper.release()
    assert len(receiver.got) == 1 and only().state == "sent"


def test_only_one_of_two_takes_a_delivery(webhook: Any) -> None:
    webhook()
    touch()
    plan()
    first, second = only(), only()
    assert first.take(timezone.now()) and not second.take(timezone.now())


def test_a_message_that_kills_every_sender_ends_as_failed(webhook: Any, receiver: Receiver) -> None:
    webhook()
    touch()
    plan()
    for turn in range(10):
        with later(minutes=3 * turn):
            assert WebhookDelivery.objects.claim()
    with later(minutes=40):
        drain()
    assert not receiver.got and only().state == "failed"


def test_a_sender_that_is_stopped_gives_back_what_it_has_taken(
    webhook: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook()
    touch()
    plan()

    def stop(*_: Any) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "post", stop)
        with pytest.raises(SystemExit):
            drain()
    assert (only().state, only().attempts) == ("pending", 0)
    drain()
    assert len(receiver.got) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory has one connection")
@pytest.mark.django_db(transaction=True)
def test_many_planners_and_senders_at_once_send_each_message_once(
    webhook: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "BATCH", 5)
    webhook(resources=["milestones"])
    for turn in range(3):
        Milestone.objects.update(note=f"Change {turn}.")

    def one(_: int) -> None:
        try:
            webhooks.run()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(one, range(12)))
    webhooks.run()
    positions = [change["position"] for change in told(receiver)]
    assert len(positions) == len(set(positions)) == 3 * Milestone.objects.count()
    assert len(receiver.ids) == len(set(receiver.ids))


# ------------------------------------------------------------------------------------------------------- giving up


def test_410_switches_it_off_at_once_and_its_owner_is_told(webhook: Any, receiver: Receiver, mailoutbox: Any) -> None:
    made = webhook("410", name="Power BI\nBcc: others")
    touch()
    send_webhooks()
    made.refresh_from_db()
    assert not made.is_active and "410" in made.disabled_reason and only().state == "failed"
    (mail,) = mailoutbox
    assert mail.to == [made.owner.email] and "410" in mail.body and made.key in mail.body
    assert Change.objects.filter(record_key=made.key).first().reason == made.disabled_reason
    touch(text="More.")
    send_webhooks()
    assert len(receiver.got) == 1


def test_five_days_without_success_switch_it_off(webhook: Any, receiver: Receiver, mailoutbox: Any) -> None:
    made = webhook("500")
    touch()
    send_webhooks()
    with later(days=4, hours=23):
        touch(text="Later.")
        send_webhooks()
        made.refresh_from_db()
        assert made.is_active
    with later(days=5, minutes=1):
        touch(text="Even later.")
        send_webhooks()
    made.refresh_from_db()
    assert not made.is_active and "5 days" in made.disabled_reason and len(mailoutbox) == 1
    assert Webhook.objects.given_up().get() == made


def test_a_mail_server_that_fails_stops_nothing(
    webhook: Any, receiver: Receiver, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "no.such.backend"
    made = webhook("410")
    touch()
    send_webhooks()
    made.refresh_from_db()
    assert not made.is_active and "could not be told" in caplog.text


def test_switched_on_again_it_is_sent_what_it_has_missed(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook("410")
    touch(text="First.")
    send_webhooks()
    touch(text="Meanwhile.")
    send_webhooks()
    client = api(made.owner)
    client.patch(f"{URL}{made.key}/", {"url": receiver.url("200")})
    tag = client.get(f"{URL}{made.key}/").headers["ETag"]
    enabled = client.post(f"{URL}{made.key}/enable/", HTTP_IF_MATCH=tag).json()
    assert (enabled["is_active"], enabled["disabled_reason"]) == (True, "")
    receiver.got.clear()
    send_webhooks()
    assert "Meanwhile." in receiver.got[0]["body"].decode()
    assert client.post(f"{URL}{made.key}/disable/", HTTP_IF_MATCH=tag).status_code == 412


def test_what_waits_is_sent_at_once_when_somebody_has_mended_it(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook("500")
    touch()
    send_webhooks()
    api(made.owner).patch(f"{URL}{made.key}/", {"url": receiver.url("200")})
    drain()
    assert receiver.got[1]["path"] == "/200" and WebhookProgress.objects.get().failing_since is None


# --------------------------------------------------------------------------------------------------- by a person


def test_a_message_is_sent_again_on_demand_under_its_id(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook()
    touch()
    send_webhooks()
    client = api(made.owner)
    (listed,) = client.get(f"{URL}{made.key}/deliveries/").json()["results"]
    assert listed["state"] == "sent" and listed["asked_by"] is None
    again = client.post(f"{URL}{made.key}/deliveries/{listed['id']}/replay/")
    assert (again.status_code, again.json()["state"], again.json()["asked_by"]) == (202, "pending", made.owner.key)
    send_webhooks()
    assert receiver.ids == [listed["id"]] * 2 and receiver.got[0]["body"] == receiver.got[1]["body"]


def test_a_message_that_is_being_sent_is_not_sent_again(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook()
    touch()
    plan()
    WebhookDelivery.objects.claim()
    refused = api(made.owner).post(f"{URL}{made.key}/deliveries/{only().pk}/replay/")
    assert (refused.status_code, refused.json()["code"]) == (409, "being_sent")


def test_a_test_message_says_nothing_but_that_it_is_one(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook()
    client = api(made.owner)
    assert client.post(f"{URL}{made.key}/test/").status_code == 202
    drain()
    message = Library(made.secret).verify(receiver.got[0]["body"], receiver.got[0]["headers"])
    assert (message["type"], message["data"]) == ("register.test", {})
    Webhook.objects.update(is_active=False)
    assert client.post(f"{URL}{made.key}/test/").json()["code"] == "switched_off"


def test_deliveries_come_in_pages_the_latest_first(webhook: Any, api: Any) -> None:
    made = webhook()
    ids = [str(made.send_test(made.owner).pk) for _ in range(5)]
    client, walked, path = api(made.owner), [], f"{URL}{made.key}/deliveries/?page_size=2"
    while path:
        page = client.get(path).json()
        walked += [row["id"] for row in page["results"]]
        path = page["next"]
    assert walked == ids[::-1]


def test_old_deliveries_are_swept_but_never_those_that_wait(webhook: Any, receiver: Receiver) -> None:
    webhook()
    touch()
    send_webhooks()
    webhook("500")
    touch(text="Again.")
    send_webhooks()
    with later(days=31):
        sweep_expired()
    assert only().state == "pending" and not JobRun.objects.filter(name="send_webhooks").exists()


def test_the_feed_and_the_webhook_tell_the_same(webhook: Any, receiver: Receiver, api: Any) -> None:
    made = webhook()
    after = api(made.owner).get("/api/v1/changes/?after=latest").json()["after"]
    touch()
    send_webhooks()
    fed = api(made.owner).get(f"/api/v1/changes/?after={after}&page_size=1000").json()["results"]
    assert told(receiver) == [change for change in fed if change["position"] <= told(receiver)[-1]["position"]]


# ------------------------------------------------------------------------------------------------------------ admin


def test_the_desk_shows_the_secret_once_and_what_was_given_up(webhook: Any, receiver: Receiver, sign_in: Any) -> None:
    browser = sign_in("pmo")
    form = {"name": "By hand", "url": receiver.url("410"), "is_active": "on"}
    made = browser.post("/admin/cmast/webhook/add/", form, follow=True)
    assert Webhook.objects.get().secret in made.content.decode()
    assert Webhook.objects.get().owner.memberships.get().role == "pmo"
    assert "whsec_" not in browser.get("/admin/cmast/webhook/").content.decode()
    touch()
    send_webhooks()
    assert "Webhooks given up" in browser.get("/admin/").content.decode()
    assert "whsec_" not in browser.get(f"/admin/cmast/webhook/{Webhook.objects.get().pk}/change/").content.decode()


def test_the_desk_sends_deliveries_again(webhook: Any, receiver: Receiver, sign_in: Any) -> None:
    webhook()
    touch()
    send_webhooks()
    browser = sign_in("pmo")
    assert "tag-sent" in browser.get("/admin/cmast/webhookdelivery/").content.decode()
    assert browser.get(f"/admin/cmast/webhookdelivery/{only().pk}/change/").status_code == 200
    browser.post("/admin/cmast/webhookdelivery/", {"action": "send_again", "_selected_action": [str(only().pk)]})
    assert (only().state, only().asked_by.memberships.get().role) == ("pending", "pmo")
    assert FeedEntry.objects.exists()
