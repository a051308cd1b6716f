"""Field types of the register. Each carries its rule into the database as well."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from cmast import dates
from cmast.vocabulary import DATELESS, DatePrecision, Words

KEY_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"
#: Words that mean a route below a list, so they cannot be a record's key.
RESERVED_KEYS = frozenset({"bulk", "history", "external", "scorecard", "heat-map", "standing"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def reject_control_characters(value: str) -> None:
    """Text must survive both databases, a mail header and a spreadsheet."""
    if found := _CONTROL.search(value):
        raise ValidationError(f"contains the control character {found.group()!a}", code="control_character")


def reject_reserved(value: str) -> None:
    if value in RESERVED_KEYS:
        raise ValidationError(f"“{value}” is used by the address of the list itself", code="reserved")


class KeyField(models.CharField):
    """The public code of a record, and its address: `RBN`, `ws-lims`. Fixed once given."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 100)
        kwargs.setdefault("unique", True)
        kwargs.setdefault("blank", True)
        kwargs.setdefault(
            "help_text", "Public code, part of the address. Made from the name when left empty; fixed afterwards."
        )
        super().__init__(**kwargs)
        self.validators = [
            *self.validators,
            RegexValidator(rf"^{KEY_PATTERN}\Z", "Use letters, digits, hyphens and underscores only.", code="invalid_key"),
            reject_reserved,
        ]


class LineField(models.CharField):
    """One line of text without control characters. Empty when nothing was stated."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 300)
        super().__init__(**kwargs)
        self.validators = [*self.validators, reject_control_characters]


class ProseField(models.TextField):
    """Longer text, at most 20,000 characters. Empty when nothing was stated."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 20_000)
        super().__init__(**kwargs)
        self.validators = [*self.validators, reject_control_characters]


class WordField(models.CharField):
    """One word of an enumeration; null when nobody has stated it. The database refuses any other word."""

    # Django takes a change of choices for invisible to the database. Here it moves the check, on PostgreSQL by `word_checks`.
    non_db_attrs = tuple(name for name in models.CharField.non_db_attrs if name != "choices")

    def __init__(self, words: type[Words] | None = None, **kwargs: Any) -> None:
        if words is not None:
            kwargs["choices"] = words.choices
        kwargs.setdefault("max_length", 40)
        if kwargs.get("null"):
            kwargs.setdefault("blank", True)
        super().__init__(**kwargs)

    def db_check(self, connection: Any) -> str:
        words = ", ".join(f"'{value}'" for value, _ in self.flatchoices)
        return f"{connection.ops.quote_name(self.column)} IN ({words})"


class FinancialYearField(models.CharField):
    """April to March, in the one spelling `2024/25`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 7)
        if kwargs.get("null"):
            kwargs.setdefault("blank", True)
        super().__init__(**kwargs)

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        if value in self.empty_values:
            return
        try:
            dates.financial_year_days(value)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid_financial_year") from error

    def db_check(self, connection: Any) -> str:
        column = connection.ops.quote_name(self.column)
        year, second = f"CAST(substr({column}, 1, 4) AS integer)", f"CAST(substr({column}, 6, 2) AS integer)"
        # %% because the schema editor interpolates this text once.
        return f"length({column}) = 7 AND substr({column}, 5, 1) = '/' AND {second} = ({year} + 1) - (({year} + 1) / 100) * 100"


class NumberField(models.DecimalField):
    """An exact decimal in its base unit (pounds, 0-100 for percent). Null when not stated; never float."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 6)
        if kwargs.get("null"):
            kwargs.setdefault("blank", True)
        super().__init__(**kwargs)


class WordListField(models.JSONField):
    """A short list of words or short texts, for what needs no record of its own."""

    def __init__(self, words: type[Words] | None = None, **kwargs: Any) -> None:
        self.words = words
        kwargs.setdefault("default", list)
        kwargs.setdefault("blank", True)
        super().__init__(**kwargs)

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValidationError("must be a list of texts", code="not_a_list")
        if len(value) > 100 or any(not 0 < len(item) <= 300 for item in value):
            raise ValidationError("may hold at most 100 texts of 1 to 300 characters", code="too_long")
        for item in value:
            reject_control_characters(item)
            if self.words is not None and item not in self.words.values:
                raise ValidationError(f"“{item}” is not one of {', '.join(self.words.values)}", code="invalid_choice")


class LinesField(WordListField):
    """Line numbers of the source document: single (`"234"`) or inclusive ranges (`"234-238"`)."""

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        for item in value:
            first, _, last = item.partition("-")
            if not first.isdecimal() or not (last or first).isdecimal() or int(last or first) < int(first):
                raise ValidationError(f"“{item}” is neither a line (“234”) nor a range (“234-238”)", code="invalid_lines")


class DaysField(WordListField):
    """Numbers of days from 0 to 365, each once, such as `["7", "1", "0"]`."""

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        for item in value:
            if not (item.isascii() and item.isdecimal() and str(int(item)) == item and int(item) <= 365):
                raise ValidationError(f"“{item}” is no number of days from 0 to 365", code="invalid_days")
        if len(set(value)) < len(value):
            raise ValidationError("names a number of days twice", code="twice")


class DayField(models.DateField):
    """A date; with a neighbouring `..._precision` the latest day that the source's words allow."""

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("null"):
            kwargs.setdefault("blank", True)
        super().__init__(**kwargs)


def vague_day(what: str) -> models.DateField:
    """The day of a vague date `<name>_on`; it stands beside `<name>_precision`."""
    return DayField(null=True, help_text=f"{what}: the latest day that the words allow.")


def precision_of(what: str) -> WordField:
    """The precision of a vague date `<name>_precision`."""
    return WordField(DatePrecision, null=True, help_text=f"How exactly {what} is known.")


def vague_date_rule(name: str) -> models.CheckConstraint:
    """A vague date has a day exactly when its precision says that it has one."""
    on, precision = f"{name}_on", f"{name}_precision"
    dateless = models.Q(**{f"{precision}__in": list(DATELESS)}) | models.Q(**{f"{precision}__isnull": True})
    return models.CheckConstraint(
        condition=models.Q(**{f"{on}__isnull": True}) & dateless
        | models.Q(**{f"{on}__isnull": False, f"{precision}__isnull": False})
        & ~models.Q(**{f"{precision}__in": list(DATELESS)}),
        name=f"%(app_label)s_%(class)s_{name}_precision",
        violation_error_message=f"{on} and {precision} belong together: a date needs a precision that has one.",
    )


def in_order(first: str, last: str) -> models.CheckConstraint:
    """Two dates, where both are known, are in order."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{first}__isnull": True})
        | models.Q(**{f"{last}__isnull": True})
        | models.Q(**{f"{last}__gte": models.F(first)}),
        name=f"%(app_label)s_%(class)s_{first}_order"[:60],
        violation_error_message=f"{last} must not be before {first}.",
    )


def both_or_neither(first: str, second: str) -> models.CheckConstraint:
    """Two fields that only mean something together."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{first}__isnull": True, f"{second}__isnull": True})
        | models.Q(**{f"{first}__isnull": False, f"{second}__isnull": False}),
        name=f"%(app_label)s_%(class)s_{first}_pair"[:60],
        violation_error_message=f"{first} and {second} belong together: give both or neither.",
    )


def at_most_one(*names: str) -> models.CheckConstraint:
    """At most one of these fields is set."""
    condition = models.Q()
    for chosen in names:
        condition |= models.Q(**{f"{name}__isnull": True for name in names if name != chosen})
    return models.CheckConstraint(
        condition=condition,
        name=f"%(app_label)s_%(class)s_one_{names[0]}"[:60],
        violation_error_message=f"Give at most one of {', '.join(names)}.",
    )
