"""The one way an endpoint is made: a queryset, a serializer, a FilterSet."""

import datetime as dt
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.api import conditional
from cmast.api.history import ChangeSerializer
from cmast.api.idempotency import once
from cmast.api.pagination import KeysetPagination
from cmast.api.problems import PreconditionFailed, QueryError
from cmast.history.as_of import reading_as_of
from cmast.history.context import changing
from cmast.history.reading import changes_of
from cmast.models import Record
from cmast.models.fields import KEY_PATTERN, ProseField, WordListField
from cmast.models.records import StaleRecord


class RecordViewSet(viewsets.ModelViewSet):
    """List, detail, history, create, update and delete of one model, within what the caller may see and change.

    A subclass sets `queryset`, `serializer_class` and `filterset_class`; `also_ordered` names computed columns to order by.
    """

    queryset: Any
    serializer_class: Any
    lookup_field = "key"
    lookup_value_regex = KEY_PATTERN
    also_ordered: tuple[str, ...] = ()

    # --- Reading ------------------------------------------------------------------------------------------------------

    @property
    def ordering_fields(self) -> list[str]:
        """Every plain column except prose and lists."""
        unordered = models.ForeignKey | ProseField | WordListField | models.BooleanField | models.URLField
        columns = [
            field.name
            for field in self.queryset.model._meta.concrete_fields
            if not isinstance(field, unordered)
            and field.name not in ("id", "password", "last_login", "external_source", "external_id", "printed_as")
        ]
        return [*columns, *self.also_ordered]

    def get_queryset(self) -> models.QuerySet:
        links, lists = self.serializer_class.relations()
        queryset = self.queryset.visible_to(self.request.user).with_computed(self.day_of_question())
        return queryset.select_related(*links).prefetch_related(*lists)

    def day_of_question(self) -> dt.date:
        """The day that computed fields speak about: `?on=`, else that of `?as_of=`, else today."""
        query = self.request.query_params
        try:
            return dt.date.fromisoformat(query.get("on") or query.get("as_of", "")[:10])
        except ValueError:
            return timezone.localdate()  # a wrong day is refused by the FilterSet

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with self._as_of():
            return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with self._as_of():
            if self._is_known():
                return Response(status=status.HTTP_304_NOT_MODIFIED)
            record = self.get_object()
            return Response(self.get_serializer(record).data, headers=self._tag(record))

    def _as_of(self) -> AbstractContextManager[None]:
        """The register as it was, for `?as_of=` a moment, or the end of a day."""
        given = self.request.query_params.get("as_of")
        if given is None:
            return nullcontext()
        caller: Any = self.request.user
        # Read before the tables are replaced: what the caller may see is decided by the roles of today.
        return reading_as_of(moment_of(given)) if caller.reach.is_member else nullcontext()

    def _is_known(self) -> bool:
        """Whether the caller's If-None-Match names the present version; decided by the version alone."""
        known = conditional.tags(self.request.headers.get("If-None-Match", ""))
        if not known:
            return False
        visible = self.queryset.visible_to(self.request.user).filter(key=self.kwargs["key"])
        version = visible.values_list("version", flat=True).first()
        return version is not None and self._etag(self.kwargs["key"], version) in known

    def _tag(self, record: Record) -> dict[str, str]:
        return {"ETag": self._etag(record.key, record.version)}

    def _etag(self, key: str, version: int) -> str:
        return conditional.etag_of(self.queryset.model, key, version, self.day_of_question())

    @action(detail=True, pagination_class=KeysetPagination, filterset_class=None)
    def history(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every change of the record, the latest first: who, when, why, and each field before and after."""
        changes = changes_of(self.queryset.model, kwargs["key"])
        if not changes.exists():
            raise NotFound
        page = KeysetPagination()
        rows = page.paginate_queryset(changes, request, view=Newest())
        return page.get_paginated_response(ChangeSerializer(rows, many=True).data)

    # --- Writing ------------------------------------------------------------------------------------------------------

    @once
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        record = self._read_again(self._write(serializer))
        location = f"{request.path}{record.key}/"
        return Response(self.get_serializer(record).data, status=201, headers={"Location": location, **self._tag(record)})

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        stored = self.get_object()
        conditional.require_match(request, stored)
        serializer = self.get_serializer(stored, data=request.data, partial=kwargs.get("partial", False))
        serializer.is_valid(raise_exception=True)
        try:
            record = self._read_again(self._write(serializer))
        except StaleRecord as error:
            raise self._stale(stored) from error
        return Response(self.get_serializer(record).data, headers=self._tag(record))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        stored = self.get_object()
        with transaction.atomic():
            locked = self.queryset.model.objects.select_for_update().filter(pk=stored.pk).first()
            conditional.require_match(request, locked or stored)
            with changing(reason=request.headers.get("Change-Reason", "")[:500]):
                stored.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def check_object_permissions(self, request: Any, obj: Record) -> None:
        super().check_object_permissions(request, obj)
        if request.method not in ("GET", "HEAD"):
            self._require_editable(obj)

    def _write(self, serializer: Any) -> Record:
        """Write, then look whether the record is still one that the caller may edit; if not, nothing happened."""
        reason = serializer.validated_data.pop("change_reason", "")
        with transaction.atomic(), changing(reason=reason):
            record = serializer.save()
            self._require_editable(record)
        return record

    def _read_again(self, record: Record) -> Record:
        return self.get_queryset().get(pk=record.pk)

    def _stale(self, stored: Record) -> PreconditionFailed:
        now = self.get_queryset().get(pk=stored.pk)
        return PreconditionFailed(conditional.position_of(self.request, now, stored.version))

    def _require_editable(self, record: Record) -> None:
        model: Any = type(record)
        if not model.objects.editable_by(self.request.user).filter(pk=record.pk).exists():
            raise PermissionDenied("You may read this record but not change it.", "not_editable")


class Newest:
    """Pages of a history: the latest first, in no other order."""

    ordering_fields: tuple[str, ...] = ()
    default_ordering = "-pk"


def moment_of(given: str) -> dt.datetime:
    """A moment, or a day, of which the end is meant. Raises QueryError."""
    try:
        day = parse_date(given)
        moment = dt.datetime.combine(day, dt.time.max) if day else parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None or not 1900 <= moment.year <= 2200:
        raise QueryError({"as_of": "Give a day (2024-05-03) or a moment (2024-05-03T12:00:00Z) between 1900 and 2200."})
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
