"""People, what they may do, and the tokens of systems that act for them."""

import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from knox.models import AbstractAuthToken

from cmast.models.fields import DayField, LineField, WordField, at_most_one, in_order
from cmast.models.records import Record, RecordQuerySet
from cmast.models.restrictions import Hidden
from cmast.vocabulary import Role, Words

#: Role -> the area that it writes in. A role that is not named here reads.
RIGHTS: dict[str, str] = {
    Role.ADMIN: "everything",
    Role.PMO: "everything",
    Role.SRO: "programme",
    Role.PROGRAMME_DIRECTOR: "programme",
    Role.PROGRAMME_MANAGER: "programme",
    Role.WORKSTREAM_LEAD: "workstream",
    Role.TRUST_CONTRIBUTOR: "organisation",
    Role.TRUST_APPROVER: "organisation",
}


@dataclass
class Reach:
    """Where a person's current memberships reach: whether they read at all, and the ids of what they write in."""

    is_member: bool = False
    is_pmo: bool = False
    writes: dict[str, set[int]] = field(
        default_factory=lambda: {"programme": set(), "workstream": set(), "organisation": set(), "person": set()}
    )
    #: Restricted records that do not exist for this person.
    hidden: Hidden = field(default_factory=Hidden)

    def may_write(self, model: type[Record]) -> bool:
        """Whether there can be any record of this kind that the person may write."""
        return self.is_pmo or any(self.writes[area] for area in model.writers)


class MembershipQuerySet(RecordQuerySet):
    def current(self, today: dt.date) -> "MembershipQuerySet":
        """Memberships that hold on that day."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=today), Q(valid_to__isnull=True) | Q(valid_to__gte=today)
        )


#: Built at run time, so nothing can be known of it before.
UserRecordManager: Any = BaseUserManager.from_queryset(RecordQuerySet)


class PersonManager(UserRecordManager):
    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        """A person with the administrator's role, for `manage.py createsuperuser`."""
        fields.setdefault("name", email.partition("@")[0])
        person = self.model(email=self.normalize_email(email), **fields)
        person.set_password(password)
        person.save()
        Membership.objects.create(person=person, role=Role.ADMIN)
        return person


class Person(AbstractBaseUser, Record):
    """Somebody who is named, keeps the register, reads it or is reminded. The e-mail address is the name to sign in with.

    Leads answer from their mail and may have no password; a person that a document names may have no address either.
    """

    name = LineField(max_length=200, help_text="Full name.")
    honours = LineField(max_length=50, blank=True, help_text="Letters after the name.")
    email = models.EmailField(
        null=True,
        blank=True,
        unique=True,
        help_text="Work address, and the name to sign in with.",
        error_messages={"unique": "Another person already has this address."},
    )
    is_active = models.BooleanField(default=True, help_text="Untick when somebody leaves: access ends at once, history stays.")

    objects: ClassVar = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta(Record.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name

    def complete(self) -> None:
        self.email = self.email.strip().lower() if self.email else None
        if not self.password:
            self.set_unusable_password()

    @cached_property
    def current_memberships(self) -> list["Membership"]:
        """Roles held today, read once per request; none for a leaver."""
        return list(self.memberships.current(timezone.localdate())) if self.is_active else []

    @cached_property
    def reach(self) -> Reach:
        """What the current memberships allow, found out once per request."""
        reach = Reach(hidden=Hidden.stated_for(self)) if self.current_memberships else Reach()
        for membership in self.current_memberships:
            reach.is_member = True
            reach.writes["person"].add(self.pk)
            area = RIGHTS.get(membership.role)
            if area == "everything":
                reach.is_pmo = True
            elif area and (pk := getattr(membership, f"{area}_id")):
                reach.writes[area].add(pk)
        return reach

    @property
    def rights(self) -> Hashable:
        """All that queries tell this person from others by, besides what is hidden."""
        roles = frozenset(membership.role for membership in self.current_memberships)
        writes = frozenset((area, frozenset(ids)) for area, ids in self.reach.writes.items())
        return self.pk, self.is_active, roles, writes

    @property
    def is_staff(self) -> bool:
        """The admin is the PMO's desk."""
        return self.reach.is_pmo

    @property
    def is_superuser(self) -> bool:
        return self.reach.is_pmo

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.reach.is_pmo

    def has_module_perms(self, app_label: str) -> bool:
        return self.reach.is_pmo


def anybody() -> Person:
    """A member from whom nothing is hidden, for what is the same for every reader."""
    person = Person()
    person.__dict__ |= {"reach": Reach(is_member=True), "current_memberships": []}
    return person


#: Somebody who reads, signed in or not.
Reader = Person | AnonymousUser


class Membership(Record):
    """A person's role on a programme, a workstream or for an organisation, from one day to another."""

    label_field = "role"

    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships", help_text="Who.")
    role = WordField(Role, help_text="What they do, and with it what they may change.")
    programme = models.ForeignKey(
        "programmes.Programme", models.PROTECT, null=True, blank=True, related_name="memberships", help_text="For a programme."
    )
    workstream = models.ForeignKey(
        "programmes.Workstream",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="memberships",
        help_text="For a workstream.",
    )
    organisation = models.ForeignKey(
        "cmast.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="memberships",
        help_text="For an organisation.",
    )
    valid_from = DayField(null=True, help_text="First day; empty: since always.")
    valid_to = DayField(null=True, help_text="Last day; empty: until further notice.")

    objects: ClassVar = MembershipQuerySet.as_manager()

    class Meta(Record.Meta):
        verbose_name = "membership"
        verbose_name_plural = "memberships"
        constraints = [
            *Record.Meta.constraints,
            in_order("valid_from", "valid_to"),
            at_most_one("programme", "workstream", "organisation"),
            *(
                models.CheckConstraint(
                    condition=~Q(role__in=[role for role, where in RIGHTS.items() if where == area])
                    | Q(**{f"{area}__isnull": False}),
                    name=f"cmast_membership_{area}_role",
                    violation_error_message=f"This role is held on one {area}: say which.",
                )
                for area in ("programme", "workstream", "organisation")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_role_display()}"


class ApiToken(AbstractAuthToken):
    """A bearer token of a system. Only its digest is stored; it acts with its owner's rights, within its scope."""

    class Scope(Words):
        READ = "read"
        WRITE = "write"

    name = LineField(max_length=100, help_text="Which system uses it.")
    scope = WordField(Scope, default=Scope.READ, help_text="Read only, or read and write.")

    class Meta:
        verbose_name = "API token"
        verbose_name_plural = "API tokens"
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key})"
