"""Visits of browsers: who signed in, and the token that proves a form to be ours."""

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

COOKIE = "apportion_visit"
LASTS_SECONDS = 12 * 3600.0
MOST = 10_000  # signed in at once; whoever came first has to sign in again


class Visits:
    """Of this process: after a restart everybody signs in again."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._signed_in: OrderedDict[str, tuple[bytes, float]] = OrderedDict()  # digest of the key, and until when

    def sign_in(self, digest: bytes) -> str:
        """The id of a new visit with an API key; never an id that somebody brought along."""
        visit = make_visit()
        with self._lock:
            self._signed_in[visit] = (digest, self._clock() + LASTS_SECONDS)
            while len(self._signed_in) > MOST:
                self._signed_in.popitem(last=False)
        return visit

    def digest_of(self, visit: str) -> bytes | None:
        """The digest of the key that this visit signed in with; None when it did not, or too long ago."""
        with self._lock:
            digest, until = self._signed_in.get(visit, (None, 0.0))
            return digest if until > self._clock() else None

    def sign_out(self, visit: str) -> None:
        """The visit knows no key any more."""
        with self._lock:
            self._signed_in.pop(visit, None)

    def form_token(self, visit: str) -> str:
        """What a form of this visit carries: nobody who can not read our pages can know it."""
        return hmac.digest(self._secret, visit.encode(), "sha256").hex()


def make_visit() -> str:
    """The id of a visit that nobody signed in on."""
    return secrets.token_urlsafe(32)
