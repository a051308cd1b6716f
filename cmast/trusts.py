"""The trusts that the collaborative consists of, on any day: 13 until June 2023, 12 since two of them became one."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator

from cmast.models import Organisation, Reader

_MEMBERS = (Organisation.Standing.CORE_MEMBER, Organisation.Standing.DUAL_MEMBER)


class Trusts:
    """The NHS trusts among some organisations that are members, or became one."""

    def __init__(self, organisations: Iterable[Organisation]) -> None:
        trusts = {each.pk: each for each in organisations if each.kind == Organisation.Kind.NHS_TRUST}
        self._successors = {pk: list(_successors(each, trusts)) for pk, each in trusts.items()}
        self.ever = sorted((each for each in trusts.values() if self._is_ours(each)), key=lambda each: each.name)

    @classmethod
    def seen_by(cls, reader: Reader) -> "Trusts":
        return cls(Organisation.objects.visible_to(reader).filter(kind=Organisation.Kind.NHS_TRUST))

    def on(self, day: dt.date, stated: Collection[str] = ()) -> list[Organisation]:
        """Those of that day, by name.

        `stated` are the keys of those that have a figure. One that came later stands for those that it has come from where
        it alone has one, as in figures that were stated anew after a merger; so nothing is counted twice.
        """
        there = [each for each in self.ever if each.is_valid_on(day)]
        for later in self.ever:
            if later.key in stated and later.valid_from and later.valid_from > day:
                before = [each for each in there if later in self._successors[each.pk]]
                if not any(each.key in stated for each in before):
                    there = [each for each in there if each not in before] + [later]
        return sorted(there, key=lambda each: each.name)

    def _is_ours(self, trust: Organisation) -> bool:
        return any(each.standing in _MEMBERS for each in (trust, *self._successors[trust.pk]))


def _successors(trust: Organisation, trusts: dict[int, Organisation]) -> Iterator[Organisation]:
    """What it became, what that became, and so on."""
    seen = {trust.pk}
    while (found := trusts.get(trust.successor_id or 0)) is not None and found.pk not in seen:
        seen.add(found.pk)
        yield found
        trust = found
