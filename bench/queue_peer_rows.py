"""What every peer of the queue's bench leaves behind: one committed row in Postgres for each task."""

import os
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import psycopg

DATABASE_URL = "PEER_DATABASE_URL"  # the variable through which a peer's workers are told

MAKE_TABLE = """
CREATE TABLE peer_result (
    task_id bigint PRIMARY KEY, answer text NOT NULL, settled_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""
INSERT = "INSERT INTO peer_result (task_id, answer) VALUES (%s, %s)"
INSERT_MANY = "INSERT INTO peer_result (task_id, answer) SELECT * FROM unnest(%s::bigint[], %s::text[])"
COUNT = "SELECT count(*) FROM peer_result"
# From the first row to the last: neither a worker's start nor its wait for the first message counts.
RATE = """
SELECT count(*) FILTER (WHERE settled_at > first) / extract(epoch FROM max(settled_at) - min(first))::float8
FROM peer_result, (SELECT min(settled_at) AS first FROM peer_result) AS begin
"""


class Answered(NamedTuple):
    """What running a task comes to, without a model."""

    task_id: int
    answer: str


def answer_task(task_id: int, payload: str) -> Answered:
    """Nothing is generated: the payload's end is the answer."""
    return Answered(task_id, payload[-8:])


def settle_one(answered: Answered) -> None:
    """Commit one row."""
    _connect().execute(INSERT, answered)


def settle_many(answered: Sequence[Answered]) -> None:
    """Commit rows in one statement."""
    _connect().execute(INSERT_MANY, ([row.task_id for row in answered], [row.answer for row in answered]))


@cache
def _connect() -> psycopg.Connection:
    """One connection for each process, opened after it was forked."""
    return psycopg.connect(os.environ[DATABASE_URL], autocommit=True)
