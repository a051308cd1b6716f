"""Secrets in addresses: whoever has the address is let in, so it cannot be guessed, and the register keeps only its digest.

Each is signed for what it is for. One that was never ours, or was for something else, is refused without asking the database.
"""

import hashlib
import secrets

from django.core import signing


def new(salt: str) -> str:
    """A secret for one purpose: 192 random bits and their signature."""
    return signing.Signer(salt=salt, sep=".").sign(secrets.token_urlsafe(24))


def is_ours(secret: str, salt: str) -> bool:
    """Whether the register has made this secret, for this purpose."""
    try:
        signing.Signer(salt=salt, sep=".").unsign(secret)
    except signing.BadSignature:
        return False
    return True


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
