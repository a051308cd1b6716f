"""The savings ledger of a programme in a year: its schemes, and one total for each kind of figure beside the target.

Figures of different kinds stand beside each other and are never one number; the ledger says why not.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import combinations
from typing import Any

from cmast.dates import financial_year_days
from cmast.models import Reader
from metrics import outlook, savings
from metrics.figures import Side
from metrics.models import Benefit, BenefitFigure, BenefitMonth, SavingWeight
from metrics.outlook import Month
from metrics.savings import Kind, Money, Total
from programmes.models import Programme

Windfall = BenefitFigure.Windfall
#: In the order in which the forms of one figure are said.
_WITHOUT_FIRST = (Windfall.EXCLUDING_WINDFALL, Windfall.NOT_APPLICABLE, None, Windfall.INCLUDING_WINDFALL)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which totals are wanted. None: all. `windfall` may be `not_stated`."""

    basis: str | None = None
    effect: str | None = None
    windfall: str | None = None

    def fits(self, kind: Kind) -> bool:
        return (
            self.basis in (None, kind.basis)
            and self.effect in (None, kind.effect)
            and (self.windfall in (None, kind.windfall or "not_stated") or kind.windfall == savings.NO_WINDFALL)
        )


@dataclass(frozen=True, kw_only=True)
class Rollup:
    """All figures of one kind. `total` is None where they cannot be added after all; `refusal` says why."""

    kind: Kind
    lines: tuple[Money, ...]
    missing: tuple[str, ...]
    total: Total | None
    refusal: str
    target: Money | None
    year_end: dt.date
    weights: Mapping[str, Decimal]

    @property
    def standing(self) -> outlook.Standing | None:
        return outlook.against(self.target, self.total) if self.target and self.total else None

    @property
    def gap(self) -> str:
        return outlook.gap_words(self.target, self.total) if self.target and self.total and self.standing else ""

    @property
    def run_rate(self) -> outlook.RunRate | None:
        return (
            outlook.run_rate(self.target, self.total, self.year_end) if self.target and self.total and self.standing else None
        )

    @property
    def weighted(self) -> outlook.Weighted | None:
        """Of what is still ahead; what has been saved or is only aimed at needs no weight."""
        is_ahead = self.kind.basis not in (BenefitFigure.Basis.YTD_ACTUAL, BenefitFigure.Basis.TARGET)
        return outlook.weighted(self.lines, self.weights) if is_ahead else None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One form of a scheme's figure, with or without the windfall, beside the scheme's own target."""

    line: Money
    standing: outlook.Standing


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A scheme against its own target by one kind of figure, for each treatment of the windfall. Never blended."""

    scheme: Benefit
    target: Money
    basis: str
    variants: tuple[Variant, ...]

    @property
    def basis_words(self) -> str:
        return savings.BASIS[self.basis]

    @property
    def words(self) -> str:
        """“About £16m against £17m: below; with the apixaban windfall about £18m: above.”"""
        first, *others = self.variants
        said = f"{first.line.words} against {self.target.words}: {_side(first)}"
        for variant in others:
            said += f"; {self._windfall(variant.line)} {variant.line.words}: {_side(variant)}"
        return f"{said[:1].upper()}{said[1:]}."

    def _windfall(self, line: Money) -> str:
        if line.kind.windfall != Windfall.INCLUDING_WINDFALL:
            return savings.EFFECT[line.kind.effect]
        source = self.scheme.windfall_source
        return f"with the {source} windfall" if source else "with windfall"


def _side(variant: Variant) -> str:
    return {Side.SAME: "as much", Side.UNKNOWN: "not known"}.get(variant.standing.side, str(variant.standing.side))


@dataclass
class Ledger:
    """What is stated of the savings of a programme in a year, as one reader may see it."""

    programme: Programme
    year: str
    asked: Asked
    #: Schemes that count, by key.
    schemes: dict[str, Benefit]
    #: (scheme, why it is in no total).
    left_out: list[tuple[Benefit, str]]
    lines: list[Money]
    #: What is stated as the programme's own target of the year; several contradict each other.
    targets: list[Money]
    weights: dict[str, Decimal]

    @property
    def target(self) -> Money | None:
        return self.targets[0] if len(self.targets) == 1 else None

    @property
    def unsure(self) -> list[str]:
        """Schemes of which nobody has said whether they count towards the target. They are counted."""
        return [key for key, scheme in self.schemes.items() if scheme.counts_towards_target is None]

    @property
    def target_words(self) -> str:
        if len(self.targets) > 1:
            return f"Several targets are stated: {' and '.join(sorted(target.words for target in self.targets))}."
        return f"The target of {self.year} is {self.target.words}." if self.target else f"No target is stated for {self.year}."

    @cached_property
    def rollups(self) -> list[Rollup]:
        """One for each kind of figure that is wanted. What no windfall can be in stands in those without and with one."""
        found: defaultdict[Kind, list[Money]] = defaultdict(list)
        for line in self.lines:
            found[line.kind].append(line)
        for kind in [kind for kind in found if kind.windfall == savings.NO_WINDFALL]:
            hosts = [
                other
                for other in found
                if other.windfall in savings.WINDFALL and replace(other, windfall=kind.windfall) == kind
            ]
            for host in hosts:
                found[host] += found[kind]
            if hosts:
                del found[kind]
        return [self._rollup(kind, found[kind]) for kind in sorted(found, key=repr) if self.asked.fits(kind)]

    def _rollup(self, kind: Kind, lines: list[Money]) -> Rollup:
        known = {line.scheme for line in lines}
        total, refusal = None, ""
        try:
            total = savings.total(lines, schemes=len(self.schemes))
        except savings.Unlike as error:
            refusal = error.message
        return Rollup(
            kind=kind,
            lines=tuple(lines),
            missing=tuple(key for key in self.schemes if key not in known),
            total=total,
            refusal=refusal,
            target=self.target,
            year_end=financial_year_days(self.year)[1],
            weights=self.weights,
        )

    @cached_property
    def refusals(self) -> list[str]:
        """Why there is no one number, each reason once."""
        pairs = combinations([rollup.kind for rollup in self.rollups], 2)
        between = [refused.message for one, other in pairs if (refused := savings.difference(one, other))]
        return list(dict.fromkeys([*between, *(rollup.refusal for rollup in self.rollups if rollup.refusal)]))

    @cached_property
    def judgements(self) -> list[Judgement]:
        """Each scheme that has a target of its own, by each basis and effect."""
        found = []
        for key, scheme in self.schemes.items():
            targets = [line for line in self.lines if line.scheme == key and line.kind.basis == "target"]
            forms: defaultdict[tuple[str, dt.date | None], list[Money]] = defaultdict(list)
            for line in self.lines:
                if line.scheme == key and line.kind.basis != "target" and self.asked.fits(line.kind):
                    forms[line.kind.basis, line.kind.as_at].append(line)
            if len(targets) == 1:
                found += [_judged(scheme, targets[0], basis, lines) for (basis, _), lines in forms.items()]
        return [judgement for judgement in found if judgement.variants]


def _judged(scheme: Benefit, target: Money, basis: str, lines: list[Money]) -> Judgement:
    ordered = sorted(lines, key=lambda line: (line.kind.effect, _WITHOUT_FIRST.index(line.kind.windfall)))
    beside = [(line, outlook.against(target, savings.total([line]))) for line in ordered if line.value is not None]
    variants = tuple(Variant(line=line, standing=standing) for line, standing in beside if standing)
    return Judgement(scheme=scheme, target=target, basis=basis, variants=variants)


def ledger_of(programme: Programme, reader: Reader, year: str, asked: Asked | None = None) -> Ledger:
    """In four queries, however many schemes there are."""
    benefits = Benefit.objects.visible_to(reader).filter(programme=programme).order_by("title", "pk")
    figures = list(
        BenefitFigure.objects.visible_to(reader)
        .filter(benefit__in=benefits.values("pk"), from_value__isnull=True)
        .select_related("benefit")
        .order_by("pk")
    )
    of_year = [figure for figure in figures if figure.financial_year in (None, year)]
    aims = [figure for figure in of_year if _is_aim_of_all(figure)]
    wholes = {figure.benefit_id for figure in figures if _is_aim_of_all(figure)}
    candidates = [scheme for scheme in benefits.savings() if scheme.pk not in wholes]
    why = {scheme.key: _left_out(scheme) for scheme in candidates}
    schemes = {scheme.key: scheme for scheme in candidates if not why[scheme.key]}
    lines = [figure.as_money() for figure in of_year if figure.benefit.key in schemes]
    return Ledger(
        programme=programme,
        year=year,
        asked=asked or Asked(),
        schemes=schemes,
        left_out=[(scheme, why[scheme.key]) for scheme in candidates if why[scheme.key]],
        lines=lines + _from_months(schemes, lines, reader, year),
        targets=_distinct([figure.as_money() for figure in aims]),
        weights=_weights(schemes, reader, year),
    )


def _is_aim_of_all(figure: BenefitFigure) -> bool:
    """A target of a benefit that belongs to the programme as a whole, and to none of its workstreams."""
    return figure.basis == BenefitFigure.Basis.TARGET and figure.benefit.workstream_id is None and figure.value is not None


def _left_out(scheme: Benefit) -> str:
    if scheme.maturity == Benefit.Maturity.WITHDRAWN:
        return "It is withdrawn."
    return "It does not count towards the target." if scheme.counts_towards_target is False else ""


def _distinct(targets: list[Money]) -> list[Money]:
    return list({(target.value, target.qualifier, target.kind): target for target in targets}.values())


def _from_months(schemes: Mapping[str, Any], stated: list[Money], reader: Reader, year: str) -> list[Money]:
    """Years to date that follow from months, where none is stated for the same day."""
    first, last = financial_year_days(year)
    rows = BenefitMonth.objects.visible_to(reader).filter(
        benefit__key__in=list(schemes), month_on__range=(first, last), actual__isnull=False
    )
    by_scheme: defaultdict[tuple[str, str, str], list[Month]] = defaultdict(list)
    for row in rows.select_related("benefit").order_by("month_on"):
        by_scheme[row.benefit.key, row.windfall, row.unit].append(row.as_month())
    known = {(line.scheme, line.kind.windfall, line.kind.as_at) for line in stated if line.kind.basis == "ytd_actual"}
    found = []
    for (scheme, windfall, unit), months in by_scheme.items():
        sum_ = outlook.year_to_date(months, year)
        if sum_ and (scheme, windfall, sum_.as_at) not in known:
            kind = Kind(basis="ytd_actual", effect="in_year_effect", windfall=windfall, year=year, as_at=sum_.as_at, unit=unit)
            title = schemes[scheme].title
            found.append(Money(kind=kind, scheme=scheme, title=title, value=sum_.value, qualifier=sum_.qualifier))
    return found


def _weights(schemes: Mapping[str, Benefit], reader: Reader, year: str) -> dict[str, Decimal]:
    """Scheme -> weight in percent, for those whose stage and risk are stated and have a weight."""
    rows = (
        SavingWeight.objects.visible_to(reader).filter(financial_year=year).values_list("maturity", "delivery_risk", "percent")
    )
    table = {(maturity, risk): percent for maturity, risk, percent in rows}
    found = {key: table.get((str(scheme.maturity), str(scheme.delivery_risk))) for key, scheme in schemes.items()}
    return {key: percent for key, percent in found.items() if percent is not None}
