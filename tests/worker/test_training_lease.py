"""A training request stays claimed while it is trained, and is free soon after its trainer is lost."""

import time
from functools import partial

from sqlalchemy import Engine as Database

from db.session import run_in_transaction, session_scope
from db.training_requests import claim_request, finish_request, has_open_request, request_training
from tests.waiting import wait_until
from worker.owner import name_owner
from worker.training_lease import keep_request

LEASE_SECONDS = 1.5


def claim(database: Database, *, owner: str) -> int | None:
    claimed = run_in_transaction(database, partial(claim_request, owner=owner, lease_seconds=LEASE_SECONDS))
    return None if claimed is None else claimed.id


def is_open(database: Database) -> bool:
    with session_scope(database) as session:
        return has_open_request(session)


def test_what_is_kept_is_nobody_elses_and_what_is_lost_is(db_engine: Database) -> None:
    asked = run_in_transaction(db_engine, partial(request_training, tenant_id="default"))
    assert claim(db_engine, owner=name_owner()) == asked
    looks: list[bool] = []

    def look_until(end: float) -> bool:
        looks.append(is_open(db_engine))
        return time.monotonic() >= end

    with keep_request(db_engine, request_id=asked, lease_seconds=LEASE_SECONDS):
        wait_until(partial(look_until, time.monotonic() + 2 * LEASE_SECONDS))
    assert not any(looks)
    wait_until(lambda: is_open(db_engine))  # nobody keeps it any more
    assert claim(db_engine, owner="another") == asked


def test_keeping_ends_where_another_trainer_has_it(db_engine: Database) -> None:
    asked = run_in_transaction(db_engine, partial(request_training, tenant_id="default"))
    assert claim(db_engine, owner="another") == asked
    with keep_request(db_engine, request_id=asked, lease_seconds=LEASE_SECONDS):
        wait_until(lambda: is_open(db_engine))  # our beats did not extend the other's lease
    run_in_transaction(db_engine, partial(finish_request, request_id=asked))
