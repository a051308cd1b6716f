"""Endpoints of cmast."""

import datetime as dt
import uuid
from typing import Any

import orjson
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmast import filters, models, reminders, serializers
from cmast.api.idempotency import HEADER, once
from cmast.api.pagination import KeysetPagination, refuse_unknown
from cmast.api.problems import QueryError
from cmast.api.viewsets import RecordViewSet

LIFETIME = dt.timedelta(days=365)


class SourceViewSet(RecordViewSet):
    queryset = models.Source.objects.all()
    serializer_class = serializers.SourceSerializer
    filterset_class = filters.SourceFilter


class SourceSectionViewSet(RecordViewSet):
    queryset = models.SourceSection.objects.all()
    serializer_class = serializers.SourceSectionSerializer
    filterset_class = filters.SourceSectionFilter


class OrganisationViewSet(RecordViewSet):
    queryset = models.Organisation.objects.all()
    serializer_class = serializers.OrganisationSerializer
    filterset_class = filters.OrganisationFilter


class SiteViewSet(RecordViewSet):
    queryset = models.Site.objects.all()
    serializer_class = serializers.SiteSerializer
    filterset_class = filters.SiteFilter


class PersonViewSet(RecordViewSet):
    queryset = models.Person.objects.all()
    serializer_class = serializers.PersonSerializer
    filterset_class = filters.PersonFilter


class MembershipViewSet(RecordViewSet):
    queryset = models.Membership.objects.all()
    serializer_class = serializers.MembershipSerializer
    filterset_class = filters.MembershipFilter


class NoteViewSet(RecordViewSet):
    queryset = models.Note.objects.all()
    serializer_class = serializers.NoteSerializer
    filterset_class = filters.NoteFilter


class NoteSubjectViewSet(RecordViewSet):
    queryset = models.NoteSubject.objects.all()
    serializer_class = serializers.NoteSubjectSerializer
    filterset_class = filters.NoteSubjectFilter


class ReminderRuleViewSet(RecordViewSet):
    queryset = models.ReminderRule.objects.all()
    serializer_class = serializers.ReminderRuleSerializer
    filterset_class = filters.ReminderRuleFilter

    @extend_schema(
        summary="Who would get what by a rule",
        description="The reminders that the rule would make for one working day, of records that you may see, the first 1,000, "
        "whether the rule is switched on or not. Weekends and bank holidays of England have none.",
        parameters=[OpenApiParameter("on", OpenApiTypes.DATE, description="The day. The next working day when left out.")],
        responses=serializers.PreviewSerializer(many=True),
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, {"on"})
        rule = get_object_or_404(self.get_queryset(), key=kwargs["key"])
        try:
            on = reminders.day_asked(request.query_params.get("on", ""))
        except ValueError as error:
            raise QueryError({"on": str(error)}) from error
        return Response(serializers.PreviewSerializer(reminders.preview(rule, on, request.user), many=True).data)


class SuppressionViewSet(RecordViewSet):
    queryset = models.Suppression.objects.all()
    serializer_class = serializers.SuppressionSerializer
    filterset_class = filters.SuppressionFilter


class RestrictionViewSet(RecordViewSet):
    queryset = models.Restriction.objects.all()
    serializer_class = serializers.RestrictionSerializer
    filterset_class = filters.RestrictionFilter


def refuse_key(request: Request) -> None:
    """An answer that holds a secret is not stored to be given again. Raises ValidationError."""
    if HEADER in request.headers:
        raise ValidationError({HEADER: ["A secret is shown once and never stored, so this cannot be repeated."]})


class LatestDeliveries:
    """Pages of deliveries: the latest first, in no other order."""

    ordering_fields: tuple[str, ...] = ("created_at",)
    default_ordering = "-created_at"


class WebhookViewSet(RecordViewSet):
    """Besides what every record has: its secret, once, and what was sent."""

    queryset = models.Webhook.objects.all()
    serializer_class = serializers.WebhookSerializer
    filterset_class = filters.WebhookFilter
    bulk: Any = None  # it would show many secrets, in an answer that is stored

    @extend_schema(responses={201: serializers.NewWebhookSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        refuse_key(request)
        return super().create(request, *args, **kwargs)

    def _created(self, body: Any) -> HttpResponse:
        response = super()._created(body)
        made = orjson.loads(response.content)
        response.content = orjson.dumps(made | {"secret": models.Webhook.objects.get(key=made["key"]).secret})
        return response

    @extend_schema(
        summary="Renew the secret of a webhook",
        description="A new secret, shown this once. For a day messages are signed with the one before it as well.",
        request=None,
        responses=serializers.NewSecretSerializer,
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_key(request)
        return Response({"secret": self.get_object().rotate()})

    @extend_schema(
        summary="Try out a webhook",
        description="Sends a message of the type register.test within seconds; `deliveries` shows what became of it.",
        request=None,
        responses={202: serializers.WebhookDeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    @once
    def test(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        caller: Any = request.user
        return Response(serializers.WebhookDeliverySerializer(self.get_object().send_test(caller)).data, status=202)

    @extend_schema(
        summary="What was sent to a webhook",
        description="Every message of the last 30 days, the latest first: where it stands, how often it was tried, and why it "
        "failed.",
        responses=serializers.WebhookDeliverySerializer(many=True),
    )
    @action(detail=True, pagination_class=KeysetPagination, filterset_class=None)
    def deliveries(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = KeysetPagination()
        deliveries = self.get_object().deliveries.select_related("asked_by")
        rows = page.paginate_queryset(deliveries, request, view=LatestDeliveries())
        return page.get_paginated_response(serializers.WebhookDeliverySerializer(rows, many=True).data)

    @extend_schema(
        summary="Send a message again",
        description="From the beginning, under the same webhook-id, so that a receiver that has it already can tell.",
        request=None,
        responses={202: serializers.WebhookDeliverySerializer},
    )
    @action(detail=True, methods=["post"], url_path="deliveries/(?P<delivery>[0-9a-f-]{36})/replay")
    def replay(self, request: Request, delivery: str, *args: Any, **kwargs: Any) -> Response:
        try:
            found = self.get_object().deliveries.select_related("webhook").filter(pk=uuid.UUID(delivery)).first()
        except ValueError:
            found = None
        if found is None:
            raise Http404
        found.send_again(request.user)
        return Response(serializers.WebhookDeliverySerializer(found).data, status=202)


class TokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet):
    """Your own API tokens: make one for a system, see which exist, revoke one."""

    queryset = models.ApiToken.objects.all()
    serializer_class = serializers.TokenSerializer
    lookup_field = "token_key"
    lookup_url_kwarg = "key"
    lookup_value_regex = "[A-Za-z0-9]+"
    ordering_fields = ["created"]
    filterset_class = None

    def get_queryset(self) -> QuerySet:
        return self.queryset.filter(user=self.request.user.pk)

    @extend_schema(request=serializers.NewTokenSerializer, responses={201: serializers.NewTokenSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_key(request)
        serializer = serializers.NewTokenSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        now = timezone.now()
        expires_at = asked.get("expiry") or now + LIFETIME
        if not now < expires_at <= now + LIFETIME:
            raise ValidationError({"expires_at": "A token ends within a year from now."})
        token, secret = models.ApiToken.objects.create(
            user=request.user, expiry=expires_at - now, name=asked["name"], scope=asked.get("scope", models.ApiToken.Scope.READ)
        )
        return Response({**serializers.TokenSerializer(token).data, "token": secret}, status=201)
