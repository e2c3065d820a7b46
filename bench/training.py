"""Prints what predictors cost to train and to serve, and how good they are, beside CONCUR's recipe as published.

    python -m bench.training [--quick] [--json]

Costs are those of made-up outcomes: ten strategies on 500 outcomes each, and one strategy on 10,000. They are the
median of the runs, at torch's own number of threads; the peer trains one strategy once, and is multiplied. How good the
predictors are is measured on the shipped recording: they learn from every second calibration task and are asked about
the others.

--quick (under 50 s) measures ten strategies only, and two strategies of the recording.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench.figures import Figure, print_figures
from bench.observed import tabulate
from gateway.commands.run import read_tasks_of
from router.baselines.concur import HIDDEN, PROJECTION, fit_concur
from router.baselines.outcomes import Outcomes as Table
from router.baselines.outcomes import Predict, Tasks
from router.fold import FoldedPair, fold_pair
from router.predictor import PredictorConfig
from router.prompt_features import FEATURES
from router.scoring import brier_score, log_loss
from router.stack import PredictorStack
from router.threads import one_thread
from router.training import train_pair
from worker.encoder import SentenceEncoder
from worker.pool import read_strategy_file
from worker.recording import read_recording
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STRATEGIES, DIMENSION, SERVED_TASKS = 10, 384 + FEATURES, 10_000
LEARNT_TASKS, BATCH_TASKS = 500, 1_000
SEED = 1
TEN_GOAL_S, ONE_GOAL_S, SERVING_GOAL_US = 5.0, 4.0, 60.0

Floats = NDArray[np.float32]


class Outcomes(NamedTuple):
    """What one strategy did with n tasks."""

    embeddings: Floats  # (n, d)
    correct: Floats  # (n,)
    output_tokens: Floats  # (n,)


class Seconds(NamedTuple):
    """What something took."""

    cpu: float
    wall: float


class Quality(NamedTuple):
    """Of predicted accuracy, on tasks that were not learnt from."""

    log_loss: float
    brier: float


def draw_outcomes(rows: int, *, strategies: int) -> list[Outcomes]:
    """Made-up outcomes: each strategy is right on one side of a direction of its own, and wordier there."""
    embeddings = np.random.default_rng(0).normal(size=(rows, DIMENSION)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return [
        Outcomes(embeddings, (side > 0).astype(np.float32), np.ceil(np.exp(3 + 20 * side)))
        for side in embeddings.T[:strategies]
    ]


def train_ours(outcomes: Outcomes) -> FoldedPair:
    """A pair as the worker trains it."""
    text = outcomes.embeddings[0]  # any will do
    return fold_pair(
        train_pair(*outcomes, model_vector=text, decoding_vector=text, config=PredictorConfig(), seed=SEED)
    )


def train_peer(outcomes: Outcomes) -> Predict:
    """A pair by CONCUR's recipe, which stops by a seventh of the outcomes that it does not learn from."""
    held_out = np.arange(len(outcomes.correct)) % 7 == 0
    table = Table(
        embeddings=_leave_out_features(outcomes.embeddings),
        features=np.zeros((len(held_out), 0), dtype=np.float32),
        categories=np.full(len(held_out), ""),
        correct=outcomes.correct[:, None].astype(np.float64),
        cost=outcomes.output_tokens[:, None].astype(np.float64),
    )
    with one_thread():
        return fit_concur(table.take(np.flatnonzero(~held_out)), table.take(np.flatnonzero(held_out)), SEED)


def ask_peer(peer: Predict, embeddings: Floats) -> Floats:
    """The peer's accuracies (n,)."""
    unused = Tasks(
        _leave_out_features(embeddings), np.zeros((len(embeddings), 0), dtype=np.float32), np.full(len(embeddings), "")
    )
    return np.asarray(peer(unused).accuracy[:, 0], dtype=np.float32)


def _leave_out_features(embeddings: Floats) -> Floats:
    """What the peer reads: the paper knows no prompt features."""
    return embeddings[:, :-FEATURES]


def time_median(work: Callable[[], object], *, runs: int) -> Seconds:
    """The medians of several runs."""
    taken = []
    for _ in range(runs):
        started = time.process_time(), time.monotonic()
        work()
        taken.append((time.process_time() - started[0], time.monotonic() - started[1]))
    return Seconds(*(statistics.median(column) for column in zip(*taken, strict=True)))


def read_recorded() -> list[tuple[Outcomes, Outcomes]]:
    """For each strategy, the recorded outcomes to learn from, and those to be asked about."""
    recording = read_recording(EXAMPLES / "recorded_outcomes.jsonl")
    tasks = read_tasks_of(EXAMPLES / "calibration.jsonl", pool=read_strategy_file(EXAMPLES / "strategies.yaml"))
    vectors = TaskEncoder(SentenceEncoder(threads=torch.get_num_threads()), cache_directory=None).encode(
        [parse_task_line(task.payload).embedded_text for task in tasks]
    )
    rows = {task.custom_id: row for row, task in enumerate(tasks)}
    accuracy = tabulate(recording, custom_ids=list(rows)).accuracy
    tokens = np.zeros(accuracy.shape)
    columns = {name: column for column, name in enumerate(recording.strategy_hashes)}
    for outcome in recording.outcomes:
        tokens[rows[outcome.custom_id], columns[outcome.strategy]] = outcome.output_tokens
    return [
        (_pick(vectors, accuracy, tokens, column, start=0), _pick(vectors, accuracy, tokens, column, start=1))
        for column in columns.values()
    ]


def _pick(
    vectors: Floats, accuracy: NDArray[np.float64], tokens: NDArray[np.float64], column: int, *, start: int
) -> Outcomes:
    own = np.flatnonzero(~np.isnan(accuracy[:, column]))
    own = own[own % 2 == start]
    return Outcomes(vectors[own], *(values[own, column].astype(np.float32) for values in (accuracy, tokens)))


def judge_quality(recorded: Sequence[tuple[Outcomes, Outcomes]]) -> dict[str, Quality]:
    """Ours, the peer's, and the quality of saying every strategy's mean accuracy."""
    predicted: dict[str, list[Floats]] = {"Apportion": [], "CONCUR's recipe": [], "the mean": []}
    for seen, asked in recorded:
        ours = PredictorStack([train_ours(seen)]).predict(asked.embeddings).accuracy[:, 0]
        mean = np.full(len(ours), seen.correct.mean(), dtype=np.float32)
        for name, accuracy in zip(predicted, (ours, ask_peer(train_peer(seen), asked.embeddings), mean), strict=True):
            predicted[name].append(accuracy)
    truth = np.concatenate([asked.correct for _, asked in recorded])
    return {
        name: Quality(log_loss(np.concatenate(parts), truth), brier_score(np.concatenate(parts), truth))
        for name, parts in predicted.items()
    }


def print_costs(name: str, ours: Seconds, peer: Seconds, *, scale: float = 1, unit: str = "s") -> None:
    """One line of the table."""
    cells = "".join(f"{scale * value:>11.2f}" for value in (*ours, *peer))
    print(f"    {name:<40}{cells}  {unit}")


def main() -> None:
    """Measure, print, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs, fewer strategies, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    runs = 2 if arguments.quick else 5

    print(f"torch threads: {torch.get_num_threads()}; median of {runs} runs")
    print(f"{'':<48}Apportion       CONCUR's recipe\n{'':<44}{'CPU':>11}{'wall':>11}{'CPU':>11}{'wall':>11}")
    ten = draw_outcomes(LEARNT_TASKS, strategies=STRATEGIES)
    train_ours(ten[0]), train_peer(ten[0])  # what torch loads when it first trains is not counted
    figures = [_judge_training("ten strategies x 500 outcomes", ten, goal_seconds=TEN_GOAL_S, runs=runs)]
    if not arguments.quick:
        one = draw_outcomes(10_000, strategies=1)
        figures.append(_judge_training("one strategy x 10,000 outcomes", one, goal_seconds=ONE_GOAL_S, runs=runs))
    figures.append(_judge_serving())

    recorded = read_recorded()[: 2 if arguments.quick else None]
    print(f"\nof the recording, {len(recorded):>2} strategies     log loss      Brier")
    qualities = judge_quality(recorded)
    for name, quality in qualities.items():
        print(f"    {name:<32}{quality.log_loss:>11.4f}{quality.brier:>11.4f}")
    losses = {name: quality.log_loss for name, quality in qualities.items()}
    ours = losses.pop("Apportion")
    best = min(losses, key=lambda name: losses[name])
    figures.append(Figure("held-out log loss", ours, "nats", f"< {losses[best]:.4f}, {best}", ours < losses[best]))
    print_figures(figures, as_json=arguments.json)


def _judge_training(name: str, strategies: Sequence[Outcomes], *, goal_seconds: float, runs: int) -> Figure:
    ours = time_median(lambda: [train_ours(own) for own in strategies], runs=runs)
    peer = time_median(lambda: train_peer(strategies[0]), runs=1)
    print_costs(f"training, {name}", ours, Seconds(*(len(strategies) * part for part in peer)))
    return Figure(f"training, {name}", ours.cpu, "CPU s", f"<= {goal_seconds:g}", ours.cpu <= goal_seconds)


def _judge_serving() -> Figure:
    """Ten pairs that learnt from tasks of their own, so that they share no clusters: serving is dearest then."""
    drawn = draw_outcomes(STRATEGIES * LEARNT_TASKS, strategies=STRATEGIES)
    parts = np.split(np.arange(STRATEGIES * LEARNT_TASKS), STRATEGIES)
    strategies = [Outcomes(*(column[part] for column in own)) for own, part in zip(drawn, parts, strict=True)]
    tasks = np.resize(drawn[0].embeddings, (SERVED_TASKS, DIMENSION))
    batches = np.split(tasks, SERVED_TASKS // BATCH_TASKS)
    stack = PredictorStack([train_ours(own) for own in strategies])
    peers = STRATEGIES * [train_peer(strategies[0])]  # whose outcomes it learnt changes no product
    ours = time_median(lambda: [stack.predict(batch) for batch in batches], runs=5)
    peer = time_median(lambda: [ask_peer(peer, tasks) for peer in peers], runs=3)
    print_costs("serving a task by ten strategies", ours, peer, scale=1e6 / SERVED_TASKS, unit="us")
    flops = 2 * 2 * STRATEGIES * ((DIMENSION - FEATURES) * (HIDDEN + PROJECTION) + (PROJECTION + 1) * HIDDEN)
    print(f"    (CONCUR's two networks a strategy: {flops / 1e6:.1f} MFLOP a task)")
    microseconds = 1e6 * ours.cpu / SERVED_TASKS
    goal, met = f"<= {SERVING_GOAL_US:g}", microseconds <= SERVING_GOAL_US
    return Figure("serving a task by ten strategies", microseconds, "CPU us", goal, met)


if __name__ == "__main__":
    main()
