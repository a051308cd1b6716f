"""What every record of the register is: a key, a version, its source, and who may see and change it."""

import datetime as dt
import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models.fields.json import KT
from django.utils.text import slugify

from cmast import inserting, shapes
from cmast.errors import RuleBroken
from cmast.history.context import current
from cmast.models.fields import KeyField, LineField, LinesField, ProseField, WordListField
from cmast.vocabulary import Rag

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from cmast.models.people import Person


#: What the triggers say when an update carries an old version.
STALE = "cmast_stale_version"
#: Columns whose change is no change of the record.
UNWATCHED = {"last_login"}
#: Types of which equal values are the same in every way.
_PLAIN = {str, int, dt.date, type(None)}
#: What the ORM is told of rows that may be there already.
_OF_CONFLICTS = ("on_conflict", "update_fields", "unique_fields")


class StaleRecord(RuleBroken):
    """Somebody else has changed the record in the meantime."""

    def __init__(self, record: "Record") -> None:
        super().__init__("stale", f"“{record}” has been changed by somebody else since you read it.")
        self.record = record


def known_keys(model: Any, keys: Collection[str]) -> dict[str, tuple[bool, int]]:
    """Key -> whether a record has it, and the last version under it, for the keys that the history knows.

    A key that was used before goes on with its versions, so that no tag of the old record fits the new one.
    """
    changes: Any = apps.get_model("cmast", "Change")._default_manager  # its module needs this one
    meta = model._meta

    def build(values: shapes.Values) -> models.QuerySet:
        own = changes.filter(record_type=meta.label_lower, record_key__any=values["keys"], table=meta.db_table).order_by()
        last = changes.filter(pk__in=own.values("record_key").annotate(last=models.Max("pk")).values("last")).order_by()
        return last.values_list("record_key", "operation", KT("before__version"))

    shape = ("known keys", model, len(keys) == 1)
    found = shapes.rows(shape, build, {"keys": [*keys]}) if keys else []
    return {key: (operation != "delete", int(version or 0)) for key, operation, version in found}


class RecordQuerySet(models.QuerySet):
    """Rights are decided here and nowhere else."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        records = list(objs)
        self.give_keys(records)
        return super().bulk_create(records, *args, **kwargs)

    def give_keys(self, records: Collection[Any]) -> None:
        """A key for each new record that brings none, and the version that each begins with: one look into the history."""
        brought = {record.key for record in records if record.key}
        bases = [record.key or record.key_base() for record in records]
        known = known_keys(self.model, {*bases})
        taken = brought | {key for key, (is_taken, _) in known.items() if is_taken}
        for record, base in zip(records, bases, strict=True):
            record.key = record.key or record.key_from(base, base in taken)
            record.version = known.get(record.key, (False, 0))[1] + 1
            taken.add(record.key)

    def _insert(self, objs: Any, fields: Any, returning_fields: Any = None, raw: bool = False, **more: Any) -> list[Any]:
        """Where every new row of the ORM comes by, of `save()` and of `bulk_create()`."""
        if not raw and returning_fields == [self.model._meta.pk] and not any(more.get(name) for name in _OF_CONFLICTS):
            with suppress(inserting.NotPlain):
                return inserting.insert(fields, objs)
        by_the_orm: Any = super()
        return by_the_orm._insert(objs, fields, returning_fields, raw, **more)

    def visible_to(self, user: "Person | AnonymousUser") -> Self:
        """Members read the records of all trusts but those restricted to others; a person without a current role nothing."""
        if not user.is_authenticated or not user.reach.is_member:
            return self.none()
        return self.exclude(user.reach.hidden.condition(self.model)) if user.reach.hidden else self.all()

    def with_computed(self, today: dt.date) -> Self:
        """Adds the columns that are computed for a day. A model that has any overrides this."""
        return self

    def editable_by(self, user: "Person | AnonymousUser") -> Self:
        """What this person may create, change and delete. `Record.writers` says by which relation."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.reach.is_pmo:
            return self.visible_to(user)
        model: Any = self.model
        own = models.Q(pk__in=[])
        for area, path in model.writers.items():
            if ids := user.reach.writes[area]:
                own |= models.Q(**{f"{path}__in": ids})
        return self.visible_to(user).filter(own)


class Record(models.Model):
    """One fact or thing of the register, with its key, version and provenance.

    A subclass sets `label_field` (what a reader calls it) and `writers` (which relation lets whom change it, besides the
    PMO), and states its rules as constraints and in `clean()`. `save()` checks all of them, whoever calls it.
    """

    label_field: ClassVar[str] = "name"
    #: Area of a membership ("programme", "workstream", "organisation") -> lookup path from this model to it.
    writers: ClassVar[dict[str, str]] = {}
    #: (link, shared): this record's `shared` relation is always that of its `link`. Held by `cmast.history.triggers`.
    follows: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: Links to the earlier statement of the same thing: where that is hidden, so is this.
    restates: ClassVar[tuple[str, ...]] = ()
    #: Relations to records that are shown with this one as a part of them: when it changes, their version moves too.
    touches: ClassVar[tuple[str, ...]] = ()
    #: Fields besides dates, status and RAG whose stated value is not changed without a reason.
    also_reasoned: ClassVar[tuple[str, ...]] = ()
    #: Computed columns depend on the day of asking.
    depends_on_day: ClassVar[bool] = False
    #: (link, columns): computed columns of this record read these columns of the linked one.
    computed_from: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()

    #: Column -> value as it was read, to see what changes.
    as_read: dict[str, Any]

    key = KeyField()
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts the changes of this record.")
    source = models.ForeignKey(
        "cmast.Source", models.PROTECT, null=True, blank=True, related_name="+", help_text="Document that states this record."
    )
    source_lines = LinesField(help_text="Lines of the source document, such as 234 or 234-238.")
    printed_as = LineField(blank=True, help_text="The figure or name as the source prints it, where that was cleaned.")
    inferred = WordListField(help_text="Fields that the source does not state and that were supplied by us.")
    note = ProseField(blank=True, help_text="Anything a later reader needs to know.")
    external_source = LineField(
        max_length=100, null=True, blank=True, help_text="System that keeps this record, where another one does."
    )
    external_id = LineField(max_length=200, null=True, blank=True, help_text="Identifier of this record in that system.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="When the record was entered.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When the record was last changed.")

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["external_source", "external_id"],
                name="%(app_label)s_%(class)s_external",
                violation_error_message="Another record already has this external_source and external_id.",
            ),
            models.CheckConstraint(
                condition=models.Q(external_source__isnull=True, external_id__isnull=True)
                | models.Q(external_source__isnull=False, external_id__isnull=False),
                name="%(app_label)s_%(class)s_external_pair",
                violation_error_message="external_source and external_id belong together: give both or neither.",
            ),
        ]

    def __str__(self) -> str:
        return str(getattr(self, self.label_field) or self.key)

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Complete, check, write; all or nothing.

        Raises ValidationError with the fields that are wrong, and StaleRecord when somebody else has changed the record since
        this copy of it was read: the database compares the versions, whatever path the write takes.
        """
        is_update = not self._state.adding
        if is_update and update_fields is not None and set(update_fields) <= UNWATCHED:
            return super().save(*args, update_fields=update_fields, **kwargs)
        try:
            with transaction.atomic():
                self.complete()
                if not is_update:
                    type(self)._default_manager.give_keys([self])
                self._check_what_needs_no_query()
                self.require_reason()
                super().save(*args, update_fields=update_fields, force_update=is_update, **kwargs)
        except IntegrityError as error:
            if STALE in str(error):
                raise StaleRecord(self) from error
            self.full_clean()  # what the database has refused, in the words of the rule
            raise
        if is_update:
            self.version += 1
        self._note_as_read()

    def _do_insert(self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: bool) -> list[Any]:
        """By the queryset of records, not by a plain one."""
        plain: Any = super()
        return plain._do_insert(type(self)._default_manager, using, fields, returning_fields, raw)

    def lock(self) -> None:
        """From here to the end of the transaction nobody else changes the record, and this copy is what is stored.

        Raises DoesNotExist when somebody has deleted it.
        """
        manager: Any = type(self)._default_manager
        linked = dict(self._state.fields_cache)
        self.refresh_from_db(from_queryset=manager.select_for_update())
        for name, other in linked.items():  # what was fetched beside it need not be fetched again
            if isinstance(other, models.Model) and getattr(self, f"{name}_id", None) == other.pk:
                self._state.fields_cache[name] = other
        self._note_as_read()

    @classmethod
    @cache
    def reasoned(cls) -> set[str]:
        """Fields whose stated value is not changed without a reason: dates, status, RAG and what a model adds to them."""
        dates = {f.name for f in cls._meta.concrete_fields if isinstance(f, models.DateField) and f.name.endswith("_on")}
        words = {f.name for f in cls._meta.concrete_fields if f.name in ("status", "stated_status", "stage", "rag", "outcome")}
        return dates | words | set(cls.also_reasoned)

    def _note_as_read(self) -> None:
        loaded = self.__dict__
        self.as_read = {f.attname: loaded[f.attname] for f in self._meta.concrete_fields if f.attname in loaded}

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> Self:
        record = super().from_db(db, field_names, values, **options)
        record.as_read = dict(zip(field_names, values, strict=True))
        return record

    def require_reason(self) -> None:
        """Raises ValidationError when a stated value of `reasoned()` changes and nobody has said why."""
        read = getattr(self, "as_read", {})
        if not read or current().reason:
            return
        unstated = (None, Rag.NOT_SET)
        changed = [n for n in sorted(self.reasoned()) if read.get(n) not in unstated and read[n] != getattr(self, n)]
        if changed:
            said = ValidationError(
                f"Say why: {', '.join(name.removesuffix('_id') for name in changed)} changes.", code="reason_required"
            )
            raise ValidationError({"change_reason": said})

    def clean_fields(self, exclude: Collection[str] | None = None, sound: set[tuple[str, Any]] | None = None) -> None:
        """As Django does. Of many records, `sound` keeps what each column was found right with, which needs no second look."""
        if sound is None:
            return super().clean_fields(exclude)
        left_out = set(exclude or ())
        stated = {(n, value) for n, value in vars(self).items() if type(value) in _PLAIN and n not in left_out}
        super().clean_fields(left_out.union(name for name, _ in stated & sound))
        sound |= stated

    def complete(self) -> None:
        """Fill in what follows from other fields. Called before the checks of each save."""

    @classmethod
    def require_links(cls, relation: str, pairs: Collection[tuple[int, int]]) -> None:
        """Refuse new rows of a relation to many, as (primary key here, there), that break a rule. Raises ValidationError."""

    def key_base(self) -> str:
        """What the key is made from where none is given."""
        return slugify(str(getattr(self, self.label_field) or ""))[:60].strip("-") or type(self).__name__.lower()

    @staticmethod
    def key_from(base: str, is_taken: bool) -> str:
        """A new key; one that is taken gets a suffix that nobody can guess."""
        return f"{base}-{secrets.token_hex(4)}" if is_taken else base

    def _check_what_needs_no_query(self) -> None:
        """Links and constraints are left to the database, which checks them anyway. Whoever is wrong is told all of it."""
        try:
            self.clean_fields(exclude={f.name for f in self._meta.concrete_fields if isinstance(f, models.ForeignKey)})
            self.clean()
        except ValidationError:
            self.full_clean()
            raise
