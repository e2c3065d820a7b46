"""The output files of a job, streamed from what the database holds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from db.explorations import iterate_draws
from db.jobs import Job, read_job
from db.predictions import PredictionBlock, iterate_prediction_blocks
from db.results import TaskResult, iterate_results
from db.states import RequeueReason
from db.strategies import read_strategies
from gateway.drawn import name_draw
from gateway.output_files import (
    AnsweredTask,
    Decision,
    FileCounts,
    StrategyForecast,
    UnansweredTask,
    error_line,
    result_line,
    write_job_files,
)
from gateway.report.html import render_html
from gateway.report.values import JobReport
from gateway.second_chances import tell_second_chances
from router.units import Unit
from worker.objective import Objective
from worker.task_line import parse_task_line

REPORT = "report.html"
ERROR_CODES: dict[RequeueReason | None, tuple[str, str]] = {
    RequeueReason.BUDGET_EXHAUSTED: ("budget_exhausted", "no strategy that may serve this task fitted what was left"),
    RequeueReason.CANCELLED: ("cancelled", "the job was cancelled before this task was answered"),
    RequeueReason.NOT_ELIGIBLE: ("not_eligible", "no strategy of this job can serve this task"),
}
UNDER_WAY = ("not_finished", "the job stopped before this task was answered: `apportion continue` goes on with it")


def write_files(session: Session, *, report: JobReport, folder: Path) -> FileCounts:
    """Write results.jsonl, errors.jsonl, decisions.jsonl and report.html, all of them or none."""
    job = read_job(session, job_id=report.job_id)
    names = {row.id: row.name for row in read_strategies(session, strategy_ids=job.strategy_ids)}
    return write_job_files(
        folder,
        job_id=job.id,
        answered=_iterate_answered(session, job=job, names=names),
        unanswered=_iterate_unanswered(session, job=job),
        decisions=_iterate_decisions(session, job=job, names=names),
        pages={REPORT: render_html(report)},
    )


def iterate_result_lines(session: Session, *, job: Job) -> Iterator[dict[str, Any]]:
    """The lines of results.jsonl as the job stands."""
    names = {row.id: row.name for row in read_strategies(session, strategy_ids=job.strategy_ids)}
    return (result_line(job.id, task) for task in _iterate_answered(session, job=job, names=names))


def iterate_error_lines(session: Session, *, job: Job) -> Iterator[dict[str, Any]]:
    """The lines of errors.jsonl as the job stands."""
    return (error_line(job.id, task) for task in _iterate_unanswered(session, job=job))


def _iterate_answered(session: Session, *, job: Job, names: Mapping[int, str]) -> Iterator[AnsweredTask]:
    answered_at = job.finished_at or job.submitted_at
    asked_again = list_asked_again(session, job=job, names=names)
    for result in iterate_results(session, job_id=job.id):
        if result.outcome is not None and result.outcome.error_code is None:
            url = json.loads(result.payload)["url"]
            yield describe_answered(
                result, url=url, names=names, answered_at=answered_at, asked_again=asked_again.get(result.seq)
            )


def list_asked_again(session: Session, *, job: Job, names: Mapping[int, str]) -> dict[int, str]:
    """Why a second strategy was asked, by task: of those where one was."""
    chances = tell_second_chances(session, job=job, names=names)
    return {seq: chance.failure for seq, chance in chances if chance.second is not None}


def describe_answered(
    result: TaskResult, *, url: str, names: Mapping[int, str], answered_at: datetime, asked_again: str | None
) -> AnsweredTask:
    """The task as its line of output has it; only of one with an answer."""
    outcome = result.outcome
    assert outcome is not None
    return AnsweredTask(
        seq=result.seq,
        custom_id=result.custom_id,
        url=url,
        strategy=names[outcome.strategy_id],
        answer=outcome.answer,
        texts=tuple(outcome.response["texts"]),
        finish_reasons=tuple(outcome.response["finish_reasons"]),
        prompt_tokens=outcome.prompt_tokens,
        output_tokens=outcome.output_tokens,
        cached_prompt_tokens=outcome.cached_prompt_tokens,
        answered_at=answered_at,
        asked_again=asked_again,
    )


def _iterate_unanswered(session: Session, *, job: Job) -> Iterator[UnansweredTask]:
    for result in iterate_results(session, job_id=job.id):
        if result.outcome is None or result.outcome.error_code is not None:
            yield describe_unanswered(result)


def describe_unanswered(
    result: TaskResult, *, codes: Mapping[RequeueReason | None, tuple[str, str]] = ERROR_CODES
) -> UnansweredTask:
    """Why a task has no answer: the code and message of its reason, or what its engine said."""
    code, message = codes.get(result.reason, UNDER_WAY)
    if result.outcome is not None:
        code, message = str(result.outcome.error_code), result.outcome.error_message or ""
    return UnansweredTask(seq=result.seq, custom_id=result.custom_id, code=code, message=message)


def _iterate_decisions(session: Session, *, job: Job, names: Mapping[int, str]) -> Iterator[Decision]:
    unit = Objective.from_json(job.objective).unit
    ordered = [names[strategy_id] for strategy_id in job.strategy_ids]
    rows = chain.from_iterable(map(_rows, iterate_prediction_blocks(session, job_id=job.id)))
    chances = dict(tell_second_chances(session, job=job, names=names))
    draws = iterate_draws(session, job_id=job.id)
    waiting = next(draws, None)
    for result, row in zip(iterate_results(session, job_id=job.id), rows, strict=True):
        drawn = None
        if waiting is not None and waiting.seq == result.seq:
            drawn, waiting = name_draw(waiting, names=names), next(draws, None)
        described = _describe_decision(result, unit=unit, names=names, forecasts=_forecasts(row, result, ordered))
        yield replace(described, drawn=drawn, second_chance=chances.get(result.seq))


class _Row(NamedTuple):
    """One task's predictions; NaN = not eligible."""

    accuracy: list[float]
    cost: list[float]


def _rows(block: PredictionBlock) -> Iterator[_Row]:
    predictions = block.predictions
    return map(_Row, predictions.accuracy.tolist(), predictions.cost.tolist())


def _forecasts(row: _Row, result: TaskResult, names: list[str]) -> tuple[StrategyForecast, ...]:
    asked = parse_task_line(result.payload).model
    return tuple(_forecast(*offer, asked=asked) for offer in zip(names, row.accuracy, row.cost, strict=True))


def _forecast(name: str, accuracy: float, cost: float, *, asked: str) -> StrategyForecast:
    if np.isfinite(accuracy) and np.isfinite(cost):
        return StrategyForecast(strategy=name, accuracy=accuracy, cost_quanta=cost)
    reason = None if asked in ("auto", name) else f"the line asks for {asked}"
    return StrategyForecast(strategy=name, accuracy=None, cost_quanta=None, not_eligible=reason)


def _describe_decision(
    result: TaskResult, *, unit: Unit, names: Mapping[int, str], forecasts: tuple[StrategyForecast, ...]
) -> Decision:
    outcome = result.outcome
    if outcome is None:
        return Decision(
            seq=result.seq, custom_id=result.custom_id, unit=unit, forecasts=forecasts, answered_with=result.leader
        )
    return Decision(
        seq=result.seq,
        custom_id=result.custom_id,
        unit=unit,
        forecasts=forecasts,
        chosen=names[outcome.strategy_id],
        shadow_price=outcome.shadow_price,
        propensity=outcome.propensity,
        window=outcome.window_id,
        group=outcome.group_id,
        prompt_tokens=outcome.prompt_tokens,
        output_tokens=outcome.output_tokens,
        cost_quanta=outcome.cost,
        grade=outcome.correct,
        answered_with=result.leader,
    )
