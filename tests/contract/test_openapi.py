"""The OpenAPI document says what the API does."""

import json
from typing import Any

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from cmast.api.schema import EXAMPLES
from cmast.management.commands.record_examples import examples
from cmast.pages import openapi_document
from cmast.urls import api as router

pytestmark = pytest.mark.either_database

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True), renderer_context={}))


def operations(document: Any) -> Any:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield path, method, operation


def test_the_committed_document_is_the_served_one(document: Any) -> None:
    assert yaml.load(openapi_document(), yaml.CSafeLoader) == document, "run `make openapi` and read what has changed"


def test_every_resource_is_described(document: Any) -> None:
    described = {path.split("/")[3] for path in document["paths"]}
    assert described == {
        "changes",
        "facts",
        "forecast-accuracy",
        "mail",
        "reminders",
        "series",
        "spc",
        *(prefix for prefix, _, _ in router.registry),
    }


def test_every_operation_has_a_summary_a_description_and_all_its_statuses(document: Any) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        statuses = set(operation["responses"])
        assert {"401", "403"} <= statuses, (path, method)
        assert statuses & {"200", "201", "202", "204"}, (path, method)
        assert ("404" in statuses) == ("{" in path), (path, method)
        if method != "delete":
            assert "400" in statuses, (path, method)


def test_every_operation_that_answers_shows_an_example(document: Any) -> None:
    for path, method, operation in operations(document):
        if method == "delete" or path.endswith(("/history/", ".svg", ".png")):
            continue
        success = min(status for status in operation["responses"] if status.startswith("2"))
        contents = [operation["responses"][success]["content"]]
        if "requestBody" in operation and not path.endswith("/bulk/"):
            contents.append(operation["requestBody"]["content"])
        for content in contents:
            if "multipart/form-data" in content:  # a file
                continue
            (example,) = content["application/json"]["examples"].values()
            reference = example["$ref"]
            assert reference.rpartition("/")[2] in document["components"]["examples"], (path, method)


def test_every_field_and_parameter_is_explained(document: Any) -> None:
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                assert parameter.get("description"), (path, method, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        for field, description in schema.get("properties", {}).items():
            assert (
                name == "Problem" or name.startswith("Paginated") or description.get("description") or "$ref" in description
            ), (name, field)


def test_the_examples_are_what_the_api_answers(edition: Any) -> None:
    assert json.loads(EXAMPLES.read_text()) == examples(), "run `manage.py record_examples`"


def test_the_document_is_served_once_made_with_a_tag(api: Any, edition: Any) -> None:
    first, second = (api("viewer").get("/api/schema/") for _ in range(2))
    assert first.content == second.content == openapi_document()
    assert first["ETag"] == second["ETag"]
