"""Verbs and computed columns of the desks for risks."""

import datetime as dt
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from risks.models import Risk, Score, ScoreBand


def test_a_risk_shows_its_current_score_and_band(sign_in: Callable[[str], Client], make: Callable) -> None:
    if not ScoreBand.objects.exists():
        make(ScoreBand, name="Extreme", low=15, high=25)
    risk = make(Risk)
    make(Score, risk=risk, kind="current", likelihood=1, consequence=1, scored_on=dt.date(2024, 4, 1))
    make(Score, risk=risk, kind="current", likelihood=4, consequence=5, scored_on=dt.date(2024, 5, 1))
    page = sign_in("pmo").get(reverse("admin:risks_risk_changelist"), {"q": risk.key}).content.decode()
    assert f"20 {ScoreBand.objects.get(low__lte=20, high__gte=20).name}" in page


def test_the_words_of_the_matrix_are_chosen_at_the_desk(sign_in: Callable[[str], Client], make: Callable) -> None:
    page = sign_in("pmo").get(reverse("admin:risks_risk_do", args=[make(Risk).pk, "score"])).content.decode()
    assert '<option value="4">4 likely</option>' in page
    assert '<option value="5">5 catastrophic</option>' in page


def test_bands_that_are_wrong_are_said_to_be_at_the_desk(sign_in: Callable[[str], Client], edition: str) -> None:
    ScoreBand.objects.filter(key="band-high").update(high=10)
    page = sign_in("pmo").get(reverse("admin:risks_scoreband_changelist"))
    assert [str(message) for message in page.context["messages"]] == ["A score of 12 is in no band."]
