"""Every constraint of every record refuses what it is there for, in the database itself; the API says so and never fails."""

import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from cmast.history.context import changing
from cmast.models import Record
from cmast.urls import api as router
from programmes.models import Milestone

RECORDS: list[Any] = [model for model in apps.get_models() if issubclass(model, Record)]
RESOURCES = {viewset.queryset.model: prefix for prefix, viewset, _ in router.registry}
CONSTRAINTS = [(model, constraint) for model in RECORDS for constraint in model._meta.constraints]
CHECKS = [(m, c) for m, c in CONSTRAINTS if isinstance(c, models.CheckConstraint)]
UNIQUE = [(m, c) for m, c in CONSTRAINTS if isinstance(c, models.UniqueConstraint)]

DAY, LATER = "2024-05-03", "2024-06-01"
FORECAST = {"forecast_on": DAY, "forecast_precision": "day"}

#: Check -> (what a valid record has besides what it needs, what breaks the rule). Links by key.
BREAKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cmast_note_status": ({}, {"status": "open"}),
    "cmast_organisation_valid_from_order": ({}, {"valid_from": LATER, "valid_to": DAY}),
    "cmast_organisation_trust_type": ({}, {"trust_type": "acute"}),
    "cmast_membership_valid_from_order": ({}, {"valid_from": LATER, "valid_to": DAY}),
    "cmast_membership_one_programme": ({}, {"programme": "diagnostics", "organisation": "RBN"}),
    "cmast_membership_programme_role": ({}, {"role": "sro"}),
    "cmast_membership_workstream_role": ({}, {"role": "workstream_lead"}),
    "cmast_membership_organisation_role": ({}, {"role": "trust_approver"}),
    "cmast_reminderrule_escalate_after": (
        {"escalate_after": 5, "escalate_to": "pmo", "is_optional": False},
        {"escalate_after": 61},
    ),
    "cmast_suppression_one_person": ({}, {"address": "nobody@cmast.example"}),
    "cmast_suppression_whom": ({}, {"person": None}),
    "programmes_planyear_starts_on_order": ({}, {"starts_on": LATER, "ends_on": DAY}),
    "programmes_programme_closed_on": ({}, {"closed_on": DAY}),
    "programmes_workstream_closed_on": ({}, {"closed_on": DAY}),
    "programmes_deliverable_unit": ({}, {"quantity": 3}),
    "programmes_milestone_starts_on_order": (FORECAST, {"starts_on": LATER}),
    "programmes_milestone_outcome": ({"actual_on": DAY, "actual_precision": "day"}, {"outcome": "missed"}),
    "programmes_forecast_authority": ({}, {"kind": "baseline"}),
    "programmes_decision_superseded": ({}, {"superseded_by": "d-physio-blueprint"}),
    "programmes_handover_to": ({}, {"to_person": None}),
    "programmes_funding_amount": ({}, {"amount_gbp": -1}),
    "programmes_procurement_awarded": ({}, {"awarded_on": DAY}),
    "programmes_mutualaid_unit": ({}, {"quantity": 3}),
    "programmes_mutualaid_parties": ({"donor": "RBN"}, {"recipient": "RBN"}),
    "programmes_forum_closed_on": ({}, {"closed_on": DAY}),
    "programmes_approval_quorum": ({}, {"rule": "quorum"}),
    "programmes_vote_body": ({"organisation": "RBN"}, {"organisation": None}),
    "programmes_condition_settled": ({}, {"settled_on": DAY}),
    "programmes_wait_waiting": ({}, {"milestone": None}),
    "programmes_wait_awaited": ({}, {"for_approval": None}),
    "programmes_action_done_on": ({}, {"done_on": DAY}),
    "programmes_update_month": ({}, {"month_on": DAY}),
    "programmes_reportingperiod_month": ({}, {"month_on": DAY}),
    "programmes_reportingperiod_opens_on_order": ({}, {"opens_on": LATER, "due_on": DAY, "locks_on": LATER}),
    "programmes_reportingperiod_due_on_order": ({}, {"opens_on": DAY, "due_on": LATER, "locks_on": DAY}),
    "programmes_calendarfeed_one_programme": ({}, {"programme": "diagnostics", "forum": "cmast-leadership-board"}),
    "programmes_closure_subject": ({"programme": "diagnostics"}, {"programme": None}),
    "programmes_healthrule_colour": ({}, {"colour": "green"}),
    "programmes_healthrule_threshold": ({}, {"threshold": 0}),
    "programmes_healthoverride_expires": ({}, {"expires_on": "2024-01-01"}),
    "programmes_healthoverride_place": ({"programme": "diagnostics"}, {"programme": None}),
    "metrics_seriessetting_fixed": ({}, {"fix_after_n_points": 11}),
    "metrics_metric_ratio": ({}, {"denominator_metric": "dx-waiting-total"}),
    "metrics_metric_aggregation": ({"unit": "rank"}, {"aggregation": "system_worst"}),
    "metrics_metric_total": ({"unit": "percent"}, {"aggregation": "system_total"}),
    "metrics_metric_aggregation_ratio": ({"unit": "percent"}, {"aggregation": "system_ratio"}),
    "metrics_metric_worst": ({"unit": "percent", "direction": "neutral"}, {"aggregation": "system_worst"}),
    "metrics_metric_range": ({"lowest": 5}, {"highest": 4}),
    "metrics_periodlock_locked_on_order": ({}, {"unlocked_on": "2024-01-01", "unlock_reason": "Filed wrongly."}),
    "metrics_periodlock_unlocked_on_pair": ({}, {"unlocked_on": DAY}),
    "metrics_periodlock_programme": ({}, {"programme": None}),
    "metrics_finding_answer": ({"state": "answered", "answer": "As printed."}, {"answer": ""}),
    "metrics_target_number": ({}, {"value": None}),
    "metrics_target_eliminate": ({}, {"operator": "eliminate"}),
    "metrics_trajectorypoint_period_start_on_order": ({}, {"period_start_on": LATER, "period_end_on": DAY}),
    "metrics_observation_period_start_on_order": ({}, {"period_start_on": LATER, "period_end_on": DAY}),
    "metrics_observation_value_or_bound": ({}, {"bound_operator": "gte", "bound_value": 3}),
    "metrics_observation_when": ({}, {"period_start_on": None, "period_end_on": None}),
    "metrics_observation_breakdown": ({}, {"breakdown_dimension": "breach_reason"}),
    "metrics_observation_denominator": ({}, {"denominator": 0}),
    "metrics_observation_revision": ({}, {"revision": 2}),
    "metrics_importmapping_range": ({}, {"lowest": 9, "highest": 5}),
    "metrics_importmapping_breakdown": ({}, {"breakdown_dimension": "department_type"}),
    "metrics_benefitfigure_value_or_change": ({}, {"from_value": 1, "to_value": 2}),
    "metrics_benefit_baseline_on_order": ({}, {"baseline_on": LATER, "target_on": DAY}),
    "metrics_benefit_realisation_starts_on_order": ({}, {"realisation_starts_on": LATER, "realisation_ends_on": DAY}),
    "metrics_benefit_measure_unit": ({}, {"target_value": 3}),
    "metrics_benefit_cleared": ({"is_cleared": False}, {"maturity": "delivering"}),
    "metrics_benefitmonth_first_day": ({}, {"month_on": DAY}),
    "metrics_qualityimpact_signed": ({}, {"status": "approved"}),
    "metrics_qualityimpact_reason": ({}, {"status": "not_required", "why_not_required": ""}),
    "metrics_qualityimpact_medical": ({}, {"medical_director": "ann-marr"}),
    "metrics_qualityimpact_nursing": ({}, {"chief_nurse": "ann-marr"}),
    "metrics_savingweight_percent": ({}, {"percent": 101}),
    "risks_risk_closed_on": ({}, {"closed_on": DAY}),
    "risks_risk_dependency": ({}, {"direction": "inbound"}),
    "risks_risk_need_by_precision": ({"kind": "dependency"}, {"need_by_on": DAY}),
    "risks_risk_response": ({"sense": "threat"}, {"response": "exploit"}),
    "risks_risk_escalated_on_pair": ({}, {"escalated_on": DAY}),
    "risks_risk_transferred": ({}, {"closure_reason": "transferred"}),
    "risks_risk_issue_type": ({}, {"issue_type": "external_event"}),
    "risks_score_likelihood": ({}, {"likelihood": 6}),
    "risks_score_consequence": ({}, {"consequence": 0}),
    "risks_scoreband_range": ({}, {"low": 9, "high": 5}),
    "risks_scoreband_review_days": ({}, {"review_days": 0}),
    "risks_mitigation_done_on": ({}, {"done_on": DAY}),
    "risks_review_next": ({}, {"reviewed_on": LATER, "next_review_on": DAY}),
}

#: Unique constraint -> what a record has that may exist once, besides what it needs.
ONCE: dict[str, dict[str, Any]] = {
    "cmast_organisation_ods_code": {"ods_code": "XYZ"},
    "cmast_notesubject_once": {},
    "cmast_restriction_once": {"record_type": "approval", "record_key": "a-lims"},
    "cmast_suppression_address": {"person": None, "address": "nobody@cmast.example"},
    "programmes_objective_number": {},
    "programmes_snapshot_day": {},
    "programmes_vote_once": {},
    "programmes_vote_placeholder": {"organisation": None, "placeholder": "a trust"},
    "programmes_agendaitem_number": {},
    "programmes_handover_once": {},
    "programmes_update_workstream": {},
    "programmes_update_programme": {"programme": "diagnostics", "workstream": None},
    "programmes_update_overall": {"programme": None, "workstream": None, "month_on": dt.date(2030, 1, 1)},
    "metrics_metriclevel_once": {},
    "metrics_rebase_once": {"organisation": "RBN"},
    "metrics_rebase_once_for_all": {},
    "metrics_seriessetting_once": {"organisation": "RBN"},
    "metrics_seriessetting_once_for_all": {},
    "metrics_periodlock_once": {},
    "metrics_periodlock_once_for_programme": {"metric": None, "programme": "diagnostics"},
    "metrics_periodlock_once_for_all": {"metric": None, "programme": None},
    "metrics_trajectorypoint_once": {"period_start_on": DAY, "period_end_on": DAY},
    "metrics_benefitmonth_once": {},
    "metrics_qualityimpact_once": {},
    "metrics_savingweight_once": {},
    "metrics_observation_one_revision": {
        "revision": 2,
        "supersedes": "o-65w-2024-03",
        "metric": "rtt-over-65w",
        "organisation": "cm-system",
    },
    "risks_score_day": {},
}


def breaks(model: Any, constraint: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row of the table, or for rules of a kind what follows from their name: `..._precision`, `..._pair`."""
    if constraint.name in BREAKS:
        return BREAKS[constraint.name]
    rule = constraint.name.removeprefix(f"{model._meta.app_label}_{model._meta.model_name}_")
    if rule == "external_pair":
        return {}, {"external_id": "1"}
    if rule.endswith("_precision"):
        vague = rule.removesuffix("_precision")
        return {f"{vague}_on": None, f"{vague}_precision": None}, {f"{vague}_on": DAY}
    first = rule.removesuffix("_pair")
    return {"value": None} if first == "from_value" else {}, {first: plausible(model._meta.get_field(first))}


def plausible(field: Any) -> Any:
    return field.choices[0][0] if field.choices else 1


def once(model: Any, constraint: Any) -> dict[str, Any]:
    external = constraint.name.endswith("_external")
    return {"external_source": "PMO3", "external_id": "1"} if external else ONCE[constraint.name]


def linked(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values with records instead of their keys."""
    fields = {name: model._meta.get_field(name) for name in values}
    return {
        name: fields[name].related_model.objects.get(key=value) if fields[name].is_relation and value else value
        for name, value in values.items()
    }


def refusal(write: Any) -> str:
    """What the database says against a write; nothing where it takes it."""
    try:
        with transaction.atomic():
            write()
            connection.check_constraints()
    except IntegrityError as error:
        return str(error)
    return ""


def is_asked_of_the_api(model: Any, constraint: Any) -> bool:
    """What every kind of record has alike is asked of one kind."""
    return model is Milestone or not constraint.name.endswith(("_external", "_external_pair"))


def test_the_tables_have_a_row_for_every_constraint_and_no_other() -> None:
    names = {constraint.name for _, constraint in CONSTRAINTS}
    generated = {name for name in names if name.endswith(("_external", "_external_pair", "_precision", "_pair"))}
    assert names - generated <= set(BREAKS) | set(ONCE) <= names
    assert len(CHECKS) + len(UNIQUE) == len(CONSTRAINTS)


@pytest.mark.parametrize(("model", "check"), CHECKS, ids=[check.name for _, check in CHECKS])
def test_a_broken_rule_is_refused_by_the_database_and_by_the_api(
    model: Any, check: Any, edition: Any, api: Any, make: Any
) -> None:
    valid, broken = breaks(model, check)
    record = make(model, **linked(model, valid))
    said = refusal(lambda: model.objects.filter(pk=record.pk).update(**linked(model, broken)))
    assert check.name in said
    if is_asked_of_the_api(model, check):
        answer = api("admin").patch(f"/api/v1/{RESOURCES[model]}/{record.key}/", broken | {"change_reason": "A test."})
        assert answer.status_code in (400, 409), answer.content


@pytest.mark.parametrize(("model", "constraint"), UNIQUE, ids=[one.name for _, one in UNIQUE])
def test_what_may_exist_once_is_refused_twice_by_the_database_and_by_the_api(
    model: Any, constraint: Any, edition: Any, api: Any, make: Any
) -> None:
    stated = once(model, constraint)
    with changing(reason="A test."):  # without which nothing is said anew
        first, second = make(model, **linked(model, stated)), make(model)
    shared = {*constraint.fields, *stated}
    said = refusal(lambda: model.objects.filter(pk=second.pk).update(**{name: getattr(first, name) for name in shared}))
    columns = [model._meta.get_field(name).column for name in constraint.fields]
    assert constraint.name in said or all(f"{model._meta.db_table}.{column}" in said for column in columns)
    if is_asked_of_the_api(model, constraint):
        client, path = api("admin"), f"/api/v1/{RESOURCES[model]}/"
        read = client.get(f"{path}{first.key}/").json()
        body = {name: read[name] for name in shared if name in read} | {"change_reason": "A test."}
        answer = client.patch(f"{path}{second.key}/", body)
        assert answer.status_code in (400, 409), answer.content
