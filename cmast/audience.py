"""Who is asked about a subject: the people of its record, and those who hold a role for its place."""

import datetime as dt
from collections import defaultdict
from typing import Any

from cmast.models import Membership, Person, Suppression
from cmast.models.reminders import Audience
from cmast.vocabulary import Role

#: Where nobody can be reached, the next one is.
_CHAIN = (Audience.OWNER, Audience.LEAD, Audience.SRO, Audience.PMO)
_CHAINS = {word: _CHAIN[place:] for place, word in enumerate(_CHAIN)} | {
    Audience.BODY_SECRETARY: (Audience.BODY_SECRETARY, Audience.PMO)
}
#: Audience -> the name of it in the record, and the role that is held for which place.
_NAMED: dict[str, tuple[str, str, str]] = {
    Audience.OWNER: ("owner", "", ""),
    Audience.LEAD: ("lead", Role.WORKSTREAM_LEAD, "workstream"),
    Audience.SRO: ("sro", Role.SRO, "programme"),
    Audience.PMO: ("", Role.PMO, ""),
    Audience.BODY_SECRETARY: ("", Role.TRUST_CONTRIBUTOR, "organisation"),
}


class Reachable:
    """Everybody whom mail can reach on a day, with their roles. Three queries, whatever is asked."""

    def __init__(self, today: dt.date) -> None:
        suppressed = Suppression.objects.of_all_mail()
        people = Person.objects.filter(is_active=True, email__isnull=False)
        people = people.exclude(pk__in=suppressed.filter(person__isnull=False).values("person"))
        people = people.exclude(email__in=suppressed.filter(address__isnull=False).values("address"))
        self._people = set(people.order_by().values_list("pk", flat=True))
        opted = Suppression.objects.filter(rule__isnull=False, person__isnull=False)
        self._opted_out = set(opted.order_by().values_list("rule", "person"))
        self._roles: dict[tuple[str, int | None], list[int]] = defaultdict(list)
        held = Membership.objects.current(today).filter(role__in=[role for _, role, _ in _NAMED.values() if role])
        for role, person, *places in held.order_by("pk").values_list("role", "person", *_PLACES):
            place = next((pk for pk in places if pk), None)
            if person not in self._roles[role, place]:
                self._roles[role, place].append(person)

    def of(self, audience: str, rule: int, places: dict[str, Any]) -> list[int]:
        """Primary keys of those who are reminded; empty where mail reaches nobody at all."""
        for step in _CHAINS[Audience(audience)]:
            if found := [person for person in self._named(step, places) if person in self._people]:
                return [person for person in found if (rule, person) not in self._opted_out]
        return []

    def _named(self, audience: str, places: dict[str, Any]) -> list[int]:
        link, role, area = _NAMED[audience]
        if person := places.get(link):
            return [person]
        if area and not places.get(area):
            return []
        return self._roles.get((role, places[area] if area else None), [])


_PLACES = ("programme", "workstream", "organisation")
