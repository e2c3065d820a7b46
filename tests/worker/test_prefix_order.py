"""The order within a group: what begins alike is asked together, and nothing else changes."""

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.fake_night import make_pool
from worker.attempt import Assigned
from worker.prefix_order import order_by_prefix
from worker.task_line import parse_task_line

DOCUMENTS, QUESTIONS = ("Document one", "Document two", "Another"), ("Who?", "Why?", "When?")


def assign(texts: Sequence[tuple[str, str]]) -> list[Assigned]:
    """Tasks with a system text and a question each."""
    priced = make_pool().strategies[0]
    bodies = [
        {"messages": [{"role": "system", "content": system}, {"role": "user", "content": question}]}
        for system, question in texts
    ]
    return [
        Assigned(
            seq=seq,
            line=parse_task_line(json.dumps({"body": body})),
            priced=priced,
            amount=10,
            least=0,
            lost_workers=0,
        )
        for seq, body in enumerate(bodies)
    ]


def test_questions_about_one_document_follow_each_other() -> None:
    asked = order_by_prefix(assign([(document, question) for question in QUESTIONS for document in DOCUMENTS]))
    documents = [assigned.line.prompt.messages[0].content for assigned in asked]
    assert documents == [document for document in sorted(DOCUMENTS) for _ in QUESTIONS]


@given(texts=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))))
def test_no_task_is_lost_and_equal_ones_keep_their_order(texts: list[tuple[str, str]]) -> None:
    asked = order_by_prefix(assign(texts))
    assert sorted(assigned.seq for assigned in asked) == list(range(len(texts)))
    assert [(texts[assigned.seq], assigned.seq) for assigned in asked] == sorted(
        (text, seq) for seq, text in enumerate(texts)
    )
