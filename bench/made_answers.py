"""A made strategy's answers in turn, and predictors of them that are wrong by as much as is asked for."""

import numpy as np
from numpy.typing import NDArray

from bench.promotion_world import DIFFICULTY, SKILL, TOPIC, TOPIC_SHARE

ABILITY = 0.6  # log-odds of being right

Floats = NDArray[np.float64]


class MadeAnswers:
    """Labelled answers in windows with a topic of their own; difficulty and topics as in bench/promotion_world.py."""

    def __init__(self, tasks: int, *, window_tasks: int, rng: np.random.Generator) -> None:
        self.window = np.arange(tasks) // window_tasks
        self._rng = rng
        topic = rng.normal(0, TOPIC, self.window[-1] + 1)[self.window]
        self.odds = ABILITY + topic + rng.normal(0, DIFFICULTY, tasks) + self.draw(SKILL)
        self.correct = (rng.random(tasks) < squash(self.odds)).astype(np.float64)

    def draw(self, spread: float) -> Floats:
        """Errors (tasks,) in log-odds, partly the topic's and partly the task's."""
        topic = self._rng.normal(0, spread * TOPIC_SHARE**0.5, self.window[-1] + 1)[self.window]
        own = self._rng.normal(0, spread * (1 - TOPIC_SHARE) ** 0.5, len(self.window))
        return np.asarray(topic + own)


def squash(odds: Floats) -> Floats:
    """Probabilities."""
    return np.asarray(1 / (1 + np.exp(-odds)))
