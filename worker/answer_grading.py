"""Every answer's grade, also where the answer alone does not tell: programs run in a sandbox, off the event loop."""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import msgspec

from db.settlements import NewOutcome
from router.grading import Grader, grade
from router.grading.code_tests import CodeTests
from worker.errors import SandboxUnavailable
from worker.sandbox.code_run import count_passed

logger = logging.getLogger(__name__)


class AnswerGrading:
    """Grades answers; as many programs run at a time as there are processors."""

    def __init__(self) -> None:
        self._runs = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="code-run")
        self._warned = False

    async def complete(self, outcome: NewOutcome, grader: Grader | None) -> NewOutcome:
        """The outcome, with the grade of its program where it is one that nobody has run yet."""
        if grader is None or outcome.correct is not None or outcome.error_code is not None:
            return outcome
        if not isinstance(grader.rule, CodeTests):
            return outcome
        correct = await asyncio.wrap_future(self._runs.submit(self._run, grader.rule, outcome.answer))
        return msgspec.structs.replace(outcome, correct=correct)

    def grade(self, grader: Grader | None, answer: str) -> float | None:
        """How right an answer is; None where nothing here can tell. The caller's thread waits while a program runs."""
        label = None if grader is None else grade(grader, answer)
        if label is not None or grader is None or not isinstance(grader.rule, CodeTests):
            return label
        return self._runs.submit(self._run, grader.rule, answer).result()

    def _run(self, tests: CodeTests, answer: str) -> float | None:
        try:
            return tests.score(count_passed(tests, answer))
        except (SandboxUnavailable, OSError) as error:  # the answer is paid for, and is kept
            if not self._warned:  # once: every further answer would say the same
                self._warned = True
                logger.warning("a program was not graded: %s", error)
            return None
