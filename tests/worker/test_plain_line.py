"""Lines of the usual form: whatever is read of them the short way is what the long way reads."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding.task_prompt import TaskPrompt, parse_task_prompt
from router.errors import BadTaskBody
from router.generation import Message
from worker.plain_line import PlainLine, read_plain_line
from worker.task_line import read_line

TEXTS = st.text(max_size=8) | st.sampled_from(["", " \n", "\ud800", "a\x00b", "Grüße \U0001f680"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ROLES = st.sampled_from(["user", "system", "assistant", "developer", "plain"])
MESSAGES = st.fixed_dictionaries(
    {"role": ROLES | VALUES, "content": TEXTS | VALUES}, optional={"name": VALUES, "content ": TEXTS}
)
CAPS = st.none() | st.integers(-1, 9) | st.integers() | st.sampled_from([True, 1.0, 1e400, 2**64, "4"])
BODIES: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.lists(MESSAGES, max_size=3) | VALUES,
    "model": st.none() | TEXTS | VALUES,
    "max_tokens": CAPS,
    "max_completion_tokens": CAPS,
    "prompt": st.none() | TEXTS | VALUES,
    "response_format": st.none() | st.just({"type": "text"}) | VALUES,
    "seed": VALUES,
}
PLAIN = st.fixed_dictionaries(
    {"messages": st.lists(st.fixed_dictionaries({"role": ROLES, "content": TEXTS}), min_size=1, max_size=3)},
    optional={name: BODIES[name] for name in ("model", "max_tokens", "max_completion_tokens", "response_format")},
)


def write_members(members: list[tuple[str, Any]]) -> str:
    """An object in which a name may stand twice."""
    return "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members) + "}"


MEMBERS = st.lists(
    st.sampled_from(list(BODIES)).flatmap(lambda name: st.tuples(st.just(name), BODIES[name])), max_size=5
)
WRITTEN_BODIES = PLAIN.map(json.dumps) | MEMBERS.map(write_members)
LINES = st.builds(
    lambda body, grader, after: f'{{"custom_id": "a", "body": {body}, "grader": {json.dumps(grader)}{after}}}',
    WRITTEN_BODIES,
    VALUES,
    st.just("")
    | VALUES.map(lambda value: f', "grader": {json.dumps(value)}')
    | WRITTEN_BODIES.map(', "body": {}'.format),
)


@given(payload=LINES)
def test_what_is_read_the_short_way_is_what_the_long_way_reads(payload: str) -> None:
    plain = read_plain_line(payload)
    line = read_line(payload)
    try:
        prompt = parse_task_prompt(line["body"])
    except BadTaskBody:
        assert plain is None
        return
    if plain is not None:
        whole = PlainLine(prompt, line["body"].get("model"), line.get("grader"))
        assert repr(plain) == repr(whole)  # by what they look like: 1 is no True, and NaN is itself


def test_lines_of_the_usual_form_are_read_the_short_way() -> None:
    messages = [{"role": "system", "content": ""}, {"role": "user", "content": 'Say "Grüße".'}]
    body = {
        "messages": messages,
        "max_tokens": 9,
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "model": "auto:cheap",
    }
    payload = json.dumps({"custom_id": "a", "method": "POST", "body": body, "grader": {"kind": "exact"}})
    prompt = TaskPrompt((Message("system", ""), Message("user", 'Say "Grüße".')), 7)
    assert read_plain_line(payload) == PlainLine(prompt, "auto:cheap", {"kind": "exact"})


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "What?"},
        {"messages": [{"role": "user", "content": "What?"}], "prompt": None},
        {"messages": [{"role": "user", "content": "What?"}], "response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}]}]},
        {"messages": [{"role": "developer", "content": "Be short."}, {"role": "user", "content": "What?"}]},
        {"messages": [{"role": "user", "content": "What?"}], "max_tokens": True},
        {"messages": [{"role": "user", "content": " "}]},
        {"messages": [{"role": "assistant", "content": "Well"}]},
        {"messages": []},
    ],
)
def test_other_lines_are_left_to_the_long_way(body: dict[str, Any]) -> None:
    assert read_plain_line(json.dumps({"custom_id": "a", "body": body})) is None
