"""What may be due, kind by kind. Each app says it in its `reminders.py`; the reminders know the kinds by their names only."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Func

from cmast.dates import describe
from cmast.vocabulary import DatePrecision

if TYPE_CHECKING:
    from cmast.models.records import Record


@dataclass(frozen=True)
class Kind:
    """One kind of thing that somebody is reminded of."""

    word: str
    model: "type[Record]"
    #: The records that are open on a day, with `due_on`. The engine picks days from them: that must be a range of an index.
    find: Callable[[dt.date], models.QuerySet]
    #: What is asked of the reader, in a sentence.
    ask: str
    #: Who may be asked (owner, lead, sro), and the places whose roles say who that is (workstream, programme, organisation);
    #: each with the path from the record to its primary key.
    people: dict[str, str]
    #: Questions of the model that a rule may narrow the kind by.
    questions: tuple[str, ...] = ()
    #: What a reader calls the record, and the relations that this reads.
    name: Callable[[Any], str] = str
    reads: tuple[str, ...] = ()
    #: The date of the record in words, where it is vaguer than a day.
    day: Callable[[Any], str] = lambda record: ""
    #: What else its reader must know, in a sentence.
    adds: Callable[[Any], str] = lambda record: ""
    #: `due_on` is the day since when it is open, not one by which it is to be done.
    is_since: bool = False

    @property
    def record_type(self) -> str:
        """The kind of record by its name in the singular: `milestone`."""
        return str(self.model._meta.verbose_name).replace(" ", "_")

    def open(self, today: dt.date, question: str = "") -> models.QuerySet:
        """The records that are open on that day and of which the question is true."""
        found = self.find(today)
        if not question:
            return found
        narrowed: Any = getattr(self.model._default_manager.all(), question)
        matching = narrowed(today) if question in _dated(self.model) else narrowed()
        return found.filter(pk__in=matching.order_by().values("pk"))


def _dated(model: "type[Record]") -> set[str]:
    """The questions of a model that are asked for a day."""
    queryset = type(model._default_manager.all())
    methods = {name: getattr(queryset, name) for name in dir(queryset) if not name.startswith("_")}
    return {name for name, method in methods.items() if "today" in getattr(method, "__annotations__", {})}


_kinds: dict[str, Kind] = {}


def remind(*kinds: Kind) -> None:
    """To be called by the `reminders.py` of an app."""
    _kinds.update({kind.word: kind for kind in kinds})


def kind_of(word: str) -> Kind:
    return _kinds[word]


def kinds() -> list[Kind]:
    return list(_kinds.values())


def vaguely(name: str) -> Callable[[Any], str]:
    """Says the vague date `<name>_on` of a record, unless it is a day."""

    def words(record: Any) -> str:
        precision = getattr(record, f"{name}_precision")
        return "" if precision in (None, DatePrecision.DAY) else describe(getattr(record, f"{name}_on"), precision)

    return words


class DaysLater(Func):
    """A date some days later; both may be columns."""

    output_field = models.DateField()
    template = "(%(expressions)s)"
    arg_joiner = " + "

    def __init__(self, date: Any, days: Any) -> None:
        super().__init__(F(date) if isinstance(date, str) else date, F(days) if isinstance(days, str) else models.Value(days))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        date, days = self.get_source_expressions()
        date_sql, date_values = compiler.compile(date)
        days_sql, days_values = compiler.compile(days)
        return f"date({date_sql}, ({days_sql}) || ' days')", (*date_values, *days_values)
