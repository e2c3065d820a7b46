"""Settlements are read in turn, each once, also past those that say nothing about a prediction."""

import msgspec
import pytest
from sqlalchemy import Engine

from db.session import session_scope
from db.settled_rows import SETTLEMENTS, SettledRows, hold_cursors, read_settled
from tests.db.building import build_claimed, outcome, reserve, settle

BATCHES = ((0, 1), (2, 3, 4), (5,))


@pytest.fixture
def start(db_engine: Engine) -> int:
    """Where reading begins."""
    with session_scope(db_engine) as session:
        cursors = hold_cursors(session)
    assert cursors is not None
    return cursors[SETTLEMENTS]


def settle_batches(engine: Engine, *, failed: tuple[int, ...] = ()) -> None:
    _, group = build_claimed(engine, tasks=6)
    for seqs in BATCHES:
        batch_no = reserve(engine, group, seqs)
        ended = [outcome(seq) for seq in seqs]
        settle(
            engine,
            group,
            batch_no,
            [
                msgspec.structs.replace(own, correct=None, error_code="refused") if own.seq in failed else own
                for own in ended
            ],
        )


def read(engine: Engine, after: int, *, answers: int) -> SettledRows:
    with session_scope(engine) as session:
        return read_settled(session, after=after, young_seconds=0, answers=answers)


@pytest.mark.parametrize(
    ("answers", "looks"),
    [(1, [[0, 1], [2, 3, 4], [5], []]), (3, [[0, 1, 2, 3, 4], [5], []]), (6, [[0, 1, 2, 3, 4, 5], []])],
)
def test_whole_settlements_are_read_until_there_are_enough_answers(
    db_engine: Engine, start: int, answers: int, looks: list[list[int]]
) -> None:
    settle_batches(db_engine)
    after, seen = start, []
    for _ in looks:
        found = read(db_engine, after, answers=answers)
        seen.append([row.seq for row in found.rows])
        after = found.last_entry_id
    assert seen == looks


def test_settlements_without_an_answer_are_passed_over(db_engine: Engine, start: int) -> None:
    settle_batches(db_engine, failed=(0, 1, 2, 3, 4))
    first = read(db_engine, start, answers=5)
    assert first.rows == []
    assert first.last_entry_id > start
    assert [row.seq for row in read(db_engine, first.last_entry_id, answers=5).rows] == [5]
