"""What the triggers are to hold, read from the models; the same for every database."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db import models

from cmast.models import AccessStamp, Record
from cmast.models.records import UNWATCHED

#: Columns that are nobody's business.
SECRET = {"password", *UNWATCHED}


class Table(NamedTuple):
    """A table whose rows are written down."""

    name: str
    columns: list[str]
    record_type: str
    record_table: str
    record_column: str
    is_record: bool

    @property
    def shown(self) -> list[str]:
        return [column for column in self.columns if column not in SECRET]

    @property
    def watched(self) -> list[str]:
        """Columns whose update is a change of the record. Signing in is not."""
        return [column for column in self.columns if column != "id" and column not in UNWATCHED]


class Touch(NamedTuple):
    """When a row of `table` changes in `columns`, the rows of `other` whose `column` is its `source` move their version."""

    name: str
    table: str
    columns: list[str]
    other: str
    column: str
    source: str
    condition: str = ""  # of the row of `table`
    is_echoed: bool = False  # the table moves its own version by an update, which must not touch once more
    is_of_whole: bool = False  # `other` are parts of `table` and touch it: they must not touch back

    def statement(self, row: str) -> str:
        """Writing the key, which is fixed, moves the version as well, and is what `fires_on` leaves out."""
        column = "key" if self.is_of_whole else "version"
        condition = f" AND {row}.{self.condition}" if self.condition else ""
        return f"UPDATE {self.other} SET {column} = {column} WHERE {self.column} = {row}.{self.source}{condition};"

    @property
    def fires_on(self) -> str:
        """Columns whose update touches, where that is any."""
        (columns,) = (table.columns for table in tables() if table.name == self.table)
        return ", ".join(f'"{column}"' for column in columns if column != "key")


def tables() -> list[Table]:
    """Every table of a record, and of a many-to-many relation that a record owns."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        meta: Any = model._meta
        owner: Any = meta.auto_created
        columns = [field.column for field in meta.concrete_fields]
        if issubclass(model, Record):
            found.append(Table(meta.db_table, columns, meta.label_lower, meta.db_table, "id", True))
        elif owner and issubclass(owner, Record):
            relation = next(field for field in owner._meta.many_to_many if field.remote_field.through is model)
            column = meta.get_field(relation.m2m_field_name()).column
            found.append(Table(meta.db_table, columns, owner._meta.label_lower, owner._meta.db_table, column, False))
    return found


def touches() -> list[Touch]:
    """What moves the version of another record, from the models."""
    found = []
    for model in apps.get_models():
        if not issubclass(model, Record):
            continue
        table = model._meta.db_table
        found.append(_restricting(model))
        for name in model.touches:
            relation: Any = model._meta.get_field(name)
            other = relation.related_model._meta.db_table
            if relation.many_to_many:
                through = relation.remote_field.through._meta
                column = through.get_field(relation.m2m_reverse_field_name()).column
                found.append(Touch(f"{through.db_table}_touch", through.db_table, [], other, "id", column))
            else:
                found.append(Touch(f"{table}_{name}_touch", table, [], other, "id", relation.column, is_echoed=True))
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and (watched := _shown_of_target(model, field)):
                target = field.related_model._meta.db_table
                name, is_of_whole = f"{table}_{field.name}_shown", field.name in model.touches
                found.append(Touch(name, target, watched, table, field.column, "id", is_of_whole=is_of_whole))
    return found


def _restricting(model: type[Record]) -> Touch:
    """A record that is restricted, or open again, has changed for those who read it."""
    named, table = str(model._meta.verbose_name).replace(" ", "_"), model._meta.db_table
    condition = f"record_type = '{named}'"
    return Touch(f"{table}_restricting", "cmast_restriction", [], table, "id", "record_id", condition, is_echoed=True)


def _shown_of_target(model: type[Record], field: models.ForeignKey) -> list[str]:
    """Columns of a linked record that the linking one is shown or computed with."""
    target: Any = field.related_model
    if not issubclass(target, Record):
        return []
    label = target.label_field
    columns = {column.name: column.column for column in target._meta.concrete_fields}
    shown = [columns[label]] if label in columns and label != "key" and target._meta.label_lower != "cmast.source" else []
    return [*shown, *(columns[name] for name in dict(model.computed_from).get(field.name, ()))]


def access_tables() -> dict[str, str]:
    """Table that decides who may do what -> its columns, without those whose change decides nothing."""
    models_of = {str(model._meta.db_table): model for model in apps.get_models(include_auto_created=True)}
    return {
        name: ", ".join(f'"{f.column}"' for f in models_of[name]._meta.concrete_fields if f.column not in UNWATCHED)
        for name in AccessStamp.TABLES
    }


class Follow(NamedTuple):
    """Tables and columns of a `Record.follows`: the child's `shared` is that of the parent that it links to."""

    name: str
    child: str
    parent: str
    link: str
    shared: str


def follows() -> Iterator[Follow]:
    for model in apps.get_models():
        if issubclass(model, Record):
            for link, shared in model.follows:
                link_field: Any = model._meta.get_field(link)
                shared_field: Any = model._meta.get_field(shared)
                table, parent = model._meta.db_table, link_field.related_model._meta.db_table
                yield Follow(f"{table}_{link}_{shared}", table, parent, link_field.column, shared_field.column)
