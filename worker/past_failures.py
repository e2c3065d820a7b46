"""What calibrations say of failures: how the others did on the tasks that one strategy answered invalidly."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from db.calibration_answers import CalibrationAnswer, read_calibration_answers
from db.tasks import read_tasks
from router.failure_shift import FailedTasks, learn_shifts
from router.second_chance import Failure, GivenAnswer, judge_answer
from worker.pool import ServingPool
from worker.predictors import LoadedPredictors
from worker.second_chance_terms import SecondChanceTerms
from worker.task_line import TaskLine, parse_task_line
from worker.task_vectors import TaskVectors

MOST_TASKS = 5_000  # the latest: a few hundred failures of a pair are all that its shift gains from


def learn_terms(
    session: Session,
    *,
    strategy_ids: Sequence[int],
    pool: ServingPool,
    predictors: LoadedPredictors,
    vectors: TaskVectors,
) -> SecondChanceTerms:
    """The terms of a job that these predictors serve, out of what calibrations have shown so far."""
    answers = read_calibration_answers(session, strategy_ids=strategy_ids, most_tasks=MOST_TASKS)
    failed = list(_find_failed(session, answers, strategy_ids=strategy_ids, pool=pool))
    if not failed:
        return SecondChanceTerms(shifts=learn_shifts({}, strategies=len(strategy_ids)), learnt_from=0)
    predicted = predictors.stack.predict(vectors.of([task.payload for task in failed])).accuracy.astype(np.float64)
    correct = np.array([task.correct for task in failed])
    evidence = {}
    for kind in {(task.failure, task.column) for task in failed}:
        rows = [row for row, task in enumerate(failed) if (task.failure, task.column) == kind]
        evidence[kind] = FailedTasks(predicted[rows], correct[rows])
    return SecondChanceTerms(shifts=learn_shifts(evidence, strategies=len(strategy_ids)), learnt_from=len(failed))


class _Failed(NamedTuple):
    """An invalid answer, and how everybody did on its task."""

    payload: str
    failure: Failure
    column: int  # of the strategy that gave it
    correct: Sequence[float]  # of each strategy; NaN where it is not known


def _find_failed(
    session: Session, answers: Sequence[CalibrationAnswer], *, strategy_ids: Sequence[int], pool: ServingPool
) -> Iterable[_Failed]:
    column_of = {strategy_id: column for column, strategy_id in enumerate(strategy_ids)}
    for job_id, of_job in groupby(answers, key=lambda answer: answer.job_id):
        by_task = {seq: list(given) for seq, given in groupby(of_job, key=lambda answer: answer.seq)}
        for stored in read_tasks(session, job_id=job_id, seqs=list(by_task)):
            line = parse_task_line(stored.payload)
            given = {column_of[answer.strategy_id]: answer for answer in by_task[stored.seq]}
            correct = [_grade(given.get(column)) for column in range(len(strategy_ids))]
            for column, failure in _judge(given, line, pool):
                yield _Failed(stored.payload, failure, column, correct)


def _grade(answer: CalibrationAnswer | None) -> float:
    return np.nan if answer is None or answer.correct is None else answer.correct


def _judge(given: Mapping[int, CalibrationAnswer], line: TaskLine, pool: ServingPool) -> Iterable[tuple[int, Failure]]:
    for column, answer in given.items():
        came = GivenAnswer(answer.answer, answer.response["texts"], answer.correct)
        method = pool.strategies[column].strategy.decoding
        failure = judge_answer(came, task=line.prompt, grader=line.grader, method=method).failure
        if failure is not None:
            yield column, failure
