"""Writing this month's update from an e-mail: last month's text beside it, and every passed date asked outright."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format

from cmast import dates
from cmast.answer_fields import ReasonField, Said, SaidDateField
from cmast.answering import Answer, Topic, known_beside, register
from cmast.errors import RuleBroken
from cmast.handing_over import HandOver
from cmast.history.context import changing
from cmast.models import Change, Person
from cmast.models.fields import reject_control_characters
from cmast.vocabulary import Rag
from programmes.answering import items
from programmes.changes import changes_since_last, of_place, shown
from programmes.models import Action, Milestone, ReportingPeriod, Update, UpdateFact
from programmes.models.periods import require_unlocked
from programmes.models.updates import is_sro

#: So many dates and actions are asked about on one page; the rest is for the next one.
MOST = 12
HAPPENED, MOVED, UNKNOWN, SAME = "happened", "moved", "unknown", "same"
RAGS = [(Rag.GREEN, "Green: on track"), (Rag.AMBER, "Amber: at risk"), (Rag.RED, "Red: off track")]


class ItemForm(forms.Form):
    """What became of one date or action of the place."""

    what = forms.ChoiceField(widget=forms.RadioSelect)
    on = SaidDateField(required=False, label="Date", help_text="For example 27 5 2024.")
    change_reason = ReasonField(required=False, label="Why, if the date has changed")

    def __init__(self, item: Any, today: dt.date, data: Any = None, must_say: bool = False) -> None:
        self.item, self.is_past = item, item.due_on is not None and item.due_on < today
        super().__init__(data, prefix=item.key, label_suffix="", initial={} if self.is_past else {"what": SAME})
        is_action = isinstance(item, Action)
        last = (UNKNOWN, "I cannot say yet") if self.is_past else (SAME, "Nothing has changed")
        what: Any = self.fields["what"]
        what.required = must_say
        what.error_messages["required"] = f"Say what happened to “{item}”, or that you cannot say yet."
        what.choices = [(HAPPENED, "It is done" if is_action else "It has happened"), (MOVED, "It has a new date"), last]
        what.label = "What happened?" if self.is_past else "Where does it stand?"
        on: Any = self.fields["on"]
        said = self.data.get(self.add_prefix("what"))
        on.is_past, on.must_have_day = said == HAPPENED, is_action and said == HAPPENED

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        what = said.get("what")
        if what in (HAPPENED, MOVED) and not said.get("on") and "on" not in self.errors:
            self.add_error("on", f"Give the {'new date' if what == MOVED else 'date'} of “{self.item}”.")
        if what == MOVED and not said.get("change_reason"):
            self.add_error("change_reason", f"Say why the date of “{self.item}” has changed.")
        return said

    def act(self, person: Any) -> None:
        on: Said | None = self.cleaned_data["on"]
        if on is None:
            return
        self.item.lock()
        is_action = isinstance(self.item, Action)
        match self.cleaned_data["what"]:
            case "happened" if is_action:
                with changing(reason="Done, said in the monthly update"):
                    items.done(self.item, on.on, person)
            case "happened":
                items.achieve(self.item, on, person)
            case "moved":
                with changing(reason=self.cleaned_data["change_reason"]):
                    (items.put_off if is_action else items.forecast)(self.item, on, person)

    @property
    def date_in_words(self) -> str:
        if isinstance(self.item, Action):
            return dates.describe(self.item.due_on, self.item.due_precision) or "no date given"
        return self.item.date_in_words or "no date given"


class WriteUpdate(Answer):
    name = "write"
    says = "Write this month's update"
    buttons = (("submit", "Hand it in"), ("draft", "Save as a draft"))
    page = "answer/update.html"

    rag = forms.ChoiceField(choices=RAGS, required=False, label="How does it stand as a whole?", widget=forms.RadioSelect)
    facts = forms.CharField(
        required=False,
        max_length=20_000,
        label="What is there to report?",
        help_text="Short facts, one to a line.",
        widget=forms.Textarea({"rows": 12}),
    )

    def __init__(self, record: Any, person: Any, data: Any = None) -> None:
        self.previous = Update.objects.visible_to(person).before(record).first()
        self.is_new = record.status == Update.Status.COMMISSIONED and not record.facts.exists()
        self.last_facts = _texts(self.previous, person) if self.previous else []
        super().__init__(record, person, data)
        today = timezone.localdate()
        self.rows = [ItemForm(item, today, data, must_say=self.ends()) for item in _asked_about(record, person, today)]
        self.beside = known_beside(record, person)

    @classmethod
    def fits(cls, record: Any) -> bool:
        return record.status in Update.OUTSTANDING

    def known(self) -> dict[str, Any]:
        """What has been written; before that, last month's text to begin with."""
        facts = self.last_facts if self.is_new else _texts(self.record, self.person)
        return {"rag": self.record.rag, "facts": "\n".join(facts)}

    def asked(self, fields: dict[str, forms.Field]) -> dict[str, forms.Field]:
        if self.is_new and self.last_facts:
            fields["facts"].help_text += " Last month's are filled in: change what has changed, take out what is over."
        return fields

    @property
    def passed(self) -> list[ItemForm]:
        return [item for item in self.rows if item.is_past]

    @property
    def open(self) -> list[ItemForm]:
        return [item for item in self.rows if not item.is_past]

    def is_valid(self) -> bool:
        """The rows as well: a page is right when all of it is."""
        return all([super().is_valid(), *(row.is_valid() for row in self.rows)])

    @property
    def returned_because(self) -> str:
        """What was missing, where it was handed in before."""
        if self.record.status != Update.Status.RETURNED:
            return ""
        written = Change.objects.filter(record_type=Update._meta.label_lower, record_key=self.record.key)
        last = written.filter(after__status=Update.Status.RETURNED).exclude(reason="").first()
        return last.reason if last else ""

    @property
    def problems(self) -> list[tuple[str, str]]:
        """(id of the field, what is wrong with it) for the summary."""
        of_page: list[forms.Form] = [self, *self.rows]
        return [
            (str(field.id_for_label or field.subwidgets[0].id_for_label), str(text))
            for form in of_page
            for field in form
            for text in field.errors
        ]

    def clean_facts(self) -> list[str]:
        lines = [line.strip(" \t•*-") for line in self.cleaned_data["facts"].splitlines()]
        facts = [line for line in lines if line]
        for number, fact in enumerate(facts, 1):
            reject_control_characters(fact)
            if len(fact) > 300:
                raise forms.ValidationError(f"Line {number} has {len(fact)} characters. Keep each fact to 300, or split it.")
        if self.pressed == "submit" and not facts:
            raise forms.ValidationError("Write at least one fact, even if it is that nothing has changed.")
        return facts

    def clean_rag(self) -> str:
        rag: str = self.cleaned_data["rag"]
        if self.pressed == "submit" and not rag:
            raise forms.ValidationError("Choose green, amber or red.")
        return rag or self.record.rag

    def ends(self) -> bool:
        return self.pressed == "submit"

    def act(self) -> str:
        update = self.record
        for item in self.rows:
            item.act(self.person)
        if update.status in (Update.Status.COMMISSIONED, Update.Status.RETURNED):
            update.start(by=self.person)
        update.lock()
        with changing(reason="The monthly update, written from an e-mail"):
            if update.rag != self.cleaned_data["rag"]:
                update.rag = self.cleaned_data["rag"]
                update.save()
            self._write(self.cleaned_data["facts"])
            if not self.ends():
                return ""
            update.submit(by=self.person)
        return f"You have handed in the update “{update}”."

    def _write(self, facts: list[str]) -> None:
        """Facts that stay as they are stay the records that they are."""
        stored = {fact.text: fact for fact in _facts(self.record, self.person)}
        for text, fact in stored.items():
            if text not in facts:
                fact.delete()
        for text in facts:
            if text not in stored:
                UpdateFact.objects.create(update=self.record, text=text)


def _facts(update: Any, person: Person) -> Any:
    return update.facts.visible_to(person).order_by("pk")


def _texts(update: Any, person: Person) -> list[str]:
    return [fact.text for fact in _facts(update, person)]


def _asked_about(update: Update, person: Any, today: dt.date) -> Iterator[Any]:
    """Dates and actions of the place that the person may change: what has passed first, then what comes next."""
    milestones = of_place(Milestone.objects.with_computed(today), update, person).filter(
        ~Milestone.objects.all().settled(), due_on__isnull=False
    )
    actions = of_place(Action.objects.outstanding(), update, person)
    yield from milestones.editable_by(person).order_by("due_on", "pk")[:MOST]
    yield from actions.editable_by(person).order_by("due_on", "pk")[:MOST]


class HandOverUpdate(HandOver):
    says = "Ask a colleague to write it"
    owner = "author"

    @classmethod
    def fits(cls, record: Any) -> bool:
        return WriteUpdate.fits(record)


class SignOff(Answer):
    """By the senior responsible officer, who sees what has changed since last month."""

    name = "sign-off"
    says = "Sign it off, or send it back"
    buttons = (("sign", "Sign it off"), ("return", "Send it back"))
    page = "answer/sign_off.html"

    change_reason = ReasonField(
        required=False, label="If you send it back: what is missing?", help_text="A sentence is enough. Its author reads it."
    )

    def __init__(self, record: Any, person: Person, data: Any = None) -> None:
        super().__init__(record, person, data)
        self.changes = changes_since_last(record, person)
        self.facts = shown(self.changes.facts)

    @classmethod
    def fits(cls, record: Any) -> bool:
        return bool(record.status == Update.Status.APPROVED)

    def clean_change_reason(self) -> str:
        reason: str = self.cleaned_data["change_reason"]
        if self.pressed == "return" and not reason:
            raise forms.ValidationError("Say what is missing, so that its author can add it.")
        return reason

    def act(self) -> str:
        if self.pressed == "return":
            with changing(reason=self.cleaned_data["change_reason"]):
                self.record.hand_back(by=self.person)
            return f"You have sent back the update “{self.record}”."
        self.record.sign_off(by=self.person)
        return f"You have signed off the update “{self.record}”."


def _last_day(update: Update) -> str:
    """By when it is to be handed in, in words; empty where its month has no period."""
    day = ReportingPeriod.objects.filter(month_on=update.month_on).values_list("due_on", flat=True).first()
    return date_format(day, "l j F Y") if day else ""


def _asks(update: Update) -> str:
    if SignOff.fits(update):
        return f"{update.month_on:%B %Y}: do you sign this off?"
    return f"{update.month_on:%B %Y}: what is there to report?"


def _settled(update: Update, person: Person) -> str:
    if SignOff.fits(update) and is_sro(update, person):
        return f"“{update}” is signed off." if update.signed_off_on else ""
    if update.status not in Update.OUTSTANDING:
        return f"“{update}” is {update.get_status_display().lower()}."
    try:
        require_unlocked(update)
    except RuleBroken as error:
        return error.message
    return ""


register(
    Topic(
        Update,
        asks=_asks,
        facts=lambda update: [
            ("Report of", str(update.workstream or update.programme or "the collaborative")),
            ("Last day", _last_day(update)),
            ("Status", "" if update.status == Update.Status.COMMISSIONED else update.get_status_display()),
        ],
        answers=(WriteUpdate, HandOverUpdate, SignOff),
        settled=_settled,
    )
)
