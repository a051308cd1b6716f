"""Handing something over to a colleague, from an e-mail."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from cmast.answering import Answer
from cmast.history.context import changing
from cmast.models import Membership, Note, NoteSubject, Person
from cmast.models.people import RIGHTS

#: Roles that write in a programme or a workstream.
ROLES = [role for role, area in RIGHTS.items() if area in ("programme", "workstream")]


def colleagues(record: Any, person: Person) -> QuerySet:
    """Who else may answer for it: those who write in its workstream or its programme today, and can be written to."""
    places = Q(workstream=record.workstream_id, workstream__isnull=False) | Q(
        programme=record.programme_id, programme__isnull=False
    )
    held = Membership.objects.current(timezone.localdate()).filter(places, role__in=ROLES)
    people: Any = Person.objects.visible_to(person).filter(is_active=True, email__isnull=False)
    return people.filter(pk__in=held.order_by().values("person")).exclude(pk=person.pk).order_by("name")


class HandOver(Answer):
    """To somebody who may answer for it, at once; to anybody else once the programme office has made them one."""

    name = "hand-over"
    says = "Hand it over to a colleague"
    hint = "When somebody else knows better."
    buttons = (("send", "Hand it over"),)
    #: Link of the record to whoever answers for it.
    owner: ClassVar[str]

    colleague = forms.ModelChoiceField(
        Person.objects.none(), required=False, label="Who?", widget=forms.RadioSelect, blank=True, empty_label=None
    )
    email = forms.EmailField(
        required=False,
        label="Or the e-mail address of somebody else",
        help_text="The programme office gives them a role first.",
        widget=forms.EmailInput({"autocomplete": "off"}),
    )

    def asked(self, fields: dict[str, forms.Field]) -> dict[str, forms.Field]:
        colleague: Any = fields["colleague"]
        colleague.queryset = colleagues(self.record, self.person)
        if not colleague.queryset.exists():
            del fields["colleague"]
            fields["email"].label = "E-mail address of your colleague"
        return fields

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if not self.errors and bool(said.get("colleague")) == bool(said.get("email")):
            self.add_error("email", "Choose a colleague, or give one e-mail address: one of the two.")
        return said

    def act(self) -> str:
        if colleague := self.cleaned_data.get("colleague"):
            with changing(reason=f"Handed over by {self.person}"):
                self.give(colleague)
            return f"You have handed this over to {colleague}, who is asked from now on."
        self._ask_programme_office(self.cleaned_data["email"])
        return f"You have named {self.cleaned_data['email']}. The programme office will see to it."

    def give(self, colleague: Person) -> None:
        setattr(self.record, self.owner, colleague)
        self.record.save()

    def _ask_programme_office(self, email: str) -> None:
        """As an open query, which stands on the programme office's start page until somebody closes it."""
        note = Note.objects.create(
            kind=Note.Kind.QUERY,
            text=f"{self.person} hands over “{self.record}” to {email}. Confirm: give that person a role and name them here.",
        )
        kind = str(self.record._meta.verbose_name).replace(" ", "_")
        NoteSubject.objects.create(about_note=note, record_type=kind, record_key=self.record.key)
