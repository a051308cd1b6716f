"""Everything that the edition's data files say can be read over HTTP, as it is written there."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from cmast.editions.loader import EDITIONS
from cmast.urls import api as router

FILES = sorted((EDITIONS / "2024-05").glob("*.yaml"))
RESOURCES = {viewset.queryset.model._meta.label_lower: prefix for prefix, viewset, _ in router.registry}
#: A figure without its scope, its time and its lines is no figure.
FIGURES = {
    "metrics.observation": ("unit", "organisation", "scope_level", "period_type", "value_status", "source", "source_lines")
}


def records(path: Path) -> list[tuple[str, dict[str, Any]]]:
    content = yaml.safe_load(path.read_text())
    defaults = content.pop("defaults", {})
    return [(label, defaults | record) for label, rows in content.items() for record in rows]


def as_answered(value: Any, answer: Any) -> Any:
    """A value of the file in the form of the answer beside it."""
    match value:
        case dt.date():
            return value.isoformat()
        case bool() | None:
            return value
        case int() | float() if isinstance(answer, str):
            number = Decimal(str(value))
            return f"{number.normalize():f}" if number else "0"
        case list():
            return sorted(str(item) for item in value)
        case _:
            return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_record_of_the_edition_answers_with_what_the_file_says(path: Path, edition: Any, api: Any) -> None:
    client = api("viewer")
    found = 0
    for label, record in records(path):
        response = client.get(f"/api/v1/{RESOURCES[label]}/{record['key']}/")
        assert response.status_code == 200, (label, record["key"])
        answer = response.json()
        for name, value in record.items():
            answered = sorted(answer[name]) if isinstance(answer[name], list) and isinstance(value, list) else answer[name]
            assert answered == as_answered(value, answered), (label, record["key"], name)
        for name in FIGURES.get(label, ()):
            assert answer[name], (record["key"], name)
        found += 1
    assert found > 0


def test_the_edition_is_whole(edition: Any, api: Any) -> None:
    client = api("viewer")

    def count(path: str) -> int:
        return client.get(f"{path}&count=true").json()["count"]

    assert count("/api/v1/organisations/?standing=core_member,dual_member") == 12
    assert count("/api/v1/programmes/?page_size=1") == 7
    assert count("/api/v1/workstreams/?programme=diagnostics") == 18
    assert count("/api/v1/deliverables/?programme=efficiency-at-scale") == 19
    assert count("/api/v1/metrics/?programme=elective-recovery-transformation") == 23
    assert count("/api/v1/targets/?numberless=true") == 13
    assert count("/api/v1/targets/?operator_source=inferred") == 16
    assert count("/api/v1/observations/?page_size=1") == 40
    assert count("/api/v1/milestones/?page_size=1") == 47
    assert count("/api/v1/risks/?page_size=1") == 24
    assert count("/api/v1/update-facts/?page_size=1") == 83


def test_what_the_edition_does_not_say_is_unknown(edition: Any, api: Any) -> None:
    client = api("viewer")
    votes = client.get("/api/v1/approvals/a-lims/").json()["votes"]
    assert [vote["organisation"] for vote in votes] == [None, None, None, None, "RWW"]
    compliance = client.get("/api/v1/observations/o-theatre-capped-lhch-2024-03/").json()
    assert compliance["value"] is None
    assert (compliance["bound_operator"], compliance["bound_value"], compliance["meets_target"]) == ("gte", "85", True)
    assert client.get("/api/v1/approvals/a-glaucoma-waiver/").json()["organisation"] is None
