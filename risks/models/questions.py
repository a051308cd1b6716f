"""What is asked about risks: each question is a method of their queryset, and what it is computed from."""

import datetime as dt

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Least

from cmast.due import DaysLater
from programmes.models import HeldQuerySet
from risks.models.scoring import Score, ScoreBand, rank
from risks.models.treatment import Review


class RiskQuerySet(HeldQuerySet):
    def left_open(self) -> "RiskQuerySet":
        """Not closed, or closed with its programme without a word on where it went; and no other record carries it on."""
        return self.filter(~Q(status="closed") | Q(is_transfer_recorded=False), transferred_to__isnull=True)

    def unresolved(self) -> "RiskQuerySet":
        """Everything that is not closed."""
        return self.exclude(status="closed")

    def overdue(self, today: dt.date) -> "RiskQuerySet":
        """What it needs was needed before that day, or its review was due before that day."""
        due = Q(need_by_on__lt=today) | Q(next_review_on__lt=today)
        return self.unresolved().with_standing(today).filter(due)

    def review_due(self, today: dt.date) -> "RiskQuerySet":
        """To be looked at again by that day: as its last review said, or as its band asks, whichever comes first."""
        return self.unresolved().with_standing(today).filter(next_review_on__lte=today)

    def beyond_appetite(self, today: dt.date) -> "RiskQuerySet":
        """Scored worse than its appetite bears. Without an appetite, a score or a word on its band, nobody can say."""
        return self.unresolved().with_standing(today).filter(appetite_place__lt=F("borne_from_place"))

    def unscored(self, today: dt.date) -> "RiskQuerySet":
        """Open without a current score."""
        return self.unresolved().with_computed(today).filter(current_score__isnull=True)

    def unmitigated(self) -> "RiskQuerySet":
        """Open without any mitigation."""
        return self.unresolved().filter(mitigations__isnull=True)

    def with_computed(self, today: dt.date) -> "RiskQuerySet":
        """Adds `inherent_score`, `current_score` and `target_score`: the latest by that day, null where there is none."""
        return self.annotate(**{f"{kind}_score": self._latest(kind, today, "product") for kind in Score.Kind.values})

    def with_standing(self, today: dt.date) -> "RiskQuerySet":
        """Adds what the bands make of the current score: `band`, `borne_from`, `next_review_on`."""
        day = models.DateField()
        band = ScoreBand.objects.holding(OuterRef("current_score"))
        reviews = Review.objects.filter(risk=OuterRef("pk"), reviewed_on__lte=today).order_by("-reviewed_on", "-id")
        scored_on = self._latest(Score.Kind.CURRENT, today, "scored_on")
        seen = self.with_computed(today).annotate(
            band=Subquery(band.values("name")[:1]),
            borne_from=Subquery(band.values("borne_from")[:1]),
            borne_from_place=Subquery(band.annotate(place=rank("borne_from")).values("place")[:1]),
            appetite_place=rank("appetite"),
            last_look_on=Coalesce(Subquery(reviews.values("reviewed_on")[:1]), "raised_on", scored_on, output_field=day),
            stated_review_on=Subquery(reviews.values("next_review_on")[:1]),
            review_days=Subquery(band.values("review_days")[:1]),
        )
        stated, by_band = F("stated_review_on"), DaysLater("last_look_on", "review_days")
        # Each stands in for the other: of nothing and a day SQLite finds nothing the least.
        either = (Coalesce(stated, by_band, output_field=day), Coalesce(by_band, stated, output_field=day))
        return seen.annotate(next_review_on=Least(*either, output_field=day))

    def with_place(self, today: dt.date) -> "RiskQuerySet":
        """Adds `likelihood_now` and `consequence_now` of the current score."""
        kind = Score.Kind.CURRENT
        return self.annotate(
            likelihood_now=self._latest(kind, today, "likelihood"), consequence_now=self._latest(kind, today, "consequence")
        )

    def with_movement(self, since: dt.date) -> "RiskQuerySet":
        """Adds `score_then`: the current score as it was on that day."""
        return self.annotate(score_then=self._latest(Score.Kind.CURRENT, since, "product"))

    def _latest(self, kind: str, today: dt.date, column: str) -> Subquery:
        scores = Score.objects.filter(risk=OuterRef("pk")).latest_of(kind, today)
        return Subquery(scores.values(column)[:1])
