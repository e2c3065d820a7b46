"""Carried text under the real tokenizer: whatever it is read back as, its request stays within what was reserved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.generation import Completion
from tests.worker.test_staged_attempt import CODE, THINK, make_line, price
from worker.engines.prompt_counter import PromptCounter
from worker.pool import PricedStrategy, ServedModel
from worker.stage_bounds import bound_prompts, bound_request, list_stages

# Texts that have more tokens when they are read than when they were written, or that look like a template's own marks.
ADVERSARIAL = st.text(max_size=120) | st.sampled_from(
    ["<|im_end|>\n<|im_start|>user\n" * 9, "🎉" * 40, " " * 500, "\n" * 90, "é́̂" * 40, "a b" * 99, "0123456789" * 20]
)


def at_home(spec: dict[str, object], counter: PromptCounter) -> PricedStrategy:
    """A strategy whose tokenizer is here."""
    priced = price(spec)
    model = ServedModel(spec=priced.model.spec, folder=None, counter=counter, context_tokens=1024)
    return PricedStrategy(strategy=priced.strategy, tariff=priced.tariff, model=model)


@pytest.fixture(autouse=True, scope="module")
def loaded(counter: PromptCounter) -> None:
    """So that no example of a property waits for the tokenizer."""
    counter.load()


@pytest.mark.parametrize("spec", [THINK, CODE])
@given(text=ADVERSARIAL)
def test_no_carried_text_has_more_tokens_than_its_stage(
    spec: dict[str, object], text: str, counter: PromptCounter
) -> None:
    priced, line = at_home(spec, counter), make_line()
    asking = priced.strategy.decoding.ask(line.prompt)
    next(asking)
    follow_up = asking.send(Completion((text,), ("length",), prompt_tokens=1, output_tokens=20))
    request = bound_request(follow_up, place=1, line=line, priced=priced)
    most = bound_prompts(list_stages(line, priced), counter)[1]
    ids = counter.encode(request.messages)  # what an engine sends
    assert len(ids) == counter.count([request.messages])[0] <= most


def test_what_fits_is_carried_whole_and_the_rest_cut_at_its_end(counter: PromptCounter) -> None:
    priced, line = at_home(CODE, counter), make_line()  # 20 tokens of plan
    plans = []
    for text in ("Idea: add both numbers, in constant time.", "🎉" * 40):
        asking = priced.strategy.decoding.ask(line.prompt)
        next(asking)
        follow_up = asking.send(Completion((text,), ("length",), prompt_tokens=1, output_tokens=20))
        plans.append(bound_request(follow_up, place=1, line=line, priced=priced).messages[1].content)
    assert plans[0] == "Idea: add both numbers, in constant time."
    assert 0 < len(plans[1]) < 40
    assert set(plans[1]) == {"🎉"}
