"""Training rows: what a strategy's outcomes teach its predictor."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.states import JobKind, LabelSource, OutcomeSource


@dataclass(frozen=True, kw_only=True)
class TrainingRow:
    """One graded outcome."""

    job_id: int
    seq: int
    kind: JobKind
    payload: str
    weight: float  # how much a probe counts for the tasks that it stands for; 1 in a calibration
    correct: float  # 0..1
    prompt_tokens: int  # of all requests
    later_prompt_tokens: int  # of those after the first
    output_tokens: int
    propensity: float | None
    source: OutcomeSource
    cached_prompt_tokens: int


# A run's outcomes are of tasks that the router chose for the strategy: until choices are drawn with known propensities,
# to learn from them would be to believe that the tasks it was not given are like those it was.
# What a person said counts before what a judge said, and that before what graders did: of one source, the latest.
# An answer that identical tasks share was given once, and counts once.
# Versions with the same spec hash answer alike, so a new tariff does not throw away what was learnt.
_READ = text("""
    SELECT outcome.job_id, outcome.seq, outcome.kind, task.payload,
           coalesce((job.meta -> 'weights' ->> outcome.seq)::float8, 1.0) AS weight,
           coalesce(said.correct, outcome.correct) AS correct,
           outcome.prompt_tokens,
           coalesce(outcome.prompt_tokens - CAST(outcome.response #>> '{requests,0,prompt_tokens}' AS int), 0)
               AS later_prompt_tokens,
           outcome.output_tokens, outcome.propensity, outcome.source, outcome.cached_prompt_tokens
    FROM strategy AS wanted
    JOIN strategy AS alike ON alike.tenant_id = wanted.tenant_id AND alike.spec_hash = wanted.spec_hash
    JOIN outcome ON outcome.strategy_id = alike.id
    JOIN job ON job.id = outcome.job_id
    JOIN task ON task.job_id = outcome.job_id AND task.seq = outcome.seq
    LEFT JOIN LATERAL (
        SELECT correct FROM label
        WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
        ORDER BY array_position(CAST(:sources AS text[]), label.source), label.id DESC LIMIT 1
    ) AS said ON true
    WHERE wanted.id = :strategy_id AND outcome.kind IN ('calibration', 'probe') AND outcome.source <> 'twin'
      AND coalesce(said.correct, outcome.correct) IS NOT NULL
    ORDER BY outcome.job_id, outcome.seq, outcome.arm
""")


def read_training_rows(session: Session, *, strategy_id: int) -> list[TrainingRow]:
    """Graded outcomes of calibrations and probes, of all versions that answer alike, oldest job first."""
    rows = session.execute(_READ, {"strategy_id": strategy_id, "sources": list(LabelSource)})
    return [
        TrainingRow(**(row._asdict() | {"kind": JobKind(row.kind), "source": OutcomeSource(row.source)}))
        for row in rows
    ]
