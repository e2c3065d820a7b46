"""Exact charges of many tasks at once, as floats that are never below them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.tariff import TokenPrice

# Whole numbers up to here are exact in int64, with room for the rounding up.
_LARGEST = 2**62


def charge_many(
    price: TokenPrice,
    *,
    prompt_tokens: NDArray[np.integer],
    output_tokens: NDArray[np.integer],
) -> NDArray[np.float64]:
    """What `Tariff.charge` asks for each task with a cold cache, in quanta; past 2**53, the next float above it.

    A float product may fall below the exact charge, and a reservation made of it would not cover its task.
    """
    per_prompt, per_output, _, denominator = price.whole
    largest = per_prompt * int(prompt_tokens.max(initial=0)) + per_output * int(output_tokens.max(initial=0))
    # Python's own integers, slower by far, only where a product of these would wrap.
    dtype = np.int64 if max(largest, per_prompt, per_output, denominator) < _LARGEST else np.object_
    prompts: NDArray[Any] = prompt_tokens.astype(dtype)
    outputs: NDArray[Any] = output_tokens.astype(dtype)
    return _to_floats(-(-(prompts * per_prompt + outputs * per_output) // denominator))


def _to_floats(quanta: NDArray[Any]) -> NDArray[np.float64]:
    """The least floats that are not below these whole numbers."""
    nearest = quanta.astype(np.float64)
    if nearest.max(initial=0.0) < 2**53:
        return nearest
    below = [int(near) < exact for near, exact in zip(nearest.tolist(), quanta.tolist(), strict=True)]
    return np.where(below, np.nextafter(nearest, np.inf), nearest)
