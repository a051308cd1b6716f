"""Addresses by which people answer from an e-mail."""

from collections.abc import Iterable

from django.conf import settings
from django.core import signing
from django.urls import reverse

from cmast.models import AnswerLink, Person, Record

FEWER = "cmast.fewer"


def answer_address(person: Person, record: Record) -> str:
    """Where this person answers for this record, once, for 30 days. Each call makes another link; the secret is not kept."""
    return answer_addresses(person, [record])[0]


def answer_addresses(person: Person, records: Iterable[Record]) -> list[str]:
    """The same for all records of one e-mail, in their order and in one statement."""
    return [absolute(reverse("answer", args=[secret])) for secret in AnswerLink.objects.issue(person, records)]


def fewer_address(person: Person, rules: Iterable[int]) -> str:
    """Where this person stops the reminders of these rules."""
    return absolute(reverse("fewer", args=[signing.dumps([person.pk, sorted(rules)], salt=FEWER)]))


def absolute(path: str) -> str:
    """An address of the register as it stands in an e-mail or a calendar."""
    return f"{settings.PUBLIC_URL}{path}"
