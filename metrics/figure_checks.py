"""Checks of figures against each other. An exact figure was rounded by whoever printed it; a vague one is read as vague."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum, Window
from django.db.models.functions import Coalesce
from django.utils.text import slugify

from cmast.amounts import amount, number
from cmast.dates import month_end
from cmast.models import Organisation
from cmast.trusts import Trusts
from cmast.vocabulary import Qualifier, Unit
from metrics.figures import (
    COUNTED,
    NOT_YET_HAPPENED,
    ZERO,
    Figure,
    Period,
    Span,
    between,
    day_in_words,
    exactly,
)
from metrics.found import Found, Rule, named
from metrics.models import Metric, Observation

Comparison = Observation.Comparison

MONTHLY = (Observation.PeriodType.MONTH, Observation.PeriodType.MONTH_END_SNAPSHOT)
SINCE_LAST_MONTH = (Comparison.CHANGE_SINCE_PREVIOUS_MONTH, Comparison.INCREASE_SINCE_PREVIOUS_MONTH)
#: Units whose parts add up.
ADDABLE = (*COUNTED, Unit.GBP)
#: So many times the figures next to it, a figure has a digit too many; below the least one of them, chance does as much.
TENFOLD, LEAST = 10, Decimal(50)
#: Months that a finding names one by one.
NAMED_MONTHS = 12

#: Metric, organisation, last day.
Place = tuple[int, int, dt.date]


# --- Figures as they are read -----------------------------------------------------------------------------------------


def dated(figures: QuerySet) -> QuerySet:
    """With the last day that they speak about."""
    return figures.annotate(ends_on=Coalesce("period_end_on", "as_at_on"))


def levels() -> QuerySet:
    """Figures that say how high something was."""
    plain = Observation.objects.current().filter(comparison__isnull=True, quantifier__isnull=True, value__isnull=False)
    return dated(plain.exclude(value_status__in=NOT_YET_HAPPENED).exclude(review_state="withdrawn")).order_by("pk")


def monthly() -> QuerySet:
    return levels().filter(period_type__in=MONTHLY, ends_on__isnull=False)


def changes() -> QuerySet:
    """Stated differences from something."""
    stated = Observation.objects.current().filter(comparison__isnull=False, breakdown_dimension="", value__isnull=False)
    return dated(stated).select_related("metric").order_by("pk")


def by_place(figures: Iterable[Any]) -> dict[Place, list[Any]]:
    found: dict[Place, list[Any]] = defaultdict(list)
    for figure in figures:
        found[place_of(figure)].append(figure)
    return found


def place_of(figure: Any) -> Place:
    return figure.metric_id, figure.organisation_id, figure.ends_on


def _figure(stated: Any) -> Figure:
    return Figure(unit=stated.unit, period=Period(ends_on=dt.date.max), value=stated.value, qualifier=stated.qualifier)


def said(stated: Any) -> str:
    """A figure in words: about £18,000,000."""
    return _figure(stated).words


def at_its_word(stated: Any) -> Span | None:
    """The values that a figure leaves open."""
    return _figure(stated).span


def as_rounded(stated: Any) -> Span | None:
    """The same, but an exact figure other than a count was rounded to the digits that are printed."""
    if stated.qualifier not in (None, Qualifier.EXACT) or stated.unit in COUNTED:
        return at_its_word(stated)
    places = max(0, -int(stated.value.normalize().as_tuple().exponent))
    half = Decimal(5).scaleb(-places - 1)
    return between(stated.value - half, stated.value + half)


def rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def when(figure: Any) -> str:
    return day_in_words(figure.ends_on) if figure.ends_on else str(figure.financial_year)


def month_before(day: dt.date) -> dt.date:
    """Its last day."""
    return day.replace(day=1) - dt.timedelta(days=1)


# --- Ratios -----------------------------------------------------------------------------------------------------------


class Ratio(NamedTuple):
    """A ratio worked out from counts, with the counts in words and the figures that it rests on."""

    percent: Decimal
    words: str
    inputs: list[Any]


class Ratios:
    """Every ratio whose numerator and denominator are metrics of their own, worked out from their figures.

    A count that is not there is worked back from the month after and the change that was stated for it.
    """

    def __init__(self) -> None:
        inputs = Q()
        for name in ("numerator_metric", "complement_metric", "denominator_metric"):
            inputs |= Q(metric__in=Metric.objects.exclude(**{name: None}).order_by().values(name))
        self.levels = by_place(monthly().filter(inputs, breakdown_dimension=""))
        self.changes = by_place(changes().filter(inputs, comparison__in=SINCE_LAST_MONTH, unit__in=COUNTED))

    def of(self, metric: Any, organisation: int, day: dt.date) -> Ratio | None:
        part = metric.numerator_metric_id or metric.complement_metric_id
        if not part:
            return None
        top, bottom = self._count(part, organisation, day), self._count(metric.denominator_metric_id, organisation, day)
        if not top or not bottom or bottom[0] <= 0:
            return None
        is_rest = metric.complement_metric_id is not None
        numerator = bottom[0] - top[0] if is_rest else top[0]
        words = f"{'all but ' if is_rest else ''}{number(top[0])} of {number(bottom[0])}"
        return Ratio(numerator * 100 / bottom[0], words, [*top[1], *bottom[1]])

    def _count(self, metric: int, organisation: int, day: dt.date) -> tuple[Decimal, list[Any]] | None:
        """How many, and the figures that say so; None where nobody says it, or several do."""
        if known := self.levels.get((metric, organisation, day)):
            return (known[0].value, known) if len(known) == 1 else None
        after = metric, organisation, month_end(day + dt.timedelta(days=1))
        later, change = self.levels.get(after, []), self.changes.get(after, [])
        if len(later) == len(change) == 1:
            return later[0].value - change[0].value, [*later, *change]
        return None


def ratio_against_inputs() -> Iterator[Found]:
    """A percentage, against the counts that it is made of."""
    ratios = Ratios()
    figures = monthly().filter(metric__denominator_metric__isnull=False, unit=Unit.PERCENT, breakdown_dimension="")
    for figure in figures.select_related("metric"):
        found, printed = ratios.of(figure.metric, figure.organisation_id, figure.ends_on), as_rounded(figure)
        if found and printed and not exactly(found.percent).within(printed):
            yield Found(
                rule=Rule.RATIO_AGAINST_INPUTS,
                records=tuple(map(named, [figure, *found.inputs])),
                what=f"{figure.metric}, {when(figure)}: {said(figure)} is printed; "
                f"the counts give {rounded(found.percent)}% ({found.words}).",
                printed=said(figure),
                computed=f"{rounded(found.percent)}%",
                programme=figure.metric.programme_id,
            )


def points_against_percent() -> Iterator[Found]:
    """A change of a percentage that is printed as a percent."""
    unclear = Q(unit=Unit.UNSPECIFIED_PERCENT) | Q(unit=Unit.PERCENT, comparison__in=SINCE_LAST_MONTH)
    printed = changes().filter(unclear, metric__unit=Unit.PERCENT)
    metrics = printed.order_by().values("metric")
    ratios, beside = Ratios(), by_place(monthly().filter(metric__in=metrics, unit=Unit.PERCENT, breakdown_dimension=""))
    for change in printed:
        levels_then = beside.get(place_of(change), [])
        is_monthly = change.comparison in SINCE_LAST_MONTH and change.ends_on
        words, computed, records = (_meant(change, levels_then, ratios) if is_monthly else None) or _UNCLEAR
        size = f"{number(abs(change.value))}%"
        yield Found(
            rule=Rule.POINTS_AGAINST_PERCENT,
            records=tuple(map(named, [change, *records])),
            what=f"{change.metric}: {size}, {change.get_comparison_display().lower()}, {words}.",
            printed=size,
            computed=computed,
            programme=change.metric.programme_id,
        )


#: What is said of a change, the figures behind it, and the records that they come from.
Reading = tuple[str, str, list[Any]]
_UNCLEAR: Reading = ("may be in percent or in percentage points: the source does not say", "", [])


def _meant(change: Any, levels_then: list[Any], ratios: Ratios) -> Reading | None:
    """What the counts show to be meant; None where they are not known."""
    days = month_before(change.ends_on), change.ends_on
    before, after = (ratios.of(change.metric, change.organisation_id, day) for day in days)
    if not before or not after or not before.percent:
        return None
    points = after.percent - before.percent
    percent = points * 100 / before.percent
    computed = f"{rounded(before.percent)}% to {rounded(after.percent)}%"
    counts = f"{computed} by the counts ({rounded(points)} points, or {rounded(percent)} percent)"
    records = list(dict.fromkeys([*levels_then, *before.inputs, *after.inputs]))
    if abs(points - change.value) > abs(percent - change.value):
        return f"is in percent, not in percentage points: {counts}", computed, records
    printed = "".join(f"{number(level.value - change.value)}% to {said(level)} as printed, " for level in levels_then[:1])
    return f"is in percentage points, not in percent: {printed}{counts}", computed, records


# --- Parts and wholes -------------------------------------------------------------------------------------------------


def parts_against_total() -> Iterator[Found]:
    """Parts that are more than what contains them. Less may be right: not every part need be stated."""
    yield from _subsets()
    yield from _trusts()


def _subsets() -> Iterator[Found]:
    parts = levels().filter(subset_of__value__isnull=False, subset_of__revisions__isnull=True, unit=F("subset_of__unit"))
    groups: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for part in parts.select_related("metric", "subset_of"):
        adds_up = part.breakdown_dimension and part.unit in ADDABLE
        groups[part.subset_of_id, part.breakdown_dimension if adds_up else part.key].append(part)
    for (_, mark), found in groups.items():
        whole, total = found[0].subset_of, sum((part.value for part in found), ZERO)
        if total > whole.value and _are_exact([*found, whole]):
            listed = " and ".join(said(part) for part in found)
            are = "together are" if len(found) > 1 else "is"
            what = f"{found[0].metric}: {listed} {are} more than the whole, {said(whole)}."
            yield _too_much(whole, [whole, *found], what, total, found[0].metric.programme_id, slugify(mark))


def _trusts() -> Iterator[Found]:
    """The trusts of the collaborative together, against the system, of which they are a part."""
    plain = monthly().filter(breakdown_dimension="", unit__in=ADDABLE, role_of_scope__isnull=True)
    plain = plain.exclude(metric__kind__in=[Metric.Kind.RANK, Metric.Kind.ORDINAL])
    systems = plain.filter(scope_level="system").select_related("metric")
    ours = Trusts(Organisation.objects.all())
    trusts = plain.filter(scope_level="provider", organisation__in=ours.ever, metric__in=systems.order_by().values("metric"))
    same = ("metric_id", "unit", "period_type", "ends_on")
    sums = trusts.order_by().values(*same).annotate(total=Sum("value"), trusts=Count("organisation", distinct=True))
    together = {tuple(row[name] for name in same): row for row in sums.annotate(rows=Count("pk")).filter(rows=F("trusts"))}
    exceeded: dict[tuple[Any, ...], Any] = {}
    for whole in systems if together else ():
        place = tuple(getattr(whole, name) for name in same)
        if place in together and together[place]["total"] > whole.value and _are_exact([whole]):
            exceeded[place] = whole
    parts: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for part in trusts.filter(metric__in={place[0] for place in exceeded}):
        parts[tuple(getattr(part, name) for name in same)].append(part)
    for place, whole in exceeded.items():
        _, found = counted(ours, whole, parts[place])
        total = sum((part.value for part in found), ZERO)
        if total > whole.value:
            what = f"{whole.metric}, {when(whole)}: {len(found)} trusts together have {amount(total, whole.unit)}, "
            what += f"more than the whole system, {said(whole)}."
            yield _too_much(whole, [whole, *found], what, total, whole.metric.programme_id, "trusts")


def counted(ours: Trusts, whole: Any, parts: list[Any]) -> tuple[set[int], list[Any]]:
    """The trusts that there were at the time of the whole, and their parts: of a trust and what it became only one."""
    keys = {trust.pk: trust.key for trust in ours.ever}
    there = {trust.pk for trust in ours.on(whole.ends_on, {keys[part.organisation_id] for part in parts})}
    return there, [part for part in parts if part.organisation_id in there]


def _too_much(whole: Any, records: list[Any], what: str, total: Decimal, programme: int, mark: str) -> Found:
    return Found(
        rule=Rule.PARTS_AGAINST_TOTAL,
        records=tuple(map(named, records)),
        what=what,
        printed=said(whole),
        computed=amount(total, whole.unit),
        programme=programme,
        mark=mark,
    )


def _are_exact(figures: Iterable[Any]) -> bool:
    return all(figure.qualifier in (None, Qualifier.EXACT) for figure in figures)


# --- Now and then -----------------------------------------------------------------------------------------------------

#: What makes two figures the same, whoever states them.
SAME = (
    "metric_id",
    "organisation_id",
    "scope_level",
    "role_of_scope",
    "unit",
    "breakdown_dimension",
    "breakdown_member",
    "threshold_value",
    "period_type",
    "period_start_on",
    "ends_on",
    "financial_year",
    "horizon_on",
)


def previous_against_published() -> Iterator[Found]:
    """What is said of an earlier time now, against what was said of it then."""
    yield from _said_twice()
    yield from _stated_changes()


def _said_twice() -> Iterator[Found]:
    """One figure with two values, of which neither is stated to revise the other."""
    bounds = {"low": Window(Min("value"), partition_by=SAME), "high": Window(Max("value"), partition_by=SAME)}
    differing = levels().annotate(**bounds).filter(high__gt=F("low")).select_related("metric", "source")
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for figure in differing:
        groups[tuple(getattr(figure, name) for name in SAME)].append(figure)
    for figures in groups.values():
        first, last = figures[0], figures[-1]
        then, now = as_rounded(first), as_rounded(last)
        if then and now and then.apart(now):
            yield Found(
                rule=Rule.PREVIOUS_AGAINST_PUBLISHED,
                records=tuple(map(named, figures)),
                what=f"{first.metric}, {when(first)}: {said(first)} is stated{_by(first)}, but {said(last)}{_by(last)}. "
                "If it was revised, say which replaces the other.",
                printed=said(last),
                computed=said(first),
                programme=first.metric.programme_id,
            )


def _by(figure: Any) -> str:
    """Which document says so."""
    source = figure.source
    month = f" of {source.edition_month_on:%B %Y}" if source and source.edition_month_on else ""
    return f" in {source.title}{month}" if source else ""


def _stated_changes() -> Iterator[Found]:
    """A stated change, against the figures of both months."""
    comparable = Q(unit=F("metric__unit"), unit__in=ADDABLE) | Q(unit=Unit.PERCENTAGE_POINT, metric__unit=Unit.PERCENT)
    stated = changes().filter(comparable, comparison__in=SINCE_LAST_MONTH, ends_on__isnull=False)
    known = by_place(monthly().filter(metric__in=stated.order_by().values("metric"), breakdown_dimension=""))
    for change in stated:
        metric, organisation, day = place_of(change)
        now, then = known.get((metric, organisation, day), []), known.get((metric, organisation, month_before(day)), [])
        if len(now) == len(then) == 1 and _is_denied(change, now[0], then[0]):
            real = amount(now[0].value - then[0].value, change.unit)
            yield Found(
                rule=Rule.PREVIOUS_AGAINST_PUBLISHED,
                records=tuple(map(named, [change, now[0], then[0]])),
                what=f"{change.metric}, {when(now[0])}: a change of {said(change)} is stated, "
                f"but from {said(then[0])} to {said(now[0])} it is {real}.",
                printed=said(change),
                computed=real,
                programme=change.metric.programme_id,
            )


def _is_denied(change: Any, now: Any, then: Any) -> bool:
    printed, later, earlier = map(as_rounded, (change, now, then))
    return bool(printed and later and earlier and printed.apart(later.minus(earlier)))


# --- Series -----------------------------------------------------------------------------------------------------------


class Series(NamedTuple):
    """Monthly figures of one kind, in their order."""

    metric: int
    organisation: int
    words: tuple[str, ...]
    #: (last day, value, key of the observation)
    points: list[tuple[dt.date, Decimal, str]]


def monthly_series() -> Iterator[Series]:
    """One series after the other, so that a million figures need no room."""
    columns = ("metric_id", "organisation_id", "scope_level", "role_of_scope", "breakdown_dimension", "breakdown_member")
    figures = monthly().exclude(unit__in=[Unit.RANK, Unit.LEVEL]).order_by(*columns, "ends_on", "pk")
    rows = figures.values_list(*columns, "ends_on", "value", "key").iterator(10_000)
    for place, group in groupby(rows, itemgetter(slice(len(columns)))):
        yield Series(place[0], place[1], tuple(filter(None, place[2:])), [row[len(columns) :] for row in group])


def outside_plausible_range() -> Iterator[Found]:
    """Values that cannot be, or that have a digit too many or too few."""
    for figure in levels().filter(value__lt=0, unit__in=[*COUNTED, Unit.RANK]).select_related("metric"):
        yield _implausible(figure, "less than nothing cannot be")
    for figure in levels().filter(value__gt=F("denominator"), unit__in=[*COUNTED, Unit.RANK]).select_related("metric"):
        yield _implausible(figure, f"it cannot be more than the {number(figure.denominator)} that it is out of")
    for figure in _beyond_metric():
        span = f"the metric can be {_ends(figure.metric.lowest, figure.metric.highest)}"
        yield _implausible(figure, span)
    slips = {key: (why, beside) for series in monthly_series() for key, why, beside in _slips(series)}
    for figure in levels().filter(key__in=slips).select_related("metric"):
        yield _implausible(figure, *slips[figure.key])


def _beyond_metric() -> QuerySet:
    """Figures of whole or part that their metric says cannot be. A unit that is not the metric's is another matter."""
    beyond = Q(value__lt=F("metric__lowest")) | Q(value__gt=F("metric__highest"))
    return levels().filter(beyond, unit=F("metric__unit")).select_related("metric")


def _ends(low: Decimal | None, high: Decimal | None) -> str:
    if low is None or high is None:
        return f"at most {number(high)}" if high is not None else f"at least {number(low or ZERO)}"
    return f"{number(low)} to {number(high)}"


def _implausible(figure: Any, why: str, beside: Iterable[str] = ()) -> Found:
    return Found(
        rule=Rule.OUTSIDE_PLAUSIBLE_RANGE,
        records=(named(figure), *(("observation", key) for key in beside)),
        what=f"{figure.metric}, {when(figure)}: {amount(figure.value, figure.unit)} is printed, and {why}.",
        printed=said(figure),
        programme=figure.metric.programme_id,
    )


def _slips(series: Series) -> Iterator[tuple[str, str, list[str]]]:
    """Figures ten times as high as the two nearest ones, or a tenth of them: by key, with why, and the keys of those two."""
    points = [(value, key) for _, value, key in series.points if value > 0]
    for index, (value, key) in enumerate(points):
        near = [points[at] for at in (index - 1, index + 1, index - 2, index + 2) if 0 <= at < len(points)][:2]
        if len(near) < 2:
            continue
        values, keys = [other for other, _ in near], [other for _, other in near]
        beside = " and ".join(map(number, values))
        if value >= max(LEAST, TENFOLD * max(values)):
            yield key, f"it is ten times the figures next to it, {beside}, or more", keys
        elif min(values) >= max(LEAST, TENFOLD * value):
            yield key, f"it is a tenth of the figures next to it, {beside}, or less", keys


def missing_period() -> Iterator[Found]:
    """Months without a figure between months that have one."""
    gaps = [(series, months) for series in monthly_series() if (months := _gaps(series))]
    metrics: dict[int, Any] = Metric.objects.in_bulk({series.metric for series, _ in gaps})
    organisations = Organisation.objects.in_bulk({series.organisation for series, _ in gaps})
    for series, months in gaps:
        metric, organisation = metrics[series.metric], organisations[series.organisation]
        words = ", ".join(f"{day:%B %Y}" for day in months[:NAMED_MONTHS])
        words += f" and {len(months) - NAMED_MONTHS} more months" if len(months) > NAMED_MONTHS else ""
        part = f" ({series.words[-1].replace('_', ' ')})" if len(series.words) > 1 else ""
        yield Found(
            rule=Rule.MISSING_PERIOD,
            records=(named(metric), named(organisation), *(("observation", key) for key in _beside(series))),
            what=f"{metric}, {organisation}{part}: there are figures before and after, but none for {words}.",
            computed=words,
            programme=metric.programme_id,
            mark=slugify(f"{organisation.key} {' '.join(series.words)}"),
        )


def _gaps(series: Series) -> list[dt.date]:
    """First days of the missing months."""
    there = {_month(day) for day, *_ in series.points}
    return [dt.date(month // 12, month % 12 + 1, 1) for month in range(min(there), max(there)) if month not in there]


def _beside(series: Series) -> list[str]:
    """Keys of the figures before and after each gap."""
    pairs = [(one, other) for one, other in pairwise(series.points) if _month(other[0]) - _month(one[0]) > 1]
    return list(dict.fromkeys(key for pair in pairs for *_, key in pair))


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1
