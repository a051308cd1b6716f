"""Two people at one record: what the one entered beside what the other has saved in the meantime."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import QueryDict

from cmast.desk.columns import label
from cmast.desk.forms import VERSION, RecordForm, RowFormSet
from cmast.desk.history import Entry, Names, entries, in_words, since
from cmast.history.reading import name_of, names_of
from cmast.models import Change, Reader


@dataclass(frozen=True)
class Clash:
    """A record or a row that is not any more as it was when the form was opened."""

    name: str
    is_gone: bool
    #: Field, what was entered, what is stored.
    differences: list[tuple[str, str, str]]
    entries: list[Entry]


def clashes(form: RecordForm, formsets: list[RowFormSet], reader: Reader) -> list[Clash]:
    """The record first, if it has moved on, and then its rows."""
    rows: list[RecordForm] = [row for formset in formsets for row in formset.opened if row.is_stale or row.is_gone]
    found = [*([form] if form.is_stale else []), *rows]
    values = {stale: dict(_differing(stale)) for stale in found}
    wanted: dict[str, set[int]] = {}
    for stale in found:
        for name, both in values[stale].items():
            field = stale.instance._meta.get_field(name)
            if field.remote_field:
                wanted.setdefault(field.related_model._meta.db_table, set()).update(pk for value in both for pk in _pks(value))
    names = names_of(wanted, reader)
    return [_clash(stale, values[stale], names, reader) for stale in found]


def resubmitted(posted: QueryDict, form: RecordForm, formsets: list[RowFormSet]) -> Iterator[tuple[str, str]]:
    """The same form once more, opened now. Rows that are gone stay gone."""
    data = posted.copy()
    data.pop("csrfmiddlewaretoken", None)
    for opened in [form, *(row for formset in formsets for row in formset.opened)]:
        if opened.instance.pk:
            data[opened.add_prefix(VERSION)] = str(opened.initial[VERSION])
        else:
            data[opened.add_prefix(DELETION_FIELD_NAME)] = "on"
    return ((name, value) for name, values in data.lists() for value in values)


def _clash(stale: RecordForm, values: dict[str, tuple[Any, Any]], names: Names, reader: Reader) -> Clash:
    model, pk = type(stale.instance), stale.opened_pk
    last = Change.objects.filter(table=model._meta.db_table, row_id=pk).first()
    said = []
    for name, (entered, stored) in values.items():
        field = model._meta.get_field(name)
        words = entered if name in stale.errors else in_words(field, entered, names)
        said.append((label(str(field.verbose_name)), words, in_words(field, stored, names)))
    return Clash(name_of(last) if last else "", stale.is_gone, said, entries(since(model, pk, stale.opened), reader))


def _differing(form: RecordForm) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Field -> entered and stored; what cannot be read is given as it was typed."""
    own = {field.name for field in (*form.instance._meta.concrete_fields, *form.instance._meta.many_to_many)} - {"id"}
    for name in form.changed_data:
        if name in own:
            entered = form[name].data if name in form.errors else form.cleaned_data.get(name)
            yield name, (_bare(entered), _bare(form.initial.get(name)))


def _bare(value: Any) -> Any:
    """Records as their primary keys."""
    match value:
        case models.Model():
            return value.pk
        case models.QuerySet():
            return [record.pk for record in value]
        case [models.Model(), *_]:
            return [record.pk for record in value]
        case _:
            return value


def _pks(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [pk for pk in values if isinstance(pk, int)]
