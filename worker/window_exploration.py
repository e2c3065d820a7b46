"""How a window explores: what is best for each task is known, and chances of something else are drawn from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.explorations import NOBODY, NewExploration
from db.predictions import Predictions
from router.exploration import Chosen, Exploration, Limits, plan_exploration
from worker.exploration_terms import ExplorationTerms
from worker.window_choice import WindowChoice


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowExploration:
    """The chances of a window's tasks, and what was drawn from them, once and for all."""

    exploration: Exploration
    intended: NDArray[np.int64]  # (tasks,) column of the strategy
    set_aside: int  # quanta, of what settles
    worst_extra_cost: float  # quanta, of what settles: at most what was set aside
    share_used: float  # of the money: what exploring may cost at its worst, in the mean over the draws

    @property
    def chances(self) -> NDArray[np.float32]:
        """(tasks,) of what was drawn for each."""
        return np.asarray(self.exploration.propensity[np.arange(len(self.intended)), self.intended])

    def to_rows(self, served: NDArray[np.bool_]) -> NewExploration:
        """The same with rows for the tasks that no strategy could serve too: `served` (tasks of the window,)."""
        strategies = self.exploration.propensity.shape[1]
        best, intended = np.full((2, len(served)), NOBODY)
        propensity = np.zeros((len(served), strategies), dtype=np.float32)
        best[served], intended[served] = self.exploration.choice, self.intended
        propensity[served] = self.exploration.propensity
        return NewExploration(
            best=best,
            intended=intended,
            propensity=propensity,
            set_aside=self.set_aside,
            accuracy_given_up=self.exploration.accuracy_given_up,
            extra_cost=self.exploration.extra_cost,
            worst_extra_cost=self.worst_extra_cost,
        )


def explore_window(
    window: Predictions,
    chosen: WindowChoice,
    *,
    terms: ExplorationTerms,
    ratio: float,
    seed: Sequence[int],
    dearest: float = math.inf,
) -> WindowExploration | None:
    """Draws for the window's rows; None where nothing is explored: there is no money, or no time, to explore with.

    The plan was made with `1 - share` of the money. What this leaves is divided over the windows as the planned cost
    is. Nothing is tried that could cost `dearest` quanta more than is planned for its task, as predicted; `ratio` is
    settled cost per predicted cost: a worst case is of what is settled.
    """
    is_late = chosen.timed is not None and chosen.timed.stretch > 1 - terms.share
    if chosen.certificate is None or is_late:
        return None
    best = Chosen(
        choice=chosen.choice,
        accuracy=window.accuracy.astype(np.float64),
        cost=window.cost,
        worst_cost=window.worst_cost / ratio,
        price=chosen.certificate.shadow_price,
    )
    planned = best.find_cost()
    money = terms.beside * planned
    limits = Limits(money=money, dearest=dearest, accuracy=terms.points / 100 * len(window.cost))
    exploration = plan_exploration(best, limits=limits, need=np.array(terms.need))
    if exploration.is_certain:
        return None
    used = exploration.worst_extra_cost
    return WindowExploration(
        exploration=exploration,
        intended=exploration.draw(seed),
        set_aside=math.ceil(money * ratio),
        worst_extra_cost=used * ratio,
        share_used=used / (planned + used) if used else 0.0,
    )
