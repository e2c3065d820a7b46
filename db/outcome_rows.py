"""Outcome rows: written once, many in one statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.states import JobKind, OutcomeSource
from db.text import replace_unstorable, replace_unstorable_json


@dataclass(frozen=True, kw_only=True)
class NewOutcome:
    """A final answer (or a final refusal: error_code set, answer empty)."""

    seq: int
    answer: str
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta
    response: Mapping[str, Any]  # texts, finish_reasons
    correct: float | None = None
    error_code: str | None = None
    error_message: str | None = None
    latency_seconds: float | None = None
    propensity: float | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What outcomes that are stored together have in common."""

    tenant_id: str
    job_id: int
    kind: JobKind
    arm: int
    strategy_id: int
    grp_id: int | None
    fence: int | None
    source: OutcomeSource


# One statement whatever the number: row by row, 500 outcomes took five times as long.
_INSERT = text("""
    INSERT INTO outcome (tenant_id, job_id, kind, arm, strategy_id, grp_id, fence, source,
                         seq, answer, response, error_code, error_message, prompt_tokens, output_tokens, cost,
                         correct, latency_seconds, propensity)
    SELECT :tenant_id, :job_id, :kind, :arm, :strategy_id, :grp_id, :fence, :source,
           seq, answer, CAST(response AS jsonb), error_code, error_message, prompt_tokens, output_tokens, cost,
           correct, latency_seconds, propensity
    FROM unnest(CAST(:seq AS int[]), CAST(:answer AS text[]), CAST(:response AS text[]),
                CAST(:error_code AS text[]), CAST(:error_message AS text[]),
                CAST(:prompt_tokens AS int[]), CAST(:output_tokens AS int[]), CAST(:cost AS numeric[]),
                CAST(:correct AS float8[]), CAST(:latency_seconds AS float8[]), CAST(:propensity AS float8[]))
         AS new (seq, answer, response, error_code, error_message, prompt_tokens, output_tokens, cost,
                 correct, latency_seconds, propensity)
""")


def insert_outcomes(session: Session, *, outcomes: Sequence[NewOutcome], origin: Origin) -> None:
    """Store them; text that Postgres can not hold is replaced, since it is paid for."""
    if not outcomes:
        return
    columns = {
        "seq": [outcome.seq for outcome in outcomes],
        "answer": [replace_unstorable(outcome.answer) for outcome in outcomes],
        "response": [json.dumps(replace_unstorable_json(dict(outcome.response))) for outcome in outcomes],
        "error_code": [outcome.error_code for outcome in outcomes],
        "error_message": [
            None if outcome.error_message is None else replace_unstorable(outcome.error_message) for outcome in outcomes
        ],
        "prompt_tokens": [outcome.prompt_tokens for outcome in outcomes],
        "output_tokens": [outcome.output_tokens for outcome in outcomes],
        "cost": [outcome.cost for outcome in outcomes],
        "correct": [outcome.correct for outcome in outcomes],
        "latency_seconds": [outcome.latency_seconds for outcome in outcomes],
        "propensity": [outcome.propensity for outcome in outcomes],
    }
    session.execute(_INSERT, asdict(origin) | columns)
