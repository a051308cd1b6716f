"""What the operating system knows of processes: CPU time and memory, of whole trees."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from statistics import mean

_TICK = os.sysconf("SC_CLK_TCK")
PROCESSORS = os.cpu_count() or 1
_PARENT, _FIRST_TIME, _LAST_TIME = 1, 11, 15
#: Waiting for work costs a server a tick now and then.
_IDLE = 0.011
_PAUSE = 0.1
_PATIENCE = 100


def _stats() -> dict[int, list[str]]:
    """Process id -> what /proc says of it, from its state on."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            found[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
    return found


def tree(root: int, stats: dict[int, list[str]] | None = None) -> set[int]:
    """The process and all that descend from it."""
    stats = _stats() if stats is None else stats
    found, newest = set(), {root}
    while newest:
        found |= newest
        newest = {pid for pid, stat in stats.items() if int(stat[_PARENT]) in newest}
    return found


def cpu_of(root: int) -> float:
    """CPU seconds of a tree so far: user and system time, with that of children that have ended."""
    stats = _stats()
    members = tree(root, stats) & stats.keys()
    return sum(int(ticks) for pid in members for ticks in stats[pid][_FIRST_TIME:_LAST_TIME]) / _TICK


def wait_until_idle(roots: Iterable[int]) -> None:
    """Until none of these trees works: what a reading leaves behind would be charged to the next. Raises TimeoutError."""
    roots = list(roots)
    for _ in range(_PATIENCE):
        before = sum(map(cpu_of, roots))
        time.sleep(_PAUSE)
        if sum(map(cpu_of, roots)) - before <= _IDLE:
            return
    raise TimeoutError("The servers do not come to rest.")


def memory_of_workers(root: int) -> float:
    """Mean proportional set size, in MB, of the processes below this one."""
    return mean(_proportional(pid) for pid in tree(root) - {root}) / 1024


def _proportional(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def busy() -> float:
    """CPU seconds that the whole machine has worked so far."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / _TICK
