"""An engine that follows a script, in the process that asks it."""

import asyncio
import os
import signal

from router.generation import Capability, Completion, GenerationRequest
from tests.faults.script import FaultKind, Script
from worker.engines.errors import EngineDied, EngineUnavailable, PromptRefused, UsageMissing
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad


class FaultyEngine:
    """Answers what its script says, unless the script has a fault for the request."""

    capabilities = frozenset(Capability)
    instant = False

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self.concurrency = script.concurrency
        self._play = script.play()
        self._is_dead = False

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """The script's answer, after its delay; or its fault, as the engines in worker/engines tell such a fault."""
        if self._is_dead:
            raise EngineDied(f"engine {self.name} is dead")
        await asyncio.sleep(self._play.draw_delay_seconds())
        fault = self._play.draw_fault(request.messages[-1].content)
        await self._suffer(fault)
        script, allowed = self._play.script, request.max_output_tokens
        return Completion(
            texts=(script.answer,) * request.n,
            finish_reasons=("stop",) * request.n,
            prompt_tokens=script.prompt_tokens,
            output_tokens=allowed + 1 if fault is FaultKind.OVERRUN else self._play.draw_output_tokens(allowed),
        )

    async def stop(self) -> None:
        """Nothing to free."""

    def load(self) -> EngineLoad:
        """As many as it takes."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """Nobody in particular."""
        fields = dict.fromkeys(EngineIdentity.__dataclass_fields__, "faulty")
        return EngineIdentity(**fields)

    async def _suffer(self, fault: FaultKind | None) -> None:
        match fault:
            case FaultKind.BUSY:
                raise EngineUnavailable("the script is busy", retry_after_seconds=0.01)
            case FaultKind.ERROR:
                raise EngineUnavailable("the script fails half way", charged=True)
            case FaultKind.UNCOUNTED:
                raise UsageMissing("the script does not count")
            case FaultKind.REFUSE:
                raise PromptRefused("the script refuses this prompt")
            case FaultKind.DIE:
                self._is_dead = True
                raise EngineDied("the script lets the engine die")
            case FaultKind.CRASH:
                os.kill(os.getpid(), signal.SIGKILL)
            case FaultKind.HANG:
                await asyncio.Event().wait()
