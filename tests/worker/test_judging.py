"""Which questions a judge is asked, and that its code is in none of them."""

import json
from typing import Any

from db.judgements import UnjudgedAnswer
from router.grading.judge import Judge
from worker.judging import draw_nonce, gather_questions, write_judge_line
from worker.task_line import parse_task_line

RUBRIC = {"kind": "judge", "reference": "names the thing"}


def unjudged(
    seq: int, answer: str, *messages: dict[str, str], grader: dict[str, Any] | None = RUBRIC
) -> UnjudgedAnswer:
    said = list(messages) or [{"role": "user", "content": "What is it?"}]
    line = {"custom_id": f"t{seq}", "body": {"messages": said}, **({"grader": grader} if grader else {})}
    return UnjudgedAnswer(seq=seq, arm=0, payload=json.dumps(line), answer=answer)


def test_an_answer_that_was_given_twice_is_read_once() -> None:
    answers = [
        unjudged(0, "a"),
        unjudged(1, "b"),
        unjudged(2, "a"),
        unjudged(3, "a", {"role": "user", "content": "Who?"}),
    ]
    questions = gather_questions(iter(answers))
    assert [question.answers for question in questions] == [[(0, 0), (2, 0)], [(1, 0)], [(3, 0)]]


def test_what_a_program_grades_is_no_question() -> None:
    exact = {"kind": "exact", "reference": "a"}
    assert gather_questions(iter([unjudged(0, "a", grader=exact), unjudged(1, "a", grader=None)])) == []


def test_the_judge_is_told_who_said_what() -> None:
    said = [
        {"role": "user", "content": "Say a number."},
        {"role": "assistant", "content": "7"},
        {"role": "user", "content": "Another."},
    ]
    (question,) = gather_questions(iter([unjudged(0, "8", *said)]))
    assert question.question == "user: Say a number.\n\nassistant: 7\n\nuser: Another."


def test_the_line_is_a_task_for_the_judge_alone_and_carries_its_code() -> None:
    (question,) = gather_questions(iter([unjudged(5, "yes")]))
    nonce = draw_nonce([question])
    task = write_judge_line(question, model="strict", nonce=nonce)
    line = parse_task_line(task.payload)
    assert (task.custom_id, line.model, line.grader) == ("5.0", "strict", None)
    assert nonce not in question.question + question.answer
    assert f"SCORE {nonce}" in line.prompt.question
    assert isinstance(question.judge, Judge)
