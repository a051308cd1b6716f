"""What a text says that can be checked: years, periods, claims about a target. Pure.

Each rule finds only what can hardly be meant otherwise; what may be right is let pass.
"""

import re
from dataclasses import dataclass

_YEAR = re.compile(r"(?<![\d/.,])(20\d{1,3})/(\d{1,4})(?![\d/])")
_TO_DATE = re.compile(r"(?<![\d/])(20\d\d)\s+to\s+date\b", re.IGNORECASE)
_CLAIM = re.compile(
    r"\b(?:(?P<above>above|over|ahead of|exceed(?:s|ed|ing)?)|below|under|short of)\b(?:[^.;]|\.(?=\d)){0,40}?\btarget\b",
    re.IGNORECASE,
)
_MEANINGLESS = frozenset({"a", "an", "and", "for", "in", "of", "on", "the", "to", "with"})


@dataclass(frozen=True)
class Claim:
    """What a text says of where a figure lies, seen from its target."""

    words: str
    is_above: bool


def malformed_years(text: str) -> list[str]:
    """Financial years that name no two years in a row, as printed: “204/5”. “2024/03” may be a month and is let pass."""
    return [match[0] for match in _YEAR.finditer(text) if not _is_possible(*match.groups())]


def _is_possible(first: str, second: str) -> bool:
    if len(first) != 4:
        return False
    follows = str(int(first) + 1).endswith(second)
    is_month = len(second) == 2 and 1 <= int(second) <= 12
    return follows or is_month


def years_over(text: str, year: int) -> list[str]:
    """Periods “to date” of a calendar year that was over before this year: “2023 to date”."""
    return [match[0] for match in _TO_DATE.finditer(text) if int(match[1]) < year]


def claims(text: str) -> list[Claim]:
    """Statements that something is above or below a target."""
    return [Claim(match[0], bool(match["above"])) for match in _CLAIM.finditer(text)]


def substance(text: str) -> frozenset[str]:
    """The words that a text has besides little ones and what stands in brackets. Texts with the same say nearly the same."""
    return frozenset(re.findall(r"[\w%£.]*\w", re.sub(r"\([^)]*\)", " ", text.lower()))) - _MEANINGLESS
