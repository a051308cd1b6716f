"""What the API says about risks side by side."""

from rest_framework import serializers

from risks.models import Risk, RiskAppetite
from risks.standing import Movement


class CellSerializer(serializers.Serializer):
    """One square of the heat map."""

    likelihood = serializers.IntegerField(help_text="From 1, rare, to 5, almost certain.")
    likelihood_word = serializers.CharField(help_text="The likelihood in words.")
    consequence = serializers.IntegerField(help_text="From 1, negligible, to 5, catastrophic.")
    consequence_word = serializers.CharField(help_text="The consequence in words.")
    score = serializers.IntegerField(help_text="Likelihood x consequence.")
    band = serializers.CharField(help_text="What such a score is called; empty where no band has it.")
    count = serializers.IntegerField(help_text="How many open risks are here.")
    risks = serializers.ListField(child=serializers.CharField(), help_text="Their keys.")


class HeatMapSerializer(serializers.Serializer):
    """The open risks by likelihood and consequence."""

    words = serializers.CharField(help_text="The map in a sentence.")
    cells = CellSerializer(many=True, help_text="All 25 squares, from the worst likelihood down.")
    unscored = serializers.ListField(child=serializers.CharField(), help_text="Keys of open risks without a current score.")
    mistakes = serializers.ListField(child=serializers.CharField(), help_text="What is wrong with the bands, in sentences.")


class StandingSerializer(serializers.Serializer):
    """An open risk as it stands."""

    key = serializers.CharField(help_text="Key of the risk.")
    title = serializers.CharField(help_text="What it is.")
    kind = serializers.ChoiceField(Risk.Kind.choices, help_text="Risk, issue, challenge or dependency.")
    status = serializers.ChoiceField(Risk.Status.choices, help_text="Where it stands.")
    current_score = serializers.IntegerField(allow_null=True, help_text="Latest score by that day.")
    target_score = serializers.IntegerField(allow_null=True, help_text="Latest score that is aimed at.")
    band = serializers.CharField(allow_null=True, help_text="What the current score is called.")
    appetite = serializers.ChoiceField(RiskAppetite.choices, allow_null=True, help_text="How much of it is borne.")
    borne_from = serializers.ChoiceField(
        RiskAppetite.choices, allow_null=True, help_text="Least appetite that bears a risk of this band."
    )
    is_beyond_appetite = serializers.BooleanField(
        allow_null=True, help_text="Scored worse than its appetite bears; null where that cannot be said."
    )
    next_review_on = serializers.DateField(allow_null=True, help_text="When to look again: as stated, or as its band asks.")
    is_review_due = serializers.BooleanField(allow_null=True, help_text="Whether that day has come; null without one.")
    score_then = serializers.IntegerField(allow_null=True, help_text="Current score as it was on the day of `since`.")
    movement = serializers.ChoiceField(
        Movement.choices, allow_null=True, help_text="From then to now; new: it had no score then; null: it has none now."
    )


class StandingsSerializer(serializers.Serializer):
    """The open risks, the worst first."""

    on = serializers.DateField(help_text="Day that is spoken about.")
    since = serializers.DateField(help_text="Day that it is compared with.")
    results = StandingSerializer(many=True, help_text="The open risks.")
