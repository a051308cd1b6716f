"""A locked month: what was filed is revised with a reason, and nothing else happens to it, whatever the entrance."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from cmast.dates import month_end
from cmast.errors import RuleBroken
from cmast.history.context import changing
from metrics.models import Metric, Observation, PeriodLock

pytestmark = pytest.mark.either_database

END, FILED = dt.date(2024, 3, 31), dt.date(2024, 4, 12)
MARCH = {"period_start_on": "2024-03-01", "period_end_on": "2024-03-31"}


@pytest.fixture
def filed(edition: Any, make: Any) -> Any:
    """A figure of March 2024, which is then locked."""
    metric = make(Metric, unit="percent")
    figure = make(Observation, metric=metric, **of_month(3), value=70)
    PeriodLock.objects.create(metric=metric, month_end_on=END, reason="Board paper of April", locked_on=FILED)
    return Observation.objects.get(pk=figure.pk)


def refused(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status, answer.content
    said = answer.json()
    return str(said["errors"][0]["detail"] if status == 400 else said["detail"])


WORDS = "March 2024 is locked since 12 April 2024 (Board paper of April): revise the figure that was filed, and say why."


def of_month(month: int) -> dict[str, dt.date]:
    first = dt.date(2024, month, 1)
    return {"period_start_on": first, "period_end_on": month_end(first)}


def body(filed: Any, **more: Any) -> dict[str, Any]:
    return {
        "metric": filed.metric.key,
        "organisation": "RBN",
        "scope_level": "provider",
        "value": "71",
        "unit": "percent",
        "period_type": "month",
        "value_status": "provisional",
        **MARCH,
        **more,
    }


def test_a_new_figure_is_refused_by_the_api_one_by_one_and_in_bulk(filed: Any, api: Any) -> None:
    assert refused(api("pmo").post("/api/v1/observations/", body(filed))) == WORDS
    rows = {"operation": "create", "rows": [body(filed), body(filed, period_start_on="2024-04-01", period_end_on="2024-04-30")]}
    answer = api("pmo").post("/api/v1/observations/bulk/", rows, format="json", headers={"Idempotency-Key": "march"})
    assert [(each["pointer"], each["detail"]) for each in answer.json()["errors"]] == [("/rows/0/period_end_on", WORDS)]


def test_a_lock_is_not_moved_to_another_metric_without_a_reason(filed: Any, make: Any) -> None:
    lock = PeriodLock.objects.in_force().first()
    lock.metric = make(Metric, programme=lock.programme)
    with pytest.raises(ValidationError, match="Say why: metric changes"):
        lock.save()


def test_a_figure_can_be_revised_with_a_reason_and_only_so(filed: Any, api: Any) -> None:
    client, path = api("pmo"), f"/api/v1/observations/{filed.key}/"
    assert refused(client.post(f"{path}withdraw/", {"change_reason": "Wrong."})) == WORDS
    assert refused(client.patch(path, {"value_status": "provisional", "change_reason": "Not final."})) == WORDS
    april = {"period_start_on": "2024-04-01", "period_end_on": "2024-04-30", "change_reason": "It is April's."}
    assert refused(client.patch(path, april)) == WORDS
    assert client.post(f"{path}revise/", {"value": "72"}).status_code == 400
    answer = client.post(f"{path}revise/", {"value": "72", "change_reason": "Two returns were late."})
    assert (answer.status_code, answer.json()["supersedes"]) == (201, filed.key)


def test_a_note_or_a_review_of_a_locked_figure_is_no_change_of_it(filed: Any, api: Any) -> None:
    changes = {"note": "Seen.", "review_state": "validated", "change_reason": "Checked."}
    assert api("pmo").patch(f"/api/v1/observations/{filed.key}/", changes).status_code == 200


def test_a_locked_figure_is_not_deleted_by_any_entrance(filed: Any, api: Any, sign_in: Any) -> None:
    said = refused(api("pmo").delete(f"/api/v1/observations/{filed.key}/"), 409)
    assert said.startswith("March 2024 is locked") and said.endswith("never deleted.")
    page = reverse("admin:metrics_observation_delete", args=[filed.pk])
    sign_in("pmo").post(page, {"post": "yes"})
    listed = {"action": "delete_selected", "_selected_action": [filed.pk], "post": "yes"}
    sign_in("pmo").post(reverse("admin:metrics_observation_changelist"), listed)
    with pytest.raises(RuleBroken):
        Observation.objects.filter(pk=filed.pk).delete()
    assert Observation.objects.filter(pk=filed.pk).exists()


def test_the_desk_gives_the_same_refusal(filed: Any, sign_in: Any) -> None:
    typed = body(filed, metric=filed.metric_id, organisation=filed.organisation_id, revision=1)
    answer = sign_in("pmo").post(reverse("admin:metrics_observation_add"), typed)
    assert WORDS in answer.content.decode()


def test_figures_of_other_months_and_metrics_are_free(filed: Any, make: Any) -> None:
    make(Observation, metric=filed.metric, **of_month(2))
    make(Observation, **of_month(3))
    assert list(Observation.objects.locked()) == [filed]


@pytest.mark.parametrize("of_all", [True, False])
def test_a_lock_may_be_of_a_programme_or_of_everything(of_all: bool, edition: Any, make: Any) -> None:
    metric, other = make(Metric), make(Metric)
    whose = {"programme": None if of_all else metric.programme}
    PeriodLock.objects.create(**whose, month_end_on=END, reason="Filed", locked_on=FILED)
    with pytest.raises(ValidationError, match="March 2024 is locked"):
        make(Observation, metric=Metric.objects.get(pk=metric.pk), **of_month(3))
    if not of_all:
        make(Observation, metric=Metric.objects.get(pk=other.pk), **of_month(3))


def test_an_opened_month_is_open_and_its_lock_stays_as_a_record(filed: Any, api: Any) -> None:
    lock = PeriodLock.objects.get()
    said = {"unlocked_on": "2024-05-02", "unlock_reason": "Filed for the wrong trust."}
    answer = api("pmo").post(f"/api/v1/period-locks/{lock.key}/unlock/", said, format="json")
    assert answer.status_code == 200 and answer.json()["unlocked_by"]
    assert api("pmo").post("/api/v1/observations/", body(filed)).status_code == 201
    again = api("pmo").post(f"/api/v1/period-locks/{lock.key}/unlock/", said, format="json")
    assert refused(again, 409) == f"“{lock}” was opened again on 2 May 2024."


def test_a_lock_is_not_deleted_by_any_entrance(filed: Any, api: Any, sign_in: Any) -> None:
    lock = PeriodLock.objects.get()
    assert api("pmo").delete(f"/api/v1/period-locks/{lock.key}/").status_code == 405
    assert sign_in("pmo").post(reverse("admin:metrics_periodlock_delete", args=[lock.pk]), {"post": "yes"}).status_code == 403


def test_a_revision_cannot_be_moved_into_a_locked_month(filed: Any, make: Any) -> None:
    april = make(Observation, metric=filed.metric, organisation=filed.organisation)
    with changing(reason="It is March's."), pytest.raises(ValidationError, match="March 2024 is locked"):
        april.revise(of_month(3))


def test_a_lock_names_the_end_of_a_month_and_has_the_programme_of_its_metric(filed: Any, api: Any) -> None:
    asked = {"metric": filed.metric.key, "month_end_on": "2024-02-28", "reason": "Filed", "locked_on": "2024-04-12"}
    answer = api("pmo").post("/api/v1/period-locks/", asked)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/month_end_on")
    answer = api("pmo").post("/api/v1/period-locks/", asked | {"month_end_on": "2024-02-29"})
    assert (answer.status_code, answer.json()["programme"]) == (201, filed.metric.programme.key)
