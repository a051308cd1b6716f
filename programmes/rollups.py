"""What all apps know of a programme or workstream, brought together: the one place here that reads metrics and risks.

Everything is read in a fixed number of queries for all places at once, as the reader may see it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction

from cmast.dates import financial_year, month_end
from cmast.locks import take_turns
from cmast.models import Reader
from cmast.models.people import Reach, anybody
from cmast.models.restrictions import Hidden
from metrics.league import scorecard_of
from metrics.models import BenefitFigure, Metric, Target
from metrics.targets import Outcome
from programmes.health import Dimension, Evidence, Judgement, Measure, Sign, judge
from programmes.models import Funding, HealthDay, HealthOverride, HealthRule, Milestone, Programme, Update, Workstream
from risks.models import Risk

Place = Programme | Workstream
#: States of an update in which it has been handed in.
HANDED_IN = ("submitted", "approved", "published")
#: Forecasts of a saving's year, the surer first.
FORECASTS = ("forecast_outturn", "projected_outturn")


@dataclass
class Health:
    """The colours of a place on a day, and the colour that somebody has set against the overall one."""

    place: Place
    day: dt.date
    judgements: dict[str, Judgement]
    override: HealthOverride | None = None

    @property
    def computed(self) -> Judgement:
        return self.judgements[Dimension.OVERALL]

    @property
    def colour(self) -> str:
        """What counts: the override where there is one."""
        return self.override.colour if self.override else self.computed.colour


def health_of(places: Iterable[Place], reader: Reader, today: dt.date) -> list[Health]:
    """The health of these places on that day, in a fixed number of queries."""
    rules = [rule.as_rule() for rule in HealthRule.objects.filter(is_in_force=True).order_by("pk")]
    known = _Gathering(reader, today)
    overrides = _overrides(reader, today)
    return [
        Health(place, today, judge(known.evidence(place), rules), overrides.get((type(place), place.pk))) for place in places
    ]


def _overrides(reader: Reader, today: dt.date) -> dict[tuple[Any, int], HealthOverride]:
    """The latest that holds, by place."""
    found: dict[tuple[Any, int], HealthOverride] = {}
    for override in HealthOverride.objects.visible_to(reader).holding(today).select_related("made_by"):
        whose: tuple[Any, Any] = (Programme, override.programme_id)
        if override.workstream_id:
            whose = (Workstream, override.workstream_id)
        found.setdefault(whose, override)
    return found


@dataclass
class _Gathering:
    """Evidence of all places, gathered once. Facts of a workstream count for all above it, and for its programme."""

    reader: Any
    today: dt.date
    programmes: defaultdict[int, Evidence] = field(default_factory=lambda: defaultdict(Evidence))
    workstreams: defaultdict[int, Evidence] = field(default_factory=lambda: defaultdict(Evidence))
    parents: dict[int, int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parents = dict(Workstream.objects.order_by().values_list("pk", "parent"))
        for gather in (self._delivery, self._targets, self._savings, self._funding, self._risks, self._reports):
            gather()

    def evidence(self, place: Place) -> Evidence:
        known = self.workstreams if isinstance(place, Workstream) else self.programmes
        found = known[place.pk]
        if isinstance(place, Workstream):
            found.cannot(Dimension.TARGETS, "Metrics belong to programmes; none is this workstream's alone.")
        if place.status == "closed":
            since = f" on {place.closed_on.day} {place.closed_on:%B %Y}" if place.closed_on else ""
            found.closed = f"Closed{since}: no longer judged."
        return found

    def _about(self, kind: Any) -> Any:
        return kind.objects.visible_to(self.reader)

    def _of(self, programme: int | None, workstream: int | None) -> Iterator[Evidence]:
        """That of the programme, of the workstream, and of those above it."""
        if programme is not None:
            yield self.programmes[programme]
        while workstream is not None:
            yield self.workstreams[workstream]
            workstream = self.parents.get(workstream)

    # --- By dimension -------------------------------------------------------------------------------------------------

    def _delivery(self) -> None:
        milestones = self._about(Milestone)
        overdue = set(milestones.overdue(self.today).order_by().values_list("pk", flat=True))
        columns = ("pk", "key", "title", "status", "outcome", "programme", "workstream")
        dated = milestones.dated().exclude(due_on=None, actual_on=None).order_by("pk").values_list(*columns)
        for pk, key, title, status, outcome, *whose in dated:
            measure = None
            if outcome == "missed":
                measure = Measure.MILESTONES_MISSED
            elif pk in overdue:
                measure = Measure.MILESTONES_OVERDUE
            elif status == "at_risk" and outcome is None:
                measure = Measure.MILESTONES_AT_RISK
            for evidence in self._of(*whose):
                evidence.judge(Dimension.DELIVERY)
                if measure:
                    evidence.signs.append(Sign(measure, "milestone", key, title))

    def _targets(self) -> None:
        metrics = self._about(Metric).select_related("programme").order_by("pk")
        aimed_at = set(self._about(Target).order_by().values_list("metric", flat=True))
        for metric, series in scorecard_of(metrics, self.reader, on=self.today):
            verdicts = series.verdicts if series else []
            for evidence in self._of(metric.programme_id, None):
                if not verdicts and metric.pk in aimed_at:
                    evidence.cannot(Dimension.TARGETS, f"{metric.name}: no figure of the system beside a target that holds.")
                for target, verdict in verdicts:
                    words = f"{metric.name}: {verdict.words}"
                    if verdict.outcome == Outcome.CANNOT_BE_JUDGED:
                        evidence.cannot(Dimension.TARGETS, words)
                        continue
                    evidence.judge(Dimension.TARGETS)
                    if verdict.outcome == Outcome.NOT_MET:
                        evidence.signs.append(Sign(Measure.TARGETS_MISSED_PERCENT, "target", target.key, words))

    def _savings(self) -> None:
        """The forecast of this year against its target: only like beside like, and never with a windfall in it."""
        figures = self._about(BenefitFigure).filter(unit="gbp", financial_year=financial_year(self.today), value__isnull=False)
        figures = figures.exclude(windfall="including_windfall").select_related("benefit").order_by("pk")
        alike: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for each in figures:
            alike[each.benefit, each.effect, each.horizon_amount, each.horizon_unit][each.basis] = each
        for (benefit, *_), by_basis in alike.items():
            aim = by_basis.get("target") or by_basis.get("planned")
            forecast = next((by_basis[basis] for basis in FORECASTS if basis in by_basis), None)
            for evidence in self._of(benefit.programme_id, benefit.workstream_id):
                self._saving(evidence, benefit, aim, forecast)

    def _saving(self, evidence: Evidence, benefit: Any, aim: Any, forecast: Any) -> None:
        if aim is None or forecast is None or aim.value <= 0:
            said = "no target" if aim is None else "no forecast"
            evidence.cannot(Dimension.FINANCE, f"{benefit.title}: {said} of the same kind for this year.")
            return
        evidence.judge(Dimension.FINANCE)
        short = (aim.value - forecast.value) * 100 / aim.value
        if short > 0:
            words = f"{benefit.title}: £{forecast.value:,.0f} forecast, £{aim.value:,.0f} aimed at."
            amount = short.quantize(Decimal("0.1"))
            evidence.signs.append(Sign(Measure.SAVINGS_SHORT_PERCENT, "benefit_figure", forecast.key, words, amount))

    def _funding(self) -> None:
        measures = {"at_risk": Measure.FUNDING_AT_RISK, "off_track": Measure.FUNDING_OFF_TRACK}
        columns = ("key", "title", "delivery_status", "programme", "workstream")
        stated = self._about(Funding).exclude(delivery_status=None).order_by("pk").values_list(*columns)
        for key, title, status, *whose in stated:
            for evidence in self._of(*whose):
                evidence.judge(Dimension.FINANCE)
                if status in measures:
                    evidence.signs.append(Sign(measures[status], "funding", key, title))

    def _risks(self) -> None:
        risks = self._about(Risk)
        beyond = set(risks.beyond_appetite(self.today).order_by().values_list("pk", flat=True))
        unmitigated = set(risks.unmitigated().order_by().values_list("pk", flat=True))
        columns = ("pk", "key", "title", "status", "current_score", "programme", "workstream")
        for pk, key, title, status, score, *whose in risks.with_computed(self.today).order_by("pk").values_list(*columns):
            for evidence in self._of(*whose):
                if status == "closed" or score is not None:
                    evidence.judge(Dimension.RISKS)
                elif pk not in unmitigated:
                    evidence.cannot(Dimension.RISKS, f"{title}: nobody has scored it.")
                evidence.signs += [
                    Sign(measure, "risk", key, title, amount)
                    for measure, amount, holds in (
                        (Measure.WORST_RISK_SCORE, Decimal(score or 0), score is not None and status != "closed"),
                        (Measure.RISKS_BEYOND_APPETITE, Decimal(1), pk in beyond),
                        (Measure.RISKS_ESCALATED, Decimal(1), status == "escalated"),
                        (Measure.RISKS_UNMITIGATED, Decimal(1), pk in unmitigated),
                    )
                    if holds
                ]

    def _reports(self) -> None:
        """Days since the last report; a report of a month is not old before the month is over."""
        columns = ("key", "month_on", "submitted_on", "programme", "workstream")
        seen = self._about(Update).filter(status__in=HANDED_IN).order_by("month_on", "pk").values_list(*columns)
        latest: dict[Evidence, tuple[dt.date, str]] = {}
        for key, month_on, submitted_on, *whose in seen:
            day = max(month_end(month_on), submitted_on or dt.date.min)
            for evidence in self._of(*whose):
                latest[evidence] = max(latest.get(evidence, (day, key)), (day, key))
        for evidence, (day, key) in latest.items():
            age = Decimal(max((self.today - day).days, 0))
            evidence.judge(Dimension.FRESHNESS)
            words = f"Last report, for a period to {day.day} {day:%B %Y}."
            evidence.signs.append(Sign(Measure.DAYS_SINCE_REPORT, "update", key, words, age))


# --- Kept day by day --------------------------------------------------------------------------------------------------


def refresh(today: dt.date) -> str:
    """Compute and keep the health of that day, from what everybody may see. Whatever was kept of the day is replaced."""
    places: list[Place] = [*Programme.objects.order_by("pk"), *Workstream.objects.order_by("pk")]
    days = [row for found in health_of(places, _outsider(), today) for row in _days(found)]
    with transaction.atomic():
        take_turns("health")
        HealthDay.objects.filter(day_on=today).delete()
        HealthDay.objects.bulk_create(days, batch_size=500)
    return f"{len(places)} places, {len(days)} colours of {today}"


def _outsider() -> Any:
    """A member who is named in no restriction: what is kept names nothing that some may not know."""
    person = anybody()
    person.__dict__["reach"] = Reach(is_member=True, hidden=Hidden.stated_for(person))
    return person


def _days(health: Health) -> Iterator[HealthDay]:
    place = health.place
    whose: dict[str, Any] = {"programme": place}
    if isinstance(place, Workstream):
        whose = {"programme_id": place.programme_id, "workstream": place}
    for name, found in health.judgements.items():
        said = [{"rule": reason.rule.key, "words": reason.words} for reason in found.reasons]
        reasons = said or [{"rule": found.rule, "words": found.words}]
        yield HealthDay(**whose, day_on=health.day, dimension=name, colour=found.colour, reasons=reasons)


def strip_of(place: Place, today: dt.date, months: int) -> list[dict[str, Any]]:
    """The last kept colours of each of these months, the month of the day last. A month of which nothing was kept has none."""
    first = today.replace(day=1)
    starts = [first]
    for _ in range(months - 1):
        starts.insert(0, (starts[0] - dt.timedelta(days=1)).replace(day=1))
    kept: defaultdict[dt.date, dict[str, str]] = defaultdict(dict)
    days = HealthDay.objects.of(place).filter(day_on__gte=starts[0], day_on__lte=today).order_by("day_on")
    for day_on, dimension, colour in days.values_list("day_on", "dimension", "colour"):
        kept[day_on.replace(day=1)][dimension] = colour
    return [{"month": start.strftime("%Y-%m"), "colours": kept.get(start, {})} for start in starts]
