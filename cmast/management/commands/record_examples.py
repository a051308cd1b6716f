"""Records what the API answers from the loaded edition, as the examples of the OpenAPI document."""

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from rest_framework.renderers import JSONRenderer

from cmast.api.schema import EXAMPLES
from cmast.models import Membership, Person
from cmast.urls import api as router
from risks.models import Review, Risk, Score

#: The record that shows best what a resource is about; the first one elsewhere.
CHOSEN = {
    "organisations": "RBN",
    "programmes": "diagnostics",
    "workstreams": "ws-lims",
    "milestones": "e-lims-contract-award",
    "approvals": "a-lims",
    "observations": "o-theatre-capped-lhch-2024-03",
    "targets": "t-histopath-10wd",
    "metrics": "ae-4h",
    "benefits": "b-medopt",
}
#: The day that computed fields speak about, and the moment that stands for "entered then".
DAY, MOMENT = dt.date(2024, 5, 3), "2024-05-03T11:00:00Z"
TOKEN = {
    "key": "0123456789abcde",
    "name": "Power BI",
    "scope": "read",
    "created_at": MOMENT,
    "expires_at": "2025-05-03T11:00:00Z",
}


def examples() -> dict[str, dict[str, Any]]:
    """Resource -> its answer, page and body, from the database as it is, which is left as it is."""
    with transaction.atomic():
        make_what_the_edition_lacks()
        found = {resource: of(resource, viewset) for resource, viewset, _ in router.registry if resource != "tokens"}
        transaction.set_rollback(True)
    body = {name: TOKEN[name] for name in ("name", "scope", "expires_at")}
    page, created = {"next": None, "results": [TOKEN]}, TOKEN | {"token": "0123456789abcdef" * 4}
    return found | {"tokens": {"answer": TOKEN, "page": page, "body": body, "created": created}}


def make_what_the_edition_lacks() -> None:
    """The edition names no reader, scores no risk and reviews none."""
    reader = Person.objects.create(key="sam-example", name="Sam Example", email="sam.example@cmast.example")
    Membership.objects.create(key="sam-example-viewer", person=reader, role="viewer", valid_from=DAY)
    risk = Risk.objects.get(key="r-cyber-resilience")
    Score.objects.create(
        key="r-cyber-resilience-current", risk=risk, kind="current", likelihood=3, consequence=4, scored_on=DAY
    )
    Review.objects.create(key="r-cyber-resilience-review", risk=risk, reviewed_on=DAY, next_review_on=dt.date(2024, 6, 3))


class On:
    """Stands for the view, which says what day is asked for."""

    @staticmethod
    def day_of_question() -> dt.date:
        return DAY


def of(resource: str, viewset: Any) -> dict[str, Any]:
    serializer = viewset.serializer_class
    links, lists = serializer.relations()
    records = viewset.queryset.with_computed(DAY).select_related(*links).prefetch_related(*lists)
    record = records.get(key=CHOSEN[resource]) if resource in CHOSEN else records.order_by("pk").first()
    answer = json.loads(JSONRenderer().render(serializer(record, context={"view": On}).data), object_hook=_timeless)
    writable = {name for name, field in serializer().fields.items() if not field.read_only}
    body = {name: value for name, value in answer.items() if name in writable}
    return {"answer": answer, "page": {"next": None, "results": [answer]}, "body": body}


def _timeless(answer: dict[str, Any]) -> dict[str, Any]:
    """The same example on every machine, whenever the edition was loaded."""
    return {name: MOMENT if name in ("created_at", "updated_at") else value for name, value in answer.items()}


class Command(BaseCommand):
    help = "Record the API's answers of the loaded May 2024 edition into docs/examples.json."

    def handle(self, *args: Any, **options: Any) -> None:
        EXAMPLES.write_text(json.dumps(examples(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        self.stdout.write(f"{EXAMPLES} written.")
