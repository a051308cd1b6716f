"""The schedule: nothing in it waits for its turn after that has passed, and each job may run twice, and twice at once."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.utils.module_loading import import_string

from cmast.links import answer_addresses
from cmast.models import AnswerLink, IdempotencyKey, JobRun, MailDelivery, Person, ReminderRule, Restriction
from programmes.models import HealthDay, Milestone
from tests.factories import restrict

TODAY, LONG_AGO = dt.date(2024, 5, 3), dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
TASKS = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]


@pytest.mark.either_database
@pytest.mark.parametrize("name", settings.CELERY_BEAT_SCHEDULE)
def test_what_is_not_taken_up_before_its_next_turn_is_forgotten(name: str) -> None:
    entry: Any = settings.CELERY_BEAT_SCHEDULE[name]
    turn = entry["schedule"] if isinstance(entry["schedule"], float) else 86_400
    assert 0 < entry["options"]["expires"] < turn


@pytest.fixture
def work(edition: Any, make: Any, settings: Any, tmp_path: Any) -> None:
    """Something for each job to do."""
    settings.MAIL_DIR = tmp_path
    stone = make(Milestone, person=make(Person), forecast_on=TODAY)
    restrict(make(Milestone))
    Restriction.objects.update(lifted_on=TODAY)
    make(ReminderRule, kind="milestone_due", days_before=["0"], audience="owner")
    MailDelivery.objects.create(person=stone.person, purpose="notice", dedupe_key="one", heading="One", text="Said.")
    IdempotencyKey.objects.create(person=stone.person, key="old", path="/")
    IdempotencyKey.objects.update(created_at=LONG_AGO)
    answer_addresses(stone.person, [stone])
    AnswerLink.objects.update(expires_at=LONG_AGO)


def rows() -> dict[str, int]:
    """Of every table but the record of the jobs; what each job did stands in the history."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models() if model is not JobRun}


def by_two_beats(job: Any) -> None:
    """SQLite in memory has one connection: there the second comes when it is run once more."""
    if connection.vendor == "sqlite":
        job()
        return
    together = threading.Barrier(2)

    def run() -> None:
        together.wait(10)
        try:
            job()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=connection.vendor == "postgresql")
def test_every_job_may_be_run_by_two_beats_at_once_and_once_more(work: None) -> None:
    for task in TASKS:
        by_two_beats(import_string(task))
        after = rows()
        import_string(task)()
        assert {label: (after[label], now) for label, now in rows().items() if now != after[label]} == {}, task
    said = JobRun.objects.exclude(outcome="done").values_list("name", "detail")
    assert list(said) == []
    assert JobRun.objects.count() == (2 if connection.vendor == "sqlite" else 3) * len(TASKS)
    assert not IdempotencyKey.objects.filter(created_at=LONG_AGO).exists()
    assert not AnswerLink.objects.filter(expires_at=LONG_AGO).exists()
    assert not Restriction.objects.exists()
    assert MailDelivery.objects.filter(state="sent").count() == MailDelivery.objects.count() > 1
    assert HealthDay.objects.exists()
