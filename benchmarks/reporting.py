"""What a run found, as tables for people and as JSON for programs."""

import json
from pathlib import Path
from statistics import median

from benchmarks.comparison import Outcome
from benchmarks.judging import Result
from benchmarks.measuring import Reading

_VERDICTS = {None: "", True: "met", False: "missed"}


def write(outcome: Outcome, folder: Path) -> str:
    """Writes bench.json and bench.md into the folder; the latter's text is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {result.goal.name: result.as_json() for result in outcome.results}
    (folder / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    text = "\n\n".join([_head(outcome), _ratios(outcome.results), _context(outcome)]) + "\n"
    (folder / "bench.md").write_text(text)
    return text


def _head(outcome: Outcome) -> str:
    size = outcome.size
    return (
        f"{size.milestones:,} milestones, {size.series * 60:,} observations, {size.rounds} rounds of {size.seconds:g} s. "
        f"Other programs used {outcome.others:.0%} of the machine meanwhile."
    )


def _ratios(results: list[Result]) -> str:
    rows: list[tuple[str, ...]] = [("", "", "ratio", "goal", "stretch", "", "rounds")]
    for result in results:
        goal, sign = result.goal, "≥" if result.goal.is_least else "≤"
        limits = [f"{sign} {limit:g}" if limit is not None else "" for limit in (goal.goal, goal.stretch)]
        verdict = "stretch" if result.meets(goal.stretch) else _VERDICTS[result.meets(goal.goal)]
        rounds = " ".join(f"{number:.2f}" for number in sorted(result.rounds))
        rows.append((goal.name, goal.what, f"{result.ratio:.2f}", *limits, verdict, rounds))
    return table(rows)


def _context(outcome: Outcome) -> str:
    """What the ratios are made of: medians, on this machine."""
    rows: list[tuple[str, ...]] = [("", "", "CPU ms", "app", "database", "a second", "p50 ms", "p95 ms")]
    for name, sides in outcome.readings.items():
        for side, readings in sides.items():
            rows.append((name, side, *(_number(readings, *parts) for parts in _PARTS)))
    return table(rows)


_PARTS = (("total", 2), ("app", 2), ("database", 2), ("per_second", 0), ("p50", 1), ("p95", 1))


def _number(readings: list[Reading], part: str, digits: int) -> str:
    return f"{median(getattr(reading, part) for reading in readings):,.{digits}f}"


def table(rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown that can be read as it stands; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
