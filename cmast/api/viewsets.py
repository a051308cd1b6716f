"""The one way an endpoint is made: a queryset, a serializer, a FilterSet."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework import status, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.models import Record
from cmast.models.fields import KEY_PATTERN, ProseField, WordListField


class RecordViewSet(viewsets.ModelViewSet):
    """List, detail, create, update and delete of one model, within what the caller may see and change.

    A subclass sets `queryset`, `serializer_class` and `filterset_class`; `also_ordered` names computed columns to order by.
    """

    queryset: Any
    lookup_field = "key"
    lookup_value_regex = KEY_PATTERN
    also_ordered: tuple[str, ...] = ()

    @property
    def ordering_fields(self) -> list[str]:
        """Every plain column except prose and lists."""
        columns = [
            field.name
            for field in self.queryset.model._meta.concrete_fields
            if not isinstance(field, models.ForeignKey | ProseField | WordListField | models.BooleanField | models.URLField)
            and field.name not in ("id", "password", "last_login", "external_source", "external_id", "printed_as")
        ]
        return [*columns, *self.also_ordered]

    def get_queryset(self) -> models.QuerySet:
        serializer: Any = self.get_serializer_class()
        links, lists = serializer.relations()
        queryset = self.queryset.visible_to(self.request.user).with_computed(self._day_of_question())
        return queryset.select_related(*links).prefetch_related(*lists)

    def _day_of_question(self) -> dt.date:
        """The day that computed fields speak about: `?on=`, else today."""
        try:
            return dt.date.fromisoformat(self.request.query_params.get("on", ""))
        except ValueError:
            return timezone.localdate()  # a wrong day is refused by the FilterSet

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        record = self._write(serializer.save)
        route: Any = request.resolver_match
        location = reverse(route.view_name.replace("-list", "-detail"), args=[record.key])
        return Response(self._as_read(record), status=status.HTTP_201_CREATED, headers={"Location": location})

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            serializer = self.get_serializer(self.get_object(), data=request.data, partial=kwargs.get("partial", False))
            serializer.is_valid(raise_exception=True)
            return Response(self._as_read(self._write(serializer.save)))

    def _as_read(self, record: Record) -> Any:
        return self.get_serializer(self.get_queryset().get(pk=record.pk)).data

    def perform_destroy(self, instance: Record) -> None:
        with transaction.atomic():
            instance.delete()

    def check_object_permissions(self, request: Any, obj: Record) -> None:
        super().check_object_permissions(request, obj)
        if request.method not in ("GET", "HEAD"):
            self._require_editable(obj)

    def _write(self, save: Callable[[], Record]) -> Record:
        """Write, then look whether the record is still one that the caller may edit; if not, nothing happened."""
        with transaction.atomic():
            record = save()
            self._require_editable(record)
        return record

    def _require_editable(self, record: Record) -> None:
        model: Any = type(record)
        if not model.objects.editable_by(self.request.user).filter(pk=record.pk).exists():
            raise PermissionDenied("You may read this record but not change it.", "not_editable")
