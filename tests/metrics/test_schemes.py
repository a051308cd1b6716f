"""Savings schemes: stages, and the quality impact without which none starts."""

from typing import Any

import pytest
from django.urls import reverse

from cmast.errors import RuleBroken
from cmast.history.context import changing
from metrics.models import Benefit, BenefitFigure, QualityImpact

DOMAINS = {"safety": "None.", "effectiveness": "None.", "experience": "Fewer visits."}
PATH = "/api/v1/quality-impacts/"


@pytest.fixture
def scheme(make: Any) -> Any:
    """A scheme that is ready but for its quality impact."""
    return make(Benefit, maturity="fully_developed", is_cleared=False, benefit_type="cash_releasing")


@pytest.fixture
def impact(make: Any, scheme: Any) -> Any:
    return make(QualityImpact, benefit=scheme, why_not_required="", **DOMAINS)


@pytest.fixture
def pmo(api: Any) -> Any:
    """A caller that does a verb and gives a reason."""
    client = api("pmo")

    def do(path: str, verb: str, **body: Any) -> Any:
        said = {"change_reason": "Panel of 2 May.", **body}
        headers = {"Idempotency-Key": f"{path}-{verb}-{len(body)}"}
        return client.post(f"{path}{verb}/", said, format="json", headers=headers)

    return do


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_no_scheme_starts_before_both_have_signed_by_any_way_in(
    scheme: Any, impact: Any, pmo: Any, api: Any, sign_in: Any
) -> None:
    client, path = api("pmo"), f"/api/v1/benefits/{scheme.key}/"
    refused = pmo(path, "advance")
    assert code(refused) == (409, "not_signed_off")
    assert "before medical director and chief nurse have signed" in refused.json()["detail"]
    body = {"maturity": "delivering", "change_reason": "Go."}
    assert code(client.patch(path, body, format="json")) == (409, "not_signed_off")
    row = {"key": scheme.key, "maturity": "delivering", "etag": client.get(path).headers["ETag"]}
    rows = {"operation": "update", "rows": [row], "change_reason": "Go."}
    answer = client.post("/api/v1/benefits/bulk/", rows, format="json", headers={"Idempotency-Key": "bulk"})
    (refusal,) = answer.json()["rows"]
    assert (refusal["status"], refusal["errors"][0]["code"]) == (409, "not_signed_off"), answer.json()
    scheme.maturity = "delivering"
    with pytest.raises(RuleBroken), changing(reason="Go."):
        scheme.save()
    form = {"opened_version": Benefit.objects.get(pk=scheme.pk).version, "change_reason": "Go."}
    page = sign_in("pmo").post(reverse("admin:metrics_benefit_do", args=[scheme.pk, "advance"]), form)
    assert page.status_code == 409 and "before medical director and chief nurse have signed" in page.content.decode()
    assert Benefit.objects.get(pk=scheme.pk).maturity == "fully_developed"


def test_two_signatures_let_a_scheme_start(scheme: Any, impact: Any, pmo: Any, person: Any) -> None:
    medical, nurse = person(None), person(None)
    path = f"{PATH}{impact.key}/"
    assert pmo(path, "submit").status_code == 200
    first = pmo(path, "sign-off-medical", medical_director=medical.key).json()
    assert (first["status"], first["medical_director"]) == ("submitted", medical.key)
    assert code(pmo(f"/api/v1/benefits/{scheme.key}/", "advance")) == (409, "not_signed_off")
    second = pmo(path, "sign-off-nursing", chief_nurse=nurse.key, conditions="Look at waits each month.").json()
    assert (second["status"], second["conditions"]) == ("approved_with_conditions", "Look at waits each month.")
    assert second["medical_signed_at"] and second["nursing_signed_at"]
    started = pmo(f"/api/v1/benefits/{scheme.key}/", "advance", note="")
    assert started.status_code == 400, "what is not asked for is refused"
    assert pmo(f"/api/v1/benefits/{scheme.key}/", "advance").json()["maturity"] == "delivering"


def test_one_person_does_not_sign_for_both(impact: Any, pmo: Any, person: Any) -> None:
    somebody, path = person(None), f"{PATH}{impact.key}/"
    pmo(path, "submit")
    pmo(path, "sign-off-medical", medical_director=somebody.key)
    assert code(pmo(path, "sign-off-nursing", chief_nurse=somebody.key)) == (409, "one_person")


def test_what_is_not_assessed_is_not_submitted(make: Any, scheme: Any, pmo: Any) -> None:
    impact = make(QualityImpact, benefit=scheme, safety="None.")
    refused = pmo(f"{PATH}{impact.key}/", "submit")
    assert code(refused) == (409, "not_assessed")
    assert refused.json()["detail"].endswith("says nothing of clinical effectiveness, patient and staff experience.")


def test_what_was_signed_is_not_changed_until_it_is_sent_back(impact: Any, pmo: Any, api: Any, person: Any) -> None:
    path, client = f"{PATH}{impact.key}/", api("pmo")
    pmo(path, "submit")
    pmo(path, "sign-off-medical", medical_director=person(None).key)
    change = {"safety": "Some.", "change_reason": "Seen again."}
    assert code(client.patch(path, change, format="json")) == (409, "signed")
    back = pmo(path, "send-back").json()
    assert (back["status"], back["medical_director"], back["medical_signed_at"]) == ("draft", None, None)
    assert client.patch(path, change, format="json").json()["safety"] == "Some."


@pytest.mark.parametrize("body", [{"status": "approved"}, {"medical_signed_at": "2024-05-03T12:00:00Z"}])
def test_status_and_signatures_are_changed_by_verbs_alone(impact: Any, api: Any, body: Any, edition: Any) -> None:
    client = api("pmo")
    answer = client.patch(f"{PATH}{impact.key}/", body | {"change_reason": "Quickly."}, format="json")
    assert code(answer) == (409, "by_verb")
    new = {"benefit": "b-lls", **body}
    answer = client.post(PATH, new, format="json", headers={"Idempotency-Key": "new"})
    assert code(answer) == (409, "by_verb")


def test_a_scheme_that_needs_no_assessment_says_why_and_may_start(scheme: Any, impact: Any, pmo: Any) -> None:
    path = f"{PATH}{impact.key}/"
    assert pmo(path, "waive").status_code == 400
    assert pmo(path, "waive", why_not_required="A change of ledger.").json()["status"] == "not_required"
    assert Benefit.objects.get(pk=scheme.pk).is_cleared


def test_a_review_holds_back_what_has_not_started_and_not_what_has(make: Any, person: Any) -> None:
    for maturity, is_cleared in (("fully_developed", False), ("delivering", True)):
        benefit = make(Benefit, maturity=maturity)
        impact = make(QualityImpact, benefit=benefit, **DOMAINS)
        with changing(reason="A review."):
            impact.waive(why_not_required="No patient.")
            impact.call_for_review()
        found = Benefit.objects.get(pk=benefit.pk)
        assert (found.is_cleared, impact.status) == (is_cleared, "review_due")
    with changing(reason="Stopped."):
        found.step_back()
    assert not Benefit.objects.get(pk=found.pk).is_cleared, "it must be signed again before it starts again"


def test_the_stages_follow_each_other_and_a_withdrawn_scheme_begins_anew(make: Any) -> None:
    benefit = make(Benefit, maturity="unidentified")
    seen = ["unidentified"]
    with changing(reason="On."):
        while benefit.maturity != "delivered":
            benefit.advance()
            seen.append(benefit.maturity)
        assert seen == list(Benefit.STAGES)
        with pytest.raises(RuleBroken) as refused:
            benefit.withdraw()
        assert refused.value.code == "cannot_withdraw"
        benefit.step_back()
        benefit.withdraw()
        benefit.reinstate()
    assert benefit.maturity == "opportunity"


def test_a_profile_says_what_is_measured_from_where_to_where(make: Any, pmo: Any) -> None:
    benefit = make(Benefit, measure="Minutes", measure_unit="minutes")
    path = f"/api/v1/benefits/{benefit.key}/"
    refused = pmo(path, "profile", baseline_value="45", baseline_on="2024-03-31")
    assert code(refused) == (409, "profile_incomplete")
    assert refused.json()["detail"].endswith("lacks the target, the day of the target.")
    said = {"baseline_value": "45", "baseline_on": "2024-03-31", "target_value": "20", "target_on": "2025-03-31"}
    assert pmo(path, "profile", **said).json()["status"] == "profiled"


def test_what_nothing_measures_is_found(make: Any, edition: Any) -> None:
    plain, planned, told = (make(Benefit) for _ in range(3))
    make(BenefitFigure, benefit=planned, basis="planned")
    make(BenefitFigure, benefit=told, basis="ytd_actual")
    found = set(Benefit.objects.all().unmeasured())
    assert {plain, planned} <= found and told not in found
    assert Benefit.objects.get(key="b-medopt") not in found
    assert Benefit.objects.get(key="b-duplicate-tests") in found
