"""Each invariant finds the damage it is there for, done behind the package's back with triggers and checks off."""

import pytest
from sqlalchemy import Engine, text

from db.groups import ClaimedGroup
from db.invariants import INVARIANTS, find_violations
from db.session import session_scope
from tests.db.building import build_claimed, outcome, reserve, retry, settle

COPY_GROUP = """
    INSERT INTO grp (tenant_id, job_id, kind, window_id, strategy_id, arm, seqs, amounts, predicted_cost, state)
    SELECT tenant_id, job_id, kind, window_id, strategy_id, arm, {seqs}, {seqs}, 0, 'ready' FROM grp
"""
COPY_OUTCOME = """
    INSERT INTO outcome (tenant_id, job_id, seq, arm, kind, strategy_id, grp_id, fence, answer, response,
                         prompt_tokens, output_tokens, cost, source)
    SELECT tenant_id, job_id, {seq}, arm, kind, strategy_id, grp_id, fence, '', '{{}}', 0, 0, 0, source FROM outcome
"""
COPY_ENTRY = """
    INSERT INTO ledger_entry (tenant_id, budget_id, kind, job_id, grp_id, fence, batch_no, seqs, amounts)
    SELECT tenant_id, budget_id, 'burn', job_id, grp_id, fence, batch_no, seqs, amounts FROM ledger_entry
    WHERE kind = 'settle'
"""
TWIN = "INSERT INTO twin (tenant_id, job_id, seq, leader_seq) SELECT tenant_id, id, {seq}, {leader} FROM job"
EXPLORE = """
    INSERT INTO exploration (window_id, tenant_id, job_id, lo, hi, best, intended, propensity, explored, set_aside,
                             accuracy_given_up, extra_cost, worst_extra_cost)
    SELECT id, tenant_id, job_id, 0, {tasks}, decode(repeat('0000', {tasks}), 'hex'),
           decode(repeat('0000', {tasks}), 'hex'), decode(repeat('00000000', 2 * {tasks}), 'hex'), '{{}}', 0, 0, 0, 0
    FROM task_window
"""
LOTS = """
    INSERT INTO trial_window (window_id, tenant_id, trial_id, job_id, price, tasks, apart, seqs, challenged, expected)
    SELECT id, tenant_id, 1, job_id, 0, 4, 1, {seqs}, '{{true}}', '{{0}}' FROM task_window
"""
TRY = """
    INSERT INTO predictor_version (tenant_id, strategy_id, spec_hash, version, encoder, artefact, metadata, state)
    SELECT tenant_id, id, spec_hash, 1, 'e', '', '{}', 'on_trial' FROM strategy
"""
KEEP = """
    INSERT INTO kept_answer (tenant_id, job_id, seq, arm, kind, strategy_id, grp_id, fence, failure, score, answer,
                             response, prompt_tokens, output_tokens, cost, source, cached_prompt_tokens)
    SELECT tenant_id, job_id, {seq}, arm, kind, strategy_id, grp_id + {beside}, fence, 'no_answer', 0, 'another one',
           response, 0, 0, 0, source, 0 FROM outcome
"""
SECOND_ANSWER = """
    INSERT INTO attempt (tenant_id, grp_id, fence, seq, job_id, error_code, error_message, cost)
    SELECT tenant_id, grp_id, fence, seq, job_id, 'second_answer_invalid', '', 0 FROM outcome
"""
REOPEN = "UPDATE grp SET state = 'ready', lease_until = NULL"
COMPLETE = "UPDATE job SET state = 'completed', finished_at = now()"

DAMAGE = [
    ("the ledger's deltas add up to the budget", ["UPDATE budget SET spent = spent + 1"]),
    (
        "no budget is over its cap",
        ["ALTER TABLE budget DROP CONSTRAINT budget_within_cap_check", "UPDATE budget SET cap = 1"],
    ),
    ("every batch is reserved once and resolved at most once", [COPY_ENTRY]),
    ("only a held group has an open batch", ["UPDATE grp SET fence = fence + 1"]),
    ("only a held group has an open batch", [REOPEN]),
    ("a group is charged what its outcomes and attempts cost", ["UPDATE outcome SET cost = cost + 1"]),
    ("a group is charged what its outcomes and attempts cost", ["DELETE FROM attempt"]),
    ("every task of a completed job has an outcome or a reason", [COMPLETE]),
    ("a completed job has no work under way", [COMPLETE]),
    (
        "a job has the tasks that it counts",
        ["INSERT INTO task SELECT tenant_id, 99, seq, 'x', payload FROM task LIMIT 1"],
    ),
    ("a job has the tasks that it counts", ["UPDATE job SET task_count = task_count + 1"]),
    ("every outcome has its task", [COPY_OUTCOME.format(seq=99)]),
    ("every outcome is of its group's job and strategy", ["UPDATE outcome SET strategy_id = strategy_id + 1"]),
    ("no task has both an outcome and a reason for having none", [COPY_OUTCOME.format(seq=1)]),
    ("a group's members belong to its window", [COPY_GROUP.format(seqs="'{99}'")]),
    ("no task is in two groups", [COPY_GROUP.format(seqs="'{2}'")]),
    ("no task is lost", ["UPDATE grp SET state = 'done', lease_until = NULL, finished_at = now()"]),
    ("a twin ends with the task that it repeats", [TWIN.format(seq=3, leader=0)]),
    ("a twin ends with the task that it repeats", [TWIN.format(seq=3, leader=2), COPY_OUTCOME.format(seq=3)]),
    *[
        ("a group's counts are those of its entries and outcomes", [f"UPDATE grp SET {count} = {count} + 1"])
        for count in ("started", "settled", "answered", "errors", "graded", "correct")
    ],
    ("what is promised covers the tasks that wait in groups", ["UPDATE budget SET kept = 6"]),
    ("a kept answer is not given up", [KEEP.format(seq=1, beside=0), "UPDATE requeue SET reason = 'denied'"]),
    ("a kept answer that is final is as it was", [KEEP.format(seq=0, beside=0)]),
    ("a task has one second chance", [KEEP.format(seq=0, beside=1), SECOND_ANSWER]),
    ("a budget without open jobs keeps nothing free", [COMPLETE]),
    ("how a window explored fits its tasks and groups", [EXPLORE.format(tasks=3)]),
    ("how a window explored fits its tasks and groups", [EXPLORE.format(tasks=4)]),  # its group has no chances
    ("the lots of a window are of its tasks, with their chances", [LOTS.format(seqs="'{1}'")]),  # it has none
    (
        "the lots of a window are of its tasks, with their chances",
        [EXPLORE.format(tasks=4), LOTS.format(seqs="'{99}'")],
    ),
    ("what is on trial is in an open trial", [TRY]),
]


def build_one_of_each(engine: Engine) -> ClaimedGroup:
    """Task 0 answered, 1 to be tried again, 2 running, 3 not started; each was promised an answer."""
    _, group = build_claimed(engine, tasks=4, promised=True)
    settle(engine, group, reserve(engine, group, [0, 1]), [outcome(0)], [retry(1)])
    reserve(engine, group, [2])
    return group


def find_broken(engine: Engine) -> set[str]:
    with session_scope(engine) as session:
        return {violation.invariant for violation in find_violations(session)}


@pytest.mark.parametrize(("invariant", "damage"), DAMAGE)
def test_damage_is_found(unchecked_engine: Engine, invariant: str, damage: list[str]) -> None:
    build_one_of_each(unchecked_engine)
    assert find_broken(unchecked_engine) == set()
    with unchecked_engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # triggers and foreign keys are off
        for statement in damage:
            connection.execute(text(statement))
    assert invariant in find_broken(unchecked_engine)


def test_every_invariant_is_shown_to_find_something() -> None:
    assert {invariant for invariant, _ in DAMAGE} == set(INVARIANTS)


def test_a_violation_shows_the_row(unchecked_engine: Engine) -> None:
    build_one_of_each(unchecked_engine)
    with unchecked_engine.begin() as connection:
        connection.execute(text("UPDATE budget SET spent = 5"))
    with session_scope(unchecked_engine) as session:
        (violation,) = find_violations(session)
    assert "'spent': Decimal('5')" in violation.row
    assert "'spent_sum': Decimal('8')" in violation.row
