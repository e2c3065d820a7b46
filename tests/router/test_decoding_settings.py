"""A decoding method's settings: whatever can not be used is refused by its place."""

from collections.abc import Mapping
from datetime import date

import pytest

from router.decoding.registry import read_method
from router.errors import FieldError
from router.fields import MOST_TOKENS, Fields
from tests.router.decoding_specs import COT, ONE_OF_EACH

DIRECT: dict[str, object] = {"method": "direct", "max_tokens": 48}
DAY = date(2026, 1, 1)  # what YAML makes of a day without quotes
PERSON: dict[str, object] = {"type": "object", "properties": {"name": {"type": "string"}}}
VOTE: dict[str, object] = {"method": "self_consistency", "n": 5, "base": DIRECT}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "decoding.method: is missing; known methods: direct, few_shot,"),
        ({"method": "fewshot"}, "decoding.method: 'fewshot' is not known (did you mean 'few_shot'?); known methods:"),
        ({"method": "direct"}, "decoding.max_tokens: is missing"),
        ({"method": "direct", "max_tokens": "x"}, "decoding.max_tokens: must be a positive integer, got 'x'"),
        ({"method": "direct", "max_tokens": 0}, "decoding.max_tokens: must be a positive integer, got 0"),
        ({"method": "direct", "max_tokens": 1.5}, "decoding.max_tokens: must be a positive integer, got 1.5"),
        ({"method": "direct", "max_tokens": True}, "decoding.max_tokens: must be a positive integer, got True"),
        ({"method": "direct", "max_token": 1}, "decoding.max_token: is not a known key (did you mean 'max_tokens'?)"),
        (
            {"method": "direct", "max_tokens": 1, "system": 3},
            "decoding.system: must be a text, got 3: put quotes around it",
        ),
        (
            {"method": "direct", "max_tokens": 1, "stop": "\n"},
            "decoding.stop: must be a list of texts such as [\"\\n\"], got '\\n'",
        ),
        (
            {"method": "direct", "max_tokens": 1, "regex": "("},
            "decoding.regex: is not a regular expression that can hold an answer",
        ),
        (
            {"method": "direct", "max_tokens": 1, "regex": "a", "choices": ["a"]},
            "decoding.regex: an answer is held to either",
        ),
        (
            {"method": "direct", "max_tokens": 1, "choices": [True, False]},
            "decoding.choices[0]: must be a text that is not empty, got True: put quotes",
        ),
        (
            {"method": "direct", "max_tokens": 1, "options_pattern": "x"},
            "decoding.options_pattern: is only used with choices: from_task",
        ),
        (
            {"method": "choice", "max_tokens": 1, "options_pattern": "x"},
            "decoding.options_pattern: must hold the list in a group named list",
        ),
        (
            {"method": "choice", "max_tokens": 1, "options_pattern": "("},
            "decoding.options_pattern: is not a regular expression",
        ),
        ({"method": "few_shot", "max_tokens": 1}, "decoding.examples: is missing"),
        (
            {"method": "few_shot", "max_tokens": 1, "examples": []},
            "decoding.examples: must be a list with at least one item, got []",
        ),
        (
            {"method": "few_shot", "max_tokens": 1, "examples": [{"user": "u"}]},
            "decoding.examples[0].assistant: is missing",
        ),
        (
            {"method": "few_shot", "max_tokens": 1, "examples": [{"user": "u", "asistant": "a"}]},
            "decoding.examples[0].asistant: is not a known key (did",
        ),
        (
            {"method": "few_shot", "max_tokens": 1, "examples": [{"user": "u", "assistant": "ab"}], "regex": "[0-9]"},
            "decoding.examples[0].assistant: is not an answer",
        ),
        (
            {"method": "json_object", "max_tokens": 1, "examples": [{"user": "u", "assistant": "ab"}]},
            "decoding.examples[0].assistant: must be JSON, got 'ab'",
        ),
        (
            {
                "method": "program_of_thought",
                "examples": [{"user": "u", "assistant": "5"}, {"user": "u", "assistant": "x"}],
            },
            "decoding.examples[1].assistant: must be arithmetic",
        ),
        (
            {"method": "program_of_thought", "examples": [{"user": "u", "assistant": "1 / 0"}]},
            "decoding.examples[0].assistant: the expression divides by zero",
        ),
        ({"method": "program_of_thought", "decimals": 13}, "decoding.decimals: must be at most 12, got 13"),
        (
            {"method": "self_consistency", "n": 1, "base": DIRECT},
            "decoding.n: must be an integer of at least 2, got 1",
        ),
        (
            {"method": "self_consistency", "n": 65, "base": DIRECT},
            "decoding.n: must be at most 64, got 65",
        ),
        ({"method": "self_consistency", "n": 3}, "decoding.base: is missing"),
        ({"method": "self_consistency", "n": 3, "base": {"method": "direct"}}, "decoding.base.max_tokens: is missing"),
        (
            {"method": "self_consistency", "n": 3, "base": VOTE},
            "decoding.base.method: self_consistency already draws several",
        ),
        (
            {"method": "self_consistency", "n": 3, "base": DIRECT, "temperature": 0},
            "decoding.temperature: must be a number from 0.01 to 2, got 0",
        ),
        (
            {"method": "self_consistency", "n": 3, "base": {"method": "reasoning_budget", "thinking_tokens": 9}},
            "decoding.base.method: reasoning_budget asks several requests",
        ),
        ({**VOTE, "step": 2}, "decoding.step: is only used with stop_early"),
        ({**VOTE, "stop_early": True, "step": 5}, "decoding.step: must be at most 4, got 5"),
        ({**VOTE, "stop_early": 0.4}, "decoding.stop_early: must be a number from 0.5 to 1, got 0.4"),
        ({**VOTE, "stop_early": "yes"}, "decoding.stop_early: must be a number from 0.5 to 1, got 'yes'"),
        ({"method": "best_of_n", "n": 3, "base": DIRECT}, "decoding.by: is missing; known scores: logprob, tail"),
        ({"method": "best_of_n", "n": 3, "by": "logprob", "base": VOTE}, "decoding.base.method: self_consistency alr"),
        ({"method": "reasoning_budget"}, "decoding.thinking_tokens: is missing"),
        ({"method": "reasoning_budget", "max_tokens": 9}, "decoding.max_tokens: is not a known key"),
        ({"method": "plan_then_code", "plan_tokens": 9}, "decoding.code_tokens: is missing"),
        ({"method": "structured", "max_tokens": 9}, "decoding.schema: is missing"),
        (
            {"method": "structured", "max_tokens": 9, "schema": {"type": "array"}},
            "decoding.schema.type: must be object, got 'array'",
        ),
        (
            {"method": "structured", "max_tokens": 9, "schema": {"type": "object", "properties": {"on": DAY}}},
            "decoding.schema.properties: can not be written as JSON",
        ),
        (
            {"method": "structured", "max_tokens": 9, "schema": PERSON, "answer_key": "nam"},
            "decoding.answer_key: the schema has no property 'nam' (did you mean 'name'?)",
        ),
        (
            {"method": "structured", "max_tokens": 9, "schema": PERSON, "examples": [{"user": "u", "assistant": "a"}]},
            "decoding.examples[0].assistant: must be JSON as the schema has it, got 'a'",
        ),
    ],
)
def test_settings_that_can_not_be_used_are_refused_by_place(spec: Mapping[str, object], message: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_method(Fields(spec, path="decoding"))
    assert str(caught.value).startswith(message)


OWN_TOKENS = {
    "reasoning_budget": ("thinking_tokens", "answer_tokens"),
    "plan_then_code": ("plan_tokens", "code_tokens"),
    "self_consistency": ("base.max_tokens",),
    "best_of_n": ("base.max_tokens",),
}
TOKEN_SETTINGS = [(name, key) for name in ONE_OF_EACH for key in OWN_TOKENS.get(name, ("max_tokens",))]


def allow_tokens(name: str, key: str, tokens: object) -> dict[str, object]:
    """The method's entry with this many tokens."""
    spec = ONE_OF_EACH[name]
    return {**spec, "base": {**COT, "max_tokens": tokens}} if key.startswith("base") else {**spec, key: tokens}


@pytest.mark.parametrize(("name", "key"), TOKEN_SETTINGS)
@pytest.mark.parametrize("huge", [MOST_TOKENS + 1, 2**31, 10**30, "1e90"])
def test_no_number_of_tokens_is_beyond_every_context(name: str, key: str, huge: object) -> None:
    with pytest.raises(FieldError, match=rf"^decoding\.{key}: must be at most {MOST_TOKENS}, got"):
        read_method(Fields(allow_tokens(name, key, huge), path="decoding"))
    assert read_method(Fields(allow_tokens(name, key, MOST_TOKENS), path="decoding")).max_output_tokens() >= MOST_TOKENS
