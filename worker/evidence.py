"""What is told of the outcomes that a pair learnt from, once they themselves are gone."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.states import JobKind, OutcomeSource
from db.training_rows import TrainingRow


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Outcomes by their number, their digest and where they are from."""

    outcomes: int
    probes: int  # of those
    digest: str  # equal for the same outcomes with the same labels
    cutoff: datetime | None  # nothing later was looked at; None: it was not settled what had happened by then
    job_ids: frozenset[int]
    cached_share: float  # of prompt tokens that engines had at hand; 0 where no row is an engine's own answer

    def to_meta(self) -> dict[str, Any]:
        """As a predictor's version keeps it."""
        cutoff = None if self.cutoff is None else self.cutoff.isoformat()
        return {"outcomes": self.outcomes, "digest": self.digest, "cutoff": cutoff}


def read_cutoff(meta: Mapping[str, Any]) -> datetime | None:
    """Up to when a version has learnt; None where it does not say."""
    cutoff = meta.get("learnt_from", {}).get("cutoff")
    return None if cutoff is None else datetime.fromisoformat(cutoff)


def gather_evidence(rows: Iterable[TrainingRow], *, cutoff: datetime | None) -> Evidence:
    """That of rows that are at hand."""
    gathering = Gathering()
    for row in rows:
        gathering.add(row)
    return gathering.end(cutoff=cutoff)


class Gathering:
    """Evidence of rows that come and go."""

    def __init__(self) -> None:
        self._outcomes = self._probes = self._prompt_tokens = self._cached_tokens = 0
        self._digest = hashlib.sha256()
        self._job_ids: set[int] = set()

    def add(self, row: TrainingRow) -> None:
        """Count one more."""
        self._outcomes += 1
        self._probes += row.kind is JobKind.PROBE
        self._job_ids.add(row.job_id)
        told = (row.job_id, row.seq, row.arm, row.correct, row.weight, row.propensity)
        self._digest.update(f"{told}\n".encode())
        if row.source is OutcomeSource.ENGINE:  # a recording says nothing of any cache
            self._prompt_tokens += row.prompt_tokens
            self._cached_tokens += row.cached_prompt_tokens

    def end(self, *, cutoff: datetime | None) -> Evidence:
        """That of all rows that were added."""
        return Evidence(
            outcomes=self._outcomes,
            probes=self._probes,
            digest=self._digest.hexdigest(),
            cutoff=cutoff,
            job_ids=frozenset(self._job_ids),
            cached_share=self._cached_tokens / max(self._prompt_tokens, 1),
        )
