"""The plain layout: examples and question as one text, each answer after its label."""

from typing import Any

import pytest

from router.decoding import TaskPrompt, parse_task_prompt
from router.decoding.registry import read_method
from router.errors import NotEligible
from router.fields import Fields
from router.generation import PLAIN_ROLE, Capability, Message

EXAMPLES = [{"user": "2 and 2?", "assistant": "2 + 2"}]


def task(**body: Any) -> TaskPrompt:
    return parse_task_prompt({"messages": [{"role": "user", "content": "3 and 4?"}], **body})


def method(**settings: Any) -> Any:
    return read_method(Fields({"examples": EXAMPLES, "answer_label": "=", "max_tokens": 9} | settings, path="decoding"))


def test_examples_and_question_become_one_text_that_ends_where_the_answer_starts() -> None:
    request = method(method="few_shot").build(task())
    assert request.messages == (Message(role=PLAIN_ROLE, content="2 and 2?\n= 2 + 2\n\n3 and 4?\n="),)
    assert request.stop == ("\n",)


def test_an_expression_may_follow_a_space_and_must_end_its_line() -> None:
    program = method(method="program_of_thought")
    grammar = program.build(task()).grammar
    assert grammar is not None
    assert grammar.kind is Capability.REGEX
    assert grammar.pattern.startswith(" ?(")
    assert grammar.pattern.endswith(")\n")
    assert program.extract(task(), [" 3 + 4"]) == "7"


def test_choices_follow_a_space_and_are_read_without_it() -> None:
    few_shot = method(method="few_shot", choices=["2 + 2", "7"])
    assert few_shot.build(task()).grammar.choices == (" 2 + 2", " 7")
    assert few_shot.extract(task(), [" 7"]) == "7"


def test_system_texts_come_first() -> None:
    messages = [{"role": "system", "content": "Be exact."}, {"role": "user", "content": "3 and 4?"}]
    [plain] = method(method="few_shot").build(task(messages=messages)).messages
    assert plain.content.startswith("Be exact.\n\n2 and 2?")


def test_what_a_plain_text_can_not_express_is_not_eligible() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    with pytest.raises(NotEligible, match="JSON schema"):
        method(method="few_shot").build(task(response_format=schema))
    turns = [
        {"role": "user", "content": "1?"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "2?"},
    ]
    with pytest.raises(NotEligible, match="assistant"):
        method(method="few_shot").build(task(messages=turns))
