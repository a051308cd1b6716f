"""What became of a milestone or an action, said from an e-mail."""

import datetime as dt
from typing import Any

from django.utils import timezone

from cmast import dates
from cmast.answer_fields import ReasonField, Said, SaidDateField
from cmast.answering import Answer, Topic, register
from cmast.handing_over import HandOver
from cmast.history.context import changing
from cmast.models import Person
from programmes.models import Action, Milestone


def place(record: Any) -> str:
    """Where it belongs, in words."""
    return ", ".join(str(part) for part in (record.workstream, record.programme) if part)


# --- Milestones -------------------------------------------------------------------------------------------------------


class ItHappened(Answer):
    name = "done"
    says = "It has happened"
    buttons = (("send", "Record it"),)

    on = SaidDateField(
        is_past=True,
        label="When did it happen?",
        help_text="For example 27 5 2024. Without the day, if you only know the month.",
    )

    def act(self) -> str:
        on: Said = self.cleaned_data["on"]
        achieve(self.record, on, self.person)
        return f"You have told us that “{self.record}” happened: {on}."


class NewDate(Answer):
    name = "new-date"
    says = "It has a new date"
    buttons = (("send", "Save the new date"),)

    on = SaidDateField(
        label="When do you expect it now?", help_text="For example 27 9 2024. Without the day, if you only know the month."
    )
    change_reason = ReasonField(label="Why has the date changed?")

    def act(self) -> str:
        on: Said = self.cleaned_data["on"]
        with changing(reason=self.cleaned_data["change_reason"]):
            forecast(self.record, on, self.person)
        return f"You have given “{self.record}” a new date: {on}."


class NoChange(Answer):
    name = "no-change"
    says = "Nothing has changed"
    hint = "The date still holds."
    buttons = (("send", "Confirm: nothing has changed"),)

    @classmethod
    def fits(cls, record: Any) -> bool:
        """A date that has passed does not hold."""
        return record.due_on is None or record.due_on >= timezone.localdate()

    def act(self) -> str:
        with changing(reason="No change, said in answer to an e-mail"):
            no_change(self.record, self.person)
        return f"You have confirmed that nothing has changed with “{self.record}”."


class HandOverMilestone(HandOver):
    owner = "person"


def _milestone_question(milestone: Any) -> str:
    is_past = milestone.due_on is not None and milestone.due_on < timezone.localdate()
    return "The date has passed: what happened?" if is_past else "Where does this stand?"


def _milestone_settled(milestone: Any, person: Person) -> str:
    if milestone.outcome:
        return f"“{milestone}” is recorded as {milestone.get_outcome_display().lower()}."
    if milestone.actual_on or milestone.stated == Milestone.Stated.OCCURRED:
        return f"“{milestone}” is recorded as having happened."
    return ""


register(
    Topic(
        Milestone,
        asks=_milestone_question,
        facts=lambda milestone: [
            ("Milestone", milestone.title),
            ("Date", milestone.date_in_words or "not known"),
            ("First promised", dates.describe(milestone.baseline_on, milestone.baseline_precision)),
            ("Workstream", place(milestone)),
        ],
        answers=(ItHappened, NewDate, NoChange, HandOverMilestone),
        settled=_milestone_settled,
    )
)


# --- Actions ----------------------------------------------------------------------------------------------------------


class ItIsDone(Answer):
    name = "done"
    says = "It is done"
    buttons = (("send", "Record it"),)

    on = SaidDateField(must_have_day=True, is_past=True, label="When was it done?", help_text="For example 27 5 2024.")

    def act(self) -> str:
        on: Said = self.cleaned_data["on"]
        with changing(reason="Done, said in answer to an e-mail"):
            done(self.record, on.on, self.person)
        return f"You have told us that “{self.record}” was done on {on}."


class NewDueDate(NewDate):
    on = SaidDateField(label="When will it be done?", help_text="For example 27 9 2024. Without the day: in that month.")

    def act(self) -> str:
        on: Said = self.cleaned_data["on"]
        with changing(reason=self.cleaned_data["change_reason"]):
            put_off(self.record, on, self.person)
        return f"You have given “{self.record}” a new date: {on}."


class HandOverAction(HandOver):
    owner = "owner"

    def give(self, colleague: Person) -> None:
        reassign(self.record, colleague, self.person)


register(
    Topic(
        Action,
        asks=lambda action: "Is this done?",
        facts=lambda action: [
            ("Action", action.text),
            ("Due", dates.describe(action.due_on, action.due_precision) or "no date given"),
            ("Decided as", str(action.decision or "")),
            ("Workstream", place(action)),
        ],
        answers=(ItIsDone, NewDueDate, HandOverAction),
        settled=lambda action, person: (
            "" if action.status == Action.Status.OPEN else f"“{action}” is {action.get_status_display().lower()}."
        ),
    )
)


# --- How it is written ------------------------------------------------------------------------------------------------


def achieve(milestone: Any, on: Said, by: Person) -> None:
    milestone.achieve(actual_on=on.on, actual_precision=on.precision, by=by)


def forecast(milestone: Any, on: Said, by: Person) -> None:
    milestone.forecast(date_on=on.on, date_precision=on.precision, by=by)


def no_change(milestone: Any, by: Person) -> None:
    milestone.no_change(by=by)


def done(action: Any, on: dt.date, by: Person) -> None:
    action.done(done_on=on, by=by)


def put_off(action: Any, on: Said, by: Person) -> None:
    action.redate(due_on=on.on, due_precision=on.precision, by=by)


def reassign(action: Any, colleague: Person, by: Person) -> None:
    action.reassign(owner=colleague, by=by)
