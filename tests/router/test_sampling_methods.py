"""Methods that draw samples and choose by what the model thought of them; methods that write in a given form."""

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding.best_of_n import estimate_entropy, score_by_logprob, score_by_tail_entropy
from router.decoding.plan_then_code import read_code
from router.decoding.structured import Structured
from router.generation import Capability, Completion, GenerationRequest, TokenLogprobs
from tests.router.decoding_specs import ONE_OF_EACH, ask, converse, read

SURE = TokenLogprobs(-0.1, (-0.1, -4.0))
UNSURE = TokenLogprobs(-0.8, (-0.7, -0.8))


def choose(by: str, samples: Sequence[tuple[str, Sequence[TokenLogprobs]]]) -> str:
    """The answer of best-of-n on these samples."""
    method = read({**ONE_OF_EACH["best_of_n"], "n": len(samples), "by": by})

    def answer(request: GenerationRequest) -> Completion:
        assert request.needs == {Capability.SAMPLES, Capability.LOGPROBS} == method.needs
        texts, logprobs = zip(*samples, strict=True)
        return Completion(texts, ("stop",) * request.n, 5, 9, logprobs=tuple(map(tuple, logprobs)))

    return converse(method, ask("?"), answer)[0]


def test_the_likeliest_sample_wins_however_long_it_is() -> None:
    short, long = ("Answer: short", [UNSURE] * 2), ("Answer: long", [SURE] * 50)
    assert choose("logprob", [short, long]) == "long"  # although its sum is lower


def test_the_sample_that_ends_surest_wins() -> None:
    wavering, settling = [SURE] * 60 + [UNSURE] * 40, [UNSURE] * 60 + [SURE] * 40
    samples = [("Answer: wavering", wavering), ("Answer: settling", settling)]
    assert choose("tail_entropy", samples) == "settling"
    assert choose("logprob", samples) == "wavering"


def test_a_sample_without_an_answer_is_never_the_best() -> None:
    assert choose("logprob", [("Answer: 7", [UNSURE]), ("", [SURE]), ("Answer:", [SURE])]) == "7"
    assert choose("logprob", [("", [SURE]), ("", [SURE])]) == ""
    assert choose("tail_entropy", [("Answer: 7", [SURE]), ("Answer: 8", [SURE])]) == "7"  # of equals, the first


def test_a_sample_of_no_tokens_has_the_lowest_score() -> None:
    assert score_by_logprob([]) == score_by_tail_entropy([]) == -math.inf


@given(weights=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6))
def test_an_entropy_is_that_of_the_named_tokens_alone(weights: list[float]) -> None:
    shares = [weight / sum(weights) for weight in weights]
    expected = -sum(share * math.log(share) for share in shares)
    assert estimate_entropy([math.log(weight / 9) for weight in weights]) == pytest.approx(expected, abs=1e-9)
    assert estimate_entropy([-math.inf, -0.5]) == estimate_entropy([]) == 0.0


def read_structured(**settings: object) -> Structured:
    method = read({**ONE_OF_EACH["structured"], **settings})
    assert isinstance(method, Structured)
    return method


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"why": "sum", "answer": " 7 "}', "7"),
        ('{"answer": 7.5}', "7.5"),
        ('{"answer": ["é", true]}', '["é", true]'),
        ('{"answer": null}', "null"),
        ('{"why": "sum"}', ""),
        ('{"why": "cut of', ""),
        ("[1]", ""),
        ("", ""),
    ],
)
def test_the_answer_is_one_field_of_the_object(text: str, answer: str) -> None:
    assert read_structured().extract(ask("?"), [text]) == answer


def test_without_a_key_the_whole_object_is_the_answer() -> None:
    method = read_structured(answer_key=None)
    assert method.extract(ask("?"), [' {"answer": 7}\n']) == '{"answer": 7}'
    grammar = method.build(ask("What is the capital of France?")).grammar  # no mention of JSON is needed
    assert grammar is not None
    assert json.loads(grammar.schema) == ONE_OF_EACH["structured"]["schema"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Here:\n```python\nx = 1\nprint(x)\n```\nDone.", "x = 1\nprint(x)"),
        ("```\nfirst\n```\nor\n```py\nsecond\n```", "second"),
        ("```python\ncut(", "cut("),
        ("print(1)\n", "print(1)"),
        ("```python\n    indented\n```", "    indented"),
        ("```\n```", ""),
        ("", ""),
    ],
)
def test_code_is_the_last_block_or_all_of_the_text(text: str, code: str) -> None:
    assert read_code(text) == code
