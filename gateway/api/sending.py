"""How a request was sent: under a key of the client's, or once more, as OpenAI's client says in a header of its own."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

RETRIED_WITHIN_SECONDS = 600  # a client that tries again, says so, and gave up on its first try within that

IdempotencyKey = Annotated[
    str | None, Header(max_length=255, description="The same key and body again have the same outcome, once.")
]
RetryCount = Annotated[int, Header(alias="x-stainless-retry-count", ge=0, include_in_schema=False)]


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What tells the same request, sent again, from another one that asks for the same."""

    idempotency_key: str | None
    is_retry: bool


def _read_sending(idempotency_key: IdempotencyKey = None, retry_count: RetryCount = 0) -> Sending:
    return Sending(idempotency_key=idempotency_key, is_retry=retry_count > 0)


Sent = Annotated[Sending, Depends(_read_sending)]
