"""The target engine: what was aimed at, what happened, and what can be said of it. Pure: no database, no clock.

An answer is met, not met or cannot be judged, with a stable code, a sentence for the reader and the inputs that it rests on.
Whatever the figures leave open (bounds, “about”, exclusions, trusts without data) is judged only where it cannot change the
answer; units are never converted, and a system's value is never made up from its trusts. Trajectories and cohorts: `plans`.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from cmast.amounts import amount, number
from cmast.vocabulary import ScopeLevel, Unit
from metrics.figures import (
    BOUNDS,
    COUNTED,
    WITHOUT_SHARE,
    ZERO,
    Change,
    Edge,
    Figure,
    Period,
    Span,
    above,
    at_least,
    between,
    change,
    day_in_words,
    exactly,
    one_of,
    previous,
    unit_words,
    units_differ,
)

#: Comparisons that are judged on the change from an earlier figure.
CHANGES = ("increase", "reduce")
#: Comparison -> its words before the number.
_WORDS = {"gt": "more than ", "gte": "at least ", "lt": "less than ", "lte": "at most ", "eq": "exactly "}
#: All words of `Operator`.
OPERATORS = frozenset({*_WORDS, "between", "eliminate", "meet_standard", *CHANGES})


class Outcome(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    CANNOT_BE_JUDGED = "cannot_be_judged"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ").capitalize()


class Reason(StrEnum):
    """Why the answer is what it is. The words are kept by those who read the API: add, never rename."""

    MEETS = "meets"
    CHANGED_AS_AIMED = "changed_as_aimed"
    ENOUGH_PROVIDERS_MEET = "enough_providers_meet"

    MISSES = "misses"
    AT_THE_LIMIT = "at_the_limit"
    UNCHANGED = "unchanged"
    CHANGED_THE_OTHER_WAY = "changed_the_other_way"
    CHANGED_TOO_LITTLE = "changed_too_little"
    TOO_FEW_PROVIDERS_MEET = "too_few_providers_meet"

    NO_FIGURE = "no_figure"
    VALUE_UNKNOWN = "value_unknown"
    INEXACT = "inexact"
    NO_NUMBER = "no_number"
    UNIT_DIFFERS = "unit_differs"
    AMOUNT_AMBIGUOUS = "amount_ambiguous"
    NOTHING_BEFORE = "nothing_before"
    SERIES_BREAK = "series_break"
    SEVERAL_FIGURES = "several_figures"
    IS_A_DIFFERENCE = "is_a_difference"
    IS_A_PART = "is_a_part"
    IS_A_QUANTIFIER = "is_a_quantifier"
    NOT_YET_HAPPENED = "not_yet_happened"
    EXCLUSIONS_UNKNOWN = "exclusions_unknown"
    PARTS_DO_NOT_SUM = "parts_do_not_sum"
    PROVIDERS_UNKNOWN = "providers_unknown"
    PROVIDERS_WITHOUT_DATA = "providers_without_data"

    @property
    def outcome(self) -> Outcome:
        if self in (Reason.MEETS, Reason.CHANGED_AS_AIMED, Reason.ENOUGH_PROVIDERS_MEET):
            return Outcome.MET
        return Outcome.NOT_MET if self in _MISSED else Outcome.CANNOT_BE_JUDGED


_MISSED = (
    Reason.MISSES,
    Reason.AT_THE_LIMIT,
    Reason.UNCHANGED,
    Reason.CHANGED_THE_OTHER_WAY,
    Reason.CHANGED_TOO_LITTLE,
    Reason.TOO_FEW_PROVIDERS_MEET,
)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A target. `operator` is a word of the models' `Operator`; one that keeps zero is `eq` 0 with the intent `maintain`.

    The value of an increase or a reduction is the least change, not a level: in percentage points for a percent, in percent or
    in the figure's unit for the rest. `meet_standard` has a number only with a `direction` of the metric (higher_is_better:
    at least it). `baseline` is in the figure's unit; without it an earlier figure is what a change starts from.
    `providers` are the codes of those for whom an `each_provider` target holds: without them nobody can know that all have met
    it. `providers_needed` makes it a target for at least so many of them.
    `starts_on` and `ends_on` are the days on which it is in force; `superseded_on` the day from which another is, where that
    one is not at hand. `supersedes` is the key of the target that it replaces.
    """

    operator: str
    unit: str
    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    operator_source: str = "stated"
    intent: str | None = None
    direction: str | None = None
    scope_level: str = ScopeLevel.SYSTEM
    organisation: str = ""
    providers: tuple[str, ...] = ()
    providers_needed: int | None = None
    exclusions: tuple[str, ...] = ()
    basis: str = "unspecified"
    baseline: Decimal | None = None
    baseline_on: dt.date | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    due_on: dt.date | None = None
    superseded_on: dt.date | None = None
    supersedes: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise ValueError(f"{self.operator!r} is no comparison that a target can make")

    @property
    def accepted(self) -> Span | None:
        """The values that meet it; None for a change and for an outside standard without a number."""
        if self.operator == "eliminate":
            return exactly(ZERO)
        if self.operator == "between":
            return between(self.low, self.high) if self.low is not None and self.high is not None else None
        operator = self.operator
        if operator == "meet_standard":
            operator = {"higher_is_better": "gte", "lower_is_better": "lte"}.get(self.direction or "", "")
        return BOUNDS[operator](self.value) if self.value is not None and operator in BOUNDS else None

    @property
    def words(self) -> str:
        """What is aimed at, to be read after “a target of”."""
        match self.operator:
            case "between":
                if self.low is None or self.high is None:
                    return "a range that is not stated"
                return f"between {number(self.low)} and {amount(self.high, self.unit)}"
            case "eliminate":
                return f"{amount(ZERO, self.unit)}, to be eliminated"
            case "increase" | "reduce":
                noun = "an increase" if self.operator == "increase" else "a reduction"
                return noun if self.value is None else f"{noun} of at least {amount(self.value, self.unit)}"
            case "meet_standard":
                return "the standard" if self.value is None else f"the standard of {amount(self.value, self.unit)}"
        if self.value is None:
            return f"{_WORDS[self.operator]}a number that is not stated"
        if self.operator == "eq" and self.value == 0:
            return f"{amount(ZERO, self.unit)}, to be kept" if self.intent == "maintain" else amount(ZERO, self.unit)
        return _WORDS[self.operator] + amount(self.value, self.unit)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A count under exclusions. The excluded are one remainder, never divided by reason. None is unknown."""

    total: Decimal | None
    excluded: Decimal | None
    countable: Decimal | None

    @property
    def words(self) -> str:
        words = ("not stated" if value is None else number(value) for value in (self.total, self.excluded, self.countable))
        return "total {}, excluded {}, countable {}".format(*words)


def split(figure: Figure) -> Split:
    """Total, excluded, countable: the third from the other two, where the total is exact and the unit can be added."""
    total, excluded, countable = figure.value, figure.excluded, figure.countable
    if figure.unit in COUNTED and total is not None and figure.span == exactly(total):
        if excluded is None and countable is not None:
            excluded = total - countable
        elif countable is None and excluded is not None:
            countable = total - excluded
    return Split(total=total, excluded=excluded, countable=countable)


def adds_up(figure: Figure) -> bool:
    """Whether what is excluded and what is countable can be parts of the value. Shares of 100 have no such parts."""
    parts = [part for part in (figure.excluded, figure.countable) if part is not None]
    if figure.unit not in COUNTED or figure.span is None or not parts:
        return True
    whole = exactly(sum(parts, ZERO)) if len(parts) == 2 else at_least(parts[0])
    return min(parts) >= 0 and not whole.apart(figure.span)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Trusts, by code, that meet a target of each. `cannot` have a figure that does not decide; `missing` have none.

    `least` and `most` say how many meet it at any rate and at best, a stated count included; `most` is None while nobody has
    said whom the target holds for. `contradicts` is true where the stated count cannot be squared with the figures: then the
    figures decide.
    """

    met: tuple[str, ...]
    not_met: tuple[str, ...]
    cannot: tuple[str, ...]
    missing: tuple[str, ...]
    least: int
    most: int | None
    contradicts: bool

    @property
    def of(self) -> int:
        return len(self.met) + len(self.not_met) + len(self.cannot) + len(self.missing)

    @property
    def words(self) -> str:
        """“1 of 12 met, 3 without data”: what is known."""
        words = [f"{self.least} of {self.of} met"]
        if self.not_met:
            words.append(f"{len(self.not_met)} not met")
        if self.cannot:
            words.append(f"{len(self.cannot)} cannot be judged")
        if self.missing:
            words.append(f"{len(self.missing)} without data")
        return ", ".join(words)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An answer with its inputs. `figures` are those that decided, the judged one first; `change` is for a target of change.

    For a target of each provider: `tally`, the verdict on each trust in `parts` by code, and in `beside` the system's own
    figure of the period, which is context and decides nothing.
    """

    goal: Goal
    code: Reason
    words: str
    figures: tuple[Figure, ...] = ()
    split: Split | None = None
    change: Change | None = None
    tally: Tally | None = None
    parts: tuple["Verdict", ...] = ()
    beside: Figure | None = None

    @property
    def outcome(self) -> Outcome:
        return self.code.outcome


def judge(
    goal: Goal,
    figures: Iterable[Figure],
    *,
    ends_on: dt.date | None = None,
    stated_count: Figure | None = None,
    breaks: Collection[dt.date] = (),
) -> Verdict:
    """Judge a target by the figures of its metric, in any order, for the period that ends on a day: the latest one by default.

    Figures of other scopes and organisations are left aside, but for the system's own beside a target of each provider.
    `stated_count` is a figure in trusts that says how many meet such a target. `breaks` are the days from which the metric
    counts something else: no change is judged across them.
    """
    figures = list(figures)
    if goal.scope_level == ScopeLevel.EACH_PROVIDER:
        return _judge_providers(goal, figures, ends_on, stated_count, breaks)
    return _judge_scope(goal, figures, ends_on, breaks)


def judge_one(goal: Goal, figure: Figure, before: Figure | None = None, breaks: Collection[dt.date] = ()) -> Verdict:
    """Judge one figure by the number of a target, whatever the scope of either. `before` is what a change starts from."""
    if figure.unfit:
        return _verdict(goal, Reason(figure.unfit.value), f"{figure.words}: {figure.unfit.words}.", figure)
    if goal.exclusions and not adds_up(figure):
        stated = Split(total=figure.value, excluded=figure.excluded, countable=figure.countable)
        return _verdict(goal, Reason.PARTS_DO_NOT_SUM, f"the parts do not sum to the whole ({stated.words}).", figure)
    if goal.operator in CHANGES:
        return _judge_change(goal, figure, before, breaks)
    return _judge_level(goal, figure)


def in_force(goals: Iterable[Goal], on: dt.date) -> list[Goal]:
    """The targets that hold on a day: begun, not ended, and not superseded by one that has begun, be that over or not.

    National, local and professional targets hold beside each other; a due date does not end a target. Sorted by basis and key.
    """
    goals = list(goals)
    begun = [goal for goal in goals if goal.starts_on is None or goal.starts_on <= on]
    replaced = {goal.supersedes for goal in begun if goal.supersedes}
    holding = [
        goal
        for goal in begun
        if (goal.ends_on is None or on <= goal.ends_on)
        and (goal.superseded_on is None or on < goal.superseded_on)
        and (not goal.key or goal.key not in replaced)
    ]
    order = ("national", "local", "professional_guideline", "unspecified")
    return sorted(holding, key=lambda goal: (order.index(goal.basis), goal.key))


def held(goals: Iterable[Goal], ends_on: dt.date, concerns: Callable[[Goal], bool]) -> list[Goal]:
    """The targets to judge a figure by, of those that concern it: in force when its period ended.

    Where none was, the next ones: next year's target is what last year's figure is read beside, and the verdict says from when
    it holds. A figure after the last target has none.
    """
    goals = list(goals)

    def of(day: dt.date) -> list[Goal]:
        return [goal for goal in in_force(goals, day) if concerns(goal)]

    later = sorted({goal.starts_on for goal in goals if goal.starts_on and goal.starts_on > ends_on})
    return next(filter(None, map(of, [ends_on, *later])), [])


def _verdict(goal: Goal, code: Reason, words: str, *used: Figure, difference: Change | None = None) -> Verdict:
    """The first of the figures used is the one that is judged."""
    remarks = _remarks_on_time(goal, used[0]) if used else []
    return Verdict(
        goal=goal,
        code=code,
        words=" ".join([f"{code.outcome.words}: {words}", *remarks, *_remarks_on_reading(goal)]),
        figures=used,
        split=split(used[0]) if used and goal.exclusions else None,
        change=difference,
    )


def _remarks_on_reading(goal: Goal) -> list[str]:
    reading = _WORDS.get(goal.operator, "").strip()
    return [f"“{reading.capitalize()}” is our reading of the source."] if reading and goal.operator_source == "inferred" else []


def _remarks_on_time(goal: Goal, figure: Figure) -> list[str]:
    remarks = []
    ends_on = figure.period.ends_on
    if figure.is_provisional:
        remarks.append("The figure is provisional.")
    if goal.starts_on and ends_on < goal.starts_on:
        remarks.append(f"The figure is for {figure.period.words}; the target holds from {day_in_words(goal.starts_on)}.")
    if goal.ends_on and ends_on > goal.ends_on:
        remarks.append(f"The figure is for {figure.period.words}; the target held until {day_in_words(goal.ends_on)}.")
    if goal.due_on and ends_on < goal.due_on:
        remarks.append(f"It is to be met by {day_in_words(goal.due_on)}.")
    return remarks


def _known(goal: Goal, figure: Figure) -> Span | None:
    """What is known of the value that counts: where the excluded are not known, anything from none to the total."""
    if not goal.exclusions:
        return figure.span
    parts = split(figure)
    if parts.countable is not None:
        return exactly(parts.countable)
    if figure.span is None or figure.unit not in COUNTED:
        return None
    if parts.excluded is None:
        return Span(exactly(ZERO).low, figure.span.high)
    rest = figure.span.minus(exactly(parts.excluded))
    return Span(max(rest.low, exactly(ZERO).low), rest.high)


def _countable(goal: Goal, figure: Figure) -> Figure:
    """The figure without what the target leaves out, where that is known."""
    known = _known(goal, figure)
    if not goal.exclusions or known is None or known.only is None:
        return figure
    return replace(figure, value=known.only, qualifier=None, bound_operator=None, bound_value=None, denominator=None)


def _subject(goal: Goal, figure: Figure) -> str:
    if not goal.exclusions:
        return figure.words
    reasons = " or ".join(reason.replace("_", " ") for reason in goal.exclusions)
    return f"{_countable(goal, figure).words} ({split(figure).words}; left out for {reasons})"


def _judge_level(goal: Goal, figure: Figure) -> Verdict:
    accepted, known = goal.accepted, _known(goal, figure)
    against = f"{_subject(goal, figure)} against a target of {goal.words}"
    if accepted is None:
        words = f"{against}: no number is stated that could be compared."
        return _verdict(goal, Reason.NO_NUMBER, words, figure)
    if units_differ(figure.unit, goal.unit):
        return _verdict(goal, Reason.UNIT_DIFFERS, _other_unit(figure.unit, goal.unit), figure)
    if known is None:
        return _without_value(goal, figure)
    if known.within(accepted):
        return _verdict(goal, Reason.MEETS, f"{against}.", figure)
    if known.apart(accepted):
        if goal.operator in ("gt", "lt") and known.only == goal.value:
            return _verdict(goal, Reason.AT_THE_LIMIT, f"{against}: the limit itself does not meet it.", figure)
        return _verdict(goal, Reason.MISSES, f"{against}.", figure)
    return _undecided(goal, figure, against)


def _other_unit(unit: str, wanted: str) -> str:
    return f"the figure is in {unit_words(unit)}, the target in {unit_words(wanted)}; nothing is converted."


def _without_value(goal: Goal, figure: Figure) -> Verdict:
    if figure.span is None:
        return _verdict(goal, Reason.VALUE_UNKNOWN, "there is a figure, but its value is not stated.", figure)
    words = f"{figure.words}: how it would be without what the target leaves out is not known."
    return _verdict(goal, Reason.EXCLUSIONS_UNKNOWN, words, figure)


def _undecided(goal: Goal, figure: Figure, against: str) -> Verdict:
    if goal.exclusions and split(figure).excluded is None:
        return _verdict(goal, Reason.EXCLUSIONS_UNKNOWN, f"{against}: how many are left out decides, and is not known.", figure)
    return _verdict(goal, Reason.INEXACT, f"{against}: what is known of the figure allows either answer.", figure)


def _start(goal: Goal, figure: Figure, before: Figure | None) -> Figure | None:
    """What a change starts from: the target's baseline, else the earlier figure."""
    if goal.baseline is None:
        return before
    return Figure(
        unit=figure.unit,
        period=Period(ends_on=goal.baseline_on or figure.period.ends_on),
        organisation=figure.organisation,
        scope_level=figure.scope_level,
        value=goal.baseline,
        countable=goal.baseline,
    )


def _judge_change(goal: Goal, figure: Figure, before: Figure | None, breaks: Collection[dt.date]) -> Verdict:
    start = _start(goal, figure, before)
    if start is None:
        words = f"{_subject(goal, figure)} against a target of {goal.words}: there is no baseline or figure before it."
        return _verdict(goal, Reason.NOTHING_BEFORE, words, figure)
    if units_differ(start.unit, figure.unit):
        return _verdict(goal, Reason.UNIT_DIFFERS, _other_unit(start.unit, figure.unit), figure, start)
    if problem := _amount_problem(goal, figure):
        return _verdict(goal, problem[0], problem[1], figure, start)
    broken = [day for day in breaks if start.period.ends_on < day <= figure.period.ends_on]
    if broken:
        words = f"the metric counts something else since {day_in_words(max(broken))}; the figures cannot be compared."
        return _verdict(goal, Reason.SERIES_BREAK, words, figure, start)
    earlier, later = _known(goal, start), _known(goal, figure)
    if earlier is None or later is None:
        return _without_value(goal, figure if later is None else start)
    return _judge_difference(goal, figure, start, earlier, later)


def _amount_problem(goal: Goal, figure: Figure) -> tuple[Reason, str] | None:
    """A change has the figure's unit; of a percent it is points, and of what can be counted or paid it may be percent."""
    if goal.value is None or figure.unit != Unit.PERCENT:
        relative = goal.value is not None and goal.unit == Unit.PERCENT and figure.unit not in WITHOUT_SHARE
        points = (figure.unit, goal.unit) == (Unit.PERCENT, Unit.PERCENTAGE_POINT)
        is_plain = relative or points or not units_differ(figure.unit, goal.unit)
        return None if is_plain else (Reason.UNIT_DIFFERS, _other_unit(figure.unit, goal.unit))
    if goal.unit == Unit.PERCENT:
        words = f"a change of a percent by {amount(goal.value, goal.unit)} may mean points or a share of it."
        return Reason.AMOUNT_AMBIGUOUS, words
    return None if goal.unit == Unit.PERCENTAGE_POINT else (Reason.UNIT_DIFFERS, _other_unit(figure.unit, goal.unit))


def _wanted_change(goal: Goal, figure: Figure, earlier: Span) -> Span | None:
    """The changes in the right direction that meet it; None for a share of what is not exact or not above 0."""
    if goal.value is None:
        return above(ZERO)
    if goal.unit != Unit.PERCENT or figure.unit == Unit.PERCENT:
        return at_least(goal.value)
    return at_least(earlier.only * goal.value / 100) if earlier.only is not None and earlier.only > 0 else None


def _judge_difference(goal: Goal, figure: Figure, start: Figure, earlier: Span, later: Span) -> Verdict:
    difference = change(_countable(goal, start), _countable(goal, figure))
    gain = later.minus(earlier) if goal.operator == "increase" else earlier.minus(later)
    wanted = _wanted_change(goal, figure, earlier)
    if wanted is None or not (gain.within(wanted) or gain.apart(wanted)):
        code = Reason.INEXACT
    elif gain.within(wanted):
        code = Reason.CHANGED_AS_AIMED
    elif gain.only == 0:
        code = Reason.UNCHANGED
    else:
        code = Reason.CHANGED_THE_OTHER_WAY if gain.high < exactly(ZERO).low else Reason.CHANGED_TOO_LITTLE
    words = (
        f"{_subject(goal, figure)}, before {_subject(goal, start)} ({start.period.words}), "
        f"{difference.moved}, against a target of {goal.words}."
    )
    return _verdict(goal, code, words, figure, start, difference=difference)


def _judge_scope(goal: Goal, figures: list[Figure], ends_on: dt.date | None, breaks: Collection[dt.date]) -> Verdict:
    own = [figure for figure in figures if _is_of(goal, figure) and ends_on in (None, figure.period.ends_on)]
    fit = [figure for figure in own if not figure.unfit]
    if not fit:
        return judge_one(goal, min(own, key=repr)) if own else _no_figure(goal, ends_on, bool(figures))
    latest = max(figure.period.ends_on for figure in fit)
    latest_ones = [figure for figure in fit if figure.period.ends_on == latest]
    figure = one_of(latest_ones)
    if figure is None:
        said = ", ".join(sorted({f"{other.words} for {other.period.words}" for other in latest_ones}))
        return _verdict(goal, Reason.SEVERAL_FIGURES, f"several figures end on one day: {said}.")
    return judge_one(goal, figure, previous(figure, figures), breaks)


def _is_of(goal: Goal, figure: Figure) -> bool:
    return figure.scope_level == goal.scope_level and goal.organisation in ("", figure.organisation)


def _no_figure(goal: Goal, ends_on: dt.date | None, has_others: bool) -> Verdict:
    who = goal.organisation if goal.scope_level == ScopeLevel.PROVIDER else f"the {goal.scope_level}"
    when = f" for the period to {day_in_words(ends_on)}" if ends_on else ""
    others = " Figures of others or of other periods do not take its place." if has_others else ""
    return _verdict(goal, Reason.NO_FIGURE, f"there is no figure of {who}{when}.{others}")


def _judge_providers(
    goal: Goal, figures: list[Figure], ends_on: dt.date | None, stated: Figure | None, breaks: Collection[dt.date]
) -> Verdict:
    own = [figure for figure in figures if figure.scope_level == ScopeLevel.PROVIDER and not figure.unfit]
    own = [figure for figure in own if not goal.providers or figure.organisation in goal.providers]
    ends = [figure.period.ends_on for figure in ([*own, stated] if stated else own)]
    ends_on = ends_on or max(ends, default=None)
    codes = sorted(goal.providers or {figure.organisation for figure in own})
    parts = tuple(_judge_scope(_for_one(goal, code), figures, ends_on, breaks) for code in codes)
    beside = one_of(_system_figures(goal, figures, ends_on))
    if stated and (stated.period.ends_on != ends_on or stated.unit != Unit.TRUSTS):
        stated = None
    tally = _tally(goal, parts, stated)
    return _verdict_on_providers(goal, tally, parts, beside, stated)


def _for_one(goal: Goal, code: str) -> Goal:
    return replace(goal, scope_level=ScopeLevel.PROVIDER, organisation=code, providers=(), providers_needed=None)


def _system_figures(goal: Goal, figures: list[Figure], ends_on: dt.date | None) -> list[Figure]:
    system = replace(goal, scope_level=ScopeLevel.SYSTEM)
    return [figure for figure in figures if _is_of(system, figure) and not figure.unfit and figure.period.ends_on == ends_on]


def _tally(goal: Goal, parts: Collection[Verdict], stated: Figure | None) -> Tally:
    def codes(*outcomes: Outcome, has_figure: bool) -> tuple[str, ...]:
        return tuple(
            part.goal.organisation
            for part in parts
            if part.outcome in outcomes and (part.code is not Reason.NO_FIGURE) == has_figure
        )

    met, not_met = codes(Outcome.MET, has_figure=True), codes(Outcome.NOT_MET, has_figure=True)
    least, most = len(met), len(parts) - len(not_met) if goal.providers else None
    low, high = _whole_numbers(stated)
    most_together = high if most is None else most if high is None else min(most, high)
    contradicts = most_together is not None and max(least, low) > most_together
    return Tally(
        met=met,
        not_met=not_met,
        cannot=codes(Outcome.CANNOT_BE_JUDGED, has_figure=True),
        missing=codes(Outcome.CANNOT_BE_JUDGED, has_figure=False),
        least=least if contradicts else max(least, low),
        most=most if contradicts else most_together,
        contradicts=contradicts,
    )


def _whole_numbers(count: Figure | None) -> tuple[int, int | None]:
    """The least and the most that a stated count can be."""
    if count is None or count.span is None:
        return 0, None
    low, high = count.span

    def whole(edge: Edge, rounding: str) -> int:
        value = edge[0].to_integral_value(rounding)
        return int(value) + (edge[1] if value == edge[0] else 0)

    least = whole(low, ROUND_CEILING) if low[0].is_finite() else 0
    return max(least, 0), whole(high, ROUND_FLOOR) if high[0].is_finite() else None


def _verdict_on_providers(
    goal: Goal, tally: Tally, parts: tuple[Verdict, ...], beside: Figure | None, stated: Figure | None
) -> Verdict:
    code = _code_of_tally(goal, tally)
    wanted = "each trust" if goal.providers_needed is None else f"at least {goal.providers_needed} trusts"
    words = [f"{tally.words}; {goal.words} is the target of {wanted}."]
    if stated:
        named = f" ({', '.join(stated.members)})" if stated.members else ""
        words.append(f"The source counts {stated.words}{named}{', which the figures deny' if tally.contradicts else ''}.")
    if beside:
        words.append(f"Beside it, the system's own figure is {beside.words}.")
    used = [figure for part in parts for figure in part.figures]
    verdict = _verdict(goal, code, " ".join(words))
    return replace(verdict, figures=(*used, stated) if stated else tuple(used), tally=tally, parts=parts, beside=beside)


def _code_of_tally(goal: Goal, tally: Tally) -> Reason:
    needed = goal.providers_needed or len(goal.providers)
    if not needed:
        return Reason.TOO_FEW_PROVIDERS_MEET if tally.not_met else Reason.PROVIDERS_UNKNOWN
    if tally.least >= needed:
        return Reason.ENOUGH_PROVIDERS_MEET
    if tally.most is not None and tally.most < needed:
        return Reason.TOO_FEW_PROVIDERS_MEET
    return Reason.PROVIDERS_WITHOUT_DATA if goal.providers else Reason.PROVIDERS_UNKNOWN
