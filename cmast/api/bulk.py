"""Many rows in one request, written in a fixed number of statements.

Every row is checked as a single request would be, but what the checks ask of the database is asked for all rows at once: which
records exist, what the keys of links mean, which versions are stored, who may edit. What only the database can decide (unique
values, constraints) it decides when the rows are written; where it refuses, the rows at fault are found by halving.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Max, Q
from django.utils import timezone
from drf_standardized_errors.formatter import flatten_errors
from rest_framework import exceptions, serializers, status
from rest_framework.serializers import as_serializer_error

from cmast.api.conditional import etag_of, tags, version_in
from cmast.api.finding import all_visible, editable
from cmast.api.problems import Conflict, PreconditionFailed, PreconditionRequired
from cmast.api.serializers import KeyRelatedField, OneOfField, Remembering, Strict
from cmast.errors import RuleBroken
from cmast.history.context import changing
from cmast.models import Change, Record

MAX_ROWS = 1000
NATURAL_KEY = ("external_source", "external_id")


class RowsField(serializers.ListField):
    """Rows that are looked at one by one only where one of them is no object; what is in them is checked later."""

    child = serializers.DictField()

    def run_child_validation(self, data: Any) -> Any:
        return data if all(type(row) is dict for row in data) else super().run_child_validation(data)


class BulkSerializer(Strict):
    """Rows to write, at most 1,000."""

    OPERATIONS = ("create", "update", "upsert")

    operation = OneOfField(
        OPERATIONS,
        help_text="create: new records. update: records named by key or external_source and external_id, of which each row "
        "gives what changes. upsert: update what exists, create what does not.",
    )
    atomic = serializers.BooleanField(
        default=True, help_text="All rows or none. With false, what is right is written and what is wrong is answered."
    )
    change_reason = serializers.CharField(
        required=False, default="", max_length=500, help_text="Why. Needed when a date, status, RAG, score or target changes."
    )
    rows = RowsField(
        min_length=1,
        max_length=MAX_ROWS,
        help_text="Each as in a single request, with `etag` as you read it where a record is updated. It may be left out while "
        "nobody else has changed the record since.",
    )


class RowErrorSerializer(serializers.Serializer):
    """What is wrong with a row, and where."""

    pointer = serializers.CharField(help_text="JSON pointer into the body.")
    code = serializers.CharField(help_text="Stable word for programs.")
    detail = serializers.CharField(help_text="One sentence for people.")


class RowAnswerSerializer(serializers.Serializer):
    """What became of a row."""

    status = serializers.IntegerField(
        help_text="As a single request would be answered: 201, 200, 400, 403, 404, 409, 412, 428; 424 for what was right but "
        "not written because others were wrong."
    )
    key = serializers.CharField(required=False, help_text="Key of the record.")
    version = serializers.IntegerField(required=False, help_text="Version of the record now.")
    etag = serializers.CharField(required=False, help_text="ETag of the record now.")
    errors: Any = RowErrorSerializer(many=True, required=False, help_text="What is wrong with the row.")


class BulkAnswerSerializer(serializers.Serializer):
    """What became of all rows, in their order."""

    created = serializers.IntegerField(help_text="Rows that became new records.")
    updated = serializers.IntegerField(help_text="Rows that changed a record.")
    failed = serializers.IntegerField(help_text="Rows that were not written.")
    rows = RowAnswerSerializer(many=True, help_text="One answer per row.")


class RowsRefused(exceptions.APIException):
    """A row is wrong, so that none was written."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_rows"

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        wrong = sum("errors" in answer for answer in answers)
        super().__init__(f"Nothing was written: {wrong} of {len(answers)} rows cannot be.")
        self.current = {"errors": [error for answer in answers for error in answer.get("errors", ())], "rows": answers}


@dataclass
class Row:
    """One row on its way."""

    number: int
    given: dict[str, Any]
    record: Any = None
    is_new: bool = True
    changed: set[str] = field(default_factory=set)
    lists: dict[str, list[Record]] = field(default_factory=dict)
    status: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, error: Exception) -> None:
        """Remember why the row cannot be written, in the words that a single request would be answered with."""
        if isinstance(error, DjangoValidationError):
            error = exceptions.ValidationError(as_serializer_error(error))
        if isinstance(error, RuleBroken):
            error = Conflict(error.message, error.code)
        self.status = getattr(error, "status_code", status.HTTP_409_CONFLICT)
        for found in flatten_errors(getattr(error, "detail", _REFUSED)):
            place = f"/{found.attr}" if found.attr not in (None, "non_field_errors", "__all__") else ""
            self.errors.append({"pointer": f"/rows/{self.number}{place}", "code": found.code, "detail": str(found.detail)})


_REFUSED = exceptions.ErrorDetail("The database refuses this: it breaks a rule of the register.", "constraint")


class Bulk:
    """The work on one request."""

    def __init__(self, view: Any, request: Any) -> None:
        self.view, self.user = view, request.user
        self.model: Any = view.queryset.model
        asked = BulkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        self.operation, self.is_atomic = asked.validated_data["operation"], asked.validated_data["atomic"]
        self.reason = asked.validated_data["change_reason"]
        self.rows = [Row(number, given) for number, given in enumerate(asked.validated_data["rows"])]
        self.links = {f.name for f in self.model._meta.concrete_fields if isinstance(f, models.ForeignKey)}
        columns = self.model._meta.concrete_fields
        self.columns = [f.attname for f in columns]
        self.defaults = [f.get_default() for f in columns]
        self.made_anew = [(place, f.get_default) for place, f in enumerate(columns) if f.has_default() and callable(f.default)]
        self.sound: set[tuple[str, Any]] = set()
        self.day = view.day_of_question()
        self.relations = {relation.name for relation in self.model._meta.many_to_many}
        #: Primary key -> version of what was written.
        self.versions: dict[int, int] = {}

    def run(self) -> dict[str, Any]:
        """Check and write. Raises RowsRefused where all was to be written and something cannot be."""
        with transaction.atomic(savepoint=not self.view.is_atomic), changing(reason=self.reason):
            self._find()
            self._check()
            self._stop_if_refused()
            self._write_what_may_be_edited()
            self._stop_if_refused()
            answers = [_refusal(row) if row.errors else self._answer(row) for row in self.rows]
        numbers = {what: sum(row.status == code for row in self.rows) for what, code in (("created", 201), ("updated", 200))}
        return {**numbers, "failed": len(self.rows) - sum(numbers.values()), "rows": answers}

    def _fine(self) -> list[Row]:
        return [row for row in self.rows if not row.errors]

    def _stop_if_refused(self) -> None:
        if self.is_atomic and len(self._fine()) < len(self.rows):
            raise RowsRefused([_refusal(row) for row in self.rows])

    # --- What is there ------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        """Lock the records that the rows name, in one order, and see whether this caller may change them."""
        if self.operation == "create":
            return
        keys = [row.given["key"] for row in self.rows if isinstance(row.given.get("key"), str)]
        sources = {source for row in self.rows if (pair := _natural_key(row)) for source in pair[:1]}
        ids = {pair[1] for row in self.rows if (pair := _natural_key(row))}
        named = Q(key__in=keys) | Q(external_source__in=sources, external_id__in=ids)
        found = self.model.objects.visible_to(self.user).filter(named).select_related(*self.links).order_by("pk")
        stored = list(found.select_for_update(of=("self",)))
        may_change = editable(self.model, [record.pk for record in stored], self.user)
        by_key = {record.key: record for record in stored}
        by_pair = {(record.external_source, record.external_id): record for record in stored}
        last_writers = self._last_writers(stored)
        seen: dict[int, int] = {}
        for row in self.rows:
            key = row.given.get("key")
            record = by_key.get(key) if isinstance(key, str) else by_pair.get(_natural_key(row))
            try:
                self._meet(row, record, may_change, last_writers, seen)
            except exceptions.APIException as error:
                row.refuse(error)

    def _meet(
        self, row: Row, record: Any, editable: dict[int, int], last_writers: dict[int, str], seen: dict[int, int]
    ) -> None:
        """Let a row update the record that it names, if it is one that this caller has read and may change."""
        if record is None:
            if self.operation == "update":
                raise exceptions.NotFound("There is no such record: name it by key or by external_source and external_id.")
            return
        if record.pk in seen:
            raise exceptions.ValidationError(f"Row {seen[record.pk]} is about the same record.", "repeated")
        seen[record.pk] = row.number
        row.record, row.is_new = record, False
        if record.pk not in editable:
            raise exceptions.PermissionDenied("You may read this record but not change it.", "not_editable")
        given = tags(str(row.given.get("etag") or ""))
        if not given and last_writers.get(record.pk) != self.user.key:
            raise PreconditionRequired("Say which version you change: give the record's etag.")
        if given and record.version not in [version_in(tag, record) for tag in given]:
            raise PreconditionFailed({})

    def _last_writers(self, stored: list[Any]) -> dict[int, str]:
        """Primary key -> key of the person who changed the record last."""
        changes = Change.objects.filter(record_type=self.model._meta.label_lower, record_id__in=[r.pk for r in stored])
        last = changes.exclude(operation=Change.Operation.TOUCH).order_by().values("record_id").annotate(last=Max("pk"))
        return dict(Change.objects.filter(pk__in=last.values("last")).order_by().values_list("record_id", "actor"))

    # --- Checks -------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        context = self.view.get_serializer_context() | {"known": self._known(), "remembering": Remembering()}
        for row in self._fine():
            try:
                self._fill(row, self.view.serializer_class.reused(row.record, row.given, context, partial=not row.is_new))
            except (exceptions.APIException, DjangoValidationError, RuleBroken) as error:
                row.refuse(error)

    def _known(self) -> dict[tuple[type[Record], str], Record]:
        """Every record that the rows link to by key and that the caller may see, in one query per kind of record."""
        wanted: dict[Any, set[str]] = defaultdict(set)
        fields = self.view.serializer_class.reused(None, None, {}).fields
        given = {name for row in self._fine() for name in row.given}
        for name in given & fields.keys():
            declared = fields[name]
            linked: Any = getattr(declared, "child_relation", declared)
            if isinstance(linked, KeyRelatedField) and not declared.read_only:
                values = (row.given.get(name) for row in self._fine())
                wanted[self.model._meta.get_field(name).related_model] |= {key for value in values for key in _texts(value)}
        return {(kind, key): record for kind, keys in wanted.items() for key, record in self._linked(kind, keys).items()}

    def _linked(self, kind: Any, keys: set[str]) -> dict[str, Any]:
        further = tuple(f.name for f in kind._meta.concrete_fields if isinstance(f, models.ForeignKey))
        return all_visible(kind, keys, self.user, further)

    def _fill(self, row: Row, serializer: Any) -> None:
        """The record as the row wants it, checked by all rules but those that only the database can."""
        if "change_reason" in row.given:
            raise exceptions.ValidationError({"change_reason": ["Give one reason for all rows, beside them."]})
        unread = row.given.keys() & ({"etag"} if row.is_new else {"etag", "key"})
        values = serializer.run_validation({n: v for n, v in row.given.items() if n not in unread} if unread else row.given)
        row.lists = {name: values.pop(name) for name in self.relations & values.keys()}
        row.record = row.record or self._blank()
        before = None if row.is_new else dict(vars(row.record))
        for name, value in values.items():
            setattr(row.record, name, value)
        row.record.complete()
        if before:
            row.changed = {name for name in self.columns if vars(row.record)[name] != before[name]}
        # The keys of links were looked up already.
        row.record.clean_fields(self.links if row.record.key else self.links | {"key"}, self.sound)
        row.record.clean()
        row.record.require_reason()

    def _blank(self) -> Any:
        """A new record, without finding out for each what is the same for all."""
        values = self.defaults.copy()
        for place, made in self.made_anew:
            values[place] = made()
        return self.model(*values)

    # --- Writing ------------------------------------------------------------------------------------------------------

    def _write_what_may_be_edited(self) -> None:
        """Write, then look whether each record is still one that the caller may edit; rows of others are taken out again."""
        while rows := self._fine():
            with transaction.atomic():
                self._write(rows)
                written = [row for row in rows if not row.errors]
                self.versions = editable(self.model, [row.record.pk for row in written], self.user)
                outside = [row for row in written if row.record.pk not in self.versions]
                if not outside:
                    return
                transaction.set_rollback(True)
            for row in outside:
                row.refuse(exceptions.PermissionDenied("This is not yours to write.", "not_editable"))
            for row in rows:
                row.record.pk = None if row.is_new else row.record.pk
                row.record._state.adding = row.is_new

    def _write(self, rows: list[Row]) -> None:
        self._halving([row for row in rows if row.is_new], self._insert)
        self._halving([row for row in rows if not row.is_new], self._update)
        self._set_lists([row for row in rows if not row.errors])

    def _halving(self, rows: list[Row], write: Any) -> None:
        """Write all rows in one statement; where the database refuses, each half by itself, until the row at fault is found."""
        if not rows:
            return
        try:
            with transaction.atomic():
                write(rows)
        except IntegrityError as error:
            if len(rows) == 1:
                rows[0].refuse(_explained(rows[0].record, error))
                return
            middle = len(rows) // 2
            self._halving(rows[:middle], write)
            self._halving(rows[middle:], write)

    def _insert(self, rows: list[Row]) -> None:
        self.model.objects.bulk_create([row.record for row in rows])

    def _update(self, rows: list[Row]) -> None:
        names = {self.model._meta.get_field(column).name for row in rows for column in row.changed}
        now = timezone.now()
        for row in rows:
            row.record.updated_at = now
        self.model.objects.bulk_update([row.record for row in rows], [*sorted(names), "updated_at"])

    def _set_lists(self, rows: list[Row]) -> None:
        """Rows of relations to many: what is no longer wanted goes, what is new comes."""
        for relation in self.model._meta.many_to_many:
            wanted = {
                (row.record.pk, linked.pk) for row in rows if relation.name in row.lists for linked in row.lists[relation.name]
            }
            owners = [row.record.pk for row in rows if relation.name in row.lists]
            if not owners:
                continue
            through: Any = relation.remote_field.through
            near, far = f"{relation.m2m_field_name()}_id", f"{relation.m2m_reverse_field_name()}_id"
            seen = relation.related_model.objects.visible_to(self.user).order_by().values("pk")
            stored = through.objects.filter(**{f"{near}__in": owners, f"{far}__in": seen}).values_list("pk", near, far)
            gone = [pk for pk, *pair in stored if tuple(pair) not in wanted]
            kept = {tuple(pair) for _, *pair in stored}
            if gone:
                through.objects.filter(pk__in=gone).delete()
            self.model.require_links(relation.name, wanted - kept)
            through.objects.bulk_create(through(**{near: owner, far: other}) for owner, other in sorted(wanted - kept))

    # --- Answers ------------------------------------------------------------------------------------------------------

    def _answer(self, row: Row) -> dict[str, Any]:
        version = self.versions[row.record.pk]
        row.status = status.HTTP_201_CREATED if row.is_new else status.HTTP_200_OK
        etag = etag_of(self.model, row.record.key, version, self.day, self.user.reach.hidden)
        return {"status": row.status, "key": row.record.key, "version": version, "etag": etag}


def _refusal(row: Row) -> dict[str, Any]:
    """A row that is right but was not written is answered by what kept it from being so: the others."""
    if not row.errors:
        return {"status": status.HTTP_424_FAILED_DEPENDENCY}
    return {"status": row.status, "errors": row.errors}


def _natural_key(row: Row) -> Any:
    pair = tuple(row.given.get(name) for name in NATURAL_KEY)
    return pair if all(isinstance(part, str) for part in pair) else None


def _texts(value: Any) -> list[str]:
    """The keys in a value that should be a key or a list of keys; anything else is left to its field to refuse."""
    return [key for key in (value if isinstance(value, list) else [value]) if isinstance(key, str) and "\x00" not in key]


def _explained(record: Record, error: IntegrityError) -> Exception:
    """The refusal of the database in the words of the rule that was broken, where the model knows it."""
    try:
        record.full_clean()
    except DjangoValidationError as explained:
        return explained
    return error
