"""How each open risk stands on a day, and how that has moved since another day."""

import datetime as dt
from typing import Any

from cmast.vocabulary import Words
from risks.models import RiskAppetite
from risks.models.questions import RiskQuerySet


class Movement(Words):
    """What became of the current score. Nothing where there is none."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    NEW = "new"


COLUMNS = ("key", "title", "kind", "status", "appetite", "current_score", "target_score", "band", "next_review_on")
BESIDE = ("appetite_place", "borne_from_place", "score_then")


def moved(then: int | None, now: int | None) -> Movement | None:
    """From one current score to another; a risk that had none is new."""
    if now is None:
        return None
    if then is None:
        return Movement.NEW
    return Movement.SAME if now == then else Movement.WORSE if now > then else Movement.BETTER


def standing(risks: RiskQuerySet, today: dt.date, since: dt.date) -> list[dict[str, Any]]:
    """The open risks, the worst first, in one statement."""
    seen = risks.unresolved().with_standing(today).with_movement(since)
    rows = [dict(zip((*COLUMNS, *BESIDE), row, strict=True)) for row in seen.order_by("pk").values_list(*COLUMNS, *BESIDE)]
    return sorted((_spoken(row, today) for row in rows), key=lambda row: -(row["current_score"] or 0))


def _spoken(row: dict[str, Any], today: dt.date) -> dict[str, Any]:
    appetite, borne, then = (row.pop(name) for name in BESIDE)
    is_known = row["current_score"] is not None and appetite is not None and borne is not None
    due = row["next_review_on"]
    return row | {
        "borne_from": None if borne is None else RiskAppetite.values[borne],
        "is_beyond_appetite": appetite < borne if is_known else None,
        "is_review_due": None if due is None else due <= today,
        "score_then": then,
        "movement": moved(then, row["current_score"]),
    }
