"""What becomes of a trained pair: it serves, waits for a trial, is held, or is rejected; the one place that says so."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.predictors import lock_champion, store_version
from db.states import PredictorState
from db.trial_windows import count_labels_a_day
from router.promotion.gate import GateVerdict
from router.promotion.report_json import to_json
from router.promotion.trial import HORIZON_LABELS
from worker.champions import Challenger, make_version
from worker.gate import Judged
from worker.submission import TENANT

TRIAL_DAYS = 7  # in which a trial should be decided
LIKELY_DISAGREEMENT = 0.2  # of all tasks; a trial is of those
LABELS_A_DAY = HORIZON_LABELS / TRIAL_DAYS / LIKELY_DISAGREEMENT  # below it the gate decides alone


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a challenger."""

    state: PredictorState
    has_trials: bool  # whether it may be tried: there are enough labels, and it does not serve at once


def decide(judged: Judged | None, *, labels_a_day: float) -> Decision:
    """A first pair serves; a later one has to pass the gate, and then a trial where enough answers are labelled.

    Where they are too few for a trial, a challenger serves that is proven by the gate: its log loss is surely lower.
    One that learnt from so many more labels than the champion serves at once, unless it is surely worse.
    """
    has_trials = labels_a_day >= LABELS_A_DAY
    if judged is None:
        return Decision(state=PredictorState.CHAMPION, has_trials=has_trials)
    if judged.has_grown and judged.report.verdict is not GateVerdict.REJECT:
        return Decision(state=PredictorState.CHAMPION, has_trials=False)
    return Decision(state=_FOLLOWS[has_trials][judged.report.verdict], has_trials=has_trials)


_FOLLOWS = {
    True: {
        GateVerdict.PROVEN: PredictorState.CANDIDATE,
        GateVerdict.TRIAL: PredictorState.CANDIDATE,
        GateVerdict.HOLD: PredictorState.HELD,
        GateVerdict.REJECT: PredictorState.REJECTED,
    },
    False: {
        GateVerdict.PROVEN: PredictorState.CHAMPION,
        GateVerdict.TRIAL: PredictorState.HELD,
        GateVerdict.HOLD: PredictorState.HELD,
        GateVerdict.REJECT: PredictorState.REJECTED,
    },
}


def receive(
    session: Session, *, strategy_id: int, challenger: Challenger, judged: Judged | None, beside: int | None
) -> PredictorState:
    """How the challenger stands from now on, stored with the reasons; `beside` is the champion as it was judged.

    Where another one is champion by now, as when two train at once, nothing is known of the challenger beside that.
    """
    labels_a_day = count_labels_a_day(session, tenant_id=TENANT, days=TRIAL_DAYS)
    decision = decide(judged, labels_a_day=labels_a_day)
    line = {"spec_hash": challenger.strategy.spec_hash, "encoder": challenger.encoder}
    is_overtaken = lock_champion(session, tenant_id=TENANT, **line) != beside
    if is_overtaken:
        decision = Decision(state=PredictorState.HELD, has_trials=False)
    version = make_version(session, challenger)
    report: dict[str, Any] = {"state": decision.state.value, "labels_a_day": labels_a_day, "beside": beside}
    if is_overtaken:
        report["overtaken"] = True
    if judged is not None:
        report |= {"gate": to_json(judged), "has_trials": decision.has_trials}
    store_version(
        session,
        strategy_id=strategy_id,
        encoder=challenger.encoder,
        artefact=version.artefact,
        meta=version.meta,
        state=decision.state,
        report=report,
    )
    return decision.state
