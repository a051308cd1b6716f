"""Loads an edition: a directory of YAML files, read in the order of their names.

Each file maps kinds of record (`programmes.milestone`) to lists of records. The keys of a record are names of model fields;
relations name other records by their keys. `defaults` holds fields for every record of its file. A record may name one that
comes later, if the model allows the relation to be empty until then.

The files win over what is in the database, but only in the fields that they name.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction

from cmast.history.context import changing
from cmast.models import Record, Source

EDITIONS = Path(__file__).parent
#: Fields of a person that are no data.
_PRIVATE = {"password", "last_login"}


class EditionError(Exception):
    """An edition cannot be loaded: where it is wrong (a file, a line, a record), and why."""

    def __init__(self, place: object, reason: object) -> None:
        super().__init__(f"{place}: {reason}")


@dataclass
class Entry:
    """One record as a file states it."""

    file: str
    line: int
    model: type[Record]
    key: str
    fields: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.model._meta.verbose_name} {self.key}"

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, {self.name}"


@dataclass
class Report:
    """How many records of each kind were created, changed and unchanged, and which fields changed."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    changes: list[str] = field(default_factory=list)

    def total(self, outcome: str) -> int:
        return sum(count[outcome] for count in self.counts.values())


def load_edition(directory: Path) -> Report:
    """Load all files of an edition, or nothing. Raises EditionError."""
    entries = list(_read(directory))
    with transaction.atomic(), changing(reason=f"Loaded from the data files of {directory.name}."):
        return _Load(entries).run()


def edition_is_loaded(name: str) -> bool:
    """Whether the briefing of a month, such as `2024-05`, is in the database."""
    month_on = dt.date.fromisoformat(f"{name}-01")
    return Source.objects.filter(kind=Source.Kind.MONTHLY_BRIEFING, edition_month_on=month_on).exists()


# ------------------------------------------------------------------------------------------------------------ reading


class _Mapping(dict[Any, Any]):
    """A mapping that knows its line."""

    line = 0


class _Yaml(yaml.SafeLoader):
    """YAML with exact decimals, with line numbers, and without the silent repetition of a name."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError) as error:
            raise yaml.constructor.ConstructorError(None, None, f"{node.value!r}: {error}", node.start_mark) from error

    def construct_decimal(self, node: yaml.ScalarNode) -> Decimal:
        return Decimal(self.construct_scalar(node))

    def construct_named(self, node: yaml.MappingNode) -> _Mapping:
        mapping = _Mapping(self.construct_mapping(node, deep=True))
        mapping.line = node.start_mark.line + 1
        if len(mapping) < len(node.value):
            (twice, _), *_ = Counter(str(name.value) for name, _ in node.value).most_common(1)
            raise yaml.constructor.ConstructorError(None, None, f"“{twice}” is given twice", node.start_mark)
        return mapping


_Yaml.add_constructor("tag:yaml.org,2002:float", _Yaml.construct_decimal)
_Yaml.add_constructor("tag:yaml.org,2002:map", _Yaml.construct_named)


def _read(directory: Path) -> Iterator[Entry]:
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        raise EditionError(directory, "there are no data files")
    seen: dict[tuple[type[Record], str], Entry] = {}
    for path in paths:
        for entry in _entries(path):
            if first := seen.get((entry.model, entry.key)):
                raise EditionError(entry, f"the key is taken already in {first.file}, line {first.line}")
            seen[entry.model, entry.key] = entry
            yield entry


def _entries(path: Path) -> Iterator[Entry]:
    content = _parse(path)
    defaults = content.pop("defaults", {})
    if not isinstance(defaults, dict):
        raise EditionError(path.name, "defaults must be fields with their values")
    for type_name, rows in content.items():
        model = _model(path, type_name)
        if not isinstance(rows, list):
            raise EditionError(path.name, f"{type_name} must be a list of records")
        for row in rows:
            yield _entry(path, model, defaults, row)


def _parse(path: Path) -> _Mapping:
    try:
        content = _Yaml(path.read_text(encoding="utf-8")).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise EditionError(f"{path.name}{line}", error.problem) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EditionError(path.name, error) from error
    if not isinstance(content, _Mapping):
        raise EditionError(path.name, "the file must map kinds of record to lists of records")
    return content


def _model(path: Path, type_name: object) -> type[Record]:
    try:
        model = apps.get_model(str(type_name))
    except (LookupError, ValueError):
        model = None
    if model is None or not issubclass(model, Record):
        raise EditionError(path.name, f"there is no kind of record called “{type_name}”")
    return model


def _entry(path: Path, model: type[Record], defaults: dict[str, Any], row: object) -> Entry:
    if not isinstance(row, _Mapping):
        raise EditionError(path.name, f"{model._meta.label_lower} holds {row!r}, which is no record")
    entry = Entry(path.name, row.line, model, str(row.get("key") or "without a key"), {**defaults, **row})
    if not isinstance(entry.fields.pop("key", None), str):
        raise EditionError(entry, "a record needs a key, which is a text")
    for name in entry.fields:
        if name not in _field_names(model):
            raise EditionError(entry, f"there is no field called “{name}”")
    return entry


def _field_names(model: type[Record]) -> set[str]:
    fields = (*model._meta.fields, *model._meta.many_to_many)
    return {field.name for field in fields if field.editable and not field.primary_key} - _PRIVATE


# ------------------------------------------------------------------------------------------------------------ writing


class _Later(Exception):
    """A relation names a record that comes later in the edition."""


class _Load:
    """One run over the entries of an edition."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        #: Records by kind and key. None: stated by the edition, not yet written.
        self.records: dict[type[Record], dict[str, Record | None]] = defaultdict(dict)
        for entry in entries:
            self.records[entry.model][entry.key] = None
        for model in self.records:
            self.fetch(model)

    def fetch(self, model: type[Record]) -> None:
        """Take from the database what it has of the records that the edition states."""
        links = [field.name for field in model._meta.many_to_many]
        keys = list(self.records[model])
        self.records[model] |= model._default_manager.prefetch_related(*links).in_bulk(keys, field_name="key")

    def run(self) -> Report:
        report = Report()
        incomplete = []
        last: type[Record] | None = None
        for entry in self.entries:
            if entry.model is not last:
                # Again, because a workstream that moves takes along what belongs to it.
                self.fetch(last := entry.model)
            is_new = self.records[entry.model][entry.key] is None
            changed, is_complete = self.write(entry)
            if not is_complete:
                incomplete.append(entry)
            outcome = "created" if is_new else "changed" if changed else "unchanged"
            report.counts[str(entry.model._meta.verbose_name_plural)][outcome] += 1
            if outcome == "changed":
                report.changes.append(f"{entry.name}: {', '.join(changed)}")
        for entry in incomplete:
            self.write(entry)
        return report

    def write(self, entry: Entry) -> tuple[list[str], bool]:
        """Write what differs. Returns the names of those fields, and whether every relation could be set already."""
        record = self.records[entry.model][entry.key] or entry.model(key=entry.key)
        try:
            values, is_complete = self.values(entry)
            changed = [field for field, value in values.items() if value != _current(record, field)]
            for field in changed:
                if not field.many_to_many:
                    setattr(record, field.attname, values[field])
            if changed and record.pk:
                # Loading its parts may have moved its version since it was read.
                record.refresh_from_db(fields=["version"])
            if changed or record.pk is None:
                record.save()
            for field in changed:
                if field.many_to_many:
                    getattr(record, field.name).set(values[field])
        except ValidationError as error:
            raise EditionError(entry, _reason(error)) from error
        except DatabaseError as error:
            raise EditionError(entry, error) from error
        self.records[entry.model][entry.key] = record
        return [field.name for field in changed], is_complete

    def values(self, entry: Entry) -> tuple[dict[Any, Any], bool]:
        """The fields of an entry with their values; without those whose relation has to wait."""
        values: dict[Any, Any] = {}
        for name, stated in entry.fields.items():
            field: Any = entry.model._meta.get_field(name)
            try:
                values[field] = self.value(field, stated)
            except _Later as later:
                if not (field.many_to_many or field.null):
                    raise ValidationError({name: f"“{later}” must come before this record"}) from later
        return values, len(values) == len(entry.fields)

    def value(self, field: Any, stated: Any) -> Any:
        """What a file states, as the model keeps it: ids for relations."""
        if field.many_to_many:
            if not isinstance(stated, list):
                raise ValidationError({field.name: "must be a list of keys"})
            return {self.pk(field, key) for key in stated}
        if field.is_relation:
            return None if stated is None else self.pk(field, stated)
        # Django would turn these into text or numbers without a word.
        if isinstance(stated, (list, dict)) and not isinstance(field, models.JSONField):
            raise ValidationError({field.name: "must be a single value"})
        if isinstance(stated, bool) and not isinstance(field, models.BooleanField):
            raise ValidationError({field.name: "must not be yes or no"})
        try:
            return field.to_python(stated)
        except ValidationError as error:
            raise ValidationError({field.name: error.messages}) from error

    def pk(self, field: Any, key: Any) -> Any:
        """The id of the record that a relation names."""
        model: type[Record] = field.related_model
        records = self.records[model]
        if not isinstance(key, str):
            raise ValidationError({field.name: f"“{key}” is not the key of a record"})
        if key not in records:
            record = model._default_manager.filter(key=key).first()
            if record is None:
                raise ValidationError({field.name: f"there is no {model._meta.verbose_name} with the key “{key}”"})
            records[key] = record
        if (found := records[key]) is None:
            raise _Later(key)
        return found.pk


def _current(record: Record, field: Any) -> Any:
    if not field.many_to_many:
        return getattr(record, field.attname)
    return {linked.pk for linked in getattr(record, field.name).all()} if record.pk else set()


def _reason(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "; ".join(
        " ".join(messages) if name == "__all__" else f"{name}: {' '.join(messages)}"
        for name, messages in error.message_dict.items()
    )
