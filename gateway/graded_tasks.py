"""The graded tasks of a file."""

from collections.abc import Sequence
from pathlib import Path

from db.tasks import NewTask
from gateway.errors import JobFileError
from router.grading.code_tests import CodeTests
from worker.errors import SandboxUnavailable
from worker.sandbox.code_run import check_sandbox
from worker.task_line import parse_task_line


def require_graders(task_file: Path, tasks: Sequence[NewTask]) -> None:
    """JobFileError unless every task has a grader that grades its answer at once."""
    bare = [task.custom_id for task in tasks if not _is_graded(task)]
    if bare:
        problem = (
            f"{task_file}: {len(bare):,} tasks have no grader, or a judge's, the first is {bare[0]}; calibration needs "
            "one on each that grades at once"
        )
        raise JobFileError(str(task_file), [problem], problem_count=1)


def keep_graded(task_file: Path, tasks: Sequence[NewTask]) -> list[NewTask]:
    """The tasks that have a grader; JobFileError when none has one."""
    graded = [task for task in tasks if _is_graded(task)]
    if not graded:
        problem = f"{task_file}: none of the {len(tasks):,} tasks has a grader; what a probe is worth is its grade"
        raise JobFileError(str(task_file), [problem], problem_count=1)
    return graded


def require_sandbox(task_file: Path, tasks: Sequence[NewTask]) -> None:
    """JobFileError when answers are programs that can not be run here: they would be paid for and teach nothing."""
    graders = (parse_task_line(task.payload).grader for task in tasks)
    if any(grader is not None and isinstance(grader.rule, CodeTests) for grader in graders):
        try:
            check_sandbox()
        except SandboxUnavailable as error:
            raise JobFileError(
                str(task_file), [f"{task_file}: has code graders, and {error}"], problem_count=1
            ) from None


def _is_graded(task: NewTask) -> bool:
    grader = parse_task_line(task.payload).grader
    return grader is not None and not grader.waits_for_judge
