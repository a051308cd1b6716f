"""The feed of all changes, for systems that keep a copy or react."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.core import signing
from django.db.models import Max
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.history import FeedSerializer
from cmast.api.pagination import MAX_PAGE_SIZE, address_with, page_size_of, refuse_unknown
from cmast.api.problems import QueryError
from cmast.history import feed
from cmast.models import Change, FeedEntry, Reader, Record

LATEST = "latest"
_SALT = "cmast.changes"
_PARAMETERS = ("after", "page_size", "resource")


@cache
def resources() -> dict[str, str]:
    """Kind of record, as the history names it -> resource of the API."""
    from cmast.urls import api

    registry: Any = api.registry
    kinds = [(prefix, viewset.queryset.model) for prefix, viewset, _ in registry]
    return {model._meta.label_lower: prefix for prefix, model in kinds if issubclass(model, Record)}


def events(changes: Iterable[Change], reader: Reader) -> list[dict[str, Any]]:
    """The JSON of changes, for one who may see them. Their `entry` must be loaded."""
    return list(FeedSerializer(changes, many=True, context={"reader": reader, "resources": resources()}).data)


class FeedPageSerializer(serializers.Serializer):
    """A page of the feed."""

    next = serializers.URLField(allow_null=True, help_text="Address of the next page; null where the feed ends for now.")
    after = serializers.CharField(help_text="Cursor to go on from, now or later.")
    results = FeedSerializer(many=True, help_text="The changes, in the order in which they were committed.")


class FeedView(APIView):
    """Every change of every record that you may see, deletions included, in the order in which they were committed.

    Keep `after` of the last page and ask again with it: nothing is skipped and nothing comes twice. For a copy of the register
    take `?after=latest` first, then read the lists, then follow from there. A record that is restricted or opened while you
    follow shows a change with the operation `touch` to those who may see it now.
    """

    @extend_schema(
        operation_id="changes_list",
        summary="Follow all changes",
        parameters=[
            OpenApiParameter(
                "after", str, description="Cursor of an earlier page; the beginning when left out, the end with `latest`."
            ),
            OpenApiParameter(
                "page_size",
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": 50},
                description="Changes on a page.",
            ),
            OpenApiParameter("resource", str, description="Only these resources, separated by commas: milestones."),
        ],
        responses=FeedPageSerializer,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, _PARAMETERS)
        feed.number()
        end = FeedEntry.objects.aggregate(end=Max("position"))["end"] or 0
        after, size = _position(request, end), page_size_of(request)
        changes = Change.objects.visible_to(request.user).filter(entry__position__gt=after, **_asked(request))
        rows = list(changes.select_related("entry").order_by("entry__position")[: size + 1])
        page, is_last = rows[:size], len(rows) <= size
        reached = max([end] * is_last + [row.entry.position for row in page[-1:]] + [after])
        cursor = signing.dumps(reached, salt=_SALT, compress=False)
        address = address_with(request, "after", cursor)
        return Response({"next": None if is_last else address, "after": cursor, "results": events(page, request.user)})


def _position(request: Request, end: int) -> int:
    """The place to read on from."""
    given = request.query_params.get("after")
    if given is None:
        return 0
    if given == LATEST:
        return end
    try:
        return signing.loads(given, salt=_SALT)
    except signing.BadSignature as error:
        raise QueryError({"after": "This is no cursor of the feed. Take it from `after` of a page."}) from error


def _asked(request: Request) -> dict[str, Any]:
    given = request.query_params.get("resource")
    if given is None:
        return {}
    kinds = {resource: kind for kind, resource in resources().items()}
    if unknown := [name for name in given.split(",") if name not in kinds]:
        raise QueryError({"resource": f"There is no resource “{unknown[0][:100]}”."})
    return {"record_type__in": [kinds[name] for name in given.split(",")]}
