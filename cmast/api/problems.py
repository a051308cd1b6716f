"""Every error under /api/ is a problem document (RFC 9457), with a stable code and the request's id.

`errors` says where: `pointer` is a JSON pointer into the body, `parameter` names a part of the query string.
"""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler as standardized_handler
from drf_standardized_errors.types import ErrorResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error

from cmast.api.limits import counted
from cmast.errors import NotForYou, RuleBroken
from cmast.middleware import request_id

CONTENT_TYPE = "application/problem+json"


class QueryError(exceptions.ValidationError):
    """A parameter of the query string is unknown or wrong. `detail` is {parameter: message}."""


class Conflict(exceptions.APIException):
    """The register's rules do not allow the change as things stand."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class PreconditionRequired(exceptions.APIException):
    """A change must say which version of the record it was made from."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Say which version you change: send the record's ETag as If-Match."
    default_code = "precondition_required"


class PreconditionFailed(exceptions.APIException):
    """The record has moved on. The problem carries what it is now, and which fields of the request clash."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The record has been changed since you read it."
    default_code = "stale"

    def __init__(self, current: dict[str, Any]) -> None:
        super().__init__()
        self.current = current


class Busy(Conflict):
    """Somebody else holds what is to be changed for longer than a caller should wait."""

    default_detail = "Somebody else is changing this at the moment. Send it again."
    default_code = "busy"
    wait = 3  # becomes Retry-After


def problem(code: str, http_status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The document itself."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(http_status).phrase,
        "status": http_status,
        "code": code,
        "detail": detail,
        "request_id": request_id.get(),
        **({"errors": errors} if errors else {}),
    }


class ProblemFormatter(ExceptionFormatter):
    """Dresses DRF's errors as a problem document."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        http_status = self.exc.status_code
        if not isinstance(self.exc, exceptions.ValidationError):
            error = error_response.errors[0]
            return problem(error.code, http_status, error.detail) | getattr(self.exc, "current", {})
        place = "parameter" if isinstance(self.exc, QueryError) else "pointer"
        errors = [
            {place: self._place(error.attr, place), "code": error.code, "detail": error.detail}
            for error in error_response.errors
        ]
        code = "invalid_query" if place == "parameter" else "invalid_body"
        first = errors[0]
        return problem(code, http_status, f"{first[place] or 'The body'}: {first['detail']}", errors)

    @staticmethod
    def _place(attr: str | None, place: str) -> str:
        if attr in (None, "non_field_errors", "__all__"):
            return ""
        return attr if place == "parameter" else f"/{attr}"


def _in_terms_of_the_api(exc: Exception) -> Exception:
    """Errors of the models and the database, as errors of the API."""
    match exc:
        case RuleBroken():
            return Conflict(exc.message, exc.code)
        case NotForYou():
            return exceptions.PermissionDenied(str(exc), "not_for_you")
        case DjangoValidationError():
            return exceptions.ValidationError(as_serializer_error(exc))
        case ProtectedError() | RestrictedError():
            return Conflict("Other records refer to this one.", "in_use")
        case IntegrityError():
            return Conflict("The database refuses this: it breaks a rule of the register.", "constraint")
        case OperationalError() if "lock timeout" in str(exc):
            return Busy()
        case _:
            return exc


def exception_handler(exc: Exception, context: Any) -> Response | None:
    """DRF's hook: any exception of an API view -> a problem document."""
    response = standardized_handler(counted(_in_terms_of_the_api(exc), context), context)
    if response is not None:
        response.content_type = CONTENT_TYPE
    return response


def _page(request: HttpRequest, http_status: int, code: str, detail: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(problem(code, http_status, detail), status=http_status, content_type=CONTENT_TYPE)
    return render(request, "error.html", {"title": HTTPStatus(http_status).phrase, "detail": detail}, status=http_status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, "bad_request", "The request cannot be understood.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403, "permission_denied", "Your role does not allow this.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, 500, "error", "Something went wrong on our side. The request id leads us to it.")
