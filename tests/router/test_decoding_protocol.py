"""What every decoding method promises, in one request or several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding.one_request import OneRequest
from router.decoding.registry import METHODS
from router.errors import NotEligible
from router.generation import Capability, Completion, GenerationRequest, TokenLogprobs
from tests.router.decoding_specs import COT, ONE_OF_EACH, ask, converse, read

VARIANTS = {
    **{name: [spec] for name, spec in ONE_OF_EACH.items()},
    "self_consistency": [
        ONE_OF_EACH["self_consistency"],
        {**ONE_OF_EACH["self_consistency"], "stop_early": True},
        {**ONE_OF_EACH["self_consistency"], "stop_early": 0.9, "step": 1},
    ],
    "best_of_n": [ONE_OF_EACH["best_of_n"], {"method": "best_of_n", "n": 2, "by": "tail_entropy", "base": COT}],
}
SPECS = [pytest.param(spec, id=f"{name}-{index}") for name, all_ in VARIANTS.items() for index, spec in enumerate(all_)]
EVERYTHING = "Give JSON with keys a, b. Options: x, y"
TEXTS = st.text(max_size=40) | st.sampled_from(["Answer: 7", "Answer: 8\nSo.", "```\ncode", "1 + 1", '{"answer": "7"}'])


def test_every_method_is_tested_here() -> None:
    assert set(METHODS) == VARIANTS.keys()


@pytest.mark.parametrize("spec", SPECS)
@given(draw=st.data(), cap=st.none() | st.integers(1, 200))
def test_what_every_method_promises(spec: dict[str, object], draw: st.DataObject, cap: int | None) -> None:
    method, task = read(spec), ask(EVERYTHING, max_tokens=cap)
    stages = method.stages(task)

    def answer(request: GenerationRequest) -> Completion:
        texts = draw.draw(st.lists(TEXTS, min_size=request.n, max_size=request.n))
        reasons = draw.draw(st.lists(st.sampled_from(["stop", "length"]), min_size=request.n, max_size=request.n))
        tokens = (TokenLogprobs(-0.5, (-0.5, -1.0)),)
        return Completion(tuple(texts), tuple(reasons), 5, request.n, logprobs=(tokens,) * request.n)

    final, requests = converse(method, task, answer)
    assert isinstance(final, str)
    assert method.name == spec["method"]
    assert method.description.startswith(method.name)
    assert requests[0] == stages[0].request
    assert len(requests) <= len(stages)
    for request, stage in zip(requests, stages, strict=False):
        assert request.needs == stage.request.needs <= method.needs
        assert request.max_output_tokens <= stage.request.max_output_tokens
        assert cap is None or request.max_tokens <= cap
        assert any(message.content.startswith(EVERYTHING) for message in request.messages)
        assert stage.carry_tokens or request.messages == stage.request.messages
    assert frozenset().union(*(stage.request.needs for stage in stages)) == method.needs
    assert sum(stage.request.max_output_tokens for stage in stages) <= method.max_output_tokens()
    assert stages[0].carry_tokens == 0
    assert isinstance(method, OneRequest) <= (len(stages) == 1)


@pytest.mark.parametrize("spec", SPECS)
def test_a_callers_schema_is_honoured_or_the_method_is_not_eligible(spec: dict[str, object]) -> None:
    task = ask(EVERYTHING, response_format={"type": "json_schema", "json_schema": {"schema": {"type": "object"}}})
    if spec["method"] in ("direct", "few_shot", "json_object"):
        assert all(Capability.JSON_SCHEMA in stage.request.needs for stage in read(spec).stages(task))
    else:
        with pytest.raises(NotEligible, match="demands JSON"):
            read(spec).stages(task)
