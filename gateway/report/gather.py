"""A job's report, made from what the database holds."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy.orm import Session

from db.continuations import find_continuation
from db.jobs import Job
from db.progress import read_spending
from db.tasks import read_tasks
from db.windows import read_routing_seconds
from gateway.report.amounts import say_cost
from gateway.report.engines import describe_engines
from gateway.report.explain import explain_choice, options_of, pick_examples
from gateway.report.exploration import read_exploration
from gateway.report.facts import JobFacts, read_job_facts
from gateway.report.judging import read_judging
from gateway.report.measures import bin_accuracy, thin_frontier
from gateway.report.routed import describe_plan, describe_strategies, pair_costs, predict_answered
from gateway.report.second_chances import read_second_chances
from gateway.report.values import (
    DecisionRow,
    Example,
    JobReport,
    Plan,
    Point,
    SpendPoint,
    Stage,
    Timings,
)
from router.allocate import allocate
from router.allocation import Allocation, Deferral
from router.errors import InfeasibleBudget
from router.frontier import frontier
from router.objective import allocate_target, allocate_weighted
from worker.objective import Mode, Objective
from worker.task_line import parse_task_line

LISTED_DECISIONS = 2000
SPEND_POINTS = 400


def gather_report(session: Session, *, job_id: int) -> JobReport:
    """The report of a run as it stands; NoSuchRow when there is no such job."""
    facts = read_job_facts(session, job_id=job_id)
    job, routed = facts.job, facts.routed
    plan, curve = _plan_whole_job(facts)
    ran = routed.ran
    return JobReport(
        job_id=job.id,
        job_file=str(job.meta.get("job_file", f"job {job.id}")),
        state=job.state.value,
        objective=describe_objective(facts.objective),
        started_at=job.started_at or job.submitted_at,
        finished_at=job.finished_at,
        budget=facts.budget,
        tasks=facts.ends.count(),
        plan=plan,
        predicted_accuracy=predict_answered(routed),
        observed_accuracy=facts.ends.mean_right(),
        engines=describe_engines(job.meta.get("engines", {})),
        strategies=describe_strategies(routed),
        frontier=curve,
        spend=_trace_spend(session, facts),
        accuracy_bins=bin_accuracy(routed.accuracy[ran, routed.choice[ran]], routed.grade[ran]),
        cost_pairs=pair_costs(routed),
        timings=_read_timings(session, facts),
        examples=_explain_examples(session, facts, shadow_price=plan.shadow_price),
        decisions=_list_decisions(session, facts),
        warnings=tuple(job.meta.get("warnings", ())),
        exploration=read_exploration(session, job=job),
        second_chances=read_second_chances(session, job=job),
        judging=read_judging(session, job=job),
        continues=job.continues_job_id,
        continued_by=find_continuation(session, job_id=job.id),
    )


def describe_objective(objective: Objective) -> str:
    """What the job was asked for, in words."""
    if objective.cap is None:
        return objective.stated
    if objective.shared is not None:
        return f"budget {objective.shared}, of which {say_cost(objective.cap, objective.unit)} were left"
    share = f" ({objective.stated})" if "%" in objective.stated else ""
    return f"budget {say_cost(objective.cap, objective.unit)}{share}"


def _plan_whole_job(facts: JobFacts) -> tuple[Plan, tuple[Point, ...]]:
    """The job allocated as one window, and its frontier; windows differ from it by what was learnt on the way."""
    routed, total = facts.routed, facts.job.task_count
    servable = np.flatnonzero(np.isfinite(routed.accuracy).any(axis=1) & (routed.alike > 0))  # (tasks,)
    accuracy, cost, alike = routed.accuracy[servable], routed.cost_quanta[servable], routed.alike[servable]
    curve = frontier(accuracy, cost, weight=alike)
    points = thin_frontier(curve.cost, curve.accuracy, task_count=total)
    return describe_plan(_allocate(facts.objective, accuracy, cost, alike), task_count=total), points


def _allocate(objective: Objective, accuracy: np.ndarray, cost: np.ndarray, alike: np.ndarray) -> Allocation:
    if objective.mode is Mode.WEIGHT:
        assert objective.w is not None
        assert objective.reference_cost is not None
        return allocate_weighted(accuracy, cost, objective.w, objective.reference_cost, weight=alike)
    if objective.mode is Mode.TARGET:
        assert objective.target_accuracy is not None
        return allocate_target(accuracy, cost, objective.target_accuracy, weight=alike)
    assert objective.cap is not None
    try:
        return allocate(accuracy, cost, objective.cap, weight=alike)
    except InfeasibleBudget:  # it does what it can, as a continuation does with what is left
        deferral = objective.deferral or Deferral.SERVE_MOST
        return allocate(accuracy, cost, objective.cap, weight=alike, deferral=deferral)


def _trace_spend(session: Session, facts: JobFacts) -> tuple[SpendPoint, ...]:
    entries = read_spending(session, job_id=facts.job.id)
    if not entries:
        return ()
    start = facts.job.started_at or entries[0].at
    kept = np.unique(np.linspace(0, len(entries) - 1, SPEND_POINTS).round().astype(int))
    points = [
        SpendPoint(
            seconds=max(0.0, (entries[index].at - start).total_seconds()),
            spent_quanta=entries[index].spent + entries[index].burned,
            reserved_quanta=entries[index].reserved,
        )
        for index in kept.tolist()
    ]
    return (SpendPoint(seconds=0.0, spent_quanta=0, reserved_quanta=0), *points)


def _read_timings(session: Session, facts: JobFacts) -> Timings:
    """As the commands that did the work measured it, else as the rows that workers wrote tell."""
    meta = {**_time_workers(session, facts.job), **facts.job.meta}
    seconds = {name: float(meta.get(f"{name}_seconds", 0.0)) for name in TIMED}
    overhead = seconds["planning"] + seconds["storing"] + seconds["routing"]
    return Timings(
        wall_seconds=seconds["encoding"] + seconds["planning"] + seconds["storing"] + seconds["answering"],
        encoding_seconds=seconds["encoding"],
        generation_seconds=max(0.0, seconds["answering"] - seconds["routing"]),
        overhead_ms_per_task=1000 * overhead / max(1, facts.job.task_count),
        stages=tuple(Stage(name=name, seconds=value) for name, value in seconds.items() if value),
    )


def _time_workers(session: Session, job: Job) -> dict[str, float]:
    if job.started_at is None:
        return {}
    ended = job.finished_at or datetime.now(UTC)
    routing = read_routing_seconds(session, job_id=job.id)
    return {"answering_seconds": (ended - job.started_at).total_seconds(), "routing_seconds": routing}


TIMED = ("encoding", "planning", "storing", "routing", "answering")


def _explain_examples(session: Session, facts: JobFacts, *, shadow_price: float | None) -> tuple[Example, ...]:
    rows = pick_examples(facts.routed, shadow_price=shadow_price)
    return tuple(_explain(facts, row, prompt, shadow_price) for row, prompt in _with_prompts(session, facts, rows))


def _explain(facts: JobFacts, row: int, prompt: str, shadow_price: float | None) -> Example:
    options, chosen = options_of(facts.routed, row), facts.routed.names[facts.routed.choice[row]]
    return Example(
        custom_id=facts.ends.custom_ids[row],
        prompt=prompt,
        chosen=chosen,
        options=options,
        reason=explain_choice(options, chosen, shadow_price=shadow_price, unit=facts.objective.unit),
        answer=facts.ends.answers[row],
        grade=_known(facts.routed.grade[row]),
    )


def _list_decisions(session: Session, facts: JobFacts) -> tuple[DecisionRow, ...]:
    rows = range(min(LISTED_DECISIONS, facts.job.task_count))
    return tuple(_describe_decision(facts, row, prompt) for row, prompt in _with_prompts(session, facts, rows))


def _describe_decision(facts: JobFacts, row: int, prompt: str) -> DecisionRow:
    routed, column = facts.routed, int(facts.routed.choice[row])
    ran = column >= 0
    return DecisionRow(
        custom_id=facts.ends.custom_ids[row],
        prompt=prompt,
        strategy=routed.names[column] if ran else None,
        predicted_accuracy=_known(routed.accuracy[row, column]) if ran else None,
        predicted_cost_quanta=_known(routed.cost_quanta[row, column]) if ran else None,
        cost_quanta=routed.paid_quanta[row] if ran else None,
        grade=_known(routed.grade[row]),
        answer=facts.ends.answers[row],
    )


def _with_prompts(session: Session, facts: JobFacts, rows: Sequence[int]) -> list[tuple[int, str]]:
    stored = read_tasks(session, job_id=facts.job.id, seqs=list(rows))
    return [(task.seq, parse_task_line(task.payload).prompt.question) for task in stored]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
