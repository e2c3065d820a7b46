"""Every strategy's outcomes beside its predictions, as the nights go by."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.replay_world import Answers, Floats
from router.baselines.outcomes import Estimates
from router.drift.correction import correct_accuracy
from router.drift.detector import Pick
from router.drift.outline import Outline, correlate, outline_tasks
from router.drift.watch import UNSEEN, Broken, Settled, note_settled


class Noticed(NamedTuple):
    """An alarm, and how many tasks of the nights its strategy had answered by then."""

    strategy: int
    broken: Broken
    answered: int
    withdraws: bool = False  # it says that the strategy's alarm before it was false


class PoolWatch:
    """One watch a strategy, from the moment on that its predictor learnt."""

    def __init__(self, strategies: int) -> None:
        self.answered = [0] * strategies
        self.watches = [UNSEEN] * strategies
        self.outlines: dict[int, Outline] = {}  # by night: its tasks are a job's

    def begin(self, strategies: Iterable[int]) -> None:
        """Nothing is known of these strategies' new predictors."""
        for strategy in strategies:
            self.watches[strategy] = UNSEEN

    def meet(self, vectors: Floats, *, night: int) -> None:
        """A night's tasks are known before any is answered."""
        outline = outline_tasks(vectors)
        if outline is not None:
            self.outlines[night] = outline

    def correct(self, predicted: Estimates, *, outline: Outline | None) -> Estimates:
        """Predictions (tasks, strategies) with what outcomes since then say of tasks of this kind, or of any."""
        unlike = {night: correlate(outline, other) for night, other in self.outlines.items() if outline is not None}
        corrections = [watch.correct(unlike) for watch in self.watches]
        offset = np.array([correction.offset for correction in corrections], dtype=np.float32)
        ratio = np.array([correction.cost_ratio for correction in corrections])
        accuracy = correct_accuracy(predicted.accuracy.astype(np.float32), offset)
        return Estimates(accuracy.astype(np.float64), predicted.cost * ratio)

    def note(
        self, predicted: Estimates, choice: NDArray[np.int64], drawn: NDArray[np.bool_], answers: Answers, *, night: int
    ) -> list[Noticed]:
        """The alarms that outcomes raise, one after the other; predictions are those without corrections."""
        alarms = []
        for task, strategy in enumerate(choice.tolist()):
            self.answered[strategy] += 1
            settled = Settled(
                accuracy=float(predicted.accuracy[task, strategy]),
                correct=float(answers.correct[task]),
                cost_ratio=float(answers.amount[task] / predicted.cost[task, strategy]),
                pick=Pick.DRAWN if drawn[task] else Pick.CHOSEN,
                job=night,
            )
            noted = note_settled(self.watches[strategy], settled)
            self.watches[strategy] = noted.watch
            if noted.alarm is not None:
                broken, _, withdraws = noted.alarm
                alarms.append(Noticed(strategy, broken, self.answered[strategy], withdraws))
        return alarms
