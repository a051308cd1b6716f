"""`python -m tests.chaos [postgresql|sqlite|no-broker]`: reminders are sent while everything breaks, and none is lost.

`FULL=1` takes ten times as many, `SEED=7` breaks other things. The test of this folder runs `small FILE`, on a register that is
there.
"""

import json
import os
import sys
from typing import Any

import django

from tests.chaos.fleet import HASTE, SMALL_HASTE, variables
from tests.chaos.script import FULL, SMALL, USUAL, Size
from tests.chaos.servers import Servers, servers
from tests.deployment.compose import ROOT

SHAPES = ("postgresql", "sqlite", "no-broker")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["small", file]:
            with servers("no-broker") as found:
                found.database_url = f"sqlite:///{file}"
                return report(chaos(found, SMALL, SMALL_HASTE))
        case [] | ["postgresql" | "sqlite" | "no-broker"]:
            with servers(*arguments or ["postgresql"]) as found:
                return report(keep(found, chaos(found, FULL if os.environ.get("FULL") else USUAL, HASTE)))
    sys.exit(f"There is no “{' '.join(arguments)}”. There are: {', '.join(SHAPES)}.")


def chaos(found: Servers, size: Size, haste: dict[str, str]) -> dict[str, Any]:
    """What came of a run on these servers."""
    if found.postgres and found.redis is None:
        print("There is no redis-server on this machine: the filesystem broker stands in, and no Redis is killed.")
    env = variables(found, haste)
    os.environ |= env | {"DJANGO_SETTINGS_MODULE": "cmast.settings"}
    django.setup()
    # They read the settings as they are imported.
    from django.core.management import call_command

    from tests.chaos import ledger
    from tests.chaos.run import Run

    if size is not SMALL:
        call_command("migrate", verbosity=0)
    ledger.make_rule()
    return Run(found, size, int(os.environ.get("SEED", "2024")), env).whole()


def keep(found: Servers, result: dict[str, Any]) -> dict[str, Any]:
    """In `var/chaos.json`, with what the processes said beside it."""
    var = ROOT / "var"
    var.mkdir(exist_ok=True)
    (var / "chaos.json").write_text(json.dumps(result, indent=2) + "\n")
    (var / "chaos.log").write_bytes((found.folder / "register.log").read_bytes())
    return result


def report(result: dict[str, Any]) -> int:
    """Prints what is broken, and the figures last."""
    from tests.chaos.run import line

    for said in result["broken"]:
        print(f"BROKEN: {said}")
    print(line(result))
    return 1 if result["broken"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
