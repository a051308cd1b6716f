"""Checks of the figures of benefits against each other."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from cmast.dates import month_end
from metrics import outlook
from metrics.figure_checks import at_its_word, said
from metrics.figures import Figure, Period, day_in_words
from metrics.found import Found, Rule, named
from metrics.models import BenefitFigure, BenefitMonth
from metrics.outlook import Month, YearToDate

Windfall = BenefitFigure.Windfall


def months_against_year_to_date() -> Iterator[Found]:
    """Stated years to date that differ from the sum of their months, where every month is known."""
    stated = BenefitFigure.objects.filter(
        basis=BenefitFigure.Basis.YTD_ACTUAL, value__isnull=False, as_at_on__isnull=False, financial_year__isnull=False
    ).exclude(effect=BenefitFigure.Effect.FULL_YEAR_EFFECT)
    months: defaultdict[tuple[int, str, str], list[Month]] = defaultdict(list)
    for row in BenefitMonth.objects.filter(benefit__in=stated.values("benefit")).order_by("month_on"):
        months[row.benefit_id, row.unit, row.windfall].append(row.as_month())
    for figure in stated.select_related("benefit").order_by("pk"):
        own = months[figure.benefit_id, figure.unit, figure.windfall or Windfall.NOT_APPLICABLE]
        day: Any = figure.as_at_on
        if day == month_end(day) and (summed := outlook.year_to_date(own, str(figure.financial_year), day)):
            yield from _unless_equal(figure, summed)


def _unless_equal(figure: BenefitFigure, summed: YearToDate) -> Iterator[Found]:
    computed = Figure(unit=figure.unit, period=Period(ends_on=summed.as_at), value=summed.value, qualifier=summed.qualifier)
    mine, theirs = at_its_word(figure), computed.span
    if summed.missing or mine is None or theirs is None or not mine.apart(theirs):
        return
    yield Found(
        rule=Rule.MONTHS_AGAINST_YEAR_TO_DATE,
        records=(named(figure), named(figure.benefit)),
        what=f"{figure.benefit}, year to date to {day_in_words(summed.as_at)}: {said(figure)} is stated; "
        f"its months make {computed.words}.",
        printed=said(figure),
        computed=computed.words,
        programme=figure.benefit.programme_id,
    )
