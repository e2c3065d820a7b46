"""The shipped recording is what its strategies do: recomputed where that is exact, run again where it is not."""

import asyncio
import importlib.util
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from db.outcome_rows import NewOutcome
from router.decoding.one_request import OneRequest
from router.grading import grade
from tests.worker.engines.engine_loop import EngineLoop
from worker.attempt import Assigned, execute
from worker.engines.protocol import Engine
from worker.forecast import NOT_COUNTED, measure_demand
from worker.pool import PricedStrategy, ServingPool, load_pool
from worker.recording import RecordedOutcome, Recording, hash_task_file, read_recording
from worker.stage_bounds import list_stages
from worker.task_line import TaskLine, parse_task_line

EXAMPLES = Path(__file__).parents[3] / "examples"
SAMPLE_PER_STRATEGY, SEED = 12, 7


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read_recording(EXAMPLES / "recorded_outcomes.jsonl")


@pytest.fixture(scope="module")
def pool(request: pytest.FixtureRequest) -> ServingPool:
    cache = request.config.cache
    assert cache is not None
    return load_pool(EXAMPLES / "strategies.yaml", cache_directory=cache.mkdir("models"))


@pytest.fixture(scope="module")
def lines() -> Mapping[str, TaskLine]:
    """The calibration tasks by custom_id, in file order."""
    texts = (EXAMPLES / "calibration.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(text)["custom_id"]: parse_task_line(text) for text in texts}


@pytest.fixture(scope="module")
def local_engine(request: pytest.FixtureRequest) -> Engine:
    """What `kind: local` means on this machine."""
    installed = "transformers_engine" if importlib.util.find_spec("vllm") is None else "vllm_engine"
    engine: Engine = request.getfixturevalue(installed)
    return engine


def by_name(pool: ServingPool) -> Mapping[str, PricedStrategy]:
    return dict(zip(pool.names, pool.strategies, strict=True))


def test_it_was_made_on_these_tasks_by_these_strategies(recording: Recording, pool: ServingPool) -> None:
    assert recording.tasks_sha256 == hash_task_file(EXAMPLES / "calibration.jsonl")
    assert recording.strategy_hashes == {name: priced.strategy.spec_hash for name, priced in by_name(pool).items()}


def test_it_has_every_task_of_every_strategy_that_can_serve_it_with_its_prompt_tokens(
    recording: Recording, pool: ServingPool, lines: Mapping[str, TaskLine]
) -> None:
    counted = measure_demand(list(lines.values()), pool.strategies).prompt_tokens
    expected = {
        (custom_id, name): tokens
        for custom_id, row in zip(lines, counted.tolist(), strict=True)
        for name, tokens in zip(pool.names, row, strict=True)
        if tokens != NOT_COUNTED
    }
    recorded = {(outcome.custom_id, outcome.strategy): outcome.prompt_tokens for outcome in recording.outcomes}
    assert recorded == expected
    assert list(recorded) == list(expected)  # by task, then by strategy


def test_every_cost_is_the_tariff_of_its_tokens(recording: Recording, pool: ServingPool) -> None:
    priced = by_name(pool)
    for outcome in recording.outcomes:
        tariff = priced[outcome.strategy].tariff
        tokens = {"prompt_tokens": outcome.prompt_tokens, "output_tokens": outcome.output_tokens}
        assert outcome.cost == tariff.charge(recording.unit, **tokens), outcome


def test_every_answer_and_grade_follows_from_the_texts(
    recording: Recording, pool: ServingPool, lines: Mapping[str, TaskLine]
) -> None:
    priced = by_name(pool)
    for outcome in recording.outcomes:
        line = lines[outcome.custom_id]
        assert line.grader is not None
        method = priced[outcome.strategy].strategy.decoding
        assert isinstance(method, OneRequest)
        answer = method.extract(line.prompt, outcome.texts)
        assert (answer, grade(line.grader, answer)) == (outcome.answer, outcome.correct), outcome


@pytest.mark.timeout(300)
def test_a_sample_run_again_agrees(
    recording: Recording,
    pool: ServingPool,
    lines: Mapping[str, TaskLine],
    local_engine: Engine,
    engine_loop: EngineLoop,
) -> None:
    sample = draw_sample(recording)
    priced = by_name(pool)
    assigned = [assign(outcome, lines=lines, priced=priced) for outcome in sample]
    fresh = engine_loop.run(execute_all(assigned, local_engine, recording), seconds=280)
    assert [again.error_code for again in fresh] == [None] * len(sample)
    assert [again.prompt_tokens for again in fresh] == [outcome.prompt_tokens for outcome in sample]
    greedy = [
        (again.correct, outcome.correct)
        for again, outcome, own in zip(fresh, sample, assigned, strict=True)
        if is_greedy(own)
    ]
    agreeing = sum(now == then for now, then in greedy)
    assert agreeing >= 0.9 * len(greedy), f"{agreeing} of {len(greedy)} grades agree; {engine_words(local_engine)}"


def draw_sample(recording: Recording) -> list[RecordedOutcome]:
    """The same outcomes in every run, as many of each strategy."""
    draw = random.Random(SEED)
    return [
        outcome
        for strategy in recording.strategy_hashes
        for outcome in draw.sample([own for own in recording.outcomes if own.strategy == strategy], SAMPLE_PER_STRATEGY)
    ]


def assign(
    outcome: RecordedOutcome, *, lines: Mapping[str, TaskLine], priced: Mapping[str, PricedStrategy]
) -> Assigned:
    strategy = priced[outcome.strategy]
    return Assigned(seq=0, line=lines[outcome.custom_id], priced=strategy, amount=outcome.cost, least=0, lost_workers=0)


def is_greedy(assigned: Assigned) -> bool:
    return all(stage.request.temperature == 0 for stage in list_stages(assigned.line, assigned.priced))


async def execute_all(assigned: Sequence[Assigned], engine: Engine, recording: Recording) -> list[NewOutcome]:
    """As the worker executes them, as many at once as the engine likes."""
    slots = asyncio.Semaphore(engine.concurrency)

    async def one(own: Assigned) -> NewOutcome:
        async with slots:
            return await execute(own, engine=engine, unit=recording.unit)

    return await asyncio.gather(*map(one, assigned))


def engine_words(engine: Engine) -> str:
    return f"this is {engine.identity().to_json()}"
