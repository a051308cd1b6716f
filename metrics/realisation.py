"""What has come of a benefit through time: from its months, else its figures, else the metric that measures it."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cmast.amounts import amount, number
from cmast.models import Reader
from metrics.charts import burn_down, run_chart
from metrics.figures import day_in_words
from metrics.league import scorecard_of
from metrics.models import Benefit, BenefitFigure, BenefitMonth
from metrics.series import Series, series_of, unit_on_charts


@dataclass(frozen=True, kw_only=True)
class Step:
    """How it stood on a day, and how it was planned to stand. Unknown is None, and its words are empty."""

    on: dt.date
    value: Decimal | None
    words: str = ""
    planned: Decimal | None = None
    planned_words: str = ""


@dataclass(frozen=True)
class Realisation:
    """The course of a benefit. `measured_by` is months, figures or metric, and empty where nothing measures it."""

    benefit: Benefit
    measured_by: str
    unit: str
    steps: list[Step]

    @property
    def latest(self) -> Step | None:
        return next((step for step in reversed(self.steps) if step.value is not None), None)

    @property
    def share(self) -> Decimal | None:
        """How much of the way from baseline to target is done, in percent; None where a figure or a unit is not known."""
        start, aim, latest = self.benefit.baseline_value, self.benefit.target_value, self.latest
        if start is None or aim is None or start == aim or latest is None or latest.value is None:
            return None
        if self.unit != self.benefit.measure_unit:
            return None
        return (latest.value - start) * 100 / (aim - start)

    @property
    def words(self) -> str:
        latest = self.latest
        if latest is None or latest.value is None:
            return "Nothing measures it yet." if not self.measured_by else "What measures it has no figure yet."
        said = f"{latest.words} on {day_in_words(latest.on)}"
        said = said[:1].upper() + said[1:]
        if self.share is None:
            return f"{said}."
        return f"{said}: {number(round(self.share, 1))}% of the way from {self._said('baseline')} to {self._said('target')}."

    def _said(self, which: str) -> str:
        return amount(getattr(self.benefit, f"{which}_value"), self.unit)

    def chart(self, prefix: str, size: tuple[float, float] = (640, 320)) -> str:
        title, unit = self.benefit.title, unit_on_charts(self.unit)
        known = [step.on for step in self.steps if step.value is not None]
        values = [(step.on, step.value) for step in self.steps if known and step.on <= known[-1]]
        if any(step.planned is not None for step in self.steps):
            planned = [(step.on, step.planned) for step in self.steps]
            return burn_down(values, planned, title=title, prefix=prefix, unit=unit, size=size)
        aim = self.benefit.target_value if self.benefit.measure_unit == self.unit else None
        return run_chart(values, title=title, prefix=prefix, unit=unit, target=aim, size=size)


def realisation_of(benefit: Benefit, reader: Reader) -> Realisation:
    """As this reader may see it."""
    for measured_by, found in (("months", _months(benefit, reader)), ("figures", _figures(benefit, reader))):
        if found:
            unit = next(iter(found))
            return Realisation(benefit, measured_by, unit, found[unit])
    if benefit.metric_id is None:
        return Realisation(benefit, "", benefit.measure_unit or "count", [])
    return _metric(benefit, reader)


def _months(benefit: Benefit, reader: Reader) -> dict[str, list[Step]]:
    """Running totals without windfall by month, of each unit; a month that nobody has reported ends what is known."""
    rows = BenefitMonth.objects.visible_to(reader).filter(benefit=benefit).exclude(windfall="including_windfall")
    by_unit: defaultdict[str, list[BenefitMonth]] = defaultdict(list)
    for row in rows.order_by("month_on"):
        by_unit[row.unit].append(row)
    return {unit: _running(months) for unit, months in by_unit.items()}


def _running(months: list[BenefitMonth]) -> list[Step]:
    steps, done, planned = [], Decimal(0), Decimal(0)
    is_known = is_planned = True
    for month in months:
        is_known, is_planned = is_known and month.actual is not None, is_planned and month.planned is not None
        done, planned = done + (month.actual or 0), planned + (month.planned or 0)
        steps.append(
            Step(
                on=month.last_day,
                value=done if is_known else None,
                words=amount(done, month.unit) if is_known else "",
                planned=planned if is_planned else None,
                planned_words=amount(planned, month.unit) if is_planned else "",
            )
        )
    return steps


def _figures(benefit: Benefit, reader: Reader) -> dict[str, list[Step]]:
    """What happened, by its day, of each unit; without windfall where both are stated."""
    rows = BenefitFigure.objects.visible_to(reader).filter(
        benefit=benefit, basis=BenefitFigure.Basis.YTD_ACTUAL, value__isnull=False, as_at_on__isnull=False
    )
    found: defaultdict[str, dict[dt.date, Step]] = defaultdict(dict)
    for row in rows.exclude(windfall="including_windfall").select_related("benefit").order_by("as_at_on", "pk"):
        day: Any = row.as_at_on
        found[row.unit][day] = Step(on=day, value=row.value, words=row.as_money().words)
    return {unit: list(steps.values()) for unit, steps in found.items()}


def _metric(benefit: Benefit, reader: Reader) -> Realisation:
    """The metric of whoever gains, else of the system."""
    metric: Any = benefit.metric
    if benefit.organisation:
        series: Series | None = series_of(metric, benefit.organisation, reader)
    else:
        ((_, series),) = scorecard_of([metric], reader)
    points = series.points if series else []
    steps = [
        Step(on=day, value=figure.value if figure else None, words=figure.words if figure else "") for day, figure in points
    ]
    return Realisation(benefit, "metric", series.unit if series else metric.unit, steps)
