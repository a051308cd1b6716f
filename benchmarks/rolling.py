"""Kept rows of series beside the average that a report would ask for, and one series anew in a small and a large register."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from django.db import connection

from benchmarks import filling
from benchmarks.judging import Goal, Result, divide
from cmast.models import Organisation
from cmast.models.people import anybody
from metrics import rollups
from metrics.facts import TABLES
from metrics.models import Metric

FLOOR = "SELECT metric_id, organisation_id, avg(value) FROM metrics_observation GROUP BY metric_id, organisation_id"
#: How often one series is made anew for a figure, and how many rows of kept series are read at once.
TURNS, PAGE = 20, 1000


def fill(series: int) -> list[float]:
    """Observations of so many series; what one series took to be made anew when there was a tenth of them, turn by turn."""
    filling.add_observations(0, series // 10)
    filling.settle()
    rollups.refresh_all()
    small = one_series()
    filling.add_observations(series // 10, series)
    return small


def compare(small: list[float], rounds: int) -> list[Result]:
    """P9 and P10, with the register as it is filled now."""
    floors = [_seconds(_floor) for _ in range(rounds + 1)][1:]
    wholes = [_seconds(rollups.refresh_all) for _ in range(rounds)]
    reads = [_seconds(_read) for _ in range(rounds + 1)][1:]
    large = one_series()
    return [
        Result(Goal("P9", "all kept rows made anew, beside GROUP BY avg", 3, 1.5), divide(wholes, floors)),
        Result(Goal("P10", "all kept rows read, beside GROUP BY avg", 0.5, 0.3), divide(reads, floors)),
        Result(Goal("P10 one", "one series anew, beside a tenth of the figures", 1.2), [median(large) / median(small)]),
    ]


def one_series() -> list[float]:
    """Seconds for one series of the first metric, turn by turn."""
    metric, whose = Metric.objects.order_by("pk")[0].pk, Organisation.objects.order_by("pk")[0].pk
    rollups.refresh([(metric, whose, "")])
    return [_seconds(lambda: rollups.refresh([(metric, whose, "")])) for _ in range(TURNS)]


def _floor() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        cursor.fetchall()


def _read() -> None:
    """As the facts are read: page after page."""
    table, reader, after = TABLES["series-summaries"], anybody(), 0
    while rows := table.rows(reader, after, PAGE):
        after = int(rows[-1][0])


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
