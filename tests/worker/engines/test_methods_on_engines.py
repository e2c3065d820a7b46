"""Every decoding method on a real model: served, and never charged more than was reserved."""

import asyncio
from collections.abc import Mapping

from router.decoding.registry import METHODS
from router.units import Unit
from tests.router.decoding_specs import ONE_OF_EACH
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.test_stage_bounds import at_home
from tests.worker.test_staged_attempt import CODE, EARLY, THINK, assign, make_line
from worker.attempt import execute
from worker.engines.prompt_counter import PromptCounter
from worker.engines.protocol import Engine

BY_ENTROPY = {**ONE_OF_EACH["best_of_n"], "by": "tail_entropy"}
SPECS: list[Mapping[str, object]] = [*ONE_OF_EACH.values(), EARLY, THINK, CODE, BY_ENTROPY]
QUESTION = "Give the answer as JSON with keys why and answer. Options: seven, eight. What is 3 plus 4?"


def test_every_method_is_served_within_its_reservation(
    transformers_engine: Engine, engine_loop: EngineLoop, counter: PromptCounter
) -> None:
    assert {str(spec["method"]) for spec in SPECS} == set(METHODS)
    tasks = [assign(at_home(dict(spec), counter), make_line(QUESTION)) for spec in SPECS]

    async def ask_all() -> None:
        outcomes = await asyncio.gather(
            *(execute(task, engine=transformers_engine, unit=Unit.TOKENS) for task in tasks)
        )
        for task, outcome, spec in zip(tasks, outcomes, SPECS, strict=True):
            assert outcome.error_code is None, (spec, outcome)
            assert 0 < outcome.cost == outcome.prompt_tokens + outcome.output_tokens <= task.amount
            assert sum(use.texts for use in outcome.requests) in (0, len(outcome.texts))
        assert [len(outcome.requests) for outcome in outcomes[-2:]] == [2, 0]

    engine_loop.run(ask_all(), seconds=250)
