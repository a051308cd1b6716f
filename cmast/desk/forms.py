"""Forms of the desk: the same rules as `Record.save()`, and fields that a person can fill in."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.forms.models import construct_instance

from cmast.models import Record

#: Name of the hidden field that carries the version a form was opened with.
VERSION = "opened_version"


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


STALE = "Somebody else has changed this record since you opened it. Open it again and repeat your change."


class RecordForm(forms.ModelForm):
    """A form of a record. It refuses to overwrite what somebody else has changed since it was opened."""

    opened_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial[VERSION] = self.instance.version
            self._name_what_is_loaded()

    def _name_what_is_loaded(self) -> None:
        for name, field in self.fields.items():
            widget = field.widget.widget if isinstance(field.widget, RelatedFieldWidgetWrapper) else field.widget
            if isinstance(widget, KnownAutocomplete) and name in self.instance._state.fields_cache:
                related = getattr(self.instance, name)
                widget.known = {str(related.pk): str(related)} if related else {}

    def clean_opened_version(self) -> int | None:
        opened = self.cleaned_data[VERSION]
        if opened is not None and self.instance.pk and opened != self.instance.version:
            raise forms.ValidationError(STALE, code="stale")
        return opened

    def _post_clean(self) -> None:
        """Complete before checking, as `Record.save()` does: what follows from other fields need not be typed."""
        record: Record = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        if not self.errors:
            record.complete()
            columns = (field.name for field in record._meta.concrete_fields)
            self.cleaned_data |= {name: getattr(record, name) for name in columns if name in self.cleaned_data}
        form: Any = super()  # the stubs leave `_post_clean` out
        form._post_clean()
