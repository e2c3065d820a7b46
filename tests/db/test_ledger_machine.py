"""Random reserve, settle, deny, expire, return, finish and re-route sequences against plain Python bookkeeping."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from db.budgets import raise_budget, read_budget
from db.errors import BudgetDenied, StaleFence, UnfinishedGroup
from db.expiry import expire_leases
from db.groups import ClaimedGroup, claim_group, return_group
from db.invariants import find_violations
from db.jobs import complete_job
from db.plans import commit_window
from db.session import session_scope
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    WORST_CASE,
    build_job,
    end_leases,
    finish,
    new_group,
    outcome,
    reserve,
    retry,
    settle,
)

TASKS = 6


@dataclass
class Held:
    """What the oracle knows of a claimed group."""

    group: ClaimedGroup
    unstarted: list[int]
    batches: dict[int, dict[int, int]] = field(default_factory=dict)  # batch_no -> seq -> held


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.ready: set[int] = set()
        self.held: dict[int, Held] = {}
        self.lost: list[tuple[ClaimedGroup, int, list[int]]] = []  # group, batch and tasks of a worker that was lost
        self.answered: dict[int, int] = {}  # seq -> cost
        self.attempts: list[int] = []  # costs
        self.reserved = self.spent = self.burned = self.overrun = 0

    @initialize(cap=st.integers(0, 150))
    def submit(self, cap: int) -> None:
        self.cap = cap
        with session_scope(self.engine) as session:
            self.job = build_job(session, tasks=TASKS, cap=cap)

    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """Reserve for some tasks of a group, claiming and routing as far as that needs it."""
        if not self.ready:
            self.route(size=data.draw(st.integers(1, TASKS)), group_size=data.draw(st.integers(1, 4)))
        another = data.draw(st.booleans())
        if self.ready and (another or not self.held):
            self.claim()
        if startable := [held for held in self.held.values() if held.unstarted]:
            self.reserve(data.draw(st.sampled_from(startable)), data)

    def route(self, *, size: int, group_size: int) -> None:
        with session_scope(self.engine) as session:
            window = claim_window(session, job_id=self.job.id, size=size, owner="router", lease_seconds=LEASE_SECONDS)
            if window is None:
                return
            assert self.answered.keys().isdisjoint(window.seqs)
            cuts = [window.seqs[start : start + group_size] for start in range(0, len(window.seqs), group_size)]
            groups = [new_group(self.job.strategy_ids[0], cut) for cut in cuts]
            self.ready.update(commit_window(session, window_id=window.id, fence=window.fence, groups=groups))

    def claim(self) -> None:
        with session_scope(self.engine) as session:
            group = claim_group(session, owner="worker", lease_seconds=LEASE_SECONDS, job_id=self.job.id)
        if group is None:  # it would only wait for money that is reserved
            assert self.reserved > 0
            assert self.cap - self.spent - self.burned - self.reserved < WORST_CASE
            return
        assert group.id == min(self.ready)
        self.ready.remove(group.id)
        assert self.answered.keys().isdisjoint(group.seqs)
        self.held[group.id] = Held(group=group, unstarted=list(group.seqs))

    def reserve(self, held: Held, data: st.DataObject) -> None:
        seqs = data.draw(st.lists(st.sampled_from(held.unstarted), min_size=1, unique=True))
        amounts = data.draw(st.lists(st.integers(0, 15), min_size=len(seqs), max_size=len(seqs)))
        left = self.cap - self.spent - self.burned - self.reserved
        if sum(amounts) > left:
            with pytest.raises(BudgetDenied) as denied:
                reserve(self.engine, held.group, seqs, amounts)
            assert (denied.value.left, denied.value.needed) == (left, sum(amounts))
            return
        batch_no = reserve(self.engine, held.group, seqs, amounts)
        held.batches[batch_no] = dict(zip(seqs, amounts, strict=True))
        held.unstarted = [seq for seq in held.unstarted if seq not in seqs]
        self.reserved += sum(amounts)

    @precondition(lambda self: any(held.batches for held in self.held.values()))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from([held for held in self.held.values() if held.batches]))
        batch_no = data.draw(st.sampled_from(sorted(held.batches)))
        reserved = held.batches.pop(batch_no)
        costs = {seq: data.draw(st.integers(0, 20)) for seq in reserved}
        final = {seq for seq in reserved if data.draw(st.booleans())}
        settle(
            self.engine,
            held.group,
            batch_no,
            [outcome(seq, cost=costs[seq]) for seq in final],
            [retry(seq, cost=costs[seq]) for seq in reserved.keys() - final],
        )
        for seq, amount in reserved.items():
            self.reserved -= amount
            self.spent += min(amount, costs[seq])
            self.overrun += max(0, costs[seq] - amount)
            if seq in final:
                assert seq not in self.answered
                self.answered[seq] = costs[seq]
            else:
                self.attempts.append(costs[seq])

    @precondition(lambda self: any(held.batches for held in self.held.values()))
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from([held for held in self.held.values() if held.batches]))
        end_leases(self.engine, group_id=held.group.id)
        with session_scope(self.engine) as session:
            expired = expire_leases(session, job_id=self.job.id)
        burned = [amount for batch in held.batches.values() for amount in batch.values()]
        assert (expired.groups, expired.burned, expired.burned_tasks) == (1, sum(burned), len(burned))
        self.reserved -= sum(burned)
        self.burned += sum(burned)
        self.attempts += burned
        self.lost += [(held.group, batch_no, list(batch)) for batch_no, batch in held.batches.items()]
        self.ready.add(held.group.id)
        del self.held[held.group.id]

    @precondition(lambda self: self.lost)
    @rule()
    def wake_a_zombie(self) -> None:
        group, batch_no, seqs = self.lost.pop()
        with pytest.raises(StaleFence):
            settle(self.engine, group, batch_no, [outcome(seq) for seq in seqs])

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(list(self.held.values())))
        give_back = data.draw(st.booleans())
        if held.batches:
            with pytest.raises(UnfinishedGroup, match="still has open batches"):
                self.end_group(held, give_back=give_back)
            return
        self.end_group(held, give_back=give_back)
        del self.held[held.group.id]
        if give_back:
            self.ready.add(held.group.id)

    def end_group(self, held: Held, *, give_back: bool) -> None:
        if not give_back:
            finish(self.engine, held.group, hand_back=held.unstarted)
            return
        with session_scope(self.engine) as session:
            return_group(session, group_id=held.group.id, fence=held.group.fence)

    @rule(amount=st.integers(0, 30))
    def raise_cap(self, amount: int) -> None:
        with session_scope(self.engine) as session:
            raise_budget(session, budget_id=self.job.budget_id, amount=amount)
        self.cap += amount

    @invariant()
    def the_budget_is_what_the_oracle_says(self) -> None:
        with session_scope(self.engine) as session:
            budget = read_budget(session, budget_id=self.job.budget_id)
            assert find_violations(session) == []
            outcomes = session.execute(text("SELECT seq, cost FROM outcome WHERE job_id = :id"), {"id": self.job.id})
            assert dict(tuple(row) for row in outcomes) == self.answered
            attempts = session.execute(text("SELECT cost FROM attempt WHERE job_id = :id"), {"id": self.job.id})
            assert sorted(attempts.scalars()) == sorted(self.attempts)
        assert (budget.cap, budget.reserved, budget.spent) == (self.cap, self.reserved, self.spent)
        assert (budget.burned, budget.overrun) == (self.burned, self.overrun)

    def teardown(self) -> None:
        with session_scope(self.engine) as session:
            completed = complete_job(session, job_id=self.job.id)
            assert completed == (len(self.answered) == TASKS and not self.held and not self.ready)
            assert find_violations(session) == []


def test_the_ledger_agrees_with_plain_bookkeeping(db_engine: Engine) -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(db_engine)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # every step is a transaction: shrinking a failure would take minutes
        ),
    )
