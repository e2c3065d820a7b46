"""Honest FLOPs of a transformer, from its parameter counts."""

from dataclasses import dataclass
from fractions import Fraction

from router.tariff import TokenPrice


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """The counts a forward pass depends on."""

    matrix_parameters: int  # weights every token passes through: neither the input embedding nor the output head
    head_parameters: int  # weights of the output head, used only where a next token is predicted
    layers: int
    hidden: int  # width of the attention output (heads * head size)


def flops_price(shape: ModelShape) -> TokenPrice:
    """FLOPs per token: 2 * matrix parameters for the prompt, the output head's as well for each generated token.

    Source: Kaplan et al. 2020 (arXiv 2001.08361), equation 2.2, C_forward = 2 N + 2 layers * context * width: a
    multiplication and an addition per weight. The second term (attention scores and their weighted sum) depends on
    the context and is left out, so that a charge is linear in tokens and has a bound beforehand; `attention_share`
    says how large it is. Softmax, norms and activations, under 1 %, are left out too. The last generated token is
    charged although it is not fed back.
    """
    return TokenPrice(
        prompt=Fraction(2 * shape.matrix_parameters),
        output=Fraction(2 * (shape.matrix_parameters + shape.head_parameters)),
    )


def attention_share(shape: ModelShape, *, context_tokens: int) -> float:
    """What flops_price leaves out at this context, as a share of what it charges for a prompt token.

    For SmolLM2-135M (30 layers, 576 wide, 1.06e8 matrix parameters) 5 % at 300 tokens, 17 % at 1024.
    """
    return shape.layers * context_tokens * shape.hidden / shape.matrix_parameters
