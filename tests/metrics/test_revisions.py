"""A figure is revised or withdrawn, never overwritten."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from cmast.errors import RuleBroken
from cmast.history.context import changing
from cmast.models import Restriction
from metrics.models import Observation
from metrics.models.observations import FIGURE
from tests.factories import restrict

pytestmark = pytest.mark.either_database

KEY = "o-theatre-capped-2024-03"
URL = f"/api/v1/observations/{KEY}/"


def etag(client: Any) -> str:
    return str(client.get(URL)["ETag"])


def test_a_stated_figure_cannot_be_overwritten_by_the_api(edition: Any, api: Any) -> None:
    client = api("pmo")
    answer = client.patch(URL, {"value": "77", "change_reason": "Typing error"}, HTTP_IF_MATCH=etag(client))
    (error,) = answer.json()["errors"]
    assert answer.status_code == 400 and error["code"] == "revise_instead" and error["pointer"] == "/value"


def test_nor_in_bulk(edition: Any, api: Any) -> None:
    client = api("pmo")
    rows = [{"key": KEY, "etag": etag(client), "value": "77"}]
    body = {"operation": "update", "change_reason": "Typing error", "rows": rows}
    answer = client.post("/api/v1/observations/bulk/", body, HTTP_IDEMPOTENCY_KEY="bulk-1")
    assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == "revise_instead"
    assert Observation.objects.get(key=KEY).value == 76


def test_what_was_not_stated_may_be_filled_in(edition: Any, make: Any) -> None:
    observation = Observation.objects.get(pk=make(Observation, value=None).pk)
    observation.value = 71
    observation.save()
    assert Observation.objects.get(pk=observation.pk).value == 71


def test_a_revision_stands_beside_what_it_corrects(edition: Any, api: Any) -> None:
    client = api("pmo")
    body = {"value": "77.1", "value_status": "reported", "change_reason": "Validated in May"}
    answer = client.post(f"{URL}revise/", body, HTTP_IDEMPOTENCY_KEY="revise-1")
    new = answer.json()
    assert answer.status_code == 201 and answer["Location"] == f"/api/v1/observations/{KEY}-r2/"
    assert (new["value"], new["revision"], new["supersedes"], new["metric"]) == ("77.1", 2, KEY, "theatre-utilisation-capped")
    assert client.get(URL).json()["value"] == "76"
    current = client.get("/api/v1/observations/?metric=theatre-utilisation-capped&current=true").json()["results"]
    assert f"{KEY}-r2" in [row["key"] for row in current] and KEY not in [row["key"] for row in current]
    (created,) = client.get(f"/api/v1/observations/{KEY}-r2/history/").json()["results"]
    assert created["reason"] == "Validated in May"
    again = client.post(f"{URL}revise/", body, HTTP_IDEMPOTENCY_KEY="revise-1")
    assert again.json() == new and Observation.objects.filter(supersedes__key=KEY).count() == 1


def test_a_figure_is_revised_once_and_then_its_revision(edition: Any, api: Any) -> None:
    client = api("pmo")
    body = {"value": "77", "change_reason": "Validated"}
    assert client.post(f"{URL}revise/", body).status_code == 201
    refused = client.post(f"{URL}revise/", body)
    assert refused.status_code == 409 and refused.json()["code"] == "revised_already"
    third = client.post(f"/api/v1/observations/{KEY}-r2/revise/", body | {"value": "78"}).json()
    assert third["key"] == f"{KEY}-r3" and third["supersedes"] == f"{KEY}-r2"


@pytest.mark.parametrize("verb", ["revise", "withdraw"])
def test_nobody_corrects_without_saying_why(verb: str, edition: Any, api: Any) -> None:
    answer = api("pmo").post(f"{URL}{verb}/", {})
    assert answer.status_code == 400 and answer.json()["errors"][0]["pointer"] == "/change_reason"


def test_the_model_refuses_the_same(edition: Any) -> None:
    observation = Observation.objects.get(key=KEY)
    with pytest.raises(ValidationError, match="Say why"):
        observation.revise({"value": 77})
    with changing(reason="Validated"):
        observation.revise({"value": 77})
        with pytest.raises(RuleBroken, match="revised already"):
            observation.revise({"value": 78})


def test_what_is_withdrawn_stays_readable_and_counts_no_more(edition: Any, api: Any) -> None:
    client = api("pmo")
    answer = client.post(f"{URL}withdraw/", {"change_reason": "Counted twice"})
    assert answer.status_code == 200 and answer.json()["review_state"] == "withdrawn" and answer.json()["value"] == "76"
    series = client.get("/api/v1/series/theatre-utilisation-capped/cm-system/").json()
    assert series["analysis"]["points"]["value"] == []


def test_every_part_of_a_figure_is_watched() -> None:
    assert set(FIGURE) <= set(Observation.also_reasoned)


def test_a_record_that_is_made_as_a_revision_says_why_too(edition: Any, api: Any) -> None:
    observation, client = Observation.objects.get(key=KEY), api("pmo")
    names = ("metric", "organisation", "scope_level", "unit", "period_type", "period_start_on", "period_end_on", "value_status")
    said = client.get(f"/api/v1/observations/{KEY}/").json()
    body = {name: said[name] for name in names} | {"value": "77", "revision": 2, "supersedes": observation.key}
    refused = client.post("/api/v1/observations/", body)
    assert refused.status_code == 400 and refused.json()["errors"][0]["pointer"] == "/change_reason"
    assert client.post("/api/v1/observations/", body | {"change_reason": "Late returns"}).status_code == 201


def test_the_desk_offers_a_form_for_the_revision(edition: Any, sign_in: Any) -> None:
    desk, observation = sign_in("pmo"), Observation.objects.get(key=KEY)
    page = desk.get(f"/admin/metrics/observation/{observation.pk}/change/").content.decode()
    assert "Enter a revision" in page
    shown = desk.get("/admin/metrics/observation/add/", observation.as_revised())
    form = shown.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    posted = {name: value for name, value in sent.items() if value not in (None, "", [])} | {"value": "77", "_save": "Save"}
    assert '<textarea name="change_reason"' in shown.content.decode()
    refused = desk.post("/admin/metrics/observation/add/", posted).content.decode()
    assert "Say why it is corrected." in refused and not Observation.objects.filter(key=f"{KEY}-r2").exists()
    answer = desk.post("/admin/metrics/observation/add/", posted | {"change_reason": "Validated"})
    assert answer.status_code == 302, answer.context["errors"]
    revision = Observation.objects.get(key=f"{KEY}-r2")
    assert revision.value == 77 and revision.supersedes == observation
    page = desk.get(f"/admin/metrics/observation/{observation.pk}/change/").content.decode()
    assert "It is corrected by" in page


def test_the_desk_refuses_to_overwrite(edition: Any, sign_in: Any) -> None:
    desk, observation = sign_in("pmo"), Observation.objects.get(key=KEY)
    path = f"/admin/metrics/observation/{observation.pk}/change/"
    form = desk.get(path).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    posted = {name: value for name, value in sent.items() if value not in (None, "", [])} | {"value": "77", "_save": "Save"}
    answer = desk.post(path, posted | {"change_reason": "Typing error"})
    assert answer.status_code == 200 and "never overwritten" in answer.content.decode()


def test_an_embargo_holds_for_what_is_revised_under_it_and_leaves_what_was_known_before(
    edition: Any, api: Any, sign_in: Any
) -> None:
    """Otherwise a correction of an embargoed figure would publish it, and its embargo would take the old one away."""
    first = Observation.objects.get(key=KEY)
    with changing(reason="Validated"):
        second = first.revise({"value": 87})
        restrict(second)
        third = second.revise({"value": 88})
    outsider, series = api("viewer"), f"/api/v1/series/{first.metric.key}/{first.organisation.key}/"
    assert [outsider.get(f"/api/v1/observations/{figure.key}/").status_code for figure in (second, third)] == [404, 404]
    assert [
        row["key"] for row in outsider.get(f"/api/v1/observations/?current=true&key={KEY},{third.key}").json()["results"]
    ] == [KEY]
    assert outsider.get(series).json()["analysis"]["points"]["value"] == [76]
    listed = sign_in("pmo").get(f"/admin/metrics/metric/?q={first.metric.key}").content.decode()
    assert "76%" in listed and "88%" not in listed
    Restriction.objects.all().delete()
    assert outsider.get(series).json()["analysis"]["points"]["value"] == [88]
    assert outsider.get(f"/api/v1/observations/?current=true&key={KEY}").json()["results"] == []
