"""What follows from the gate: by labels, by growth, and by whether the strategy is on trial."""

import pytest

from db.states import PredictorState
from router.promotion.gate import GateVerdict
from router.promotion.trial import LABELS_A_DAY
from tests.worker.promotion_house import judged
from worker.promotion import Circumstances, decide


def where(*, labels_a_day: float = LABELS_A_DAY, is_growing: bool = False, is_tried: bool = False) -> Circumstances:
    return Circumstances(labels_a_day=labels_a_day, is_growing=is_growing, is_tried=is_tried)


@pytest.mark.parametrize(
    ("verdict", "without_trials", "with_trials"),
    [
        (GateVerdict.PROVEN, PredictorState.CHAMPION, PredictorState.CANDIDATE),
        (GateVerdict.TRIAL, PredictorState.HELD, PredictorState.CANDIDATE),
        (GateVerdict.HOLD, PredictorState.HELD, PredictorState.HELD),
        (GateVerdict.REJECT, PredictorState.REJECTED, PredictorState.REJECTED),
    ],
)
def test_what_follows_from_the_gate_depends_on_whether_there_are_labels_for_a_trial(
    verdict: GateVerdict, without_trials: PredictorState, with_trials: PredictorState
) -> None:
    assert decide(judged(verdict), where(labels_a_day=LABELS_A_DAY - 1)).state is without_trials
    assert decide(judged(verdict), where()).state is with_trials
    assert decide(judged(verdict), where(is_growing=True)).state is without_trials
    assert decide(judged(verdict), where(labels_a_day=0.0, is_tried=True)).state is with_trials
    assert decide(None, where()).state is PredictorState.CHAMPION


@pytest.mark.parametrize("labels_a_day", [0.0, LABELS_A_DAY])
@pytest.mark.parametrize("verdict", GateVerdict)
def test_a_pair_that_has_grown_serves_unless_it_is_surely_worse_or_its_strategy_is_tried(
    verdict: GateVerdict, labels_a_day: float
) -> None:
    state = decide(judged(verdict, has_grown=True), where(labels_a_day=labels_a_day)).state
    rejected = verdict is GateVerdict.REJECT
    assert state is (PredictorState.REJECTED if rejected else PredictorState.CHAMPION)
    meanwhile = decide(judged(verdict, has_grown=True), where(labels_a_day=labels_a_day, is_tried=True)).state
    assert meanwhile is (PredictorState.REJECTED if rejected else PredictorState.HELD)
