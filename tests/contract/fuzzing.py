"""Calls made from the OpenAPI document: what it allows, what it forbids, and chains of calls.

Left to themselves, made-up calls would hardly get past 404 and 428. So most are aimed: at records that are there, with their
ETags, and with bodies that are real but for a few fields.
"""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

PROMISES = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]
#: The same calls each time, however large and slow.
SETTINGS = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
#: For rows of a bulk request, of which the document says no more than that they are objects.
ODD = [None, "", "x" * 400, "a\x00b", "2024-02-30", -1, 10**30, 0.1, True, [], {}, ["a"], {"a": None}, "ws-lims"]
#: How many kinds of record a chain of calls is about.
RESOURCES = 15
MOMENTS = ["2024-05-02", "2024-05-03", "2024-05-03T12:00:00Z", "1999-12-31", "2030-01-01"]


class Fuzzer:
    """One kind of caller. `answers` counts what came back; `broken` says how to repeat each answer that breaks a promise."""

    def __init__(self, document: dict[str, Any], app: Any, sign_in: Callable[[], Any], name: str, workstream: str) -> None:
        """`sign_in` gives a new caller of this kind, who knows that workstream best: what a lead may write is found there."""
        self.document, self.sign_in, self.workstream = document, sign_in, workstream
        self.client = sign_in()
        self.schema = schemathesis.openapi.from_dict(document)
        self.schema.app = app
        self.random = random.Random(name)
        self.answers: Counter[str] = Counter()
        self.broken: dict[str, str] = {}
        #: resource -> key -> the record as last seen
        self.known: dict[str, dict[str, Any]] = {}

    def lists(self, page_size: int) -> dict[str, Any]:
        """The answer of every list."""
        self.client = self.sign_in()
        operations = {path: methods.get("get", {}) for path, methods in self.document["paths"].items()}
        paths = [
            path for path, found in operations.items() if found.get("operationId", "").endswith("_list") and "{" not in path
        ]
        return {path: self.client.get(path, {"page_size": page_size}) for path in paths}

    def look_around(self) -> None:
        """Learn of some records of each kind."""
        for path, answer in self.lists(50).items():
            self.known[_resource(path)] = {record["key"]: record for record in answer.json()["results"]}

    # --- Three ways of making calls -----------------------------------------------------------------------------------

    def coverage(self, calls: int) -> None:
        """Each rule of the document kept and broken, one at a time."""
        operations = self._operations()
        share = max(calls // len(operations), 10)
        for operation in operations[: calls // share]:
            cases = self.schema.iter_coverage_cases(
                operation, generation_modes=list(GenerationMode), generation_config=self.schema.config.generation
            )
            for case in self._some(list(cases), share):
                self.call(case, "coverage")

    def fuzzing(self, calls: int) -> None:
        """Everything at random."""
        operations = self._operations()
        share = max(calls // len(operations), 4)
        for operation in operations[: calls // share]:
            for mode in GenerationMode:

                @settings(SETTINGS, max_examples=share // 2)
                @given(operation.as_strategy(generation_mode=mode))
                def call(case: Case) -> None:
                    self.call(case, "fuzzing")

                call()

    def chains(self, calls: int) -> None:
        """Calls that go on from what the ones before them answered, until so many calls have been made in all."""
        some = settings(SETTINGS, max_examples=10, stateful_step_count=6)
        for number in count():
            if self.answers.total() >= calls:
                return
            # Hypothesis begins chains anew and expects what it saw before; the register remembers and answers otherwise.
            with suppress(Flaky, AssertionError):
                seed(number)(self._chain(number)).run(settings=some)

    def _chain(self, number: int) -> Any:
        """A machine that calls some of the resources: of all at once Hypothesis finds no way on."""
        fuzzer, resources = self, sorted(self.known)
        some = "|".join(random.Random(number).sample(resources, min(RESOURCES, len(resources))))

        machine = self.schema.include(path_regex=rf"^/api/v1/({some})/").as_state_machine()

        def call(chain: Any, case: Case, **kwargs: Any) -> Response:
            return fuzzer.call(case, "chains")

        def validate_response(*args: Any, **kwargs: Any) -> None:
            """`call` has done it."""

        return type("Chain", (machine,), {"call": call, "validate_response": validate_response})

    def _operations(self) -> list[Any]:
        self.client = self.sign_in()  # the one before may have given his own role away
        operations = [found.ok() for found in self.schema.get_all_operations()]
        return self._some(operations, len(operations))

    # --- One call -----------------------------------------------------------------------------------------------------

    def call(self, case: Case, phase: str) -> Response:
        if case.method == case.operation.method.upper():
            self._aim(case)
        response = case.call(headers={"Authorization": self.client._credentials["HTTP_AUTHORIZATION"]})
        self.answers[f"{phase} {case.method} {response.status_code}"] += 1
        self._learn(case, response)
        if response.status_code == 401:  # the caller has revoked his own token
            self.client = self.sign_in()
        try:
            case.validate_response(response, checks=PROMISES)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                what = f"{case.operation.label}: {failure.title} {failure.message.partition(chr(10))[0]}"
                self.broken.setdefault(what, f"{case.as_curl_command()}\n{response.content[:1000]!r}")
        return response

    def _aim(self, case: Case) -> None:
        """At a record that is there. Any part of a call may at times stay as it was made up."""
        record = self._target(case)
        if record is None:
            return
        for name in case.path_parameters:
            case.path_parameters[name] = record.get(name) or self.random.choice("abc")
        if self._mostly():
            case.query.pop("cursor", None)
        if "as_of" in case.query and self._mostly():
            case.query["as_of"] = self.random.choice(MOMENTS)
        if case.method in ("PUT", "PATCH", "DELETE") and self._mostly():
            case.headers["If-Match"] = record.get("etag", "")
        if case.method == "POST" and (case.path.endswith("/bulk/") or not self._mostly()):
            case.headers["Idempotency-Key"] = f"fuzz-{self.random.randrange(1000)}"
        if isinstance(case.body, dict) and self._mostly():
            self._make_real(case, case.body, record)

    def _target(self, case: Case) -> dict[str, Any] | None:
        records = self.known.get(_resource(case.path), {})
        if (named := case.path_parameters.get("key")) in records:
            return records[named]
        own = [record for record in records.values() if self.workstream in (record.get("workstream"), record["key"])]
        candidates = own if own and self._mostly() else list(records.values())
        return self.random.choice(candidates) if candidates and self._mostly() else None

    def _make_real(self, case: Case, body: dict[str, Any], record: dict[str, Any]) -> None:
        """The body as one would send it, but for up to three fields."""
        real = self._writable(case, record)
        if "rows" not in body:
            case.body = real | dict(self._some(list(body.items()), self.random.randint(1, 3)))
            return
        others = [record, *self._some(list(self.known[_resource(case.path)].values()), 3)]
        body["rows"] = [
            {"key": other["key"], "etag": other.get("etag")}
            | self._writable(case, other)
            | {name: self.random.choice(ODD) for name in self._some(list(real), self.random.randint(0, 2))}
            for other in others
        ]

    def _writable(self, case: Case, record: dict[str, Any]) -> dict[str, Any]:
        """What a client may send of a record."""
        create = self.document["paths"][f"/api/v1/{_resource(case.path)}/"].get("post")
        if create is None:
            return {}
        (content,) = create["requestBody"]["content"].values()
        reference = content["schema"]["$ref"]
        fields = self.document["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
        made = {"change_reason": "Made up."} if "change_reason" in fields else {}
        return {name: record[name] for name in fields if name in record and name != "key"} | made

    def _learn(self, case: Case, response: Response) -> None:
        records = self.known.setdefault(_resource(case.path), {})
        if response.status_code in (204, 404):
            records.pop(case.path_parameters.get("key", ""), None)
        elif response.status_code in (200, 201) and "as_of" not in case.query:
            records.update({record["key"]: record for record in _told(response) if "etag" in record})

    def _mostly(self) -> bool:
        return self.random.random() < 0.75

    def _some(self, things: list[Any], number: int) -> list[Any]:
        return self.random.sample(things, min(number, len(things)))


def _told(response: Response) -> list[Any]:
    """The objects of an answer; none where it is a picture or a file."""
    if response.headers["content-type"] != ["application/json"]:
        return []
    answer = response.json()
    return answer if isinstance(answer, list) else answer.get("results", [answer])


def _resource(path: str) -> str:
    return path.split("/")[3]
