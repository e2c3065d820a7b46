"""Batches move only where their way leads, and are worked on by one server at a time."""

import uuid

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from db.batch_figures import read_job_figures
from db.batch_locks import hold_batch
from db.batches import BEFORE, Batch, create_batch, list_batches, list_open_batches, move_batch, read_batch
from db.pages import PageAsked
from db.session import reading_session, session_scope
from db.states import FINAL_STATUSES, BatchStatus
from db.tables import BatchRow
from tests.db.building import build_job


def make_batch(session: Session, *, idempotency_key: str | None = None, tenant_id: str = "default") -> Batch | None:
    return create_batch(
        session,
        batch_id=f"batch_{uuid.uuid4().hex}",
        tenant_id=tenant_id,
        endpoint="/v1/chat/completions",
        input_file_id="file-a",
        completion_window="24h",
        lasts_seconds=60,
        asked={},
        meta=None,
        request_digest="d",
        idempotency_key=idempotency_key,
        output_expires_seconds=None,
    )


@pytest.mark.parametrize("before", list(BatchStatus))
def test_a_batch_moves_only_along_its_way(db_engine: Engine, before: BatchStatus) -> None:
    with session_scope(db_engine) as session:
        job_id = build_job(session, tasks=2).id
    for to, allowed in BEFORE.items():
        with session_scope(db_engine) as session:
            batch = make_batch(session)
            assert batch is not None
            errors: list[object] | None = [] if before is BatchStatus.FAILED else None
            given = update(BatchRow).where(BatchRow.id == batch.id)
            session.execute(given.values(status=before, job_id=job_id, errors=errors))
        with session_scope(db_engine) as session:
            values: dict[str, object] = {"errors": []} if to is BatchStatus.FAILED else {}
            moved = move_batch(session, batch_id=batch.id, to=to, **values)
        with reading_session(db_engine) as session:
            now = read_batch(session, tenant_id="default", batch_id=batch.id)
        assert now is not None
        assert moved == (before in allowed)
        assert now.status is (to if moved else before)
        assert (getattr(now, f"{to}_at") is not None) == moved


def test_nothing_leads_out_of_a_final_status() -> None:
    assert {status for allowed in BEFORE.values() for status in allowed}.isdisjoint(FINAL_STATUSES)
    assert BEFORE.keys() == set(BatchStatus) - {BatchStatus.VALIDATING}


def test_an_idempotency_key_is_one_batch_of_each_tenant(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        assert make_batch(session, idempotency_key="k") is not None
        assert make_batch(session, idempotency_key="k") is None
        assert make_batch(session, idempotency_key="k", tenant_id="acme") is not None
        assert make_batch(session) is not None
        assert make_batch(session) is not None
        assert len(list_open_batches(session)) == 4


def test_one_server_at_a_time_holds_a_batch(db_engine: Engine) -> None:
    with hold_batch(db_engine, batch_id="a") as held, hold_batch(db_engine, batch_id="b") as other:
        assert held
        assert other
        with hold_batch(db_engine, batch_id="a") as again:
            assert not again
    with hold_batch(db_engine, batch_id="a") as later:
        assert later


def test_figures_are_plain_numbers_of_a_job_that_nobody_has_begun(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=3)
    with reading_session(db_engine) as session:
        figures = read_job_figures(session, job_id=job.id)
    assert (figures.total, figures.answered, figures.given_up, figures.spent) == (3, 0, 0, 0)
    assert figures.mix == {}
    numbers = [getattr(figures, name) for name in ("answered", "errors", "graded", "correct", "spent", "reserved")]
    assert {type(number) for number in numbers} <= {int, float}


def test_a_page_goes_on_behind_a_row_of_the_same_tenant(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        own = [make_batch(session), make_batch(session)]
        foreign = make_batch(session, tenant_id="acme")
        assert foreign is not None
        ids = [batch.id for batch in own if batch is not None]
        page = list_batches(session, tenant_id="default", page=PageAsked(limit=1))
        assert page is not None
        assert [batch.id for batch in page] == [ids[1], ids[0]]  # one to spare
        behind = list_batches(session, tenant_id="default", page=PageAsked(limit=1, after=ids[1]))
        assert behind is not None
        assert [batch.id for batch in behind] == [ids[0]]
        assert list_batches(session, tenant_id="default", page=PageAsked(limit=1, after=foreign.id)) is None
