"""Parts that must come to their whole: of metrics whose rule is the sum, where every part is stated and all are exact.

What `figure_checks.parts_against_total` finds of any metric is more than the whole. Here less is wrong as well.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils.text import slugify

from cmast.amounts import amount
from cmast.models import Organisation
from cmast.trusts import Trusts
from cmast.vocabulary import Qualifier, ScopeLevel
from metrics import figure_checks
from metrics.figure_checks import counted, monthly, said, when
from metrics.figures import ZERO
from metrics.found import Found, Rule, named
from metrics.models import Metric

#: What a part has in common with its whole.
_OF_PARTS = ("metric_id", "organisation_id", "scope_level", "unit", "period_type", "ends_on")
_OF_TRUSTS = ("metric_id", "unit", "period_type", "ends_on")
Place = tuple[Any, ...]


def parts_against_total() -> Iterator[Found]:
    """Both: what is more than its whole, and what is not the whole though it should be."""
    yield from figure_checks.parts_against_total()
    yield from sums_against_wholes()


def sums_against_wholes() -> Iterator[Found]:
    """Breakdowns against the figure that they break down, and all trusts against the system's published figure."""
    added = monthly().filter(metric__aggregation=Metric.Aggregation.SYSTEM_TOTAL, role_of_scope__isnull=True)
    added = added.select_related("metric")
    yield from _breakdowns(added)
    yield from _trusts(added.filter(breakdown_dimension=""))


def _breakdowns(added: Any) -> Iterator[Found]:
    """A dimension that the metric names is one along which all parts are published."""
    parts: dict[tuple[Place, str], list[Any]] = defaultdict(list)
    for part in added.exclude(breakdown_dimension="").filter(subset_of__isnull=True):
        if part.breakdown_dimension in part.metric.breakdowns:
            parts[_place(part, _OF_PARTS), part.breakdown_dimension].append(part)
    metrics = {place[0] for place, _ in parts}
    wholes = _only(added.filter(breakdown_dimension="", metric__in=metrics), _OF_PARTS)
    for (place, dimension), found in parts.items():
        is_each_once = len({part.breakdown_member for part in found}) == len(found)
        if place in wholes and is_each_once and _differ(wholes[place], found):
            yield _found(wholes[place], found, f"the parts by {dimension.replace('_', ' ')}", slugify(f"{dimension} parts"))


def _trusts(added: Any) -> Iterator[Found]:
    systems = _only(added.filter(scope_level=ScopeLevel.SYSTEM), _OF_TRUSTS)
    metrics = {place[0] for place in systems}
    trusts: dict[Place, list[Any]] = defaultdict(list)
    ours = Trusts(Organisation.objects.all())
    own = Q(scope_level=ScopeLevel.PROVIDER, organisation__in=ours.ever, metric__in=metrics)
    for figure in added.filter(own):
        trusts[_place(figure, _OF_TRUSTS)].append(figure)
    for place, whole in systems.items():
        expected, found = counted(ours, whole, trusts.get(place, []))
        is_complete = len(found) == len(expected) and {figure.organisation_id for figure in found} == expected
        if is_complete and _differ(whole, found):
            yield _found(whole, found, f"all {len(found)} trusts together", "trusts")


def _place(figure: Any, columns: tuple[str, ...]) -> Place:
    return tuple(getattr(figure, name) for name in columns)


def _only(figures: Any, columns: tuple[str, ...]) -> dict[Place, Any]:
    """Those that are alone in their place: of several nobody knows which is the whole."""
    found: dict[Place, list[Any]] = defaultdict(list)
    for figure in figures:
        found[_place(figure, columns)].append(figure)
    return {place: several[0] for place, several in found.items() if len(several) == 1}


def _total(parts: list[Any]) -> Decimal:
    return sum((part.value for part in parts), ZERO)


def _differ(whole: Any, parts: list[Any]) -> bool:
    is_exact = all(figure.qualifier in (None, Qualifier.EXACT) for figure in [whole, *parts])
    return is_exact and _total(parts) != whole.value


def _found(whole: Any, parts: list[Any], who: str, mark: str) -> Found:
    total = amount(_total(parts), whole.unit)
    return Found(
        rule=Rule.PARTS_AGAINST_TOTAL,
        records=tuple(map(named, [whole, *parts])),
        what=f"{whole.metric}, {when(whole)}: {who} come to {total}, not to the whole, {said(whole)}.",
        printed=said(whole),
        computed=total,
        programme=whole.metric.programme_id,
        mark=mark,
    )
