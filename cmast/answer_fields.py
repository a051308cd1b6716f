"""Fields of the answer pages: dates in three boxes, as forms of the NHS ask for them."""

import datetime as dt
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from cmast import dates
from cmast.vocabulary import DatePrecision


class Said(NamedTuple):
    """A date as somebody has said it."""

    on: dt.date
    precision: str

    def __str__(self) -> str:
        return dates.describe(self.on, self.precision)


class DayMonthYear(forms.MultiWidget):
    """Three boxes with a label each."""

    template_name = "answer/date.html"
    use_fieldset = True

    def __init__(self) -> None:
        boxes = {"inputmode": "numeric", "autocomplete": "off", "maxlength": "4"}
        super().__init__({name: forms.TextInput(boxes) for name in ("day", "month", "year")})

    def id_for_label(self, id_: str, index: str = "0") -> str:
        """The first box, so that a link from the summary of errors leads into it."""
        return f"{id_}_{index}"

    def decompress(self, value: Any) -> list[str]:
        return [str(value.day), str(value.month), str(value.year)] if value else ["", "", ""]


class SaidDateField(forms.MultiValueField):
    """A date that may lack its day: then it is as vague as a month."""

    widget = DayMonthYear

    def __init__(self, *, must_have_day: bool = False, is_past: bool = False, **kwargs: Any) -> None:
        self.must_have_day, self.is_past = must_have_day, is_past
        parts = tuple(forms.CharField(required=False) for _ in range(3))
        kwargs.setdefault("error_messages", {"required": "Give the date."})
        super().__init__(parts, require_all_fields=False, **kwargs)

    def compress(self, values: list[str]) -> Said | None:
        if not any(values or ()):
            return None
        day, month, year = (part.strip() for part in values)
        said = self._read(day, month, year)
        today = timezone.localdate()
        if self.is_past and said.on > (today if said.precision == DatePrecision.DAY else dates.month_end(today)):
            raise ValidationError("This date has not come yet. Give the day on which it happened.", code="future")
        if not self.is_past and said.on < today:
            raise ValidationError("This date has passed. Give today or a later day.", code="past")
        return said

    def _read(self, day: str, month: str, year: str) -> Said:
        if not month.isdecimal() or not year.isdecimal() or len(year) != 4 or (day and not day.isdecimal()):
            raise ValidationError("Give the date in numbers, such as 27 5 2024.", code="invalid")
        if not day and self.must_have_day:
            raise ValidationError("Give the day as well, such as 27 5 2024.", code="no_day")
        try:
            on = dt.date(int(year), int(month), int(day or 1))
        except ValueError as error:
            raise ValidationError("There is no such day. Check day and month.", code="invalid") from error
        return Said(on, DatePrecision.DAY) if day else Said(dates.month_end(on), DatePrecision.MONTH)


class ReasonField(forms.CharField):
    """Why, in a sentence."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", "Why?")
        kwargs.setdefault("help_text", "A sentence is enough. It goes into the history.")
        kwargs.setdefault("error_messages", {"required": "Say why, in a sentence."})
        super().__init__(max_length=500, widget=forms.Textarea({"rows": 3}), **kwargs)
