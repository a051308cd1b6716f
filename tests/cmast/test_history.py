"""Every change is written down, by whatever path it comes, and the register can be read as it was."""

import datetime as dt
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from cmast.history import triggers
from cmast.history.context import changing
from cmast.history.rules import Table, tables
from cmast.models import Change, JobRun, Membership, Organisation, Person
from cmast.models.records import StaleRecord
from cmast.urls import api as router
from metrics.models import Observation, Target
from programmes.models import Action, Approval, Deliverable, Milestone, Programme, Workstream

FILTERS = {prefix: viewset.filterset_class.base_filters for prefix, viewset, _ in router.registry if prefix != "tokens"}
RESOURCES = list(FILTERS)
#: Each database has random changes of its own.
SEED = {"sqlite": 1, "postgresql": 2}[connection.vendor]


def stored(table: Table) -> dict[int, dict[str, Any]]:
    """The rows of a table as the database itself has them."""
    columns = ", ".join(f'"{column}"' for column in table.shown)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table.name}")
        return {row[table.shown.index("id")]: dict(zip(table.shown, row, strict=True)) for row in cursor.fetchall()}


def replayed(table: Table) -> dict[int, dict[str, Any]]:
    """The rows of a table as its history tells them."""
    rows: dict[int, dict[str, Any]] = {}
    for change in Change.objects.filter(table=table.name).order_by("id").iterator():
        if change.operation == Change.Operation.INSERT:
            assert change.row_id not in rows and change.before is None
        else:
            assert rows.pop(change.row_id) == change.before
        if change.after is not None:
            rows[change.row_id] = change.after
    return rows


def alike(row: dict[str, Any]) -> dict[str, str]:
    """Values of the driver and of JSON in one form: keys, versions and texts are enough to tell rows apart."""
    return {
        name: str(value)
        for name, value in row.items()
        if name in ("id", "key", "version", "title", "name", "text", "note", "kind")
    }


# ------------------------------------------------------------------------------------------------------------ triggers


def test_the_database_has_exactly_the_triggers_that_the_models_ask_for(edition: Any) -> None:
    wanted = [s.split()[2] for s in triggers.statements(connection.vendor) if s.lstrip().startswith("CREATE TRIGGER")]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            assert {sql for _, sql in cursor.fetchall()} == set(triggers.statements("sqlite"))
        else:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
            found = [name for (name,) in cursor.fetchall()]
            extra = [s for s in triggers.statements("postgresql")[0].split(";\n") if "CREATE TRIGGER" in s]
            assert Counter(found) == Counter(wanted) + Counter(s.split()[2] for s in extra)


def test_a_model_without_its_trigger_is_found_out(edition: Any) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER programmes_milestone_history_update")
        else:
            cursor.execute("DROP TRIGGER a_history_programmes_milestone_insert ON programmes_milestone")
    with pytest.raises(AssertionError):
        test_the_database_has_exactly_the_triggers_that_the_models_ask_for(edition)


def test_migrating_again_makes_the_same_triggers(edition: Any) -> None:
    triggers.install()
    test_the_database_has_exactly_the_triggers_that_the_models_ask_for(edition)


@pytest.mark.parametrize("sql", ["UPDATE cmast_change SET reason = 'x'", "DELETE FROM cmast_change"])
def test_history_is_neither_changed_nor_deleted(sql: str, edition: Any) -> None:
    before = Change.objects.count()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Change.objects.count() == before > 0


# ------------------------------------------------------------------------------------------------------- what is written


def test_a_change_says_who_why_and_by_which_entrance(edition: Any, api: Any, person: Any) -> None:
    officer = person("pmo")
    body = {"forecast_on": "2024-06-30", "change_reason": "The board has moved."}
    response = api(officer).patch("/api/v1/milestones/e-lims-contract-award/", body)
    change = Change.objects.filter(record_key="e-lims-contract-award").latest("id")
    assert (change.actor, change.reason, change.origin) == (officer.key, "The board has moved.", "api")
    assert change.request_id == response["X-Request-ID"]
    assert change.differences == {"forecast_on": ("2024-05-31", "2024-06-30")}


def test_a_command_leaves_its_reason_too(edition: Any) -> None:
    change = Change.objects.filter(record_key="e-lims-contract-award", operation="insert").earliest("id")
    assert (change.actor, change.origin) == ("", "command")
    assert "2024-05" in change.reason


def test_a_background_job_is_an_entrance_of_its_own(edition: Any) -> None:
    def job() -> str:
        Milestone.objects.filter(key="e-lims-contract-award").update(note="Noted by night.")
        return "done"

    JobRun.objects.record("test", job)
    assert Change.objects.filter(record_key="e-lims-contract-award").latest("id").origin == "task"


def test_no_password_is_kept(edition: Any, person: Any) -> None:
    officer = person("pmo")
    officer.set_password("correct horse battery staple")
    officer.save()
    for change in Change.objects.filter(record_key=officer.key):
        assert "password" not in {**(change.before or {}), **(change.after or {})}


def test_signing_in_is_no_change(edition: Any, sign_in: Any, person: Any) -> None:
    officer = person("pmo")
    before = Change.objects.count()
    sign_in(officer)
    assert Change.objects.count() == before
    officer.refresh_from_db()
    assert officer.last_login is not None


def test_history_has_every_one_of_5000_random_changes(edition: Any, api: Any) -> None:
    """Over all paths: save, create, bulk_create, update, bulk_update, raw SQL, relations, delete, cascade, API."""
    dice, client = random.Random(SEED), api("pmo")

    def post_rows(dice: random.Random, number: int) -> int:
        rows = [{"name": f"Posted {n}", "kind": "supplier", "external_source": "Test", "external_id": str(n)} for n in range(9)]
        body = {"operation": "upsert", "rows": [row | {"note": f"Turn {number}"} for row in dice.sample(rows, 5)]}
        answer = client.post("/api/v1/organisations/bulk/", body, HTTP_IDEMPOTENCY_KEY=f"turn-{number}")
        assert (answer.status_code, answer.json()["failed"]) == (200, 0)
        return 5

    changes = sum(operate(dice, number, [*WAYS, post_rows]) for number in iter_until(5000))
    assert changes >= 5000
    for table in tables():
        replay, rows = replayed(table), stored(table)
        assert {pk: alike(row) for pk, row in replay.items()} == {pk: alike(row) for pk, row in rows.items()}, table.name


def iter_until(total: int) -> Iterator[int]:
    """Numbers until that many rows were changed, counted by the history itself."""
    start, number = Change.objects.count(), 0
    while Change.objects.count() - start < total:
        for _ in range(50):
            yield number
            number += 1


def operate(dice: random.Random, number: int, ways: list[Any]) -> int:
    """One random change. Returns how many rows the history gained; that must be at least what the change touched."""
    before = Change.objects.count()
    touched = dice.choice(ways)(dice, number)
    gained = Change.objects.count() - before
    assert gained >= touched
    return gained


def some(dice: random.Random, model: Any, count: int) -> list[Any]:
    keys = list(model.objects.values_list("pk", flat=True))
    return list(model.objects.filter(pk__in=dice.sample(keys, min(count, len(keys)))))


def save(dice: random.Random, number: int) -> int:
    (record,) = some(dice, dice.choice([Milestone, Organisation, Observation, Action, Deliverable]), 1)
    record.note = f"Change {number}"
    record.save()
    return 1


def create(dice: random.Random, number: int) -> int:
    Milestone.objects.create(title=f"Created {number}", type="meeting", workstream=some(dice, Workstream, 1)[0])
    return 1


def create_many(dice: random.Random, number: int) -> int:
    names = [f"many-{number}-{n}" for n in range(dice.randint(1, 30))]
    Organisation.objects.bulk_create([Organisation(key=name, name=name, kind="supplier") for name in names])
    return len(names)


def update_many(dice: random.Random, number: int) -> int:
    return Milestone.objects.filter(pk__in=[m.pk for m in some(dice, Milestone, 10)]).update(note=f"Updated {number}")


def update_in_bulk(dice: random.Random, number: int) -> int:
    records = some(dice, Action, 5)
    for record in records:
        record.note = f"Bulk {number}"
    Action.objects.bulk_update(records, ["note"])
    return len(records)


def raw(dice: random.Random, number: int) -> int:
    (record,) = some(dice, Target, 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_target SET note = %s WHERE id = %s", [f"Raw {number}", record.pk])
        return int(cursor.rowcount)


def relate(dice: random.Random, number: int) -> int:
    (milestone,), others = some(dice, Milestone, 1), some(dice, Organisation, 3)
    new = [other for other in others if other not in milestone.suppliers.all()]
    milestone.suppliers.add(*others)
    return len(new)


def delete(dice: random.Random, number: int) -> int:
    free = Organisation.objects.filter(key__startswith="many-")[: dice.randint(1, 5)]
    count, _ = Organisation.objects.filter(pk__in=[organisation.pk for organisation in free]).delete()
    return count


def cascade(dice: random.Random, number: int) -> int:
    approval = Approval.objects.create(subject=f"Cascade {number}", kind="report")
    for n in range(3):
        approval.votes.create(placeholder=f"body {n}")
    return 4 + approval.delete()[0]


WAYS = [save, create, create_many, update_many, update_in_bulk, raw, relate, delete, cascade]


# -------------------------------------------------------------------------------------------------------------- versions


def test_an_update_from_an_old_copy_is_refused_by_the_database(edition: Any) -> None:
    mine, yours = (Milestone.objects.get(key="e-lims-contract-award") for _ in range(2))
    mine.note = "mine"
    mine.save()
    yours.note = "yours"
    with pytest.raises(StaleRecord):
        yours.save()
    assert Milestone.objects.get(key="e-lims-contract-award").note == "mine"


def test_the_version_cannot_be_set_by_hand(edition: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.filter(key="e-lims-contract-award").update(version=99)


def award() -> Milestone:
    return Milestone.objects.get(key="e-lims-contract-award")


SHOWN = [
    ("a vote", "approvals/a-lims", lambda: Approval.objects.get(key="a-lims").votes.filter(status="pending").update(note="x")),
    ("a new vote", "approvals/a-lims", lambda: Approval.objects.get(key="a-lims").votes.create(placeholder="another")),
    ("a deleted vote", "approvals/a-lims", lambda: Approval.objects.get(key="a-lims").votes.filter(status="pending").delete()),
    ("the name of its workstream", "approvals/a-lims", lambda: Workstream.objects.filter(key="ws-lims").update(name="LIMS")),
    ("the name of a voter", "approvals/a-lims", lambda: Organisation.objects.filter(key="RWW").update(name="WHH")),
    (
        "a relation",
        "milestones/e-lims-contract-award",
        lambda: Milestone.objects.get(key="e-lims-contract-award").depends_on.clear(),
    ),
    ("its target", "observations/o-ae-4h-2024-03", lambda: Target.objects.filter(key="t-ae-4h-national").update(value=70)),
    ("what measures it", "deliverables/ert-d01", lambda: Target.objects.get(key="t-rtt-104w-zero").deliverables.clear()),
    ("a predecessor", "organisations/RBN", lambda: Organisation.objects.filter(key="RVY").update(successor=None)),
]


@pytest.mark.parametrize(("what", "path", "change"), SHOWN, ids=[what for what, _, _ in SHOWN])
def test_the_tag_moves_with_what_the_record_is_shown_with(what: str, path: str, change: Any, edition: Any, api: Any) -> None:
    client = api("viewer")
    before = client.get(f"/api/v1/{path}/")
    change()
    after = client.get(f"/api/v1/{path}/")
    same = dict.fromkeys(("version", "etag"))
    assert after.json() | same != before.json() | same
    assert after["ETag"] != before["ETag"]


def test_nothing_moves_the_tag_of_a_record_that_is_shown_the_same(edition: Any, api: Any) -> None:
    client = api("viewer")
    before = client.get("/api/v1/milestones/e-ent-relaunch/")["ETag"]
    Milestone.objects.filter(key="e-lims-contract-award").update(note="x")
    Workstream.objects.filter(key="ws-ent").update(note="x")
    assert client.get("/api/v1/milestones/e-ent-relaunch/")["ETag"] == before


# ----------------------------------------------------------------------------------------------------------------- as of


def answers(client: Any, extra: str) -> dict[str, Any]:
    """What every list answers, without the tags, which name the day of asking."""
    found = {}
    for resource in RESOURCES:
        on = "&on=2024-05-03" if "on" in FILTERS[resource] else ""
        rows = client.get(f"/api/v1/{resource}/?page_size=1000{on}{extra}").json()["results"]
        found[resource] = [_untagged(row) for row in rows]
    return found


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    return {k: _untagged(v) for k, v in value.items() if k != "etag"} if isinstance(value, dict) else value


def moment() -> str:
    """Now, by the clock of the database, with nothing else in the same millisecond."""
    time.sleep(0.005)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
            now = str(cursor.fetchone()[0])
        else:
            cursor.execute("SELECT clock_timestamp()")
            now = cursor.fetchone()[0].isoformat()
    time.sleep(0.005)
    return now.replace("+", "%2B")


def test_as_of_answers_what_every_list_answered_then(edition: Any, api: Any, make: Any) -> None:
    dice, client = random.Random(SEED), api("viewer")
    for model in (Membership, Person):
        make(model)
    then = []
    for _ in range(3):
        then.append((moment(), answers(client, "")))
        for number in range(60):
            operate(dice, dice.randint(0, 10**9) + number, WAYS)
    for at, answered in then:
        again = answers(client, f"&as_of={at}")
        for resource in RESOURCES:
            assert again[resource] == answered[resource], (resource, at)


def test_as_of_reads_what_is_deleted_with_its_history(edition: Any, api: Any) -> None:
    client = api("pmo")
    at = moment()
    assert client.delete("/api/v1/milestones/e-ent-relaunch/", HTTP_CHANGE_REASON="Entered twice.").status_code == 204
    assert client.get("/api/v1/milestones/e-ent-relaunch/").status_code == 404
    assert client.get(f"/api/v1/milestones/e-ent-relaunch/?as_of={at}").json()["workstream_name"] == "ENT"
    latest = client.get("/api/v1/milestones/e-ent-relaunch/history/").json()["results"][0]
    assert (latest["operation"], latest["reason"]) == ("delete", "Entered twice.")


def test_as_of_finds_by_what_was_true_then(edition: Any, api: Any) -> None:
    client = api("pmo")
    at = moment()
    milestone = Milestone.objects.get(key="e-lims-contract-award")
    milestone.workstream, milestone.programme = None, Programme.objects.get(key="workforce")
    milestone.save()
    found = client.get(f"/api/v1/milestones/?workstream=ws-lims&type=contract_award&as_of={at}").json()["results"]
    assert [row["key"] for row in found] == ["e-lims-contract-award"]
    assert client.get("/api/v1/milestones/?workstream=ws-lims&type=contract_award").json()["results"] == []


def test_before_the_register_began_there_was_nothing(edition: Any, api: Any) -> None:
    assert api("viewer").get("/api/v1/programmes/?as_of=1999-12-31").json()["results"] == []
    assert api("viewer").get("/api/v1/programmes/diagnostics/?as_of=1999-12-31").status_code == 404


@pytest.mark.parametrize("as_of", ["yesterday", "2024-02-30", "", "0001-01-01", "9999-12-31T23:59:59Z", "%00"])
def test_a_wrong_moment_is_a_problem(as_of: str, edition: Any, api: Any) -> None:
    assert api("viewer").get(f"/api/v1/programmes/?as_of={as_of}").status_code == 400
    assert api("viewer").get(f"/api/v1/programmes/diagnostics/?as_of={as_of}").status_code == 400


def test_reading_the_past_leaves_the_present_alone(edition: Any, api: Any) -> None:
    client = api("pmo")
    client.get("/api/v1/programmes/?as_of=1999-12-31")
    assert len(client.get("/api/v1/programmes/").json()["results"]) == 7
    with changing(reason="After a look at the past."):
        Programme.objects.filter(key="uec").update(note="x")


# --------------------------------------------------------------------------------------------------------------- reasons


NEEDS_REASON = [
    ("milestones/e-lims-contract-award", {"forecast_on": "2024-06-30"}),
    ("workstreams/ws-lims", {"status": "paused"}),
    ("targets/t-pifu", {"value": "6"}),
    ("votes/a-lims-vote-5", {"status": "awaiting_outcome"}),
]


@pytest.mark.parametrize(("path", "body"), NEEDS_REASON)
def test_a_date_a_status_or_a_target_is_not_changed_without_a_reason(path: str, body: Any, edition: Any, api: Any) -> None:
    client = api("pmo")
    refused = client.patch(f"/api/v1/{path}/", body)
    assert refused.status_code == 400
    error = refused.json()["errors"][0]
    assert (error["pointer"], error["code"]) == ("/change_reason", "reason_required")
    assert client.patch(f"/api/v1/{path}/", body | {"change_reason": "Agreed at the board."}).status_code == 200


def test_what_was_unknown_is_filled_in_without_a_reason(edition: Any, api: Any) -> None:
    body = {"actual_on": "2024-05-31", "actual_precision": "day"}
    assert api("pmo").patch("/api/v1/milestones/e-lims-contract-award/", body).status_code == 200


def test_a_history_reads_in_the_words_of_the_api(edition: Any, api: Any) -> None:
    client = api("pmo")
    client.patch("/api/v1/milestones/e-lims-contract-award/", {"forum": "eas-board", "depends_on": ["e-lims-status-date"]})
    results = client.get("/api/v1/milestones/e-lims-contract-award/history/").json()["results"]
    differences = [(d["field"], d["before"], d["after"]) for row in results[:3] for d in row["changes"]]
    assert sorted(differences, key=str) == [
        ("depends_on", "e-lims-fifth-approval", None),
        ("depends_on", None, "e-lims-status-date"),
        ("forum", None, "eas-board"),
    ]
    assert client.get("/api/v1/milestones/nothing/history/").status_code == 404


def test_a_moment_without_zone_is_london_time(edition: Any, api: Any) -> None:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert api("viewer").get(f"/api/v1/programmes/?as_of={now:%Y-%m-%dT%H:%M}").status_code == 200
