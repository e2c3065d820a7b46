"""A request's fields: those that are taken, those that ask for nothing, and those that are refused by name."""

from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import completion_create_params as completions
from openai.types.chat import completion_create_params as chat

from router.decoding.body_fields import CHANGE_NOTHING, LEFT_TO_STRATEGIES, READ, REFUSED, check_body_fields
from router.errors import BadTaskBody

KNOWN = {*READ, *CHANGE_NOTHING, *LEFT_TO_STRATEGIES, *REFUSED, "reasoning_effort"}


def refuse(field: str, value: object) -> str:
    with pytest.raises(BadTaskBody) as caught:
        check_body_fields({"model": "auto", field: value})
    assert caught.value.field == field
    return caught.value.reason


@pytest.mark.parametrize(
    ("field", "nearest"),
    [("temprature", "temperature"), ("Temperature", "temperature"), ("max_token", "max_tokens"), ("stops", "stop"),
     ("respons_format", "response_format"), ("topp", "top_p")],
)  # fmt: skip
def test_a_misspelt_field_is_answered_with_the_nearest(field: str, nearest: str) -> None:
    assert refuse(field, 0.5) == f"is not a field of a request's body (did you mean {nearest!r}?)"


@pytest.mark.parametrize("field", ["foo", "budget", "objective", "custom_id", ""])
def test_a_field_that_nobody_knows_is_refused_even_when_it_is_empty(field: str) -> None:
    assert refuse(field, None) == "is not a field of a request's body"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("stop", ["\n"], "where an answer ends belongs to the strategy"),
        ("stop", "none", "where an answer ends belongs to the strategy"),
        ("logit_bias", {"50256": -100}, "its token numbers mean other words"),
        ("echo", True, "answers do not repeat their prompt"),
        ("suffix", ".", "answers are not written into the middle of a text"),
        ("best_of", 3, "a routed task has one answer"),
        ("best_of", True, "a routed task has one answer"),
        ("min_tokens", 5, "no answer is made longer than its strategy makes it"),
        ("modalities", ["text", "audio"], "only text answers are supported"),
        ("top_k", -7, "is no field of OpenAI's, and sampling belongs to the strategy"),
        ("top_k", 40, "is no field of OpenAI's, and sampling belongs to the strategy"),
        ("verbosity", "low", "how much is said belongs to the strategy"),
        ("stream", True, "a batch answers with whole completions"),
        ("tools", [{"type": "function"}], "tool calls are not supported"),
        ("tool_choice", "required", "tool calls are not supported"),
        ("logprobs", 2, "log-probabilities are not returned"),
        ("n", 2, "must be 1, got 2: a routed task has one answer"),
        ("n", True, "must be 1, got True"),
    ],
)
def test_a_field_that_can_not_be_honoured_is_refused_with_its_reason(field: str, value: object, reason: str) -> None:
    assert refuse(field, value).startswith(reason)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("temperature", "hot", "must be a number from 0 to 2, got 'hot'"),
        ("temperature", -5, "must be a number from 0 to 2, got -5"),
        ("temperature", 2.1, "must be a number from 0 to 2, got 2.1"),
        ("temperature", True, "must be a number from 0 to 2, got True"),
        ("temperature", float("nan"), "must be a number from 0 to 2, got nan"),
        ("top_p", 1.01, "must be a number from 0 to 1, got 1.01"),
        ("seed", 0.5, f"must be an integer from {-(2**63)} to {2**63 - 1}, got 0.5"),
        ("seed", 2**63, f"must be an integer from {-(2**63)} to {2**63 - 1}, got {2**63}"),
        ("frequency_penalty", -2.5, "must be a number from -2 to 2, got -2.5"),
        ("presence_penalty", [1], "must be a number from -2 to 2, got [1]"),
        ("reasoning_effort", "enormous", "must be one of none, minimal, low, medium, high, xhigh, max, got 'enormous'"),
    ],
)
def test_what_strategies_decide_has_to_make_sense(field: str, value: object, reason: str) -> None:
    assert refuse(field, value) == reason


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 0), ("temperature", 2.0), ("top_p", 0.9), ("seed", -(2**63)), ("presence_penalty", -2),
     ("reasoning_effort", "low"), ("n", 1), ("best_of", 1), ("modalities", ["text"]), ("tool_choice", "auto"),
     ("stop", []), ("suffix", ""), ("top_k", -1), ("min_tokens", 0), ("verbosity", "medium"), ("tools", []),
     ("stream", False), ("logprobs", False), ("repetition_penalty", 1.0)],
)  # fmt: skip
def test_what_asks_for_nothing_else_is_taken(field: str, value: object) -> None:
    check_body_fields({"model": "auto", field: value})


@pytest.mark.parametrize("field", sorted(KNOWN))
def test_null_is_as_good_as_nothing(field: str) -> None:
    check_body_fields({field: None})


def test_every_field_of_the_openai_client_is_known() -> None:
    sent = {*get_type_hints(chat.CompletionCreateParamsNonStreaming)}
    sent |= {*get_type_hints(completions.CompletionCreateParamsNonStreaming)}
    assert {"messages", "prompt", "temperature"} <= sent
    assert sent - KNOWN == set()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)) | st.text(max_size=12), values, max_size=4))
def test_any_body_is_taken_or_refused(body: dict[str, object]) -> None:
    try:
        check_body_fields(body)
    except BadTaskBody:
        return
    assert body.keys() <= KNOWN
    assert body.get("n") in (None, 1)
