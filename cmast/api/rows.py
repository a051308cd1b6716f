"""Records as JSON straight from the database: one statement, no models, no serializers.

The columns are derived from the serializer, which stays what describes, checks and writes a record; tests hold that both say
the same, byte for byte. Dates, moments and numbers become text in the database; lists of links and parts of a record are JSON.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Context
from typing import Any

import orjson
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.models import Case, F, Func, JSONField, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Concat
from django.db.models.sql.datastructures import BaseTable
from rest_framework import serializers

from cmast.api.serializers import DecimalTextField, KeyRelatedField, LinkedNameField, MomentField, WordsField
from cmast.models.restrictions import Hidden

#: What makes the JSON value out of what the database answers.
Loader = Callable[[Any], Any]


class Text(Cast):
    """A date as ISO text."""

    def __init__(self, expression: Any) -> None:
        super().__init__(expression, TextField())


class MomentText(Func):
    """A moment as ISO text in UTC with microseconds."""

    output_field = TextField()
    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        plain = "substr(replace(%(expressions)s, ' ', 'T') || CASE WHEN %(expressions)s LIKE '%%%%.%%%%' THEN '' ELSE '.' END "
        return super().as_sql(compiler, connection, template=f"{plain} || '000000', 1, 26) || 'Z'", **context)


class NumberText(Func):
    """An exact number as text without padding."""

    output_field = TextField()
    template = "trim_scale(%(expressions)s)::text"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s", **context)


class JsonObject(Func):
    """A JSON object of names and expressions."""

    output_field = JSONField()
    function = "json_build_object"

    def __init__(self, columns: dict[str, Any]) -> None:
        super().__init__(*(part for name, column in columns.items() for part in (Value(name), column)))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="json_object", **context)


_JSON_LIST = "(SELECT json_group_array(json(listed.item)) FROM (%(subquery)s) listed)"
_TEXT_LIST = "(SELECT json_group_array(listed.item) FROM (%(subquery)s) listed)"


class JsonList(Subquery):
    """The one column of a subquery as a JSON list, in the order of its rows."""

    output_field = JSONField()
    template = "(SELECT coalesce(json_agg(listed.item), '[]')::text FROM (%(subquery)s) listed)"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=_JSON_LIST if self.is_json else _TEXT_LIST, **context)

    def __init__(self, rows: models.QuerySet, item: Any) -> None:
        self.is_json = isinstance(item, JsonObject)
        super().__init__(rows.values(item=item))


class PageTable(BaseTable):
    """The rows of a page in the place of their table: nothing is joined to a row that is not on the page."""

    def __init__(self, rows: models.QuerySet) -> None:
        super().__init__(rows.model._meta.db_table, rows.model._meta.db_table)
        self.rows = rows

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, parameters = self.rows.query.get_compiler(connection=connection).as_sql()
        return f"({sql}) {connection.ops.quote_name(self.table_alias)}", parameters


def stored(rows: models.QuerySet) -> models.QuerySet:
    """The rows as they are stored, without what is computed."""
    return rows.values_list(*(field.attname for field in rows.model._meta.concrete_fields))


def joined_to(page: models.QuerySet, day: dt.date) -> Any:
    """The rows of a page as they are stored, with the columns that are computed for the day, to annotate further."""
    rows = page.model._default_manager.with_computed(day)
    rows.query.alias_map[rows.query.get_initial_alias()] = PageTable(page)
    return rows


class Columns:
    """The columns of a kind of record as a reader sees them on a day. `mark` is that of what is hidden from the reader."""

    def __init__(self, serializer: Any, reader: Any, day: dt.date, mark: str) -> None:
        self.hidden: Hidden = reader.reach.hidden
        self.reader, self.day, self.mark = reader, day, mark
        self.expressions: dict[str, Any] = {}
        self.loaders: dict[str, Loader] = {}
        self.model: Any = serializer.Meta.model
        for name, declared in serializer.fields.items():
            if not declared.write_only:
                self.expressions[name] = self._expression(name, declared)
                if loader := self._loader(name, declared):
                    self.loaders[name] = loader
        self.names = tuple(self.expressions)
        self._load_at = [(self.names.index(name), load) for name, load in self.loaders.items()]

    def objects(self, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """What the database answered, as objects of JSON. Columns beyond the names are left out."""
        names, load_at = self.names, self._load_at
        found = []
        for row in rows:
            values = list(row)
            for index, load in load_at:
                value = values[index]
                if value == "[]":  # as most lists are
                    values[index] = []
                elif value is not None:
                    values[index] = load(value)
            found.append(dict(zip(names, values, strict=False)))
        return found

    def _expression(self, name: str, declared: Any) -> Any:
        path = ".".join(declared.source_attrs).replace(".", "__")
        match declared:
            case KeyRelatedField():
                return self._linked(name, f"{path}__key")
            case LinkedNameField():
                return self._linked(declared.source_attrs[0], path)
            case serializers.ManyRelatedField():
                return self._links(name)
            case serializers.ListSerializer():
                return self._parts(name, declared.child)
            case serializers.SerializerMethodField() if name == "etag":
                return self._etag()
            case serializers.SerializerMethodField():
                raise ImproperlyConfigured(f"{self.model.__name__}.{name}: a list cannot compute this in the database.")
            case MomentField():
                return MomentText(path)
            case DecimalTextField():
                return NumberText(path)
            case serializers.DateField() if connection.vendor == "postgresql":
                return Text(path)
            case _:
                return F(path)

    def _loader(self, name: str, declared: Any) -> Loader | None:
        is_sqlite = connection.vendor == "sqlite"
        match declared:
            case WordsField() | serializers.ManyRelatedField():
                return _json
            case serializers.ListSerializer():
                return self._parts_loader(declared.child)
            case serializers.BooleanField() if is_sqlite:
                return bool
            case DecimalTextField() if is_sqlite:
                return lambda value: _number(value, declared)
            case _:
                return None

    def _linked(self, link: str, path: str) -> Any:
        """A column of a linked record; null where that is hidden."""
        kind: Any = self.model._meta.get_field(link).related_model
        if not any(self.hidden.paths(kind)):
            return F(path)
        return Case(When(self.hidden.condition(kind, f"{link}__"), then=Value(None)), default=F(path))

    def _links(self, name: str) -> JsonList:
        """The keys at the other end of a relation to many."""
        relation: Any = self.model._meta.get_field(name)
        if relation.one_to_many:
            rows = relation.related_model.objects.visible_to(self.reader).filter(**{relation.field.name: OuterRef("pk")})
            return JsonList(rows.order_by("pk"), F("key"))
        owned = relation.field if relation.auto_created else relation
        near, far = owned.m2m_field_name(), owned.m2m_reverse_field_name()
        if relation.auto_created:
            near, far = far, near
        rows = owned.remote_field.through.objects.filter(**{near: OuterRef("pk")}).order_by(f"{far}__pk")
        if self.hidden:
            rows = rows.exclude(self.hidden.condition(relation.related_model, f"{far}__"))
        return JsonList(rows, F(f"{far}__key"))

    def _parts(self, name: str, child: Any) -> JsonList:
        """The records that this one is shown with."""
        relation: Any = self.model._meta.get_field(name)
        rows = relation.related_model.objects.visible_to(self.reader).filter(**{relation.field.name: OuterRef("pk")})
        return JsonList(rows.order_by("pk"), JsonObject(Columns(child, self.reader, self.day, self.mark).expressions))

    def _parts_loader(self, child: Any) -> Loader:
        loaders = Columns(child, self.reader, self.day, self.mark).loaders

        def load(text: str) -> list[dict[str, Any]]:
            parts = orjson.loads(text)
            for part in parts:
                for name, loader in loaders.items():
                    if part[name] is not None:
                        part[name] = loader(part[name])
            return parts

        return load

    def _etag(self) -> Any:
        """As `cmast.api.conditional.etag_of` makes it."""
        parts: list[Any] = [Value(f'"{self.model._meta.model_name}-'), F("key"), Value("-"), Cast("version", TextField())]
        day: list[Any] = [Value("-"), Value(self.day.isoformat())] if self.model.depends_on_day else []
        mark = [Value("-"), Value(self.mark)] if self.mark else []
        return Concat(*parts, *day, *mark, Value('"'), output_field=TextField())


def _json(value: Any) -> Any:
    """A list that comes as text, or as JSON already in a part of a record."""
    return orjson.loads(value) if isinstance(value, str) else value


def _number(value: Any, declared: DecimalTextField) -> str:
    """SQLite keeps numbers as floats; read back with the digits that a float holds for certain."""
    number = Context(prec=15).create_decimal_from_float(float(value)) if isinstance(value, float) else value
    return declared.to_representation(round(number, declared.decimal_places) if isinstance(value, float) else number)
