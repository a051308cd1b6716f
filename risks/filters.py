"""Filters and questions of risks."""

from cmast.api.filters import LinkFilter, Question, RecordFilterSet
from risks.models import Control, Mitigation, Review, Risk, Score, ScoreBand


class RiskFilter(RecordFilterSet):
    orphaned = Question("orphaned", help_text="Its programme was closed, and nobody has taken it over.")
    overdue = Question("overdue", dated=True, help_text="Needed, or due for review, before the day of `on`.")
    unresolved = Question("unresolved", help_text="Not closed.")
    review_due = Question(
        "review_due", dated=True, help_text="To be looked at again by the day of `on`, by its last review or by its band."
    )
    beyond_appetite = Question("beyond_appetite", dated=True, help_text="Scored worse than its appetite bears.")
    unscored = Question("unscored", dated=True, help_text="Open without a current score.")
    unmitigated = Question("unmitigated", help_text="Open without any mitigation.")

    class Meta:
        model = Risk
        fields: list[str] = []


class ScoreFilter(RecordFilterSet):
    class Meta:
        model = Score
        fields: list[str] = []


class ScoreBandFilter(RecordFilterSet):
    class Meta:
        model = ScoreBand
        fields: list[str] = []


class ControlFilter(RecordFilterSet):
    lacking = Question("lacking", help_text="With a gap, or known not to work well.")
    programme = LinkFilter("risk__programme", help_text="Programme of the risk.")

    class Meta:
        model = Control
        fields: list[str] = []


class MitigationFilter(RecordFilterSet):
    overdue = Question("overdue", dated=True, help_text="Still to be done after its date.")
    programme = LinkFilter("risk__programme", help_text="Programme of the risk.")

    class Meta:
        model = Mitigation
        fields: list[str] = []


class ReviewFilter(RecordFilterSet):
    class Meta:
        model = Review
        fields: list[str] = []
