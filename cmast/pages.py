"""Pages and answers around the API: home, health, documentation, unknown addresses."""

import hashlib
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The PMO goes to its desk, everybody else to the documentation of what they may read."""
    return redirect("admin:index" if request.user.is_staff else "docs")


def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """The process can do its work: the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "database unavailable"}, status=503)
    return JsonResponse({"status": "ok"})


@cache
def openapi_document() -> bytes:
    """The committed OpenAPI document. It takes a second to make, so it is made by `make openapi` and never in a request."""
    return (settings.BASE_DIR / "docs" / "openapi.yml").read_bytes()


class SchemaView(APIView):
    """The OpenAPI document."""

    schema = None

    def get(self, request: Request) -> HttpResponse:
        document = openapi_document()
        return HttpResponse(
            document,
            content_type="application/vnd.oai.openapi",
            headers={"ETag": f'"{hashlib.sha256(document).hexdigest()[:32]}"'},
        )


class DocsView(LoginRequiredMixin, SpectacularSwaggerSplitView):
    """The document as a page. Its script comes as a file of its own, so that the strict CSP holds."""

    url_name = "schema"
    permission_classes: list[Any] = []


class UnknownApiView(APIView):
    """Every other address under /api/. Members are told that it is not there, strangers only to sign in."""

    schema = None

    def _missing(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address.")

    get = post = put = patch = delete = _missing
