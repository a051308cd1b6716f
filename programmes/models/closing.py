"""The end of a programme, workstream or forum: what it leaves behind, and who takes that over.

Each kind of record that outlasts a closure says so itself, in whichever app it lives: `closes_with` (by which relations it
belongs to what is closed), `left_open()` on its queryset, and `loose_end` (what is missing, in a sentence).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.text import get_text_list

from cmast.errors import RuleBroken
from cmast.models import Record, RecordQuerySet
from cmast.models.fields import DayField
from cmast.models.notes import Subject

#: How many loose ends a refusal names.
NAMED = 5


class HeldQuerySet(RecordQuerySet):
    """Records that outlast the programme, workstream or forum that they belong to."""

    def left_open(self) -> Self:
        """What a closure must settle: not closed, or closed without a word on where it went."""
        raise NotImplementedError

    def unhanded(self) -> Self:
        """Left open, and nobody is named who takes it over, by itself or with its workstream."""
        taken = Q(record_type=type_of(self.model), record_key=OuterRef("key"))
        if _has_workstream(self.model):
            taken |= Q(record_type="workstream", record_key=OuterRef("workstream__key"))
        return self.left_open().filter(~Exists(Handover.objects.filter(taken)))

    def orphaned(self) -> Self:
        """Goes on after its programme was closed, and nobody is named who has taken it over."""
        return self.unhanded().filter(programme__status="closed")


class Handover(Subject):
    """Something that is left over at a closure, and who takes it over."""

    touches = ("closure",)
    writers: ClassVar[dict[str, str]] = {"programme": "closure__programme"}

    closure = models.ForeignKey("programmes.Closure", models.CASCADE, related_name="handovers", help_text="The closure.")
    to_programme = models.ForeignKey(
        "programmes.Programme",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Programme that takes it over.",
    )
    to_workstream = models.ForeignKey(
        "programmes.Workstream",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Workstream that takes it over.",
    )
    to_organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Organisation that takes it over.",
    )
    to_person = models.ForeignKey(
        "cmast.Person", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who answers for it from then on."
    )
    accepted_on = DayField(null=True, help_text="Day on which they took it over; empty while they have not.")

    class Meta(Record.Meta):
        verbose_name = "handover"
        verbose_name_plural = "handovers"
        constraints = [
            *Record.Meta.constraints,
            models.UniqueConstraint(
                fields=["closure", "record_type", "record_key"],
                name="programmes_handover_once",
                violation_error_message="This closure says already who takes that record over.",
            ),
            models.CheckConstraint(
                condition=Q(to_programme__isnull=False)
                | Q(to_workstream__isnull=False)
                | Q(to_organisation__isnull=False)
                | Q(to_person__isnull=False),
                name="programmes_handover_to",
                violation_error_message="Say who takes it over: a programme, workstream, organisation or person.",
            ),
        ]
        indexes = [models.Index(fields=["record_type", "record_key"], name="programmes_handover_record")]

    def clean(self) -> None:
        super().clean()
        kinds = [type_of(kind) for kind in held_kinds()]
        if self.record_type not in kinds:
            raise ValidationError({"record_type": f"Only these are handed over: {get_text_list(kinds, 'and')}."})

    @property
    def receiver(self) -> str:
        """Who takes it over, in words."""
        named = (self.to_person, self.to_workstream, self.to_programme, self.to_organisation)
        return ", ".join(str(one) for one in named if one)


def type_of(model: Any) -> str:
    """Name of a kind of record, as in `Subject.record_type`."""
    return str(model._meta.verbose_name).replace(" ", "_")


def _has_workstream(model: Any) -> bool:
    return any(field.name == "workstream" for field in model._meta.concrete_fields)


def held_kinds() -> list[Any]:
    """Kinds of record that outlast a closure, of all apps."""
    return [model for model in apps.get_models() if getattr(model, "closes_with", None)]


# --- The checklist ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """One record that a closure must settle."""

    record: Any
    handover: Handover | None

    @property
    def record_type(self) -> str:
        return type_of(self.record)

    @property
    def kind(self) -> str:
        """The kind of record as the desk says it."""
        return self.record_type.replace("_", " ").capitalize()

    @property
    def is_done(self) -> bool:
        return self.handover is not None

    @property
    def missing(self) -> str:
        """What is still to be said, in a sentence; empty when it is settled."""
        return "" if self.handover else str(self.record.loose_end)


@dataclass(frozen=True)
class Checklist:
    """What the end of a programme, workstream or forum leaves behind, as one reader sees it."""

    subject: Any
    closure: Any
    items: list[Item]

    @property
    def missing(self) -> list[Item]:
        return [item for item in self.items if not item.is_done]


def areas_of(subject: Any) -> dict[str, Any]:
    """What is closed along with this: {"programme": pk}. A programme's board answers for all of its programme."""
    areas = {str(subject._meta.model_name): subject.pk}
    if getattr(subject, "kind", None) == "programme_board" and subject.programme_id:
        areas["programme"] = subject.programme_id
    return areas


def _belonging(model: Any, areas: dict[str, Any]) -> Q:
    belongs = Q(pk__in=[])
    for area, pk in areas.items():
        for path in model.closes_with.get(area, ()):
            belongs |= Q(**{path: pk})
    return belongs


def checklist(subject: Any, reader: Any) -> Checklist:
    """All that the subject leaves open, a query for each kind of record, and the handovers of them."""
    areas = areas_of(subject)
    found: list[Any] = []
    named: dict[str, list[str]] = defaultdict(list)
    for model in held_kinds():
        left = model.objects.visible_to(reader).filter(_belonging(model, areas)).left_open()
        records = list(left.select_related("workstream") if _has_workstream(model) else left)
        found += records
        for kind, key in {name for record in records for name in _names(record)}:
            named[kind].append(key)
    about = Q(pk__in=[])
    for kind, record_keys in named.items():
        about |= Q(record_type=kind, record_key__in=record_keys)
    receivers = ("to_person", "to_workstream", "to_programme", "to_organisation")
    handovers = Handover.objects.visible_to(reader).filter(about).select_related(*receivers).order_by("pk")
    taken = {(one.record_type, one.record_key): one for one in handovers}
    items = [Item(record, next((taken[name] for name in _names(record) if name in taken), None)) for record in found]
    closure = closures_of(subject).filter(pk__in=apps.get_model("programmes", "Closure").objects.visible_to(reader)).first()
    return Checklist(subject, closure, items)


def _names(record: Any) -> list[tuple[str, str]]:
    """What a handover may name that takes this record along: itself, or its workstream."""
    whole = getattr(record, "workstream", None)
    return [(type_of(record), record.key), *([("workstream", whole.key)] if whole else [])]


def closures_of(subject: Any) -> models.QuerySet:
    """The closures of a programme, workstream or forum, the latest first."""
    area = str(subject._meta.model_name)
    whole = {"workstream__isnull": True} if area == "programme" else {}
    closures: Any = apps.get_model("programmes", "Closure")
    found: models.QuerySet = closures.objects.filter(**{area: subject}, **whole).select_related("confirmed_by")
    return found.order_by("-closed_on", "-pk")


# --- Closing ----------------------------------------------------------------------------------------------------------


def conclude(subject: Any, closed_on: dt.date, closure_outcome: str, confirmed_by: Any, by: Any) -> None:
    """Close a programme, workstream or forum, with the record of its closure.

    Raises RuleBroken `handover_missing` while something that it leaves open has nobody who takes it over.
    """
    if closed_on > timezone.localdate():
        raise RuleBroken("not_yet", f"{closed_on:%d %B %Y} is yet to come: close it on the day.")
    if ends := list(_loose_ends(subject)):
        raise RuleBroken("handover_missing", _refusal(subject, ends, by))
    subject.status, subject.closed_on = "closed", closed_on
    for name, value in (("closure_outcome", closure_outcome), ("stage", "closed")):
        if hasattr(subject, name):
            setattr(subject, name, value)
    subject.save()
    closures: Any = apps.get_model("programmes", "Closure")
    closure = closures_of(subject).first() or closures(**{str(subject._meta.model_name): subject})
    closure.closed_on, closure.closure_outcome = closed_on, closure_outcome
    closure.confirmed_by = confirmed_by or closure.confirmed_by
    closure.save()


def require_handed_over(subject: Any) -> None:
    """The same rule for whoever writes the status past `close`. Raises ValidationError. What is new may be closed already."""
    read = getattr(subject, "as_read", {}).get("status")
    if subject.status == "closed" != read and read and next(_loose_ends(subject), None):
        raise ValidationError({"status": "Nobody takes over what it leaves open: see its closure checklist."})


def _loose_ends(subject: Any) -> Iterator[Any]:
    areas = areas_of(subject)
    for model in held_kinds():
        yield from model.objects.filter(_belonging(model, areas)).unhanded()


def _refusal(subject: Any, ends: list[Any], by: Any) -> str:
    """Why it cannot be closed. What this person may not see is not named."""
    hidden = by.reach.hidden if by is not None else None
    seen = [end for end in ends if not (hidden and hidden.hides(end))]
    named = [f"{type_of(end).replace('_', ' ')} “{end}”" for end in seen[:NAMED]]
    if len(seen) > NAMED:
        named.append(f"{len(seen) - NAMED} more")
    if len(seen) < len(ends):
        named.append("something that is not open to you")
    return f"“{subject}” cannot be closed while nobody takes over what it leaves: {get_text_list(named, 'and')}."
