"""Runs an engine full and says what its tokens take: seconds of its devices, and energy."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from router.generation import GenerationRequest
from router.strategy import EngineSpec
from router.token_seconds import MeasuredWave, TokenSeconds, fit_token_seconds
from worker.engines.errors import EngineUnavailable, PromptRefused
from worker.engines.identity import EngineIdentity
from worker.engines.options import read_local_options
from worker.engines.protocol import Engine
from worker.measuring.power import PowerMeter
from worker.measuring.prompts import PromptSet, build_waves, plan_waves


@dataclass(frozen=True, kw_only=True)
class EngineCost:
    """What one engine's tokens take on this machine."""

    engine: str
    identity: EngineIdentity
    accelerators: int  # devices that work for it at the same time
    seconds: TokenSeconds  # by the clock
    watts: float  # of all its devices, mean over the waves
    power_source: str
    waves: Sequence[MeasuredWave]


def count_accelerators(spec: EngineSpec) -> int:
    """How many devices an engine on this machine works on at once; of a server it is not known, and one is counted."""
    settings = read_local_options(spec).settings if spec.kind.has_weights else {}
    return int(str(settings.get("tensor_parallel_size", 1)))


FindMeter = Callable[[EngineIdentity], PowerMeter]


async def measure_engine(
    engine: Engine,
    *,
    prompts: Callable[[int], PromptSet],
    find_meter: FindMeter,
    accelerators: int,
    clock: Callable[[], float] = time.monotonic,
) -> EngineCost:
    """Start the engine, ask it waves of requests that keep it full, stop it; `prompts` makes so many of each length.

    EngineError when it does not start or answer, or when nothing tells what it draws; TariffError when the waves do not
    tell what a token takes.
    """
    try:
        await engine.start()
        meter = find_meter(engine.identity())
        plan = plan_waves(engine.concurrency)
        first, *rest = build_waves(prompts(sum(wave.requests for wave in plan)), [plan[0], *plan])
        await _run_wave(engine, first, clock=clock)  # what is compiled or allocated at first use is no token's price
        waves, joules = [], 0.0
        for requests in rest:
            joules -= meter.read_joules()
            waves.append(await _run_wave(engine, requests, clock=clock))
            joules += meter.read_joules()
        identity = engine.identity()
    finally:
        await engine.stop()
    return EngineCost(
        engine=engine.name,
        identity=identity,
        accelerators=accelerators,
        seconds=fit_token_seconds(waves),
        watts=joules / sum(wave.seconds for wave in waves),
        power_source=meter.source,
        waves=waves,
    )


async def _run_wave(
    engine: Engine, requests: Sequence[GenerationRequest], *, clock: Callable[[], float]
) -> MeasuredWave:
    began = clock()
    try:
        completions = await asyncio.gather(*map(engine.generate, requests))
    except PromptRefused as error:
        raise EngineUnavailable(f"engine {engine.name} refused a prompt of the measurement: {error}") from error
    return MeasuredWave(
        requests=len(requests),
        prompt_tokens=sum(done.prompt_tokens - done.cached_prompt_tokens for done in completions),
        output_tokens=sum(done.output_tokens for done in completions),
        seconds=clock() - began,
    )
