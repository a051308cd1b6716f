"""What can be done to whatever has a health: a programme, a workstream."""

import datetime as dt
from typing import Any

from django.utils import timezone

from cmast.models.verbs import verb


class Judged:
    """A programme or a workstream, whose computed colour somebody may set another one against."""

    healthoverrides: Any

    @verb(
        "Set another colour",
        of="programmes.HealthOverride",
        needs=("colour", "reason", "expires_on"),
        example={"colour": "amber", "reason": "The supplier has confirmed the date.", "expires_on": "2024-06-30"},
    )
    def override(self, colour: str, reason: str, expires_on: dt.date, by: Any) -> None:
        """Another overall colour from today until a day, which you answer for. The computed one is shown beside it."""
        self.healthoverrides.create(
            colour=colour, reason=reason, expires_on=expires_on, made_on=timezone.localdate(), made_by=by
        )
