"""What a policy has been told: outcomes of the strategies that it asked, and of no others."""

import math
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from bench.replay_world import Answers, Cells, Floats, Rows

PROBE = math.nan  # the chance of an outcome that was asked of every strategy: nobody chose it


class Memory:
    """Outcomes (queries, strategies), NaN where nobody was asked; an answer that is given again replaces the first."""

    def __init__(self, vectors: Floats, *, strategies: int) -> None:
        self.vectors = vectors
        shape = (len(vectors), strategies)
        self.correct, self.amount, self.chance = np.full((3, *shape), np.nan)
        self.night, self.window = np.full((2, *shape), -1)  # the latest of its answers, the window of the first
        self.windows = 0  # told so far; probes of a strategy count as one
        self.forgotten: dict[int, list[Cells]] = defaultdict(list)  # each time what (3, queries)
        self.told = np.zeros(strategies, dtype=np.intp)  # outcomes (strategies,), repeated ones too: as evidence counts

    def note(
        self, rows: Rows, choice: NDArray[np.int64], answers: Answers, *, chance: Cells | float, night: int
    ) -> None:
        """What the chosen strategies (tasks,) did, and with what chance each was chosen."""
        is_first = np.isnan(self.correct[rows, choice])
        self.window[rows[is_first], choice[is_first]] = self.windows
        self.correct[rows, choice] = answers.correct
        self.amount[rows, choice] = answers.amount
        self.chance[rows, choice] = chance
        self.night[rows, choice] = night
        self.windows += 1
        self.told += np.bincount(choice, minlength=len(self.told))

    def forget(self, strategy: int, *, before: int) -> None:
        """What a strategy did before a night says nothing of it any more."""
        old = self.night[:, strategy] < before
        self.forgotten[strategy].append(np.where(old, self._look(strategy), np.nan))
        for cells in (self.correct, self.amount, self.chance):
            cells[old, strategy] = np.nan
        self.told[strategy] = self.count_outcomes()[strategy]

    def recall(self, strategy: int) -> None:
        """What was forgotten last of a strategy holds after all, where it was not asked again."""
        if not self.forgotten[strategy]:
            return
        forgotten, unknown = self.forgotten[strategy].pop(), np.isnan(self.correct[:, strategy])
        for cells, before in zip((self.correct, self.amount, self.chance), forgotten, strict=True):
            cells[unknown, strategy] = before[unknown]
        self.told[strategy] = self.count_outcomes()[strategy]

    def _look(self, strategy: int) -> Cells:
        return np.stack([cells[:, strategy] for cells in (self.correct, self.amount, self.chance)])

    def find_rows(self, strategy: int) -> Rows:
        """The tasks that a strategy's outcome is known of."""
        return np.flatnonzero(np.isfinite(self.correct[:, strategy]))

    def count_outcomes(self) -> NDArray[np.intp]:
        """How many tasks a strategy's outcome is known of (strategies,)."""
        return np.asarray(np.isfinite(self.correct).sum(axis=0))

    def find_dearest(self) -> Cells:
        """The largest amount of an outcome (strategies,), 0 where none is known."""
        return np.asarray(np.nan_to_num(self.amount).max(axis=0))
