"""Health: what is known of a programme or workstream, the rules, and the colour that follows, with its reasons. Pure.

Each dimension has a colour: that of its worst rule that holds, green where none holds and something was there to be judged, and
otherwise “cannot be judged”. The overall colour follows from the dimensions, by rules of the same kind.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from cmast.vocabulary import Words

ZERO = Decimal(0)


class Dimension(Words):
    """What is judged; overall follows from the others."""

    DELIVERY = "delivery"
    TARGETS = "targets"
    FINANCE = "finance"
    RISKS = "risks"
    FRESHNESS = "freshness"
    OVERALL = "overall"


class Colour(Words):
    """The answer. “Cannot be judged” is one: it is neither good nor bad."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    CANNOT_BE_JUDGED = "cannot_be_judged"


class Measure(Words):
    """What a rule counts, or takes the greatest of."""

    MILESTONES_OVERDUE = "milestones_overdue"
    MILESTONES_AT_RISK = "milestones_at_risk"
    MILESTONES_MISSED = "milestones_missed"
    TARGETS_MISSED_PERCENT = "targets_missed_percent"
    SAVINGS_SHORT_PERCENT = "savings_short_percent"
    FUNDING_AT_RISK = "funding_at_risk"
    FUNDING_OFF_TRACK = "funding_off_track"
    WORST_RISK_SCORE = "worst_risk_score"
    RISKS_BEYOND_APPETITE = "risks_beyond_appetite"
    RISKS_ESCALATED = "risks_escalated"
    RISKS_UNMITIGATED = "risks_unmitigated"
    DAYS_SINCE_REPORT = "days_since_report"
    DIMENSIONS_RED = "dimensions_red"
    DIMENSIONS_AMBER = "dimensions_amber"
    DIMENSIONS_UNJUDGED = "dimensions_unjudged"


#: Measures that are the greatest amount among their signs; the others are how many signs there are, or a share of them.
GREATEST = (Measure.SAVINGS_SHORT_PERCENT, Measure.WORST_RISK_SCORE, Measure.DAYS_SINCE_REPORT)
#: In which order rules are asked: what is red is not made better by what is unknown.
WORST_FIRST = (Colour.RED, Colour.AMBER, Colour.CANNOT_BE_JUDGED)
PARTS = tuple(dimension for dimension in Dimension if dimension != Dimension.OVERALL)


@dataclass(frozen=True)
class Sign:
    """One record that a measure counts, with what it says."""

    measure: str
    record_type: str
    key: str
    words: str
    amount: Decimal = Decimal(1)


@dataclass(eq=False)
class Evidence:
    """What is known of one place on a day."""

    signs: list[Sign] = field(default_factory=list)
    #: Dimension -> how many things could be judged in it.
    judged: dict[str, int] = field(default_factory=dict)
    #: Dimension -> sentences about what could not.
    unknown: dict[str, list[str]] = field(default_factory=dict)
    #: Why it is not judged at all, in a sentence; empty where it is.
    closed: str = ""

    def judge(self, dimension: str, number: int = 1) -> None:
        self.judged[dimension] = self.judged.get(dimension, 0) + number

    def cannot(self, dimension: str, words: str) -> None:
        self.unknown.setdefault(dimension, []).append(words)


@dataclass(frozen=True)
class Rule:
    """At or above its threshold a measure has a colour."""

    key: str
    dimension: str
    measure: str
    colour: str
    threshold: Decimal
    description: str


@dataclass(frozen=True)
class Reason:
    """A rule that holds, with what it was measured on."""

    rule: Rule
    value: Decimal
    records: tuple[Sign, ...]

    @property
    def words(self) -> str:
        """Such as “Milestones past their date …: 3; amber from 1.”"""
        rule = self.rule
        colour = rule.colour.replace("_", " ")
        return f"{rule.description.rstrip('.')}: {_number(self.value)}; {colour} from {_number(rule.threshold)}."


@dataclass(frozen=True)
class Judgement:
    """The colour of a dimension, and why."""

    dimension: str
    colour: str
    reasons: tuple[Reason, ...]
    #: The answer in sentences.
    words: str
    judged: int = 0
    unknown: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """Key of the rule that decides; for what no rule says, a word of ours."""
        if self.reasons:
            return self.reasons[0].rule.key
        return "no-rule-holds" if self.colour == Colour.GREEN else "nothing-to-judge"


def judge(evidence: Evidence, rules: Iterable[Rule]) -> dict[str, Judgement]:
    """Dimension -> its colour with the reasons, overall last."""
    known = list(rules)
    if evidence.closed:
        return {each: Judgement(each, Colour.CANNOT_BE_JUDGED, (), evidence.closed) for each in Dimension.values}
    parts = {each.value: _judged(each, evidence, known) for each in PARTS}
    return parts | {Dimension.OVERALL.value: _judged(Dimension.OVERALL, _as_evidence(parts), known)}


def _as_evidence(parts: dict[str, Judgement]) -> Evidence:
    """The colours of the dimensions, as what the overall colour is judged on."""
    measures = {
        Colour.RED: Measure.DIMENSIONS_RED,
        Colour.AMBER: Measure.DIMENSIONS_AMBER,
        Colour.CANNOT_BE_JUDGED: Measure.DIMENSIONS_UNJUDGED,
    }
    found = Evidence()
    for name, part in parts.items():
        if part.colour in measures:
            found.signs.append(Sign(measures[Colour(part.colour)], "dimension", name, part.words))
        if part.colour != Colour.CANNOT_BE_JUDGED:
            found.judge(Dimension.OVERALL)
    return found


def _judged(dimension: Dimension, evidence: Evidence, rules: list[Rule]) -> Judgement:
    number, unknown = evidence.judged.get(dimension, 0), tuple(evidence.unknown.get(dimension, ()))
    own = [rule for rule in rules if rule.dimension == dimension]
    for colour in WORST_FIRST:
        reasons = tuple(filter(None, (_reason(rule, evidence) for rule in own if rule.colour == colour)))
        if reasons:
            return Judgement(dimension, colour, reasons, " ".join(reason.words for reason in reasons), number, unknown)
    if not own:
        return Judgement(dimension, Colour.CANNOT_BE_JUDGED, (), "No rule is in force.", number, unknown)
    if not number:
        words = " ".join(unknown[:1]) or "Nothing is recorded that could be judged."
        return Judgement(dimension, Colour.CANNOT_BE_JUDGED, (), words, number, unknown)
    return Judgement(dimension, Colour.GREEN, (), f"No rule holds; {number} looked at.", number, unknown)


def _reason(rule: Rule, evidence: Evidence) -> Reason | None:
    """The rule with what it was measured on, where it holds."""
    signs = tuple(sign for sign in evidence.signs if sign.measure == rule.measure)
    value = _value(rule, signs, evidence)
    return Reason(rule, value, signs) if signs and value >= rule.threshold else None


def _value(rule: Rule, signs: tuple[Sign, ...], evidence: Evidence) -> Decimal:
    if rule.measure in GREATEST:
        return max((sign.amount for sign in signs), default=ZERO)
    if rule.measure == Measure.TARGETS_MISSED_PERCENT:
        judged = evidence.judged.get(rule.dimension, 0)
        return (Decimal(100 * len(signs)) / judged).quantize(Decimal("0.1")) if judged else ZERO
    return Decimal(len(signs))


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"
