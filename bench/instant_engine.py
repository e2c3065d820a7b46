"""An engine without a model, which answers at once and at the length it is told, and a pool of strategies on it."""

from collections.abc import Callable
from pathlib import Path

from router.generation import Capability, Completion, GenerationRequest
from router.strategy_file import parse_strategies
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice
from router.units import Unit
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad
from worker.engines.prompt_bound import PromptBound
from worker.pool import PricedStrategy, ServedModel, ServingPool

MAX_TOKENS = 10_000_000  # of the first strategy; each of the others has one more than the one before it
CONTEXT_TOKENS = 100_000_000
PROMPT_TOKENS = 5

CountTokens = Callable[[int, int], int]  # the length of an answer, by task and strategy


class InstantEngine:
    """Answers each request, whose prompt is the number of its task, with an empty text of a given length."""

    name = "instant"
    capabilities = frozenset(Capability)
    concurrency = 512
    instant = True

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count_tokens = count_tokens

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """The answer that its task has under its strategy, told apart by their limits."""
        tokens = self._count_tokens(int(request.messages[-1].content), request.max_tokens - MAX_TOKENS)
        return Completion(texts=("",), finish_reasons=("stop",), prompt_tokens=PROMPT_TOKENS, output_tokens=tokens)

    async def stop(self) -> None:
        """Nothing to free."""

    def load(self) -> EngineLoad:
        """As many as it takes."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """No model."""
        return EngineIdentity(**dict.fromkeys(EngineIdentity.__dataclass_fields__, "none"))


def make_instant_pool(strategies: int) -> ServingPool:
    """Strategies on one such engine, charged one quantum for each output token."""
    engine = {"kind": "openai", "model": "none", "base_url": "http://127.0.0.1:9/v1", "description": "no model"}
    named = [
        {
            "name": f"s{number}",
            "engine": InstantEngine.name,
            "decoding": {"method": "direct", "max_tokens": MAX_TOKENS + number},
        }
        for number in range(strategies)
    ]
    document = {"engines": {InstantEngine.name: engine}, "strategies": named}
    declared = parse_strategies(document, source="instant.yaml")
    model = ServedModel(
        spec=declared.strategies[0].engine, folder=None, counter=PromptBound(), context_tokens=CONTEXT_TOKENS
    )
    free_prompt = TokenPrice(prompt=TOKEN_COUNT.prompt * 0, output=TOKEN_COUNT.output)
    tariff = Tariff(version=1, prices={Unit.TOKENS: free_prompt}, source="bench")
    priced = tuple(PricedStrategy(strategy=own, tariff=tariff, model=model) for own in declared.strategies)
    return ServingPool(source=Path("instant.yaml"), strategies=priced)
