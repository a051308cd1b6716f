"""Forms of the desk: the same rules as `Record.save()`, and fields that a person can fill in."""

import copy
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.widgets import AdminTextareaWidget, AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import ForeignKey
from django.forms import BaseInlineFormSet
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import construct_instance

from cmast.desk.columns import NOTHING
from cmast.models import Record
from cmast.models.fields import LineField, ProseField
from cmast.models.notes import require_named

#: Name of the hidden field that carries the version a form was opened with.
VERSION = "opened_version"
#: Name of the field that says why something changes, as `Record.save()` calls it.
REASON = "change_reason"


class KnownAutocomplete(AutocompleteSelect):
    """An autocomplete that need not ask the database for the name of a record that is loaded already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Primary key as text -> name.
        self.known: dict[str, str] = {}

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        if len(value) != 1 or str(value[0]) not in self.known:
            return super().optgroups(name, value, attr)
        pk = str(value[0])
        blank = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        return [(None, [*blank, self.create_option(name, pk, self.known[pk], True, 1)], 0)]


class TextListField(forms.CharField):
    """A list of short texts, one per line."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField text-list"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.help_text = f"{self.help_text} One per line."

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        text = super().to_python(value) or ""
        return [line.strip() for line in text.splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != self.to_python(data)


class WordListChoices(forms.MultipleChoiceField):
    """Some words of an enumeration, as boxes to tick."""

    widget = forms.CheckboxSelectMultiple


class PlainDecimalField(forms.DecimalField):
    """A number without the zeros that fill up its column: 85, not 85.000000."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


STALE = "Somebody else has changed this since you opened it."


def hidden_links(record: Record, names: Iterable[str], person: Any) -> dict[str, Any]:
    """Which of these links lead to records that the person may not see. Link -> the record at its end."""
    links = {field.name for field in record._meta.concrete_fields if isinstance(field, ForeignKey)}
    found = {name: getattr(record, name) for name in links.intersection(names)}
    return {name: linked for name, linked in found.items() if linked and person.reach.hidden.hides(linked)}


def disguise(record: Record, person: Any) -> None:
    """A record may be called after others that it links to. Those that are hidden from the person lose their names here."""
    if person.reach.hidden:
        names = [field.name for field in record._meta.concrete_fields]
        for link, linked in hidden_links(record, names, person).items():
            setattr(record, link, _nameless(linked))


def _nameless(record: Record) -> Record:
    """The same record to a link, but not to a reader."""
    found = copy.copy(record)
    for field in found._meta.concrete_fields:
        if isinstance(field, LineField | ProseField):
            setattr(found, field.name, NOTHING)
    return found


class RecordForm(forms.ModelForm):
    """A form of a record. It refuses to overwrite what somebody else has changed since it was opened."""

    opened_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    #: Who fills it in.
    person: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Link -> the record, or records, at its end that this person may not see.
        self._hidden: dict[str, Any] = {}
        if self.instance.pk and self.person.reach.hidden:
            self._leave_out_what_is_hidden()
        if self.instance.pk:
            self.initial[VERSION] = self.instance.version
            self._name_what_is_loaded()

    def _leave_out_what_is_hidden(self) -> None:
        """Links that this person may not see are empty on the page, and stay what they are."""
        disguise(self.instance, self.person)
        self._hidden = hidden_links(self.instance, self.fields, self.person)
        self.initial.update(dict.fromkeys(self._hidden))
        for name in {relation.name for relation in self.instance._meta.many_to_many} & set(self.initial):
            hidden = [record for record in self.initial[name] if self.person.reach.hidden.hides(record)]
            self._hidden[name] = hidden
            self.initial[name] = [record for record in self.initial[name] if record not in hidden]

    def _keep_what_is_hidden(self) -> None:
        for name in self._hidden.keys() & self.cleaned_data.keys():
            linked = self._hidden[name]
            if isinstance(linked, list):
                self.cleaned_data[name] = [*self.cleaned_data[name], *linked]
            elif self.cleaned_data[name] is None:
                self.cleaned_data[name] = linked

    def _name_what_is_loaded(self) -> None:
        for name, field in self.fields.items():
            widget = field.widget.widget if isinstance(field.widget, RelatedFieldWidgetWrapper) else field.widget
            if isinstance(widget, KnownAutocomplete) and name in self.instance._state.fields_cache.keys() - self._hidden:
                related = getattr(self.instance, name)
                widget.known = {str(related.pk): str(related)} if related else {}

    @property
    def opened(self) -> int:
        """The version that the form was opened with; 0 when the browser does not say."""
        return self._posted_number(VERSION)

    @property
    def opened_pk(self) -> int:
        """The record that the form was opened for, even when that is gone."""
        return self.instance.pk or self._posted_number("id")

    def _posted_number(self, name: str) -> int:
        text = str(self.data.get(self.add_prefix(name), ""))
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    @property
    def is_stale(self) -> bool:
        """Whether somebody else has changed the record since the form was opened."""
        return self.is_bound and VERSION in self.initial and self.opened != self.initial[VERSION]

    @property
    def is_gone(self) -> bool:
        """Whether somebody else has deleted the row since the form was opened. Who deletes it as well gets what he wants."""
        return self.is_bound and not self.instance.pk and bool(self.opened_pk) and not self.is_ticked_for_deletion

    @property
    def is_ticked_for_deletion(self) -> bool:
        return bool(self.data.get(self.add_prefix(DELETION_FIELD_NAME)))

    def clean_opened_version(self) -> int | None:
        if self.is_stale:
            raise ValidationError(STALE, code="stale")
        return self.cleaned_data[VERSION]

    def clean(self) -> dict[str, Any]:
        """What is named by its kind and key must be there for this person."""
        values = super().clean() or self.cleaned_data
        if {"record_type", "record_key"} & set(self.changed_data):
            require_named(values.get("record_type", ""), values.get("record_key", ""), self.person)
        return values

    def _post_clean(self) -> None:
        """Complete before checking, as `Record.save()` does: what follows from other fields need not be typed."""
        self._keep_what_is_hidden()
        record: Record = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        if not self.errors:
            record.complete()
            columns = (field.name for field in record._meta.concrete_fields)
            self.cleaned_data |= {name: getattr(record, name) for name in columns if name in self.cleaned_data}
        form: Any = super()  # the stubs leave `_post_clean` out
        form._post_clean()
        try:
            record.require_reason()
        except ValidationError as error:
            # A row of another record's form has no field for it.
            self.add_error(REASON if REASON in self.fields else None, ValidationError(error.messages[0], code=REASON))


class ReasonedForm(RecordForm):
    """The form of a page: what is said here as the reason holds for its rows as well."""

    change_reason = forms.CharField(
        required=False,
        label="Reason for the change",
        help_text="Needed when a date, status, RAG, score or target changes.",
        widget=AdminTextareaWidget(attrs={"rows": 2}),
    )


class RowFormSet(BaseInlineFormSet):
    """Rows of another record's form. None is written, or deleted, over what somebody else has made of it."""

    @property
    def opened(self) -> list[Any]:
        """The forms of rows that were stored when the page was opened."""
        return list(self.initial_forms)

    def clean(self) -> None:
        super().clean()
        if any(row.is_stale for row in self.opened):
            raise ValidationError(STALE, code="stale")

    @property
    def lacks_reason(self) -> bool:
        return any(row.has_error(NON_FIELD_ERRORS, REASON) and not row.is_ticked_for_deletion for row in self.opened)

    def save_existing_objects(self, commit: bool = True) -> list[Any]:
        """The rows were compared with what is stored. Since then only the page's own record has moved their versions."""
        rows = {row.instance.pk: row.instance for row in self.opened if row.instance.pk}
        stored: Any = self.get_queryset().model
        for pk, version in stored._default_manager.filter(pk__in=rows).values_list("pk", "version"):
            rows[pk].version = version
        return super().save_existing_objects(commit)


class ReasonedActionForm(ActionForm):
    """What to do with the selected records, and why."""

    change_reason = forms.CharField(required=False, label="Reason:")
