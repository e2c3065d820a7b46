"""How a job's strategies stand now: how their predictions are corrected, and which of them nothing is routed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from db.drift import StoredCorrection, read_corrections
from db.predictions import Predictions
from db.states import StrategyMode
from db.strategy_modes import read_out_of_service
from router.drift.correction import correct_accuracy
from worker.prediction_rows import strike

AS_PREDICTED = StoredCorrection(log_odds_offset=0.0, cost_ratio=1.0)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Of strategies in a job's order; equal as long as nothing changed."""

    corrections: tuple[StoredCorrection, ...]  # of each, or of none
    out_of_service: Mapping[int, StrategyMode]  # by column

    def correct(self, predictions: Predictions) -> Predictions:
        """What is expected now of what was predicted once; worst cases are bounds, and stay."""
        if all(correction == AS_PREDICTED for correction in self.corrections):
            return predictions
        offsets = np.array([correction.log_odds_offset for correction in self.corrections], dtype=np.float32)
        ratios = np.array([correction.cost_ratio for correction in self.corrections])
        cost = np.where(ratios == 1, predictions.cost, np.ceil(predictions.cost * ratios))
        return replace(
            predictions,
            accuracy=correct_accuracy(predictions.accuracy, offsets),
            cost=np.minimum(cost, predictions.worst_cost),
        )

    def keep_in_service(self, predictions: Predictions) -> Predictions:
        """Without the strategies that nothing is routed to."""
        return strike(predictions, columns=list(self.out_of_service))


NOTHING_SAID = Standing(corrections=(), out_of_service={})


def read_standing(
    session: Session, *, strategy_ids: Sequence[int], version_ids: Sequence[int], job_id: int | None = None
) -> Standing:
    """How strategies that these predictor versions foresee stand for a job, or for one that is new.

    Without versions nothing is corrected.
    """
    known = read_corrections(session, version_ids=version_ids, job_id=job_id) if version_ids else {}
    modes = read_out_of_service(session, strategy_ids=strategy_ids)
    return Standing(
        corrections=tuple(known.get(version_id, AS_PREDICTED) for version_id in version_ids),
        out_of_service={column: modes[own] for column, own in enumerate(strategy_ids) if own in modes},
    )
