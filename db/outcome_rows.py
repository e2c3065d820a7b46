"""Outcome rows: written once, many in one statement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.orm import Session

from db.copying import copy_lines, write_number, write_text
from db.states import JobKind, OutcomeSource
from db.text import replace_unstorable


class RequestUsage(NamedTuple):
    """What one of several requests for a task used."""

    texts: int  # how many of the outcome's texts it brought
    prompt_tokens: int
    output_tokens: int


class NewOutcome(NamedTuple):
    """A final answer (or a final refusal: error_code set, answer empty)."""

    seq: int
    answer: str
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta
    texts: Sequence[str]  # as the engine wrote them, one a sample
    finish_reasons: Sequence[str]
    correct: float | None = None
    error_code: str | None = None
    error_message: str | None = None
    latency_seconds: float | None = None
    propensity: float | None = None
    cached_prompt_tokens: int = 0  # of the prompt's
    requests: Sequence[RequestUsage] = ()  # in turn, where there were several


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


OUTCOME_COLUMNS = (
    *("tenant_id", "job_id", "kind", "arm", "strategy_id", "grp_id", "fence", "source"),
    *("seq", "answer", "response", "error_code", "error_message", "prompt_tokens", "output_tokens", "cost"),
    *("correct", "latency_seconds", "propensity", "cached_prompt_tokens"),
)


def insert_outcomes(session: Session, *, outcomes: Sequence[NewOutcome], origin: Origin) -> None:
    """Store them; text that Postgres can not hold is replaced, since it is paid for."""
    if not outcomes:
        return
    begin = write_origin(origin)
    lines = (write_outcome(begin, outcome) for outcome in outcomes)
    copy_lines(session, table="outcome", columns=OUTCOME_COLUMNS, lines=lines)


def write_origin(origin: Origin) -> str:
    """The begin of a line of COPY, which outcomes of one origin share."""
    begin = f"{write_text(origin.tenant_id)}\t{origin.job_id}\t{origin.kind}\t{origin.arm}\t{origin.strategy_id}"
    return f"{begin}\t{write_number(origin.grp_id)}\t{write_number(origin.fence)}\t{origin.source}"


def write_outcome(begin: str, outcome: NewOutcome) -> str:
    """A line of COPY with the values of OUTCOME_COLUMNS."""
    error_message = None if outcome.error_message is None else replace_unstorable(outcome.error_message)
    return (
        f"{begin}\t{outcome.seq}\t{write_text(replace_unstorable(outcome.answer))}"
        f"\t{write_text(_write_response(outcome))}\t{write_text(outcome.error_code)}\t{write_text(error_message)}"
        f"\t{outcome.prompt_tokens}\t{outcome.output_tokens}\t{outcome.cost}\t{write_number(outcome.correct)}"
        f"\t{write_number(outcome.latency_seconds)}\t{write_number(outcome.propensity)}\t{outcome.cached_prompt_tokens}"
    )


def _write_response(outcome: NewOutcome) -> str:
    """JSON by hand: the encoder takes three times as long for so small an object."""
    texts = ", ".join([_quote(replace_unstorable(text)) for text in outcome.texts])
    finish_reasons = ", ".join(map(_quote, outcome.finish_reasons))
    requests = f', "requests": {json.dumps([use._asdict() for use in outcome.requests])}' if outcome.requests else ""
    return f'{{"texts": [{texts}], "finish_reasons": [{finish_reasons}]{requests}}}'


_quote = json.encoder.encode_basestring_ascii  # of a text
