"""The OpenAPI document: summaries, examples and every status, from the models and from recorded answers."""

import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter

from cmast.api.bulk import NATURAL_KEY, BulkAnswerSerializer, BulkSerializer
from cmast.api.history import ChangeSerializer
from cmast.api.problems import CONTENT_TYPE
from cmast.models import Record
from cmast.models.verbs import verbs_of
from cmast.vocabulary import Words

_SUMMARY = "From the May 2024 edition"
#: Where an example is made up.
_SUMMARIES = {"spc": "A series of a year"}
#: Answers recorded from the loaded May 2024 edition by `manage.py record_examples`.
EXAMPLES = Path(settings.BASE_DIR) / "docs" / "examples.json"

_WORDS = {
    "list": "List {many}",
    "retrieve": "Read one {one}",
    "create": "Create a {one}",
    "update": "Replace a {one}",
    "partial_update": "Change a {one}",
    "destroy": "Delete a {one}",
    "history": "History of a {one}",
    "external": "Create or replace a {one} that another system keeps",
    "bulk": "Create or update many {many}",
}
#: What became of the rows of a bulk request.
_BULK_ANSWER = {
    "created": 1,
    "updated": 0,
    "failed": 1,
    "rows": [
        {"status": 201, "key": "go-live", "version": 1, "etag": '"milestone-go-live-1"'},
        {
            "status": 400,
            "errors": [{"pointer": "/rows/1/title", "code": "required", "detail": "This field is required."}],
        },
    ],
}
_STATUS = {
    "400": "The query or the body is wrong; `errors` says where.",
    "401": "No valid token or session.",
    "403": "Your role does not allow this.",
    "404": "There is no such record, or you may not see it.",
    "409": "The register's rules do not allow this as things stand.",
    "412": "The record has been changed since; the problem says what it is now and which fields clash.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "This Idempotency-Key was used for another request.",
    "428": "If-Match is missing: say which version you change.",
    "429": "The quota is used up; Retry-After says in how many seconds it is renewed.",
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
        "current_version": {"type": "integer", "description": "With 412: the version that is stored now."},
        "current_etag": {"type": "string", "description": "With 412: its ETag."},
        "changed_fields": {"type": "array", "items": {"type": "string"}, "description": "With 412: what others changed."},
        "clashing_fields": {"type": "array", "items": {"type": "string"}, "description": "With 412: what you both changed."},
        "rows": {
            "type": "array",
            "items": {"type": "object"},
            "description": "With `invalid_rows`: what became of each row of a bulk request.",
        },
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
    """Resource (`milestones`) -> {"answer": a record, "page": a page of its list, "body": the same record as one writes it}."""
    return json.loads(EXAMPLES.read_text()) if EXAMPLES.exists() else {}


def only_the_api(endpoints: list[Any]) -> list[Any]:
    """Preprocessing hook: the document describes /api/v1/."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def name_enumerations(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: each enumeration once, under the name that it has in the code."""
    names: dict[tuple[str, ...], str] = {}
    for words in _subclasses(Words):
        name = words.__qualname__.replace(".", "")
        if name in names.values():
            name = words.__module__.rpartition(".")[2].capitalize() + name
        names.setdefault(tuple(sorted(words.values)), name)
    used: dict[str, Any] = {}
    _refer(result, names, used)
    result["components"]["schemas"] |= dict(sorted(used.items()))
    return result


def share_what_repeats(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: refusals and recorded answers once, referred to from each operation."""
    components = result["components"]
    components["responses"] = {
        f"Problem{http_status}": {
            "description": description,
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for http_status, description in _STATUS.items()
    }
    components["examples"] = {
        f"{resource.replace('-', '_')}_{kind}": {
            "summary": _SUMMARIES.get(resource, "From the May 2024 edition"),
            "value": value,
        }
        for resource, kinds in recorded_examples().items()
        for kind, value in kinds.items()
    }
    components["examples"]["bulk_answer"] = {"summary": "One row written, one refused", "value": _BULK_ANSWER}
    return result


def _subclasses(cls: type[Any]) -> list[Any]:
    return [found for child in cls.__subclasses__() for found in (child, *_subclasses(child))]


def _refer(node: Any, names: dict[tuple[str, ...], str], used: dict[str, Any]) -> None:
    """Replace each known enumeration below this node by a reference to its name."""
    if isinstance(node, list):
        for item in node:
            _refer(item, names, used)
    if not isinstance(node, dict):
        return
    node.pop("x-spec-enum-id", None)
    listed = node.get("enum")
    words = sorted(word for word in listed if word) if isinstance(listed, list) else []
    name = names.get(tuple(words))
    if name is not None:
        used[name] = {"type": "string", "enum": words}
        kept = {key: value for key, value in node.items() if key not in ("enum", "type")}
        reference = {"$ref": f"#/components/schemas/{name}"}
        node.clear()
        node.update({**kept, "allOf": [reference]} if kept else reference)
    for value in node.values():
        _refer(value, names, used)


class BearerScheme(OpenApiAuthenticationExtension):
    """How the document names the token."""

    target_class = "cmast.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


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

    def get_request_serializer(self) -> Any:
        return BulkSerializer if self._action() == "bulk" else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        match self._action():
            case "bulk":
                return {200: BulkAnswerSerializer}
            case "external":
                return dict.fromkeys((200, 201), super().get_response_serializers())
            case "history":
                return ChangeSerializer(many=True)
            case _:
                return super().get_response_serializers()

    def get_description(self) -> str:
        if self._action() in ("external", "bulk", "history"):
            return inspect.getdoc(getattr(self.view, self._action())) or ""
        model = getattr(getattr(self.view, "queryset", None), "model", None)
        return inspect.cleandoc(model.__doc__ or "") if model is not None else super().get_description()

    def _get_examples(self, serializer: Any, direction: str, media_type: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """By reference: the same answer belongs to several operations."""
        if self._action() == "bulk":
            is_answer = direction == "response"
            return {"two rows": {"$ref": "#/components/examples/bulk_answer"}} if is_answer else {}
        if self._action() == "history" or media_type != "application/json":
            return {}
        is_page = self._action() == "list" or self._resource() == "changes"
        kind = "body" if direction == "request" else "page" if is_page else "answer"
        recorded = recorded_examples().get(self._resource(), {})
        if self._action() == "create" and kind == "answer" and "created" in recorded:
            kind = "created"
        if direction == "response" and self._action() in recorded:
            kind = self._action()
        if direction == "request" and f"{self._action()}_body" in recorded:
            kind = f"{self._action()}_body"
        if kind not in recorded:
            return {}
        return {"edition": {"$ref": f"#/components/examples/{self._resource().replace('-', '_')}_{kind}"}}

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        self.registry.register_on_missing(self._problem_component())
        if self._action() == "retrieve" and self._is_of_record():
            responses["304"] = {"description": "It still has the ETag that you sent."}
        for http_status in self._refusals():
            responses[http_status] = {"$ref": f"#/components/responses/Problem{http_status}"}
        return dict(sorted(responses.items()))

    def _refusals(self) -> list[str]:
        refusals = ["401", "403", "429"]
        if "{" in self.path:
            refusals.append("404")
        if self._is_conditional() or self._action() == "external":
            refusals += ["412", "428"]
        if self._is_verb():
            refusals.append("412")
        if self.method == "DELETE":
            return [*refusals, "409"]
        refusals.append("400")
        if self._takes_key():
            refusals.append("422")
        return refusals if self.method == "GET" else [*refusals, "409", "413", "415"]

    def _is_conditional(self) -> bool:
        """Whether the operation changes a stored record."""
        return self._action() in ("update", "partial_update", "destroy") and self._is_of_record()

    def _is_of_record(self) -> bool:
        """Whether it is about something that has a version and a past."""
        return issubclass(getattr(getattr(self.view, "queryset", None), "model", object), Record)

    def get_override_parameters(self) -> list[Any]:
        view: Any = self.view
        parameters = super().get_override_parameters()
        if self._is_conditional():
            what = "The record's ETag as you read it. `W/` in front of it changes nothing."
            parameters.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description=what))
        if self._takes_key():
            what = "Key of your own, such as a UUID: sent again within 7 days, the same request has no second effect."
            is_needed = self._action() in view.needs_key
            parameters.append(
                OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=is_needed, description=what)
            )
        if self._action() == "external":
            what = "ETag of the record as you read it; needed once somebody else has changed it."
            parameters.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=what))
            what = "`*`: only create it, 412 if it is there."
            parameters.append(OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description=what))
            for name in NATURAL_KEY:
                what = str(view.queryset.model._meta.get_field(name).help_text)
                parameters.append(OpenApiParameter(name, str, OpenApiParameter.PATH, description=what))
        if self._is_verb():
            what = "ETag of the record as you read it: 412 if somebody has changed it since. Without it the state alone counts."
            parameters.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=what))
        if self._action() == "destroy" and self._is_conditional():
            parameters.append(OpenApiParameter("Change-Reason", str, OpenApiParameter.HEADER, description="Why it is deleted."))
        if self._action() == "retrieve" and self._is_of_record():
            what = "An ETag: 304 without a body if the record still has it."
            parameters.append(OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description=what))
            parameters.append(OpenApiParameter("as_of", str, description="The record as it was then: a day or a moment."))
            parameters.append(OpenApiParameter("on", OpenApiTypes.DATE, description="Day that computed fields speak about."))
        return parameters

    def _is_verb(self) -> bool:
        """Whether the operation is a verb of the model."""
        return self._action() in verbs_of(self.view.queryset.model) if hasattr(self.view, "queryset") else False

    def _takes_key(self) -> bool:
        """Whether the request may be sent again under an Idempotency-Key."""
        return getattr(getattr(self.view, self._action(), None), "is_once", False)

    @staticmethod
    def _problem_component() -> Any:
        return ResolvedComponent("Problem", ResolvedComponent.SCHEMA, schema=_PROBLEM, object="Problem")

    def _resource(self) -> str:
        return self.path.removeprefix("/api/v1/").split("/")[0]

    def _action(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()
