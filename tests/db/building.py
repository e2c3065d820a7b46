"""Jobs, plans and answers for tests, built through the package's own functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, func, insert, update
from sqlalchemy.orm import Session

from db.budgets import open_budget
from db.groups import ClaimedGroup, claim_group, finish_group
from db.jobs import create_job
from db.plans import NewGroup, commit_window
from db.promises import promise_answers
from db.reservations import reserve_batch
from db.session import session_scope
from db.settlements import NewOutcome, NewRetry, Settlement, settle_batch
from db.states import GroupState, JobKind, WindowState
from db.strategies import register_strategy
from db.tables import GroupRow, LabelRow, WindowRow
from db.tasks import NewTask, copy_tasks
from db.windows import claim_window

TENANT = "default"
LEASE_SECONDS = 60.0
WORST_CASE = 10
LEAST = 7  # what is kept free for a task that was promised an answer


@dataclass(frozen=True, kw_only=True)
class BuiltJob:
    id: int
    budget_id: int
    strategy_ids: Sequence[int]


def build_job(
    session: Session,
    *,
    tasks: int,
    cap: int | None = 1_000,
    kind: JobKind = JobKind.RUN,
    strategies: int = 2,
    budget_id: int | None = None,
    tenant_id: str = TENANT,
    second_chances: bool = False,
) -> BuiltJob:
    """A submitted job with its strategies, and with a budget of its own where none is given."""
    if budget_id is None:
        budget_id = open_budget(session, tenant_id=tenant_id, name="nightly", unit="FLOPs", cap=cap)
    stored = [
        register_strategy(session, tenant_id=TENANT, name=f"s{number}", spec_hash=f"hash{number}", spec={}, tariff={})
        for number in range(strategies)
    ]
    job_id = create_job(
        session,
        tenant_id=tenant_id,
        kind=kind,
        objective={"budget": cap},
        budget_id=budget_id,
        strategy_ids=[strategy.id for strategy in stored],
        encoder="minilm",
        meta={},
        second_chances=second_chances,
    )
    copy_tasks(session, job_id=job_id, tasks=[NewTask(custom_id=f"t{seq}", payload="{}") for seq in range(tasks)])
    return BuiltJob(id=job_id, budget_id=budget_id, strategy_ids=[strategy.id for strategy in stored])


def new_group(strategy_id: int, seqs: Sequence[int], *, amount: int = WORST_CASE, least: int | None = None) -> NewGroup:
    return NewGroup(
        strategy_id=strategy_id,
        seqs=seqs,
        amounts=[amount] * len(seqs),
        least=() if least is None else [least] * len(seqs),
        predicted_cost=amount * len(seqs) // 2,
    )


def route(
    session: Session, job: BuiltJob, *, size: int = 100, group_size: int = 100, least: int | None = None
) -> list[int]:
    """The ids of the groups into which the job's next window was cut, all for its first strategy."""
    window = claim_window(session, job_id=job.id, size=size, owner="router", lease_seconds=LEASE_SECONDS)
    assert window is not None
    cuts = [window.seqs[start : start + group_size] for start in range(0, len(window.seqs), group_size)]
    groups = [new_group(job.strategy_ids[0], cut, least=least) for cut in cuts]
    return commit_window(session, window_id=window.id, fence=window.fence, groups=groups)


def build_claimed(
    engine: Engine, *, tasks: int, cap: int | None = 1_000, promised: bool = False
) -> tuple[BuiltJob, ClaimedGroup]:
    """A job whose tasks are all in one group, which is claimed; where it is promised, each keeps LEAST free."""
    with session_scope(engine) as session:
        job = build_job(session, tasks=tasks, cap=cap)
        if promised:
            assert promise_answers(session, job_id=job.id, least=LEAST * tasks)
        route(session, job, least=LEAST if promised else None)
    return job, claim(engine)


def claim(engine: Engine, *, owner: str = "worker", job_id: int | None = None) -> ClaimedGroup:
    with session_scope(engine) as session:
        group = claim_group(session, owner=owner, lease_seconds=LEASE_SECONDS, job_id=job_id)
    assert group is not None
    return group


def reserve(engine: Engine, group: ClaimedGroup, seqs: Sequence[int], amounts: Sequence[int] | None = None) -> int:
    """The number of a batch of these tasks, committed."""
    with session_scope(engine) as session:
        held = [WORST_CASE] * len(seqs) if amounts is None else amounts
        kept = dict(zip(group.seqs, group.least, strict=True))
        least = sum(kept.get(seq, 0) for seq in seqs)
        return reserve_batch(session, group_id=group.id, fence=group.fence, seqs=seqs, amounts=held, least=least)


def settle(
    engine: Engine,
    group: ClaimedGroup,
    batch_no: int,
    outcomes: Sequence[NewOutcome],
    retries: Sequence[NewRetry] = (),
) -> Settlement:
    """The settlement of the batch, committed."""
    with session_scope(engine) as session:
        return settle_batch(
            session, group_id=group.id, fence=group.fence, batch_no=batch_no, outcomes=outcomes, retries=retries
        )


def finish(engine: Engine, group: ClaimedGroup, *, hand_back: Sequence[int] = ()) -> None:
    """End the group, committed."""
    with session_scope(engine) as session:
        finish_group(session, group_id=group.id, fence=group.fence, hand_back=hand_back)


def end_leases(engine: Engine, *, group_id: int | None = None) -> None:
    """Make this group's lease end now, or every lease, as if its owner had been silent long enough."""
    ended = {"lease_until": func.clock_timestamp() - timedelta(seconds=1)}
    groups = update(GroupRow).where(GroupRow.state == GroupState.CLAIMED)
    windows = update(WindowRow).where(WindowRow.state == WindowState.CLAIMED)
    with engine.begin() as connection:
        if group_id is not None:
            connection.execute(groups.where(GroupRow.id == group_id).values(ended))
            return
        connection.execute(groups.values(ended))
        connection.execute(windows.values(ended))


def outcome(seq: int, *, cost: int = 4, answer: str = "42", correct: float | None = 1.0) -> NewOutcome:
    return NewOutcome(
        seq=seq,
        answer=answer,
        prompt_tokens=3,
        output_tokens=2,
        cost=cost,
        texts=(answer,),
        finish_reasons=("stop",),
        correct=correct,
    )


def label(session: Session, *, job_id: int, seq: int, arm: int, source: str, correct: float) -> None:
    """Store how somebody sees an outcome; no command does so yet."""
    row = {"tenant_id": TENANT, "job_id": job_id, "seq": seq, "arm": arm, "source": source, "correct": correct}
    session.execute(insert(LabelRow).values(row))


def retry(seq: int, *, cost: int = 4, exclude_strategy: bool = False, delay_seconds: float = 0.0) -> NewRetry:
    return NewRetry(
        seq=seq,
        error_code="engine_unavailable",
        error_message="connection reset",
        prompt_tokens=3,
        output_tokens=0,
        cost=cost,
        exclude_strategy=exclude_strategy,
        delay_seconds=delay_seconds,
    )
