"""A change of the API that could break a caller is found, in words, unless the major version moves."""

from collections.abc import Callable
from functools import cache
from pickle import dumps, loads
from typing import Any

import pytest

from scripts import contract

MILESTONES = "/api/v1/milestones/"
MILESTONE = "/api/v1/milestones/{key}/"

pytestmark = pytest.mark.either_database


@cache
def document() -> Any:
    return contract.load()


@cache
def milestones() -> bytes:
    """The part of the document that the changes below are made in."""
    return dumps(document() | {"paths": {path: document()["paths"][path] for path in (MILESTONES, MILESTONE)}})


@cache
def released() -> str:
    return contract.written("1.4.0", contract.Reader(loads(milestones())).promises)


def schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def field(document: Any, name: str) -> Any:
    component, _, property_ = name.partition(".")
    return schema(document, component)["properties"][property_]


def parameter(document: Any, name: str, path: str = MILESTONES, method: str = "get") -> Any:
    return next(one for one in document["paths"][path][method]["parameters"] if one["name"] == name)


def of_both(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of what POST and PUT take, and PATCH in parts, as the generator would make it."""
    return lambda document: [change(schema(document, f"{patched}MilestoneRequest")) for patched in ("", "Patched")]


BREAKING: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a path goes": (lambda d: d["paths"].pop(MILESTONE), f"GET {MILESTONE} is gone"),
    "a method goes": (lambda d: d["paths"][MILESTONE].pop("patch"), f"PATCH {MILESTONE} is gone"),
    "an operation is called something else": (
        lambda d: d["paths"][MILESTONES]["get"].update(operationId="milestones_all"),
        f"GET {MILESTONES}: is milestones_all and was milestones_list",
    ),
    "a parameter goes": (
        lambda d: d["paths"][MILESTONES]["get"]["parameters"].remove(parameter(d, "overdue")),
        f"GET {MILESTONES} ?overdue takes is gone",
    ),
    "a parameter is of another type": (
        lambda d: parameter(d, "overdue")["schema"].update(type="integer"),
        f"GET {MILESTONES} ?overdue takes: is integer and was boolean",
    ),
    "a parameter must be given": (
        lambda d: parameter(d, "overdue").update(required=True),
        f"GET {MILESTONES} ?overdue takes: must now be given",
    ),
    "a parameter that must be given is new": (
        lambda d: d["paths"][MILESTONES]["get"]["parameters"].append(
            {"in": "query", "name": "new", "required": True, "schema": {"type": "string"}}
        ),
        f"GET {MILESTONES} ?new takes: is new and every caller must give it",
    ),
    "a header must be given": (
        lambda d: parameter(d, "Idempotency-Key", method="post").update(required=True),
        f"POST {MILESTONES} Idempotency-Key takes: must now be given",
    ),
    "an ordering goes": (
        lambda d: parameter(d, "ordering")["schema"]["enum"].remove("-due_on"),
        f"GET {MILESTONES} ?ordering takes: no longer knows -due_on",
    ),
    "a largest number is smaller": (
        lambda d: parameter(d, "page_size")["schema"].update(maximum=500),
        f"GET {MILESTONES} ?page_size takes: max is 500 and was 1000",
    ),
    "a smallest number is larger": (
        lambda d: parameter(d, "page_size")["schema"].update(minimum=2),
        f"GET {MILESTONES} ?page_size takes: min is 2 and was 1",
    ),
    "what is left out means something else": (
        lambda d: parameter(d, "page_size")["schema"].update(default=20),
        f"GET {MILESTONES} ?page_size takes: left out, it means 20 and meant 50",
    ),
    "a body is another": (
        lambda d: d["paths"][MILESTONES]["post"]["requestBody"]["content"]["application/json"].update(
            schema={"$ref": "#/components/schemas/ActionRequest"}
        ),
        f"POST {MILESTONES} body takes: is ActionRequest and was MilestoneRequest",
    ),
    "an answer has another status": (
        lambda d: (answers := d["paths"][MILESTONES]["post"]["responses"]).update({"202": answers.pop("201")}),
        f"POST {MILESTONES} 201 gives is gone",
    ),
    "an answer is another": (
        lambda d: d["paths"][MILESTONE]["get"]["responses"]["200"]["content"]["application/json"].update(
            schema={"$ref": "#/components/schemas/Action"}
        ),
        f"GET {MILESTONE} 200 gives: is Action and was Milestone",
    ),
    "a form of the answer goes": (
        lambda d: (content := d["paths"][MILESTONE]["get"]["responses"]["200"]["content"]).update(
            {"text/csv": content.pop("application/json")}
        ),
        f"GET {MILESTONE} 200 gives is gone",
    ),
    "a refusal goes": (
        lambda d: d["paths"][MILESTONE]["patch"]["responses"].pop("412"),
        f"PATCH {MILESTONE}: no longer refuses with 412",
    ),
    "all refusals go": (
        lambda d: [d["paths"][MILESTONE]["get"]["responses"].pop(status) for status in ("400", "401", "403", "404")],
        f"GET {MILESTONE}: no longer refuses with 400, 401, 403, 404",
    ),
    "a way to sign in goes": (
        lambda d: d["paths"][MILESTONE]["get"]["security"].remove({"bearer": []}),
        f"GET {MILESTONE}: no longer lets in by bearer",
    ),
    "a field of a problem goes": (
        lambda d: schema(d, "Problem")["properties"]["errors"]["items"]["properties"].pop("pointer"),
        "Problem.errors[].pointer gives is gone",
    ),
    "a field of an answer goes": (
        lambda d: schema(d, "Milestone")["properties"].pop("due_on"),
        "Milestone.due_on gives is gone",
    ),
    "a field of an answer is of another type": (
        lambda d: field(d, "Milestone.version").update(type="string"),
        "Milestone.version gives: is string and was integer",
    ),
    "a field of an answer has another form": (
        lambda d: field(d, "Milestone.created_at").update(format="date"),
        "Milestone.created_at gives: is date and was date-time",
    ),
    "a field of an answer may be null": (
        lambda d: field(d, "Milestone.title").update(nullable=True),
        "Milestone.title gives: may now be null",
    ),
    "a list becomes one": (
        lambda d: field(d, "Milestone.depends_on").update(type="string"),
        "Milestone.depends_on gives: is string and was list of string",
    ),
    "a field of a body goes": (
        of_both(lambda s: s["properties"].pop("outcome_note")),
        "MilestoneRequest.outcome_note takes is gone",
    ),
    "a field of a body must be given": (
        lambda d: schema(d, "MilestoneRequest")["required"].append("rag"),
        "MilestoneRequest.rag takes: must now be given",
    ),
    "a field of a body that must be given is new": (
        lambda d: (
            schema(d, "MilestoneRequest")["properties"].update(new={"type": "string"}),
            schema(d, "MilestoneRequest")["required"].append("new"),
        ),
        "MilestoneRequest.new takes: is new and every caller must give it",
    ),
    "a text must be shorter": (
        of_both(lambda s: s["properties"]["title"].update(maxLength=200)),
        "MilestoneRequest.title takes: max is 200 and was 300",
    ),
    "a text has a form": (
        of_both(lambda s: s["properties"]["title"].update(pattern="^[A-Z]")),
        "MilestoneRequest.title takes: must now match ^[A-Z]",
    ),
    "a number has a limit": (
        lambda d: parameter(d, "version__gte")["schema"].update(maximum=9),
        f"GET {MILESTONES} ?version__gte takes: max is 9 and was none",
    ),
    "null is not accepted": (
        of_both(lambda s: s["properties"]["forecast_on"].pop("nullable")),
        "MilestoneRequest.forecast_on takes: null is no longer accepted",
    ),
    "a text becomes a list of words": (
        of_both(lambda s: s["properties"]["note"].update(enum=["a", "b"])),
        "MilestoneRequest.note takes: only a|b are accepted now",
    ),
    "a word goes": (
        lambda d: schema(d, "MilestoneType")["enum"].remove("launch"),
        "MilestoneType: no longer knows launch",
    ),
}

HARMLESS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda d: None,
    "a path comes": lambda d: d["paths"].update({"/api/v1/lessons/": d["paths"][MILESTONES]}),
    "a parameter comes": lambda d: d["paths"][MILESTONES]["get"]["parameters"].append(
        {"in": "query", "name": "new", "schema": {"type": "string"}}
    ),
    "a field of an answer comes": lambda d: schema(d, "Milestone")["properties"].update(new={"type": "string"}),
    "a field of a body comes": of_both(lambda s: s["properties"].update(new={"type": "string", "maxLength": 10})),
    "a body is new and something in it must be given": lambda d: (
        d["components"]["schemas"].update(
            LessonRequest={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
        )
        or d["paths"].update(
            {
                "/api/v1/lessons/": {
                    "post": {
                        "operationId": "lessons_create",
                        "requestBody": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LessonRequest"}}},
                            "required": True,
                        },
                        "responses": {"201": {"description": ""}},
                    }
                }
            }
        )
    ),
    "what had to be given may be left out": lambda d: schema(d, "MilestoneRequest")["required"].remove("type"),
    "a header may be left out": lambda d: parameter(d, "If-Match", MILESTONE, "put").update(required=False),
    "a text may be longer": of_both(lambda s: s["properties"]["title"].update(maxLength=400)),
    "a limit goes": of_both(lambda s: s["properties"]["title"].pop("maxLength")),
    "a form goes": of_both(lambda s: s["properties"]["key"].pop("pattern")),
    "null is accepted": of_both(lambda s: s["properties"]["title"].update(nullable=True)),
    "null no longer comes": lambda d: field(d, "Milestone.forecast_on").pop("nullable"),
    "an answer is shorter": lambda d: field(d, "Milestone.title").update(maxLength=10),
    "a word comes": lambda d: schema(d, "MilestoneType")["enum"].append("party"),
    "a refusal comes": lambda d: d["paths"][MILESTONE]["get"]["responses"].update(
        {"429": d["paths"][MILESTONE]["get"]["responses"]["404"]}
    ),
    "another form of the answer comes": lambda d: d["paths"][MILESTONE]["get"]["responses"]["200"]["content"].update(
        {"text/csv": {"schema": {"type": "string"}}}
    ),
    "words of explanation change": lambda d: [
        field(d, "Milestone.title").update(description="Anew."),
        d["paths"][MILESTONES]["get"].update(summary="Anew."),
    ],
    "nobody uses a component": lambda d: d["components"]["schemas"].update(Unused={"type": "object"}),
    "the order changes": lambda d: schema(d, "Milestone").update(
        properties=dict(reversed(schema(d, "Milestone")["properties"].items()))
    ),
}


def after(change: Callable[[Any], Any]) -> Any:
    """A copy of the document with the change, as a minor version."""
    changed = loads(milestones())
    change(changed)
    changed["info"]["version"] = "1.5.0"
    return changed


def complaints(changed: Any) -> list[str]:
    return (contract.verdict(changed, released()) or "").splitlines()[1:-1]


@pytest.mark.parametrize("what", BREAKING)
def test_a_change_that_breaks_callers_is_found_and_said_unless_the_major_version_moves(what: str) -> None:
    change, words = BREAKING[what]
    changed = after(change)
    assert words in complaints(changed)
    changed["info"]["version"] = "2.0.0"
    assert contract.verdict(changed, released()) is None


@pytest.mark.parametrize("what", HARMLESS)
def test_a_change_that_breaks_nobody_passes(what: str) -> None:
    assert contract.verdict(after(HARMLESS[what]), released()) is None


def test_only_what_breaks_is_told() -> None:
    changed = after(BREAKING["a text must be shorter"][0])
    HARMLESS["a word comes"](changed)
    assert complaints(changed) == ["MilestoneRequest.title takes: max is 200 and was 300"]


def test_the_contract_can_be_read_back_whole() -> None:
    promises = contract.Reader(document()).promises
    assert contract.read(contract.written("1.4.0", promises)) == ("1.4.0", promises)


def test_each_operation_and_each_field_that_goes_out_is_in_the_contract() -> None:
    promises = contract.Reader(document()).promises
    for path, methods in document()["paths"].items():
        assert {f"{method.upper()} {path}" for method in methods if method in contract.METHODS} <= set(promises)
    for name in ("Milestone", "Approval", "Problem"):
        assert {f"{name}.{one} gives" for one in schema(document(), name)["properties"]} <= set(promises)
