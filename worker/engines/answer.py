"""One sample while it is written: how its next token is chosen and when it ends."""

from typing import TYPE_CHECKING, Any

from router.generation import GenerationRequest, TokenLogprobs
from worker.engines.grammars import Constraint

if TYPE_CHECKING:
    from torch import Tensor


class Answer:
    """Grows by one token at a time; `finish_reason` is "" until it has ended. Only the ids hold the stop token."""

    def __init__(
        self,
        request: GenerationRequest,
        *,
        sample: int,
        tokenizer: Any,
        stop_ids: frozenset[int],
        constraint: Constraint | None,
    ) -> None:
        self._request = request
        self._tokenizer = tokenizer
        self._stop_ids = stop_ids
        self._constraint = constraint
        self._generator = _seeded_generator(request.seed, sample)
        self.ids: list[int] = []
        self.logprobs: list[TokenLogprobs] = []  # of the ids, where the request wants them
        self.text = ""
        self.finish_reason = ""

    def take_next(self, logits: "Tensor") -> int:
        """Choose a token from logits (1, vocabulary), which it changes, and end where that ends the answer."""
        own = None if self._request.likeliest is None else logits[0].float().log_softmax(dim=-1)  # (vocabulary,)
        if self._constraint is not None:
            self._constraint.forbid(logits)
        token_id = self._choose(logits)
        if self._constraint is not None:
            self._constraint.accept(token_id)
        self.ids.append(token_id)
        if own is not None:
            likeliest = own.topk(self._request.likeliest or 0).values.tolist()
            self.logprobs.append(TokenLogprobs(float(own[token_id]), tuple(likeliest)))
        self._end_if_done(token_id)
        return token_id

    def _choose(self, logits: "Tensor") -> int:
        import torch

        if self._request.temperature == 0.0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits[0].float() / self._request.temperature, dim=-1)  # (vocabulary,)
        if self._request.top_p < 1.0:
            probabilities = _keep_nucleus(probabilities, self._request.top_p)
        return int(torch.multinomial(probabilities.cpu(), 1, generator=self._generator))

    def _end_if_done(self, token_id: int) -> None:
        if self._request.stop and (cut := self._find_stop()) >= 0:
            self.text, self.finish_reason = self._decode()[:cut], "stop"
        elif token_id in self._stop_ids:
            self.text, self.finish_reason = self._decode(), "stop"
        elif len(self.ids) == self._request.max_tokens:
            self.text, self.finish_reason = self._decode(), "length"

    def _find_stop(self) -> int:
        """Where the first stop text begins, or -1."""
        text = self._decode()
        return min((place for stop in self._request.stop if (place := text.find(stop)) >= 0), default=-1)

    def _decode(self) -> str:
        return str(self._tokenizer.decode(self.ids, skip_special_tokens=True))


def _keep_nucleus(probabilities: "Tensor", top_p: float) -> "Tensor":
    """Zero all but the most likely tokens that together reach top_p; at least one is left. (vocabulary,)"""
    import torch

    ordered, order = probabilities.sort(descending=True)
    beyond = ordered.cumsum(dim=-1) - ordered >= top_p  # what was enough before a token makes the token unneeded
    return torch.zeros_like(probabilities).scatter(0, order, ordered.masked_fill(beyond, 0.0))


def _seeded_generator(seed: int | None, sample: int) -> Any:
    """Each sample has its own stream, as in vLLM; without a seed, one that no run repeats."""
    import torch

    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed + sample)
    return generator
