"""Filters of a list, derived from its model.

Every relation, choice, date and number gets its filters from the model: a set (`?status=active,closed`), a range
(`?forecast_on__gte=`, `__lte`), unknown or not (`?forecast_on__isnull=true`). Text is searched with `?q=`. Questions that
the domain asks ("overdue") are queryset methods, declared on the FilterSet as `Question`.
"""

import datetime as dt
import difflib
import json
from typing import Any

import django_filters as df
from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.models.functions import Cast
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.drainage import set_override
from rest_framework.request import Request

from cmast.api.pagination import parameters_of
from cmast.api.past import day_of_question
from cmast.api.problems import QueryError
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import FinancialYearField, KeyField, LineField, ProseField, WordField, WordListField

_LARGEST = 10**14
_ISO = ["%Y-%m-%d"]
_LARGEST_INT = 2**31 - 1


class OneOfFilter(df.ChoiceFilter):
    """One word of several, which a refusal names."""

    def __init__(self, *, choices: Any, **kwargs: Any) -> None:
        refusal = f"“%(value)s” is not one of {', '.join(str(word) for word, _ in choices)}."
        super().__init__(choices=choices, error_messages={"invalid_choice": refusal}, **kwargs)


class StrictBooleanFilter(OneOfFilter):
    """true or false, spelled so."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[("true", "true"), ("false", "false")], **kwargs)
        set_override(self, "field", {"type": "boolean", "description": str(kwargs.get("help_text", ""))})

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        return qs if value in (None, "") else self.decide(qs, value == "true")

    def decide(self, qs: models.QuerySet, answer: bool) -> models.QuerySet:
        return qs.filter(**{self.field_name: answer})


class NullFilter(StrictBooleanFilter):
    """Whether something is unknown."""

    def decide(self, qs: models.QuerySet, answer: bool) -> models.QuerySet:
        return qs.filter(**{f"{self.field_name}__isnull": answer})


class KeyInFilter(df.BaseInFilter, df.CharFilter):
    """One key or several, separated by commas."""

    def __init__(self, field_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(field_name=field_name, max_length=2000, **kwargs)


class LinkFilter(KeyInFilter):
    """Keys of linked records. A key that does not exist, or that the caller may not see, finds nothing."""

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        if not value:
            return qs
        linked = self._linked(qs, value)
        # For one key, as a comparison: then an index on the link and what orders the list serves both.
        return qs.filter(**({self.field_name: linked[:1]} if len(value) == 1 else {f"{self.field_name}__in": linked}))

    def _linked(self, qs: models.QuerySet, keys: list[str]) -> models.QuerySet:
        kind: Any = qs.model
        for link in self.field_name.split("__"):
            kind = kind._meta.get_field(link).related_model
        return kind._default_manager.visible_to(self.parent.request.user).filter(key__in=keys).order_by().values("pk")


class LinksFilter(LinkFilter):
    """Keys of a many-to-many relation; a row is found once however many of them it has."""

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        if not value:
            return qs
        found = qs.model._default_manager.filter(**{f"{self.field_name}__in": self._linked(qs, value)})
        return qs.filter(pk__in=found.order_by().values("pk"))


class NoLinkFilter(NullFilter):
    """Whether there is no linked record, or none that the caller may see."""

    def decide(self, qs: models.QuerySet, answer: bool) -> models.QuerySet:
        field: Any = qs.model._meta.get_field(self.field_name)
        hidden = self.parent.request.user.reach.hidden
        none = models.Q(**{f"{field.name}__isnull": True}) | hidden.condition(field.related_model, f"{field.name}__")
        return qs.filter(none) if answer else qs.exclude(none)


class WordInFilter(df.BaseInFilter, OneOfFilter):
    """One word of an enumeration or several, separated by commas."""


class DayFilter(df.DateFilter):
    """A day, in ISO form."""

    def __init__(self, field_name: str, lookup_expr: str = "exact", **kwargs: Any) -> None:
        super().__init__(field_name=field_name, lookup_expr=lookup_expr, input_formats=_ISO, **kwargs)


class MomentField(df.fields.IsoDateTimeField):
    """A moment with any offset, in UTC: PostgreSQL reads no offset beyond 15:59."""

    def clean(self, value: Any) -> Any:
        moment = super().clean(value)
        return moment.astimezone(dt.UTC) if moment else moment


class MomentFilter(df.IsoDateTimeFilter):
    """A moment, in ISO form."""

    field_class = MomentField


class ListHasFilter(df.CharFilter):
    """A list of words that holds this word."""

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        if not value:
            return qs
        # SQLite keeps the list as Python wrote it, PostgreSQL prints it anew without escapes.
        text = json.dumps(value, ensure_ascii=connections[qs.db].vendor == "sqlite")
        return qs.alias(**{f"_{self.field_name}": Cast(self.field_name, models.TextField())}).filter(
            **{f"_{self.field_name}__contains": text}
        )


class SearchFilter(df.CharFilter):
    """Each word must occur somewhere in the record's texts."""

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        for word in (value or "").split()[:10]:
            anywhere = models.Q()
            for name in text_fields(qs.model):
                anywhere |= models.Q(**{f"{name}__icontains": word})
            qs = qs.filter(anywhere)
        return qs


class Question(StrictBooleanFilter):
    """A question of the domain, answered by the queryset method of that name: `?overdue=true`.

    With `dated` the method is given the day from `?on=`, today where that is missing; with `link`, which asks whether there
    is something at its end, the condition that it is hidden from the caller, for whom there is nothing then.
    """

    def __init__(self, method: str, *, dated: bool = False, link: str = "", help_text: str) -> None:
        super().__init__(help_text=help_text)
        self.question, self.dated, self.link = method, dated, link

    def decide(self, qs: models.QuerySet, answer: bool) -> models.QuerySet:
        given = [self.parent.today] if self.dated else []
        if self.link and (hidden := self.parent.request.user.reach.hidden):
            linked: Any = qs.model._meta.get_field(self.link).related_model
            given.append(hidden.condition(linked, f"{self.link}__"))
        matching = getattr(qs, self.question)(*given)
        return matching if answer else qs.exclude(pk__in=matching.order_by().values("pk"))


class DaysQuestion(df.NumberFilter):
    """A question about the next so many days, given the day from `?on=`: `?due_within=30`."""

    def __init__(self, method: str, *, help_text: str) -> None:
        super().__init__(help_text=help_text, min_value=0, max_value=3660, decimal_places=0)
        self.question = method

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        return qs if value in (None, "") else getattr(qs, self.question)(self.parent.today, int(value))


class Judgement(StrictBooleanFilter):
    """Like a question, but with three answers: `true` and `false` are both knowledge, unknown is neither."""

    def __init__(self, method: str, *, help_text: str) -> None:
        super().__init__(help_text=help_text)
        self.judgement = method

    def decide(self, qs: models.QuerySet, answer: bool) -> models.QuerySet:
        return getattr(qs, self.judgement)(answer)


class KeyQuestion(df.CharFilter):
    """A question about one other record, named by its key: `?awaiting=RWW`."""

    def __init__(self, method: str, kind: type[Record], *, help_text: str) -> None:
        super().__init__(help_text=help_text, max_length=100)
        self.question, self.kind = method, kind

    def filter(self, qs: models.QuerySet, value: Any) -> models.QuerySet:
        if not value:
            return qs
        named: Any = self.kind._default_manager
        is_seen = models.Exists(named.visible_to(self.parent.request.user).filter(key=value))
        return getattr(qs, self.question)(value).filter(is_seen)


def text_fields(model: type[models.Model]) -> list[str]:
    """What `?q=` searches."""
    fields = [f.name for f in model._meta.concrete_fields if isinstance(f, LineField | ProseField)]
    return ["key", *(name for name in fields if name not in ("external_source", "external_id"))]


def _within_the_calendar(value: dt.datetime) -> None:
    """Moments at the ends of the calendar overflow when they are moved to another time zone."""
    if not 1900 <= value.year <= 2200:
        raise ValidationError("Give a moment between the years 1900 and 2200.")


def _range(cls: type[df.Filter], name: str, what: str, **kwargs: Any) -> dict[str, df.Filter]:
    return {
        name: cls(field_name=name, lookup_expr="exact", help_text=what, **kwargs),
        f"{name}__gte": cls(field_name=name, lookup_expr="gte", help_text=f"At or after: {what}", **kwargs),
        f"{name}__lte": cls(field_name=name, lookup_expr="lte", help_text=f"At or before: {what}", **kwargs),
    }


def filters_of(field: models.Field) -> dict[str, df.Filter]:
    """The filters that a field of a model brings with it."""
    name, what = field.name, str(field.help_text)
    match field:
        case models.ManyToManyField():
            return {name: LinksFilter(name, help_text=f"Keys, separated by commas. {what}")}
        case models.ForeignKey():
            found: dict[str, df.Filter] = {name: LinkFilter(name, help_text=f"Keys, separated by commas. {what}")}
        case WordField():
            found = {
                name: WordInFilter(
                    field_name=name, choices=field.choices, help_text=f"One or more, separated by commas. {what}"
                )
            }
        case WordListField():
            return {name: ListHasFilter(field_name=name, max_length=300, help_text=f"Holds this text. {what}")}
        case KeyField() | FinancialYearField():
            found = {name: KeyInFilter(name, help_text=f"One or more, separated by commas. {what}")}
        case models.BooleanField():
            found = {name: StrictBooleanFilter(field_name=name, help_text=what)}
        case models.DateTimeField():
            found = _range(MomentFilter, name, what, validators=[_within_the_calendar])
            del found[name]
        case models.DateField():
            found = _range(DayFilter, name, what)
        case models.IntegerField():
            found = _range(df.NumberFilter, name, what, min_value=0, max_value=_LARGEST_INT, decimal_places=0)
        case models.DecimalField():
            found = _range(
                df.NumberFilter, name, what, min_value=-_LARGEST, max_value=_LARGEST, decimal_places=6, max_digits=20
            )
        case LineField() | models.EmailField():
            found = {name: df.CharFilter(field_name=name, max_length=500, help_text=f"Exactly this text. {what}")}
        case _:
            return {}
    if field.null:
        unknown = NoLinkFilter if isinstance(field, models.ForeignKey) else NullFilter
        found[f"{name}__isnull"] = unknown(field_name=name, help_text=f"Whether it is unknown: {what}")
    return found


class RecordFilterSet(df.FilterSet):
    """Base of every FilterSet: `class Meta: model = ...`, plus the model's own questions."""

    on = df.DateFilter(
        method="leave", input_formats=_ISO, help_text="Day that questions such as overdue are asked for. Today when left out."
    )
    q = SearchFilter(max_length=200, help_text="Words that must all occur in the record's texts.")

    #: The day that questions are asked for. Whoever makes the FilterSet says it.
    today: dt.date

    def leave(self, queryset: models.QuerySet, name: str, value: Any) -> models.QuerySet:
        """`on` filters nothing by itself."""
        return queryset

    @classmethod
    def get_filters(cls) -> dict[str, df.Filter]:
        declared = super().get_filters()
        model = cls._meta.model
        if model is None:
            return declared
        derived: dict[str, df.Filter] = {}
        hidden = getattr(cls, "hidden", ())
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
            if field.name not in ("id", *hidden):
                derived |= filters_of(field)
        if model.objects.none().with_computed.__func__ is RecordQuerySet.with_computed and not any(
            isinstance(filter_, Question) and filter_.dated for filter_ in declared.values()
        ):
            del declared["on"]
        return derived | declared


class LedgerFilterSet(df.FilterSet):
    """Base for what is no record: `class Meta: model = ...`, and the fields that bring their filters."""

    named: tuple[str, ...] = ()

    @classmethod
    def get_filters(cls) -> dict[str, df.Filter]:
        derived: dict[str, df.Filter] = {}
        for name in cls.named:
            derived |= filters_of(cls._meta.model._meta.get_field(name))
        return derived | super().get_filters()


class RecordFilterBackend(DjangoFilterBackend):
    """Applies the view's FilterSet, and refuses what the list does not know instead of ignoring it."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        filters = getattr(self.get_filterset_class(view, queryset), "base_filters", {})
        known = {*parameters_of(view), *filters}
        for name, values in request.query_params.lists():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise QueryError(
                    {name[:100]: "This list has no such parameter." + (f" Did you mean {near[0]}?" if near else "")}
                )
            if values == [""]:
                raise QueryError({name: "Give a value, or leave the parameter out."})
            if len(values) > 1:
                raise QueryError({name: "Give it once; several values are separated by commas."})
        if filters.keys().isdisjoint(request.query_params):
            return queryset  # a FilterSet is dear to make
        filterset = self.get_filterset(request, queryset, view)
        if filterset is not None:
            filterset.today = day_of_question(request)
        if not filterset.is_valid():
            raise QueryError({name: [str(error) for error in errors] for name, errors in filterset.errors.items()})
        return filterset.qs
