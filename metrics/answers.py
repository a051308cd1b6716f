"""Series, leagues and scorecards as the API says them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from cmast.api.serializers import DecimalTextField
from metrics.comparing import Comparison, Ranking
from metrics.league import League
from metrics.models import Metric
from metrics.plans import Course
from metrics.series import Series
from metrics.targets import Outcome, Reason, Verdict

#: Of a figure that is set beside no others.
NO_POINT = (
    "It is no point of a series: a difference, a forecast, a statement about several, an earlier revision, or taken back."
)


def _several(child: Any, what: str) -> Any:
    return serializers.ListField(child=child, help_text=what)


def _numbers(what: str) -> Any:
    return _several(serializers.FloatField(allow_null=True), what)


class PointsSerializer(serializers.Serializer):
    """One entry per point in each list, in the order of the dates."""

    date = _several(serializers.DateField(), "Date of the point.")
    value = _numbers("Its value; null where there is none.")
    mean = _numbers("Mean of its process: the centre line.")
    amr = _numbers("Average moving range of its process.")
    lpl = _numbers("Lower process limit; null where there is none.")
    upl = _numbers("Upper process limit.")
    nlpl = _numbers("Two thirds of the way to the lower limit.")
    nupl = _numbers("Two thirds of the way to the upper limit.")
    relative_to_mean = _several(serializers.IntegerField(allow_null=True), "1 above the mean, -1 below, 0 on it.")
    outside_limits = _several(serializers.BooleanField(allow_null=True), "Whether it is beyond a process limit.")
    close_to_limits = _several(serializers.BooleanField(allow_null=True), "Whether it is in the outer third.")
    special_cause_type = _several(serializers.CharField(), "The rule that it breaks, or Common Cause.")
    special_cause_flag = _several(serializers.BooleanField(), "Whether it breaks a rule.")
    point_type = _several(serializers.CharField(), "What that means: common_cause, special_cause_improvement and so on.")
    rebase_group = _several(serializers.IntegerField(), "Number of its process.")
    short_group_warning = _several(serializers.BooleanField(), "Whether its limits are provisional: fewer than 13 points.")


class GroupSerializer(serializers.Serializer):
    """Counts of the points of one process."""

    rebase_group = serializers.IntegerField(help_text="Number of the process.")
    n = serializers.IntegerField(help_text="Points.")
    common_cause = serializers.IntegerField(help_text="Points that break no rule.")
    special_cause_improvement = serializers.IntegerField(help_text="Points that are signals of improvement.")
    special_cause_concern = serializers.IntegerField(help_text="Points that are signals of concern.")
    variation_type = serializers.CharField(help_text="What the last point is.")


class SuitabilitySerializer(serializers.Serializer):
    """Whether an XmR chart says anything about the series."""

    is_suitable = serializers.BooleanField(help_text="Whether it does.")
    code = serializers.CharField(allow_null=True, help_text="Why not, for programs.")
    reason = serializers.CharField(allow_null=True, help_text="Why not, in words.")


class AnalysisSerializer(serializers.Serializer):
    """An XmR analysis by the method of NHS England's Making Data Count."""

    points = PointsSerializer(help_text="The points with the limits of their process and the rules that they break.")
    summary_by_group = GroupSerializer(many=True, help_text="The processes.")
    variation_type = serializers.CharField(allow_null=True, help_text="What the last point is.")
    variation_icon = serializers.CharField(allow_null=True, help_text="The icon that says so.")
    assurance_type = serializers.CharField(allow_null=True, help_text="Whether the process reaches the target for certain.")
    assurance_icon = serializers.CharField(allow_null=True, help_text="The icon that says so.")
    no_limits = serializers.BooleanField(help_text="Whether a process has no limits.")
    limits_width_zero = serializers.BooleanField(help_text="Whether the limits of a process are its mean.")
    short_group_warning = serializers.BooleanField(help_text="Whether limits are provisional.")
    suitability = SuitabilitySerializer(help_text="Whether to show it as an XmR chart.")


class VerdictSerializer(serializers.Serializer):
    """What can be said of a target."""

    target = serializers.CharField(help_text="Key of the target.")
    outcome = serializers.ChoiceField([outcome.value for outcome in Outcome], help_text="Met, not met, or cannot be judged.")
    code = serializers.ChoiceField([reason.value for reason in Reason], help_text="Why, for programs.")
    words = serializers.CharField(help_text="Why, in words.")


class ComparisonSerializer(serializers.Serializer):
    """A figure beside something else."""

    comparator = serializers.CharField(help_text="What it is set beside.")
    side = serializers.CharField(help_text="higher, lower, the same, or unknown.")
    is_better = serializers.BooleanField(allow_null=True, help_text="Whether that is the better side; null for unknown.")
    observation = serializers.CharField(allow_null=True, help_text="Key of the other figure, where it is one.")
    words = serializers.CharField(help_text="The comparison in words. Percents change by percentage points.")


class RankingSerializer(serializers.Serializer):
    """The place among the trusts."""

    place = serializers.IntegerField(allow_null=True, help_text="1 for the best; null for unknown.")
    of = serializers.IntegerField(help_text="Trusts that have a figure.")
    tied_with = _several(serializers.CharField(), "Trusts with the same figure.")
    words = serializers.CharField(help_text="The place in words.")


class BesideSerializer(serializers.Serializer):
    """A figure beside what it can be set beside: what was before it, its targets, its plan, the region, the other trusts."""

    observation = serializers.CharField(help_text="Key of the observation.")
    targets = VerdictSerializer(many=True, help_text="The targets that held when its period ended, judged by it.")
    comparisons = ComparisonSerializer(many=True, help_text="The figure beside others.")
    ranking = RankingSerializer(allow_null=True, help_text="Its place among the trusts; null where it is no trust's.")
    reason = serializers.CharField(allow_null=True, help_text="Why it is compared with nothing, where it is not.")


class CohortRateSerializer(serializers.Serializer):
    """What must leave a cohort, and how fast. Rates count from the day after the latest figure to the horizon."""

    cohort = serializers.CharField(help_text="Key of the cohort.")
    course = serializers.ChoiceField([course.value for course in Course], help_text="Where it stands.")
    horizon_on = serializers.DateField(help_text="Day by which it is to be cleared.")
    from_on = serializers.DateField(allow_null=True, help_text="First day that the rates count.")
    to_clear = serializers.CharField(allow_null=True, help_text="How many must still leave it; null for unknown.")
    per_month = serializers.CharField(allow_null=True, help_text="How many a month, rounded to one place.")
    per_week = serializers.CharField(allow_null=True, help_text="How many a week, rounded to one place.")
    words = serializers.CharField(help_text="The same in words.")


class NewProcessSerializer(serializers.Serializer):
    """A decision that limits begin anew."""

    key = serializers.CharField(help_text="Key of the rebase.")
    starts_on = serializers.DateField(help_text="First day of the new process.")
    reason = serializers.CharField(help_text="Why.")


class SeriesSerializer(serializers.Serializer):
    """A metric of an organisation through time."""

    metric = serializers.CharField(help_text="Key of the metric.")
    metric_name = serializers.CharField(help_text="Its name.")
    organisation = serializers.CharField(help_text="Key of the organisation.")
    organisation_name = serializers.CharField(help_text="Its name.")
    part = serializers.CharField(help_text="Member of a breakdown; empty for the whole.")
    unit = serializers.CharField(help_text="What the values count.")
    direction = serializers.CharField(help_text="Which way is better.")
    period_type = serializers.CharField(allow_null=True, help_text="The stretch of time of each point.")
    observations = _several(serializers.CharField(allow_null=True), "Key of the observation behind each point; null for a gap.")
    analysis = AnalysisSerializer(help_text="Limits, rules broken, icons.")
    targets = VerdictSerializer(many=True, help_text="The targets for the latest figure's time, judged.")
    comparisons = ComparisonSerializer(many=True, help_text="The latest figure beside others.")
    ranking = RankingSerializer(allow_null=True, help_text="The place among the trusts; null where it is no trust's.")
    run_rate: Any = CohortRateSerializer(
        allow_null=True, help_text="How fast its cohort must be cleared; null where it is of none."
    )
    rebases = NewProcessSerializer(many=True, help_text="Why limits begin anew.")
    series_breaks = _several(serializers.DateField(), "Days from which the metric counts something else.")
    setting = serializers.CharField(allow_null=True, help_text="Key of the setting, where limits are not found as usual.")


class PlaceSerializer(serializers.Serializer):
    """A trust in a league."""

    organisation = serializers.CharField(help_text="Key of the trust.")
    organisation_name = serializers.CharField(help_text="Its name.")
    place = serializers.IntegerField(allow_null=True, help_text="1 for the best; null for unknown.")
    value = serializers.CharField(allow_null=True, help_text="The figure, as an exact number; null where none is stated.")
    figure = serializers.CharField(allow_null=True, help_text="The figure in words; null where there is none.")
    observation = serializers.CharField(allow_null=True, help_text="Key of the observation.")
    targets = VerdictSerializer(many=True, help_text="The targets of each trust that hold, judged.")
    words = serializers.CharField(help_text="The place in words.")


class LeagueSerializer(serializers.Serializer):
    """All trusts of that time on one metric in one month, the best first. A trust without a figure has no place."""

    metric = serializers.CharField(help_text="Key of the metric.")
    metric_name = serializers.CharField(help_text="Its name.")
    part = serializers.CharField(help_text="Member of a breakdown; empty for the whole.")
    unit = serializers.CharField(help_text="What the values count.")
    direction = serializers.CharField(help_text="Which way is better.")
    period_end_on = serializers.DateField(allow_null=True, help_text="Last day of the period; null where there is no figure.")
    places = PlaceSerializer(many=True, help_text="The trusts.")


class ScorecardLineSerializer(serializers.Serializer):
    """A metric on a scorecard."""

    metric = serializers.CharField(help_text="Key of the metric.")
    metric_name = serializers.CharField(help_text="Its name.")
    programme = serializers.CharField(help_text="Key of its programme.")
    direction = serializers.CharField(help_text="Which way is better.")
    organisation = serializers.CharField(allow_null=True, help_text="Whose figure it is; null where the system has none.")
    figure = serializers.CharField(allow_null=True, help_text="The latest figure in words.")
    period = serializers.CharField(allow_null=True, help_text="Its period in words.")
    observation = serializers.CharField(allow_null=True, help_text="Key of the observation.")
    variation_icon = serializers.CharField(allow_null=True, help_text="Null where an XmR chart says nothing.")
    assurance_icon = serializers.CharField(allow_null=True, help_text="Null where an XmR chart says nothing.")
    targets = VerdictSerializer(many=True, help_text="The targets for the latest figure's time, judged.")
    comparisons = ComparisonSerializer(many=True, help_text="The latest figure beside others.")


class ScorecardSerializer(serializers.Serializer):
    """The metrics, each with the system's latest figure."""

    results = ScorecardLineSerializer(many=True, help_text="The metrics, by programme and name.")


def verdicts_of(found: Iterable[tuple[Any, Verdict]]) -> list[dict[str, Any]]:
    return [
        {"target": target.key, "outcome": verdict.outcome, "code": verdict.code, "words": verdict.words}
        for target, verdict in found
    ]


def comparisons_of(found: Iterable[Comparison]) -> list[dict[str, Any]]:
    return [
        {
            "comparator": each.comparator,
            "side": each.side,
            "is_better": each.is_better,
            "observation": (each.other.key or None) if each.other else None,
            "words": each.words,
        }
        for each in found
    ]


def spoken_beside(key: str, series: Series | None) -> dict[str, Any]:
    """What a figure is beside, from the series up to it, as the API says it."""
    return {
        "observation": key,
        "targets": verdicts_of(series.verdicts) if series else [],
        "comparisons": comparisons_of(series.comparisons) if series else [],
        "ranking": _place_of(series.ranking) if series else None,
        "reason": None if series else NO_POINT,
    }


def _place_of(ranking: Ranking | None) -> dict[str, Any] | None:
    return None if ranking is None else {name: getattr(ranking, name) for name in ("place", "of", "tied_with", "words")}


def spoken_league(league: League) -> dict[str, Any]:
    """A league as the API says it."""
    return {
        "metric": league.metric.key,
        "metric_name": league.metric.name,
        "part": league.part,
        "unit": league.unit,
        "direction": league.metric.direction,
        "period_end_on": league.month.isoformat() if league.month else None,
        "places": [
            {
                "organisation": place.organisation.key,
                "organisation_name": place.organisation.name,
                "place": place.ranking.place,
                "value": _exact(place.figure.value if place.figure else None),
                "figure": place.figure.words if place.figure else None,
                "observation": place.figure.key if place.figure else None,
                "targets": verdicts_of(place.verdicts),
                "words": place.ranking.words,
            }
            for place in league.places
        ],
    }


def spoken_score(metric: Metric, series: Series | None) -> dict[str, Any]:
    """A line of a scorecard as the API says it."""
    latest = series.latest if series else None
    is_suitable = series is not None and series.analysis.suitability.is_suitable
    return {
        "metric": metric.key,
        "metric_name": metric.name,
        "programme": metric.programme.key,
        "direction": metric.direction,
        "organisation": series.organisation.key if series else None,
        "figure": latest.words if latest else None,
        "period": latest.period.words if latest else None,
        "observation": latest.key if latest else None,
        "variation_icon": series.analysis.variation_icon if series and is_suitable else None,
        "assurance_icon": series.analysis.assurance_icon if series and is_suitable else None,
        "targets": verdicts_of(series.verdicts) if series else [],
        "comparisons": comparisons_of(series.comparisons) if series else [],
    }


def spoken(series: Series) -> dict[str, Any]:
    """A series as the API says it."""
    latest, setting = series.latest, series.setting
    return {
        "metric": series.metric.key,
        "metric_name": series.metric.name,
        "organisation": series.organisation.key,
        "organisation_name": series.organisation.name,
        "part": series.part,
        "unit": series.unit,
        "direction": series.metric.direction,
        "period_type": latest.period.kind if latest else None,
        "observations": [figure.key if figure else None for _, figure in series.points],
        "analysis": series.analysis.as_dict(),
        "targets": verdicts_of(series.verdicts),
        "comparisons": comparisons_of(series.comparisons),
        "ranking": _place_of(series.ranking),
        "run_rate": _run_rate(series),
        "rebases": [{"key": r.key, "starts_on": r.starts_on.isoformat(), "reason": r.reason} for r in series.rebases],
        "series_breaks": [day.isoformat() for day in series.breaks],
        "setting": setting.key if setting else None,
    }


def _run_rate(series: Series) -> dict[str, Any] | None:
    rate, cohort = series.run_rate, series.cohort
    if rate is None or cohort is None:
        return None
    per_month, per_week = (None if each is None else f"{each:.1f}" for each in (rate.per_month, rate.per_week))
    return {
        "cohort": cohort.key,
        "course": rate.course,
        "horizon_on": cohort.horizon_on.isoformat(),
        "from_on": rate.from_on.isoformat() if rate.from_on else None,
        "to_clear": _exact(rate.to_clear),
        "per_month": per_month,
        "per_week": per_week,
        "words": rate.words,
    }


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else DecimalTextField(max_digits=20, decimal_places=6).to_representation(value)
