"""Decodes a batch of prompts together with a transformers model, from the first prompt token to the last answer."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.engines.answer import Answer

if TYPE_CHECKING:
    from torch import Tensor

# Ended rows are carried along until they are this share of the batch: dropping them copies all keys and values.
DROPPED_AT_SHARE = 0.25


class PromptAnswers(NamedTuple):
    """A prompt and the answers wanted for it, one for each sample."""

    prompt_ids: Sequence[int]
    answers: Sequence[Answer]


class StaticBatch:
    """Rows of answers that grow in step; prompts are padded on the left, so that all answers start in one column."""

    def __init__(self, model: Any, prompts: Sequence[PromptAnswers]) -> None:
        """Run the prompts, each once; its samples share what that computed."""
        import torch

        width = max(len(prompt.prompt_ids) for prompt in prompts)
        ids = torch.zeros((len(prompts), width), dtype=torch.long)  # (prompts, width)
        self._mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt.prompt_ids) :] = torch.tensor(prompt.prompt_ids)
            self._mask[row, width - len(prompt.prompt_ids) :] = 1
        self._model = model
        self._cache: Any = None
        self._rows = [answer for prompt in prompts for answer in prompt.answers]
        self._logits = self._forward(ids, (self._mask.cumsum(dim=1) - 1).clamp(min=0))
        self._keep([index for index, prompt in enumerate(prompts) for _ in prompt.answers])

    def decode(self, *, is_wanted: Callable[[Answer], bool], on_end: Callable[[Answer], None]) -> None:
        """Write every answer to its end, or until it is wanted no more; `on_end` hears of each end at once."""
        import torch

        while True:
            going = [row for row, answer in enumerate(self._rows) if not answer.finish_reason and is_wanted(answer)]
            if not going:
                return
            if len(going) <= len(self._rows) * (1 - DROPPED_AT_SHARE):
                self._rows = [self._rows[row] for row in going]
                self._keep(going)
                going = list(range(len(going)))
            tokens = torch.zeros((len(self._rows), 1), dtype=torch.long)  # (rows, 1)
            for row in going:
                tokens[row, 0] = self._rows[row].take_next(self._logits[row : row + 1])
                if self._rows[row].finish_reason:
                    on_end(self._rows[row])
            if any(not self._rows[row].finish_reason for row in going):
                self._append(tokens)

    def _append(self, tokens: "Tensor") -> None:
        positions = self._mask.sum(dim=1, keepdim=True)  # (rows, 1)
        self._mask = _append_column(self._mask)
        self._logits = self._forward(tokens, positions)

    def _forward(self, ids: "Tensor", positions: "Tensor") -> "Tensor":
        """Logits of the last column, (rows, vocabulary) in float32."""
        import torch

        device = self._model.device
        with torch.inference_mode():  # else the graph of every step is kept: gigabytes
            output = self._model(
                input_ids=ids.to(device),
                attention_mask=self._mask.to(device),
                position_ids=positions.to(device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        self._cache = output.past_key_values
        logits: Tensor = output.logits[:, -1].float()
        return logits

    def _keep(self, rows: Sequence[int]) -> None:
        """Make these rows the batch, in this order; a row named twice is copied."""
        import torch

        index = torch.tensor(rows)
        self._cache.batch_select_indices(index.to(self._model.device))
        self._mask = self._mask[index]
        self._logits = self._logits[index.to(self._logits.device)]


def _append_column(mask: "Tensor") -> "Tensor":
    import torch

    return torch.cat([mask, torch.ones((len(mask), 1), dtype=mask.dtype)], dim=1)
