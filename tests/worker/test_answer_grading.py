"""Grades that take more than the answer: programs are run for live answers and twins, judged answers wait."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.progress import read_progress
from db.results import iterate_results
from db.session import session_scope
from gateway.errors import JobFileError
from gateway.graded_tasks import keep_graded, require_graders, require_sandbox
from gateway.report.task_ends import TaskEnds
from router.generation import Completion, GenerationRequest
from router.grading import parse_grader
from tests.worker.fake_night import FakeEngine, budget, drive, make_settings, make_tasks, predict_flat, submit
from worker.answer_grading import AnswerGrading

SQUARE = {
    "kind": "code",
    "reference": ["assert f(2) == 4", "assert f(3) == 9"],
    "partial": True,
    "setup": "import math",
}
JUDGED = {"kind": "judge", "reference": "is polite"}
PROGRAMS = ("def f(x):\n    return x * x", "def f(x):\n    return 4", "def f(x):\n    raise ValueError")


def answer_programs(request: GenerationRequest) -> Completion:
    text = PROGRAMS[int(request.messages[-1].content.removeprefix("question-")) % len(PROGRAMS)]
    return Completion(texts=(text,), finish_reasons=("stop",), prompt_tokens=5, output_tokens=5)


def run_night(database: Database, tmp_path: Path, grader: Mapping[str, object]) -> int:
    """Six tasks that ask three questions."""
    tasks = make_tasks(
        6, grader=grader, body=lambda number: {"messages": [{"role": "user", "content": f"question-{number % 3}"}]}
    )
    predictions = predict_flat(6, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(database, predictions=predictions, objective=budget(1_000), tasks=tasks)
    assert drive(database, job_id, [FakeEngine(answer_programs)], make_settings(tmp_path))
    return job_id


def test_programs_and_their_twins_are_graded_by_running_them(db_engine: Database, tmp_path: Path) -> None:
    job_id = run_night(db_engine, tmp_path, SQUARE)
    with session_scope(db_engine) as session:
        grades = [result.outcome.correct for result in iterate_results(session, job_id=job_id) if result.outcome]
    assert grades == [1.0, 0.5, 0.0] * 2


def test_a_judged_answer_has_no_grade_yet_and_counts_as_neither(db_engine: Database, tmp_path: Path) -> None:
    job_id = run_night(db_engine, tmp_path, JUDGED)
    ends = TaskEnds(6)
    with session_scope(db_engine) as session:
        done = read_progress(session, job_id=job_id)
        results = list(iterate_results(session, job_id=job_id))
    assert (done.outcomes, done.graded) == (6, 0)
    for result in results:
        assert result.outcome is not None
        assert result.outcome.correct is None
        ends.note(result, column_of={result.outcome.strategy_id: 0})
    assert (ends.count().graded, ends.mean_right()) == (0, None)


def test_a_judges_task_and_one_without_grader_have_no_grade_here() -> None:
    grading = AnswerGrading()
    assert grading.grade(None, "yes") is None
    assert grading.grade(parse_grader(JUDGED), "yes") is None
    assert grading.grade(parse_grader({"kind": "exact", "reference": "yes"}), "yes") == 1.0
    assert grading.grade(parse_grader(SQUARE), PROGRAMS[1]) == 0.5
    assert grading.grade(parse_grader(SQUARE), "") == 0.0


def test_nothing_can_be_learnt_from_a_task_that_waits_for_a_judge() -> None:
    judged, exact = make_tasks(2, grader=JUDGED), make_tasks(1)
    assert keep_graded(Path("tasks.jsonl"), [*judged, *exact]) == exact
    with pytest.raises(JobFileError, match="2 tasks have no grader, or a judge's, the first is task-0"):
        require_graders(Path("tasks.jsonl"), [*judged, *exact])


NO_SANDBOX = ["unshare", "--user", "--map-root-user", "sh", "-c"]
NO_SANDBOX += ['echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', "sh", sys.executable, "-c"]
UNGRADED = """
from router.grading import parse_grader
from worker.answer_grading import AnswerGrading
grading, grader = AnswerGrading(), parse_grader({"kind": "code", "reference": "assert f(2) == 4"})
print([grading.grade(grader, "def f(x): return 4") for _ in range(3)])
"""
REFUSED = """
import sys
from pathlib import Path
from gateway.graded_tasks import require_sandbox
from tests.worker.fake_night import make_tasks
require_sandbox(Path("tasks.jsonl"), make_tasks(2))
require_sandbox(Path("tasks.jsonl"), make_tasks(2, grader={"kind": "code", "reference": "assert f(2) == 4"}))
"""


def run_without_sandbox(script: str) -> subprocess.CompletedProcess[str]:
    command = [*NO_SANDBOX, script]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])


def test_where_no_sandbox_can_be_made_answers_stay_ungraded_and_that_is_said_once() -> None:
    ended = run_without_sandbox(UNGRADED)
    assert ended.stdout == "[None, None, None]\n"
    assert ended.stderr.count("a program was not graded: no sandbox can be made here") == 1


def test_nothing_is_asked_to_learn_from_programs_that_can_not_be_run_here() -> None:
    ended = run_without_sandbox(REFUSED)
    assert "tasks.jsonl: has code graders, and no sandbox can be made here" in ended.stderr.splitlines()[-1]


def test_a_machine_with_a_sandbox_may_learn_from_programs() -> None:
    require_sandbox(Path("tasks.jsonl"), make_tasks(2, grader=SQUARE))
