"""What later prompts are expected to hold: learnt as a share of what they may, and part of every predicted cost."""

import json
from collections.abc import Mapping

import numpy as np
import pytest

from db.states import JobKind, OutcomeSource
from db.training_rows import TrainingRow
from router.units import Unit
from tests.router.decoding_specs import ONE_OF_EACH
from tests.worker.test_forecast import make_stack
from tests.worker.test_staged_attempt import EARLY, make_line, price
from worker.forecast import measure_demand, predict
from worker.later_prompts import learn_later_share
from worker.predictors import LoadedPredictors


def make_row(question: str, *, later: int, weight: float = 1.0) -> TrainingRow:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}]}
    return TrainingRow(
        job_id=1,
        seq=1,
        arm=1,
        kind=JobKind.PROBE,
        payload=json.dumps({"custom_id": "a", "body": body}),
        weight=weight,
        correct=1.0,
        prompt_tokens=100 + later,
        later_prompt_tokens=later,
        output_tokens=9,
        propensity=None,
        source=OutcomeSource.ENGINE,
        cached_prompt_tokens=0,
    )


def test_the_share_is_a_ratio_of_weighted_totals() -> None:
    priced = price(EARLY)  # three requests for the same prompt
    most = measure_demand([make_line("abc")], [priced]).later_prompt_tokens.item()
    assert learn_later_share([make_row("abc", later=0), make_row("abc", later=most)], priced) == 0.5
    assert learn_later_share([make_row("abc", later=0), make_row("abc", later=most, weight=3.0)], priced) == 0.75
    longer = measure_demand([make_line("abc" * 99)], [priced]).later_prompt_tokens.item()
    share = learn_later_share([make_row("abc", later=0), make_row("abc" * 99, later=longer)], priced)
    assert share == pytest.approx(longer / (most + longer))


def test_nothing_is_learnt_of_what_was_never_asked() -> None:
    assert learn_later_share([], price(EARLY)) == 1.0
    assert learn_later_share([make_row("abc", later=0)], price(ONE_OF_EACH["direct"])) == 1.0


@pytest.mark.parametrize(("meta", "share"), [({"later_prompt_share": 0.25}, 0.25), ({}, 1.0)])
def test_a_predicted_cost_has_its_share_of_the_later_prompts(meta: Mapping[str, float], share: float) -> None:
    priced = price(EARLY)
    demand = measure_demand([make_line()], [priced])
    predictors = LoadedPredictors(stack=make_stack({"early": 30.0}), version_ids=(0,), meta=(meta,))
    predicted = predict(
        demand,
        np.zeros((1, 4), dtype=np.float32),
        strategies=[priced],
        stack=predictors.stack,
        unit=Unit.TOKENS,
        cached_shares=predictors.cached_shares,
        later_shares=predictors.later_shares,
    )
    prompts = demand.prompt_tokens.item() + share * demand.later_prompt_tokens.item()
    assert predicted.cost.item() == np.ceil(prompts + 30)
    assert predicted.worst_cost.item() == 3 * demand.prompt_tokens.item() + 5 * 64
