"""Windows of vague dates in the database: the same as `cmast.dates.window` says, which tests hold."""

from typing import Any

from django.db.models import Case, DateField, F, Func, IntegerField, Q, Value, When

from cmast.vocabulary import DatePrecision as P

#: Precision -> months to go back to the first month of the window, and days to go on from the first of it.
_FROM_MONTH = {
    P.EARLY_MONTH: (0, 0),
    P.MID_MONTH: (0, 10),
    P.LATE_MONTH: (0, 20),
    P.MONTH: (0, 0),
    P.BEFORE_MONTH_END: (0, 0),
    P.QUARTER: (2, 0),
    P.HALF_YEAR: (5, 0),
    P.FINANCIAL_YEAR: (11, 0),
}


class FromMonth(Func):
    """The first day of the month so many months before a day, and so many days on."""

    output_field = DateField()

    def __init__(self, day: Any, months: int, days: int) -> None:
        super().__init__(day, months=months, days=days)

    template = "(date_trunc('month', %(expressions)s) - interval '%(months)s months')::date + %(days)s"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "date(%(expressions)s, 'start of month', '-%(months)s months', '+%(days)s days')"
        return super().as_sql(compiler, connection, template=template, **context)


class Shifted(Func):
    """So many days before a day."""

    output_field = DateField()
    template = "%(expressions)s - %(days)s"

    def __init__(self, day: Any, days: int) -> None:
        super().__init__(day, days=days)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="date(%(expressions)s, '-%(days)s days')", **context)


class DaysBetween(Func):
    """How many days the second day is after the first; less than nothing where it is before."""

    output_field = IntegerField()
    arg_joiner = ") - ("
    template = "((%(expressions)s))"

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__(second, first)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(julianday(%(expressions)s) AS INTEGER)"
        return super().as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **context)


def first_day(name: str, starts: str = "") -> Case:
    """First day of the window of the vague date `<name>_on`; null where it has none.

    `starts` is the field with the first day of a season or a range. A season without one has no first day.
    """
    on, precision = F(f"{name}_on"), f"{name}_precision"
    whens = [When(**{f"{name}_on__isnull": True}, then=Value(None))]
    if starts:
        whens.append(When(**{f"{starts}__isnull": False}, then=F(starts)))
    whens += [When(**{precision: word}, then=FromMonth(on, *steps)) for word, steps in _FROM_MONTH.items()]
    whens.append(When(**{precision: P.WEEK}, then=Shifted(on, 6)))
    whens.append(When(Q(**{precision: P.SEASON}), then=Value(None)))
    return Case(*whens, default=on, output_field=DateField())
