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


def best_floor(sides: dict[str, list[Reading]], cost: Callable[[Reading], float]) -> list[float]:
    """The floor is its best variant: the one whose median cost is the least."""
    floors = [[cost(reading) for reading in readings] for side, readings in sides.items() if side.startswith("floor")]
    return min(floors, key=median)


def total(reading: Reading) -> float:
    return reading.total


def divide(above: list[float], below: list[float]) -> list[float]:
    """Round by round, because a machine's pace changes between rounds more than within one."""
    return [one / other for one, other in zip(above, below, strict=True)]


def costs(readings: Readings, case: str, side: str = "product") -> list[float]:
    return [reading.total for reading in readings[case][side]]


def to_floor(readings: Readings, case: str, side: str = "product") -> list[float]:
    return divide(costs(readings, case, side), best_floor(readings[case], total))


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
    first, eight = costs(readings, "list 50"), readings["list 50 at 8"]
    return [
        Result(Goal("P1", "list of 50", 1.5, 1.25), to_floor(readings, "list 50")),
        Result(
            Goal("P1 hidden", "the same for a caller from whom something is hidden", 1.5, 1.25),
            to_floor(readings, "list 50", "product, some hidden"),
        ),
        Result(Goal("P3", "list of 500", 1.4, 1.15), to_floor(readings, "list 500")),
        Result(Goal("P3 row", "each added row", 1.15), per_added_row(readings)),
        Result(Goal("P4", "filtered and ordered list", 1.6, 1.3), to_floor(readings, "filtered")),
        Result(Goal("P4 plain", "filtered and ordered against plain list", 1.3), divide(costs(readings, "filtered"), first)),
        Result(Goal("P4 last", "last page against first", 1.2), divide(costs(readings, "last page"), first)),
        Result(
            Goal("P4 last by date", "last page against first, ordered by date", 1.2),
            divide(costs(readings, "last by date"), costs(readings, "first by date")),
        ),
        Result(Goal("P5", "detail", 2.2, 1.7), to_floor(readings, "detail")),
        Result(Goal("P6", "create, with history and idempotency", 4, 3), to_floor(readings, "create")),
        Result(Goal("P7", "bulk create of 100", 2, 1.5), to_floor(readings, "bulk 100")),
        Result(Goal("P11", "304 against a static answer", 4, 3), to_floor(readings, "304")),
        Result(
            Goal("P11 whole", "304 against the whole detail", 0.6), divide(costs(readings, "304"), costs(readings, "detail"))
        ),
        Result(
            Goal("P13", "requests a second at concurrency 8", 0.7, 0.85, is_least=True),
            [1 / slower for slower in divide(*_at_eight(eight, lambda reading: 1 / reading.per_second))],
        ),
        Result(Goal("P13 p95", "95th percentile at concurrency 8", 2), divide(*_at_eight(eight, lambda reading: reading.p95))),
        Result(Goal("P16 later", "OpenAPI document against a static answer"), to_floor(readings, "document")),
        Result(Goal("naive", "the list of 50 as a textbook writes it"), to_floor(readings, "list 50", "naive")),
    ]


def _at_eight(sides: dict[str, list[Reading]], cost: Callable[[Reading], float]) -> tuple[list[float], list[float]]:
    return [cost(reading) for reading in sides["product"]], best_floor(sides, cost)
