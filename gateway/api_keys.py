"""API keys as texts: made once, kept as a digest.

A key is 256 random bits, so a plain hash is as good as a slow one: there is nothing to guess.
"""

import hashlib
import secrets

PREFIX = "ap-"


def make_key() -> str:
    """A new key."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_key(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()
