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


def test_a_risk_is_closed_once(sign_in: Callable[[str], Client], make: Callable, today: dt.date) -> None:
    client, url = sign_in("pmo"), reverse("admin:risks_risk_changelist")
    risk = make(Risk)
    gone = make(Risk, title="Gone", status="closed", closed_on=dt.date(2024, 1, 1))
    data = {"action": "close", "_selected_action": [risk.pk, gone.pk], "change_reason": "Resolved"}
    response = client.post(url, data, follow=True)
    assert [str(message) for message in response.context["messages"]] == [
        "Close today: 1 done.",
        "“Gone” was left as it is: its status is “closed”.",
    ]
    risk.refresh_from_db()
    gone.refresh_from_db()
    assert (risk.closed_on, gone.closed_on) == (today, dt.date(2024, 1, 1))
