"""Token counts that a request can have, and those that it can not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.generation import Capability, Completion, GenerationRequest, Grammar, Message
from worker.engines.errors import UsageImpossible
from worker.engines.possible_usage import require_possible
from worker.engines.prompt_bound import PromptBound

ASKED = GenerationRequest(messages=(Message("user", "Hello"),), max_tokens=10)
MOST_PROMPT = PromptBound().count([ASKED.messages])[0]


def answer(*texts: str, prompt_tokens: int = 5, output_tokens: int = 3) -> Completion:
    return Completion(
        texts=texts, finish_reasons=("stop",) * len(texts), prompt_tokens=prompt_tokens, output_tokens=output_tokens
    )


def test_all_samples_together_may_have_as_many_tokens_as_were_asked_for() -> None:
    request = msgspec.structs.replace(ASKED, n=3)
    require_possible(answer("a", "b", "c", output_tokens=30), request, engine="far")
    with pytest.raises(UsageImpossible, match="far counts 31 tokens in an answer that has 3 to 30"):
        require_possible(answer("a", "b", "c", output_tokens=31), request, engine="far")
    with pytest.raises(UsageImpossible, match="counts 2 tokens in an answer that has 3 to 30"):
        require_possible(answer("a", "b", "c", output_tokens=2), request, engine="far")


def test_a_prompt_has_no_more_tokens_than_were_reserved_and_a_schema_may_be_written_into_it() -> None:
    schema = Grammar(kind=Capability.JSON_SCHEMA, schema='{"type": "object"}')
    require_possible(answer("a", prompt_tokens=MOST_PROMPT), ASKED, engine="far")
    require_possible(
        answer("a", prompt_tokens=MOST_PROMPT + 18), msgspec.structs.replace(ASKED, grammar=schema), engine="far"
    )
    with pytest.raises(UsageImpossible, match=f"in a prompt that has {MOST_PROMPT} at most"):
        require_possible(answer("a", prompt_tokens=MOST_PROMPT + 1), ASKED, engine="far")


@given(st.text(max_size=4_000), st.integers(1, 1024))
def test_no_text_of_tokens_up_to_a_kibibyte_each_is_refused(text: str, bytes_per_token: int) -> None:
    honest = -(-len(text.encode()) // bytes_per_token)
    request = msgspec.structs.replace(ASKED, max_tokens=max(honest, 1))
    require_possible(answer(text, output_tokens=honest), request, engine="far")


def test_half_of_a_pair_of_surrogates_is_a_text_like_any_other() -> None:
    require_possible(answer("\ud800" * 10), ASKED, engine="far")
