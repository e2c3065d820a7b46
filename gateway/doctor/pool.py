"""The strategies of a file: their models are here, and their servers answer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding
from gateway.failures import describe_failure
from router.strategy import EngineKind
from worker.bootstrap import build_engine
from worker.pool import ServedModel, load_pool
from worker.settings import Settings


def look_at_pool(settings: Settings, strategy_file: Path) -> Iterator[Finding]:
    """The file with its models, and each server that it names."""
    pool = load_pool(strategy_file, cache_directory=settings.cache_directory)
    yield Finding(True, f"{strategy_file}: {len(pool.strategies)} strategies, {len(pool.models)} models found")
    for model in pool.models.values():
        if model.spec.kind is EngineKind.OPENAI:
            yield asyncio.run(_ask_server(model, settings=settings))


async def _ask_server(model: ServedModel, *, settings: Settings) -> Finding:
    """Whether it answers and has the model: what an engine asks when it starts. It costs nothing."""
    try:
        engine = build_engine(model, settings=settings)
        try:
            await engine.start()
        finally:
            await engine.stop()
    except Exception as error:  # of the network, the server, or the key
        return Finding(False, f"{describe_failure(error).message}: start the server, or correct the strategy file")
    return Finding(True, f"engine {model.spec.name}: {model.spec.base_url} answers")
