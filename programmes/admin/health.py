"""Health at the desk: its rules, what people set against it, and its part of the page of a programme or workstream."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from cmast.desk.columns import figure, tag, word_tag
from cmast.desk.groups import REPORTING
from cmast.desk.records import PLACE, RecordAdmin
from cmast.models.notes import record_types
from programmes.health import Colour, Sign
from programmes.models import HealthRule
from programmes.rollups import Place, health_of, strip_of

#: Length of the strip.
MONTHS = 12


class HealthRuleAdmin(RecordAdmin):
    group = REPORTING
    list_display = ("description", "dimension", "measure", tag("colour"), "threshold_in_words", "is_in_force")
    list_filter = ("dimension", "colour", "is_in_force")
    sections = ((None, ("description", ("dimension", "measure"), ("colour", "threshold"), "is_in_force")),)

    @admin.display(description="From", ordering="threshold")
    def threshold_in_words(self, rule: HealthRule) -> str:
        return figure(rule.threshold)


class HealthOverrideAdmin(RecordAdmin):
    group = REPORTING
    list_display = ("reason", "workstream", "programme", tag("colour"), "made_by", "made_on", "expires_on")
    list_filter = ("colour", "made_by")
    questions = ("holding",)
    sections = ((None, (PLACE, "colour", "reason", ("made_by", "made_on"), "expires_on")),)


def on_page(place: Place, reader: Any) -> dict[str, Any]:
    """What the page shows: the health of today, its dimensions with their months, and the names of the months."""
    today = timezone.localdate()
    (health,) = health_of([place], reader, today)
    strip = strip_of(place, today, MONTHS)
    rows = [
        {
            "name": name,
            "colour": in_colour(found.colour),
            "found": found,
            "reasons": [(reason.words, [(sign.words, address(sign)) for sign in reason.records]) for reason in found.reasons],
            "months": [in_colour(month["colours"].get(name)) for month in strip],
        }
        for name, found in health.judgements.items()
    ]
    return {
        "health": health,
        "health_colour": in_colour(health.colour),
        "health_computed": in_colour(health.computed.colour),
        "health_rows": rows,
        "health_months": [month["month"] for month in strip],
    }


def address(sign: Sign) -> str:
    """Where the record that was counted is found; nothing for a dimension, which is no record."""
    model = record_types().get(sign.record_type)
    if model is None:
        return ""
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{path}?{urlencode({'key__exact': sign.key})}"


def in_colour(colour: str | None) -> str:
    """A colour as a tag with its word; nothing for none."""
    return word_tag(colour, Colour(colour).label) if colour else ""
