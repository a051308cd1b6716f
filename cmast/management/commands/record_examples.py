"""Records what the API answers from the loaded edition, as the examples of the OpenAPI document."""

import datetime as dt
import json
import re
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from rest_framework.renderers import JSONRenderer

from cmast.api.changes import events
from cmast.api.schema import EXAMPLES
from cmast.dates import month_end
from cmast.history import feed
from cmast.history.context import changing
from cmast.models import Change, Membership, Organisation, Person, Restriction, Suppression, Webhook
from cmast.models.people import anybody
from cmast.models.verbs import verbs_of
from cmast.urls import api as router
from metrics import answers, benefit_answers, spc
from metrics.facts import TABLES
from metrics.league import league_of, scorecard_of
from metrics.ledger import Asked as Wanted
from metrics.ledger import ledger_of
from metrics.models import (
    Benefit,
    BenefitMonth,
    Finding,
    FindingSubject,
    Import,
    ImportMapping,
    Metric,
    PeriodLock,
    QualityImpact,
    SavingWeight,
)
from metrics.realisation import realisation_of
from metrics.series import series_of
from programmes.accuracy import AccuracySerializer, accuracy
from programmes.answers import spoken, spoken_graph
from programmes.changes import UpdateChanges, compare
from programmes.checklists import spoken as checklist_answer
from programmes.completeness import board
from programmes.cycle_answers import CompletenessBoardSerializer, UpdateChangesSerializer
from programmes.dependencies import graph_of
from programmes.health_answers import spoken as as_health
from programmes.models import (
    AgendaItem,
    Approval,
    CalendarFeed,
    Closure,
    Forecast,
    Forum,
    Handover,
    HealthOverride,
    Meeting,
    Milestone,
    Programme,
    ReportingPeriod,
    Update,
    Workstream,
)
from programmes.models.closing import checklist
from programmes.positions import position_of
from programmes.rollups import health_of
from risks.answers import HeatMapSerializer, StandingsSerializer
from risks.heat_map import heat_map_of
from risks.models import Control, Review, Risk, Score
from risks.standing import standing

#: The record that shows best what a resource is about; the first one elsewhere.
CHOSEN = {
    "organisations": "RBN",
    "programmes": "diagnostics",
    "workstreams": "ws-lims",
    "milestones": "e-lims-contract-award",
    "approvals": "a-lims",
    "observations": "o-theatre-capped-lhch-2024-03",
    "targets": "t-histopath-10wd",
    "metrics": "ae-4h",
    "benefits": "b-medopt",
    "memberships": "sam-example-viewer",
}
#: The day that computed fields speak about, and the moment that stands for "entered then".
DAY, MOMENT = dt.date(2024, 5, 3), "2024-05-03T11:00:00Z"
TOKEN = {
    "key": "0123456789abcde",
    "name": "Power BI",
    "scope": "read",
    "created_at": MOMENT,
    "expires_at": "2025-05-03T11:00:00Z",
}
DELIVERY = {
    "id": "6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e",
    "event": "register.changed",
    "state": "pending",
    "attempts": 0,
    "not_before": MOMENT,
    "last_status": None,
    "last_error": "",
    "first_position": 4711,
    "last_position": 4715,
    "asked_by": None,
    "created_at": MOMENT,
    "sent_at": None,
}
LINE = {
    "rule": "milestone-due",
    "record_type": "milestone",
    "record_key": "e-lims-contract-award",
    "person": "sam-example",
    "remind_on": "2024-06-27",
    "due_on": "2024-06-30",
    "is_escalated": False,
    "state": "pending",
    "reason": "",
    "mail": "6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e",
    "created_at": MOMENT,
}
MAIL = {
    "id": "6f1d1c5e-7a43-4f0e-9c55-0a3f6f3f5b1e",
    "purpose": "digest",
    "person": "sam-example",
    "for_on": "2024-05-03",
    "heading": "CMAST: 2 things to answer, 1 overdue",
    "address": "sam.example@cmast.example",
    "transport": "smtp",
    "state": "unknown",
    "attempts": 2,
    "ambiguous": 2,
    "not_before": MOMENT,
    "last_error": "Two attempts broke off while it was being handed over.",
    "asked_by": None,
    "created_at": MOMENT,
    "sent_at": None,
    "actions": [],
}
PREVIEWED = {
    "person": "sam-example",
    "record_type": "milestone",
    "record": "e-lims-contract-award",
    "title": "LIMS contract award",
    "due_on": "2024-06-30",
    "remind_on": "2024-06-27",
    "is_escalated": False,
}
PROBLEM = {
    "row": 7,
    "column": "org_code",
    "code": "unknown_organisation",
    "message": "“ZZZ” is not an ODS code we know.",
}


def examples() -> dict[str, dict[str, Any]]:
    """Resource -> its answer, page and body, from the database as it is, which is left as it is."""
    with transaction.atomic():
        make_what_the_edition_lacks()
        viewsets: dict[str, Any] = {resource: viewset for resource, viewset, _ in router.registry if resource != "tokens"}
        found = {resource: of(resource, viewset) | verb_bodies(viewset) for resource, viewset in viewsets.items()}
        round_answers = the_round(found["updates"])
        changes, theatres, beside = feed_page(), series(), metrics_side_by_side()
        found["risks"] |= risks_side_by_side()
        found["programmes"] |= {"savings": savings()}
        found["benefits"] |= {"realisation": realisation()}
        decided, waiting = lims()
        found["programmes"]["health"] = health(Programme.objects.get(key="diagnostics"))
        found["workstreams"]["health"] = health(Workstream.objects.get(key="ws-lims"))
        endings, slippage = checklists(), forecast_accuracy()
        transaction.set_rollback(True)
    found["approvals"]["outcome"] = decided
    found["programmes"]["dependencies"] = waiting
    found["reminder-rules"]["preview"] = [PREVIEWED]
    found["imports"]["errors"] = {"next": None, "results": [PROBLEM]}
    found["reporting-periods"] |= {"completeness": round_answers["completeness"]}
    found["updates"] |= {"changes": round_answers["changes"]}
    feed_address = {"address": "https://register.cmast.example/calendar/kJ3nV0x8.b4N2cQ.ics"}
    found["calendar-feeds"] |= {"created": found["calendar-feeds"]["answer"] | feed_address, "renew": feed_address}
    found["webhooks"] |= webhook_answers(found["webhooks"]["answer"])
    body = {name: TOKEN[name] for name in ("name", "scope", "expires_at")}
    page, created = {"next": None, "results": [TOKEN]}, TOKEN | {"token": "0123456789abcdef" * 4}
    found |= {"changes": {"page": changes}, "series": {"answer": theatres}, "spc": spc_call()}
    found["metrics"] |= beside
    found["facts"] = {"answer": a_fact()}
    found |= {"reminders": {"page": {"next": None, "results": [LINE]}}, "mail": mail_answers()}
    found["forecast-accuracy"] = {"answer": slippage}
    for resource, answer in endings.items():
        found[resource]["closure_checklist"] = answer
    found["observations"] |= corrections(found["observations"]["answer"])
    return found | {"tokens": {"answer": TOKEN, "page": page, "body": body, "created": created}}


def verb_bodies(viewset: Any) -> dict[str, Any]:
    """What is said with each verb."""
    return {f"{name}_body": verb.example for name, verb in verbs_of(viewset.queryset.model).items()}


def feed_page() -> dict[str, Any]:
    """A page of the feed, with a change that is the same every time."""
    workstream = Workstream.objects.get(key="ws-lims")
    with changing(reason="Waits for funding.", actor=lambda: "sam-example", origin="api"):
        workstream.status = "paused"
        workstream.save()
    feed.number()
    seen = Change.objects.filter(record_type="programmes.workstream").select_related("entry")
    (change,) = events(seen[:1], Asked.user)
    same = {"position": 4711, "changed_at": MOMENT, "request_id": "0123456789abcdef"}
    return {"next": None, "after": "NDcxMQ:1s2uvW:x5y6z7", "results": [change | same]}


def series() -> dict[str, Any]:
    metric, system = Metric.objects.get(key="theatre-utilisation-capped"), Organisation.objects.get(key="cm-system")
    return plain(answers.spoken(series_of(metric, system, Asked.user)))


def metrics_side_by_side() -> dict[str, Any]:
    """Answer of a league, and of a scorecard."""
    theatres = Metric.objects.get(key="theatre-utilisation-capped")
    of_system = scorecard_of([theatres], Asked.user)
    return {
        "league": plain(answers.spoken_league(league_of(theatres, Asked.user))),
        "scorecard": plain({"results": [answers.spoken_score(*line) for line in of_system]}),
    }


def risks_side_by_side() -> dict[str, Any]:
    """Answer of a heat map, and of how the risks of a programme stand."""
    risks, since = Risk.objects.filter(programme__key="diagnostics"), dt.date(2024, 4, 3)
    lines = standing(risks, DAY, since)[:2]
    return {
        "heat_map": plain(HeatMapSerializer(heat_map_of(risks, DAY)).data),
        "standing": plain(StandingsSerializer({"on": DAY, "since": since, "results": lines}).data),
    }


def savings() -> dict[str, Any]:
    """The ledger of last year's medicines, with and without the windfall."""
    programme = Programme.objects.get(key="efficiency-at-scale")
    return plain(benefit_answers.spoken_ledger(ledger_of(programme, Asked.user, "2023/24", Wanted(basis="ytd_actual"))))


def realisation() -> dict[str, Any]:
    benefit = Benefit.objects.get(key="b-sa-diverted")
    return plain(benefit_answers.spoken_realisation(realisation_of(benefit, Asked.user)))


def lims() -> tuple[Any, Any]:
    """Where the LIMS approval stands, and what waits for it."""
    position = position_of(Approval.objects.get(key="a-lims"), anybody(), DAY)
    graph = graph_of(Programme.objects.get(key="diagnostics"), anybody(), DAY)
    return plain(spoken(position)), plain(spoken_graph(graph))


def health(place: Any) -> dict[str, Any]:
    """Answer of a health, with the strip of a month of which nothing is kept."""
    (found,) = health_of([place], Asked.user, DAY)
    months = [{"month": "2024-05", "colours": {}}]
    return plain(as_health(found, months) | {"is_known_then": True})


def checklists() -> dict[str, Any]:
    """Resource -> what a closure of one of its records has to settle."""
    ended = {
        "programmes": Programme.objects.get(key="workforce"),
        "workstreams": Workstream.objects.get(key="ws-band6"),
        "forums": Forum.objects.get(key="workforce-programme-board"),
    }
    return {resource: plain(checklist_answer(checklist(subject, Asked.user))) for resource, subject in ended.items()}


def forecast_accuracy() -> dict[str, Any]:
    lines = AccuracySerializer(accuracy(Asked.user, DAY, "programme", ["diagnostics"]), many=True).data
    return plain({"by": "programme", "results": lines})


def corrections(observation: dict[str, Any]) -> dict[str, Any]:
    """Bodies and answers of a revision and of a withdrawal."""
    key, figure = f"{observation['key']}-r2", {"value": "86.2", "bound_operator": None, "bound_value": None}
    tag = observation["etag"].replace(observation["key"], key)
    new = {"key": key, "revision": 2, "supersedes": observation["key"], "version": 1, "etag": tag}
    return {
        "revise_body": figure | {"change_reason": "The trust has given its figure."},
        "revise": observation | figure | new,
        "withdraw_body": {"change_reason": "Counted twice."},
        "withdraw": observation | {"review_state": "withdrawn"},
    }


def a_fact() -> dict[str, Any]:
    """The figure of a trust, with an id that is the same every time."""
    columns = ["id", *TABLES["observations"].columns]
    row = TABLES["observations"].rows(Asked.user, 0, 1)[0]
    return {"next_after": 4711, "rows": [plain(dict(zip(columns, row, strict=True))) | {"id": 4711}]}


def plain(answer: Any) -> dict[str, Any]:
    """As JSON says it."""
    found: dict[str, Any] = json.loads(JSONRenderer().render(answer))
    return found


def spc_call() -> dict[str, Any]:
    """A made-up year with its analysis."""
    days = [month_end(dt.date(2023, month, 1)) for month in range(1, 13)]
    values = [70, 71, 69, 70, 72, 68, 70, 71, 69, 70, 90, 71]
    body = {"dates": [day.isoformat() for day in days], "values": values, "options": {"target": 75}}
    return {"body": body, "answer": spc.analyse(days, values, target=75).as_dict()}


def webhook_answers(webhook: dict[str, Any]) -> dict[str, Any]:
    """Action -> what it answers, with a secret and an id that are the same every time."""
    secret = {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
    return {
        "created": webhook | secret,
        "rotate": secret,
        "test": DELIVERY | {"event": "register.test", "first_position": None, "last_position": None},
        "deliveries": {
            "next": None,
            "results": [DELIVERY | {"state": "sent", "attempts": 1, "last_status": 204, "sent_at": MOMENT}],
        },
        "replay": DELIVERY | {"asked_by": webhook["owner"]},
    }


def mail_answers() -> dict[str, Any]:
    """Action -> what is said with it, and what it answers."""
    found: dict[str, Any] = {"answer": MAIL, "page": {"next": None, "results": [MAIL]}}
    settled = {"send_again": ("pending", 0), "settle_arrived": ("sent", 2), "settle_given_up": ("cancelled", 2)}
    for name, (state, ambiguous) in settled.items():
        action = {"send_again": name}.get(name, name.removeprefix("settle_"))
        done = {"action": action, "by": "sam-example", "reason": "The reader was asked.", "done_at": MOMENT}
        found[name] = MAIL | {"state": state, "attempts": ambiguous, "ambiguous": ambiguous, "actions": [done]}
        found[f"{name}_body"] = {"change_reason": "The reader was asked."}
    return found


def the_round(updates: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Board of a period, and changes since last month; both cut short."""
    period = ReportingPeriod.objects.get(key="2024-05")
    whole = plain(CompletenessBoardSerializer(board(period, Asked.user, DAY)).data)
    facts = compare(["Central team resourcing open; award planned for May"], ["Central team in post; award planned for June"])
    said = UpdateChanges(Update.objects.get(key=updates["answer"]["key"]), None, facts)
    return {"completeness": whole | {"updates": whole["updates"][:1]}, "changes": plain(UpdateChangesSerializer(said).data)}


def make_what_the_edition_lacks() -> None:
    """What the edition has not: readers, suppressions, webhooks, files, restrictions, scores, overrides, reviews, findings."""
    reader = Person.objects.create(key="sam-example", name="Sam Example", email="sam.example@cmast.example")
    Membership.objects.create(key="sam-example-viewer", person=reader, role="viewer", valid_from=DAY)
    secret = Restriction.objects.create(key="a-lims-commercial", record_type="approval", record_key="a-lims", kind="commercial")
    secret.named.add(reader)
    Suppression.objects.create(
        key="old-box", address="old.box@cmast.example", cause="bounced", detail="The mail server answered 550 No such user"
    )
    ReportingPeriod.objects.create(
        month_on=DAY.replace(day=1), opens_on=DAY, due_on=dt.date(2024, 5, 13), locks_on=dt.date(2024, 5, 22), as_at_on=DAY
    )
    CalendarFeed.objects.create(key="my-dates", name="My dates", owner=reader)
    Webhook.objects.create(key="power-bi", name="Power BI", url="https://bi.cmast.example/register", owner=reader)
    risk = Risk.objects.get(key="r-cyber-resilience")
    Score.objects.create(
        key="r-cyber-resilience-current", risk=risk, kind="current", likelihood=3, consequence=4, scored_on=DAY
    )
    HealthOverride.objects.create(
        key="diagnostics-amber",
        programme=Programme.objects.get(key="diagnostics"),
        colour="amber",
        reason="All three milestones wait for one board.",
        made_by=reader,
        made_on=DAY,
        expires_on=dt.date(2024, 5, 31),
    )
    Control.objects.create(
        key="r-cyber-resilience-control",
        risk=risk,
        text="Monthly test of the back-up",
        kind="detective",
        effectiveness="partly_effective",
        gap="Two trusts do not take part.",
    )
    mapping = ImportMapping.objects.create(
        key="ae-monthly",
        name="A&E monthly return",
        layout="long",
        metric=Metric.objects.get(key="ae-4h"),
        organisation_column="org_code",
        period_column="period",
        value_column="within_4_hours",
    )
    Import.objects.create(
        key="ae-2024-04-csv",
        file_name="ae-2024-04.csv",
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        size=4711,
        mapping=mapping,
        submitted_by=reader,
        state="checked",
        progress=100,
        row_count=12,
        new_count=10,
        changed_count=1,
        unchanged_count=0,
        refused_count=1,
        unstated_count=0,
        checked_at=MOMENT,
    )
    Review.objects.create(key="r-cyber-resilience-review", risk=risk, reviewed_on=DAY, next_review_on=dt.date(2024, 6, 3))
    BenefitMonth.objects.create(
        key="b-lls-2024-04", benefit=Benefit.objects.get(key="b-lls"), month_on=dt.date(2024, 4, 1), planned=20000, actual=18500
    )
    QualityImpact.objects.create(
        key="quality-impact-b-lls",
        benefit=Benefit.objects.get(key="b-lls"),
        safety="None: no patient is concerned.",
        effectiveness="None.",
        experience="None.",
    )
    SavingWeight.objects.create(
        key="2024-25-fully-developed-low-risk",
        financial_year="2024/25",
        maturity="fully_developed",
        delivery_risk="low",
        percent=90,
    )
    PeriodLock.objects.create(
        key="lock-2024-03-ae-4h",
        metric=Metric.objects.get(key="ae-4h"),
        month_end_on=dt.date(2024, 3, 31),
        reason="Filed with the board paper of May 2024",
        locked_on=DAY,
        locked_by=reader,
    )
    Forecast.objects.create(
        key="e-lims-contract-award-forecast",
        milestone=Milestone.objects.get(key="e-lims-contract-award"),
        kind="forecast",
        said_on=DAY,
        said_by=reader,
        date_on=dt.date(2024, 7, 31),
        date_precision="month",
        previous_on=dt.date(2024, 5, 31),
        previous_precision="month",
        reason="The fifth board meets later.",
    )
    AgendaItem.objects.create(
        key="lb-2024-05-priorities",
        meeting=Meeting.objects.get(key="m-cmast-lb-2024-05-03"),
        number="3",
        title="2024/25 priorities",
        purpose="endorse",
        paper_title="CMAST priorities for 2024/25",
    )
    Handover.objects.create(
        key="ahp-faculty-handover",
        closure=Closure.objects.get(key="c-workforce-board"),
        record_type="workstream",
        record_key="ws-ahp-faculty",
        to_organisation=Organisation.objects.get(key="QYG"),
    )
    finding = Finding.objects.create(
        key="ratio-against-inputs-observation-o-dx-6w-2024-02",
        rule="ratio_against_inputs",
        what="Patients waiting six weeks or less for a diagnostic test, 29 February 2024: 89% is printed; "
        "the counts give 89.84% (all but 6,721 of 66,163).",
        printed="89%",
        computed="89.84%",
        programme=Programme.objects.get(key="diagnostics"),
        first_seen_on=DAY,
        last_seen_on=DAY,
    )
    FindingSubject.objects.create(
        key="o-dx-6w-2024-02-checked", finding=finding, record_type="observation", record_key="o-dx-6w-2024-02"
    )


class On:
    """Stands for the view, which says what day is asked for."""

    @staticmethod
    def day_of_question() -> dt.date:
        return DAY


class Asked:
    """Stands for the request of a member from whom nothing is hidden."""

    user: Any = anybody()


def of(resource: str, viewset: Any) -> dict[str, Any]:
    serializer = viewset.serializer_class
    links, lists = serializer.relations(Asked.user)
    records = viewset.queryset.with_computed(DAY).select_related(*links).prefetch_related(*lists)
    record = records.get(key=CHOSEN[resource]) if resource in CHOSEN else records.order_by("pk").first()
    context = {"view": On, "request": Asked}
    answer = json.loads(JSONRenderer().render(serializer(record, context=context).data), object_hook=_timeless)
    writable = {name for name, field in serializer().fields.items() if not field.read_only}
    body = {name: value for name, value in answer.items() if name in writable}
    return {"answer": answer, "page": {"next": None, "results": [answer]}, "body": body}


def _timeless(answer: dict[str, Any]) -> dict[str, Any]:
    """The same example on every machine, whenever the edition was loaded, and in however many statements."""
    same: dict[str, Any] = {"created_at": MOMENT, "updated_at": MOMENT, "version": 1}
    same |= {name: MOMENT for name in ("cast_at", "approved_at") if answer.get(name)}
    if "version" in answer:
        same["etag"] = re.sub(rf"-{answer['version']}(?=[-\"])", "-1", answer["etag"])
    return {name: same.get(name, value) for name, value in answer.items()}


class Command(BaseCommand):
    help = "Record the API's answers of the loaded May 2024 edition into docs/examples.json."

    def handle(self, *args: Any, **options: Any) -> None:
        EXAMPLES.write_text(json.dumps(examples(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        self.stdout.write(f"{EXAMPLES} written.")
