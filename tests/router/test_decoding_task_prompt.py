"""OpenAI request bodies: what is read from them, and what is refused by field."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding import TaskPrompt, parse_task_prompt
from router.errors import BadTaskBody
from router.generation import Message

HELLO: list[dict[str, object]] = [{"role": "user", "content": "hello"}]


def test_a_chat_body_keeps_its_conversation() -> None:
    body = {
        "model": "auto",
        "temperature": 0.7,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]},
        ],
    }
    task = parse_task_prompt(body)
    assert [message.role for message in task.messages] == ["system", "user", "assistant", "user"]
    assert task.question == "One\ntwo"
    assert task.max_tokens is None
    assert task.json_schema is None


def test_a_completions_body_is_one_question() -> None:
    hello = (Message(role="user", content="hello"),)
    assert parse_task_prompt({"prompt": "hello"}) == TaskPrompt(messages=hello)
    assert parse_task_prompt({"prompt": ["hello"]}) == TaskPrompt(messages=hello)


def test_the_lower_of_both_caps_holds() -> None:
    task = parse_task_prompt({"messages": HELLO, "max_tokens": 50, "max_completion_tokens": 20})
    assert task.max_tokens == 20
    assert (task.cap(48), task.cap(8)) == (20, 8)
    assert parse_task_prompt({"messages": HELLO, "max_tokens": None}).cap(48) == 48


def test_response_formats() -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}}}
    formats = [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    ]
    schemas = [parse_task_prompt({"messages": HELLO, "response_format": given}).json_schema for given in formats]
    # The order of properties stays: it is the order in which the model writes them.
    assert schemas == [None, '{"type": "object"}', json.dumps(schema)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "messages: give either messages (chat completions) or prompt (completions)"),
        ({"messages": HELLO, "prompt": "x"}, "messages: give either"),
        ({"messages": []}, "messages: must be a list with at least one message"),
        ({"messages": "hello"}, "messages: must be a list"),
        ({"messages": ["hello"]}, "messages[0]: must be an object with role and content, got str"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages[0].role: must be one of system, developer, user, assistant, got 'tool'",
        ),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role: must be one of"),
        ({"messages": [{"role": "user"}]}, "messages[0].content: must be a text or a list of text parts"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages[0].content: must not be empty"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content: must be a text"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}],
                    }
                ]
            },
            "messages[0].content[1]: only text parts can be answered, got 'image_url'",
        ),
        (
            {"messages": [{"role": "user", "content": ["a"]}]},
            "messages[0].content[0]: only text parts can be answered, got 'str'",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text: must be a text",
        ),
        (
            {"messages": [{"role": "user", "content": "a\ud800b"}]},
            "messages[0].content: has half of a surrogate pair at character 1",
        ),
        (
            {"messages": [*HELLO, {"role": "assistant", "content": "x"}]},
            "messages: the last message must have the role user, got assistant",
        ),
        ({"prompt": ["a", "b"]}, "prompt: must be one text; put each prompt on a line of its own"),
        ({"prompt": [1, 2]}, "prompt: must be one text"),
        ({"prompt": ""}, "prompt: must not be empty"),
        ({"messages": HELLO, "max_tokens": 0}, "max_tokens: must be a positive integer, got 0"),
        (
            {"messages": HELLO, "max_completion_tokens": "9"},
            "max_completion_tokens: must be a positive integer, got '9'",
        ),
        ({"messages": HELLO, "max_tokens": True}, "max_tokens: must be a positive integer, got True"),
        (
            {"messages": HELLO, "response_format": "json"},
            "response_format.type: must be text, json_object or json_schema, got None",
        ),
        (
            {"messages": HELLO, "response_format": {"type": "xml"}},
            "response_format.type: must be text, json_object or json_schema, got 'xml'",
        ),
        (
            {"messages": HELLO, "response_format": {"type": "json_schema"}},
            "response_format.json_schema.schema: must be a JSON schema object",
        ),
    ],
)
def test_a_body_that_can_not_be_routed_is_refused_by_field(body: Mapping[str, object], message: str) -> None:
    with pytest.raises(BadTaskBody) as caught:
        parse_task_prompt(body)
    assert str(caught.value).startswith(message)


def test_what_was_taken_before_a_field_was_known_stays_readable() -> None:
    assert parse_task_prompt({"messages": HELLO, "stop": ["."], "foo": 1}).question == "hello"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["messages", "prompt", "max_tokens", "response_format"]), json_values))
def test_any_body_is_read_or_refused(body: dict[str, object]) -> None:
    try:
        task = parse_task_prompt(body)
    except BadTaskBody:
        return
    assert task.messages[-1].role == "user"
