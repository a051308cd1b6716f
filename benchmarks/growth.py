"""`python -m benchmarks.growth`: the same requests on a table that grows, as docs/growth.svg. `QUICK=1` stops earlier."""

import os
from pathlib import Path
from statistics import median

from benchmarks.chart import Line, chart
from benchmarks.register import Register, register

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "growth.svg"
SIZES = [1_000, 10_000, 100_000, 1_000_000]
ROUNDS, SECONDS = 3, 1.0
#: What is plotted: case, side, what it is called.
PLOTTED = [
    ("list 50", "product", "list, first pages"),
    ("last page", "product", "list, last page"),
    ("first by date", "product", "by date, first page"),
    ("last by date", "product", "by date, last page"),
    ("filtered", "product", "filtered, by date"),
    ("detail", "product", "detail"),
    ("list 50", "floor, text", "floor: list"),
    ("filtered", "floor, text", "floor: filtered"),
]


def measure(found: Register, sizes: list[int]) -> list[Line]:
    """CPU milliseconds a request, of server and database, at each size."""
    from benchmarks import filling
    from benchmarks.cases import Questions
    from benchmarks.comparison import running
    from benchmarks.measuring import Bench

    callers = filling.prepare(filling.ORGANISATIONS)
    filling.add_milestones(sizes[0])
    lines = [Line(name, []) for *_, name in PLOTTED]
    with running(found, Questions(callers), ["product", "floor"]) as servers:
        bench = Bench(servers, found.database.pid)
        for size in sizes:
            filling.add_milestones(size)
            filling.settle()
            reads = Questions(callers).reads()
            cases = {case: {side: reads[case][side] for place, side, _ in PLOTTED if place == case} for case, *_ in PLOTTED}
            bench.warm_up(cases, SECONDS / 2)
            readings = bench.measure(cases, ROUNDS, SECONDS)
            for line, (case, side, _) in zip(lines, PLOTTED, strict=True):
                line.points.append((size, median(reading.total for reading in readings[case][side])))
    return lines


def main() -> None:
    sizes = SIZES[:-1] if os.environ.get("QUICK") else SIZES
    with register() as found:
        lines = measure(found, sizes)
        from benchmarks.reporting import table

    PICTURE.write_text(chart("What a request costs while the register grows", "milestones", "CPU ms a request", lines))
    rows = [("CPU ms a request", *(f"{size:,} milestones" for size in sizes))]
    print(table([*rows, *((line.name, *(f"{value:.1f}" for _, value in line.points)) for line in lines)]))


if __name__ == "__main__":
    main()
