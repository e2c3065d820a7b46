"""Outcome rows: written once, many in one statement."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from db.copying import copy_rows, pack_bigint, pack_double, pack_jsonb, pack_numeric, pack_text
from db.states import JobKind, OutcomeSource
from db.text import replace_unstorable


class RequestUsage(NamedTuple):
    """What one of several requests for a task used."""

    texts: int  # how many of the outcome's texts it brought
    prompt_tokens: int
    output_tokens: int


class NewOutcome(msgspec.Struct, frozen=True):
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
    *("seq", "prompt_tokens", "output_tokens", "cached_prompt_tokens", "cost", "correct", "latency_seconds"),
    *("propensity", "answer", "response", "error_code", "error_message"),
)


def insert_outcomes(session: Session, *, outcomes: Sequence[NewOutcome], origin: Origin) -> None:
    """Store them; text that Postgres can not hold is replaced, since it is paid for."""
    if not outcomes:
        return
    begin = pack_origin(origin)
    rows = (pack_outcome(begin, outcome) for outcome in outcomes)
    copy_rows(session, table="outcome", columns=OUTCOME_COLUMNS, rows=rows)


def pack_origin(origin: Origin) -> bytes:
    """The begin of a row of COPY, which outcomes of one origin share."""
    return b"".join(
        (
            pack_text(origin.tenant_id),
            pack_bigint(origin.job_id),
            pack_text(origin.kind),
            pack_bigint(origin.arm),
            pack_bigint(origin.strategy_id),
            pack_bigint(origin.grp_id),
            pack_bigint(origin.fence),
            pack_text(origin.source),
        )
    )


def pack_outcome(begin: bytes, outcome: NewOutcome) -> bytes:
    """A row of COPY with the values of OUTCOME_COLUMNS."""
    error_message = None if outcome.error_message is None else replace_unstorable(outcome.error_message)
    numbers = (4, outcome.seq, 4, outcome.prompt_tokens, 4, outcome.output_tokens, 4, outcome.cached_prompt_tokens)
    return b"".join(
        (
            begin,
            _pack_integers(*numbers),
            pack_numeric(outcome.cost),
            pack_double(outcome.correct),
            pack_double(outcome.latency_seconds),
            pack_double(outcome.propensity),
            pack_text(replace_unstorable(outcome.answer)),
            pack_jsonb(_write_response(outcome)),
            pack_text(outcome.error_code),
            pack_text(error_message),
        )
    )


_pack_integers = struct.Struct(">8i").pack  # four of them, each after its length
_NUL = b"\\u0000"  # as JSON has it


def _write_response(outcome: NewOutcome) -> bytes:
    """As JSON; it is looked through for what Postgres can not hold only where there may be any."""
    response: dict[str, Any] = {"texts": outcome.texts, "finish_reasons": outcome.finish_reasons}
    if outcome.requests:
        response["requests"] = [use._asdict() for use in outcome.requests]
    try:
        document = msgspec.json.encode(response)
    except UnicodeEncodeError:
        document = _NUL
    return document if _NUL not in document else msgspec.json.encode(response | _replace_texts(outcome))


def _replace_texts(outcome: NewOutcome) -> dict[str, list[str]]:
    return {name: list(map(replace_unstorable, getattr(outcome, name))) for name in ("texts", "finish_reasons")}
