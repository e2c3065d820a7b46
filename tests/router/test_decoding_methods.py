"""Decoding methods: the prompts they build, the answers they read, and what they may write at most."""

import json
from collections.abc import Mapping

import pytest

from router.decoding import TaskPrompt
from router.decoding.one_request import OneRequest
from router.decoding.program_of_thought import EXPRESSION_PATTERN
from router.errors import NotEligible
from router.generation import Capability, Message
from tests.router.decoding_specs import ONE_OF_EACH, ask, read


def make_method(spec: Mapping[str, object]) -> OneRequest:
    method = read(spec)
    assert isinstance(method, OneRequest)
    return method


SCHEMA = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
EVERYTHING = "Give JSON with keys a, b. Options: x, y"


def test_a_json_schema_is_honoured_or_the_method_is_not_eligible() -> None:
    task = ask(EVERYTHING, response_format=SCHEMA)
    for method in ("direct", "few_shot", "json_object"):
        decoding = make_method(ONE_OF_EACH[method])
        request = decoding.build(task)
        assert request.grammar is not None
        assert request.grammar.schema == '{"type": "object"}'
        assert Capability.JSON_SCHEMA in request.needs
        assert decoding.extract(task, ['{"a": 1']) == ""


def test_texts_are_laid_out_around_the_conversation() -> None:
    method = make_method(
        {
            "method": "few_shot",
            "system": "S",
            "instruction": "I",
            "max_tokens": 9,
            "examples": [{"user": "q", "assistant": "a"}],
        }
    )
    turns = [("system", "own"), ("user", "one"), ("assistant", "two"), ("system", "more"), ("user", "three")]
    task = TaskPrompt(messages=tuple(Message(role=role, content=content) for role, content in turns))
    laid_out = [(message.role, message.content) for message in method.build(task).messages]
    assert laid_out == [
        ("system", "S\n\nown\n\nmore"),
        ("user", "q\nI"),
        ("assistant", "a"),
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three\nI"),
    ]


def test_an_empty_system_text_is_sent_as_such() -> None:
    method = make_method({"method": "direct", "max_tokens": 9, "system": ""})
    assert method.build(ask("hi")).messages[0] == Message(role="system", content="")
    assert len(make_method({"method": "direct", "max_tokens": 9}).build(ask("hi")).messages) == 1


def test_stop_texts_end_free_answers_only() -> None:
    method = make_method({"method": "direct", "max_tokens": 9, "stop": ["\n"]})
    assert method.build(ask("?")).stop == ("\n",)
    assert method.build(ask("?", response_format=SCHEMA)).stop == ()


def test_few_shot_joins_any_grammar() -> None:
    shots = {"method": "few_shot", "max_tokens": 8, "examples": [{"user": "u", "assistant": "7"}]}
    regex = make_method({**shots, "regex": "[0-9]{1,3}"}).build(ask("?")).grammar
    fixed = make_method({**shots, "choices": ["7", "8"]}).build(ask("?")).grammar
    from_task = make_method({**shots, "choices": "from_task"})
    assert regex is not None
    assert regex.pattern == "[0-9]{1,3}"
    assert fixed is not None
    assert fixed.choices == ("7", "8")
    assert from_task.needs == {Capability.CHOICE}
    grammar = from_task.build(ask("Options: p, q")).grammar
    assert grammar is not None
    assert grammar.choices == ("p", "q")
    with pytest.raises(NotEligible):
        from_task.build(ask("no list here"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("positive", "positive"),
        (" Positive\n", "positive"),
        ("posi", "positive"),
        ("ne", ""),
        ("", ""),
        ("other", ""),
        ("neutral.", ""),
    ],
)
def test_choice_reads_an_option_or_its_unmistakable_beginning(text: str, answer: str) -> None:
    task = ask("Options: positive, negative, neutral")
    assert make_method(ONE_OF_EACH["choice"]).extract(task, [text]) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 + 4 is 7.\nAnswer: 7", "7"),
        ("Answer: 6? No.\n**answer:** **7**\nDone.", "7"),
        ("Answer:\n7", "7"),
        ("I add them.\nIt is 7.\n\n", "It is 7."),
        ("So it is 7. Answer:", ""),
        ("", ""),
    ],
)
def test_chain_of_thought_reads_the_marked_answer(text: str, answer: str) -> None:
    assert make_method(ONE_OF_EACH["chain_of_thought"]).extract(ask("?"), [text]) == answer


def test_json_object_makes_its_schema_from_the_prompt() -> None:
    method = make_method(ONE_OF_EACH["json_object"])
    grammar = method.build(ask("Give JSON with keys name and age")).grammar
    assert grammar is not None
    schema = json.loads(grammar.schema)
    assert (list(schema["properties"]), schema["required"], schema["additionalProperties"]) == (
        ["name", "age"],
        ["name", "age"],
        False,
    )
    assert method.extract(ask("json"), [' {"a": 1}\n']) == '{"a": 1}'
    assert method.extract(ask("json"), ['{"a": "cut of']) == ""
    with pytest.raises(NotEligible, match="asks for no JSON"):
        method.build(ask("What is the capital of France?"))


def test_json_object_takes_a_schema_of_its_own() -> None:
    schema = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}}
    grammar = make_method({**ONE_OF_EACH["json_object"], "schema": schema}).build(ask("as JSON")).grammar
    assert grammar is not None
    assert grammar.schema == json.dumps(schema)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("12 * 3", "36"),
        ("(5 + 3) / 3", "2.666667"),
        ("80 - 25%", "60"),
        ("1 / 0", ""),
        ("12 *", ""),
        ("", ""),
        ("0.1 + 0.2", "0.3"),
    ],
)
def test_program_of_thought_evaluates_what_the_model_wrote(text: str, answer: str) -> None:
    method = make_method(ONE_OF_EACH["program_of_thought"])
    assert method.extract(ask("?"), [text]) == answer
    assert method.max_output_tokens() == 24
    grammar = method.build(ask("?")).grammar
    assert grammar is not None
    assert grammar.pattern == EXPRESSION_PATTERN
    assert "*}" not in EXPRESSION_PATTERN  # every repetition is bounded, and stays so
    assert all(mark not in EXPRESSION_PATTERN for mark in (")*", ")+", "]+", "]*"))


def test_self_consistency_takes_the_vote() -> None:
    method = make_method(ONE_OF_EACH["self_consistency"])
    task = ask("?")
    assert method.extract(task, ["Answer: 7", "Answer: 8", "Answer: 8.", "Answer:", "Answer: 7"]) == "7"
    assert method.extract(task, ["Answer: A", "Answer: b", "Answer:  B."]) == "b"
    assert method.extract(task, ["Answer:", ""]) == ""
    request = method.build(task)
    assert (request.n, request.temperature, request.seed, request.max_output_tokens) == (5, 0.7, 0, 320)
    assert method.needs == {Capability.SAMPLES}


def test_self_consistency_wraps_methods_with_grammars() -> None:
    method = make_method({"method": "self_consistency", "n": 3, "base": ONE_OF_EACH["program_of_thought"]})
    assert method.needs == {Capability.SAMPLES, Capability.REGEX}
    assert method.extract(ask("?"), ["2 * 3", "3 + 3", "2 + 3"]) == "6"
