"""What can be done to a record beyond filling in its fields: verbs, each with the states in which it is allowed.

The API (`POST .../<key>/<verb>/`), the desk (a button and a form), the OpenAPI document and the tests of every transition are
made from what is declared here, so that all entrances allow the same and refuse with the same words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from inspect import getdoc, signature
from typing import Any

from django.apps import apps
from django.db import models, transaction

from cmast.errors import NotForYou, RuleBroken

Given = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Verb:
    """One thing that can be done to a record of a kind."""

    name: str
    #: As an order to whoever may do it: "Record that it happened".
    says: str
    #: What it means, for the API's document.
    description: str
    #: Field -> the values in which the verb is allowed. Empty: always.
    given: Given
    #: Fields that may be said with it, and those of them that must be.
    asks: tuple[str, ...]
    needs: tuple[str, ...]
    #: Model whose fields these are, where it is another one than the record's.
    of: str
    #: A body of the API, with the keys of records of the edition.
    example: dict[str, Any]
    needs_reason: bool
    needs_key: bool
    #: Who may do it among those who may change the record; nothing: all of them.
    may: Callable[[Any, Any], bool] | None = field(repr=False)

    @property
    def path(self) -> str:
        """In addresses."""
        return self.name.replace("_", "-")

    def subject(self, model: type[models.Model]) -> Any:
        """The model whose fields are asked for."""
        return apps.get_model(self.of) if self.of else model

    def refusal(self, record: Any) -> str:
        """Why the record is in no state for it; empty when it is."""
        for name, values in self.given.items():
            if getattr(record, name) not in values:
                return f"“{record}” cannot be changed so: {_state(record, type(record)._meta.get_field(name))}."
        return ""

    def is_open_to(self, record: Any, person: Any) -> bool:
        return self.may is None or person is None or self.may(record, person)

    def require(self, record: Any, by: Any) -> None:
        """Raises NotForYou, or RuleBroken with the code `cannot_<verb>`."""
        if not self.is_open_to(record, by):
            raise NotForYou(f"{self.says}: that is for others to do.")
        if why := self.refusal(record):
            raise RuleBroken(f"cannot_{self.name}", why)


def _state(record: Any, column: Any) -> str:
    """What stands in the way, in words: “it is not active”, “its status is “closed””."""
    if isinstance(column, models.BooleanField):
        return f"it is {'' if getattr(record, column.name) else 'not '}{column.verbose_name.removeprefix('is ')}"
    said = getattr(record, f"get_{column.name}_display")() or "not stated"
    return f"its {column.verbose_name} is “{str(said).lower()}”"


def verb(
    says: str,
    *,
    given: Given | None = None,
    asks: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    of: str = "",
    example: dict[str, Any] | None = None,
    needs_reason: bool = False,
    needs_key: bool = False,
    may: Callable[[Any, Any], bool] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Makes a method a verb: it runs in a transaction on the locked record as it is now, and saves what it changes.

    What is said with it arrives as keyword arguments, what was left out as nothing at all. A parameter `by` is given the
    person who acts. The method may refuse further with RuleBroken; then nothing has happened.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., None]:
        allowed, wants_actor = given or {}, "by" in signature(body).parameters
        declared = Verb(
            name=body.__name__,
            says=says,
            description=getdoc(body) or says,
            given=allowed,
            asks=tuple(dict.fromkeys((*needs, *asks))),
            needs=needs,
            of=of,
            example=example or {},
            needs_reason=needs_reason,
            needs_key=needs_key,
            may=may,
        )

        @wraps(body)
        def done(record: Any, *, by: Any = None, **said: Any) -> None:
            with transaction.atomic():
                record.lock()
                declared.require(record, by)
                body(record, **said, **({"by": by} if wants_actor else {}))

        marked: Any = done
        marked.verb = declared
        return done

    return declare


def verbs_of(model: type[models.Model]) -> dict[str, Verb]:
    """Name -> verb, in the order of the model's methods."""
    methods = [method for kind in reversed(model.__mro__) for method in vars(kind).values()]
    return {method.verb.name: method.verb for method in methods if isinstance(getattr(method, "verb", None), Verb)}
