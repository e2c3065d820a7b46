"""A window on trial: what challengers would choose with the same money, and lots where champions choose otherwise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from db.trial_predictions import TrialPredictions
from db.trial_windows import NewLots
from router.allocate import allocate
from router.allocation import DEFERRED
from router.errors import InfeasibleBudget
from router.exploration import Exploration
from router.objective import allocate_weighted
from router.promotion.lots import Lots, draw_lots, mix_propensities
from worker.objective import Mode, Objective
from worker.window_choice import WindowChoice
from worker.window_exploration import WindowExploration

TRIAL_SHARE = 0.8  # of the disagreements; the others go on being explored, so that no strategy is lost sight of
LOTS = 1  # in the seed: the lots have nothing to do with the draws of exploration


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowTrial:
    """The lots of a window's tasks that can be served."""

    trial_id: int
    champion: NDArray[np.int64]  # (tasks,) column of the strategy
    challenger: NDArray[np.int64]
    lots: Lots
    price: float  # right answers for a quantum
    expected: NDArray[np.float64]  # (tasks,) worth of both choices as the champions predict it, the mean

    def to_rows(self, seqs: NDArray[np.int64]) -> NewLots:
        """The same by the tasks' numbers (tasks,)."""
        tried = self.lots.on_trial
        served = (self.champion != DEFERRED) & (self.challenger != DEFERRED)
        return NewLots(
            trial_id=self.trial_id,
            price=self.price,
            tasks=int(served.sum()),
            apart=int((served & (self.champion != self.challenger)).sum()),
            seqs=seqs[tried].tolist(),
            challenged=self.lots.challenged[tried].tolist(),
            expected=self.expected[tried].tolist(),
        )

    def join(self, explored: WindowExploration | None, *, strategies: int) -> WindowExploration:
        """The window's draws with its lots among them, and the chances of both together."""
        if explored is None:
            explored = _explore_nothing(self.champion, strategies=strategies)
        propensity = mix_propensities(
            explored.exploration.propensity, champion=self.champion, challenger=self.challenger, share=TRIAL_SHARE
        )
        return replace(
            explored,
            exploration=replace(explored.exploration, propensity=propensity),
            intended=np.where(self.lots.on_trial, self.lots.choice, explored.intended),
        )


def try_window(
    own: Predictions, tried: TrialPredictions, *, chosen: WindowChoice, objective: Objective, seed: Sequence[int]
) -> WindowTrial | None:
    """Lots for the window's rows; `tried` has a row for each of them.

    None where nothing can be compared: no price says what money is worth, an engine's time had a say, or the
    challengers can not keep to the money.
    """
    if chosen.certificate is None or chosen.timed is not None or not math.isfinite(chosen.certificate.shadow_price):
        return None
    challenger = _choose(own, tried, champion=chosen.choice, objective=objective)
    if challenger is None:
        return None
    price = chosen.certificate.shadow_price
    worth = own.accuracy - price * own.cost
    rows = np.arange(len(worth))
    expected = (worth[rows, chosen.choice] + worth[rows, challenger]) / 2
    lots = draw_lots(chosen.choice, challenger, share=TRIAL_SHARE, seed=(*seed, LOTS))
    return WindowTrial(
        trial_id=tried.trial_id,
        champion=chosen.choice,
        challenger=challenger,
        lots=lots,
        price=price,
        expected=expected,
    )


def _choose(
    own: Predictions, tried: TrialPredictions, *, champion: NDArray[np.int64], objective: Objective
) -> NDArray[np.int64] | None:
    """What the challengers choose for as much money as the champions plan with; each by its own predictions."""
    columns = list(tried.columns)
    accuracy, cost = own.accuracy.copy(), own.cost.copy()
    allowed = ~np.isnan(own.cost[:, columns])
    accuracy[:, columns] = np.where(allowed, tried.accuracy, np.nan)
    cost[:, columns] = np.where(allowed, tried.cost, np.nan)
    if objective.mode is Mode.WEIGHT:
        assert objective.w is not None
        assert objective.reference_cost is not None
        return allocate_weighted(accuracy, cost, objective.w, objective.reference_cost).choice
    if (champion == DEFERRED).any():
        return None
    planned = float(own.cost[np.arange(len(champion)), champion].sum())
    try:
        return allocate(accuracy, cost, planned).choice
    except InfeasibleBudget:
        return None


def _explore_nothing(choice: NDArray[np.int64], *, strategies: int) -> WindowExploration:
    propensity = np.zeros((len(choice), strategies), dtype=np.float32)
    served = choice != DEFERRED
    propensity[served, choice[served]] = 1.0
    certain = Exploration(
        choice=choice,
        propensity=propensity,
        accuracy_given_up=0.0,
        extra_cost=0.0,
        worst_extra_cost=0.0,
        worst_deviation=0.0,
    )
    return WindowExploration(exploration=certain, intended=choice, set_aside=0, worst_extra_cost=0.0, share_used=0.0)
