"""`python -m benchmarks`: the product beside the floor, as ratios. `QUICK=1` takes less data and time."""

import os
from pathlib import Path

from benchmarks.register import register

VAR = Path(__file__).resolve().parent.parent / "var"


def main() -> None:
    with register() as found:
        # They read the settings as they are imported.
        from benchmarks import comparison, reporting

        size = comparison.QUICK if os.environ.get("QUICK") else comparison.WHOLE
        print(reporting.write(comparison.compare(found, size), VAR))


if __name__ == "__main__":
    main()
