"""The savings ledger and the realisation of a benefit, as the API says them. Money is exact text, unknown is null."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from cmast.api.serializers import DecimalTextField
from metrics.ledger import Judgement, Ledger, Rollup
from metrics.models import BenefitFigure
from metrics.outlook import RunRate, Standing, Weighted
from metrics.realisation import Realisation
from metrics.savings import Money, Total


def _text(value: Decimal | None) -> str | None:
    return None if value is None else DecimalTextField(max_digits=40, decimal_places=20).to_representation(value)


def _said(what: str) -> Any:
    return serializers.CharField(help_text=what)


def _number(what: str) -> Any:
    return serializers.CharField(allow_null=True, help_text=f"{what} Exact, as text; null where it is not known.")


def _keys(what: str) -> Any:
    return serializers.ListField(child=serializers.CharField(), help_text=what)


class LineSerializer(serializers.Serializer):
    """A figure of a scheme."""

    scheme = _said("Key of the scheme.")
    title = _said("What the scheme is.")
    figure = serializers.CharField(allow_null=True, help_text="Key of the figure; null where it is the sum of months.")
    value = _number("The figure.")
    qualifier = _said("How exactly it was stated.")
    words = _said("The figure in words.")


class TotalSerializer(serializers.Serializer):
    """A sum of like figures."""

    value = _number("The sum of what is known.")
    qualifier = serializers.CharField(allow_null=True, help_text="How exactly it holds: at_least where a scheme has no figure.")
    known = serializers.IntegerField(help_text="Schemes that have such a figure.")
    of = serializers.IntegerField(help_text="Schemes that there are.")
    words = _said("The sum in words.")


class SchemeStandingSerializer(serializers.Serializer):
    """A sum or a figure beside a target."""

    target = _number("The target.")
    side = serializers.ChoiceField(["above", "below", "same", "unknown"], help_text="Where the sum lies, seen from the target.")
    gap = _number("Target less sum.")
    words = _said("Both in words.")


class RunRateSerializer(serializers.Serializer):
    """What each remaining month must bring."""

    months = _number("Months that remain.")
    per_month = _number("Pounds a month, to the penny.")
    words = _said("The same in words.")


class WeightedSerializer(serializers.Serializer):
    """What may be expected, by the table of weights."""

    value = _number("The figures, each times the weight of its scheme.")
    counted = _keys("Schemes that have a weight.")
    left_out = _keys("Schemes without a weight or a figure: left out.")
    words = _said("The same in words.")


class RollupSerializer(serializers.Serializer):
    """All figures of one kind."""

    basis = _said("Plan, target, year to date, forecast.")
    effect = _said("In-year or full-year effect.")
    windfall = serializers.CharField(allow_null=True, help_text="Whether windfall is in it; null where that is not stated.")
    financial_year = serializers.CharField(allow_null=True, help_text="Year that it is for; null where that is not stated.")
    horizon = _said("Time that the figures are totals over; empty for the year.")
    as_at_on = serializers.DateField(allow_null=True, help_text="Day to which a year to date runs.")
    unit = _said("What is counted.")
    heading = _said("The kind in words.")
    lines = LineSerializer(many=True, help_text="The figures.")
    missing = _keys("Schemes without such a figure.")
    total = TotalSerializer(allow_null=True, help_text="Their sum; null where they cannot be added.")
    refusal = _said("Why they cannot be added; empty where they can.")
    standing = SchemeStandingSerializer(allow_null=True, help_text="The sum beside the programme's target.")
    gap = _said("What is unallocated, or still to be delivered, in words; empty without a target.")
    run_rate = RunRateSerializer(allow_null=True, help_text="For a year to date with a target.")
    weighted = WeightedSerializer(allow_null=True, help_text="For what is still ahead.")


class VariantSerializer(LineSerializer):
    """One form of a scheme's figure beside the scheme's own target."""

    windfall = serializers.CharField(allow_null=True, help_text="Whether windfall is in it; null where that is not stated.")
    effect = _said("In-year or full-year effect.")
    side = serializers.ChoiceField(["above", "below", "same", "unknown"], help_text="Where it lies, seen from the target.")


class JudgementSerializer(serializers.Serializer):
    """A scheme beside its own target."""

    scheme = _said("Key of the scheme.")
    title = _said("What the scheme is.")
    basis = _said("Which figure of it.")
    target = _number("Its target.")
    variants = VariantSerializer(
        many=True, help_text="The figure without windfall first, then with it. They are never blended."
    )
    words = _said("The sentence.")


class LeftOutSerializer(serializers.Serializer):
    """A scheme that counts in no total."""

    scheme = _said("Key of the scheme.")
    why = _said("Why.")


class LedgerSerializer(serializers.Serializer):
    """The savings of a programme in a year: one sum for each kind of figure. Different kinds are never one number."""

    programme = _said("Key of the programme.")
    financial_year = _said("The year.")
    target = _number("The programme's target of the year.")
    target_words = _said("The target in words, or why there is none.")
    schemes = serializers.IntegerField(help_text="Schemes that count.")
    unsure = _keys("Those of them of which it is not stated whether they count towards the target.")
    rollups = RollupSerializer(many=True, help_text="The kinds of figures.")
    refusals = _keys("Why there is no one number.")
    judgements = JudgementSerializer(many=True, help_text="Schemes that have a target of their own.")
    left_out = LeftOutSerializer(many=True, help_text="Schemes that count in no total.")


class StepSerializer(serializers.Serializer):
    """How a benefit stood on a day."""

    on = serializers.DateField(help_text="The day.")
    value = _number("How it stood.")
    planned = _number("How it was planned to stand.")
    words = _said("How it stood in words; empty where that is not known.")


class RealisationSerializer(serializers.Serializer):
    """What has come of a benefit through time."""

    benefit = _said("Key of the benefit.")
    measured_by = serializers.ChoiceField(
        ["months", "figures", "metric", ""], help_text="What the steps are from; empty where nothing measures it."
    )
    is_measured = serializers.BooleanField(help_text="Whether anything measures it.")
    unit = _said("What the values count.")
    baseline = _number("How it was before the work.")
    target = _number("How it shall be.")
    share = _number("How much of the way from baseline to target is done, in percent.")
    steps = StepSerializer(many=True, help_text="The values, the earliest first.")
    words = _said("How it stands, in words.")


# --- From the records -------------------------------------------------------------------------------------------------


def spoken_ledger(ledger: Ledger) -> dict[str, Any]:
    return {
        "programme": ledger.programme.key,
        "financial_year": ledger.year,
        "target": _text(ledger.target.value) if ledger.target else None,
        "target_words": ledger.target_words,
        "schemes": len(ledger.schemes),
        "unsure": ledger.unsure,
        "rollups": [_rollup(rollup) for rollup in ledger.rollups],
        "refusals": ledger.refusals,
        "judgements": [_judgement(judgement) for judgement in ledger.judgements],
        "left_out": [{"scheme": scheme.key, "why": why} for scheme, why in ledger.left_out],
    }


def _rollup(rollup: Rollup) -> dict[str, Any]:
    kind = rollup.kind
    return {
        "basis": kind.basis,
        "effect": kind.effect,
        "windfall": kind.windfall,
        "financial_year": kind.year,
        "horizon": kind.horizon,
        "as_at_on": kind.as_at.isoformat() if kind.as_at else None,
        "unit": kind.unit,
        "heading": kind.words,
        "lines": [_line(line) for line in rollup.lines],
        "missing": list(rollup.missing),
        "total": _total(rollup.total),
        "refusal": rollup.refusal,
        "standing": _standing(rollup.standing),
        "gap": rollup.gap,
        "run_rate": _run_rate(rollup.run_rate),
        "weighted": _weighted(rollup.weighted),
    }


def _line(line: Money) -> dict[str, Any]:
    return {
        "scheme": line.scheme,
        "title": line.title,
        "figure": line.key or None,
        "value": _text(line.value),
        "qualifier": line.qualifier,
        "words": line.words,
    }


def _total(total: Total | None) -> dict[str, Any] | None:
    if total is None:
        return None
    value = _text(total.value) if total.known else None
    return {"value": value, "qualifier": total.qualifier, "known": total.known, "of": total.of, "words": total.words}


def _standing(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    gap = _text(standing.gap)
    return {"target": _text(standing.target), "side": str(standing.side), "gap": gap, "words": standing.words}


def _run_rate(rate: RunRate | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    return {"months": _text(rate.months), "per_month": _text(rate.per_month), "words": rate.words}


def _weighted(found: Weighted | None) -> dict[str, Any] | None:
    if found is None:
        return None
    lists = {"counted": list(found.counted), "left_out": list(found.left_out)}
    return {"value": _text(found.value), **lists, "words": found.words}


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "scheme": judgement.scheme.key,
        "title": judgement.scheme.title,
        "basis": judgement.basis,
        "target": _text(judgement.target.value),
        "variants": [
            _line(each.line)
            | {"windfall": each.line.kind.windfall, "effect": each.line.kind.effect, "side": str(each.standing.side)}
            for each in judgement.variants
        ],
        "words": judgement.words,
    }


def spoken_realisation(found: Realisation) -> dict[str, Any]:
    return {
        "benefit": found.benefit.key,
        "measured_by": found.measured_by,
        "is_measured": bool(found.measured_by),
        "unit": found.unit,
        "baseline": _text(found.benefit.baseline_value),
        "target": _text(found.benefit.target_value),
        "share": _text(found.share and round(found.share, 2)),
        "steps": [
            {"on": step.on.isoformat(), "value": _text(step.value), "planned": _text(step.planned), "words": step.words}
            for step in found.steps
        ],
        "words": found.words,
    }


#: Words that the ledger may be asked for.
BASES = BenefitFigure.Basis.values
EFFECTS = BenefitFigure.Effect.values
WINDFALLS = [*BenefitFigure.Windfall.values, "not_stated"]
