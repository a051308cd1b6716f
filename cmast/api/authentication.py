"""Who calls: a bearer token of a system, or the session of a browser."""

from knox.auth import TokenAuthentication


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>`. Every refusal reads the same, whatever was wrong with the token."""
