"""How bad a risk is: scores of 5 x 5, the bands that they fall into, and how much of it is borne."""

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When

from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField, LineField, WordField
from cmast.vocabulary import Words

#: The words of the NHS's risk matrix for the numbers 1 to 5.
LIKELIHOODS = {1: "rare", 2: "unlikely", 3: "possible", 4: "likely", 5: "almost_certain"}
CONSEQUENCES = {1: "negligible", 2: "minor", 3: "moderate", 4: "major", 5: "catastrophic"}
#: What likelihood x consequence can be: 7, 13 and 14, for instance, cannot.
POSSIBLE_SCORES = sorted({likelihood * consequence for likelihood in LIKELIHOODS for consequence in CONSEQUENCES})


class RiskAppetite(Words):
    """How much of a risk is borne, from least to most."""

    AVERSE = "averse"
    MINIMAL = "minimal"
    CAUTIOUS = "cautious"
    OPEN = "open"
    EAGER = "eager"


def rank(name: str) -> Case:
    """The place of an appetite among all of them, to compare two."""
    places = [When(**{name: word}, then=Value(place)) for place, word in enumerate(RiskAppetite.values)]
    return Case(*places, output_field=models.IntegerField())


def in_words(name: str, words: dict[int, str]) -> Case:
    """The word for a number."""
    named = [When(**{name: number}, then=Value(word)) for number, word in words.items()]
    return Case(*named, output_field=models.CharField())


class ScoreQuerySet(RecordQuerySet):
    def latest_of(self, kind: str, today: dt.date) -> "ScoreQuerySet":
        """The scores of this kind that were given by that day, the one that counts first, with their `product`."""
        known = self.filter(kind=kind, scored_on__lte=today).order_by("-scored_on", "-id")
        return known.annotate(product=F("likelihood") * F("consequence"))

    def with_computed(self, today: dt.date) -> "ScoreQuerySet":
        """Adds the `product` of likelihood and consequence, and the words for both."""
        return self.annotate(
            product=F("likelihood") * F("consequence"),
            likelihood_word=in_words("likelihood", LIKELIHOODS),
            consequence_word=in_words("consequence", CONSEQUENCES),
        )


class Score(Record):
    """Likelihood x consequence of a risk on a day, before anything is done, now, or as aimed at."""

    class Kind(Words):
        INHERENT = "inherent"
        CURRENT = "current"
        TARGET = "target"

    label_field = "key"
    touches = ("risk",)
    also_reasoned = ("likelihood", "consequence")
    writers: ClassVar[dict[str, str]] = {"programme": "risk__programme", "workstream": "risk__workstream"}

    risk = models.ForeignKey("risks.Risk", models.CASCADE, related_name="scores", help_text="What is scored.")
    kind = WordField(Kind, help_text="Inherent: with nothing done. Current: now. Target: as aimed at.")
    likelihood = models.PositiveSmallIntegerField(help_text="1 rare, 2 unlikely, 3 possible, 4 likely, 5 almost certain.")
    consequence = models.PositiveSmallIntegerField(help_text="1 negligible, 2 minor, 3 moderate, 4 major, 5 catastrophic.")
    scored_on = DayField(help_text="When.")
    scored_by = models.ForeignKey("cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="By whom.")

    objects: ClassVar = ScoreQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "score"
        verbose_name_plural = "scores"
        constraints = [
            *Record.Meta.constraints,
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__gte": 1, f"{name}__lte": 5}),
                    name=f"risks_score_{name}",
                    violation_error_message=f"{name} is a number from 1 to 5.",
                )
                for name in ("likelihood", "consequence")
            ),
            models.UniqueConstraint(
                fields=["risk", "kind", "scored_on"],
                name="risks_score_day",
                violation_error_message="This score was given for this day already.",
            ),
        ]


class ScoreBandQuerySet(RecordQuerySet):
    def holding(self, score: object) -> "ScoreBandQuerySet":
        """The band of a score, or of an expression. Where bands overlap the worse comes first."""
        return self.filter(low__lte=score, high__gte=score).order_by("-low", "id")

    def mistakes(self) -> list[str]:
        """What is wrong with the bands as a whole, in sentences: scores of two bands, and scores that can occur of none.

        Said and not refused: to move an edge takes two steps, and between them the table is wrong either way.
        """
        bands = list(self.order_by("low", "id").values_list("name", "low", "high"))
        found = []
        for score in POSSIBLE_SCORES:
            named = [name for name, low, high in bands if low <= score <= high]
            if not named:
                found.append(f"A score of {score} is in no band.")
            elif len(named) > 1:
                found.append(f"A score of {score} is in several bands: {', '.join(named)}.")
        return found


class ScoreBand(Record):
    """A band of scores and what it is called. Bodies draw the lines differently, so they are data."""

    name = LineField(max_length=50, help_text="Name of the band, such as high.")
    low = models.PositiveSmallIntegerField(help_text="Lowest score in it.")
    high = models.PositiveSmallIntegerField(help_text="Highest score in it.")
    borne_from = WordField(
        RiskAppetite, null=True, help_text="Least appetite that still bears a risk of this band; empty: nobody has said."
    )
    review_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Days after which a risk of this band is looked at again; empty: no rule."
    )

    objects: ClassVar = ScoreBandQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "score band"
        verbose_name_plural = "score bands"
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(low__gte=1, high__lte=25, high__gte=models.F("low")),
                name="risks_scoreband_range",
                violation_error_message="A band runs from low to high, within 1 to 25.",
            ),
            models.CheckConstraint(
                condition=Q(review_days__isnull=True) | Q(review_days__gte=1, review_days__lte=1000),
                name="risks_scoreband_review_days",
                violation_error_message="review_days is a number from 1 to 1000.",
            ),
        ]
