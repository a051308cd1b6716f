"""Questions as list filters and as what needs attention, and a refusal in words.

A question is a queryset method of the model, the same one that the API and the reminders ask.
"""

import datetime as dt
import inspect
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode

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


def explain(error: Exception) -> str:
    """What went wrong, in a sentence for the person who tried."""
    match error:
        case ValidationError():
            return " ".join(error.messages)
        case RuleBroken():
            return error.message
        case _:
            return "the database refuses this: it breaks a rule of the register."
