"""Replies are kept for the same request sent again, and not for ever."""

from datetime import timedelta

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from db.replies import begin_reply, find_reply_by_key, find_reply_by_request, forget_old_replies, keep_reply, read_reply
from db.session import session_scope
from db.tables import ReplyRow

LOST_SECONDS = 600


def begin(session: Session, reply_id: str, *, key: str | None = "k", tenant_id: str = "default") -> bool:
    return begin_reply(
        session,
        reply_id=reply_id,
        tenant_id=tenant_id,
        idempotency_key=key,
        request_digest="d",
        lost_seconds=LOST_SECONDS,
    )


def age(session: Session, reply_id: str, *, seconds: int) -> None:
    older = ReplyRow.created_at - timedelta(seconds=seconds)
    session.execute(update(ReplyRow).where(ReplyRow.id == reply_id).values(created_at=older))


def test_a_key_is_one_request_of_each_tenant_until_its_answer_is_lost(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        assert begin(session, "a")
        assert not begin(session, "b")
        assert begin(session, "c", tenant_id="acme")
        age(session, "a", seconds=LOST_SECONDS)
        assert begin(session, "b")
        keep_reply(session, reply_id="b", status=200, body="{}")
        age(session, "b", seconds=LOST_SECONDS)
        assert not begin(session, "d")  # an answer is not lost
        known = find_reply_by_key(session, tenant_id="default", idempotency_key="k")
        assert known is not None
        assert (known.id, known.status, known.body) == ("b", 200, "{}")


def test_the_latest_of_the_same_requests_is_found_for_a_while(db_engine: Engine) -> None:
    def find(session: Session, tenant_id: str = "default") -> str | None:
        known = find_reply_by_request(session, tenant_id=tenant_id, request_digest="d", within_seconds=LOST_SECONDS)
        return None if known is None else known.id

    with session_scope(db_engine) as session:
        assert begin(session, "a", key=None)
        assert begin(session, "b", key=None)
        age(session, "a", seconds=1)
        assert (find(session), find(session, "acme")) == ("b", None)
        age(session, "b", seconds=LOST_SECONDS)
        assert find(session) == "a"
        forget_old_replies(session, older_seconds=LOST_SECONDS)
        assert read_reply(session, reply_id="a") is not None
        assert read_reply(session, reply_id="b") is None
