"""What a model was asked and what it used, in the names of OpenTelemetry's conventions for generative AI, for logs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from db.settlements import NewOutcome
from router.strategy import Strategy

CHAT = "chat"  # gen_ai.operation.name: whatever the decoding method, a model is sent messages


class AnswerTally:
    """Adds up what an engine answered for one strategy."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._input_tokens = self._output_tokens = self._answers = 0
        self._finish_reasons: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def note(self, results: Sequence[NewOutcome | BaseException]) -> None:
        """What became of some requests."""
        answers = [result for result in results if not isinstance(result, BaseException)]
        self._answers += len(answers)
        self._input_tokens += sum([answer.prompt_tokens for answer in answers])
        self._output_tokens += sum([answer.output_tokens for answer in answers])
        self._finish_reasons.update(chain.from_iterable([answer.finish_reasons for answer in answers]))
        self._errors.update([answer.error_code for answer in answers if answer.error_code is not None])
        self._errors.update([type(result).__name__ for result in results if isinstance(result, BaseException)])

    def describe(self) -> Mapping[str, object]:
        """The attributes of a line of log; empty where nothing was asked."""
        if not self._answers and not self._errors:
            return {}
        engine = self._strategy.engine
        return {
            "gen_ai.operation.name": CHAT,
            "gen_ai.provider.name": engine.kind.value,
            "gen_ai.request.model": engine.model,
            "gen_ai.response.model": engine.model if self._answers else None,
            "gen_ai.response.finish_reasons": [reason for reason, _ in self._finish_reasons.most_common()] or None,
            "gen_ai.usage.input_tokens": self._input_tokens,
            "gen_ai.usage.output_tokens": self._output_tokens,
            "error.type": next((kind for kind, _ in self._errors.most_common(1)), None),
        }
