"""Outcome rows: written once, many in one statement."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.copying import copy_rows
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


_COLUMNS = (
    *("tenant_id", "job_id", "kind", "arm", "strategy_id", "grp_id", "fence", "source"),
    *("seq", "answer", "response", "error_code", "error_message", "prompt_tokens", "output_tokens", "cost"),
    *("correct", "latency_seconds", "propensity"),
)


def insert_outcomes(session: Session, *, outcomes: Sequence[NewOutcome], origin: Origin) -> None:
    """Store them; text that Postgres can not hold is replaced, since it is paid for."""
    if not outcomes:
        return
    shared = (
        *(origin.tenant_id, origin.job_id, origin.kind.value, origin.arm, origin.strategy_id),
        *(origin.grp_id, origin.fence, origin.source.value),
    )
    # COPY takes a third of the time that arrays take, which psycopg writes item by item in Python.
    rows = ((*shared, *_values(outcome)) for outcome in outcomes)
    copy_rows(session, table="outcome", columns=_COLUMNS, rows=rows)


def _values(outcome: NewOutcome) -> tuple[object, ...]:
    error_message = outcome.error_message
    return (
        outcome.seq,
        replace_unstorable(outcome.answer),
        _write_json(outcome.response),
        outcome.error_code,
        None if error_message is None else replace_unstorable(error_message),
        outcome.prompt_tokens,
        outcome.output_tokens,
        outcome.cost,
        outcome.correct,
        outcome.latency_seconds,
        outcome.propensity,
    )


def _write_json(response: Mapping[str, Any]) -> str:
    """The response as JSON text; most hold nothing that Postgres could not, and are not looked through twice."""
    written = json.dumps(response)
    return json.dumps(replace_unstorable_json(dict(response))) if _SUSPICIOUS.search(written) else written


# How json.dumps writes NUL characters and surrogates, lone ones or pairs.
_SUSPICIOUS = re.compile(r"\\u(?:0000|d[89a-f])")
