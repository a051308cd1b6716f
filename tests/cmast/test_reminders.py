"""Reminders: what is due is said to whom it concerns, on the right local day, once, and on no other."""

import datetime as dt
import os
from collections import Counter
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cmast import due, letters
from cmast.dates import add_working_days, is_working_day
from cmast.models import JobRun, MailDelivery, Membership, Person, Reminder, ReminderDay, ReminderRule, Suppression
from cmast.reminders import digest, plan, preview, run, run_day
from cmast.tasks import plan_reminders
from programmes.models import Action, Condition, Milestone, Programme, ReportingPeriod, Update, Vote, Workstream
from risks.models import Mitigation, Review, Risk
from tests.factories import restrict

LONDON = ZoneInfo("Europe/London")
FRIDAY, TUESDAY = dt.date(2024, 5, 3), dt.date(2024, 5, 7)  # the Monday between them is a bank holiday
DAY = dt.timedelta(days=1)
PLAIN = {"kind": "milestone_due", "days_before": [], "audience": "owner", "is_optional": False}
#: Years of the calendar that are lived through hour by hour, in place of a few days of it.
YEARS = int(os.environ.get("CMAST_YEARS", "0"))


@pytest.fixture
def rule(edition: Any, make: Any) -> Any:
    """`rule(days_before=["7"])`: the only rule in force, in a register where no milestone is open."""
    ReminderRule.objects.update(is_active=False)
    Milestone.objects.update(outcome="achieved")
    return lambda **fields: make(ReminderRule, **(PLAIN | fields))


def lines() -> list[tuple[str, dt.date]]:
    """Person and day of each line of the ledger."""
    return list(Reminder.objects.order_by("remind_on", "person__name").values_list("person__name", "remind_on"))


def milestone(make: Any, owner: Person | None, on: dt.date, **fields: Any) -> Milestone:
    return make(Milestone, person=owner, forecast_on=on, **fields)


# --- Days -------------------------------------------------------------------------------------------------------------


def test_a_rule_reminds_so_many_days_before_and_after(rule: Any, make: Any) -> None:
    rule(days_before=["7", "0"], days_after=["1"])
    ann = make(Person, name="Ann")
    milestone(make, ann, dt.date(2024, 5, 15))
    for day in (8, 9, 10, 13, 14, 15, 16, 17):
        plan(dt.date(2024, 5, day))
    assert lines() == [("Ann", dt.date(2024, 5, 8)), ("Ann", dt.date(2024, 5, 15)), ("Ann", dt.date(2024, 5, 16))]


def test_a_warning_for_a_day_on_which_nobody_works_comes_before_it_and_a_chase_after_it(rule: Any, make: Any) -> None:
    rule(days_before=["0"], days_after=["1"])
    milestone(make, make(Person, name="Ann"), dt.date(2024, 5, 5))  # a Sunday; the Monday is May Day's
    plan(FRIDAY)
    assert lines() == [("Ann", dt.date(2024, 5, 5))]
    plan(TUESDAY)
    assert lines() == [("Ann", dt.date(2024, 5, 5)), ("Ann", dt.date(2024, 5, 6))]


def test_it_is_escalated_after_working_days(rule: Any, make: Any) -> None:
    rule(days_before=["0"], escalate_after=2, escalate_to="pmo")
    pmo = make(Person, name="Pam")
    Membership.objects.create(person=pmo, role="pmo")
    milestone(make, make(Person, name="Ann"), FRIDAY)
    plan(TUESDAY)
    assert lines() == [("Ann", FRIDAY)]
    plan(dt.date(2024, 5, 8))
    assert lines() == [("Ann", FRIDAY), ("Pam", dt.date(2024, 5, 8))]
    assert Reminder.objects.get(person=pmo).is_escalated


@pytest.mark.either_database
def test_working_days_are_those_of_england() -> None:
    assert not is_working_day(dt.date(2024, 5, 6))  # May Day
    assert not is_working_day(dt.date(2023, 5, 8))  # the coronation
    assert not is_working_day(dt.date(2022, 12, 27))  # for Christmas, which was a Sunday
    assert is_working_day(dt.date(2024, 8, 5))  # a holiday in Scotland
    assert add_working_days(dt.date(2024, 3, 28), 1) == dt.date(2024, 4, 2)  # over Easter
    assert add_working_days(dt.date(2024, 2, 28), 1) == dt.date(2024, 2, 29)


@pytest.mark.either_database
def test_the_clock_plans_from_seven_in_london_on_a_working_day_and_once(rule: Any, make: Any) -> None:
    rule(days_before=["0"])
    milestone(make, make(Person), dt.date(2024, 5, 8))
    assert run(dt.datetime(2024, 5, 8, 5, 59, tzinfo=dt.UTC)) == "nothing to plan for 2024-05-08"
    assert run(dt.datetime(2024, 5, 8, 6, 0, tzinfo=dt.UTC)) == "2024-05-08: 1 reminders planned, 1 digests made"
    assert run(dt.datetime(2024, 5, 8, 6, 10, tzinfo=dt.UTC)) == "nothing to plan for 2024-05-08"
    assert run(dt.datetime(2024, 5, 11, 9, 0, tzinfo=dt.UTC)) == "nothing to plan for 2024-05-11"
    assert MailDelivery.objects.get().not_before == dt.datetime(2024, 5, 8, 7, tzinfo=LONDON)


SPANS = [
    (dt.date(2024, 2, 23), dt.date(2024, 3, 5)),  # a leap day
    (dt.date(2024, 3, 26), dt.date(2024, 4, 4)),  # the clock goes forward on Easter Sunday
    (dt.date(2024, 10, 21), dt.date(2024, 11, 4)),  # the clock goes back
    (dt.date(2024, 12, 20), dt.date(2025, 1, 6)),  # the year ends
]
WHOLE = [(dt.date(2024, 1, 1), dt.date(2024 + YEARS, 1, 1))]


@pytest.mark.parametrize(
    ("starts_on", "ends_on"), WHOLE if YEARS else [pytest.param(*span, marks=pytest.mark.either_database) for span in SPANS]
)
def test_lived_through_hour_by_hour_each_day_is_reminded_of_once(
    starts_on: dt.date, ends_on: dt.date, rule: Any, make: Any
) -> None:
    days = (ends_on - starts_on).days
    rule(days_before=["2", "0"], days_after=["1"])
    people = [make(Person) for _ in range(2)]
    step = 1 if days < 30 else 9
    due_on = [starts_on + (4 + number) * DAY for number in range(0, days - 8, step)]
    for number, day in enumerate(due_on):
        milestone(make, people[number % 2], day)
    outage = {ends_on - 5 * DAY, ends_on - 4 * DAY, ends_on - 3 * DAY}
    moment = dt.datetime.combine(starts_on, dt.time(), LONDON).astimezone(dt.UTC)
    while moment.astimezone(LONDON).date() < ends_on + 4 * DAY:
        if moment.astimezone(LONDON).date() not in outage:
            with time_machine.travel(moment):
                run(moment)
        moment += dt.timedelta(hours=1)
    wanted = Counter((day + shift * DAY) for day in due_on for shift in (-2, 0, 1))
    assert Counter(Reminder.objects.values_list("remind_on", flat=True)) == wanted
    per_day = Counter(MailDelivery.objects.values_list("person", "for_on"))
    assert set(per_day.values()) == {1}
    assert all(on and is_working_day(on) and on not in outage for _, on in per_day)
    assert not Reminder.objects.filter(mail=None).exists()


def test_after_an_outage_there_is_one_digest_with_everything_in_it_once(rule: Any, make: Any) -> None:
    rule(days_before=["2", "1", "0"], days_after=["1"])
    ann = make(Person)
    for day in (8, 9):
        milestone(make, ann, dt.date(2024, 5, day))
    run_day(FRIDAY)
    MailDelivery.objects.all().delete()
    Reminder.objects.update(state="sent")
    run_day(dt.date(2024, 5, 13))
    mail = MailDelivery.objects.get()
    assert mail.reminders.count() == 7  # one of them was said before
    with time_machine.travel(dt.datetime(2024, 5, 13, 8, tzinfo=LONDON)):
        assert letters.write(mail).heading == "CMAST: 2 things to answer, 2 overdue"
    run_day(dt.date(2024, 5, 13))
    assert MailDelivery.objects.count() == 1


def test_what_could_not_be_sent_for_days_comes_in_one_digest(rule: Any, make: Any) -> None:
    rule(days_before=["0"], days_after=["1"])
    milestone(make, make(Person), dt.date(2024, 5, 8))
    for day in (8, 9, 10):
        run_day(dt.date(2024, 5, day))
    states = dict(MailDelivery.objects.values_list("for_on", "state"))
    assert states == {dt.date(2024, 5, 8): "cancelled", dt.date(2024, 5, 9): "cancelled", dt.date(2024, 5, 10): "pending"}
    assert MailDelivery.objects.get(state="pending").reminders.count() == 2 == Reminder.objects.count()


@pytest.mark.either_database
def test_a_clock_that_goes_back_says_nothing_twice(rule: Any, make: Any) -> None:
    rule(days_before=["1", "0"])
    milestone(make, make(Person), dt.date(2024, 5, 9))
    for day in (8, 9, 8, 9, 7):
        run_day(dt.date(2024, 5, day))
    assert [on for _, on in lines()] == [dt.date(2024, 5, 8), dt.date(2024, 5, 9)]
    assert list(MailDelivery.objects.order_by("for_on").values_list("for_on", flat=True)) == [
        dt.date(2024, 5, 8),
        dt.date(2024, 5, 9),
    ]


def test_a_planner_that_dies_is_followed_by_one_that_goes_on(rule: Any, make: Any, monkeypatch: Any) -> None:
    rule(days_before=["0"])
    milestone(make, make(Person), dt.date(2024, 5, 8))
    plan(dt.date(2024, 5, 8))
    assert MailDelivery.objects.count() == 0  # it died before the digests
    ReminderDay.objects.all().delete()
    assert run(dt.datetime(2024, 5, 8, 9, tzinfo=LONDON)) == "2024-05-08: 0 reminders planned, 1 digests made"
    assert (Reminder.objects.count(), MailDelivery.objects.count()) == (1, 1)


def test_what_comes_after_todays_digest_has_gone_waits_for_the_next_day(rule: Any, make: Any) -> None:
    rule(days_before=["0"])
    ann = make(Person)
    milestone(make, ann, dt.date(2024, 5, 8))
    run_day(dt.date(2024, 5, 8))
    MailDelivery.objects.update(state="sent")
    Reminder.objects.update(state="sent")
    milestone(make, ann, dt.date(2024, 5, 8))
    run_day(dt.date(2024, 5, 8))
    assert Reminder.objects.waiting().count() == 1
    run_day(dt.date(2024, 5, 9))
    assert MailDelivery.objects.get(for_on=dt.date(2024, 5, 9)).reminders.count() == 1


# --- People -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["owner", "lead", "lead by role", "sro", "sro by role", "nobody"])
def test_where_nobody_is_named_or_reached_the_next_in_line_is(named: str, rule: Any, make: Any) -> None:
    rule(days_before=["0"])
    Membership.objects.filter(role="pmo").delete()
    ann, gone, mute = make(Person, name="Ann"), make(Person, is_active=False), make(Person, email=None)
    programme = make(Programme, sro=ann if named == "sro" else mute)
    workstream = make(Workstream, programme=programme, lead=ann if named == "lead" else gone)
    if named == "lead by role":
        workstream.lead = None
        workstream.save()
        Membership.objects.create(person=ann, role="workstream_lead", workstream=workstream)
    if named == "sro by role":
        Programme.objects.filter(pk=programme.pk).update(sro=None)
        Membership.objects.create(person=ann, role="sro", programme=programme)
    if named == "nobody":
        Membership.objects.create(person=ann, role="pmo")
    milestone(make, ann if named == "owner" else gone, FRIDAY, workstream=workstream)
    plan(FRIDAY)
    assert lines() == [("Ann", FRIDAY)]


@pytest.mark.either_database
def test_the_secretary_of_a_body_is_who_contributes_for_its_organisation(rule: Any, make: Any, person: Any) -> None:
    rule(kind="papers_due", days_before=["3"], audience="body_secretary")
    secretary = person("trust_contributor", organisation="RWW")
    Vote.objects.filter(approval__key="a-lims", organisation__key="RWW").update(papers_due_on=dt.date(2024, 5, 10))
    plan(TUESDAY)
    assert [person for person, _ in lines()] == [secretary.name]


@pytest.mark.either_database
def test_who_asked_not_to_be_reminded_by_an_optional_rule_is_not(rule: Any, make: Any) -> None:
    optional = rule(days_before=["0"], is_optional=True)
    ann = make(Person)
    milestone(make, ann, FRIDAY)
    make(Suppression, person=ann, rule=optional, cause="opted_out")
    plan(FRIDAY)
    assert lines() == []
    with pytest.raises(ValidationError, match="not optional"):
        make(Suppression, person=ann, rule=rule(is_optional=False), cause="opted_out")


# --- Kinds ------------------------------------------------------------------------------------------------------------


def test_every_kind_that_a_rule_may_have_is_said_by_an_app_and_asked_in_one_query(edition: Any) -> None:
    assert {kind.word for kind in due.kinds()} == set(ReminderRule.Kind.values)
    for kind in due.kinds():
        for question in ("", *kind.questions):
            with CaptureQueriesContext(connection) as asked:
                list(kind.open(FRIDAY, question).filter(due_on__in=[FRIDAY]).values_list("pk", "due_on", *kind.people.values()))
            assert len(asked) == 1, kind.word


@pytest.mark.either_database
def test_the_edition_has_a_rule_for_every_kind(edition: Any) -> None:
    assert set(ReminderRule.objects.values_list("kind", flat=True)) == set(ReminderRule.Kind.values)


def found(word: str) -> dict[str, dt.date]:
    """Key -> date of what is open of a kind."""
    return dict(due.kind_of(word).open(FRIDAY).exclude(due_on=None).values_list("key", "due_on"))


def test_each_kind_finds_what_is_open_and_its_date(edition: Any, make: Any) -> None:
    action = make(Action, due_on=FRIDAY)
    make(Action, due_on=FRIDAY, status="done")
    assert found("action_due")[action.key] == FRIDAY
    risk = make(Risk)
    make(Review, risk=risk, reviewed_on=dt.date(2024, 1, 1), next_review_on=dt.date(2024, 2, 1))
    make(Review, risk=risk, reviewed_on=dt.date(2024, 2, 1), next_review_on=TUESDAY)
    assert found("risk_review_due")[risk.key] == TUESDAY
    mitigation = make(Mitigation, due_on=FRIDAY, due_precision="day")
    assert found("mitigation_due") == {mitigation.key: FRIDAY} | found("mitigation_due")
    april = dt.date(2024, 4, 1)
    if not ReportingPeriod.objects.filter(month_on=april).exists():
        make(ReportingPeriod, month_on=april, opens_on=dt.date(2024, 5, 1), due_on=dt.date(2024, 5, 8))
    update = make(Update, month_on=april, status="draft")
    assert found("update_due")[update.key] == found("update_late")[update.key] == dt.date(2024, 5, 8)
    asked = make(Update, month_on=dt.date(2024, 5, 1), status="commissioned")
    assert found("update_requested") == {asked.key: FRIDAY}
    back = make(Update, month_on=april, status="returned", submitted_on=TUESDAY)
    assert found("update_returned") == {back.key: TUESDAY}
    approved = make(Update, month_on=april, status="approved", approved_on=TUESDAY)
    assert found("sign_off_due") == {}, "nobody is named who signs it off"
    Programme.objects.filter(pk=approved.programme_id).update(sro=make(Person))
    assert found("sign_off_due") == {approved.key: TUESDAY}
    silent = make(Membership, person=make(Person, email=None), valid_from=FRIDAY)
    assert found("no_address")[silent.key] == FRIDAY
    granted = make(Vote, status="approved_with_conditions", decided_on=FRIDAY, decided_precision="day")
    make(Condition, vote=granted)
    assert found("condition_open") == {granted.key: FRIDAY}
    board = Vote.objects.filter(status="pending", board_on__isnull=False).first()
    assert found("board_date")[board.key] == board.board_on


def test_kinds_of_metrics_find_what_is_open_and_its_date(edition: Any, make: Any) -> None:
    from metrics.models import Benefit, BenefitFigure, Finding, Metric, Observation

    metric = make(Metric, lag_days=10, frequency=["monthly"])
    make(Observation, metric=metric, period_end_on=dt.date(2024, 2, 29), period_start_on=dt.date(2024, 2, 1))
    assert found("metric_late")[metric.key] == dt.date(2024, 4, 10)
    benefit = make(Benefit, status="in_realisation")
    make(BenefitFigure, benefit=benefit, as_at_on=dt.date(2024, 3, 31), as_at_precision="day")
    assert found("benefit_figure_due")[benefit.key] == dt.date(2024, 5, 1)
    finding = make(Finding)
    assert found("finding_unanswered")[finding.key] == finding.first_seen_on


def test_planning_takes_two_statements_for_each_kind_whatever_is_due(rule: Any, make: Any) -> None:
    rule(days_before=["0"])
    rule(name="Another", days_before=["1"])

    def queries() -> int:
        Reminder.objects.all().delete()
        ReminderDay.objects.all().delete()
        with CaptureQueriesContext(connection) as asked:
            plan(FRIDAY)
        return len(asked)

    milestone(make, make(Person), FRIDAY)
    few = queries()
    for _ in range(5):
        milestone(make, make(Person), FRIDAY)
    assert queries() == few <= 14


@pytest.mark.either_database
def test_a_question_narrows_a_rule(rule: Any, make: Any) -> None:
    rule(days_before=["0"], question="overdue")
    milestone(make, make(Person), FRIDAY)
    plan(FRIDAY)
    assert lines() == []  # it is due today and not overdue
    with pytest.raises(ValidationError, match="it knows: overdue, outcome_missing"):
        rule(question="unmitigated")


@pytest.mark.either_database
@pytest.mark.parametrize("days", [["x"], ["-1"], ["366"], ["07"], ["1", "1"], [1]])
def test_days_of_a_rule_are_numbers_from_0_to_365(days: list[Any], rule: Any) -> None:
    with pytest.raises(ValidationError):
        rule(days_before=days)


# --- Who would get what -----------------------------------------------------------------------------------------------


def test_the_preview_says_who_would_get_what_and_writes_nothing(rule: Any, make: Any, api: Any, sign_in: Any) -> None:
    asked = rule(days_before=["0"], is_active=False)
    ann = make(Person, name="Ann")
    stone = milestone(make, ann, dt.date(2024, 5, 5), title="Go-live")
    path = f"/api/v1/reminder-rules/{asked.key}/preview/"
    answer = api("viewer").get(f"{path}?on=2024-05-03")
    assert [(line["person"], line["record"], line["remind_on"]) for line in answer.json()] == [
        (ann.key, stone.key, "2024-05-05")
    ]
    assert api("viewer").get(f"{path}?on=2024-05-04").json() == []  # a Saturday
    page = f"/admin/cmast/reminderrule/{asked.pk}/preview/"
    assert "Go-live" in sign_in("pmo").get(f"{page}?on=2024-05-03").content.decode()
    assert "Nobody gets anything" in sign_in("pmo").get(f"{page}?on=2024-05-07").content.decode()
    restrict(stone)
    assert api("viewer").get(f"{path}?on=2024-05-03").json() == []
    assert not Reminder.objects.exists()


@pytest.mark.either_database
@pytest.mark.parametrize("day", ["2024-5-3", "20240503", "2024-02-30", "9999-12-31", "0001-01-01", "today"])
def test_a_preview_of_no_day_is_refused(day: str, rule: Any, api: Any, sign_in: Any) -> None:
    asked = rule()
    answer = api("viewer").get(f"/api/v1/reminder-rules/{asked.key}/preview/?on={day}")
    assert answer.status_code == 400, answer.json()
    assert "2024-05-03" in sign_in("pmo").get(f"/admin/cmast/reminderrule/{asked.pk}/preview/?on={day}").content.decode()


# --- Without a broker -------------------------------------------------------------------------------------------------


def test_every_job_of_the_schedule_runs_without_beat_worker_or_broker(
    rule: Any, make: Any, settings: Any, tmp_path: Any
) -> None:
    settings.MAIL_DIR = tmp_path
    rule(days_before=["0"])
    milestone(make, make(Person), FRIDAY)
    said = StringIO()
    call_command("run_scheduled", "all", on="2024-05-03", stdout=said)
    assert "plan_reminders: 2024-05-03: 1 reminders planned, 1 digests made" in said.getvalue()
    assert "send_mail: 1 sent" in said.getvalue()
    assert len(list(tmp_path.glob("*.eml"))) == 1
    assert JobRun.objects.filter(outcome="done").count() == len(settings.CELERY_BEAT_SCHEDULE)
    plan_reminders()  # a second beat
    assert MailDelivery.objects.count() == 1


@pytest.mark.either_database
@pytest.mark.parametrize(("name", "on"), [("nothing", None), ("heartbeat", "2024-05-03"), ("plan_reminders", "today")])
def test_a_job_or_a_day_that_is_none_is_refused(name: str, on: str | None, db: None) -> None:
    with pytest.raises(CommandError):
        call_command("run_scheduled", name, on=on)


@pytest.mark.either_database
def test_the_preview_and_the_digest_agree(rule: Any, make: Any, person: Any) -> None:
    asked = rule(days_before=["3", "0"])
    milestone(make, make(Person), dt.date(2024, 5, 6))
    foreseen = {(line.person.pk, line.reminder.remind_on) for line in preview(asked, FRIDAY, person("viewer"))}
    plan(FRIDAY)
    digest(FRIDAY)
    assert foreseen == set(Reminder.objects.values_list("person", "remind_on")) and len(foreseen) == 2
