"""What the API says about health."""

from typing import Any

from rest_framework import serializers

from programmes.health import Colour, Dimension, Judgement, Measure, Reason, Sign
from programmes.rollups import Health


class HealthSignSerializer(serializers.Serializer):
    """A record that a rule counts."""

    record_type = serializers.CharField(help_text="Kind of record; dimension, for the overall colour.")
    key = serializers.CharField(help_text="Its key.")
    words = serializers.CharField(help_text="What it says.")


class HealthReasonSerializer(serializers.Serializer):
    """A rule that holds."""

    rule = serializers.CharField(help_text="Key of the health rule.")
    measure = serializers.ChoiceField(Measure.choices, help_text="What it counts or measures.")
    value = serializers.CharField(help_text="What was found.")
    threshold = serializers.CharField(help_text="The rule holds from this number on.")
    words = serializers.CharField(help_text="Both in a sentence.")
    records = HealthSignSerializer(many=True, help_text="The records that were counted.")


class HealthJudgementSerializer(serializers.Serializer):
    """A colour, and why."""

    dimension = serializers.ChoiceField(Dimension.choices, help_text="What is judged.")
    colour = serializers.ChoiceField(Colour.choices, help_text="The computed colour.")
    rule = serializers.CharField(help_text="Key of the rule that decides; `no-rule-holds` or `nothing-to-judge` without one.")
    words = serializers.CharField(help_text="Why, in sentences.")
    judged = serializers.IntegerField(help_text="How many things were looked at.")
    reasons = HealthReasonSerializer(many=True, help_text="The rules that hold.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="What could not be judged, in sentences.")


class OverrideSerializer(serializers.Serializer):
    """A colour that somebody has set against the computed one."""

    key = serializers.CharField(help_text="Key of the health override.")
    colour = serializers.ChoiceField(Colour.choices, help_text="The colour to show.")
    reason = serializers.CharField(help_text="Why the computed colour is wrong.")
    made_by = serializers.CharField(allow_null=True, help_text="Key of the person who answers for it.")
    made_by_name = serializers.CharField(allow_null=True, help_text="Their name.")
    made_on = serializers.DateField(help_text="First day on which it counts.")
    expires_on = serializers.DateField(help_text="First day on which it no longer counts.")


class MonthSerializer(serializers.Serializer):
    """The last kept colours of a month."""

    month = serializers.CharField(help_text="The month, such as 2024-05.")
    colours = serializers.DictField(
        child=serializers.ChoiceField(Colour.choices), help_text="Dimension to colour; empty where nothing was kept."
    )


class HealthSerializer(serializers.Serializer):
    """The health of a programme or workstream on a day."""

    key = serializers.CharField(help_text="Key of the programme or workstream.")
    name = serializers.CharField(help_text="Its name.")
    on = serializers.DateField(help_text="Day that is spoken about.")
    colour = serializers.ChoiceField(Colour.choices, help_text="The colour that counts: the override where there is one.")
    computed_colour = serializers.ChoiceField(Colour.choices, help_text="The overall colour as computed.")
    override = OverrideSerializer(allow_null=True, help_text="The override that holds, if any.")
    dimensions = HealthJudgementSerializer(many=True, help_text="The five dimensions and overall, each with its reasons.")
    is_known_then = serializers.BooleanField(
        help_text="Whether it is what the register knew at `as_of`; otherwise it is what it knows now of that day."
    )
    months = MonthSerializer(many=True, help_text="The strip of so many months, where asked for.")


def spoken(health: Health, months: list[dict[str, Any]]) -> dict[str, Any]:
    """The health as `HealthSerializer` describes it."""
    override = health.override
    return {
        "key": health.place.key,
        "name": health.place.name,
        "on": health.day.isoformat(),
        "colour": health.colour,
        "computed_colour": health.computed.colour,
        "override": override and _override(override),
        "dimensions": [_judgement(found) for found in health.judgements.values()],
        "months": months,
    }


def _override(override: Any) -> dict[str, Any]:
    person = override.made_by
    return {
        "key": override.key,
        "colour": override.colour,
        "reason": override.reason,
        "made_by": person and person.key,
        "made_by_name": person and person.name,
        "made_on": override.made_on.isoformat(),
        "expires_on": override.expires_on.isoformat(),
    }


def _judgement(found: Judgement) -> dict[str, Any]:
    return {
        "dimension": found.dimension,
        "colour": found.colour,
        "rule": found.rule,
        "words": found.words,
        "judged": found.judged,
        "reasons": [_reason(reason) for reason in found.reasons],
        "unknown": list(found.unknown),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "rule": reason.rule.key,
        "measure": reason.rule.measure,
        "value": f"{reason.value.normalize():f}",
        "threshold": f"{reason.rule.threshold.normalize():f}",
        "words": reason.words,
        "records": [_sign(sign) for sign in reason.records],
    }


def _sign(sign: Sign) -> dict[str, Any]:
    return {"record_type": sign.record_type, "key": sign.key, "words": sign.words}
