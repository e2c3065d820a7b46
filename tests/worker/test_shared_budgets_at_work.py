"""Jobs that draw on one budget, and what can be asked of it while they do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import Job, read_job
from db.progress import JobProgress, read_progress
from db.session import session_scope
from db.shared_budgets import find_shared_budget
from db.states import BudgetPeriod
from router.generation import Completion, GenerationRequest
from router.units import Amount, Unit
from tests.db.building import claim, finish, outcome, reserve, settle
from tests.waiting import wait_until
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_pool,
    make_settings,
    predict_flat,
    submit,
)
from worker.errors import BudgetTooSmall, BudgetUnusable, NoSuchBudget
from worker.job_control import cancel
from worker.objective import Request, SharedBudget, Totals, settle_objective
from worker.period_roll import roll_periods
from worker.routing import open_routing, route_next_window
from worker.shared_budgets import draw_on, find_budget, lower_cap, open_shared, raise_cap
from worker.twins import count_alike

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}
LATER = datetime.now(UTC) + timedelta(hours=36)


def tokens(quanta: int) -> Amount:
    return Amount(unit=Unit.TOKENS, quanta=quanta)


def open_team(database: Database, *, cap: int, period: BudgetPeriod | None = None) -> Budget:
    open_shared(database, name="team", amount=tokens(cap), period=period)
    return find_budget(database, name="team")


def submit_to(database: Database, shared: Budget, *, tasks: int) -> int:
    objective = replace(budget(shared.cap or 0), shared=shared.name)
    return submit(database, predictions=predict_flat(tasks, **FLAT), objective=objective, budget_id=shared.id)


def job_of(database: Database, job_id: int) -> Job:
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def budget_of(database: Database, budget_id: int) -> Budget:
    with session_scope(database) as session:
        return read_budget(session, budget_id=budget_id)


def answer_at_length(request: GenerationRequest) -> Completion:
    return answer_with("yes", tokens=request.max_tokens)(request)


def test_two_jobs_at_once_never_pass_the_budget_that_they_share(db_engine: Database, tmp_path: Path) -> None:
    team = open_team(db_engine, cap=700)
    jobs = [submit_to(db_engine, team, tasks=30), submit_to(db_engine, team, tasks=30)]
    assert budget_of(db_engine, team.id).kept == 600  # both were promised an answer to each task
    with ThreadPoolExecutor(2) as pool:
        ends = pool.map(
            lambda job_id: drive(db_engine, job_id, [FakeEngine(answer_at_length)], make_settings(tmp_path)), jobs
        )
        assert list(ends) == [True, True]
    done = [progress_of(db_engine, job_id) for job_id in jobs]
    assert [one.outcomes for one in done] == [30, 30]
    after = budget_of(db_engine, team.id)
    assert after.spent == sum(one.spent for one in done) <= 700
    assert (after.reserved, after.kept) == (0, 0)


def test_a_cancelled_job_leaves_the_others_promise_as_it_was(db_engine: Database) -> None:
    team = open_team(db_engine, cap=700)
    first, second = submit_to(db_engine, team, tasks=30), submit_to(db_engine, team, tasks=20)
    assert budget_of(db_engine, team.id).kept == 500
    assert cancel(db_engine, job_id=first, patience_seconds=0.0)
    assert budget_of(db_engine, team.id).kept == 200
    assert job_of(db_engine, second).promised


def test_a_job_goes_on_in_the_next_night_and_pays_for_each_in_its_own(db_engine: Database, tmp_path: Path) -> None:
    team = open_team(db_engine, cap=1000, period=BudgetPeriod.NIGHTLY)
    job_id = submit_to(db_engine, team, tasks=60)
    answers = 0

    def answer(request: GenerationRequest) -> Completion:
        nonlocal answers
        answers += 1
        if answers == 20:
            assert roll_periods(db_engine, now=LATER) == [job_id]
        return answer_with("yes", tokens=3)(request)

    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    later = budget_of(db_engine, job_of(db_engine, job_id).budget_id)
    earlier = budget_of(db_engine, team.id)
    assert later.id != earlier.id
    assert (earlier.kept, later.kept) == (0, 0)
    assert earlier.spent + later.spent == 3 * 60
    assert 0 < later.spent < 3 * 60


def test_a_raised_budget_is_planned_with_at_once(db_engine: Database, tmp_path: Path) -> None:
    """What was not routed before the raise can be had from the dearer strategy."""
    job_id = submit(db_engine, predictions=predict_flat(60, **FLAT), objective=budget(600))
    engine = FakeEngine(answer_with("yes", tokens=10))

    def answer(request: GenerationRequest) -> Completion:
        if len(engine.asked) == 1:
            raise_cap(db_engine, named=str(job_id), amount=tokens(60 * 40))
        return answer_at_length(request)

    engine.answer = answer
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path, batch_tasks=1))
    done = progress_of(db_engine, job_id)
    assert done.outcomes == 60
    assert done.spent > 600


def test_a_job_that_waits_for_money_goes_on_when_its_budget_is_raised(db_engine: Database, tmp_path: Path) -> None:
    """Another worker holds all there is: this one waits, until somebody raises the budget."""
    team = open_team(db_engine, cap=20)
    holding, waiting = submit_to(db_engine, team, tasks=2), submit_to(db_engine, team, tasks=10)
    routed = open_routing(db_engine, job=job_of(db_engine, holding))
    route_next_window(db_engine, routed=routed, owner="other", settings=make_settings(tmp_path))
    group = claim(db_engine, job_id=holding)
    reserve(db_engine, group, group.seqs, [10, 10])
    with ThreadPoolExecutor(1) as pool:
        engine = FakeEngine(answer_with("yes", tokens=3))
        driving = pool.submit(drive, db_engine, waiting, [engine], make_settings(tmp_path))
        wait_until(lambda: sum(progress_of(db_engine, waiting).groups.values()) > 0)
        assert engine.asked == []
        raise_cap(db_engine, named="team", amount=tokens(100))
        assert driving.result()
    assert progress_of(db_engine, waiting).outcomes == 10
    settle(db_engine, group, 1, [outcome(seq) for seq in group.seqs])
    finish(db_engine, group)


def test_a_budget_is_raised_and_lowered_by_its_name_or_by_a_job(db_engine: Database) -> None:
    team = open_team(db_engine, cap=100)
    job_id = submit(db_engine, predictions=predict_flat(4, **FLAT), objective=budget(40))
    assert raise_cap(db_engine, named="team", amount=tokens(20)).cap == 120
    assert lower_cap(db_engine, named="team", amount=tokens(50)).cap == 70
    assert raise_cap(db_engine, named=str(job_id), amount=tokens(5)).cap == 45
    on_team = submit_to(db_engine, team, tasks=1)
    assert lower_cap(db_engine, named=str(on_team), amount=tokens(1)).id == team.id


def test_what_a_budget_can_not_do_is_refused_with_both_numbers(db_engine: Database, tmp_path: Path) -> None:
    team = open_team(db_engine, cap=100)
    with pytest.raises(BudgetUnusable, match="there is a budget team already"):
        open_shared(db_engine, name="team", amount=tokens(1), period=None)
    with pytest.raises(NoSuchBudget, match="there is no budget nobody: `apportion budgets list`"):
        raise_cap(db_engine, named="nobody", amount=tokens(1))
    dollars = Amount(unit=Unit.USD, quanta=5 * 10**12)
    with pytest.raises(
        BudgetUnusable, match=r"budget team is in tokens, 5\.0000 USD is not: state the amount in tokens"
    ):
        raise_cap(db_engine, named="team", amount=dollars)
    with pytest.raises(
        BudgetUnusable, match="budget team has a cap of 100 tokens, which can not be lowered by 101 tokens"
    ):
        lower_cap(db_engine, named="team", amount=tokens(101))
    job_id = submit_to(db_engine, team, tasks=4)
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=3))], make_settings(tmp_path))
    with pytest.raises(
        BudgetUnusable, match="budget team has 12 tokens spent, burned or reserved, so its cap can not be 11"
    ):
        lower_cap(db_engine, named="team", amount=tokens(89))
    assert find_budget(db_engine, name="team").cap == 100


def test_a_request_is_planned_on_what_is_neither_used_nor_promised(db_engine: Database) -> None:
    team = open_team(db_engine, cap=100)
    submit_to(db_engine, team, tasks=4)
    asked = Request(stated="shared budget team", shared_name="team")
    drawn = draw_on(db_engine, asked, pool=make_pool())
    assert drawn.budget == SharedBudget(id=team.id, name="team", unit=Unit.TOKENS, free=60)
    totals = Totals(cheapest=61, cheapest_worst=80, dearest=90)
    with pytest.raises(BudgetTooSmall) as refused:
        settle_objective(
            drawn,
            unit=Unit.TOKENS,
            predictions=predict_flat(4, **FLAT),
            alike=count_alike(4, leader_of={}),
            totals=totals,
        )
    assert str(refused.value) == (
        "budget team has 60 tokens left that is not promised to other jobs, but the cheapest strategy for every task "
        'needs 61 tokens (predicted): `apportion budgets raise team "1 tokens"` makes it feasible; 80 tokens is enough '
        "whatever the answers' lengths"
    )
    with pytest.raises(NoSuchBudget):
        draw_on(db_engine, replace(asked, shared_name="nobody"), pool=make_pool())
    open_shared(db_engine, name="money", amount=Amount(unit=Unit.USD, quanta=1), period=None)
    with pytest.raises(BudgetUnusable, match="budget money is in USD, in which small, large can not be priced"):
        draw_on(db_engine, replace(asked, shared_name="money"), pool=make_pool())


def test_what_a_budget_expects_is_left_for_those_who_come_later(db_engine: Database, tmp_path: Path) -> None:
    # 60 tasks at 5 or 20 tokens each: the money is enough for the better strategy on half of all.
    for name, expected in (("greedy", None), ("patient", 60)):
        open_shared(db_engine, name=name, amount=tokens(800), period=None, expected_tasks=expected)
    right: dict[str, list[float]] = {"greedy": [], "patient": []}
    for name, earned in right.items():
        for _ in range(2):
            job_id = submit_to(db_engine, find_budget(db_engine, name=name), tasks=30)
            assert drive(db_engine, job_id, [FakeEngine(answer_better)], make_settings(tmp_path))
            earned.append(progress_of(db_engine, job_id).correct)
    assert right["greedy"][0] - right["greedy"][1] > 15
    assert abs(right["patient"][0] - right["patient"][1]) <= 5


def answer_better(request: GenerationRequest) -> Completion:
    """The larger strategy is right."""
    large = request.max_tokens > 10
    return answer_with("yes" if large else "no", tokens=20 if large else 5)(request)


def test_a_period_expects_what_the_one_before_did(db_engine: Database) -> None:
    open_shared(db_engine, name="team", amount=tokens(5), period=BudgetPeriod.NIGHTLY, expected_tasks=7)
    first = find_budget(db_engine, name="team")
    with session_scope(db_engine) as session:
        later = find_shared_budget(session, tenant_id="default", name="team", now=LATER)
    assert later is not None
    assert (later.expected_tasks, later.id == first.id) == (7, False)
