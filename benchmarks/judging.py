"""From readings to ratios, and what they are held against."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.measuring import Reading, Readings


@dataclass(frozen=True)
class Goal:
    """A ratio with its goals. `is_least` where more is better. Without a goal it is only told."""

    name: str
    what: str
    goal: float | None = None
    stretch: float | None = None
    is_least: bool = False


@dataclass(frozen=True)
class Result:
    """What a goal came to in each round."""

    goal: Goal
    rounds: list[float]

    @property
    def ratio(self) -> float:
        return median(self.rounds)

    def meets(self, limit: float | None) -> bool | None:
        """Null where there is no such limit."""
        if limit is None:
            return None
        return self.ratio >= limit if self.goal.is_least else self.ratio <= limit

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.goal.what,
            "ratio": round(self.ratio, 3),
            "goal": self.goal.goal,
            "stretch": self.goal.stretch,
            "met": self.meets(self.goal.goal),
            "rounds": [round(number, 3) for number in self.rounds],
        }


def _cpu(reading: Reading) -> float:
    return reading.total


def best_floor(sides: dict[str, list[Reading]], cost: Callable[[Reading], float] = _cpu) -> list[Reading]:
    """The floor is its best variant: the one whose median cost is the least."""
    floors = [readings for side, readings in sides.items() if side.startswith("floor")]
    return min(floors, key=lambda readings: median(cost(reading) for reading in readings))


def divide(above: list[float], below: list[float]) -> list[float]:
    """Round by round, because a machine's pace changes between rounds more than within one."""
    return [one / other for one, other in zip(above, below, strict=True)]


def costs(readings: Readings, case: str, side: str = "product") -> list[float]:
    return [reading.total for reading in readings[case][side]]


def to_floor(readings: Readings, case: str, side: str = "product") -> list[float]:
    return divide(costs(readings, case, side), [reading.total for reading in best_floor(readings[case])])


def per_added_row(readings: Readings) -> list[float]:
    """What each row beyond the fiftieth costs, against the least that it costs any floor."""
    slopes = {
        side: [
            (large - small) / 450
            for large, small in zip(costs(readings, "list 500", side), costs(readings, "list 50", side), strict=True)
        ]
        for side in readings["list 500"]
    }
    floors = [slope for side, slope in slopes.items() if side.startswith("floor")]
    return divide(slopes["product"], min(floors, key=median))


def judge(readings: Readings) -> list[Result]:
    """Everything that follows from readings of CPU time and of speed."""
    return [*_of_reads(readings), *_of_writes(readings), *_of_eight(readings["list 50 at 8"]), *_of_documents(readings)]


def _of_reads(readings: Readings) -> list[Result]:
    page, detail, filtered, known = (costs(readings, case) for case in ("list 50", "detail", "filtered", "304"))
    last, by_date, last_by_date = (costs(readings, case) for case in ("last page", "first by date", "last by date"))
    hidden = to_floor(readings, "list 50", "product, some hidden")
    return [
        Result(Goal("P1", "list of 50", 1.5, 1.25), to_floor(readings, "list 50")),
        Result(Goal("P1 hidden", "the same for a caller from whom something is hidden", 1.5, 1.25), hidden),
        Result(Goal("P3", "list of 500", 1.4, 1.15), to_floor(readings, "list 500")),
        Result(Goal("P3 row", "each added row", 1.15), per_added_row(readings)),
        Result(Goal("P4", "filtered and ordered list", 1.6, 1.3), to_floor(readings, "filtered")),
        Result(Goal("P4 plain", "filtered and ordered against plain list", 1.3), divide(filtered, page)),
        Result(Goal("P4 last", "last page against first", 1.2), divide(last, page)),
        Result(Goal("P4 last by date", "last page against first, ordered by date", 1.2), divide(last_by_date, by_date)),
        Result(Goal("P5", "detail", 2.2, 1.7), to_floor(readings, "detail")),
        Result(Goal("P11", "304 against a static answer", 4, 3), to_floor(readings, "304")),
        Result(Goal("P11 whole", "304 against the whole detail", 0.6), divide(known, detail)),
        Result(Goal("naive", "list of 50 as a textbook writes it"), to_floor(readings, "list 50", "naive")),
    ]


def _of_writes(readings: Readings) -> list[Result]:
    return [
        Result(Goal("P6", "create, with history and idempotency", 4, 3), to_floor(readings, "create")),
        Result(Goal("P7", "bulk create of 100", 2, 1.5), to_floor(readings, "bulk 100")),
    ]


def _of_eight(sides: dict[str, list[Reading]]) -> list[Result]:
    product, floor = sides["product"], best_floor(sides, lambda reading: 1 / reading.per_second)
    answers = divide([reading.per_second for reading in product], [reading.per_second for reading in floor])
    slow = divide([reading.p95 for reading in product], [reading.p95 for reading in floor])
    return [
        Result(Goal("P13", "requests a second at concurrency 8", 0.7, 0.85, is_least=True), answers),
        Result(Goal("P13 p95", "95th percentile at concurrency 8", 2), slow),
    ]


def _of_documents(readings: Readings) -> list[Result]:
    return [Result(Goal("P16 later", "OpenAPI document against a static answer"), to_floor(readings, "document"))]
