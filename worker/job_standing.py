"""How a job's strategies stand now: how their predictions are corrected, and which of them nothing is routed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from db.drift import StoredCorrection, read_corrections
from db.predictions import Predictions
from db.states import StrategyMode
from db.strategy_modes import read_out_of_service
from router.drift.correction import Correction, correct_accuracy
from router.drift.outline import Outline
from worker.known_drift import AS_PREDICTED, read_known_drift
from worker.prediction_rows import strike


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Of strategies in a job's order; equal as long as nothing changed."""

    corrections: tuple[StoredCorrection, ...]  # of each, or of none
    out_of_service: Mapping[int, StrategyMode]  # by column

    def holds(self, now: "Standing") -> bool:
        """Whether what has changed since is not worth that everything is priced anew."""
        changed = (
            Correction(*before).differs(Correction(*after))
            for before, after in zip(self.corrections, now.corrections, strict=True)
        )
        return self.out_of_service == now.out_of_service and not any(changed)

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
    session: Session, *, strategy_ids: Sequence[int], version_ids: Sequence[int], outline: Outline | None = None
) -> Standing:
    """How strategies that these predictor versions foresee stand for tasks of this kind; of no kind, for any.

    Without versions nothing is corrected.
    """
    modes = read_out_of_service(session, strategy_ids=strategy_ids)
    return Standing(
        corrections=_read_corrections(session, version_ids=version_ids, outline=outline) if version_ids else (),
        out_of_service={column: modes[own] for column, own in enumerate(strategy_ids) if own in modes},
    )


def _read_corrections(
    session: Session, *, version_ids: Sequence[int], outline: Outline | None
) -> tuple[StoredCorrection, ...]:
    if outline is not None:
        return read_known_drift(session, version_ids=version_ids).correct(outline)
    known = read_corrections(session, version_ids=version_ids)
    return tuple(known.get(version_id, AS_PREDICTED) for version_id in version_ids)
