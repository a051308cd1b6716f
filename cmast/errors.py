"""Errors of the domain, said in the words of the domain."""


class RuleBroken(Exception):
    """A change that the register's rules do not allow. The API answers it as a 409 problem with this `code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotForYou(Exception):
    """What is asked for is allowed, but not to this person. The API answers it as a 403 problem with the code `not_for_you`."""
