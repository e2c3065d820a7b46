"""The engines of this process: started once, shared by strategies, restarted when they die."""

import asyncio
from collections.abc import Callable, Mapping

from worker.engines.errors import EngineError, EngineMisconfigured
from worker.engines.identity import EngineIdentity
from worker.engines.protocol import Engine
from worker.pool import ServedModel, ServingPool

MAX_RESTARTS = 3


class EngineRoom:
    """Starts, serves and stops every engine that a pool needs."""

    def __init__(self, pool: ServingPool, *, build: Callable[[ServedModel], Engine]) -> None:
        self._pool = pool
        self._build = build
        self._engines: dict[str, Engine] = {}
        self._restarts: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in pool.models}

    async def start(self) -> None:
        """Start all engines; EngineMisconfigured names a strategy whose needs its engine can not meet."""
        try:
            for name, model in self._pool.models.items():
                self._engines[name] = await self._start_one(model)
            self._check_needs()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all engines."""
        engines, self._engines = self._engines, {}
        for engine in engines.values():
            await engine.stop()

    def get(self, name: str) -> Engine:
        """The running engine of this name."""
        return self._engines[name]

    async def restart(self, dead: Engine) -> None:
        """Start an engine in the place of a dead one, unless somebody did; EngineError after too many deaths."""
        async with self._locks[dead.name]:
            if self._engines.get(dead.name) is not dead:
                return
            self._restarts[dead.name] = self._restarts.get(dead.name, 0) + 1
            if self._restarts[dead.name] > MAX_RESTARTS:
                raise EngineError(
                    f"engine {dead.name} died {MAX_RESTARTS + 1} times: see its log, then continue the job"
                )
            await dead.stop()
            self._engines[dead.name] = await self._start_one(self._pool.models[dead.name])

    def identities(self) -> Mapping[str, EngineIdentity]:
        """Who answers, by engine name."""
        return {name: engine.identity() for name, engine in self._engines.items()}

    async def _start_one(self, model: ServedModel) -> Engine:
        engine = await asyncio.to_thread(self._build, model)  # the first one imports vLLM, which takes seconds
        await engine.start()
        return engine

    def _check_needs(self) -> None:
        for priced in self._pool.strategies:
            engine = self._engines[priced.strategy.engine.name]
            missing = priced.strategy.decoding.needs - engine.capabilities
            if missing:
                raise EngineMisconfigured(
                    f"strategy {priced.strategy.name} needs {', '.join(sorted(missing))}, which engine {engine.name} "
                    f"({engine.identity().kind}) can not do: take the strategy out of {self._pool.source} or name "
                    "another engine"
                )
