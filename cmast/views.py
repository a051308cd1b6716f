"""Endpoints of cmast."""

import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmast import filters, models, serializers
from cmast.api.idempotency import HEADER
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
        if HEADER in request.headers:
            raise ValidationError({HEADER: ["A token is shown once and never stored, so this cannot be repeated."]})
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
