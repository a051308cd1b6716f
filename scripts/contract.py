"""What the API promises its callers, one line each, and whether the next version keeps it.

    python scripts/contract.py            fails when docs/openapi.yml breaks a promise of docs/contract.txt
    python scripts/contract.py --write    the same, then writes docs/contract.txt anew, for a release

A line is `subject takes: kind, facet, facet` for what a caller sends (`MilestoneRequest.title takes: string, needed, max 300`),
`subject gives: kind` for what comes back, and without a verb for an operation or an enumeration.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parent.parent / "docs"
BASELINE = DOCS / "contract.txt"
METHODS = ("get", "post", "put", "patch", "delete")
_MARKS = {"query": "?{}", "path": "{{{}}}", "header": "{}", "cookie": "cookie-{}"}
#: Keywords of JSON schema by the facet that they become.
_LIMITS = {
    "max": ("maxLength", "maximum", "maxItems"),
    "min": ("minLength", "minimum", "minItems"),
    "pattern": ("pattern",),
    "default": ("default",),
}
#: Facets that are sets of words, and what is said when one of the words goes.
_SETS = {"one of": "no longer knows", "by": "no longer lets in by", "refuses": "no longer refuses with"}

Facets = dict[str, str]
Promises = dict[str, Facets]


class Reader:
    """Goes through an OpenAPI document and collects `promises`, components by name and only as far as operations use them."""

    def __init__(self, document: Any) -> None:
        self.components = document["components"]
        self.promises: Promises = {}
        for path, methods in document["paths"].items():
            for method in METHODS:
                if method in methods:
                    self.operation(f"{method.upper()} {path}", methods[method])

    def operation(self, subject: str, operation: Any) -> None:
        refusals = [status for status in operation["responses"] if status.startswith(("4", "5"))]
        ways = [name for scheme in operation.get("security", []) for name in scheme]
        self.promises[subject] = {"kind": operation["operationId"]} | _words("by", ways) | _words("refuses", refusals)
        for parameter in operation.get("parameters", []):
            name = _MARKS[parameter["in"]].format(parameter["name"])
            self.value(f"{subject} {name}", "takes", parameter["schema"], parameter.get("required", False))
        if body := operation.get("requestBody"):
            for name, schema in self.contents("body", body):
                self.value(f"{subject} {name}", "takes", schema, body.get("required", False))
        for status, answer in operation["responses"].items():
            for name, schema in self.contents(status, answer):
                # Each kind of refusal has one form: it is said once, not for every operation.
                self.value(name if status in refusals else f"{subject} {name}", "gives", schema)

    def contents(self, name: str, message: Any) -> Iterator[tuple[str, Any]]:
        """(name, schema) for each media type of a body or an answer; JSON is not mentioned."""
        contents = self.referred(message).get("content") or {"": {}}
        for media, content in contents.items():
            named = name if media in ("", "application/json", "application/problem+json") else f"{name}-{media}"
            yield named, content.get("schema", {"type": "nothing"})

    def value(self, subject: str, verb: str, schema: Any, needed: bool = False) -> None:
        """A line on a value, and the lines on what is inside it."""
        facets = {"kind": self.kind(schema)}
        if schema.get("nullable"):
            facets["or null"] = ""
        if verb == "takes":
            if needed:
                facets["needed"] = ""
            facets |= _limits(schema)
        self.promises[f"{subject} {verb}"] = facets | _words("one of", schema.get("enum", []))
        self.inside(subject, verb, schema)

    def inside(self, subject: str, verb: str, schema: Any) -> None:
        if "$ref" in schema:
            return self.component(self.whole(_name(schema["$ref"])), verb)
        for part in (*schema.get("allOf", []), *schema.get("oneOf", [])):
            self.inside(subject, verb, part)
        for part, mark in ((schema.get("items"), "[]"), (schema.get("additionalProperties"), "{}")):
            if isinstance(part, dict):
                self.inside(subject + mark, verb, part)
        for field, described in schema.get("properties", {}).items():
            self.value(f"{subject}.{field}", verb, described, field in schema.get("required", []))

    def component(self, name: str, verb: str) -> None:
        schema = self.components["schemas"][name]
        if "enum" in schema:
            self.promises[name] = {"kind": self.kind(schema)} | _words("one of", schema["enum"])
        elif f"{name} {verb}" not in self.promises:
            self.promises[f"{name} {verb}"] = {"kind": self.kind(schema)}
            self.inside(name, verb, schema)

    def whole(self, name: str) -> str:
        """The component that a `Patched...` one is the same as, but that nothing in it is needed."""
        schemas, other = self.components["schemas"], name.removeprefix("Patched")
        return other if other in schemas and schemas[name].get("properties") == schemas[other].get("properties") else name

    def kind(self, schema: Any) -> str:
        """What sort of value it is: `string`, `date`, `list of Milestone`."""
        if "$ref" in schema:
            name = _name(schema["$ref"])
            return name if (whole := self.whole(name)) == name else f"parts of {whole}"
        for word, joint in (("allOf", " and "), ("oneOf", " or ")):
            if word in schema:
                return joint.join(self.kind(part) for part in schema[word])
        if schema.get("type") == "array":
            return f"list of {self.kind(schema['items'])}"
        if isinstance(schema.get("additionalProperties"), dict):
            return f"map of {self.kind(schema['additionalProperties'])}"
        return str(schema.get("format") or schema.get("type") or "anything")

    def referred(self, node: Any) -> Any:
        return self.components["responses"][_name(node["$ref"])] if "$ref" in node else node


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _words(facet: str, words: list[Any]) -> Facets:
    return {facet: "|".join(sorted(str(word) for word in words))} if words else {}


def _limits(schema: Any) -> Facets:
    """The limits of a value; those of the forms that it may have are the limits of the whole."""
    found = {facet: str(schema[word]) for facet, words in _LIMITS.items() for word in words if word in schema}
    forms = [_limits(form) for form in schema.get("oneOf", [])]
    if forms and all("max" in form for form in forms):
        found["max"] = max((form["max"] for form in forms), key=float)
    return found


def breaks(before: Promises, now: Promises) -> list[str]:
    """What a caller of the version before could rely on and no longer can, in words."""
    found = [
        complaint
        for subject, facets in before.items()
        for complaint in (_differences(subject, facets, now[subject]) if subject in now else [f"{subject} is gone"])
    ]
    owners = {_owner(subject) for subject in before}
    for subject, facets in now.items():
        if subject not in before and "needed" in facets and _owner(subject) in owners:
            found.append(f"{subject}: is new and every caller must give it")
    return found


def _owner(subject: str) -> str:
    """The operation or the component that a line speaks of."""
    thing = re.sub(r" (takes|gives)$", "", subject)
    return thing.rpartition(" " if " " in thing else ".")[0]


def _differences(subject: str, was: Facets, now: Facets) -> Iterator[str]:
    """Breaking differences between two lines on one subject."""
    if was["kind"] != now["kind"]:
        yield f"{subject}: is {now['kind']} and was {was['kind']}"
    for facet, goes in _SETS.items():
        lost = set(was.get(facet, "").split("|")) - set(now.get(facet, "").split("|")) - {""}
        if lost and not (facet == "one of" and facet not in now):  # without a list any word is good
            yield f"{subject}: {goes} {', '.join(sorted(lost))}"
    if subject.endswith(" gives"):
        if "or null" in now and "or null" not in was:
            yield f"{subject}: may now be null"
    elif subject.endswith(" takes"):
        yield from _narrowed(subject, was, now)


def _narrowed(subject: str, was: Facets, now: Facets) -> Iterator[str]:
    """What was accepted and is accepted no longer."""
    if "or null" in was and "or null" not in now:
        yield f"{subject}: null is no longer accepted"
    if "needed" in now and "needed" not in was:
        yield f"{subject}: must now be given"
    if "one of" in now and "one of" not in was:
        yield f"{subject}: only {now['one of']} are accepted now"
    if "pattern" in now and now["pattern"] != was.get("pattern"):
        yield f"{subject}: must now match {now['pattern']}"
    if "default" in was and now.get("default") != was["default"]:
        yield f"{subject}: left out, it means {now.get('default', 'nothing')} and meant {was['default']}"
    for facet, sign in (("max", 1), ("min", -1)):
        if facet in now and (facet not in was or sign * float(now[facet]) < sign * float(was[facet])):
            yield f"{subject}: {facet} is {now[facet]} and was {was.get(facet, 'none')}"


def written(version: str, promises: Promises) -> str:
    """The text of docs/contract.txt."""
    lines = [
        f"{subject}: {', '.join([facets['kind'], *(f'{k} {v}'.strip() for k, v in facets.items() if k != 'kind')])}"
        for subject, facets in promises.items()
    ]
    return "\n".join([version, *sorted(lines), ""])


def read(text: str) -> tuple[str, Promises]:
    """Version and promises of a docs/contract.txt."""
    version, *lines = text.splitlines()
    promises = {}
    for line in lines:
        subject, _, rest = line.partition(": ")
        kind, *facets = rest.split(", ")
        named = (re.fullmatch(r"(one of|or null|\w+) ?(.*)", facet) for facet in facets)
        promises[subject] = {"kind": kind} | {match[1]: match[2] for match in named if match}
    return version, promises


def verdict(document: Any, baseline: str) -> str | None:
    """What is wrong with a document after the released contract; None when nothing is."""
    released, before = read(baseline)
    version = document["info"]["version"]
    found = breaks(before, Reader(document).promises)
    if not found or int(version.split(".")[0]) > int(released.split(".")[0]):
        return None
    return "\n".join(
        [
            f"These changes break what version {released} promised:",
            *found,
            f"Keep them, or give the document a higher major version than {version}.",
        ]
    )


def load(path: Path = DOCS / "openapi.yml") -> Any:
    """The document. The fast loader, because it is large."""
    with path.open() as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


def main(arguments: list[str]) -> str | None:
    """What to complain of, if anything."""
    document, write = load(), "--write" in arguments
    if BASELINE.exists():
        if complaint := verdict(document, BASELINE.read_text()):
            return complaint
    elif not write:
        return "docs/contract.txt is missing: run make contract"
    if write:
        BASELINE.write_text(written(document["info"]["version"], Reader(document).promises))
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
