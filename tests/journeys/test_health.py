"""Somebody from the PMO reads how the seven programmes stand, and why."""

from typing import Any

import pytest
from playwright.sync_api import Page

from programmes.health import Dimension
from programmes.models import Programme

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.either_database]


def test_every_colour_of_every_programme_is_read_with_its_reasons(edition: Any, desk: Page, api: Any) -> None:
    programmes = list(Programme.objects.order_by("pk"))
    assert len(programmes) == 7
    client = api("viewer")
    for programme in programmes:
        said = client.get(f"/api/v1/programmes/{programme.key}/health/?as_of=2024-05-03").json()
        desk.goto(f"/admin/programmes/programme/{programme.pk}/change/")
        section = desk.locator("section", has=desk.get_by_role("heading", name="Health on 3 May 2024"))
        rows = {row.locator("th").inner_text(): row for row in section.locator("table").first.locator("tbody tr").all()}
        assert list(rows) == [dimension.label for dimension in Dimension]
        for judged in said["dimensions"]:
            row = rows[Dimension(judged["dimension"]).label].inner_text()
            why = [reason["words"] for reason in judged["reasons"]] or [judged["words"]]
            assert judged["colour"].replace("_", " ").capitalize() in row
            assert all(why) and all(words in row for words in why), (programme.key, judged["dimension"], row)
