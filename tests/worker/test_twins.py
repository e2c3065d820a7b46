"""Which tasks repeat which: found by what they ask, not by what they are called."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from db.tasks import NewTask
from worker.twins import count_alike, find_twins


def ask(question: str, *, url: str = "/v1/chat/completions", grader: object = None, **body: Any) -> NewTask:
    messages = [{"role": "user", "content": question}]
    line = {"custom_id": "a", "method": "POST", "url": url, "body": {"model": "auto", "messages": messages, **body}}
    return NewTask(custom_id="a", payload=json.dumps(line | ({"grader": grader} if grader else {})))


def reorder(task: NewTask) -> NewTask:
    """The same line with its fields the other way round."""
    line = json.loads(task.payload)
    turned = {key: line[key] for key in reversed(line)}
    turned["body"] = {key: line["body"][key] for key in reversed(line["body"])}
    return NewTask(custom_id="b", payload=json.dumps(turned, indent=1))


def test_what_a_task_is_called_or_how_it_is_graded_or_written_makes_no_difference() -> None:
    graded = ask("1 + 1", grader={"kind": "exact", "reference": "2"}, max_tokens=4)
    assert find_twins([ask("1 + 1", max_tokens=4), reorder(graded), graded]) == {1: 0, 2: 0}


def test_whatever_may_change_the_answer_does() -> None:
    asked = [
        ask("1 + 1"),
        ask("1 + 2"),
        ask("1 + 1", model="large"),
        ask("1 + 1", max_tokens=4),
        ask("1 + 1", seed=1),
        ask("1 + 1", url="/v1/completions"),
    ]
    assert find_twins(asked) == {}
    assert find_twins([*asked, *asked]) == {seq + len(asked): seq for seq in range(len(asked))}


def test_draws_are_not_shared() -> None:
    assert find_twins([ask("a name", temperature=0.7), ask("a name", temperature=0.7)]) == {}
    assert find_twins([ask("a name", temperature=0), ask("a name", temperature=0)]) == {1: 0}
    assert find_twins([ask("a name", temperature=None), ask("a name", temperature=None)]) == {1: 0}


@given(st.lists(st.integers(0, 5)))
def test_every_question_is_asked_once_and_every_task_answered_once(questions: list[int]) -> None:
    leader_of = find_twins([ask(str(question)) for question in questions])
    first = {question: questions.index(question) for question in questions}
    assert leader_of == {seq: first[q] for seq, q in enumerate(questions) if first[q] != seq}
    alike = count_alike(len(questions), leader_of=leader_of)
    assert alike.tolist() == [questions.count(q) if first[q] == seq else 0 for seq, q in enumerate(questions)]
