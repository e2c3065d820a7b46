"""What a prompt is made of."""

import numpy as np
import pytest

from router.prompt_features import LIMIT, SCALES, SHARE, describe_prompts


def test_features_see_length_code_options_and_questions() -> None:
    plain, long, code, options, question = describe_prompts(
        ["Name a city", "Name a city " * 50, "def f(x):\n    return {x}", "Which?\nA. one\nB. two", "Name a city?"]
    )
    assert long[0] > plain[0]
    assert code[5] > plain[5]
    assert code[4] > plain[4]
    assert options[6] > plain[6]
    assert question[7] > plain[7]
    assert (question[5], question[6]) == (plain[5], plain[6])


def test_a_feature_is_a_bounded_number_of_spreads_beside_the_embedding() -> None:
    texts = ["", " ", "?", "9" * 100_000, "A" * 50, "\n" * 99, "café 漢字 🙂"]
    features = describe_prompts(texts)
    assert features.shape == (len(texts), len(SCALES))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= SHARE * LIMIT + 1e-6
    assert describe_prompts([]).shape == (0, len(SCALES))


def test_a_length_is_centred_and_scaled() -> None:
    centre, spread = SCALES[0]
    length = round(np.exp(centre + spread)) - 1
    assert describe_prompts(["a" * length])[0, 0] == pytest.approx(SHARE, abs=0.001)
