"""A metric and figures of it, month by month."""

import datetime as dt
from typing import Any

import pytest

from cmast.dates import month_end
from cmast.models import Organisation
from metrics.models import Metric, Observation


def last_day(month: int) -> dt.date:
    """Of a month counted from January 2023."""
    return month_end(dt.date(2023 + month // 12, month % 12 + 1, 1))


@pytest.fixture
def metric(edition: Any, make: Any) -> Any:
    return make(Metric, unit="percent", direction="higher_is_better", kind="flow")


@pytest.fixture
def report(metric: Any) -> Any:
    """Figures of a trust, month by month; None is a month without one."""

    def make_series(values: list[Any], trust: str = "RBN", **more: Any) -> list[Observation]:
        whose = Organisation.objects.get(key=trust)
        common = {"metric": metric, "organisation": whose, "scope_level": "provider", "unit": "percent"}
        common |= {"period_type": "month", "value_status": "reported"} | more
        return [
            Observation.objects.create(
                value=value, period_start_on=last_day(n).replace(day=1), period_end_on=last_day(n), **common
            )
            for n, value in enumerate(values)
            if value is not None
        ]

    return make_series
