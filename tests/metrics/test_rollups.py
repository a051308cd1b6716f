"""Kept rows of series and of the system: made anew when a figure moves, and equal to what follows from the figures."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cmast.dates import month_end
from cmast.history.context import changing
from cmast.models import FeedEntry, Organisation, Restriction
from cmast.trusts import Trusts
from metrics import rollups
from metrics.models import Metric, Observation, Rebase, RollupState, SeriesSummary, SystemFigure, Target
from metrics.series import series_of
from metrics.tasks import refresh_all_rollups, refresh_rollups
from tests.factories import restrict

VALUES = [70, 71, 69, 70, 72, 68, 70, 71, 69, 70, 71, 69, 70, 90, 70]


def last_day(month: int) -> dt.date:
    """Of a month counted from January 2023."""
    return month_end(dt.date(2023 + month // 12, month % 12 + 1, 1))


@pytest.fixture
def metric(edition: Any, make: Any) -> Any:
    rollups.refresh_all()
    return make(Metric, unit="percent", direction="higher_is_better", kind="flow")


@pytest.fixture
def report(metric: Any) -> Callable[..., list[Observation]]:
    """Figures of a trust, month by month; None is a month without one."""

    def make_series(values: list[Any], trust: str = "RBN", of: Any = None, **more: Any) -> list[Observation]:
        counted = of or metric
        common = {"metric": counted, "organisation": Organisation.objects.get(key=trust), "scope_level": "provider"}
        common |= {"unit": counted.unit, "period_type": "month", "value_status": "reported"} | more
        made = [
            Observation(
                key=f"{counted.key}-{trust}-{n}-{more.get('breakdown_member', '')}".rstrip("-"),
                value=value,
                period_start_on=last_day(n).replace(day=1),
                period_end_on=last_day(n),
                **common,
            )
            for n, value in enumerate(values)
            if value is not None
        ]
        return Observation.objects.bulk_create(made)

    return make_series


def row(metric: Any, trust: str = "RBN", part: str = "") -> Any:
    return SeriesSummary.objects.filter(metric=metric, organisation__key=trust, part=part).first()


def trusts() -> list[str]:
    return sorted(trust.key for trust in Trusts(Organisation.objects.all()).on(dt.date(2024, 5, 3)))


# --- Series -----------------------------------------------------------------------------------------------------------


def test_a_row_says_what_the_series_says(metric: Any, report: Any) -> None:
    figures = report([*VALUES[:-1], 73])
    rollups.run()
    kept = row(metric)
    series = series_of(metric, Organisation.objects.get(key="RBN"), rollups.everybody())
    last = series.analysis.points[-1]
    assert (kept.latest, kept.previous, kept.figures) == (figures[-1], figures[-2], 15)
    assert (kept.change, kept.trend) == (-17, "worsened")
    assert (kept.mean, kept.lower_limit, kept.upper_limit) == pytest.approx((last.mean, last.lpl, last.upl), rel=1e-9)
    assert (kept.variation_icon, kept.assurance_icon, kept.unsuited) == (series.analysis.variation_icon, "", "")


def test_only_the_series_that_moved_are_made_anew(metric: Any, report: Any) -> None:
    report(VALUES, "RBN")
    report(VALUES, "RBQ")
    rollups.run()
    before = {kept.pk: kept.refreshed_at for kept in SeriesSummary.objects.all()}
    Observation.objects.filter(metric=metric, organisation__key="RBQ", period_end_on=last_day(14)).update(value=99)
    assert rollups.run() == "1 series"
    after = {kept.pk: kept.refreshed_at for kept in SeriesSummary.objects.all()}
    moved = {pk for pk in after if after[pk] is not before.get(pk) and after[pk] != before.get(pk)}
    kept = row(metric, "RBQ")
    assert kept.latest.value == 99 and before.keys() == after.keys()
    assert moved <= {kept.pk}
    assert rollups.run() == "nothing has moved"


@pytest.mark.either_database
def test_a_series_that_loses_its_figures_loses_its_row_and_one_that_moves_leaves_none_behind(metric: Any, report: Any) -> None:
    first = report(VALUES[:2], "RBN")
    report(VALUES[:2], "RBQ")
    rollups.run()
    Observation.objects.filter(pk__in=[figure.pk for figure in first]).delete()
    Observation.objects.filter(metric=metric, organisation__key="RBQ").update(organisation=Organisation.objects.get(key="REM"))
    rollups.run()
    assert [row(metric, trust) is not None for trust in ("RBN", "RBQ", "REM")] == [False, False, True]


@pytest.mark.either_database
def test_a_revision_a_withdrawal_and_a_decision_about_the_limits_are_all_noticed(metric: Any, report: Any, make: Any) -> None:
    figures = report(VALUES)
    rollups.run()
    with changing(reason="A late return."):
        revised = figures[-1].revise({"value": 75})
    rollups.run()
    kept = row(metric)
    assert kept.latest == revised
    Observation.objects.filter(pk=revised.pk).update(review_state="withdrawn")
    rollups.run()
    kept = row(metric)
    assert kept.latest == figures[-2]
    make(Rebase, metric=metric, organisation=kept.organisation, starts_on=last_day(7))
    rollups.run()
    kept = row(metric)
    assert kept.mean == pytest.approx(sum(VALUES[7:14]) / 7)


@pytest.mark.either_database
def test_a_target_is_judged_and_judged_again_when_it_is_changed(metric: Any, report: Any, make: Any) -> None:
    report(VALUES)
    system = Organisation.objects.get(key="cm-system")
    target = make(Target, metric=metric, organisation=system, scope_level="each_provider", value=72, unit="percent")
    rollups.run()
    kept = row(metric)
    assert (kept.target, kept.outcome, kept.reason) == (target, "not_met", "misses")
    assert kept.assurance_icon == "inconsistent"
    Target.objects.filter(pk=target.pk).update(value=50)
    rollups.run()
    kept = row(metric)
    assert (kept.outcome, kept.assurance_icon) == ("met", "pass")


@pytest.mark.either_database
def test_the_whole_system_is_judged_by_the_trusts_anew_when_one_of_them_moves(metric: Any, report: Any, make: Any) -> None:
    system = Organisation.objects.get(key="cm-system")
    make(Target, metric=metric, organisation=system, scope_level="each_provider", value=72, unit="percent")
    report([80], "cm-system", scope_level="system")
    report([80], "RBN")
    rollups.run()
    kept = row(metric, "cm-system")
    assert "1 of" in kept.verdict
    report([60], "RBQ")
    rollups.run()
    kept = row(metric, "cm-system")
    assert kept.outcome == "not_met"


@pytest.mark.either_database
def test_a_part_has_a_row_of_its_own(metric: Any, report: Any) -> None:
    report(VALUES[:3])
    report([5, 6], breakdown_dimension="breach_reason", breakdown_member="capacity")
    rollups.run()
    whole, part = row(metric), row(metric, part="capacity")
    assert (whole.latest.value, part.latest.value, part.trend) == (69, 6, "improved")


# --- The system -------------------------------------------------------------------------------------------------------


def of_system(metric: Any, part: str = "") -> Any:
    return SystemFigure.objects.filter(metric=metric, part=part).latest("ends_on")


@pytest.mark.either_database
def test_a_total_is_unknown_while_a_trust_is_missing_and_says_how_many_are_there(make: Any, metric: Any, report: Any) -> None:
    counted = make(Metric, unit="patients", aggregation="system_total")
    *most, last = trusts()
    for trust in most:
        report([100], trust, of=counted)
    rollups.run()
    kept = of_system(counted)
    assert (kept.value, kept.partial_value, kept.stated, kept.expected, kept.missing) == (None, 1100, 11, 12, [last])
    assert kept.words == f"Unknown: 1,100 patients from 11 of 12 trusts, none from {last}"
    report([50], last, of=counted)
    rollups.run()
    kept = of_system(counted)
    assert (kept.value, kept.partial_value, kept.words) == (1150, None, "1,150 patients, from all 12 trusts")


@pytest.mark.either_database
def test_the_system_is_of_the_trusts_that_there_were_and_nothing_is_counted_twice(make: Any, metric: Any, report: Any) -> None:
    counted = make(Metric, unit="patients", aggregation="system_total")
    for trust in trusts():
        report([100], trust, of=counted)
    report([60], "RVY", of=counted)
    rollups.run()
    kept = of_system(counted)
    assert (kept.value, kept.partial_value, kept.expected, kept.missing) == (None, 1160, 13, ["st-helens-and-knowsley"])
    report([30], "st-helens-and-knowsley", of=counted)
    rollups.run()
    assert of_system(counted).words == "1,190 patients, from all 13 trusts"
    Organisation.objects.filter(key="RVY").update(successor=None)
    rollups.run()
    assert of_system(counted).words == "1,130 patients, from all 12 trusts"
    assert rollups.differences() == []


def test_a_ratio_is_that_of_the_sums_and_follows_its_inputs(make: Any, metric: Any, report: Any) -> None:
    seen, all_of_them = make(Metric, unit="patients"), make(Metric, unit="patients")
    within = make(Metric, unit="percent", aggregation="system_ratio", numerator_metric=seen, denominator_metric=all_of_them)
    for n, trust in enumerate(trusts()):
        report([90 if n else 10], trust, of=seen)
        report([100 if n else 1000], trust, of=all_of_them)
    rollups.run()
    kept = of_system(within)
    assert (kept.numerator, kept.denominator, kept.value) == (1000, 2100, Decimal("47.619048"))
    Observation.objects.filter(metric=seen, value=10).update(value=1000)
    rollups.run()
    assert of_system(within).value == Decimal("94.761905")


@pytest.mark.either_database
@pytest.mark.parametrize(
    ("rule", "expected"),
    [("system_weighted", Decimal("55")), ("system_worst", Decimal("50")), ("trusts_meeting_target", Decimal("1"))],
)
def test_other_rules_weigh_take_the_worst_and_count(rule: str, expected: Decimal, make: Any, metric: Any, report: Any) -> None:
    Metric.objects.filter(pk=metric.pk).update(aggregation=rule)
    system = Organisation.objects.get(key="cm-system")
    make(Target, metric=metric, organisation=system, scope_level="each_provider", value=60, unit="percent")
    for n, trust in enumerate(trusts()):
        report([50 if n else 110], trust, denominator=100)
    rollups.run()
    assert of_system(metric).value == expected


def test_the_trusts_of_each_period_are_counted_by_the_target_of_that_period(make: Any, metric: Any, report: Any) -> None:
    Metric.objects.filter(pk=metric.pk).update(aggregation="trusts_meeting_target")
    common = {"metric": metric, "scope_level": "each_provider", "operator": "gte", "unit": "percent"}
    make(Target, **common, value=50, financial_year="2022/23")
    make(Target, **common, value=60, financial_year="2023/24")
    for trust in trusts():
        report([55, None, None, 55], trust)
    rollups.run()
    found = SystemFigure.objects.filter(metric=metric).order_by("ends_on").values_list("value", flat=True)
    assert list(found) == [12, 0]


@pytest.mark.either_database
def test_a_figure_that_is_only_a_bound_counts_as_missing_and_about_stays_about(make: Any, metric: Any, report: Any) -> None:
    counted = make(Metric, unit="patients", aggregation="system_total")
    first, second, *rest = trusts()
    report([10], first, of=counted, qualifier="more_than")
    report([10], second, of=counted, qualifier="approximately")
    for trust in rest:
        report([10], trust, of=counted)
    rollups.run()
    kept = of_system(counted)
    assert (kept.value, kept.partial_value, kept.qualifier, kept.missing) == (None, 110, "approximately", [first])


# --- Nothing hidden, nothing lost --------------------------------------------------------------------------------------


def test_a_hidden_figure_is_in_no_kept_row_from_the_moment_it_is_hidden(metric: Any, report: Any, make: Any, api: Any) -> None:
    Metric.objects.filter(pk=metric.pk).update(aggregation="system_worst")
    figures = report(VALUES)
    rollups.run()

    def read() -> list[Any]:
        rows = api("viewer").get("/api/v1/facts/series-summaries/?page_size=10000").json()["rows"]
        rows += api("viewer").get("/api/v1/facts/system-figures/?page_size=10000").json()["rows"]
        return [each.get("latest_value", each.get("partial_value")) for each in rows if each["metric_key"] == metric.key]

    assert read()[0] == 70 and len(read()) == 16
    restriction = make(Restriction, record_type="observation", record_key=figures[-1].key, kind="embargoed")
    assert read() == []
    rollups.run()
    assert read()[0] == 90 and len(read()) == 15
    restriction.delete()
    rollups.run()
    assert read()[0] == 70 and len(read()) == 16


@pytest.mark.either_database
def test_a_row_of_a_hidden_metric_is_hidden(metric: Any, report: Any, api: Any) -> None:
    report(VALUES)
    rollups.run()
    restrict(metric)
    keys = {each["metric_key"] for each in api("viewer").get("/api/v1/facts/series-summaries/").json()["rows"]}
    assert metric.key not in keys
    rollups.run()
    assert row(metric) is None


@pytest.mark.either_database
def test_a_worker_that_dies_half_way_leaves_the_work_to_the_next(metric: Any, report: Any, monkeypatch: Any) -> None:
    report(VALUES)
    position = RollupState.objects.get().position
    with monkeypatch.context() as patched:
        patched.setattr(RollupState, "save", dies)
        with pytest.raises(RuntimeError):
            rollups.run()
    assert (row(metric), RollupState.objects.get().position) == (None, position)
    rollups.run()
    assert row(metric) is not None


def dies(*_: Any, **__: Any) -> None:
    raise RuntimeError("killed")


def test_the_proof_finds_what_was_changed_behind_its_back(metric: Any, report: Any) -> None:
    report(VALUES)
    rollups.run()
    said = StringIO()
    call_command("refresh_rollups", "--check", stdout=said)
    assert "All rows are what follows from the figures." in said.getvalue()
    SeriesSummary.objects.filter(metric=metric).update(mean=1, trend="improved")
    with pytest.raises(SystemExit) as stopped:
        call_command("refresh_rollups", "--check", stdout=said)
    assert stopped.value.code == 1
    assert "mean: 1.0 is kept" in said.getvalue() and "2 differences" in said.getvalue()
    call_command("refresh_rollups", stdout=said)
    assert rollups.differences() == []


def test_everything_at_once_comes_to_the_same_as_one_series_after_the_other(metric: Any, report: Any, make: Any) -> None:
    """On PostgreSQL another way leads there; the kinds of series are those that it must tell apart."""
    report(VALUES, "RBN")
    report([*VALUES, 75, 76, 77, 78, 79, 80, 81], "RBQ")
    report([70, None, 71, 69, 70, 72, 68, 70, 71], "REM")
    report([70] * 9, "RBL")
    report([70, 70, 70, 70, 71, 70, 70, 70, 70], "RBS")
    report([Decimal("0.1"), Decimal("0.2"), Decimal("0.3")] * 4, "RBT")
    report(VALUES, "REN", qualifier="approximately")
    report([5, 7, 6, 5, 6, 7, 8, 9], "RBN", breakdown_dimension="breach_reason", breakdown_member="capacity")
    report(VALUES, "RBN", of=make(Metric, unit="rank", kind="rank", direction="lower_is_better"))
    report([1, 2, 3, 4, 5, 6, 7, 8], "RBN", of=make(Metric, unit="patients", direction="lower_is_better"))
    report([9, 1, 9, 2, 8, 1, 9, 2, 8, 1, 9, 8, 8, 9, 9, 9, 9, 8, 9], "RBQ", of=make(Metric, unit="days", direction="neutral"))
    report([70, 71], "RBQ", of=make(Metric, unit="patients", direction="neutral"), period_type="month_end_snapshot")
    report([None, -3, Decimal("-2.5"), 4, -3, 0, 5, -6, 2], "RBN", of=make(Metric, unit="gbp", direction="neutral"))
    report([3 * 10**8 + n * n for n in range(9)], "RBN", of=make(Metric, unit="gbp", direction="neutral"))
    report([7, 8, 6, 9, 7, 8, 6, 9, 7], "RBN", of=make(Metric, unit="days", kind="cumulative", direction="neutral"))
    twice = make(Metric, unit="days", direction="neutral")
    first = report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=twice)
    Observation.objects.filter(pk=first[3].pk).update(period_end_on=last_day(4))
    midway = report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=make(Metric, unit="days", direction="neutral"))
    Observation.objects.filter(pk=midway[-1].pk).update(period_end_on=last_day(7) - dt.timedelta(days=3))
    for kind in ("month", "month_end_snapshot"):
        report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=make(Metric, unit="days", direction="neutral"), period_type=kind)
    mixed = report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=make(Metric, unit="days", direction="neutral"))
    Observation.objects.filter(pk=mixed[2].pk).update(period_type="month_end_snapshot")
    units = report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=make(Metric, unit="days", direction="neutral"))
    Observation.objects.filter(pk=units[2].pk).update(unit="pathways")
    aged = report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=make(Metric, unit="days", direction="neutral"))
    Observation.objects.filter(pk=aged[0].pk).update(period_start_on=dt.date(1949, 12, 1), period_end_on=dt.date(1949, 12, 31))
    report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=make(Metric, unit="days", direction="neutral"), value_status="planned")
    report([7], "RBN", of=make(Metric, unit="days", direction="neutral"))
    first = make(Metric, unit="days", direction="neutral")
    report([7, 8, 6, 9, 7, 8, 6, 9], "RBN", of=first)
    report([8, 6, 9, 7], "RBQ", of=first)
    rollups.refresh_all()
    assert rollups.differences() == []
    assert SeriesSummary.objects.filter(metric=metric).count() == 8


@pytest.mark.parametrize("seed", range(3))
def test_many_series_of_chance_at_once_come_to_the_same(seed: int, report: Any, make: Any) -> None:
    dice = Random(seed)
    for _ in range(3):
        of = make(Metric, unit="days", direction=dice.choice(("neutral", "lower_is_better", "higher_is_better")))
        length, gaps = dice.choice((6, 9, 24)), dice.choice((0, 0.2))
        for trust in trusts():
            drift = dice.choice((0, 0, 0.5, -0.5))
            values = [round(Decimal(70 + drift * n + dice.gauss(0, 3)), dice.choice((0, 1, 6))) for n in range(length)]
            report([None if dice.random() < gaps else value for value in values], trust, of=of)
    rollups.refresh_all()
    assert rollups.differences() == []


def test_what_has_not_moved_is_not_written_again(metric: Any, report: Any, make: Any) -> None:
    for number, trust in enumerate(trusts()):
        report([number + 1, 2], trust, of=metric)
        report([number + 1, 2], trust, of=make(Metric, unit="days", direction="neutral", aggregation="system_total"))
    rollups.refresh_all()
    for work in (rollups.refresh_all, lambda: rollups.refresh({(metric.pk, Organisation.objects.get(key="RBN").pk, "")})):
        with CaptureQueriesContext(connection) as asked:
            work()
        said = [query["sql"] for query in asked if "INSERT INTO" in query["sql"] or "UPDATE " in query["sql"]]
        assert not [sql for sql in said if "metrics_seriessummary" in sql or "metrics_systemfigure" in sql]


def test_the_edition_is_kept_as_it_is_read(edition: Any) -> None:
    rollups.refresh_all()
    assert rollups.differences() == []


@pytest.mark.either_database
def test_one_series_costs_the_same_number_of_queries_however_many_figures_there_are(metric: Any, report: Any) -> None:
    report(VALUES)
    key = (metric.pk, Organisation.objects.get(key="RBN").pk, "")
    counts = []
    for more in (None, "RBQ", "REM"):
        report(VALUES, more) if more else rollups.refresh([key])
        with CaptureQueriesContext(connection) as caught:
            rollups.refresh([key])
        counts.append(len(caught))
    assert len(set(counts)) == 1, [q["sql"][:200] for q in caught]


@pytest.mark.either_database
def test_the_tasks_do_it(metric: Any, report: Any) -> None:
    report(VALUES)
    refresh_rollups()
    assert row(metric) is not None
    SeriesSummary.objects.all().delete()
    refresh_all_rollups()
    assert row(metric) is not None and FeedEntry.objects.filter(position=None).count() == 0


@pytest.mark.either_database
def test_the_desk_shows_what_is_kept_and_lets_nobody_write_it(metric: Any, report: Any, sign_in: Any) -> None:
    report(VALUES)
    Metric.objects.filter(pk=metric.pk).update(aggregation="system_worst")
    rollups.run()
    browser = sign_in("pmo")
    for kind, words in (("seriessummary", "70%"), ("systemfigure", "from 1 of 12 trusts")):
        listed = browser.get(reverse(f"admin:metrics_{kind}_changelist"), {"q": metric.key})
        assert words in listed.content.decode()
        assert browser.get(reverse(f"admin:metrics_{kind}_add")).status_code == 403
        (first, *_) = listed.context["cl"].result_list
        shown = browser.get(reverse(f"admin:metrics_{kind}_change", args=[first.pk]))
        assert shown.status_code == 200 and 'name="_save"' not in shown.content.decode()
