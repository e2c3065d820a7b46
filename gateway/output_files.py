"""results.jsonl and errors.jsonl in the OpenAI batch output format, and decisions.jsonl with the reasons behind."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from gateway.drawn import DrawnDecision
from gateway.joblines import CHAT_URL
from gateway.output_folder import OutputFolder, writing_output
from gateway.second_chances import ToldChance
from router.units import QUANTA_PER_UNIT, Unit

RESULTS, ERRORS, DECISIONS = "results.jsonl", "errors.jsonl", "decisions.jsonl"


@dataclass(frozen=True, kw_only=True)
class AnsweredTask:
    """A task with an answer: `texts` are the samples as the model wrote them, `answer` what was read out of them."""

    seq: int
    custom_id: str
    url: str
    strategy: str
    answer: str
    texts: tuple[str, ...]
    finish_reasons: tuple[str, ...]
    prompt_tokens: int
    output_tokens: int
    cached_prompt_tokens: int
    answered_at: datetime
    asked_again: str | None = None  # why, where its first answer was invalid


@dataclass(frozen=True, kw_only=True)
class UnansweredTask:
    """A task without an answer; `code` is why: `budget_exhausted`, or what its engine refused it with."""

    seq: int
    custom_id: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StrategyForecast:
    """What was predicted for one task under one strategy; no numbers when the strategy is not eligible."""

    strategy: str
    accuracy: float | None  # probability that the answer is right
    cost_quanta: float | None
    not_eligible: str | None = None  # the reason, where it is known


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One task's row of decisions.jsonl. Fields are None for what did not happen (no grade, not routed, not run)."""

    seq: int
    custom_id: str
    unit: Unit
    forecasts: tuple[StrategyForecast, ...]
    chosen: str | None = None
    shadow_price: float | None = None  # right answers per quantum
    propensity: float | None = None
    drawn: DrawnDecision | None = None
    second_chance: ToldChance | None = None
    window: int | None = None
    group: int | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cost_quanta: int | None = None
    grade: float | None = None
    answered_with: str | None = None  # the identical task whose answer it shares, at no cost


class FileCounts(NamedTuple):
    """Lines written to each file."""

    results: int
    errors: int
    decisions: int


def write_job_files(
    folder: Path,
    *,
    job_id: int,
    answered: Iterable[AnsweredTask],
    unanswered: Iterable[UnansweredTask],
    decisions: Iterable[Decision],
    pages: Mapping[str, str] | None = None,
) -> FileCounts:
    """Write the three files (and whole `pages` by name): either all are replaced or, with an OutputError, none."""
    with writing_output(folder) as output:
        counts = FileCounts(
            results=_write_lines(output, RESULTS, (result_line(job_id, task) for task in answered)),
            errors=_write_lines(output, ERRORS, (error_line(job_id, task) for task in unanswered)),
            decisions=_write_lines(output, DECISIONS, (decision_line(decision) for decision in decisions)),
        )
        for name, text in (pages or {}).items():
            with output.file(name) as stream:
                stream.write(text)
    return counts


def _write_lines(output: OutputFolder, name: str, lines: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with output.file(name) as stream:
        for count, line in enumerate(lines, start=1):  # noqa: B007 -- the count outlives the loop
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
    return count


def result_line(job_id: int, task: AnsweredTask) -> dict[str, Any]:
    """One line of results.jsonl: the body's `model` names the strategy, its content is the answer that was read."""
    request_id = f"{job_id}_{task.seq}"
    return {
        "id": f"batch_req_{request_id}",
        "custom_id": task.custom_id,
        "response": {"status_code": 200, "request_id": f"req_{request_id}", "body": _response_body(request_id, task)},
        "error": None,
    }


def _response_body(request_id: str, task: AnsweredTask) -> dict[str, Any]:
    chat = task.url == CHAT_URL
    finish_reason = task.finish_reasons[0] if task.finish_reasons else "stop"
    content = {"message": {"role": "assistant", "content": task.answer}} if chat else {"text": task.answer}
    return {
        "id": f"chatcmpl-{request_id}" if chat else f"cmpl-{request_id}",
        "object": "chat.completion" if chat else "text_completion",
        "created": int(task.answered_at.timestamp()),
        "model": task.strategy,
        "choices": [{"index": 0, **content, "logprobs": None, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": task.prompt_tokens,
            "completion_tokens": task.output_tokens,
            "total_tokens": task.prompt_tokens + task.output_tokens,
            "prompt_tokens_details": {"cached_tokens": task.cached_prompt_tokens},
        },
        "apportion": {"samples": list(task.texts)} | ({"asked_again": task.asked_again} if task.asked_again else {}),
    }


def error_line(of: int | str, task: UnansweredTask) -> dict[str, Any]:
    """One line of errors.jsonl, of a job's number, or of the id of a batch that never became one."""
    return {
        "id": f"batch_req_{of}_{task.seq}",
        "custom_id": task.custom_id,
        "response": None,
        "error": {"code": task.code, "message": task.message},
    }


def decision_line(decision: Decision) -> dict[str, Any]:
    """One line of decisions.jsonl; a strategy is null where it was not eligible, `not_eligible` may say why."""
    unit, quantum = decision.unit, QUANTA_PER_UNIT[decision.unit]
    price = None
    if decision.shadow_price is not None:
        price = {"value": decision.shadow_price * quantum, "unit": f"right answers per {unit.removesuffix('s')}"}
    return {
        "seq": decision.seq,
        "custom_id": decision.custom_id,
        "chosen": decision.chosen,
        "answered_with": decision.answered_with,
        "predicted": {forecast.strategy: _forecast_cell(forecast, unit) for forecast in decision.forecasts},
        "not_eligible": {f.strategy: f.not_eligible for f in decision.forecasts if f.not_eligible is not None},
        "unit": unit.value,
        "shadow_price": price,
        "propensity": decision.propensity,
        "drawn": None if decision.drawn is None else decision.drawn._asdict(),
        "second_chance": None if decision.second_chance is None else _chance_cell(decision.second_chance, unit),
        "window": decision.window,
        "group": decision.group,
        "prompt_tokens": decision.prompt_tokens,
        "output_tokens": decision.output_tokens,
        "cost": None if decision.cost_quanta is None else quanta_in_unit(decision.cost_quanta, unit),
        "grade": decision.grade,
    }


def _forecast_cell(forecast: StrategyForecast, unit: Unit) -> dict[str, float] | None:
    if forecast.accuracy is None or forecast.cost_quanta is None:
        return None
    cost = float(f"{quanta_in_unit(forecast.cost_quanta, unit):.6g}")
    return {"accuracy": round(forecast.accuracy, 4), "cost": cost}


def _chance_cell(chance: ToldChance, unit: Unit) -> dict[str, Any]:
    costs = {name: quanta_in_unit(getattr(chance, name), unit) for name in ("first_cost", "second_cost")}
    return {**chance._asdict(), **costs}


def quanta_in_unit(quanta: float, unit: Unit) -> float:
    """An amount as a plain number of its unit; whole where a quantum is the unit, so that sums stay exact there."""
    return quanta if QUANTA_PER_UNIT[unit] == 1 else quanta / QUANTA_PER_UNIT[unit]
