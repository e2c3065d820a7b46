"""Stored lines read back: the prompt, the grader, and who may serve them."""

import json

import pytest

from router.strategy import Strategy
from router.strategy_file import parse_strategies
from worker.task_line import TaskLine, parse_task_line


def parse(*, model: str | None = "auto", messages: list[dict[str, str]] | None = None, **line: object) -> TaskLine:
    body = {"model": model, "messages": messages or [{"role": "user", "content": "What is 2 + 2?"}]}
    return parse_task_line(json.dumps({"custom_id": "a", "body": body, **line}))


def make_strategy(name: str, *tags: str) -> Strategy:
    engine = {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "description": "d"}
    decoding = {"method": "direct", "max_tokens": 5}
    strategies = [{"name": name, "engine": "e", "decoding": decoding, "tags": list(tags)}]
    document = {"engines": {"e": engine}, "strategies": strategies}
    return parse_strategies(document, source="test").strategies[0]


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("auto", True),
        (None, True),
        ("direct", True),
        ("other", False),
        ("auto:cheap", True),
        ("auto:dear", False),
        ("cheap", False),  # a tag is no name
        ("auto:", False),
    ],
)
def test_a_line_says_who_may_serve_it(model: str | None, allowed: bool) -> None:
    assert parse(model=model).allows(make_strategy("direct", "cheap")) is allowed


def test_the_encoder_reads_all_that_the_user_says_and_nothing_else() -> None:
    line = parse(
        messages=[
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "First."},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Second."},
        ]
    )
    assert line.embedded_text == "First.\nSecond."


def test_a_grader_is_optional() -> None:
    assert parse().grader is None
    assert parse(grader=None).grader is None
    graded = parse(grader={"kind": "exact", "reference": "4"}).grader
    assert graded is not None
    assert (graded.kind, graded.reference) == ("exact", "4")


def test_a_completions_body_has_a_prompt_of_its_own() -> None:
    line = parse_task_line(json.dumps({"custom_id": "a", "body": {"prompt": "Once upon a time"}}))
    assert (line.embedded_text, line.model) == ("Once upon a time", "auto")
