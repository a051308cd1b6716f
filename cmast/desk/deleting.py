"""What goes with records that are deleted, and what keeps them from it, without what is hidden from the reader."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import NestedObjects
from django.db import models, router
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from cmast.desk.forms import disguise
from cmast.models import Person, Record

#: What Django's confirmation pages are made of: names as a tree, numbers by kind, kinds that may not go, names in the way.
Deleted = tuple[list[Any], dict[str, int], set[str], list[str]]


class SeenObjects(NestedObjects):
    """All that hangs on some records, as far as the reader may see it."""

    def __init__(self, reader: Person, **options: Any) -> None:
        super().__init__(**options)
        self.reader = reader

    def related_objects(self, related_model: Any, related_fields: Any, objs: Any) -> models.QuerySet:
        found: Any = super().related_objects(related_model, related_fields, objs)
        if issubclass(related_model, Record):
            return found.filter(pk__in=self._seen(related_model))
        links = {field.name: field.related_model for field in related_model._meta.concrete_fields if field.related_model}
        for link, kind in links.items():
            if issubclass(kind, Record):
                found = found.filter(models.Q(**{f"{link}__isnull": True}) | models.Q(**{f"{link}__in": self._seen(kind)}))
        return found

    def _seen(self, kind: Any) -> models.QuerySet:
        return kind._default_manager.visible_to(self.reader).order_by().values("pk")


def deleted_with(records: Any, request: HttpRequest, site: admin.AdminSite) -> Deleted:
    """As `ModelAdmin.get_deleted_objects`."""
    reader: Any = request.user
    seen: Any = SeenObjects(reader, using=router.db_for_write(Person), origin=records)
    seen.collect(records)
    kept: set[str] = set()

    def name(record: Any) -> str:
        if isinstance(record, Record):
            disguise(record, reader)
        meta, desk = record._meta, site._registry.get(type(record))
        if desk is None:
            return f"{capfirst(meta.verbose_name)}: {record}"
        if not desk.has_delete_permission(request, record):
            kept.add(str(meta.verbose_name))
        url = reverse(f"{site.name}:{meta.app_label}_{meta.model_name}_change", args=[record.pk])
        return format_html('{}: <a href="{}">{}</a>', capfirst(meta.verbose_name), url, record)

    numbers = {str(kind._meta.verbose_name_plural): len(found) for kind, found in seen.model_objs.items()}
    return seen.nested(name), numbers, kept, [name(record) for record in seen.protected]
