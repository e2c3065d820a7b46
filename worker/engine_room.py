"""The engines of this process: started once, shared by strategies, restarted when they die."""

import asyncio
from collections.abc import Callable, Mapping

from worker.engine_activity import EngineActivity
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
        self._activities: dict[str, EngineActivity] = {}
        self._restarts: dict[str, int] = {}
        self._lost: set[str] = set()  # died, and nothing could be started in their place
        self._locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in pool.models}

    async def start(self) -> None:
        """Start all engines; EngineMisconfigured names a strategy whose needs its engine can not meet."""
        try:
            for name, model in self._pool.models.items():
                await self._start_one(name, model)
            self._check_needs()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all engines; one that can not be stopped does not keep the others."""
        engines, self._engines = self._engines, {}
        failures = await asyncio.gather(*(engine.stop() for engine in engines.values()), return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure

    def get(self, name: str) -> Engine:
        """The running engine of this name."""
        return self._engines[name]

    def activity_of(self, name: str) -> EngineActivity:
        """Whether the running engine of this name gets anything done."""
        return self._activities[name]

    def can_be_asked(self, name: str) -> bool:
        """Whether an engine of this name runs, as far as is known, and is not being replaced.

        One that could not be replaced may be asked, too: whoever does finds out why it was not.
        """
        return not self.is_restarting(name) and (name in self._lost or not self._activities[name].is_dead)

    def is_restarting(self, name: str) -> bool:
        """Whether an engine of this name is being replaced: nothing may be asked of it meanwhile."""
        return self._locks[name].locked()

    async def restart(self, dead: Engine) -> None:
        """Start an engine in the place of a dead one, unless somebody did; EngineError after too many deaths."""
        async with self._locks[dead.name]:
            if self._engines.get(dead.name) is not dead:
                return
            self._lost.add(dead.name)
            self._restarts[dead.name] = self._restarts.get(dead.name, 0) + 1
            if self._restarts[dead.name] > MAX_RESTARTS:
                raise EngineError(
                    f"engine {dead.name} died {MAX_RESTARTS + 1} times: see its log, then continue the job"
                )
            await dead.stop()
            await self._start_one(dead.name, self._pool.models[dead.name])
            self._lost.discard(dead.name)

    def identities(self) -> Mapping[str, EngineIdentity]:
        """Who answers, by engine name."""
        return {name: engine.identity() for name, engine in self._engines.items()}

    async def _start_one(self, name: str, model: ServedModel) -> None:
        engine = await asyncio.to_thread(self._build, model)  # the first one imports vLLM, which takes seconds
        try:
            await engine.start()
        except BaseException:
            await engine.stop()
            raise
        self._engines[name], self._activities[name] = engine, EngineActivity()

    def _check_needs(self) -> None:
        for priced in self._pool.strategies:
            engine = self._engines[priced.strategy.engine.name]
            missing = priced.strategy.needs - engine.capabilities
            if missing:
                raise EngineMisconfigured(
                    f"strategy {priced.strategy.name} needs {', '.join(sorted(missing))}, which engine {engine.name} "
                    f"({engine.identity().kind}) can not do: take the strategy out of {self._pool.source} or name "
                    "another engine"
                )
