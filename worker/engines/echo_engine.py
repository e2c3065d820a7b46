"""An engine without a model: says back the prompt's last line. For the load that tasks put on everything else."""

import asyncio

from router.generation import Capability, Completion, GenerationRequest
from router.strategy import EngineSpec
from worker.engines.admission import refuse_unsupported
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad
from worker.engines.options import read_echo_options
from worker.engines.protocol import OnText


class EchoEngine:
    """Each word counts as a token, so no answer and no prompt is charged above what was reserved for it."""

    capabilities = frozenset({Capability.SAMPLES, Capability.CHOICE})

    def __init__(self, spec: EngineSpec) -> None:
        options = read_echo_options(spec)
        self.name = spec.name
        self.concurrency = options.concurrency
        self._model = spec.model
        self._delay_seconds = options.delay_seconds
        self.instant = not options.delay_seconds

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """The last line, cut at `max_tokens` words, or the first choice; the same for each sample."""
        refuse_unsupported(request, self.capabilities, engine=self.name)
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        return _answer(request)

    async def stream(self, request: GenerationRequest, *, on_text: OnText) -> Completion:
        """The same, told word by word; each takes its share of the delay."""
        refuse_unsupported(request, self.capabilities, engine=self.name)
        completion = _answer(request)
        words = completion.texts[0].split(" ")
        for word in words:
            await asyncio.sleep(self._delay_seconds / len(words))
            on_text(f"{word} ")
        return completion

    async def stop(self) -> None:
        """Nothing to free."""

    def load(self) -> EngineLoad:
        """As many requests as it takes at a time."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """Nobody: the answers depend on the prompts alone."""
        return EngineIdentity(
            kind="echo",
            package="apportion",
            version="",
            torch_version="",
            device="none",
            processor="",
            dtype="",
            model=self._model,
            content_hash="",
            chosen_because="the strategy file asks for no model",
        )


def _answer(request: GenerationRequest) -> Completion:
    words = _read_words(request)
    answer = words[: request.max_tokens]
    return Completion(
        texts=(" ".join(answer),) * request.n,
        finish_reasons=("stop" if answer == words else "length",) * request.n,
        prompt_tokens=sum([len(message.content.split()) for message in request.messages]),
        output_tokens=len(answer) * request.n,
    )


def _read_words(request: GenerationRequest) -> list[str]:
    if request.grammar is not None:
        return list(request.grammar.choices[:1])
    *_, line = request.messages[-1].content.rstrip().rpartition("\n")
    return line.split()
