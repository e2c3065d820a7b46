import threading

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.budgets import open_budget, read_budget
from db.errors import NoSuchRow
from db.session import run_in_transaction, session_scope


def open_two(engine: Engine) -> list[int]:
    with session_scope(engine) as session:
        return [open_budget(session, tenant_id="default", name=name, unit="USD", cap=1) for name in "ab"]


def test_a_scope_that_raises_leaves_nothing_behind(db_engine: Engine) -> None:
    def open_and_fail() -> None:
        with session_scope(db_engine) as session:
            opened.append(open_budget(session, tenant_id="default", name="lost", unit="USD", cap=1))
            raise ZeroDivisionError

    opened: list[int] = []
    with pytest.raises(ZeroDivisionError):
        open_and_fail()
    (budget_id,) = opened
    with pytest.raises(NoSuchRow, match=f"there is no budget {budget_id}"), session_scope(db_engine) as session:
        read_budget(session, budget_id=budget_id)


def test_a_transaction_that_lost_a_deadlock_runs_again(db_engine: Engine) -> None:
    """Two transactions lock two rows crosswise, on their first try only."""
    first, second = open_two(db_engine)
    crossing = threading.Barrier(2)
    tries: list[int] = []
    done: list[int] = []

    def lock(ids: list[int]) -> None:
        waited = False

        def work(session: Session) -> None:
            nonlocal waited
            tries.append(1)
            for budget_id in ids:
                session.execute(text("SELECT FROM budget WHERE id = :id FOR UPDATE"), {"id": budget_id})
                if not waited:
                    waited = True
                    crossing.wait(timeout=30)

        run_in_transaction(db_engine, work)
        done.append(1)

    threads = [threading.Thread(target=lock, args=(ids,)) for ids in ([first, second], [second, first])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(done) == 2
    assert len(tries) > 2


def test_other_errors_are_not_tried_again(db_engine: Engine) -> None:
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SET LOCAL lock_timeout = 1"))
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(OperationalError):
        run_in_transaction(db_engine, work)
    assert len(tries) == 1
