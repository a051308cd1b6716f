"""Background jobs. Each parses, calls one function and records its run."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from cmast import reminders, sending, webhooks
from cmast.history.context import changing
from cmast.models import (
    AnswerLink,
    ApiToken,
    IdempotencyKey,
    JobRun,
    MailDelivery,
    Reminder,
    Restriction,
    SignInFailure,
    WebhookDelivery,
    WebhookSecret,
)


@shared_task
def heartbeat() -> None:
    """Proves that beat, broker, worker and database work together."""
    JobRun.objects.record("heartbeat", lambda: "alive")


@shared_task
def send_webhooks() -> None:
    """Turns what has changed into messages to the webhooks, and sends those that are due."""
    JobRun.objects.record("send_webhooks", webhooks.run)


@shared_task
def plan_reminders() -> None:
    """From seven o'clock on a working day: what is due becomes one digest for each person. Once, however often it runs."""
    JobRun.objects.record("plan_reminders", lambda: reminders.run(timezone.now()))


@shared_task
def send_mail() -> None:
    """Sends the mail that is due, and tells the PMO when it stands still."""
    JobRun.objects.record("send_mail", sending.run)


@shared_task
def lift_restrictions() -> None:
    """Takes away restrictions whose day has come, so that the feed tells of the records."""
    JobRun.objects.record("lift_restrictions", _lift)


def _lift() -> str:
    over = Restriction.objects.over(timezone.localdate())
    with changing(reason="The day has come on which it is for everybody."):
        for restriction in over:
            restriction.delete()
    return f"{len(over)} lifted"


@shared_task
def sweep_expired() -> None:
    """Removes what has run out: tokens, secrets, links, stored answers, failed sign-ins, old deliveries and job runs."""
    JobRun.objects.record("sweep_expired", _sweep)


def _sweep() -> str:
    now = timezone.now()
    tokens, _ = ApiToken.objects.filter(expiry__lt=now).delete()
    runs, _ = JobRun.objects.filter(finished_at__lt=now - dt.timedelta(days=30)).delete()
    # Several a minute, and what they have done stands in the deliveries and the imports.
    often = ["send_webhooks", "send_mail", "plan_reminders", "run_imports", "refresh_rollups"]
    frequent = JobRun.objects.filter(name__in=often, outcome=JobRun.Outcome.DONE)
    frequent.filter(finished_at__lt=now - dt.timedelta(days=1)).delete()
    answers, _ = IdempotencyKey.objects.expired(now).delete()
    failures, _ = SignInFailure.objects.expired(now).delete()
    deliveries, _ = WebhookDelivery.objects.expired(now).delete()
    lines, _ = Reminder.objects.filter(created_at__lt=now - MailDelivery.KEPT).delete()
    mails, _ = MailDelivery.objects.expired(now).delete()
    links, _ = AnswerLink.objects.expired(now).delete()
    secrets, _ = WebhookSecret.objects.expired(now).delete()
    return (
        f"{tokens} tokens, {secrets} secrets, {links} links, {answers} stored answers, {failures} failed sign-ins, "
        f"{deliveries} deliveries, {mails} mails, {lines} reminders, {runs} job runs"
    )
