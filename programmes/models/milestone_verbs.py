"""What can be done to a milestone: its date moved or confirmed, its outcome said."""

import datetime as dt
from typing import Any

from django.utils import timezone

from cmast import dates
from cmast.errors import RuleBroken
from cmast.history.context import current
from cmast.models.verbs import Given, verb
from cmast.vocabulary import DatePrecision
from programmes.models.forecasts import EXPECTED, PROMISED, Forecast, previous

#: Words of a status or an outcome that say what became of a milestone.
SETTLED = ("achieved", "missed", "cancelled")
#: Nobody has said what became of it.
AHEAD: Given = {"outcome": (None,)}


class MilestoneVerbs:
    """The verbs of a milestone."""

    #: What is said of its date and is to be written down with the next save.
    said: Forecast | None = None
    status: Any
    outcome: Any

    @verb(
        "Give a new forecast",
        given=AHEAD,
        of="programmes.Forecast",
        asks=("date_on", "date_precision", "starts_on", "said_on"),
        needs=("date_precision",),
        example={"date_on": "2024-06-30", "date_precision": "month"},
    )
    def forecast(
        self: Any,
        date_precision: str,
        date_on: dt.date | None = None,
        starts_on: dt.date | None = None,
        said_on: dt.date | None = None,
        by: Any = None,
    ) -> None:
        """Say when it is expected now. The date that held before is kept, with who put it off, when and why.

        A date in words is the latest day that they allow with its precision; `undated` says that there is no date any more.
        `said_on` is the day on which the lead said so, today when left out.
        """
        self._require_ahead()
        self._say(Forecast.Kind.FORECAST, EXPECTED, said_on, by)
        self.forecast_on, self.forecast_precision, self.starts_on = date_on, date_precision, starts_on
        self._save_said(EXPECTED)

    @verb("Confirm that the date holds", given=AHEAD, of="programmes.Forecast", asks=("said_on",))
    def no_change(self: Any, said_on: dt.date | None = None, by: Any = None) -> None:
        """The lead stands by the date. Refused when it has passed: then say what became of it, or give a new forecast."""
        self._require_ahead()
        due = self.forecast_on or self.baseline_on
        if due and due < (said_on or timezone.localdate()):
            words = self.date_in_words
            raise RuleBroken("date_passed", f"Its date, {words}, has passed: say what became of it, or give a new forecast.")
        names = EXPECTED if self.forecast_on or not self.baseline_on else PROMISED
        self._say(Forecast.Kind.CONFIRMED, names, said_on, by)
        self._save_said(names)

    @verb(
        "Set a new baseline",
        given=AHEAD,
        of="programmes.Forecast",
        asks=("date_on", "date_precision", "forum", "decision", "allowed_by", "said_on"),
        needs=("date_on", "date_precision"),
        needs_reason=True,
        example={"date_on": "2024-06-30", "date_precision": "month", "forum": "cmast-leadership-board"},
    )
    def rebaseline(
        self: Any, date_on: dt.date, date_precision: str, said_on: dt.date | None = None, by: Any = None, **authority: Any
    ) -> None:
        """Promise another date than the first one. The old one is kept, with who allowed it: forum, decision or person."""
        self._require_ahead()
        said = self._say(Forecast.Kind.BASELINE, PROMISED, said_on, by, **authority)
        said.require_authority()
        self.baseline_on, self.baseline_precision = date_on, date_precision
        self._save_said(PROMISED)

    @verb(
        "Record that it happened",
        given=AHEAD,
        asks=("actual_on", "actual_precision", "outcome_note"),
        needs=("actual_on",),
        example={"actual_on": "2024-04-29", "outcome_note": "Live at the first site."},
    )
    def achieve(self: Any, actual_on: dt.date, actual_precision: str | None = None, outcome_note: str = "") -> None:
        """It has happened, on this day, or in this part of the calendar with a precision other than `day`."""
        found = dates.window(actual_on, actual_precision or DatePrecision.DAY)
        if found and found[0] > timezone.localdate():
            words = dates.describe(actual_on, actual_precision or DatePrecision.DAY)
            raise RuleBroken("not_yet", f"It cannot have happened on {words}, which is yet to come.")
        self.actual_on, self.actual_precision = actual_on, actual_precision or DatePrecision.DAY
        self._settle("achieved", outcome_note)

    @verb("Record that it was missed", given=AHEAD, asks=("outcome_note",))
    def miss(self: Any, outcome_note: str = "") -> None:
        """It did not happen by its date, and is given up in this form. What is only late has a new forecast."""
        self._require_ahead()
        self._settle("missed", outcome_note)

    @verb("Call it off", given=AHEAD, asks=("outcome_note",))
    def cancel(self: Any, outcome_note: str = "") -> None:
        """It will not happen, and need not."""
        self._require_ahead()
        self._settle("cancelled", outcome_note)

    @verb("Open it again", given={"outcome": SETTLED})
    def reopen(self: Any) -> None:
        """What was said of its outcome was wrong. Its dates hold as before, and the question what became of it is open."""
        empty: Any = {"outcome": None, "status": None, "outcome_note": "", "actual_on": None, "actual_precision": None}
        for name, value in empty.items():
            setattr(self, name, value)
        self.save()

    def _require_ahead(self: Any) -> None:
        """Raises RuleBroken for what has happened, or is settled by the lead's own word."""
        if self.actual_on or self.stated == "occurred":
            raise RuleBroken("has_happened", f"“{self}” has happened.")
        if self.status in SETTLED:
            raise RuleBroken("is_settled", f"“{self}” is settled: its status is “{self.get_status_display().lower()}”.")

    def _settle(self: Any, outcome: str, note: str) -> None:
        self.outcome = self.status = outcome
        self.outcome_note = note or self.outcome_note
        self.save()

    def _say(self: Any, kind: str, names: dict[str, str], said_on: dt.date | None, by: Any, **details: Any) -> Forecast:
        """What is said of a date, to be written down when the date is saved."""
        before = previous({name: getattr(self, name) for name in names}, names)
        said_on = said_on or timezone.localdate()
        said = Forecast(milestone=self, kind=kind, said_on=said_on, said_by=by, reason=current().reason, **before, **details)
        self.said = said
        return said

    def _save_said(self: Any, names: dict[str, str]) -> None:
        for field, name in names.items():
            setattr(self.said, name, getattr(self, field))
        self.save()
