"""Pages and answers around the API: home, health, documentation, unknown addresses."""

import hashlib
import logging
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from cmast import celery_app, sending

log = logging.getLogger(__name__)


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The PMO goes to its desk, everybody else to the documentation of what they may read."""
    return redirect("admin:index" if request.user.is_staff else "docs")


def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """Whether the process can do its work: 503 without its database or with migrations still to be made.

    What stands still behind it is told as well, but not by the status: a broker that is gone or mail that waits is no reason to
    take the register away from its readers.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not is_migrated():
            return JsonResponse({"status": "migrations to be made"}, status=503)
        waits = sending.oldest_waiting(timezone.now())
    except DatabaseError:
        return JsonResponse({"status": "database unavailable"}, status=503)
    found = {"broker": "ok" if _broker_answers() else "unavailable", "oldest_unsent_mail_seconds": waits}
    is_late = waits > sending.PATIENCE.total_seconds()
    return JsonResponse({"status": "degraded" if is_late or found["broker"] != "ok" else "ok", **found})


_migrated = False


def is_migrated() -> bool:
    """Whether every migration of this code is made. Asked until it is so, once per process."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _broker_answers() -> bool:
    """Whether a task could be handed over, asked for a second at most."""
    try:
        with celery_app.connection_for_write(connect_timeout=1, transport_options={"socket_connect_timeout": 1}) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=1)
    except Exception as error:
        log.warning("The broker does not answer (%s)", type(error).__name__)
        return False
    return True


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
