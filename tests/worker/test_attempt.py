"""One attempt: what is tried again, what is final, and what each ending costs."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import msgspec
import pytest

from db.settlements import NewOutcome
from router.generation import Completion, GenerationRequest
from router.tariff import TokenPrice
from router.units import Unit
from tests.worker.fake_night import FakeEngine, answer_with, make_pool, make_tasks
from worker.attempt import MAX_LOST_WORKERS, TRIES, Assigned, execute
from worker.engines.errors import EngineDied, EngineMisconfigured, EngineUnavailable, PromptRefused, UsageMissing
from worker.task_line import parse_task_line


def assign(*, lost_workers: int = 0, graded: bool = True) -> Assigned:
    line = json.loads(make_tasks(1)[0].payload)
    if not graded:
        del line["grader"]
    priced = make_pool().strategies[0]
    return Assigned(
        seq=0, line=parse_task_line(json.dumps(line)), priced=priced, amount=10, least=0, lost_workers=lost_workers
    )


def run(engine: FakeEngine, assigned: Assigned | None = None) -> NewOutcome:
    return asyncio.run(execute(assigned or assign(), engine=engine, unit=Unit.TOKENS))


def fail_with(error: Exception, *, times: int = 10**6) -> FakeEngine:
    answer: Callable[[GenerationRequest], Completion] = answer_with("yes", tokens=3)

    def turn_away(request: GenerationRequest) -> Completion:
        if len(engine.asked) <= times:
            raise error
        return answer(request)

    engine = FakeEngine(turn_away)
    return engine


def away(*, charged: bool = False) -> EngineUnavailable:
    return EngineUnavailable("busy", charged=charged, retry_after_seconds=0.001)


def test_an_answer_is_graded_and_charged_by_the_tariff() -> None:
    outcome = run(FakeEngine(answer_with("yes", tokens=3)))
    assert (outcome.answer, outcome.correct, outcome.cost, outcome.error_code) == ("yes", 1.0, 3, None)
    assert (outcome.prompt_tokens, outcome.output_tokens) == (5, 3)
    assert run(FakeEngine(answer_with("no", tokens=3))).correct == 0.0


@pytest.mark.parametrize(("said", "cached", "cost"), [(0, 0, 5 * 8 + 3), (4, 4, 8 + 4 * 2 + 3), (99, 5, 5 * 2 + 3)])
def test_cached_prompt_tokens_are_charged_at_their_own_price_and_never_more_than_there_are(
    said: int, cached: int, cost: int
) -> None:
    price = TokenPrice(prompt=Fraction(8), output=Fraction(1), cached_prompt=Fraction(2))
    assigned = assign()
    priced = replace(assigned.priced, tariff=replace(assigned.priced.tariff, prices={Unit.TOKENS: price}))
    answer = answer_with("yes", tokens=3)
    outcome = run(
        FakeEngine(lambda request: msgspec.structs.replace(answer(request), cached_prompt_tokens=said)),
        msgspec.structs.replace(assigned, priced=priced),
    )
    assert (outcome.prompt_tokens, outcome.cached_prompt_tokens, outcome.cost) == (5, cached, cost)


def test_a_task_without_a_grader_is_answered_without_a_grade() -> None:
    assert run(FakeEngine(answer_with("yes", tokens=3)), assign(graded=False)).correct is None


@pytest.mark.parametrize(("error", "cost"), [(PromptRefused("no"), 0), (PromptRefused("no", charged=True), 10)])
def test_a_refusal_is_final_and_learns_nothing(error: PromptRefused, cost: int) -> None:
    engine = fail_with(error)
    outcome = run(engine)
    assert (outcome.error_code, outcome.cost, outcome.correct) == ("prompt_refused", cost, None)
    assert len(engine.asked) == 1


def test_what_cost_nothing_is_tried_again_as_often_as_it_takes_a_server_to_restart() -> None:
    engine = fail_with(away(), times=TRIES - 1)
    assert run(engine).answer == "yes"
    assert len(engine.asked) == TRIES


def test_an_engine_that_stays_away_leaves_the_task_without_an_outcome() -> None:
    engine = fail_with(away())
    with pytest.raises(EngineUnavailable):
        run(engine)
    assert len(engine.asked) == TRIES


@pytest.mark.parametrize("error", [away(charged=True), UsageMissing("no usage")])
def test_what_may_have_been_charged_is_never_sent_twice(error: EngineUnavailable) -> None:
    engine = fail_with(error)
    outcome = run(engine)
    assert (outcome.error_code, outcome.cost, len(engine.asked)) == ("engine_unavailable", 10, 1)


@pytest.mark.parametrize("error", [EngineDied("gone"), EngineMisconfigured("wrong key")])
def test_an_engine_that_can_not_answer_anybody_is_no_fault_of_the_task(error: Exception) -> None:
    engine = fail_with(error)
    with pytest.raises(type(error)):
        run(engine)
    assert len(engine.asked) == 1


def test_a_task_that_was_lost_too_often_is_not_sent_at_all() -> None:
    engine = FakeEngine(answer_with("yes", tokens=3))
    assert run(engine, assign(lost_workers=MAX_LOST_WORKERS - 1)).answer == "yes"
    outcome = run(engine, assign(lost_workers=MAX_LOST_WORKERS))
    assert (outcome.error_code, outcome.cost, len(engine.asked)) == ("worker_lost", 0, 1)


def test_an_engine_that_is_known_to_be_dead_is_asked_once_and_charges_nothing() -> None:
    engine = fail_with(EngineDied("gone", charged=False))
    with pytest.raises(EngineDied) as raised:
        run(engine)
    assert (len(engine.asked), raised.value.charged) == (1, False)
