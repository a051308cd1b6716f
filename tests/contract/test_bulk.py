"""Many rows in one request: each as right or wrong as by itself, written in a fixed number of statements."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cmast.models import Change
from programmes.models import Milestone, Programme
from risks.models import Risk

PATH = "/api/v1/milestones/bulk/"


def post(client: Any, rows: Any, operation: str = "create", path: str = PATH, **body: Any) -> Any:
    whole = {"operation": operation, "rows": rows, **body}
    return client.post(path, whole, HTTP_IDEMPOTENCY_KEY=str(uuid.uuid4()))


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"title": f"Go-live {number}", "type": "launch", "workstream": "ws-lims", **fields}


def statuses(answer: Any) -> list[int]:
    return [found["status"] for found in answer.json()["rows"]]


def test_rows_become_records_and_are_answered_in_their_order(edition: Any, api: Any) -> None:
    client = api("pmo")
    answer = post(client, [row(2), row(1, key="first"), row(2)])
    assert (answer.status_code, statuses(answer)) == (200, [201, 201, 201])
    assert {name: answer.json()[name] for name in ("created", "updated", "failed")} == {"created": 3, "updated": 0, "failed": 0}
    keys = [found["key"] for found in answer.json()["rows"]]
    assert keys[:2] == ["go-live-2", "first"] and keys[2].startswith("go-live-2-")
    for found in answer.json()["rows"]:
        stored = client.get(f"/api/v1/milestones/{found['key']}/")
        assert (stored["ETag"], stored.json()["programme"]) == (found["etag"], "diagnostics")
    assert Change.objects.filter(record_key__in=keys, operation="insert").count() == 3


def test_a_wrong_row_stops_all_rows_and_says_where_it_is_wrong(edition: Any, api: Any) -> None:
    before = Milestone.objects.count()
    answer = post(api("pmo"), [row(1), row(2, type="party"), row(3, workstream="ws-nowhere"), row(4, colour="red"), "x"])
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/rows/4"
    answer = post(api("pmo"), [row(1), row(2, type="party"), row(3, workstream="ws-nowhere"), row(4, colour="red")])
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_rows")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/rows/1/type", "/rows/2/workstream", "/rows/3/colour"]
    assert statuses(answer) == [424, 400, 400, 400]
    assert Milestone.objects.count() == before


def test_without_atomic_the_right_rows_are_written(edition: Any, api: Any) -> None:
    answer = post(api("pmo"), [row(1), row(2, type="party"), row(3)], atomic=False)
    assert (answer.status_code, statuses(answer)) == (200, [201, 400, 201])
    assert Milestone.objects.filter(title__startswith="Go-live ").count() == 2


def test_what_only_the_database_can_refuse_is_found_row_by_row(edition: Any, api: Any) -> None:
    rows = [row(number, key=f"row-{number}") for number in range(20)]
    rows[7]["key"] = rows[3]["key"]
    rows[13] |= {"forecast_precision": "month"}  # a precision without a date
    rows[19]["key"] = "e-lims-contract-award"
    answer = post(api("pmo"), rows, atomic=False)
    assert [number for number, found in enumerate(statuses(answer)) if found != 201] == [7, 13, 19]
    assert {found["status"] for found in answer.json()["rows"] if "errors" in found} == {400}
    assert Milestone.objects.filter(key__startswith="row-").count() == 18 - 1 + 1 - 1
    assert post(api("pmo"), rows[13:14]).json()["errors"][0]["detail"]


def test_an_update_names_the_version_that_was_read(edition: Any, api: Any) -> None:
    client, other = api("pmo"), api("pmo")
    keys = ["ws-lims", "ws-endoscopy", "ws-theatres", "ws-ent"]
    etags = {key: client.get(f"/api/v1/workstreams/{key}/")["ETag"] for key in keys}
    other.patch("/api/v1/workstreams/ws-theatres/", {"note": "Changed."})
    rows = [
        {"key": "ws-lims", "etag": etags["ws-lims"], "part_count": 5},
        {"key": "ws-endoscopy", "part_count": 5},
        {"key": "ws-theatres", "etag": etags["ws-theatres"], "part_count": 5},
        {"key": "ws-ent", "etag": f"W/{etags['ws-ent']}", "part_count": 5},
        {"key": "ws-nowhere", "part_count": 5},
    ]
    answer = post(client, rows, "update", "/api/v1/workstreams/bulk/", atomic=False)
    assert statuses(answer) == [200, 428, 412, 200, 404]
    assert answer.json()["rows"][0]["etag"] == client.get("/api/v1/workstreams/ws-lims/")["ETag"] != etags["ws-lims"]
    assert client.get("/api/v1/workstreams/ws-lims/").json()["part_count"] == 5


def test_only_what_a_row_gives_is_changed(edition: Any, api: Any) -> None:
    client = api("pmo")
    before = client.get("/api/v1/workstreams/ws-lims/").json()
    post(client, [{"key": "ws-lims", "etag": before["etag"], "note": "Short."}], "update", "/api/v1/workstreams/bulk/")
    after = client.get("/api/v1/workstreams/ws-lims/").json()
    moved = {"note", "version", "etag", "updated_at"}
    assert {name for name in before if before[name] != after[name]} == moved


def test_two_rows_about_one_record_are_refused(edition: Any, api: Any) -> None:
    etag = api("pmo").get("/api/v1/workstreams/ws-lims/")["ETag"]
    twice = [{"key": "ws-lims", "etag": etag, "part_count": count} for count in (5, 6)]
    answer = post(api("pmo"), twice, "update", "/api/v1/workstreams/bulk/")
    assert (statuses(answer), answer.json()["errors"][0]["code"]) == ([424, 400], "repeated")


def test_an_upsert_by_natural_key_may_be_repeated(edition: Any, api: Any) -> None:
    client = api("pmo")
    rows = [row(number, external_source="Project Online", external_id=f"M-{number}") for number in range(3)]
    assert statuses(post(client, rows, "upsert")) == [201, 201, 201]
    rows[1]["title"] = "Go-live, first wave"
    rows.append(row(3, external_source="Project Online", external_id="M-3"))
    assert statuses(post(client, rows, "upsert")) == [200, 200, 200, 201]
    assert Milestone.objects.filter(external_source="Project Online").count() == 4
    key = Milestone.objects.get(external_id="M-1").key
    api("pmo").patch(f"/api/v1/milestones/{key}/", {"note": "Checked."})
    assert statuses(post(client, rows, "upsert", atomic=False)) == [200, 428, 200, 200]


def test_a_reason_is_asked_for_as_in_a_single_request(edition: Any, api: Any) -> None:
    client = api("pmo")
    first = post(client, [row(1, forecast_on="2024-06-01", forecast_precision="day")]).json()["rows"][0]
    moved = [{"key": first["key"], "etag": first["etag"], "forecast_on": "2024-07-01"}]
    refused = post(client, moved, "update")
    assert refused.json()["errors"][0]["pointer"] == "/rows/0/change_reason"
    assert post(client, moved, "update", change_reason="Supplier is late.").status_code == 200
    assert Change.objects.filter(record_key=first["key"]).first().reason == "Supplier is late."


def test_lists_of_links_are_written_too(edition: Any, api: Any) -> None:
    client = api("pmo")
    relation = Programme._meta.get_field("plan_years")
    years = list(relation.related_model.objects.values_list("key", flat=True))
    before = client.get("/api/v1/programmes/diagnostics/").json()
    answer = post(
        client, [{"key": "diagnostics", "etag": before["etag"], "plan_years": years}], "update", "/api/v1/programmes/bulk/"
    )
    after = client.get("/api/v1/programmes/diagnostics/")
    assert sorted(after.json()["plan_years"]) == sorted(years)
    assert answer.json()["rows"][0]["etag"] == after["ETag"]
    post(client, [{"key": "diagnostics", "etag": after["ETag"], "plan_years": years[:1]}], "update", "/api/v1/programmes/bulk/")
    assert client.get("/api/v1/programmes/diagnostics/").json()["plan_years"] == years[:1]


def test_rows_outside_the_callers_area_are_refused_each_by_itself(edition: Any, api: Any, person: Any) -> None:
    lead = api(person("workstream_lead", workstream="ws-lims"))
    answer = post(lead, [row(1), row(2, workstream="ws-endoscopy"), row(3)], atomic=False)
    assert statuses(answer) == [201, 403, 201]
    keys = [found.get("key") for found in answer.json()["rows"]]
    other = Milestone.objects.filter(workstream__key="ws-endoscopy").first()
    rows = [
        {"key": keys[0], "note": "Mine."},
        {"key": other.key, "note": "Mine."},
        {"key": keys[2], "workstream": "ws-endoscopy"},
    ]
    assert statuses(post(lead, rows, "update", atomic=False)) == [200, 403, 403]
    assert Milestone.objects.get(key=keys[2]).workstream.key == "ws-lims"
    assert post(api("viewer"), [row(1)]).status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"operation": "drop", "rows": [{}]}, {"operation": "create", "rows": {}}, []]
)
def test_a_body_of_another_shape_is_a_problem(body: Any, edition: Any, api: Any) -> None:
    assert api("pmo").post(PATH, body, HTTP_IDEMPOTENCY_KEY="a-key").status_code == 400


def test_more_than_a_thousand_rows_are_refused(edition: Any, api: Any) -> None:
    assert post(api("pmo"), [row(number) for number in range(1001)]).status_code == 400


def test_a_key_against_repetition_is_required_and_works(edition: Any, api: Any) -> None:
    client, body = api("pmo"), {"operation": "create", "rows": [row(1)]}
    assert client.post(PATH, body).json()["errors"][0]["code"] == "required"
    first, second = (client.post(PATH, body, HTTP_IDEMPOTENCY_KEY="a-key") for _ in range(2))
    assert second.json() == first.json() and second["Idempotency-Replayed"] == "true"
    assert Milestone.objects.filter(title="Go-live 1").count() == 1


@pytest.mark.parametrize("operation", ["create", "upsert"])
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(operation: str, edition: Any, api: Any) -> None:
    client = api("pmo")
    client.get("/api/v1/risks/")  # from now on the caller is known

    def statements(count: int) -> int:
        rows = [
            {"kind": "risk", "title": f"Risk {n}", "workstream": "ws-lims", "external_source": "Datix", "external_id": f"R-{n}"}
            for n in range(count)
        ]
        rows = [r | {"external_id": f"{operation}-{r['external_id']}"} for r in rows]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = post(client, rows, operation, "/api/v1/risks/bulk/")
        assert answer.status_code == 200
        return len(queries)

    few = statements(5)
    Risk.objects.filter(external_source="Datix").delete()
    many = statements(300)
    assert few == many
    if operation == "upsert":
        assert statements(300) <= many + 5
