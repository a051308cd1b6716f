"""Demo people of the embedded mode, and `var/demo.json`, the only place where their passwords are written."""

import datetime as dt
import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from cmast.models import ApiToken, Membership, Person
from cmast.vocabulary import Role

PEOPLE: dict[str, tuple[str, Role, dict[str, str]]] = {
    "pmo@cmast.example": ("Demo PMO officer", Role.PMO, {}),
    "programme.lead@cmast.example": ("Demo programme lead", Role.PROGRAMME_MANAGER, {"programme": "diagnostics"}),
    "workstream.lead@cmast.example": ("Demo workstream lead", Role.WORKSTREAM_LEAD, {"workstream": "ws-lims"}),
    "trust.contributor@cmast.example": ("Demo trust contributor", Role.TRUST_CONTRIBUTOR, {"organisation": "RBN"}),
    "viewer@cmast.example": ("Demo viewer", Role.VIEWER, {}),
}
TOKENS = {
    "api_token": ("pmo@cmast.example", ApiToken.Scope.WRITE),
    "viewer_token": ("viewer@cmast.example", ApiToken.Scope.READ),
}
LABEL = "demo"
LIFETIME = dt.timedelta(days=365)


def is_complete(demo: dict[str, Any]) -> bool:
    """Whether what the file says still opens the register: its people are there and its tokens run."""
    people = Person.objects.filter(email__in=PEOPLE, is_active=True).count()
    tokens = ApiToken.objects.filter(name=LABEL, user__email__in=PEOPLE, expiry__gt=timezone.now()).count()
    return {*TOKENS, "people"} <= demo.keys() and people == len(PEOPLE) and tokens == len(TOKENS)


@transaction.atomic
def create() -> dict[str, Any]:
    """Make the demo people, or give those that exist new passwords; replace their tokens."""
    people = [_person(email, *details) for email, details in PEOPLE.items()]
    ApiToken.objects.filter(name=LABEL, user__email__in=PEOPLE).delete()
    return {name: _token(*details) for name, details in TOKENS.items()} | {"people": people}


def _person(email: str, name: str, role: Role, place: dict[str, str]) -> dict[str, str]:
    person, _ = Person.objects.get_or_create(email=email, defaults={"name": name})
    password = secrets.token_urlsafe(12)
    person.set_password(password)
    person.is_active = True
    person.save()
    if not person.memberships.filter(role=role).exists():
        Membership.objects.create(person=person, role=role, **_records(place))
    return {"email": email, "password": password, "role": role.value}


def _records(place: dict[str, str]) -> dict[str, Any]:
    """{"programme": "diagnostics"} -> {"programme": <Programme>}."""
    fields: dict[str, Any] = {area: Membership._meta.get_field(area) for area in place}
    return {area: field.related_model.objects.get(key=place[area]) for area, field in fields.items()}


def _token(email: str, scope: str) -> str:
    user = Person.objects.get(email=email)
    _, secret = ApiToken.objects.create(user=user, expiry=LIFETIME, name=LABEL, scope=scope)
    return secret


def read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing where it is missing or broken."""
    try:
        demo = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return demo if isinstance(demo, dict) else {}


def write(path: Path, demo: dict[str, Any]) -> None:
    """Replace the file at once, readable by its owner only."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(demo, indent=2) + "\n")
    os.replace(draft, path)
