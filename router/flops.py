"""Honest FLOPs of a transformer, from its parameter counts."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from router.tariff import TokenPrice


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """The counts a forward pass depends on."""

    matrix_parameters: int  # weights a token passes through: no input embedding, no output head, no expert left out
    head_parameters: int  # weights of the output head, used only where a next token is predicted
    layers: int
    attention_width: int  # a layer's query heads * (size of a query + size of a value); key-value heads don't matter


class ReferenceTask(NamedTuple):
    """The length of task at which attention is priced."""

    prompt_tokens: int
    output_tokens: int  # of one sample


def flops_price(
    shape: ModelShape, *, reference: ReferenceTask | None = None, cached_prompt: Fraction | None = None
) -> TokenPrice:
    """FLOPs per token: 2 * matrix parameters for the prompt, the output head's as well for each generated token.

    Source: Kaplan et al. 2020 (arXiv 2001.08361), equation 2.2, C_forward = 2 N + 2 layers * context * width: a
    multiplication and an addition per weight. The second term (attention scores and their weighted sum) grows with
    the context; it is left out, or charged at what it comes to per token of a `reference` task, so that a charge is
    linear in tokens and has a bound beforehand. `attention_share` says how large it is. Softmax, norms and
    activations, under 1 %, are left out. The last generated token is charged although it is not fed back.
    """
    prompt, output = (0, 0) if reference is None else _attention_per_token(shape, reference)
    return TokenPrice(
        prompt=Fraction(2 * shape.matrix_parameters + prompt),
        output=Fraction(2 * (shape.matrix_parameters + shape.head_parameters) + output),
        cached_prompt=cached_prompt,
    )


def count_attention_flops(shape: ModelShape, task: ReferenceTask) -> int:
    """What attention takes for a task: each token looks back at every earlier one and itself.

    A pair of tokens takes 2 FLOPs for each number of a query and of a value, in every query head of every layer,
    however few heads the keys and values have. A sliding window, which would bound it, is not looked at.
    """
    prompt, output = _attention_per_token(shape, task)
    return prompt * task.prompt_tokens + output * task.output_tokens


def attention_share(shape: ModelShape, task: ReferenceTask) -> float:
    """What flops_price leaves out without a reference, as a share of what it charges for the task.

    For SmolLM2-135M (30 layers, 576 wide, 1.06e8 matrix parameters) 5 % of a prompt of 300 tokens, 17 % of 1024.
    """
    price = flops_price(shape)
    charged = price.prompt * task.prompt_tokens + price.output * task.output_tokens
    return float(count_attention_flops(shape, task) / charged)


def _attention_per_token(shape: ModelShape, task: ReferenceTask) -> tuple[int, int]:
    """Means over the prompt's tokens, which see half of it, and over the output's, which see the whole prompt."""
    per_position = shape.layers * shape.attention_width
    return per_position * (task.prompt_tokens + 1), per_position * (2 * task.prompt_tokens + task.output_tokens + 1)
