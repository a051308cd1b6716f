"""Records as JSON, derived from their models.

Links are keys, with the name beside them (`workstream`, `workstream_name`); numbers are decimal strings without padding;
what is unknown is null. The committed OpenAPI document is the reviewed list of what goes out.
"""

import datetime as dt
import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn, Self

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.validators import UniqueValidator

from cmast.api.conditional import etag_of
from cmast.api.finding import visible
from cmast.models import Reader, Record
from cmast.models.fields import NumberField, WordListField
from cmast.models.restrictions import Hidden
from cmast.models.verbs import Verb

#: After the record's own fields, in this order.
COMMON = (
    "source",
    "source_lines",
    "printed_as",
    "inferred",
    "note",
    "external_source",
    "external_id",
    "version",
    "created_at",
    "updated_at",
)

_made = threading.local()

#: What is about the record as such.
LAST = ("etag", "change_reason")


class KeyRelatedField(serializers.SlugRelatedField):
    """Another record by its key; a key that the caller may not see is unknown like one that does not exist."""

    default_error_messages = {
        "does_not_exist": "There is no {model} with the key “{value}”.",
        "invalid": "Give the key of a record as text.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="key", **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        related: Any = super().get_attribute(instance)
        return None if related is not None and hidden_from(self.context).hides(related) else related

    def to_internal_value(self, data: Any) -> Record:
        queryset: Any = self.get_queryset()
        if not isinstance(data, str) or "\x00" in data:
            self.fail("invalid")
        record = self._find(queryset, data)
        if record is None:
            self.fail("does_not_exist", model=queryset.model._meta.verbose_name, value=data[:100])
        return record

    def _find(self, queryset: Any, key: str) -> Any:
        """Looked up already where many rows are written at once."""
        if "known" in self.context:
            return self.context["known"].get((queryset.model, key))
        return visible(queryset.model, key, self.context["request"].user)


class LinkedNameField(serializers.CharField):
    """What a linked record is called."""

    def get_attribute(self, instance: Any) -> Any:
        related = getattr(instance, self.source_attrs[0])
        return None if related is not None and hidden_from(self.context).hides(related) else super().get_attribute(instance)


def hidden_from(context: Mapping[str, Any]) -> Hidden:
    """What does not exist for the caller."""
    return context["request"].user.reach.hidden


class DecimalTextField(serializers.DecimalField):
    """An exact number as text: "71.9", never 71.900000 and never a float."""

    def to_representation(self, value: Any) -> str:
        number = Decimal(value)
        return f"{number.normalize() if number else Decimal(0):f}"


class MomentField(serializers.DateTimeField):
    """A moment, in UTC, always to the microsecond."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=dt.UTC, format="%Y-%m-%dT%H:%M:%S.%fZ", **kwargs)


class OneOfField(serializers.ChoiceField):
    """One word of several, which a refusal names."""

    default_error_messages = {"invalid_choice": "“{input}” is not one of {words}."}

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, words=", ".join(map(str, self.choices)), **kwargs)


class WordsField(serializers.ListField):
    """A list of words or short texts."""

    child = serializers.CharField(max_length=300)


class Remembered:
    """A field that works out the same text once, for a request that says the same many times."""

    def __init__(self, field: serializers.Field) -> None:
        self._field = field
        self._made: dict[str, Any] = {}
        self.field_name, self.source_attrs = str(field.field_name), field.source_attrs

    def get_value(self, row: dict[str, Any]) -> Any:
        return row.get(self.field_name, serializers.empty)

    def run_validation(self, value: Any) -> Any:
        if type(value) is not str:
            return self._field.run_validation(value)
        if value not in self._made:
            self._made[value] = self._field.run_validation(value)
        return self._made[value]


class Remembering(dict[serializers.Field, Remembered]):
    """The fields of one request, each made to remember."""

    def __missing__(self, field: serializers.Field) -> Remembered:
        self[field] = found = Remembered(field)
        return found


class Strict(serializers.Serializer):
    """Refuses fields that it does not have. What the server writes may come back, and is not read."""

    #: Names that the body gave, and the fields to read of such a body: those, and those that have something to say without.
    _given: frozenset[str] | None = None
    _read: list[Any] = []

    def to_internal_value(self, data: Any) -> Any:
        given = frozenset(data) if isinstance(data, dict) else frozenset()
        if given != self._given:
            if unknown := [name for name in data if name not in self.fields] if given else []:
                raise ValidationError({str(name)[:100]: ["There is no such field."] for name in unknown}, code="unknown_field")
            self._given = given
            self._read = [f for f in self._written if f.field_name in given or f.required or f.default is not serializers.empty]
        return super().to_internal_value(data)

    @cached_property
    def _written(self) -> list[serializers.Field]:
        return [field for field in self.fields.values() if not field.read_only]

    @property
    def _writable_fields(self) -> list[serializers.Field]:
        """Few of many."""
        remembering = self.context.get("remembering")
        return self._read if remembering is None else [remembering[field] for field in self._read]

    def run_validators(self, value: Any) -> None:
        """Without the work of making something to validate where nothing validates it."""
        if self.validators:
            super().run_validators(value)


class StrictSerializer(Strict, serializers.ModelSerializer):
    """The same for what is derived from a model."""

    serializer_choice_field = OneOfField


class RecordSerializer(StrictSerializer):
    """Base of every serializer: `class Meta: model = ...`, and what goes beyond the model's own columns."""

    serializer_related_field = KeyRelatedField
    hidden: tuple[str, ...] = ()  # columns that never go out

    etag: Any = serializers.SerializerMethodField(help_text="Tag of this version: send it as If-Match to change the record.")
    change_reason = serializers.CharField(
        write_only=True,
        required=False,
        max_length=500,
        help_text="Why. Needed when a date, status, RAG, score or target changes.",
    )

    def get_etag(self, record: Any) -> str:
        view = self.context.get("view")
        day = view.day_of_question() if view else timezone.localdate()
        return etag_of(type(record), record.key, record.version, day, hidden_from(self.context))

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        NumberField: DecimalTextField,
        models.DateTimeField: MomentField,
    }

    class Meta:
        model: type[Record]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("__doc__"):
            cls.__doc__ = cls.Meta.model.__doc__

    @classmethod
    def reused(cls, instance: Record | None, body: Any, context: dict[str, Any], *, partial: bool = False) -> Self:
        """The serializer of this thread for what comes in: made once, because its fields are dear to make."""
        kind = cls, instance is not None
        made = vars(_made).setdefault("kinds", {})
        if kind not in made:
            made[kind] = cls(instance)
        serializer = made[kind]
        for name in ("_validated_data", "_errors", "_data"):
            vars(serializer).pop(name, None)
        serializer.instance, serializer.initial_data, serializer.partial, serializer._context = instance, body, partial, context
        return serializer

    @classmethod
    def relations(cls, reader: Reader) -> tuple[list[str], list[Any]]:
        """What a list must join, and what it must fetch beside, so that no row asks for anything."""
        meta = cls.Meta.model._meta
        links = [f.name for f in meta.concrete_fields if isinstance(f, models.ForeignKey) and f.name not in cls.hidden]
        lists: list[Any] = [_visible(meta.get_field(f.name), reader) for f in meta.many_to_many if f.name not in cls.hidden]
        for name, field in cls._declared_fields.items():
            if isinstance(field, serializers.ManyRelatedField):
                lists.append(_visible(meta.get_field(name), reader))
            elif isinstance(field, serializers.ListSerializer):
                child: Any = type(field.child)
                child_links, child_lists = child.relations(reader)
                rows = child.Meta.model.objects.visible_to(reader)
                lists.append(models.Prefetch(name, rows.select_related(*child_links).prefetch_related(*child_lists)))
        return links, lists

    def get_field_names(self, declared_fields: Any, info: Any) -> list[str]:
        model = self.Meta.model
        own: list[str] = []
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
            if field.name in ("id", "key", *COMMON, *self.hidden):
                continue
            own.append(field.name)
            if isinstance(field, models.ForeignKey) and name_of(field):
                own.append(f"{field.name}_name")
        return ["key", *own, *(name for name in declared_fields if name not in LAST), *COMMON, *LAST]

    def build_field(self, field_name: str, info: Any, model_class: Any, nested_depth: int) -> Any:
        link = field_name.removesuffix("_name")
        if link != field_name and link in info.forward_relations:
            target = info.forward_relations[link].related_model
            return LinkedNameField, {
                "source": f"{link}.{target.label_field}",
                "read_only": True,
                "allow_null": True,
                "help_text": f"Name of the {target._meta.verbose_name}.",
            }
        return super().build_field(field_name, info, model_class, nested_depth)

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        if isinstance(model_field, WordListField):
            return WordsField, {"required": False, "help_text": model_field.help_text}
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        # Uniqueness is the model's rule; said twice it would cost a query twice.
        if "validators" in kwargs:
            kwargs["validators"] = [v for v in kwargs["validators"] if not isinstance(v, UniqueValidator)]
        if isinstance(model_field, models.IntegerField):
            # Each database has a range of its own; the register has one.
            kwargs["max_value"] = 32_767 if isinstance(model_field, models.PositiveSmallIntegerField) else 2_147_483_647
        if field_name == "key":
            kwargs.pop("allow_blank", None)
            if self.instance is not None:
                kwargs = {"read_only": True, "help_text": model_field.help_text}
        return field_class, kwargs

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        field_class, kwargs = super().build_relational_field(field_name, relation_info)
        kwargs.pop("view_name", None)
        kwargs.pop("slug_field", None)
        kwargs["validators"] = []
        if "queryset" in kwargs:
            kwargs["queryset"] = relation_info.related_model._default_manager.all()
        return field_class, kwargs

    def get_unique_together_validators(self) -> list[Any]:
        return []

    def get_unique_for_date_validators(self) -> list[Any]:
        return []

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        if self.instance is not None:
            if data.get("key", self.instance.key) != self.instance.key:
                raise ValidationError({"key": ["A key is fixed once it is given."]}, code="fixed")
            if not self.partial:
                values |= self._left_out(values)
            values = self._keep_what_is_hidden(values)
        return values

    def create(self, validated_data: dict[str, Any]) -> Any:
        """As ModelSerializer does, without looking for nested writes, of which there are none."""
        relations = {field.name for field in self.Meta.model._meta.many_to_many} & set(validated_data)
        lists = {name: validated_data.pop(name) for name in relations}
        record = self.Meta.model._default_manager.create(**validated_data)
        for name, linked in lists.items():
            getattr(record, name).set(linked)
        return record

    def _keep_what_is_hidden(self, values: dict[str, Any]) -> dict[str, Any]:
        """Who reads null where there is a record hidden from them, and writes it back, does not mean to take it away."""
        hidden, stored = hidden_from(self.context), self.instance
        is_kept = {name for name, value in values.items() if hidden and value is None and name in self._links()}
        return {
            name: value
            for name, value in values.items()
            if name not in is_kept or (linked := getattr(stored, name)) is None or not hidden.hides(linked)
        }

    def _links(self) -> set[str]:
        return {field.name for field in self.Meta.model._meta.concrete_fields if isinstance(field, models.ForeignKey)}

    def _left_out(self, values: dict[str, Any]) -> dict[str, Any]:
        """PUT replaces the record: what the body leaves out goes back to unknown."""
        left_out = [str(f.source) for f in self._written if f.source not in values and f.source != "change_reason"]
        meta: Any = self.Meta.model._meta
        fields = {name: meta.get_field(name) for name in left_out}
        return {name: [] if field.many_to_many else field.get_default() for name, field in fields.items()}


class VerbSerializer(RecordSerializer):
    """What is said when something is done to a record."""

    etag: Any = None

    def get_field_names(self, declared_fields: Any, info: Any) -> list[str]:
        meta: Any = self.Meta
        return [*meta.fields, "change_reason"]

    @classmethod
    def of(cls, verb: Verb, model: type[Record]) -> type[Self]:
        """The body of this verb: the fields that it asks for, and why."""
        asked: Any = verb.subject(model)
        extra = {
            name: _needed(asked._meta.get_field(name)) if name in verb.needs else {"required": False} for name in verb.asks
        }
        meta = type("Meta", (), {"model": asked, "fields": verb.asks, "extra_kwargs": extra})
        members: dict[str, Any] = {"__doc__": verb.description, "Meta": meta}
        if verb.needs_reason:
            members["change_reason"] = serializers.CharField(max_length=500, write_only=True, help_text="Why.")
        name = "".join(part.title() for part in verb.name.split("_"))
        return type(f"{model.__name__}{name}Serializer", (cls,), members)


def _needed(field: Any) -> dict[str, bool]:
    """Something must be said."""
    is_text = isinstance(field, models.CharField | models.TextField)
    return {"required": True, "allow_null": False, **({"allow_blank": False} if is_text else {})}


def _visible(relation: Any, reader: Reader) -> models.Prefetch:
    """The records at the other end that the reader may see."""
    return models.Prefetch(relation.name, relation.related_model._default_manager.visible_to(reader))


def name_of(field: models.ForeignKey) -> str | None:
    """The column that says what a linked record is called, where one says more than its key."""
    target = field.related_model
    label = getattr(target, "label_field", None)
    if label in (None, "key") or target._meta.model_name == "source":
        return None
    try:
        return label if target._meta.get_field(label).concrete else None
    except FieldDoesNotExist:
        return None
