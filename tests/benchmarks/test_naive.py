"""The textbook's way starts on the product's models, whatever settings these have come to read."""

import subprocess
import sys

import pytest

from tests.deployment.compose import ROOT
from tests.deployment.running import environment


@pytest.mark.either_database
def test_the_naive_variant_starts() -> None:
    variables = {"DJANGO_SETTINGS_MODULE": "benchmarks.naive_settings", "CMAST_EMBEDDED": "true"}
    command = [sys.executable, "-c", "import django; django.setup(); import benchmarks.naive"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment() | variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
