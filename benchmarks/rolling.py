"""Kept rows of series beside `GROUP BY avg` of the figures that they are made from.

P9 makes every row anew from the figures as they lie: latest, previous, change, trend, mean, limits with screening, the four
rules and what follows; then the rows are compared with those that are kept, and what differs is written. That is the nightly
run; "from nothing" has all of them to write. P10 reads all that the kept rows say, as that run does, and, without a goal, as
the fact table gives them: with the names, values and keys of the eight records that a row is linked to. It makes one row anew
after a figure of its series has moved: the run that follows a correction.
"""

from collections.abc import Callable
from statistics import median

from django.db import connection, transaction
from django.db.models import F, Max

from benchmarks.filling import settle
from benchmarks.importing import seconds
from benchmarks.judging import Goal, Result, divide
from cmast.models import Person
from metrics import facts, plain_series, rollups
from metrics.models import Observation, SeriesSummary

_FLOOR = "SELECT metric_id, organisation_id, breakdown_member, avg(value) FROM metrics_observation GROUP BY 1, 2, 3"
_TABLE = facts.TABLES["series-summaries"]
#: Series whose rows are made anew in a round, one after the other, and how often the short statements are run.
_TOUCHED, _TIMES = 15, 3


def of_one_series(rounds: int) -> list[float]:
    """Seconds in each round for the row of a series that has moved."""
    rollups.refresh_all()
    settle()
    latest = Observation.objects.order_by().values("metric", "organisation").annotate(last=Max("pk")).order_by("last")
    figures = list(latest.values_list("last", flat=True)[: _TOUCHED * (rounds + 1)])
    took = [_moved(figure) for figure in figures][_TOUCHED:]  # the first ones are for the plans and the connection
    return [median(took[start : start + _TOUCHED]) for start in range(0, len(took), _TOUCHED)]


def _moved(figure: int) -> float:
    Observation.objects.filter(pk=figure).update(value=F("value") + 1)
    return seconds(rollups.run, is_settled=False)


def compare(of_one_in_few: list[float], rounds: int) -> list[Result]:
    """P9 and P10, with what `of_one_series` came to while there was a tenth of the figures."""
    of_one_in_all = of_one_series(rounds)
    reader = Person.objects.get(email="lead@cmast.example")
    floor, limits, again, first, read, told = ([] for _ in range(6))
    for _ in range(rounds):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE metrics_seriessummary")
        first.append(seconds(rollups.refresh_all))
        _analyse()
        floor.append(_least(_group))
        again.append(_least(rollups.refresh_all))
        limits.append(_least(_work_out))
        read.append(_least(lambda: list(SeriesSummary.objects.visible_to(reader).values_list(*plain_series.Row._fields))))
        told.append(_least(lambda: _read_facts(reader)))
    return [
        Result(Goal("P9", "all rows made anew, against GROUP BY avg", 3, 1.5), divide(again, floor)),
        Result(Goal("P9 limits", "all rows worked out, neither compared nor written", 1.3), divide(limits, floor)),
        Result(Goal("P9 first", "all rows made from nothing, and written"), divide(first, floor)),
        Result(Goal("P10", "all kept rows read, against GROUP BY avg", 0.5, 0.3), divide(read, floor)),
        Result(Goal("P10 facts", "the same with all that the fact table says of them"), divide(told, floor)),
        Result(Goal("P10 one", "a series made anew, among all against a tenth", 1.2), divide(of_one_in_all, of_one_in_few)),
    ]


def _least(work: Callable[[], object]) -> float:
    return min(seconds(work, is_settled=False) for _ in range(_TIMES))


def _group() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FLOOR)
        cursor.fetchall()


@transaction.atomic
def _work_out() -> None:
    plain_series.made(rollups.everybody())


def _read_facts(reader: Person) -> None:
    after, count = 0, 0
    while rows := list(_TABLE.rows(reader, after, facts.MOST_ROWS)):
        after, count = rows[-1][0], count + len(rows)
    if count != SeriesSummary.objects.count():
        raise RuntimeError(f"{count} rows were read.")


def _analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) metrics_seriessummary")
