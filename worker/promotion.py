"""What becomes of a trained pair: it serves, waits for a trial, is held, or is rejected; the one place that says so."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.clock import read_clock
from db.predictors import lock_champion, read_on_trial, store_version
from db.states import PredictorState
from db.training_news import count_news
from db.training_rows import MOST_OUTCOMES
from db.trial_windows import count_labels_a_day
from router.promotion.gate import GateVerdict
from router.promotion.growth import will_grow
from router.promotion.report_json import to_json
from router.promotion.trial import LABELS_A_DAY, TRIAL_DAYS
from worker.champions import Challenger, make_version
from worker.gate import Judged
from worker.submission import TENANT


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Whether there can be a trial of a challenger, and whether there is one of its strategy."""

    labels_a_day: float  # of all strategies
    is_growing: bool  # before a trial ended a pair would have grown by so much that it serves
    is_tried: bool  # an earlier challenger of the strategy is on trial

    @property
    def has_trials(self) -> bool:
        """Whether enough answers are labelled, and no step of growth would come before the trial's end."""
        return self.labels_a_day >= LABELS_A_DAY and not self.is_growing


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a challenger."""

    state: PredictorState
    has_trials: bool  # whether it may be tried: there are enough labels, and it does not serve at once


def decide(judged: Judged | None, circumstances: Circumstances) -> Decision:
    """A first pair serves; a later one has to pass the gate, and then a trial where enough answers are labelled.

    Where they are too few for a trial, a challenger serves that is proven by the gate: its log loss is surely lower.
    One that learnt from so many more labels than the champion serves at once, unless it is surely worse. While a trial
    of its strategy goes on nothing takes the champion's place: lots that compare with what no longer serves are lost.
    """
    has_trials = circumstances.has_trials or circumstances.is_tried
    if judged is None:
        return Decision(state=PredictorState.CHAMPION, has_trials=has_trials)
    if judged.has_grown and judged.report.verdict is not GateVerdict.REJECT:
        waits = circumstances.is_tried
        return Decision(state=PredictorState.HELD if waits else PredictorState.CHAMPION, has_trials=False)
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
    line = {"spec_hash": challenger.strategy.spec_hash, "encoder": challenger.encoder}
    is_overtaken = lock_champion(session, tenant_id=TENANT, **line) != beside
    circumstances = _read_circumstances(session, strategy_id=strategy_id, challenger=challenger, judged=judged)
    decision = decide(judged, circumstances)
    if is_overtaken:
        decision = Decision(state=PredictorState.HELD, has_trials=False)
    version = make_version(session, challenger)
    report: dict[str, Any] = {"state": decision.state.value, "beside": beside, **asdict(circumstances)}
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


def _read_circumstances(
    session: Session, *, strategy_id: int, challenger: Challenger, judged: Judged | None
) -> Circumstances:
    return Circumstances(
        labels_a_day=count_labels_a_day(session, tenant_id=TENANT, days=TRIAL_DAYS),
        is_growing=judged is not None
        and will_grow(
            challenger.figures.graded,
            to_come=_count_lately(session, strategy_id=strategy_id),
            most=MOST_OUTCOMES,
            champion_labels=judged.champion_labels,
        ),
        is_tried=bool(read_on_trial(session, strategy_ids=[strategy_id], encoder=challenger.encoder)),
    )


def _count_lately(session: Session, *, strategy_id: int) -> int:
    """Labels of the strategy in the last days, as many as a trial has: so many will come in the next ones."""
    now = read_clock(session)
    return count_news(session, strategy_id=strategy_id, since=now - timedelta(days=TRIAL_DAYS), cutoff=now)
