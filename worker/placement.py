"""Cold start: a strategy's outcomes and the pool's past become its pair; no other strategy's is touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from sqlalchemy.orm import Session

from db.predictors import read_champions
from router.cold_start.pair import place_pair
from router.predictor import PredictorConfig
from worker.champions import SEED, Challenger, crown, has_seen, is_readable
from worker.evidence import gather_evidence
from worker.known_outcomes import PoolRows, gather_past, list_others
from worker.pool import PricedStrategy
from worker.prompt_shares import learn_prompt_shares
from worker.task_vectors import TaskVectors


@dataclass(frozen=True, kw_only=True, eq=False)
class Placement:
    """A strategy's first pair, and what it stands on."""

    challenger: Challenger
    past_tasks: int
    known_strategies: int  # whose outcomes it was learned from too; 0: there are too few


def place(
    rows: PoolRows,
    *,
    priced: PricedStrategy,
    strategy_id: int,
    encoder: str,
    vectors: TaskVectors,
    file_tasks: Sequence[str] = (),
    cutoff: datetime | None = None,
) -> Placement:
    """The placement of a strategy with graded outcomes among what the others were asked.

    Where that is less than it was asked itself, its own tasks and the payloads of a file count as past tasks. The rows
    are those up to the cutoff.
    """
    own, others = rows[strategy_id], list_others(rows, strategy_id=strategy_id)
    payloads = [row.payload for row in own]
    past = gather_past(others, least=len(own), spare=[*payloads, *file_tasks], vectors=vectors)
    placed = place_pair(
        vectors.of(payloads),
        np.array([row.correct for row in own], dtype=np.float64),
        np.array([row.output_tokens for row in own], dtype=np.float64),
        weight=np.array([row.weight for row in own]),
        past=past,
        config=PredictorConfig(),
        seed=SEED,
    )
    challenger = Challenger(
        strategy=priced.strategy,
        encoder=encoder,
        pair=placed.pair,
        figures=placed.figures,
        evidence=gather_evidence(own, cutoff=cutoff),
        prompt_shares=learn_prompt_shares(own, priced),
    )
    known = 0 if past.outcomes is None else past.outcomes.correct.shape[1]
    return Placement(challenger=challenger, past_tasks=len(past.tasks), known_strategies=known)


class Reception(StrEnum):
    """What becomes of a placement."""

    SERVES = "serves"  # it is the champion now
    KNOWN = "known"  # the champion learnt from the same outcomes
    OUTWEIGHED = "outweighed"  # the champion learnt from more outcomes than there are probes


def offer(session: Session, *, strategy_id: int, placement: Placement) -> Reception:
    """Make it the champion, unless there is one that knows as much or more."""
    challenger = placement.challenger
    champions = read_champions(session, strategy_ids=[strategy_id], encoder=challenger.encoder)
    champion = champions.get(strategy_id)
    if champion is not None and is_readable(champion, encoder=challenger.encoder):
        if has_seen(champion, challenger.evidence):
            return Reception.KNOWN
        if int(champion.meta["figures"]["outcomes"]) > challenger.evidence.probes:
            return Reception.OUTWEIGHED
    crown(session, strategy_id=strategy_id, challenger=challenger, compared=False)
    return Reception.SERVES
