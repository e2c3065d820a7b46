"""Measuring an engine, with a clock that only the engine moves."""

import asyncio

import pytest

from router.errors import TariffError
from router.generation import Completion, GenerationRequest, Message
from tests.worker.fake_night import FakeEngine
from worker.engines.errors import EngineMisconfigured, EngineUnavailable, PromptRefused
from worker.engines.identity import EngineIdentity
from worker.measuring.engine_cost import EngineCost, measure_engine
from worker.measuring.power import PowerMeter, RatedMeter
from worker.measuring.prompts import LONG_ANSWER, SHORT_ANSWER, PromptSet, make_prompts, plan_waves, split_prompts

PROMPT_SECONDS, OUTPUT_SECONDS = 0.002, 0.05
WATTS = 80.0


class TimedEngine(FakeEngine):
    """Takes so long for each token, on a clock of its own; half of each prompt is in its cache, and takes nothing."""

    concurrency = 6

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__(self.work)
        self.now = 0.0
        self.refuses = refuses
        self.in_flight = self.most_in_flight = 0

    async def generate(self, request: GenerationRequest) -> Completion:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await super().generate(request)
        finally:
            self.in_flight -= 1

    def work(self, request: GenerationRequest) -> Completion:
        if self.refuses:
            raise PromptRefused("too long")
        words = 2 * len(request.messages[-1].content.split())
        self.now += words / 2 * PROMPT_SECONDS + request.max_tokens * OUTPUT_SECONDS
        return Completion(("so",), ("length",), words, request.max_tokens, cached_prompt_tokens=words // 2)


def measure(engine: TimedEngine, *, meter: PowerMeter | None = None, prompts: PromptSet | None = None) -> EngineCost:
    def find_meter(_: EngineIdentity) -> PowerMeter:
        return meter or RatedMeter(WATTS, clock=lambda: engine.now)

    return asyncio.run(
        measure_engine(
            engine,
            prompts=lambda count: prompts or make_prompts(count, context_tokens=4096),
            find_meter=find_meter,
            accelerators=2,
            clock=lambda: engine.now,
        )
    )


def test_seconds_and_power_are_found_with_the_engine_full() -> None:
    engine = TimedEngine()
    cost = measure(engine)
    assert cost.seconds.prompt == pytest.approx(PROMPT_SECONDS)
    assert cost.seconds.output == pytest.approx(OUTPUT_SECONDS)
    assert cost.seconds.fit_error < 1e-9
    assert cost.watts == pytest.approx(WATTS)
    assert (cost.power_source, cost.accelerators, cost.engine) == ("rated at 80 W", 2, "fake")
    assert engine.most_in_flight == engine.concurrency
    assert engine.stopped
    assert [wave.requests for wave in cost.waves] == [6] * 4 + [3] * 4
    assert len(set(engine.asked)) == len(engine.asked)  # no prompt comes twice


def test_an_engine_is_stopped_whatever_happens() -> None:
    engine = TimedEngine(refuses=True)
    with pytest.raises(EngineUnavailable, match=r"engine fake refused a prompt of the measurement: too long"):
        measure(engine)
    assert engine.stopped


def test_a_machine_without_a_power_source_is_told_before_anything_is_asked() -> None:
    engine = TimedEngine()

    def find_nothing(_: EngineIdentity) -> PowerMeter:
        raise EngineMisconfigured("nothing tells")

    prompts = make_prompts(9, context_tokens=4096)
    with pytest.raises(EngineMisconfigured, match="nothing tells"):
        asyncio.run(measure_engine(engine, prompts=lambda _: prompts, find_meter=find_nothing, accelerators=1))
    assert (engine.asked, engine.stopped) == ([], True)


def test_an_engine_that_takes_no_time_has_no_price() -> None:
    engine = TimedEngine()
    engine.answer = lambda request: Completion(("so",), ("stop",), 5, request.max_tokens)
    with pytest.raises(TariffError, match="took no time"):
        measure(engine, meter=RatedMeter(1.0))


def test_a_users_prompts_are_asked_shorter_half_and_longer_half() -> None:
    own = [(Message(role="user", content="word " * count),) for count in (9, 1, 5, 3)]
    prompts = split_prompts(own)
    assert [len(messages[0].content.split()) for messages in prompts.short] == [1, 3]
    assert [len(messages[0].content.split()) for messages in prompts.long] == [5, 9]
    assert split_prompts(own[:1]) == PromptSet(own[:1], own[:1])
    cost = measure(TimedEngine(), prompts=prompts)
    assert cost.seconds.output == pytest.approx(OUTPUT_SECONDS)


def test_an_engine_that_takes_one_request_at_a_time_is_full_with_one() -> None:
    assert {wave.requests for wave in plan_waves(1)} == {1}
    assert {wave.max_tokens for wave in plan_waves(1)} == {SHORT_ANSWER, LONG_ANSWER}


def test_prompts_fit_a_small_context() -> None:
    prompts = make_prompts(2, context_tokens=100)
    assert max(len(messages[0].content.split()) for messages in prompts.long) < 25
