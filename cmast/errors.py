"""Errors of the domain, said in the words of the domain."""


class RuleBroken(Exception):
    """A change that the register's rules do not allow. The API answers it as a 409 problem with this `code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
