"""Sending the webhooks: the change feed is their outbox, so whatever has changed is sent, by whatever path it came.

`plan` turns what is new in the feed into deliveries, `drain` sends those that are due. Both may run at any time, any number of
times and several at once: a place in the feed becomes one delivery, a delivery is sent by one sender at a time.
"""

import base64
import datetime as dt
import hmac
import logging
from collections import Counter
from http import HTTPStatus
from time import monotonic
from typing import Any

import orjson
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from cmast.api.changes import events
from cmast.history import feed
from cmast.models import FeedEntry, Webhook, WebhookDelivery, WebhookProgress
from cmast.outbound import Unreachable, post

State = WebhookDelivery.State
log = logging.getLogger(__name__)

#: Changes of one message, places of the feed looked at in one step.
BATCH, STEP = 100, 1000
#: Seconds that one run goes on taking up new deliveries.
BUDGET = 30
#: How long an address may take nothing before it is given up.
PATIENCE = dt.timedelta(days=5)


def run() -> str:
    """Plan and send. What was done, for the record of the job."""
    planned, outcomes = plan(), drain()
    return ", ".join([f"{planned} planned", *(f"{number} {state}" for state, number in sorted(outcomes.items()))])


# --- Planning ---------------------------------------------------------------------------------------------------------


def plan() -> int:
    """Deliveries for all that is new in the feed; how many."""
    feed.number()
    last = FeedEntry.objects.aggregate(last=Max("position"))["last"] or 0
    behind = WebhookProgress.objects.filter(webhook__is_active=True, position__lt=last).values_list("pk", flat=True)
    return sum(_plan_for(pk) for pk in list(behind))


def _plan_for(pk: int) -> int:
    planned = 0
    while (step := _plan_step(pk)) is not None:
        planned += step
    return planned


def _plan_step(pk: int) -> int | None:
    """Deliveries for the next part of the feed; None at its end, or where another planner is at work."""
    with transaction.atomic():
        rows = WebhookProgress.objects.select_related("webhook__owner").select_for_update(skip_locked=True, of=("self",))
        progress = rows.filter(pk=pk, webhook__is_active=True).first()
        if progress is None:
            return None
        ahead = FeedEntry.objects.filter(position__gt=progress.position).order_by("position")
        places: list[Any] = list(ahead.values_list("position", flat=True)[:STEP])
        if not places:
            return None
        found = list(progress.webhook.changes(places[0], places[-1]).values_list("entry__position", flat=True))
        batches = [found[start : start + BATCH] for start in range(0, len(found), BATCH)]
        WebhookDelivery.objects.bulk_create(
            [WebhookDelivery(webhook=progress.webhook, first_position=b[0], last_position=b[-1]) for b in batches],
            ignore_conflicts=True,
        )
        progress.position = places[-1]
        progress.save(update_fields=["position"])
        return len(batches)


# --- Sending ----------------------------------------------------------------------------------------------------------


def drain() -> Counter[str]:
    """Send what is due. How many deliveries are in which state afterwards."""
    outcomes: Counter[str] = Counter()
    failing: set[int] = set()  # one attempt for each address that fails, so that it holds up nobody else
    ends = monotonic() + BUDGET
    while monotonic() < ends:
        due = WebhookDelivery.objects.filter(webhook__is_active=True).exclude(webhook__in=failing)
        delivery = due.select_related("webhook__owner").claim()
        if delivery is None:
            break
        _deliver(delivery)
        outcomes[str(delivery.state)] += 1
        if delivery.state not in (State.SENT, State.CANCELLED):
            failing.add(delivery.webhook_id)
    return outcomes


def _deliver(delivery: WebhookDelivery) -> None:
    """One attempt. Whatever goes wrong is an attempt that failed; a sender that is stopped gives the delivery back."""
    try:
        if delivery.is_deadly:
            return _fail(delivery, "Every attempt broke off on our side.")
        body = _body(delivery)
        if body is None:
            delivery.settle(State.CANCELLED, last_error="There was nothing left that its owner may see.")
        elif delivery.is_held:
            _take_answer(delivery, post(delivery.webhook.url, body, _headers(delivery, body)))
    except Unreachable as error:
        _fail(delivery, str(error))
    except Exception as error:
        log.exception("Delivery %s of webhook %s broke off", delivery.pk, delivery.webhook.key)
        _fail(delivery, f"It broke off on our side ({type(error).__name__}).")
    except BaseException:
        delivery.release()
        raise


def _take_answer(delivery: WebhookDelivery, status: int) -> None:
    if 200 <= status < 300:
        if delivery.settle(State.SENT, last_status=status, last_error="", sent_at=timezone.now()):
            delivery.webhook.note_success()
    elif status == HTTPStatus.GONE:
        why = "It answered 410: there is no receiver any more."
        delivery.settle(State.FAILED, last_status=status, last_error=why)
        _give_up(delivery.webhook, why)
    else:
        what = "a redirect, which is not followed" if 300 <= status < 400 else "no success"
        _fail(delivery, f"It answered {status}, {what}.", status)


def _fail(delivery: WebhookDelivery, why: str, status: int | None = None) -> None:
    if delivery.postpone(why, last_status=status) and delivery.webhook.note_failure() >= PATIENCE:
        _give_up(delivery.webhook, f"It has taken nothing for {PATIENCE.days} days. The last time: {why}")


def _give_up(webhook: Webhook, why: str) -> None:
    """Switch it off, and tell its owner by mail if that can be."""
    if not webhook.give_up(why):
        return
    log.warning("Webhook %s was switched off", webhook.key)
    owner = webhook.owner
    if not (owner.is_active and owner.email):
        return
    text = (
        f"The register no longer sends changes to your webhook “{webhook.name}” ({webhook.key}).\n\n{why}\n\n"
        "What changes meanwhile is not lost: it is sent once you switch the webhook on again, in the admin or with "
        f"POST /api/v1/webhooks/{webhook.key}/enable/.\n"
    )
    try:
        send_mail("A webhook of yours was switched off", text, None, [owner.email])
    except Exception:
        log.exception("The owner of webhook %s could not be told", webhook.key)


# --- The message ------------------------------------------------------------------------------------------------------


def _body(delivery: WebhookDelivery) -> bytes | None:
    """What its owner may see of it now; None when that is nothing."""
    webhook, first, last = delivery.webhook, delivery.first_position, delivery.last_position
    data: dict[str, Any] = {}
    if first is not None and last is not None:  # a test has no changes
        data["changes"] = events(webhook.changes(first, last), webhook.owner)
        if not data["changes"]:
            return None
    return orjson.dumps({"type": delivery.event, "timestamp": delivery.created_at, "data": data}, option=orjson.OPT_UTC_Z)


def _headers(delivery: WebhookDelivery, body: bytes) -> dict[str, str]:
    """As Standard Webhooks asks for, with a signature by each secret that is valid now."""
    now = timezone.now()
    timestamp = str(int(now.timestamp()))
    secrets = delivery.webhook.secrets.valid(now).values_list("secret", flat=True)
    return {
        "Content-Type": "application/json",
        "User-Agent": "CMAST-register",
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signature(secret, str(delivery.pk), timestamp, body) for secret in secrets),
    }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Of one message by one secret: `v1,` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"
