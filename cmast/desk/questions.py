"""Questions as list filters, and verbs as bulk actions.

A question is a queryset method of the model, the same one that the API and the reminders ask. A verb sets fields and saves
record by record, so that every rule of the model holds; what a rule refuses is reported and left as it was.
"""

import datetime as dt
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode

from cmast.desk.forms import REASON, disguise
from cmast.errors import RuleBroken
from cmast.models import Record


def ask(model: type[Record], question: str, today: dt.date) -> models.QuerySet:
    """The records of which the question is true on that day."""
    method = getattr(model._default_manager.all(), question)
    return method(today) if "today" in inspect.signature(method).parameters else method()


class QuestionFilter(admin.SimpleListFilter):
    """Yes or no to a question."""

    parameter_name: str

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() not in ("yes", "no"):
            return queryset
        matching = models.Q(pk__in=ask(queryset.model, self.parameter_name, timezone.localdate()).order_by().values("pk"))
        return queryset.filter(matching if self.value() == "yes" else ~matching)


class JudgementFilter(QuestionFilter):
    """Yes or no to a question whose answer may be unknown: both answers are knowledge."""

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() not in ("yes", "no"):
            return queryset
        found = getattr(queryset.model._default_manager.all(), self.parameter_name)(self.value() == "yes")
        return queryset.filter(pk__in=found.values("pk"))


def question_filter(question: str, base: type[QuestionFilter] = QuestionFilter) -> type[QuestionFilter]:
    """The list filter of a question."""
    words = question.replace("_", " ")
    return type(f"{question.title()}Filter", (base,), {"title": words, "parameter_name": question})


@dataclass(frozen=True)
class Attention:
    """Something that needs attention today: the records of which a question is true, or that have these values.

    Without a title it is only a column in the table of programmes.
    """

    title: str
    question: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    #: What is asked of the reader.
    hint: str = ""
    #: Heading of its column in the table of programmes; empty for none.
    column: str = ""
    #: Order on the index page.
    order: int = 50

    def matching(self, model: type[Record], today: dt.date) -> models.QuerySet:
        return ask(model, self.question, today) if self.question else model._default_manager.filter(**self.values)

    @property
    def query(self) -> str:
        """The query string that shows the same records in the list."""
        if self.question:
            return f"{self.question}=yes"
        return urlencode({f"{name}__exact": value for name, value in self.values.items()})


def today(request: HttpRequest) -> dt.date:
    """For a verb: the day on which it is done."""
    return timezone.localdate()


def me(request: HttpRequest) -> Any:
    """For a verb: who does it."""
    return request.user


def verb(name: str, description: str, given: dict[str, tuple[Any, ...]], **changes: Any) -> Callable[..., None]:
    """A bulk action that sets `changes` on records whose fields have one of the `given` values.

    A change may be a function of the request, such as `today`.
    """

    @admin.action(description=description, permissions=["change"])
    def action(desk: Any, request: HttpRequest, queryset: models.QuerySet) -> None:
        values = {name: value(request) if callable(value) else value for name, value in changes.items()}
        done, refused = 0, []
        try:
            with transaction.atomic():
                # Read again under a lock: the list may be older than somebody else's change.
                for record in desk.named_records().filter(pk__in=queryset.values("pk")).select_for_update(of=("self",)):
                    disguise(record, request.user)
                    if reason := _refusal(record, given, values):
                        refused.append(f"“{record}” was left as it is: {reason}")
                    else:
                        done += 1
        except ReasonMissing:
            desk.message_user(request, f"Nothing was changed. {description} needs a reason: say why.", messages.ERROR)
            return
        if done:
            desk.message_user(request, f"{description}: {done} done.", messages.SUCCESS)
        for text in refused:
            desk.message_user(request, text, messages.ERROR)

    action.__name__ = name
    return action


class ReasonMissing(Exception):
    """A verb changes what is not changed without a reason, and none was given."""


def _refusal(record: Record, given: dict[str, tuple[Any, ...]], values: dict[str, Any]) -> str:
    """Does the verb to one record. Why a rule forbids it; empty when it is done."""
    try:
        _fit(record, given)
        for name, value in values.items():
            setattr(record, name, value)
        record.save()
    except (RuleBroken, ValidationError, IntegrityError) as error:
        if REASON in getattr(error, "error_dict", {}):
            raise ReasonMissing from error
        return explain(error)
    return ""


def _fit(record: Record, given: dict[str, tuple[Any, ...]]) -> None:
    """Refuse a record that the verb is not meant for."""
    for name, values in given.items():
        if getattr(record, name) not in values:
            said = getattr(record, f"get_{name}_display")() or "not stated"
            field: Any = type(record)._meta.get_field(name)
            raise RuleBroken("not_applicable", f"its {field.verbose_name} is “{said.lower()}”.")


def explain(error: Exception) -> str:
    """What went wrong, in a sentence for the person who tried."""
    match error:
        case ValidationError():
            return " ".join(error.messages)
        case RuleBroken():
            return error.message
        case _:
            return "the database refuses this: it breaks a rule of the register."
