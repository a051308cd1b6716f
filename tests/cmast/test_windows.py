"""Windows of vague dates in the database."""

import datetime as dt
from itertools import product
from typing import Any

from django.db.models import F

from cmast.dates import window
from cmast.models.windows import DaysBetween, first_day
from cmast.vocabulary import DATELESS, DatePrecision
from programmes.models import Milestone

DAYS = [dt.date(2024, 2, 29), dt.date(2024, 5, 31), dt.date(2024, 12, 31), dt.date(2025, 3, 31)]


def test_the_database_finds_the_windows_that_python_finds(db: None) -> None:
    dated = [precision for precision in DatePrecision if precision not in DATELESS]
    cases = [(day, precision, first) for day, precision in product(DAYS, dated) for first in (None, dt.date(2024, 1, 7))]
    cases = [case for case in cases if case[1] != DatePrecision.SEASON or case[2]]
    made = [
        Milestone(
            key=f"window-{n}", title="A date", type="launch", forecast_on=day, forecast_precision=precision, starts_on=first
        )
        for n, (day, precision, first) in enumerate(cases)
    ]
    Milestone.objects.bulk_create(made)
    found = Milestone.objects.filter(key__startswith="window-").annotate(
        first=first_day("forecast", "starts_on"), length=DaysBetween(F("first"), F("forecast_on"))
    )
    assert len(found) == len(cases)
    for milestone in found:
        days: Any = window(milestone.forecast_on, milestone.forecast_precision, milestone.starts_on)
        assert (milestone.first, milestone.length) == (days[0], (days[1] - days[0]).days), milestone.forecast_precision


def test_a_season_without_its_first_day_and_no_date_have_no_first_day(make: Any) -> None:
    season = make(Milestone, forecast_on=dt.date(2024, 8, 31), forecast_precision="season")
    undated = make(Milestone, forecast_on=None, forecast_precision="undated")
    found = Milestone.objects.annotate(first=first_day("forecast", "starts_on"))
    assert [found.get(pk=one.pk).first for one in (season, undated)] == [None, None]
