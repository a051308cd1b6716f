"""What docker-compose.yml says, for the tests: the file is the one place where the deployment is described."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: Services that run the product's own image.
OWN = [name for name, service in SERVICES.items() if "build" in service]


def option(command: list[str], name: str) -> str:
    """The value of `--name=value` in a command."""
    return next(part.partition("=")[2] for part in command if part.startswith(f"--{name}="))
