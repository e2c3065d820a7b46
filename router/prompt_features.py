"""What a sentence embedding loses of a prompt: how long it is and what it is made of.

Measured on public recordings these tell kinds of tasks apart that MiniLM puts side by side (docs/log.md). They need no
corpus: centres and spreads are constants, so a text has the same features wherever it stands.
"""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OPTION = re.compile(r"\b[A-D][.)]")
MATHS, CODE = frozenset("+-*/=^\\$<>"), frozenset("{}()[];_")
LIMIT = 3.0  # no feature lies further from its centre, in spreads
# Beside an embedding of length 1, each feature's spread counts this much.
SHARE = 0.25

# (centre, spread) of each feature over prompts of seven public sets.
SCALES = np.array(
    [
        (6.07, 1.13),  # log of the length in characters
        (0.027, 0.042),  # share of digits
        (0.0155, 0.016),  # share of line breaks
        (0.017, 0.028),  # share of maths signs
        (0.019, 0.030),  # share of brackets and the like
        (0.17, 0.38),  # whether there is code
        (0.32, 0.47),  # whether there are lettered options
        (0.52, 0.50),  # whether there is a question mark
        (0.032, 0.026),  # share of capitals
        (0.65, 0.045),  # log of the distinct words over log of the characters
    ]
)

FEATURES = len(SCALES)
FEATURES_VERSION = 1  # raised when the same text gets other features: predictors then read something else

FloatArray = NDArray[np.float32]


def describe_prompts(texts: Sequence[str]) -> FloatArray:
    """Features (texts, 10) on the scale of an embedding of length 1."""
    if not texts:
        return np.zeros((0, len(SCALES)), dtype=np.float32)
    raw = np.array([_describe(text) for text in texts])
    spreads = np.clip((raw - SCALES[:, 0]) / SCALES[:, 1], -LIMIT, LIMIT)
    return np.asarray(SHARE * spreads, dtype=np.float32)


def _describe(text: str) -> tuple[float, ...]:
    length = len(text) + 1
    return (
        math.log(length),
        sum(map(str.isdigit, text)) / length,
        text.count("\n") / length,
        sum(character in MATHS for character in text) / length,
        sum(character in CODE for character in text) / length,
        float("def " in text or "```" in text),
        float(OPTION.search(text) is not None),
        float("?" in text),
        sum(map(str.isupper, text)) / length,
        math.log1p(len(set(text.split()))) / math.log(length + 1),
    )
