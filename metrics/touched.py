"""Which series the changes of the register concern, found in the history by a few queries, however many changes there are."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Model, Q, QuerySet
from django.db.models.fields.json import KT

from cmast.models import Change, Organisation, Restriction
from metrics.models import Metric, Observation
from metrics.models.rollups import SOURCES, hidden

#: Metric, organisation, part.
Key = tuple[int, int, str]
#: What of an organisation decides which trusts the collaborative consists of.
_STANDING = ("kind", "standing", "valid_from", "valid_to", "successor_id")


class Touched(NamedTuple):
    """Series by their key, whole metrics, or everything."""

    series: set[Key]
    metrics: set[int]
    is_all: bool = False


def since(position: int, upto: int) -> Touched:
    """What the changes behind one place of the feed, up to another, concern."""
    changes = Change.objects.filter(entry__position__gt=position, entry__position__lte=upto).order_by()
    changes = changes.exclude(operation=Change.Operation.TOUCH)
    tables = set(changes.values_list("table", flat=True).distinct())
    series: set[Key] = set()
    metrics: set[int] = set()
    if _table(Observation) in tables:
        for values in _sides(changes, Observation, "metric_id", "organisation_id", "breakdown_member"):
            series.add((int(values[0]), int(values[1]), values[2] or ""))
    if (members := _table(Observation.members.through)) in tables:
        owners = changes.filter(table=members).values("record_id")
        found = Observation.objects.filter(pk__in=owners).order_by()
        series |= set(found.values_list("metric_id", "organisation_id", "breakdown_member").distinct())
    if _table(Metric) in tables:
        metrics |= set(changes.filter(table=_table(Metric)).values_list("row_id", flat=True))
    for kind in SOURCES[1:]:
        if _table(kind) in tables:
            metrics |= {int(pk) for (pk,) in _sides(changes, kind, "metric_id")}
    if _table(Restriction) in tables:
        metrics |= _restricted(changes)
    return Touched(series, metrics, _table(Organisation) in tables and _moves_members(changes))


def _table(kind: type[Model]) -> str:
    return str(kind._meta.db_table)


def _sides(changes: QuerySet, kind: type[Model], *columns: str) -> Iterator[Any]:
    """The columns as they were and as they became, each only once."""
    own = changes.filter(table=_table(kind))
    for side, other in (("before", Change.Operation.INSERT), ("after", Change.Operation.DELETE)):
        named = {f"{column}_": KT(f"{side}__{column}") for column in columns}
        yield from own.exclude(operation=other).values_list(*named.values()).distinct()


def _restricted(changes: QuerySet) -> set[int]:
    """Metrics of which something is restricted, or open again."""
    named = hidden(_sides(changes, Restriction, "record_type", "record_id"))
    found = set(Metric.objects.filter(named.condition(Metric)).values_list("pk", flat=True))
    for kind in SOURCES:
        found |= set(kind._default_manager.filter(named.condition(kind)).order_by().values_list("metric", flat=True))
    return found


def _moves_members(changes: QuerySet) -> bool:
    own: Any = changes.filter(Q(table=_table(Organisation)))
    return any(set(change.differences) & set(_STANDING) for change in own)
