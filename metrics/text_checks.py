"""Checks of texts: against the calendar, against figures, against each other. Their rules are in `metrics.wording`."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, DateField, F, IntegerField, Q, Value
from django.utils.text import slugify

from cmast.models.fields import LineField, ProseField
from cmast.models.notes import record_types
from metrics import wording
from metrics.figure_checks import at_its_word, said
from metrics.figures import BOUNDS
from metrics.found import Found, Rule, named
from metrics.models import BenefitFigure, Finding, FindingSubject
from programmes.models import Deliverable, UpdateFact

#: A text with fewer words than this may well be said twice.
TELLING = 4


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text of a record, with the month that it reports and the year that the register reads in it, where there are any."""

    record: tuple[str, str]
    words: str
    month_on: dt.date | None
    year: str | None
    programme: int | None


def texts(holding: str) -> Iterator[Text]:
    """What the records of programmes and metrics say, and what their sources print, where it holds these letters."""
    for name, kind in record_types().items():
        if kind._meta.app_label in ("programmes", "metrics") and kind not in (Finding, FindingSubject):
            yield from _texts_of(name, kind, holding)


def _texts_of(name: str, kind: Any, holding: str) -> Iterator[Text]:
    fields = {field.name: field for field in kind._meta.concrete_fields}
    label = kind.label_field if isinstance(fields.get(kind.label_field), LineField | ProseField) else "printed_as"
    month = "update__month_on" if kind is UpdateFact else "source__edition_month_on"
    place = kind.writers.get("programme")
    rows = kind._default_manager.filter(Q(printed_as__icontains=holding) | Q(**{f"{label}__icontains": holding})).values(
        "key",
        "printed_as",
        said=F(label),
        reported_for=F(month) if month else Value(None, DateField()),
        stated_year=F("financial_year") if "financial_year" in fields else Value(None, CharField()),
        place=F(place) if place else Value(None, IntegerField()),
    )
    for row in rows.order_by("pk"):
        for words in dict.fromkeys((row["said"], row["printed_as"])):
            yield Text(
                record=(name, row["key"]),
                words=words,
                month_on=row["reported_for"],
                year=row["stated_year"],
                programme=row["place"],
            )


def impossible_text() -> Iterator[Found]:
    """Financial years that cannot be."""
    for text in texts("/"):
        for year in wording.malformed_years(text.words):
            read = f" The register reads it as {text.year}." if text.year else ""
            yield Found(
                rule=Rule.IMPOSSIBLE_TEXT,
                records=(text.record,),
                what=f"The year “{year}” does not name two years in a row.{read}",
                printed=year,
                computed=text.year or "",
                programme=text.programme,
                mark=year.replace("/", "-"),
            )


def copied_forward() -> Iterator[Found]:
    """Texts that speak of an earlier time as if it were now."""
    for text in texts("to date"):
        for period in wording.years_over(text.words, text.month_on.year) if text.month_on else ():
            yield Found(
                rule=Rule.COPIED_FORWARD,
                records=(text.record,),
                what=f"“{period}” stands in the report for {text.month_on:%B %Y}, when that year was over: "
                "the text may come from an earlier report.",
                printed=period,
                programme=text.programme,
                mark=slugify(period),
            )
    yield from _said_before()


def _said_before() -> Iterator[Found]:
    """Facts of an update that stood in an earlier one word for word."""
    last: dict[tuple[Any, ...], UpdateFact] = {}
    facts = UpdateFact.objects.select_related("update").order_by("update__month_on", "pk")
    for fact in facts.iterator(2_000):
        substance = wording.substance(fact.text)
        place = fact.update.workstream_id, fact.update.programme_id, substance
        earlier = last.get(place)
        last[place] = fact
        if earlier and earlier.update.month_on < fact.update.month_on and len(substance) >= TELLING:
            yield Found(
                rule=Rule.COPIED_FORWARD,
                records=(named(fact), named(earlier)),
                what=f"“{fact.text}” stands in the report for {fact.update.month_on:%B %Y} as in that for "
                f"{earlier.update.month_on:%B %Y}: is it still so?",
                printed=fact.text,
                programme=fact.update.programme_id,
                mark="again",
            )


def claim_against_figures() -> Iterator[Found]:
    """“Above target” in an update, against what its workstream has gained."""
    facts = UpdateFact.objects.filter(Q(text__icontains="target") | Q(printed_as__icontains="target"))
    facts = facts.filter(update__workstream__isnull=False).select_related("update").order_by("pk")
    claimed = [(fact, claim) for fact in facts for claim in wording.claims(f"{fact.text}; {fact.printed_as}")]
    figures = _gains({fact.update.workstream_id for fact, _ in claimed})
    for fact, claim in claimed:
        beside = figures[fact.update.workstream_id]
        for target in beside:
            if target.basis == BenefitFigure.Basis.TARGET:
                yield from _judged(fact, claim, target, [figure for figure in beside if _measures(figure, target)])


def _gains(workstreams: set[int | None]) -> dict[int | None, list[Any]]:
    """Workstream -> what its benefits were to bring, and have brought."""
    found: dict[int | None, list[Any]] = defaultdict(list)
    figures = BenefitFigure.objects.filter(benefit__workstream__in=workstreams, value__isnull=False).select_related("benefit")
    for figure in figures.filter(basis__in=["target", "ytd_actual"]).order_by("pk"):
        found[figure.benefit.workstream_id].append(figure)
    return found


def _measures(figure: Any, target: Any) -> bool:
    """Whether it is what was gained towards this target."""
    same = ("benefit_id", "unit", "organisation_id", "financial_year")
    is_gained = figure.basis == BenefitFigure.Basis.YTD_ACTUAL
    is_same = all(getattr(figure, name) == getattr(target, name) for name in same)
    return is_gained and is_same and target.windfall in (None, "not_applicable", figure.windfall)


def _judged(fact: Any, claim: wording.Claim, target: Any, figures: list[Any]) -> Iterator[Found]:
    """A finding where one of the figures denies the claim for certain."""
    wanted = BOUNDS["gt" if claim.is_above else "lt"](target.value)
    known = [(figure, values) for figure in figures if (values := at_its_word(figure))]
    true_of = [figure for figure, values in known if values.within(wanted)]
    denied_by = [figure for figure, values in known if values.apart(wanted)]
    if not denied_by:
        return
    side = "above" if claim.is_above else "below"
    only = f"is true only of {_listed(true_of)}" if true_of else "is not true"
    yield Found(
        rule=Rule.CLAIM_AGAINST_FIGURES,
        records=tuple(map(named, [fact, target, *true_of, *denied_by])),
        what=f"{target.benefit}: “{claim.words}” {only}; {_listed(denied_by)} is not {side} {said(target)}.",
        printed=claim.words,
        computed=f"{_listed([*denied_by, *true_of])}, against {said(target)}",
        programme=fact.update.programme_id,
        mark=f"{side}-{target.key}",
    )


def _listed(figures: list[Any]) -> str:
    """Each with what is in it: about £18,000,000 including windfall."""
    return " and ".join(
        said(figure) + (f" {figure.get_windfall_display().lower()}" if figure.windfall not in (None, "not_applicable") else "")
        for figure in figures
    )


def repeated_record() -> Iterator[Found]:
    """Deliverables of one programme that say the same. Both stay: whether they are one is for the programme to say."""
    first: dict[tuple[int, frozenset[str]], Any] = {}
    for deliverable in Deliverable.objects.select_related("objective").order_by("pk"):
        substance = wording.substance(deliverable.text)
        earlier = first.setdefault((deliverable.objective.programme_id, substance), deliverable)
        if earlier is not deliverable and len(substance) >= TELLING:
            yield Found(
                rule=Rule.REPEATED_RECORD,
                records=(named(deliverable), named(earlier)),
                what=f"“{deliverable.text}” may be the same deliverable as “{earlier.text}” of the same programme.",
                printed=deliverable.text,
                computed=earlier.text,
                programme=deliverable.objective.programme_id,
            )
