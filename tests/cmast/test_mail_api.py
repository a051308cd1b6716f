"""The ledger and the mail over the API: the PMO's, without what a mail says, and with the verbs of the desk."""

import datetime as dt
from typing import Any

import pytest

from cmast.models import MailDelivery, Person, Reminder, ReminderRule
from programmes.models import Milestone
from tests.factories import restrict

pytestmark = pytest.mark.either_database

REMINDERS, MAIL = "/api/v1/reminders/", "/api/v1/mail/"
FRIDAY = dt.date(2024, 5, 3)


@pytest.fixture
def stone(edition: Any, make: Any) -> Milestone:
    return make(Milestone, title="Go-live of the LIMS", forecast_on=FRIDAY)


@pytest.fixture
def mail(stone: Milestone, make: Any) -> MailDelivery:
    """A digest of which nobody knows whether it arrived, with one line; and somebody else's line that waits."""
    ann = make(Person, key="ann")
    mail = MailDelivery.objects.create(
        person=ann, dedupe_key="digest", for_on=FRIDAY, heading="CMAST: 1 thing to answer", text="Secret.", state="unknown"
    )
    chased = make(ReminderRule, key="chased", kind="milestone_overdue", days_after=["1"], audience="owner", is_optional=False)
    warned = make(ReminderRule, key="warned", kind="milestone_due", days_before=["7"], audience="owner")
    line = {"record_type": "milestone", "record_key": stone.key, "record_id": stone.pk, "due_on": FRIDAY}
    Reminder.objects.create(rule=chased, person=ann, remind_on=FRIDAY, state="unknown", mail=mail, **line)
    Reminder.objects.create(rule=warned, person=make(Person, key="ben"), remind_on=dt.date(2024, 4, 26), **line)
    return mail


@pytest.mark.parametrize(
    "asked",
    [
        "person=ann", "kind=milestone_overdue", "rule=chased", "state=unknown,failed", "remind_on=2024-05-03",
        "remind_on__gte=2024-05-01", "waiting=false", "mail={mail}",
    ],
)  # fmt: skip
def test_the_ledger_is_filtered_by_person_kind_state_and_date(asked: str, mail: MailDelivery, api: Any) -> None:
    found = api("pmo").get(f"{REMINDERS}?{asked.format(mail=mail.pk)}").json()["results"]
    assert [(line["person"], line["mail"]) for line in found] == [("ann", str(mail.pk))]


def test_the_ledger_comes_latest_first_in_pages_and_is_only_read(mail: MailDelivery, api: Any) -> None:
    first = api("pmo").get(f"{REMINDERS}?page_size=1&count=true").json()
    assert (first["count"], first["results"][0]["person"]) == (2, "ann")
    assert api("pmo").get(first["next"]).json()["results"][0]["person"] == "ben"
    assert api("pmo").post(REMINDERS, {}).status_code == 405
    for wrong in ("as_of=2024-05-01", "nothing=1", "state=lost", "mail=1", "ordering=person"):
        assert api("pmo").get(f"{REMINDERS}?{wrong}").status_code == 400, wrong


def test_nobody_but_the_pmo_reads_them_and_what_is_hidden_is_left_out(mail: MailDelivery, stone: Any, api: Any) -> None:
    assert api("viewer").get(REMINDERS).json() == api("programme_manager").get(MAIL).json() == {"next": None, "results": []}
    assert api("viewer").get(f"{MAIL}{mail.pk}/").status_code == 404
    said = {"change_reason": "I say so."}
    assert api("viewer").post(f"{MAIL}{mail.pk}/settle-arrived/", said).status_code == 404
    restrict(stone)
    assert api("pmo").get(REMINDERS).json()["results"] == []


def test_a_mail_tells_where_it_stands_and_not_what_it_says(mail: MailDelivery, api: Any) -> None:
    one = api("pmo").get(f"{MAIL}{mail.pk}/")
    assert api("pmo").get(f"{MAIL}?undelivered=true&person=ann").json()["results"] == [one.json()]
    assert api("pmo").get(f"{MAIL}?undelivered=false").json()["results"] == []
    assert (one.json()["state"], one.json()["heading"], one.json()["actions"]) == ("unknown", "CMAST: 1 thing to answer", [])
    assert "Secret" not in one.content.decode()


def test_what_failed_is_sent_again_and_settled_with_a_reason_as_at_the_desk(mail: MailDelivery, api: Any) -> None:
    pmo, path = api("pmo"), f"{MAIL}{mail.pk}"
    because = {"change_reason": "She was asked."}
    assert pmo.post(f"{path}/settle-arrived/", {}).json()["errors"][0]["pointer"] == "/change_reason"
    assert pmo.post(f"{path}/settle-arrived/", {"change_reason": " "}).status_code == 400
    settled = pmo.post(f"{path}/settle-arrived/", because).json()
    assert (settled["state"], settled["actions"][0]["reason"]) == ("sent", "She was asked.")
    assert mail.reminders.get().state == "sent"
    refused = pmo.post(f"{path}/settle-given-up/", because)
    assert (refused.status_code, refused.json()["code"]) == (409, "cannot_settle")
    assert refused.json()["detail"] == "Only what failed or is unknown is settled; this is “sent”."
    MailDelivery.objects.update(state="failed")
    assert pmo.post(f"{path}/send-again/", because).json()["errors"][0]["code"] == "required"  # a key
    again = [pmo.post(f"{path}/send-again/", because, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert again[0].content == again[1].content and again[0].json()["state"] == "pending"
    assert mail.actions.count() == 2
