"""Links in e-mails: who may answer by them, once, and who may not."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cmast import secret_links
from cmast.links import answer_address, answer_addresses
from cmast.models import AnswerLink, Change, Membership, Note, Person
from programmes.models import Action, Milestone, Workstream
from risks.models import Risk
from tests.conftest import NOW
from tests.factories import restrict


@pytest.fixture
def workstream(make: Callable[..., Any]) -> Workstream:
    return make(Workstream, name="Pathology")


@pytest.fixture
def lead(person: Callable[..., Person], workstream: Workstream) -> Person:
    return person("workstream_lead", workstream=workstream.key)


@pytest.fixture
def milestone(make: Callable[..., Any], workstream: Workstream) -> Milestone:
    return make(Milestone, title="Go-live", workstream=workstream)


def path_of(person: Person, record: Any) -> str:
    return "/" + answer_address(person, record).split("/", 3)[3]


def send(path: str, client: Any = None, **said: Any) -> Any:
    """Opens the page and sends its form, as a browser without cookies would."""
    client = client or Client(enforce_csrf_checks=True)
    page = client.get(path).content.decode()
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    return client.post(path, {"form_token": token.group(1) if token else "", **said})


def day(name: str, on: dt.date) -> dict[str, Any]:
    return {f"{name}_day": on.day, f"{name}_month": on.month, f"{name}_year": on.year}


def text_of(response: Any) -> str:
    return response.content.decode()


# --- What an answer does ----------------------------------------------------------------------------------------------


def test_an_answer_is_written_as_that_persons_without_cookie_session_or_account(lead: Person, milestone: Milestone) -> None:
    client = Client(enforce_csrf_checks=True)
    path = path_of(lead, milestone)
    answer = send(f"{path}done/", client, **day("on", dt.date(2024, 5, 2)))
    assert (answer.status_code, answer["Location"]) == (303, path)
    milestone.refresh_from_db()
    assert (milestone.actual_on, milestone.actual_precision, milestone.outcome) == (dt.date(2024, 5, 2), "day", "achieved")
    change = Change.objects.filter(record_key=milestone.key).first()
    assert (change.actor, change.origin) == (lead.key, "answer")
    assert "happened: 2 May 2024" in text_of(client.get(path))
    assert not client.cookies


def test_a_month_without_a_day_is_kept_as_vague_as_it_was_said(lead: Person, milestone: Milestone) -> None:
    said = {"on_day": "", "on_month": "9", "on_year": "2024", "change_reason": "The supplier is late."}
    assert send(f"{path_of(lead, milestone)}new-date/", **said).status_code == 303
    milestone.refresh_from_db()
    assert (milestone.forecast_on, milestone.forecast_precision) == (dt.date(2024, 9, 30), "month")
    assert Change.objects.filter(record_key=milestone.key).first().reason == "The supplier is late."


@pytest.mark.either_database
def test_no_change_is_in_the_history_and_not_offered_once_the_date_has_passed(
    lead: Person, make: Callable[..., Any], workstream: Workstream, milestone: Milestone
) -> None:
    ahead = make(Milestone, workstream=workstream, forecast_on=dt.date(2024, 6, 1))
    assert send(f"{path_of(lead, ahead)}no-change/").status_code == 303
    assert Change.objects.filter(record_key=ahead.key).first().actor == lead.key
    assert send(f"{path_of(lead, milestone)}no-change/").status_code == 404


def test_an_action_is_done_put_off_or_handed_to_a_colleague_of_the_place(
    lead: Person, make: Callable[..., Any], person: Callable[..., Person], workstream: Workstream
) -> None:
    done, later, given = (make(Action, workstream=workstream, due_on=NOW.date(), due_precision="day") for _ in range(3))
    colleague = person("programme_manager", programme=workstream.programme.key)
    outsider = person("workstream_lead")
    send(f"{path_of(lead, done)}done/", **day("on", dt.date(2024, 5, 1)))
    send(f"{path_of(lead, later)}new-date/", **day("on", dt.date(2024, 6, 1)), change_reason="Waits for the board.")
    assert send(f"{path_of(lead, given)}hand-over/", colleague=outsider.pk).status_code == 422
    send(f"{path_of(lead, given)}hand-over/", colleague=colleague.pk)
    for action in (done, later, given):
        action.refresh_from_db()
    assert (done.status, done.done_on) == ("done", dt.date(2024, 5, 1))
    assert later.due_on == dt.date(2024, 6, 1)
    assert given.owner == colleague


@pytest.mark.either_database
def test_somebody_else_is_named_to_the_programme_office_and_gets_nothing_by_that(lead: Person, milestone: Milestone) -> None:
    assert send(f"{path_of(lead, milestone)}hand-over/", email="new@cmast.example").status_code == 303
    query = Note.objects.get(kind="query", text__contains="new@cmast.example")
    assert (query.status, query.subjects.get().record_key) == ("open", milestone.key)
    assert not Person.objects.filter(email="new@cmast.example").exists()
    milestone.refresh_from_db()
    assert milestone.person is None


@pytest.mark.either_database
def test_a_risk_is_reviewed(lead: Person, make: Callable[..., Any], workstream: Workstream) -> None:
    risk = make(Risk, workstream=workstream)
    send(f"{path_of(lead, risk)}reviewed/", summary="As before.", **day("next_review", dt.date(2024, 8, 1)))
    review = risk.reviews.get()
    assert (review.reviewed_by, review.reviewed_on, review.next_review_on) == (lead, NOW.date(), dt.date(2024, 8, 1))


# --- What a link does not do ------------------------------------------------------------------------------------------


def test_whoever_only_looks_changes_nothing_however_often(lead: Person, milestone: Milestone) -> None:
    """Programs that check mails open each link several times, from other addresses, some by HEAD only."""
    path = path_of(lead, milestone)
    before = Change.objects.count()
    for address in (path, f"{path}done/", f"{path}hand-over/"):
        for number, method in enumerate(("head", "get", "get", "head", "get")):
            response = getattr(Client(), method)(address, REMOTE_ADDR=f"192.0.2.{number}", headers={"User-Agent": "scanner"})
            assert response.status_code == 200
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["X-Robots-Tag"] == "noindex, nofollow"
            assert response["Cache-Control"] == "no-store"
            assert "Set-Cookie" not in response
    link = AnswerLink.objects.get()
    assert (Change.objects.count(), link.used_at) == (before, None)
    for method in ("put", "delete", "options", "trace"):
        assert getattr(Client(), method)(path).status_code == 405
    assert send(f"{path}no-change/").status_code == 404, "and it still asks the same"
    assert send(f"{path}done/", **day("on", dt.date(2024, 5, 2))).status_code == 303


@pytest.mark.either_database
def test_a_post_that_has_not_seen_the_form_changes_nothing_and_keeps_what_was_typed(lead: Person, milestone: Milestone) -> None:
    path = f"{path_of(lead, milestone)}done/"
    said = day("on", dt.date(2024, 5, 2))
    other = signing.dumps([0, "done", milestone.version], salt="cmast.answer.form")
    for token in ("", "forged", other):
        answer = Client().post(path, {"form_token": token, **said})
        assert answer.status_code == 409
        assert 'value="2024"' in text_of(answer)
    milestone.refresh_from_db()
    assert milestone.actual_on is None


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(lead: Person, milestone: Milestone) -> None:
    path, client = f"{path_of(lead, milestone)}done/", Client()
    token = re.search(r'name="form_token" value="([^"]+)"', text_of(client.get(path))).group(1)
    Milestone.objects.filter(pk=milestone.pk).update(title="Another")
    answer = client.post(path, {"form_token": token, **day("on", dt.date(2024, 5, 2))})
    assert answer.status_code == 409
    assert "Somebody has changed this" in text_of(answer)


@pytest.mark.either_database
def test_the_same_answer_posted_twice_counts_once(lead: Person, milestone: Milestone) -> None:
    path, client = f"{path_of(lead, milestone)}done/", Client()
    token = re.search(r'name="form_token" value="([^"]+)"', text_of(client.get(path))).group(1)
    said = {"form_token": token, **day("on", dt.date(2024, 5, 2))}
    assert client.post(path, said).status_code == 303
    written = Change.objects.count()
    again = client.post(path, said)
    assert (again.status_code, Change.objects.count()) == (200, written)
    assert "we have your answer" in text_of(again)


@pytest.mark.either_database
def test_the_form_of_one_link_is_of_no_use_with_another(
    lead: Person, milestone: Milestone, person: Callable[..., Person], workstream: Workstream
) -> None:
    """Somebody who may answer as well, and has a link and a page of their own, cannot answer as the other."""
    other = person("workstream_lead", workstream=workstream.key)
    page = text_of(Client().get(f"{path_of(other, milestone)}done/"))
    token = re.search(r'name="form_token" value="([^"]+)"', page).group(1)
    answer = Client().post(f"{path_of(lead, milestone)}done/", {"form_token": token, **day("on", dt.date(2024, 5, 2))})
    assert answer.status_code == 409
    assert "page of something else" in text_of(answer)
    assert not AnswerLink.objects.exclude(used_at=None).exists()


@pytest.mark.either_database
def test_a_link_that_was_passed_on_answers_once_and_in_the_name_of_whom_it_was_sent_to(
    lead: Person, milestone: Milestone, person: Callable[..., Person], sign_in: Callable[..., Client]
) -> None:
    colleague, path = person("programme_manager", programme=milestone.programme.key), path_of(lead, milestone)
    page = sign_in(colleague).get(path)
    assert page.status_code == 403
    assert f"It was sent to {lead}" in text_of(page)
    assert f"This link is for {lead} only" in text_of(Client().get(path))
    send(f"{path}done/", **day("on", dt.date(2024, 5, 2)))
    assert Change.objects.filter(record_key=milestone.key).first().actor == lead.key


@pytest.mark.either_database
def test_what_was_handed_over_is_the_colleagues_to_answer_by_a_link_of_their_own(
    lead: Person, milestone: Milestone, person: Callable[..., Person]
) -> None:
    colleague = person("programme_manager", programme=milestone.programme.key)
    first = path_of(lead, milestone)
    send(f"{first}hand-over/", colleague=colleague.pk)
    assert "handed this over" in text_of(Client().get(first)), "the first link is spent"
    assert send(f"{path_of(colleague, milestone)}done/", **day("on", dt.date(2024, 5, 2))).status_code == 303
    assert Change.objects.filter(record_key=milestone.key).first().actor == colleague.key


def test_what_was_hidden_from_its_reader_meanwhile_does_not_exist_any_more(lead: Person, milestone: Milestone) -> None:
    path = path_of(lead, milestone)
    restrict(milestone)
    for response in (Client().get(path), send(f"{path}done/", **day("on", dt.date(2024, 5, 2)))):
        assert response.status_code == 410
        assert milestone.title not in text_of(response)
    milestone.refresh_from_db()
    assert milestone.actual_on is None


def test_a_link_works_once(lead: Person, make: Callable[..., Any], workstream: Workstream) -> None:
    ahead = make(Milestone, workstream=workstream, forecast_on=dt.date(2024, 6, 1))
    path = path_of(lead, ahead)
    send(f"{path}no-change/")
    again = send(f"{path}done/", **day("on", dt.date(2024, 5, 2)))
    assert "we have your answer" in text_of(again)
    ahead.refresh_from_db()
    assert ahead.actual_on is None


def test_of_two_posts_at_once_one_counts(lead: Person, milestone: Milestone) -> None:
    path_of(lead, milestone)
    link = AnswerLink.objects.get()
    assert [link.spend("First."), link.spend("Second.")] == [True, False]


@pytest.mark.either_database
def test_links_that_are_over_say_so(lead: Person, milestone: Milestone) -> None:
    expired, revoked = path_of(lead, milestone), path_of(lead, milestone)
    AnswerLink.objects.filter(pk=AnswerLink.objects.latest("pk").pk).revoke()
    assert "withdrawn" in text_of(send(f"{revoked}done/", **day("on", NOW.date())))
    with time_machine.travel(NOW + AnswerLink.LIFETIME + dt.timedelta(minutes=1)):
        response = send(f"{expired}done/", **day("on", NOW.date()))
    assert response.status_code == 410
    assert "run out" in text_of(response)
    milestone.refresh_from_db()
    assert milestone.actual_on is None


@pytest.mark.either_database
def test_the_desk_takes_links_back(lead: Person, milestone: Milestone, sign_in: Callable[..., Client]) -> None:
    path = path_of(lead, milestone)
    asked = {"action": "revoke", "_selected_action": [AnswerLink.objects.get().pk]}
    assert sign_in("pmo").post("/admin/cmast/answerlink/", asked, follow=True).status_code == 200
    assert "withdrawn" in text_of(Client().get(path))
    assert send(f"{path}done/", **day("on", NOW.date())).status_code == 410


@pytest.mark.either_database
def test_a_secret_that_was_tampered_with_or_is_for_something_else_is_unknown(lead: Person, milestone: Milestone) -> None:
    secret = path_of(lead, milestone).split("/")[2]
    for wrong in (secret[:-1], secret.swapcase(), secret_links.new("cmast.calendar"), secret_links.new(AnswerLink.SALT)):
        assert Client().get(reverse("answer", args=[wrong])).status_code == 404


@pytest.mark.either_database
def test_a_link_is_of_no_use_to_somebody_who_is_signed_in_as_another(
    lead: Person, milestone: Milestone, sign_in: Callable[..., Client]
) -> None:
    path = path_of(lead, milestone)
    assert sign_in("pmo").get(path).status_code == 403
    assert sign_in(lead).get(path).status_code == 200


@pytest.mark.either_database
@pytest.mark.parametrize("leaves", ["is deactivated", "loses the role"])
def test_a_link_of_somebody_who_has_left_is_refused(leaves: str, lead: Person, milestone: Milestone) -> None:
    path = path_of(lead, milestone)
    if leaves == "is deactivated":
        Person.objects.filter(pk=lead.pk).update(is_active=False)
    else:
        Membership.objects.filter(person=lead).update(valid_to="2024-05-02")
    assert send(f"{path}done/", **day("on", NOW.date())).status_code == 403


@pytest.mark.either_database
def test_a_link_gives_no_right_that_its_person_lacks(person: Callable[..., Person], milestone: Milestone) -> None:
    reader = person("viewer")
    response = send(f"{path_of(reader, milestone)}done/", **day("on", NOW.date()))
    assert response.status_code == 403
    milestone.refresh_from_db()
    assert milestone.actual_on is None


def test_what_was_settled_or_deleted_meanwhile_needs_no_answer(lead: Person, milestone: Milestone) -> None:
    path = path_of(lead, milestone)
    Milestone.objects.filter(pk=milestone.pk).update(outcome="cancelled")
    assert "recorded as cancelled" in text_of(send(f"{path}done/"))
    milestone.delete()
    assert Client().get(path).status_code == 410


@pytest.mark.either_database
def test_secrets_are_not_kept_and_not_logged(lead: Person, milestone: Milestone, caplog: pytest.LogCaptureFixture) -> None:
    secret = path_of(lead, milestone).split("/")[2]
    link = AnswerLink.objects.get()
    assert secret not in str(vars(link))
    Client().post(reverse("answer-by", args=[secret, "done"]))
    assert secret not in caplog.text


@pytest.mark.either_database
def test_secrets_cannot_be_tried_out(lead: Person, milestone: Milestone) -> None:
    good = path_of(lead, milestone)
    statuses = {Client().get(f"/answer/wrong-{number}/").status_code for number in range(52)}
    assert statuses == {404, 429}
    assert Client().get(good).status_code == 200, "whoever has a right link is not locked out by others"


@pytest.mark.either_database
def test_all_links_of_one_e_mail_are_made_in_one_statement(
    lead: Person, make: Callable[..., Any], workstream: Workstream, django_assert_num_queries: Any
) -> None:
    milestones = [make(Milestone, workstream=workstream) for _ in range(3)]
    with django_assert_num_queries(1):
        assert len(set(answer_addresses(lead, milestones))) == 3


@pytest.mark.either_database
def test_old_links_are_swept(lead: Person, milestone: Milestone) -> None:
    path_of(lead, milestone)
    assert not AnswerLink.objects.expired(timezone.now() + AnswerLink.LIFETIME).exists()
    assert AnswerLink.objects.expired(timezone.now() + AnswerLink.LIFETIME + AnswerLink.REMEMBERED + dt.timedelta(1)).exists()


@pytest.mark.either_database
@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("", "", ""), "Give the date."),
        (("31", "4", "2024"), "There is no such day."),
        (("x", "5", "2024"), "Give the date in numbers"),
        (("1", "5", "24"), "Give the date in numbers"),
        (("4", "5", "2024"), "This date has not come yet."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_linked_from_the_summary(
    typed: tuple[str, str, str], says: str, lead: Person, milestone: Milestone
) -> None:
    said = dict(zip(("on_day", "on_month", "on_year"), typed, strict=True))
    response = send(f"{path_of(lead, milestone)}done/", **said)
    page = text_of(response)
    assert response.status_code == 422
    assert "<title>Error: It has happened" in page
    assert re.search(r'<a href="#id_on_0">' + says, page)
    assert 'aria-describedby="id_on_helptext id_on_error"' in page
