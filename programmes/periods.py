"""Reporting periods open and lock by the calendar."""

import datetime as dt
from collections.abc import Callable

from cmast.errors import RuleBroken
from cmast.history.context import changing
from programmes.models import ReportingPeriod


def run(today: dt.date) -> str:
    """Opens what is to open and locks what is to lock on that day; what it did. Done twice, or after days of standstill, it
    does what is left."""
    to_open, to_lock = list(ReportingPeriod.objects.to_open(today)), list(ReportingPeriod.objects.to_lock(today))
    with changing(reason="The day has come"):
        opened = sum(_is_done(period.open) for period in to_open)
        locked = sum(_is_done(period.lock_period) for period in to_lock)
    return f"{opened} opened, {locked} locked"


def _is_done(act: Callable[[], None]) -> bool:
    """Somebody else may have been quicker; then it is done all the same."""
    try:
        act()
    except RuleBroken:
        return False
    return True
