"""The OpenAPI document: summaries, examples and every status, from the models and from recorded answers."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample

from cmast.api.problems import CONTENT_TYPE

#: Answers recorded from the loaded May 2024 edition by `manage.py record_examples`.
EXAMPLES = Path(settings.BASE_DIR) / "docs" / "examples.json"

_WORDS = {"list": "List {many}", "retrieve": "Read one {one}", "create": "Create a {one}", "update": "Replace a {one}",
          "partial_update": "Change a {one}", "destroy": "Delete a {one}"}
_STATUS = {
    "400": "The query or the body is wrong; `errors` says where.",
    "401": "No valid token or session.",
    "403": "Your role does not allow this.",
    "404": "There is no such record, or you may not see it.",
    "409": "The register's rules do not allow this as things stand.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable word for programs."},
        "detail": {"type": "string", "description": "One sentence for people."},
        "request_id": {"type": "string", "description": "Also in the header X-Request-ID and in our log."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Name in the query string."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


@cache
def recorded_examples() -> dict[str, Any]:
    """Resource (`milestones`) -> one answer."""
    return json.loads(EXAMPLES.read_text()) if EXAMPLES.exists() else {}


def only_the_api(endpoints: list[Any]) -> list[Any]:
    """Preprocessing hook: the document describes /api/v1/."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


class RecordSchema(AutoSchema):
    """Summaries in the words of the domain, every status, and examples that are real answers."""

    def get_operation_id(self) -> str:
        return f"{self._resource().replace('-', '_')}_{self._action()}"

    def get_tags(self) -> list[str]:
        return [self._resource()]

    def get_summary(self) -> str | None:
        meta = getattr(getattr(self.view, "queryset", None), "model", None)
        if meta is None or self._action() not in _WORDS:
            return super().get_summary()
        return _WORDS[self._action()].format(one=meta._meta.verbose_name, many=meta._meta.verbose_name_plural)

    def get_description(self) -> str:
        model = getattr(getattr(self.view, "queryset", None), "model", None)
        return (model.__doc__ or "").strip() if model is not None else super().get_description()

    def get_examples(self) -> list[OpenApiExample]:
        example = recorded_examples().get(self._resource())
        if example is None or self._action() == "destroy":
            return []
        examples = [OpenApiExample("May 2024 edition", value=example, response_only=True)]
        if self._action() in ("create", "update", "partial_update"):
            read_only = {name for name, field in self.view.get_serializer().fields.items() if field.read_only}
            body = {name: value for name, value in example.items() if name not in read_only}
            examples.append(OpenApiExample("The same as a body", value=body, request_only=True))
        return examples

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        self.registry.register_on_missing(self._problem_component())
        for http_status in self._refusals():
            responses[http_status] = {
                "description": _STATUS[http_status],
                "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
        return dict(sorted(responses.items()))

    def _refusals(self) -> list[str]:
        refusals = ["401", "403"]
        if "{" in self.path:
            refusals.append("404")
        if self.method == "DELETE":
            return [*refusals, "409"]
        refusals.append("400")
        return refusals if self.method == "GET" else [*refusals, "409", "413", "415"]

    @staticmethod
    def _problem_component() -> Any:
        from drf_spectacular.plumbing import ResolvedComponent

        return ResolvedComponent("Problem", ResolvedComponent.SCHEMA, schema=_PROBLEM, object="Problem")

    def _resource(self) -> str:
        return self.path.removeprefix("/api/v1/").split("/")[0]

    def _action(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()
