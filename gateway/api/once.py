"""What costs something is answered once: the same request sent again gets the reply of the first."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from db.replies import (
    Reply,
    begin_reply,
    find_reply_by_key,
    find_reply_by_request,
    forget_reply,
    keep_reply,
    read_reply,
)
from db.session import run_in_transaction, session_scope
from gateway.api.callers import Known
from gateway.api.error_replies import describe_error
from gateway.api.errors import ApiError, InvalidRequest, Unavailable
from gateway.api.sending import RETRIED_WITHIN_SECONDS, Sending

LOOK_SECONDS = 0.2  # between two looks for the reply of somebody else's answering
WAIT_SECONDS = 60.0  # for that reply; after it the client is to try again

Body = Mapping[str, Any]


class Spent(Exception):
    """A refusal that has cost something: it is the reply to whoever sends the same again."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(str(error))
        self.error = error


async def answer_once(
    database: Database, caller: Known, sent: Sending, *, asked: str, answer: Callable[[], Awaitable[Body]]
) -> Body:
    """What `answer` gives, or has given when the same was sent before: then it is waited for.

    ApiError, also the one that the same request was refused with, if that had cost something.
    """
    reply_id = uuid.uuid4().hex
    known = await run_in_threadpool(_begin, database, caller, sent, reply_id=reply_id, asked=asked)
    if known is not None:
        return _read_again(await _wait(database, known))
    try:
        body = await answer()
    except Spent as spent:
        await run_in_threadpool(_keep_error, database, reply_id, spent.error)
        raise spent.error from None
    except ApiError:
        await run_in_threadpool(_forget, database, reply_id)
        raise
    except Exception:  # nobody knows what it has cost
        await run_in_threadpool(_keep_error, database, reply_id, ApiError("an error of the server's own"))
        raise
    await run_in_threadpool(_keep, database, reply_id, HTTPStatus.OK, body)
    return body


def _begin(database: Database, caller: Known, sent: Sending, *, reply_id: str, asked: str) -> Reply | None:
    """The reply of the same request where it was sent before; None when it is ours to answer."""
    who = "" if caller.key is None else caller.key.id
    digest = hashlib.sha256(f"{who}\n{asked}".encode()).hexdigest()

    def begin(session: Session) -> Reply | None:
        if sent.idempotency_key is None and sent.is_retry:
            known = find_reply_by_request(
                session,
                tenant_id=caller.tenant_id,
                request_digest=digest,
                within_seconds=RETRIED_WITHIN_SECONDS,
            )
            if known is not None:
                return known
        is_ours = begin_reply(
            session,
            reply_id=reply_id,
            tenant_id=caller.tenant_id,
            idempotency_key=sent.idempotency_key,
            request_digest=digest,
            lost_seconds=RETRIED_WITHIN_SECONDS,
        )
        return None if is_ours else _find_same(session, caller, sent, digest=digest)

    return run_in_transaction(database, begin)


def _find_same(session: Session, caller: Known, sent: Sending, *, digest: str) -> Reply:
    assert sent.idempotency_key is not None
    known = find_reply_by_key(session, tenant_id=caller.tenant_id, idempotency_key=sent.idempotency_key)
    if known is None:  # refused this very moment, at no cost
        raise _try_again()
    if known.request_digest != digest:
        raise InvalidRequest(
            f"Idempotency-Key {sent.idempotency_key} was sent with another request", code="idempotency_key_reused"
        )
    return known


async def _wait(database: Database, known: Reply) -> Reply:
    """The reply once it is there; Unavailable when it does not come, or was forgotten since it cost nothing."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while known.status is None:
                await asyncio.sleep(LOOK_SECONDS)
                known = await run_in_threadpool(_look, database, known.id)
    except TimeoutError:
        raise _try_again() from None
    return known


def _look(database: Database, reply_id: str) -> Reply:
    with session_scope(database) as session:
        known = read_reply(session, reply_id=reply_id)
    if known is None:
        raise _try_again()
    return known


def _try_again() -> Unavailable:
    return Unavailable("the same request was sent before, and its answer is not there yet: try again in a moment")


def _keep(database: Database, reply_id: str, status: HTTPStatus, body: Body) -> None:
    kept = partial(keep_reply, reply_id=reply_id, status=status, body=json.dumps(body))
    run_in_transaction(database, kept)


def _keep_error(database: Database, reply_id: str, error: ApiError) -> None:
    _keep(database, reply_id, error.status, {"error": describe_error(error)})


def _forget(database: Database, reply_id: str) -> None:
    run_in_transaction(database, partial(forget_reply, reply_id=reply_id))


def _read_again(reply: Reply) -> Body:
    assert reply.body is not None
    body: Body = json.loads(reply.body)
    if reply.status == HTTPStatus.OK:
        return body
    fields = body["error"]
    error = ApiError(fields["message"], param=fields["param"], code=fields["code"])
    error.status, error.type = HTTPStatus(reply.status or 0), fields["type"]
    raise error
