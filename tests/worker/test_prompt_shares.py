"""What prompts are expected to hold: learnt as a share of what they may, and part of every predicted cost."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from db.states import JobKind, OutcomeSource
from db.training_rows import TrainingRow
from router.units import Unit
from tests.router.decoding_specs import ONE_OF_EACH
from tests.worker.test_forecast import make_stack
from tests.worker.test_staged_attempt import EARLY, make_line, price
from worker.engines.prompt_counter import PromptCounter
from worker.forecast import measure_demand, predict
from worker.predictors import LoadedPredictors
from worker.prompt_shares import learn_prompt_shares


def make_row(question: str, *, later: int = 0, first: int = 100, weight: float = 1.0) -> TrainingRow:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}]}
    return TrainingRow(
        job_id=1,
        seq=1,
        arm=1,
        kind=JobKind.PROBE,
        payload=json.dumps({"custom_id": "a", "body": body}),
        weight=weight,
        correct=1.0,
        prompt_tokens=first + later,
        later_prompt_tokens=later,
        output_tokens=9,
        propensity=None,
        source=OutcomeSource.ENGINE,
        cached_prompt_tokens=0,
        told_at=datetime(2026, 11, 1, tzinfo=UTC),
        window_id=None,
    )


def test_the_share_is_a_ratio_of_weighted_totals() -> None:
    priced = price(EARLY)  # three requests for the same prompt
    most = measure_demand([make_line("abc")], [priced]).later_prompt_tokens.item()
    assert learn_prompt_shares([make_row("abc"), make_row("abc", later=most)], priced).later == 0.5
    assert learn_prompt_shares([make_row("abc"), make_row("abc", later=most, weight=3.0)], priced).later == 0.75
    longer = measure_demand([make_line("abc" * 99)], [priced]).later_prompt_tokens.item()
    shares = learn_prompt_shares([make_row("abc"), make_row("abc" * 99, later=longer)], priced)
    assert shares.later == pytest.approx(longer / (most + longer))


def test_a_servers_first_prompts_are_learnt_as_a_share_of_their_bounds() -> None:
    priced = price(ONE_OF_EACH["direct"])
    most = measure_demand([make_line("abc")], [priced]).prompt_tokens.item()
    rows = [make_row("abc", first=most // 2), make_row("abc", first=most // 2), make_row("abc", first=0)]
    assert learn_prompt_shares(rows, priced) == (most // 2 / most, 1.0)  # no prompt has 0 tokens: nobody counted
    assert learn_prompt_shares([make_row("abc", first=9 * most)], priced) == (1.0, 1.0)


def test_nothing_is_learnt_of_prompts_whose_tokens_are_counted() -> None:
    priced = price(ONE_OF_EACH["direct"])
    counter = PromptCounter(Path("unused"))
    counted = replace(priced, model=replace(priced.model, counter=counter))
    assert learn_prompt_shares([make_row("abc", first=1)], counted) == (1.0, 1.0)


def test_nothing_is_learnt_of_what_was_never_asked() -> None:
    assert learn_prompt_shares([], price(EARLY)) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("meta", "shares"),
    [
        ({"first_prompt_share": 0.5, "later_prompt_share": 0.25}, (0.5, 0.25)),
        ({"later_prompt_share": 0.25}, (1.0, 0.25)),  # of a release before
        ({}, (1.0, 1.0)),
    ],
)
def test_a_predicted_cost_has_its_share_of_the_prompts(meta: Mapping[str, float], shares: tuple[float, float]) -> None:
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
        prompt_shares=predictors.prompt_shares,
    )
    prompts = shares[0] * demand.prompt_tokens.item() + shares[1] * demand.later_prompt_tokens.item()
    assert predicted.cost.item() == np.ceil(prompts + 30)
    assert predicted.worst_cost.item() == 3 * demand.prompt_tokens.item() + 5 * 64
