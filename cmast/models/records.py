"""What every record of the register is: a key, a version, its source, and who may see and change it."""

import datetime as dt
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models, transaction
from django.utils.text import slugify

from cmast.models.fields import KeyField, LineField, LinesField, ProseField, WordListField

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from cmast.models.people import Person


class RecordQuerySet(models.QuerySet):
    """Rights are decided here and nowhere else."""

    def visible_to(self, user: "Person | AnonymousUser") -> Self:
        """Members read all records of all trusts; a person without a current role reads nothing."""
        return self.all() if user.is_authenticated and user.reach.is_member else self.none()

    def with_computed(self, today: dt.date) -> Self:
        """Adds the columns that are computed for a day. A model that has any overrides this."""
        return self

    def editable_by(self, user: "Person | AnonymousUser") -> Self:
        """What this person may create, change and delete. `Record.writers` says by which relation."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.reach.is_pmo:
            return self.all()
        model: Any = self.model
        own = models.Q(pk__in=[])
        for area, path in model.writers.items():
            if ids := user.reach.writes[area]:
                own |= models.Q(**{f"{path}__in": ids})
        return self.filter(own)


class Record(models.Model):
    """One fact or thing of the register, with its key, version and provenance.

    A subclass sets `label_field` (what a reader calls it) and `writers` (which relation lets whom change it, besides the
    PMO), and states its rules as constraints and in `clean()`. `save()` checks all of them, whoever calls it.
    """

    label_field: ClassVar[str] = "name"
    #: Area of a membership ("programme", "workstream", "organisation") -> lookup path from this model to it.
    writers: ClassVar[dict[str, str]] = {}
    #: (link, shared): this record's `shared` relation is always that of its `link`. Held by `cmast.triggers`.
    follows: ClassVar[tuple[tuple[str, str], ...]] = ()

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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Complete, check, write; all or nothing. Raises ValidationError with the fields that are wrong."""
        with transaction.atomic():
            self.complete()
            if not self.key:
                self.key = self._new_key()
            self.full_clean()
            if not self._state.adding:
                self.version += 1
            super().save(*args, **kwargs)

    def complete(self) -> None:
        """Fill in what follows from other fields. Called before the checks of each save."""

    def _new_key(self) -> str:
        base = slugify(str(getattr(self, self.label_field) or ""))[:60].strip("-") or type(self).__name__.lower()
        taken = type(self)._default_manager.filter(key=base).exists()
        return f"{base}-{secrets.token_hex(4)}" if taken else base
