"""How windows explored: stored with their groups, read back task by task, counted with what it cost."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.expiry import expire_leases
from db.explorations import NOBODY, Draw, NewExploration, count_explored, iterate_draws
from db.plans import commit_window
from db.session import session_scope
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    BuiltJob,
    build_claimed,
    build_job,
    claim,
    end_leases,
    finish,
    new_group,
    outcome,
    reserve,
    settle,
)

# Of four tasks the third is explored, and the last gets no strategy.
BEST = np.array([0, 0, 1, NOBODY])
INTENDED = np.array([0, 0, 0, NOBODY])
PROPENSITY = np.array([[0.75, 0.25], [1.0, 0.0], [0.125, 0.875], [0.0, 0.0]], dtype=np.float32)
EXPLORATION = NewExploration(
    best=BEST,
    intended=INTENDED,
    propensity=PROPENSITY,
    set_aside=50,
    accuracy_given_up=0.25,
    extra_cost=1.5,
    worst_extra_cost=40.0,
)


def explore(engine: Engine, *, exploration: NewExploration = EXPLORATION) -> BuiltJob:
    """A job of eight tasks whose first window of four explored."""
    with session_scope(engine) as session:
        job = build_job(session, tasks=8)
        window = claim_window(session, job_id=job.id, size=4, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
        group = replace(new_group(job.strategy_ids[0], [0, 1, 2]), propensities=[0.75, 1.0, 0.125])
        commit_window(
            session,
            window_id=window.id,
            fence=window.fence,
            groups=[group],
            unserved=[3],
            exploration=exploration,
        )
    return job


def test_draws_are_read_back_task_by_task(db_engine: Engine) -> None:
    job = explore(db_engine)
    first, second = job.strategy_ids
    with session_scope(db_engine) as session:
        draws = list(iterate_draws(session, job_id=job.id))
        some = list(iterate_draws(session, job_id=job.id, lo=1, hi=2))
        none = list(iterate_draws(session, job_id=job.id, lo=4, hi=8))
    assert draws == [
        Draw(0, first, first, {first: 0.75, second: 0.25}),
        Draw(1, first, first, {first: 1.0}),
        Draw(2, second, first, {first: 0.125, second: 0.875}),
    ]
    assert some == draws[1:2]
    assert none == []


def test_members_of_a_group_have_their_chances_also_when_a_worker_was_lost(db_engine: Engine) -> None:
    explore(db_engine)
    group = claim(db_engine)
    assert group.propensities == [0.75, 1.0, 0.125]
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    again = claim(db_engine)
    assert (list(again.seqs), again.propensities) == ([1, 2], [1.0, 0.125])


def test_without_other_chances_everybody_was_sure_to_get_what_they_got(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    assert group.propensities == [1.0, 1.0]
    with session_scope(db_engine) as session:
        assert list(iterate_draws(session, job_id=job.id)) == []
        assert count_explored(session, job_id=job.id).tasks == 0


def test_tasks_that_came_back_have_no_chance_to_state(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=2)
    finish(db_engine, group, hand_back=[0, 1])
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=group.job_id, size=4, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
        back = replace(new_group(group.strategy_id, [0, 1]), propensities=None)
        commit_window(session, window_id=window.id, fence=window.fence, groups=[back])
    again = claim(db_engine)
    assert again.propensities == [None, None]
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    assert claim(db_engine).propensities == [None, None]


def test_what_exploring_comes_to(db_engine: Engine) -> None:
    job = explore(db_engine)
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0, 1, 2])
    settle(db_engine, group, batch_no, [outcome(seq, cost=seq + 4) for seq in range(3)])
    with session_scope(db_engine) as session:
        counts = count_explored(session, job_id=job.id)
    assert (counts.tasks, counts.explored, counts.spent, counts.set_aside) == (4, 1, 6, 50)
    assert (counts.accuracy_given_up, counts.extra_cost, counts.worst_extra_cost) == (0.25, 1.5, 40.0)


def test_chances_that_do_not_fit_their_window_are_refused(db_engine: Engine) -> None:
    with pytest.raises(ValueError, match="not \\(4, 2\\)"):
        explore(db_engine, exploration=replace(EXPLORATION, propensity=PROPENSITY[:3]))


def test_a_draw_is_never_changed(db_engine: Engine) -> None:
    explore(db_engine)
    for statement in ("UPDATE exploration SET explored = '{}'", "DELETE FROM exploration", "TRUNCATE exploration"):
        with pytest.raises(IntegrityError, match="are written once"), db_engine.begin() as connection:
            connection.execute(text(statement))
