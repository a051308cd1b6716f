"""Every kind of record can be made by its factory, once and again."""

from collections.abc import Callable
from typing import Any

import pytest

from cmast.models import Record
from cmast.models.notes import record_types
from tests.factories import FACTORIES


def test_every_kind_of_record_has_a_factory() -> None:
    assert set(FACTORIES) == set(record_types().values())


@pytest.mark.parametrize("model", record_types().values(), ids=list(record_types()))
def test_factories_make_rows_that_differ(model: type[Record], make: Callable[..., Any]) -> None:
    first, second = make(model), make(model)
    assert first.key != second.key
