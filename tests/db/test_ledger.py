import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.budgets import Budget, raise_budget, read_budget
from db.errors import AlreadySettled, BatchMismatch, BudgetDenied, StaleFence
from db.groups import ClaimedGroup
from db.session import session_scope
from db.settlements import Charges
from tests.db.building import build_claimed, build_job, claim, finish, outcome, reserve, retry, route, settle


def read(engine: Engine, budget_id: int) -> Budget:
    with session_scope(engine) as session:
        return read_budget(session, budget_id=budget_id)


def test_a_settlement_charges_the_cost_and_releases_the_rest(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=3)
    batch_no = reserve(db_engine, group, [0, 1, 2], [10, 10, 10])
    held = read(db_engine, job.budget_id)
    assert (held.reserved, held.spent, held.left) == (30, 0, 970)
    settlement = settle(db_engine, group, batch_no, [outcome(0, cost=4), outcome(2, cost=10)], [retry(1, cost=1)])
    assert settlement.charges == Charges(spent=15, released=15, overrun=0)
    after = read(db_engine, job.budget_id)
    assert (after.reserved, after.spent, after.burned, after.overrun, after.left) == (0, 15, 0, 0, 985)
    assert settlement.budget == after


def test_what_one_task_leaves_does_not_pay_for_another(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    batch_no = reserve(db_engine, group, [0, 1], [10, 10])
    settlement = settle(db_engine, group, batch_no, [outcome(0, cost=2), outcome(1, cost=13)])
    assert settlement.charges == Charges(spent=12, released=8, overrun=3)
    assert read(db_engine, job.budget_id).overrun == 3


def test_a_denied_reservation_changes_nothing(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=3, cap=25)
    with pytest.raises(
        BudgetDenied, match=r"budget nightly has 25 quanta \(FLOPs\) left, the batch needs 30"
    ) as denied:
        reserve(db_engine, group, [0, 1, 2], [10, 10, 10])
    finish(db_engine, group, hand_back=[0, 1, 2])
    assert (denied.value.left, denied.value.needed) == (25, 30)
    assert read(db_engine, job.budget_id).reserved == 0


def test_two_reservations_that_each_fit_alone_do_not_both_pass(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=8, cap=35)
        route(session, job, group_size=1)
    groups = [claim(db_engine) for _ in range(8)]
    together = threading.Barrier(8)

    def try_reserve(group: ClaimedGroup) -> bool:
        together.wait()
        try:
            reserve(db_engine, group, list(group.seqs), [10])
        except BudgetDenied:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(try_reserve, groups))
    assert sum(granted) == 3
    assert read(db_engine, job.budget_id).reserved == 30


def test_the_check_is_the_backstop_when_the_condition_is_forgotten(db_engine: Engine) -> None:
    job, _ = build_claimed(db_engine, tasks=1, cap=25)
    with pytest.raises(IntegrityError, match="budget_within_cap_check"), db_engine.begin() as connection:
        connection.execute(text("UPDATE budget SET reserved = 26 WHERE id = :id"), {"id": job.budget_id})


def test_amounts_far_beyond_64_bits_stay_exact(db_engine: Engine) -> None:
    cap = 10**37
    job, group = build_claimed(db_engine, tasks=2, cap=cap)
    huge = 3 * 10**36 + 1
    batch_no = reserve(db_engine, group, [0, 1], [huge, 1])
    assert read(db_engine, job.budget_id).left == cap - huge - 1
    settle(db_engine, group, batch_no, [outcome(0, cost=huge - 1), outcome(1, cost=0)])
    assert read(db_engine, job.budget_id).spent == huge - 1


def test_without_a_cap_everything_is_counted_and_nothing_denied(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1, cap=None)
    reserve(db_engine, group, [0], [10**30])
    budget = read(db_engine, job.budget_id)
    assert (budget.cap, budget.left, budget.reserved) == (None, None, 10**30)


def test_a_raised_budget_admits_what_was_denied(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=3, cap=25)
    with pytest.raises(BudgetDenied):
        reserve(db_engine, group, [0, 1, 2], [10, 10, 10])
    with session_scope(db_engine) as session:
        assert raise_budget(session, budget_id=job.budget_id, amount=5).cap == 30
    assert reserve(db_engine, group, [0, 1, 2], [10, 10, 10]) > 0


def test_a_budget_is_never_lowered(db_engine: Engine) -> None:
    job, _ = build_claimed(db_engine, tasks=1)
    with pytest.raises(ValueError, match="can only be raised"), session_scope(db_engine) as session:
        raise_budget(session, budget_id=job.budget_id, amount=-1)


def test_a_batch_is_settled_once(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    batch_no = reserve(db_engine, group, [0], [10])
    settle(db_engine, group, batch_no, [outcome(0)])
    with pytest.raises(AlreadySettled, match=f"batch {batch_no} of group {group.id} is settled already"):
        settle(db_engine, group, batch_no, [outcome(0)])


@pytest.mark.parametrize("seqs", [[0], [0, 1, 2], [0, 0], []])
def test_a_settlement_names_each_task_of_its_batch_once(db_engine: Engine, seqs: list[int]) -> None:
    _, group = build_claimed(db_engine, tasks=3)
    batch_no = reserve(db_engine, group, [0, 1], [10, 10])
    with pytest.raises(BatchMismatch, match=r"reserved for tasks \[0, 1\]"):
        settle(db_engine, group, batch_no, [outcome(seq) for seq in seqs])


@pytest.mark.parametrize(("seqs", "amounts"), [([0, 0], [1, 1]), ([7], [1]), ([0], [1, 2]), ([], []), ([0], [-1])])
def test_only_members_are_reserved_for_and_each_once(db_engine: Engine, seqs: list[int], amounts: list[int]) -> None:
    _, group = build_claimed(db_engine, tasks=2)
    with pytest.raises(BatchMismatch):
        reserve(db_engine, group, seqs, amounts)


def test_a_started_task_is_not_started_again(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=2)
    reserve(db_engine, group, [0], [10])
    with pytest.raises(BatchMismatch, match=r"tasks \[0\] of group"):
        reserve(db_engine, group, [0, 1], [10, 10])


def test_an_amount_that_is_not_an_int_is_refused(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    with pytest.raises(Exception, match=r"an array of whole numbers can not hold 1\.5"):
        reserve(db_engine, group, [0], [1.5])  # type: ignore[list-item]  # the point of the test


def test_a_stale_fence_writes_nothing(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    zombie = replace(group, fence=group.fence - 1)
    with pytest.raises(StaleFence, match=f"group {group.id} is no longer held under fence {zombie.fence}"):
        reserve(db_engine, zombie, [0])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
        ("a\x00", "a\ufffd"),
        ("\ud800", "\ufffd"),
        ("\\u0000 \\ud800", "\\u0000 \\ud800"),  # as text, which it can hold
        ('Grüße\t"世界"\n', 'Grüße\t"世界"\n'),
    ],
)
def test_text_that_postgres_can_not_hold_is_replaced_in_paid_answers(db_engine: Engine, given: str, kept: str) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    batch_no = reserve(db_engine, group, [0], [10])
    settle(db_engine, group, batch_no, [msgspec.structs.replace(outcome(0, answer=given), finish_reasons=(given,))])
    with db_engine.connect() as connection:
        row = connection.execute(text("SELECT answer, response FROM outcome")).one()
    assert row.answer == kept
    assert row.response == {"texts": [kept], "finish_reasons": [kept]}
