"""Nights of a pool: quiet ones, and ones in which a strategy is silently degraded."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.drift_detectors import Detector, Outcome, Told
from bench.drift_pools import Floats, Pool
from router.drift.correction import correct_accuracy
from router.drift.watch import UNSEEN, Settled, note_settled

NIGHT, WINDOW = 1000, 100  # tasks
KNOWN_NIGHTS = 3  # before a strategy is degraded
MOST = 1500  # outcomes of a degraded strategy that are looked at

Build = Callable[[], Detector]


class Stream(NamedTuple):
    """Outcomes of one night in turn."""

    strategy: NDArray[np.intp]
    predicted: Floats
    correct: Floats
    cost_ratio: Floats


class Alarms(NamedTuple):
    """How many there were, by what they are about."""

    false: Counter[Told]  # the predictions hold
    true: Counter[Told]


class Routed(NamedTuple):
    """What became of a degraded strategy, window by window."""

    share: Floats  # (windows,) of the tasks that it is given
    accuracy: Floats  # (windows,) of all tasks


def play_night(pool: Pool, rng: np.random.Generator, *, tasks: int = NIGHT) -> Stream:
    """Tasks drawn anew, routed as predicted."""
    rows = rng.integers(0, len(pool.cost), tasks)
    choice = pool.choose(rows, pool.predicted[rows])
    correct = (rng.random(tasks) < pool.correct[rows, choice]).astype(np.float64)
    ratio = pool.spent[rows, choice] / pool.cost[rows, choice]
    return Stream(choice, pool.predicted[rows, choice], correct, ratio)


def count_alarms(pool: Pool, build: Build, *, nights: int) -> Alarms:
    """Those of quiet nights, the detectors knowing strategies from one night to the next."""
    rng, broken = np.random.default_rng(1), {(off.strategy, off.told) for off in pool.list_broken()}
    watching = [build() for _ in range(pool.cost.shape[1])]
    alarms = Alarms(false=Counter(), true=Counter())
    for _ in range(nights):
        for strategy, *outcome in zip(*(part.tolist() for part in play_night(pool, rng)), strict=True):
            told = watching[strategy].note(Outcome(*outcome))
            if told is not None:
                (alarms.true if (strategy, told) in broken else alarms.false)[told] += 1
    return alarms


def measure_delays(pool: Pool, build: Build, *, fall: float, times: int) -> Floats:
    """Outcomes of the degraded strategy until the first alarm (times,); MOST where there is none."""
    strategy = pool.find_busiest()
    delays = []
    for seed in range(times):
        rng = np.random.default_rng(100 + seed)
        detector = build()
        for outcome in _play_one(pool, rng, strategy, outcomes=KNOWN_NIGHTS * NIGHT // 3):
            detector.note(outcome)
        delays.append(MOST)
        for place, outcome in enumerate(_play_one(pool, rng, strategy, outcomes=MOST, fall=fall), start=1):
            if detector.note(outcome) not in (None, Told.WITHDRAWN):
                delays[-1] = place
                break
    return np.array(delays, dtype=np.float64)


def _play_one(
    pool: Pool, rng: np.random.Generator, strategy: int, *, outcomes: int, fall: float = 0.0
) -> list[Outcome]:
    """Outcomes of the tasks that the strategy is given, costs left aside."""
    choice = pool.choose(np.arange(len(pool.cost)), pool.predicted)
    rows = rng.choice(np.flatnonzero(choice == strategy), outcomes)
    likely = pool.correct[rows, strategy]
    left = 1 - fall / max(float(likely.mean()), fall)  # of its right answers
    correct = (rng.random(outcomes) < likely * left).astype(np.float64)
    known = zip(pool.predicted[rows, strategy].tolist(), correct.tolist(), strict=True)
    return [Outcome(predicted, right, cost_ratio=None) for predicted, right in known]


def degrade(pool: Pool, *, fall: float, windows: int, corrected: bool, seed: int) -> Routed:
    """The busiest strategy loses `fall` of its accuracy after a third of the windows."""
    rng = np.random.default_rng(seed)
    strategies = pool.cost.shape[1]
    strategy, watches = pool.find_busiest(), [UNSEEN] * strategies
    offsets = np.zeros(strategies, dtype=np.float32)
    share, accuracy = np.empty((2, windows))
    for window in range(windows):
        rows = rng.integers(0, len(pool.cost), WINDOW)
        likely = pool.correct[rows].copy()
        if window >= windows // 3:
            likely[:, strategy] *= 1 - fall / max(float(pool.correct[:, strategy].mean()), fall)
        choice = pool.choose(
            rows, correct_accuracy(pool.predicted[rows].astype(np.float32), offsets).astype(np.float64)
        )
        correct = (rng.random(WINDOW) < likely[np.arange(WINDOW), choice]).astype(np.float64)
        share[window], accuracy[window] = (choice == strategy).mean(), likely[np.arange(WINDOW), choice].mean()
        for row, column, right in zip(rows.tolist(), choice.tolist(), correct.tolist(), strict=True):
            settled = Settled(accuracy=float(pool.predicted[row, column]), correct=right, cost_ratio=None)
            watches[column] = note_settled(watches[column], settled).watch
        if corrected:
            offsets = np.array([watch.correct().offset for watch in watches], dtype=np.float32)
    return Routed(share, accuracy)


def average_degraded(pool: Pool, *, fall: float, windows: int, times: int) -> Mapping[str, Routed]:
    """Means over several nights, with corrections and without."""
    runs = {
        name: [degrade(pool, fall=fall, windows=windows, corrected=corrected, seed=seed) for seed in range(times)]
        for name, corrected in (("corrected", True), ("as predicted", False))
    }
    return {name: Routed(*np.mean(done, axis=0)) for name, done in runs.items()}
