"""Which trusts the collaborative consists of on a day."""

import datetime as dt
from typing import Any

import pytest

from cmast.models import Organisation
from cmast.trusts import Trusts

pytestmark = pytest.mark.either_database

BEFORE, AFTER = dt.date(2023, 6, 30), dt.date(2023, 7, 1)
#: St Helens and Knowsley, Southport and Ormskirk, and what they became.
MERGED, MERGER = {"st-helens-and-knowsley", "RVY"}, "RBN"


def on(day: dt.date, *stated: str) -> set[str]:
    return {trust.key for trust in Trusts(Organisation.objects.all()).on(day, stated)}


def test_there_are_13_until_two_become_one_and_12_since(edition: Any) -> None:
    assert len(on(BEFORE)) == 13 and len(on(AFTER)) == 12
    assert on(BEFORE) - on(AFTER) == MERGED and on(AFTER) - on(BEFORE) == {MERGER}
    assert "RX7" not in on(AFTER), "the ambulance trust is a partner and no member"


@pytest.mark.parametrize("own", [set(), {"RVY"}, MERGED])
def test_what_two_became_stands_for_them_only_where_neither_has_a_figure(own: set[str], edition: Any) -> None:
    there = on(BEFORE, MERGER, *own)
    assert (MERGER in there) == (not own) and (there >= MERGED) == bool(own)


def test_a_trust_that_has_ended_stands_for_nothing_later(edition: Any) -> None:
    assert on(AFTER, *MERGED) == on(AFTER)


def test_what_became_one_by_way_of_another_was_one_too(edition: Any, make: Any) -> None:
    southport = Organisation.objects.get(key="RVY")
    first = make(Organisation, kind="nhs_trust", standing=None, valid_to="2010-12-31", successor=southport)
    assert on(dt.date(2010, 12, 31)) - on(BEFORE) == {first.key}
    assert MERGER in on(dt.date(2010, 12, 31), MERGER) and first.key not in on(dt.date(2010, 12, 31), MERGER)


def test_a_ring_of_successors_ends(edition: Any) -> None:
    southport, helens = (Organisation.objects.get(key=key) for key in sorted(MERGED))
    Organisation.objects.filter(pk=southport.pk).update(successor=helens)
    Organisation.objects.filter(pk=helens.pk).update(successor=southport)
    assert len(on(BEFORE)) == 11
