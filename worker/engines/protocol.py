"""What every engine offers to the rest of the worker."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from router.generation import Capability, Completion, GenerationRequest
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad

OnText = Callable[[str], None]  # hears a text in pieces, as it is written


class Answering(Protocol):
    """Answers requests: all that an attempt wants of an engine."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """As an engine does."""


@runtime_checkable
class StreamingEngine(Protocol):
    """An engine that can tell a text while it is written."""

    async def stream(self, request: GenerationRequest, *, on_text: OnText) -> Completion:
        """As `generate`, for a request of one sample."""


class Engine(Answering, Protocol):
    """Runs one model. `start` once, `generate` many at once, `stop` once; all on one event loop."""

    @property
    def name(self) -> str:
        """The engine's name in the strategy file."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What requests may ask for beyond plain text; a request that asks for more is refused."""

    @property
    def concurrency(self) -> int:
        """The most requests that it may have in flight; how many it should have now is in its load."""

    @property
    def instant(self) -> bool:
        """Whether `generate` answers without waiting for anything."""

    async def start(self) -> None:
        """Load the model. Raises EngineMisconfigured when it never will, EngineUnavailable when it may later."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one request with exact token usage; cancelling the caller frees the engine.

        Raises PromptRefused (permanent, this request alone) or EngineUnavailable (try again).
        """

    async def stop(self) -> None:
        """Free everything; no process or thread of the engine is left. Safe to call twice or unstarted."""

    def load(self) -> EngineLoad:
        """How busy it is; costs nothing to ask."""

    def identity(self) -> EngineIdentity:
        """Who answers: recorded with outcomes. Complete once the engine is started."""
