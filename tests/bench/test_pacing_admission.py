"""The simulated ledger against a slow one that says what it means."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.pacing_admission import DOWNGRADED, HIGHEST, RESERVED, SPENT, UNANSWERED, Ledger
from bench.pacing_workloads import WORST_TIMES, Workload, make_stationary

WINDOW = 7


def make_workload(seed: int, tasks: int, *, share: float, in_flight: int) -> Workload:
    """A cap between nothing and the worst case of everything."""
    plain = make_stationary(tasks, seed)
    cap = int(share * WORST_TIMES * plain.cost.max(axis=1).sum())
    return dataclasses.replace(plain, cap=cap, in_flight=in_flight)


def run_slowly(work: Workload, choice: list[int], *, known: bool) -> tuple[list[int], int]:
    """The executed strategies and what they cost."""
    least = [WORST_TIMES * int(row.min()) for row in work.cost]
    kept = least if known and sum(least) <= work.cap else [0] * len(least)
    running: list[tuple[int, int]] = []  # (worst, true), the oldest first
    spent, executed = 0, []
    for task, chosen in enumerate(choice):
        wanted = chosen
        if not known and task % WINDOW == 0:
            arrived = slice(task, task + WINDOW)
            if spent + sum(worst for worst, _ in running) + sum(least[arrived]) <= work.cap:
                kept[arrived] = least[arrived]
        if len(running) == work.in_flight:
            spent += running.pop(0)[1]
        while True:
            room = work.cap - spent - sum(worst for worst, _ in running) - sum(kept[task + 1 :])
            if WORST_TIMES * work.cost[task, wanted] <= room or not running:
                break
            spent += running.pop(0)[1]
        if WORST_TIMES * work.cost[task, wanted] > room:
            fitting = [s for s in range(work.cost.shape[1]) if WORST_TIMES * work.cost[task, s] <= room]
            wanted = max(fitting, key=lambda s: work.accuracy[task, s], default=-1)
        executed.append(wanted)
        if wanted >= 0:
            worst = WORST_TIMES * int(work.cost[task, wanted])
            running.append((worst, min(int(np.ceil(work.cost[task, wanted] * work.factor[task])), worst)))
    return executed, spent + sum(true for _, true in running)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(0, 1), st.integers(1, 10), st.booleans())
def test_the_ledger_does_what_the_slow_one_does(
    seed: int, tasks: int, share: float, in_flight: int, known: bool
) -> None:
    work = make_workload(seed, tasks, share=share, in_flight=in_flight)
    choice = np.random.default_rng(seed).integers(0, work.cost.shape[1], tasks)
    ledger = Ledger(work, known=known)
    for start in range(0, tasks, WINDOW):
        ledger.start(slice(start, start + WINDOW), choice[start : start + WINDOW])
    ledger.finish()
    executed, spent = run_slowly(work, choice.tolist(), known=known)
    assert ledger.executed.tolist() == executed
    assert (int(ledger.account[SPENT]), int(ledger.account[RESERVED])) == (spent, 0)
    assert int(ledger.account[HIGHEST]) <= work.cap
    assert int(ledger.counts[UNANSWERED]) == executed.count(-1)
    assert int(ledger.counts[DOWNGRADED]) == sum(one != other for one, other in zip(executed, choice, strict=True))
    answered = [(task, strategy) for task, strategy in enumerate(executed) if strategy >= 0]
    assert np.isclose(ledger.measure_accuracy(), sum(float(work.accuracy[cell]) for cell in answered), rtol=1e-6)
