"""An engine that answers from a recording: everything but the model is real."""

from collections.abc import Mapping, Sequence

from db.tasks import NewTask
from router.generation import Capability, Completion, GenerationRequest
from worker.engines.errors import PromptRefused
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad
from worker.pool import ServedModel, ServingPool
from worker.recording import Recording
from worker.stage_bounds import list_stages
from worker.task_line import parse_task_line


class ReplayEngine:
    """Gives each request the completion that was recorded for it."""

    capabilities = frozenset(Capability)
    concurrency = 32
    instant = False

    def __init__(
        self, model: ServedModel, *, completions: Mapping[GenerationRequest, Completion], identity: EngineIdentity
    ) -> None:
        self.name = model.spec.name
        self._completions = completions
        self._identity = identity

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """The recorded completion; PromptRefused when there is none."""
        if request not in self._completions:
            raise PromptRefused("nothing was recorded for this request")
        return self._completions[request]

    async def stop(self) -> None:
        """Nothing to free."""

    def load(self) -> EngineLoad:
        """As many as it takes."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """The engine whose answers these are."""
        return self._identity


def index_completions(
    recording: Recording, *, tasks: Sequence[NewTask], pool: ServingPool
) -> dict[GenerationRequest, Completion]:
    """What was recorded for every request that these tasks can lead to."""
    strategies = dict(zip(pool.names, pool.strategies, strict=True))
    lines = {task.custom_id: parse_task_line(task.payload) for task in tasks}
    completions = {}
    for outcome in recording.outcomes:
        if outcome.custom_id not in lines:
            continue
        stages = list_stages(lines[outcome.custom_id], strategies[outcome.strategy])
        assert len(stages) == 1, "only what is asked in one request can be answered from a recording"
        completions[stages[0].request] = Completion(
            texts=tuple(outcome.texts),
            finish_reasons=tuple(outcome.finish_reasons),
            prompt_tokens=outcome.prompt_tokens,
            output_tokens=outcome.output_tokens,
        )
    return completions
