"""The one way an endpoint is made: a queryset, a serializer, a FilterSet."""

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models, transaction
from django.http import HttpResponse, HttpResponseNotModified
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmast.api import conditional, lists
from cmast.api.authentication import is_outdated, read_again
from cmast.api.bulk import Bulk
from cmast.api.finding import is_editable, is_plainly_own
from cmast.api.history import ChangeSerializer
from cmast.api.idempotency import once
from cmast.api.pagination import KeysetPagination
from cmast.api.past import day_of_question, the_past
from cmast.api.problems import PreconditionFailed
from cmast.api.serializers import VerbSerializer
from cmast.history.context import changing
from cmast.history.reading import changes_of
from cmast.models import Record
from cmast.models.access import one_moment
from cmast.models.fields import KEY_PATTERN, ProseField, WordListField
from cmast.models.records import StaleRecord
from cmast.models.verbs import Verb, verbs_of


class RecordViewSet(viewsets.ModelViewSet):
    """List, detail, history, create, update and delete of one model, within what the caller may see and change.

    A subclass sets `queryset`, `serializer_class` and `filterset_class`; `also_ordered` names computed columns to order by,
    `needs_key` the actions that are refused without an Idempotency-Key.
    """

    queryset: Any
    serializer_class: Any
    lookup_field = "key"
    lookup_value_regex = KEY_PATTERN
    also_ordered: tuple[str, ...] = ()
    needs_key: tuple[str, ...] = ("bulk",)
    #: Actions that read the access stamp with their rows.
    confirms_access = ("list", "retrieve")
    #: The whole request is one transaction, so that what is refused needs no savepoint.
    is_atomic = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Each verb of the model is an action."""
        super().__init_subclass__(**kwargs)
        for name, verb in verbs_of(cls.queryset.model).items() if hasattr(cls, "queryset") else ():
            if name not in cls.__dict__:
                setattr(cls, name, _action_of(verb, cls))
            if verb.needs_key:
                cls.needs_key = (*cls.needs_key, name)

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
        links, lists = self.serializer_class.relations(self.request.user)
        queryset = self.queryset.visible_to(self.request.user).with_computed(self.day_of_question())
        return queryset.select_related(*links).prefetch_related(*lists)

    def day_of_question(self) -> dt.date:
        """The day that computed fields speak about: `?on=`, else that of `?as_of=`, else today."""
        return day_of_question(self.request)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if "as_of" not in request.query_params:
            with suppress(lists.NotPlain):
                return self._answer(self._with_present_rights(lambda: lists.page(self, request)))
        self._confirm()
        with the_past(self.request):
            return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if "as_of" in request.query_params:
            self._confirm()
            with the_past(self.request):
                record = self.get_object()
                return Response(self.get_serializer(record).data, headers=self._tag(record))
        if tag := self._with_present_rights(self._known_tag):
            return HttpResponseNotModified(headers={"ETag": tag})
        found = self._with_present_rights(lambda: lists.record(self, request, self.kwargs["key"]))
        if found is None:
            raise NotFound
        return self._answer(found[0], ETag=found[1])

    def _with_present_rights(self, read: Callable[[], Any]) -> Any:
        """What is read; once more, with the rights of the same moment, where the caller's have changed since they were read."""
        try:
            return read()
        except lists.AccessChanged:
            with one_moment():
                read_again(self.request)
                self.check_permissions(self.request)
                return read()

    def _confirm(self) -> None:
        """The caller's rights are still those that were read."""
        if is_outdated(self.request):
            read_again(self.request)
            self.check_permissions(self.request)

    @staticmethod
    def _answer(body: bytes, status: int = 200, **headers: str) -> HttpResponse:
        return HttpResponse(body, status=status, content_type="application/json", headers=headers)

    def _known_tag(self) -> str | None:
        """The tag of the present version, where the caller's If-None-Match names it; decided by the version alone."""
        known = conditional.tags(self.request.headers.get("If-None-Match", ""))
        version = lists.version(self, self.request, self.kwargs["key"]) if known else None
        tag = None if version is None else self._etag(self.kwargs["key"], version)
        return tag if tag in known else None

    def _tag(self, record: Record) -> dict[str, str]:
        return {"ETag": self._etag(record.key, record.version)}

    def _etag(self, key: str, version: int) -> str:
        reader: Any = self.request.user
        return conditional.etag_of(self.queryset.model, key, version, self.day_of_question(), reader.reach.hidden)

    @action(detail=True, pagination_class=KeysetPagination, filterset_class=None)
    def history(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every change of the record, the latest first: who, when, why, and each field before and after."""
        changes = changes_of(self.queryset.model, kwargs["key"], request.user)
        if not changes.exists():
            raise NotFound
        page = KeysetPagination()
        rows = page.paginate_queryset(changes, request, view=Newest())
        return page.get_paginated_response(ChangeSerializer(rows, many=True, context={"reader": request.user}).data)

    # --- Writing ------------------------------------------------------------------------------------------------------

    @once
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return self._created(request.data)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        stored = self.get_object()
        conditional.require_match(request, stored)
        return self._updated(stored, request.data, partial=kwargs.get("partial", False))

    @action(detail=False, methods=["put"], url_path="external/(?P<external_source>[^/]+)/(?P<external_id>.+)")
    def external(self, request: Request, external_source: str, external_id: str) -> HttpResponse:
        """Create or replace the record that another system keeps under this id.

        If-Match may be left out while nobody but the caller has changed the record.
        """
        named = {"external_source": external_source, "external_id": external_id}
        body = self._with_natural_key(request.data, named)
        stored = self.get_queryset().filter(**named).first()
        if stored is None:
            conditional.require_absence_allowed(request)
            return self._created(body)
        self.check_object_permissions(request, stored)
        conditional.require_match_unless_last_writer(request, stored)
        return self._updated(stored, body)

    @action(detail=False, methods=["post"])
    @once
    def bulk(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Create, update or upsert up to 1,000 records, with an answer per row in the order of the rows."""
        return Response(Bulk(self, request).run())

    def _with_natural_key(self, body: Any, named: dict[str, str]) -> Any:
        """The body with the natural key of its address; one that says otherwise is refused. Raises ValidationError."""
        wrong: dict[str, list[str]] = {}
        for name, value in named.items():
            try:
                self.queryset.model._meta.get_field(name).clean(value, None)
            except DjangoValidationError as error:
                wrong[name] = error.messages
            if isinstance(body, dict) and body.get(name, value) != value:
                wrong[name] = ["The address says otherwise."]
        if wrong:
            raise ValidationError(wrong)
        return body | named if isinstance(body, dict) else body

    def _created(self, body: Any) -> HttpResponse:
        serializer = self.serializer_class.reused(None, body, self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return self._new(self._write(serializer))

    def _new(self, record: Record) -> HttpResponse:
        return self._written(record, status=201, Location=reverse(f"{self.basename}-detail", args=[record.key]))

    def _updated(self, stored: Record, body: Any, partial: bool = False) -> HttpResponse:
        serializer = self.serializer_class.reused(stored, body, self.get_serializer_context(), partial=partial)
        serializer.is_valid(raise_exception=True)
        try:
            return self._written(self._write(serializer))
        except StaleRecord as error:
            raise self._stale(stored) from error

    def _written(self, record: Record, status: int = 200, **headers: str) -> HttpResponse:
        """The record as it is now. Its caller was confirmed before it was written."""
        found = lists.record(self, self.request, record.key, is_confirmed=True)
        if found is None:
            raise NotFound
        return self._answer(found[0], status=status, ETag=found[1], **headers)

    def _do(self, verb: Verb, body: type[VerbSerializer], request: Request) -> HttpResponse:
        """The verb to the record of the address, which is answered as it is then."""
        stored = self.get_object()
        conditional.require_match_if_given(request, stored)
        asked = body(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        reason = said.pop("change_reason", "")
        with transaction.atomic(savepoint=not self.is_atomic), changing(reason=reason):
            getattr(stored, verb.name)(by=request.user, **said)
            self._require_editable(stored)
        return self._written(stored)

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
        with transaction.atomic(savepoint=not self.is_atomic), changing(reason=reason):
            record = serializer.save()
            if not is_plainly_own(record, self.request.user):
                self._require_editable(record)
        return record

    def _stale(self, stored: Record) -> PreconditionFailed:
        now = self.get_queryset().get(pk=stored.pk)
        return PreconditionFailed(conditional.position_of(self.request, now, stored.version))

    def _require_editable(self, record: Record) -> None:
        if not is_editable(record, self.request.user):
            raise PermissionDenied("You may read this record but not change it.", "not_editable")


def _action_of(verb: Verb, viewset: Any) -> Any:
    """The endpoint of a verb."""

    def handler(view: RecordViewSet, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return view._do(verb, body, request)

    body = VerbSerializer.of(verb, viewset.queryset.model)
    handler.__name__, handler.__doc__ = verb.name, verb.description
    made = action(detail=True, methods=["post"], url_path=verb.path, url_name=verb.path)(once(handler))
    described = extend_schema(summary=verb.says, description=verb.description, request=body, responses=viewset.serializer_class)
    return described(made)


class Newest:
    """Pages of a history: the latest first, in no other order."""

    ordering_fields: tuple[str, ...] = ()
    default_ordering = "-pk"
