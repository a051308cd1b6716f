"""Records that only some people may see, and what that hides from everybody else."""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from cmast.models.changes import Change
from cmast.models.fields import DayField, LineField, WordField
from cmast.models.notes import Note, NoteSubject, Subject, nothing_named, record_types
from cmast.models.records import Record, RecordQuerySet
from cmast.vocabulary import Role, Words

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from cmast.models.people import Person


class RestrictionQuerySet(RecordQuerySet):
    def visible_to(self, user: "Person | AnonymousUser") -> Self:
        """Those who are named, and the administrator, who can name others; each naming is in the history."""
        visible = super().visible_to(user)
        if not user.is_authenticated or any(membership.role == Role.ADMIN for membership in user.current_memberships):
            return visible
        return visible.filter(pk__in=Restriction.named.through.objects.filter(person=user.pk).values("restriction"))

    def editable_by(self, user: "Person | AnonymousUser") -> Self:
        return super().editable_by(user).visible_to(user)

    def holding(self, today: dt.date) -> Self:
        """Those whose day has not come."""
        return self.filter(Q(lifted_on__isnull=True) | Q(lifted_on__gt=today))

    def over(self, today: dt.date) -> Self:
        return self.filter(lifted_on__lte=today)


class Restriction(Record):
    """One record that only the people named here may see, with everything that belongs to it; to others it does not exist.

    Whoever restricts a record names themselves too, or loses sight of it. Lifting it means deleting the restriction.
    """

    class Kind(Words):
        COMMERCIAL = "commercial"
        PRIVATE_SESSION = "private_session"
        EMBARGOED = "embargoed"

    label_field = "record_key"

    record_type = LineField(max_length=60, help_text="Kind of record, in the singular: approval, benefit, decision.")
    record_key = LineField(max_length=100, help_text="Key of that record.")
    record_id = models.BigIntegerField(editable=False, help_text="Primary key of that record, also when it is deleted.")
    kind = WordField(Kind, help_text="Why it is not for everybody.")
    lifted_on = DayField(
        null=True, help_text="Day from which it is for everybody again, such as that of an official publication; often none."
    )
    named = models.ManyToManyField("cmast.Person", related_name="+", help_text="Who may see the record.")

    objects: ClassVar = RestrictionQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "restriction"
        verbose_name_plural = "restrictions"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["record_type", "record_id"],
                name="cmast_restriction_once",
                violation_error_message="This record is restricted already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_type} {self.record_key}"

    def complete(self) -> None:
        model = record_types().get(self.record_type)
        if model and not self.record_id:
            found: Any = model._default_manager.filter(key=self.record_key).values_list("pk", flat=True)
            self.record_id = found.first()

    def clean(self) -> None:
        read = getattr(self, "as_read", {})
        if moved := [n for n in ("record_type", "record_key") if read.get(n, getattr(self, n)) != getattr(self, n)]:
            raise ValidationError(dict.fromkeys(moved, "A restriction stays with its record: lift it and make another."))
        if self.record_type not in restrictable():
            raise ValidationError({"record_type": f"“{self.record_type}” is no kind of record that can be restricted."})
        if not self.record_id:
            raise ValidationError({"record_key": nothing_named(self.record_type, self.record_key)})

    @property
    def restricted(self) -> Record | None:
        """The record itself; None where it is deleted."""
        model: Any = record_types()[self.record_type]
        return model.objects.filter(pk=self.record_id).first()


def restrictable() -> dict[str, type[Record]]:
    """Kinds of record that can be restricted: all but people and what says who may do what.

    What is shown as a part of another record is restricted with it: counts and scores of the whole would tell of the part.
    """
    kept_open = ("person", "membership", "restriction")
    kinds = record_types().items()
    return {name: kind for name, kind in kinds if name not in kept_open and not belongs_to(kind).keys() & {*kind.touches}}


@cache
def belongs_to(model: type[models.Model]) -> dict[str, type[Record]]:
    """Link -> kind of record that a record of this kind is a part of: what its rights come from, what it would be deleted with,
    and what it says anew.

    What is hidden hides its parts, and so an embargo also holds for the revisions of a figure.
    """
    paths = [path for area, path in getattr(model, "writers", {}).items() if area not in ("organisation", "person")]
    names = {path.split("__")[0] for path in paths if path != "id"} | {"parent", *getattr(model, "restates", ())}
    found: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            remote: Any = field.remote_field
            if field.name in names or remote.on_delete is models.CASCADE:
                found[field.name] = field.related_model
    return found


@cache
def has_dependants(model: type[models.Model]) -> bool:
    """Whether other rows are hidden because this record is: its parts, and the rows of its relations to many."""
    kinds = [kind for kind in apps.get_models() if issubclass(kind, Record)]
    return bool(model._meta.many_to_many) or any(model in belongs_to(kind).values() for kind in kinds)


class Hidden:
    """What is hidden from one person, found out once per request and nothing where nothing is restricted.

    Sets of primary keys for kinds of record that have parts; kinds that have none are known by their link to what hides them.
    """

    def __init__(self, stated: dict[type[models.Model], set[int]] | None = None) -> None:
        #: Kind of record -> primary keys that restrictions name.
        self.stated = stated or {}
        self._known: dict[type[models.Model], set[int]] = {}
        self._of: dict[frozenset[type[models.Model]], Hashable] = {}

    @classmethod
    def stated_for(cls, person: "Person") -> Self:
        """What restrictions that do not name this person state."""
        named = Restriction.named.through.objects.filter(person=person.pk).values("restriction")
        stated: dict[type[models.Model], set[int]] = defaultdict(set)
        others = Restriction.objects.holding(timezone.localdate()).exclude(pk__in=named)
        for name, pk in others.order_by().values_list("record_type", "record_id"):
            stated[record_types()[name]].add(pk)
        return cls(stated)

    def __bool__(self) -> bool:
        return bool(self.stated)

    @cached_property
    def mark(self) -> str:
        """The same for those from whom the same is hidden; empty where nothing is."""
        stated = sorted((model._meta.label, sorted(ids)) for model, ids in self.stated.items())
        return f"h{hashlib.sha256(repr(stated).encode()).hexdigest()[:8]}" if stated else ""

    def ids(self, model: type[models.Model]) -> set[int]:
        """Primary keys that are known to be hidden, deleted records included. Only for kinds with parts they are all."""
        if not self.stated:
            return set()
        if model not in self._known:
            self._known[model] = set(self.stated.get(model, ()))
            if has_dependants(model):
                self._known[model] |= self._parts(model)
        return self._known[model]

    def _parts(self, model: type[models.Model]) -> set[int]:
        found: set[int] = set()
        own = [link for link, kind in belongs_to(model).items() if kind is model]
        links = {link: self.ids(kind) for link, kind in belongs_to(model).items() if link not in own}
        rows = model._default_manager.filter(_any(links)) if any(links.values()) else model._default_manager.none()
        found |= set(rows.order_by().values_list("pk", flat=True))
        found |= self._deleted(model, links)
        if own:
            found |= self._below(model, own, found | self._known[model])
        for subject in Subject.__subclasses__():
            if subject._meta.get_field(subject.touches[0]).related_model is model:
                found |= self._about_hidden(model, subject)
        return found

    def _about_hidden(self, model: type[models.Model], subject: type[Subject]) -> set[int]:
        """Records of this kind that are about anything hidden. Only a note can be about such records, and not about notes."""
        about = Q(pk__in=[])
        for name, kind in record_types().items():
            if kind not in (Note, NoteSubject, model, subject) and any(self.paths(kind)):
                keys = kind._default_manager.filter(self.condition(kind)).order_by().values("key")
                about |= Q(record_type=name, record_key__in=keys)
                gone = Change.objects.filter(table=kind._meta.db_table, row_id__in=self.ids(kind), operation="delete")
                about |= Q(record_type=name, record_key__in=gone.order_by().values("record_key"))
        return set(subject._default_manager.filter(about).order_by().values_list(subject.touches[0], flat=True))

    @staticmethod
    def _deleted(model: type[models.Model], links: dict[str, set[int]]) -> set[int]:
        """Parts that are no longer there, as the history knows them."""
        columns = {f"before__{link}_id": ids for link, ids in links.items()}
        if not any(columns.values()):
            return set()
        gone = Change.objects.filter(_any(columns), table=model._meta.db_table, operation=Change.Operation.DELETE)
        return set(gone.order_by().values_list("row_id", flat=True))

    @classmethod
    def _below(cls, model: type[models.Model], own: list[str], above: set[int]) -> set[int]:
        """All that hangs on these in a tree of records of one kind, or says them anew."""
        found: set[int] = set()
        while above:
            links = dict.fromkeys(own, above)
            rows = model._default_manager.filter(_any(links)).order_by().values_list("pk", flat=True)
            above = (set(rows) | cls._deleted(model, links)) - found
            found |= above
        return found

    def paths(self, model: type[models.Model]) -> Iterator[tuple[str, set[int]]]:
        """(path from the model, primary keys at its end) for all that hides a record of this kind."""
        if not self.stated:
            return
        if ids := self.ids(model):
            yield "pk", ids
        if not has_dependants(model):
            for link, kind in belongs_to(model).items():
                if ids := self.ids(kind):
                    yield link, ids

    def of(self, kinds: frozenset[type[models.Model]]) -> Hashable:
        """What is hidden of these kinds: who has the same, has the same queries. Empty where nothing is hidden at all."""
        if not self.stated:
            return ()
        if kinds not in self._of:
            found = ((kind, tuple((path, tuple(sorted(ids))) for path, ids in self.paths(kind))) for kind in kinds)
            self._of[kinds] = frozenset(found)
        return self._of[kinds]

    def condition(self, model: type[models.Model], prefix: str = "") -> Q:
        """What is true of hidden records, for a query on the model, or with a prefix on one that links to it."""
        return _any({f"{prefix}{path}": ids for path, ids in self.paths(model)})

    def hides(self, record: models.Model) -> bool:
        """Whether this record is hidden. Asks for nothing that is not loaded."""
        return any(
            record.pk in ids if path == "pk" else getattr(record, f"{path}_id") in ids for path, ids in self.paths(type(record))
        )

    def settle(self) -> None:
        """Find out everything now, before the tables are replaced by those of another moment."""
        for kind in record_types().values() if self.stated else ():
            # Then they may have belonged elsewhere, but it is today that hides them.
            present = kind._default_manager.filter(self.condition(kind)).order_by().values_list("pk", flat=True)
            self._known[kind] = self.ids(kind) | set(present)


def _any(paths: dict[str, set[int]]) -> Q:
    """One of these links leads to one of these primary keys."""
    either = Q(pk__in=[])
    for path, ids in paths.items():
        if ids:
            either |= Q(**{f"{path}__in": ids})
    return either
