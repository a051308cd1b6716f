"""What can be done to a figure beyond entering it: it is reviewed, or taken back."""

from typing import Any

from cmast.models.verbs import Given, verb

#: The figure waits for somebody to look at it.
TO_REVIEW: Given = {"review_state": (None, "submitted", "revised")}
COUNTING: Given = {"review_state": (None, "submitted", "returned", "validated", "revised")}


class ObservationVerbs:
    """The verbs of an observation."""

    review_state: Any

    @verb("Mark as validated", given=TO_REVIEW)
    def validate(self: Any) -> None:
        """Whoever reviews figures has compared it with where it comes from."""
        self._review("validated")

    @verb("Return to whoever sent it", given=TO_REVIEW, needs_reason=True)
    def hand_back(self: Any) -> None:
        """Something about it is not right; the reason says what."""
        self._review("returned")

    @verb("Take the figure back", given=COUNTING, needs_reason=True)
    def withdraw(self: Any) -> None:
        """It stays readable as withdrawn, and counts no more."""
        self._review("withdrawn")

    def _review(self: Any, state: str) -> None:
        self.review_state = state
        self.save()
