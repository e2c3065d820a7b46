import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from db.errors import StaleFence, UnfinishedGroup
from db.expiry import expire_leases
from db.groups import ClaimedGroup, claim_group, return_group
from db.leases import extend_lease
from db.plans import commit_window
from db.session import session_scope
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    build_claimed,
    build_job,
    claim,
    end_leases,
    finish,
    new_group,
    outcome,
    reserve,
    retry,
    route,
    settle,
)


def try_claim(
    engine: Engine, *, strategy_ids: list[int] | None = None, held_before: bool = False
) -> ClaimedGroup | None:
    with session_scope(engine) as session:
        return claim_group(
            session, owner="worker", lease_seconds=LEASE_SECONDS, strategy_ids=strategy_ids, held_before=held_before
        )


def give_back(engine: Engine, group: ClaimedGroup) -> None:
    with session_scope(engine) as session:
        return_group(session, group_id=group.id, fence=group.fence)


def test_claimers_at_the_same_time_never_get_the_same_group(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        ids = route(session, build_job(session, tasks=40), group_size=1)
    together = threading.Barrier(8)

    def claim_all() -> list[int]:
        together.wait()
        mine = []
        while (group := try_claim(db_engine)) is not None:
            mine.append(group.id)
        return mine

    with ThreadPoolExecutor(8) as pool:
        shares = [future.result() for future in [pool.submit(claim_all) for _ in range(8)]]
    claimed = [group_id for share in shares for group_id in share]
    assert sorted(claimed) == ids


def test_a_claimer_passes_over_a_group_that_another_is_claiming(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        first, second = route(session, build_job(session, tasks=2), group_size=1)
    with session_scope(db_engine) as slow:
        held = claim_group(slow, owner="slow", lease_seconds=LEASE_SECONDS)
        other = try_claim(db_engine)  # would wait for ever if it queued behind the first
        assert held is not None
        assert other is not None
        assert (held.id, other.id) == (first, second)


def test_only_groups_of_the_asked_strategies_are_claimed(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        window = claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
        groups = [new_group(strategy_id, [seq]) for seq, strategy_id in enumerate(job.strategy_ids)]
        commit_window(session, window_id=window.id, fence=window.fence, groups=groups)
    second = try_claim(db_engine, strategy_ids=[job.strategy_ids[1]])
    assert second is not None
    assert (second.strategy_id, second.seqs, second.amounts) == (job.strategy_ids[1], [1], [10])
    assert try_claim(db_engine, strategy_ids=[job.strategy_ids[1]]) is None


def test_only_groups_that_were_held_before_are_claimed(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        route(session, build_job(session, tasks=2), group_size=1)
    assert try_claim(db_engine, held_before=True) is None
    first = claim(db_engine)
    give_back(db_engine, first)
    again = try_claim(db_engine, held_before=True)
    assert again is not None
    assert again.id == first.id


def test_a_group_claimed_again_shows_only_what_is_left(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=4)
    batch_no = reserve(db_engine, group, [0, 1])
    settle(db_engine, group, batch_no, [outcome(0)], [retry(1)])
    give_back(db_engine, group)
    again = claim(db_engine)
    assert again.id == group.id
    assert (again.seqs, again.amounts, again.past_attempts) == ([2, 3], [10, 10], [0, 0])


def test_a_group_with_an_open_batch_neither_ends_nor_goes_back(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=2)
    batch_no = reserve(db_engine, group, [0])
    with pytest.raises(UnfinishedGroup, match=rf"still has open batches \[{batch_no}\]: settle them first"):
        finish(db_engine, group, hand_back=[1])
    with pytest.raises(UnfinishedGroup):
        give_back(db_engine, group)
    settle(db_engine, group, batch_no, [outcome(0)])
    finish(db_engine, group, hand_back=[1])


@pytest.mark.parametrize("hand_back", [[], [1], [0, 1, 2], [1, 1]])
def test_an_ending_group_names_exactly_what_it_hands_back(db_engine: Engine, hand_back: list[int]) -> None:
    _, group = build_claimed(db_engine, tasks=3)
    batch_no = reserve(db_engine, group, [0])
    settle(db_engine, group, batch_no, [outcome(0)])
    with pytest.raises(UnfinishedGroup, match=r"has 2 tasks without an answer.*hand back exactly \[1, 2\]"):
        finish(db_engine, group, hand_back=hand_back)


def test_a_finished_group_is_over(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    finish(db_engine, group, hand_back=[0])
    with pytest.raises(StaleFence):
        reserve(db_engine, group, [0])
    assert try_claim(db_engine) is None


def test_an_extended_lease_is_not_expired(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        extend_lease(session, group_id=group.id, fence=group.fence, lease_seconds=LEASE_SECONDS)
        assert expire_leases(session).groups == 0
