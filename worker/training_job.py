"""Training: every strategy's graded outcomes become its predictor pair, and nothing else changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sqlalchemy import Engine as Database

from db.predictors import read_champions
from db.session import run_in_transaction, session_scope
from db.states import JobKind
from db.training_rows import TrainingRow
from router.figures import COLD_STARTS, TrainingFigures
from router.fold import fold_pair
from router.predictor import PredictorConfig
from router.training import train_pair
from worker.champions import SEED, Challenger, crown, is_current
from worker.errors import NothingToTrain
from worker.known_outcomes import PoolRows, read_pool_rows
from worker.later_prompts import learn_later_share
from worker.placement import place
from worker.pool import PricedStrategy, ServingPool
from worker.progress import Progress, Stage, Watch
from worker.task_encoder import TaskEncoder
from worker.task_vectors import TaskVectors


class Handover(NamedTuple):
    """A strategy's trained pair beside its cold start, on the same outcomes, held out from both."""

    own: TrainingFigures
    cold: TrainingFigures

    @property
    def is_done(self) -> bool:
        """Whether the trained pair takes over."""
        return self.own.held_out_log_loss <= self.cold.held_out_log_loss


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training did for one strategy."""

    strategy: str
    outcomes: int
    figures: TrainingFigures | None  # of the new champion; None: nothing new to learn from, the old one stays
    handover: Handover | None = None  # None: nothing to compare, as where there are no probes


def train_predictors(
    database: Database, *, pool: ServingPool, strategy_ids: Sequence[int], encoder: TaskEncoder, watch: Watch
) -> list[Trained]:
    """One line for each strategy; those without new outcomes are left alone. NothingToTrain when none has any."""
    with session_scope(database) as session:
        rows = read_pool_rows(session, strategy_ids=strategy_ids)
        champions = read_champions(session, strategy_ids=strategy_ids, encoder=encoder.name)
    if not any(rows.values()):
        raise NothingToTrain(
            f"no graded outcomes of {', '.join(pool.names)}: run `apportion calibrate` with a graded file first"
        )
    due = [
        key for key in strategy_ids if rows[key] and not is_current(champions.get(key), rows[key], encoder=encoder.name)
    ]
    vectors = TaskVectors(encoder, watch=watch)
    if due:  # in one go, before the training
        vectors.of([row.payload for key in due for row in rows[key]])
    trained = []
    for number, (key, priced) in enumerate(zip(strategy_ids, pool.strategies, strict=True)):
        watch(Progress(stage=Stage.TRAINING, done=number, total=len(strategy_ids)))
        name = priced.strategy.name
        if key in due:
            lesson = _Lesson(priced=priced, strategy_id=key, rows=rows, vectors=vectors, encoder=encoder)
            trained.append(_train_one(database, lesson))
        else:
            trained.append(Trained(strategy=name, outcomes=len(rows[key]), figures=None))
    return trained


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lesson:
    """A strategy with what there is to learn about it."""

    priced: PricedStrategy
    strategy_id: int
    rows: PoolRows  # of every strategy
    vectors: TaskVectors
    encoder: TaskEncoder

    @property
    def own_rows(self) -> Sequence[TrainingRow]:
        return self.rows[self.strategy_id]


def _train_one(database: Database, lesson: _Lesson) -> Trained:
    champion, handover = _train_own(lesson), None
    if any(row.kind is JobKind.PROBE for row in lesson.own_rows):
        cold = place(
            lesson.rows,
            priced=lesson.priced,
            strategy_id=lesson.strategy_id,
            encoder=lesson.encoder.name,
            vectors=lesson.vectors,
        ).challenger
        if cold.figures.fallback in COLD_STARTS:
            handover = Handover(own=champion.figures, cold=cold.figures)
            champion = champion if handover.is_done else cold
    run_in_transaction(database, lambda session: crown(session, strategy_id=lesson.strategy_id, challenger=champion))
    return Trained(
        strategy=lesson.priced.strategy.name, outcomes=len(lesson.own_rows), figures=champion.figures, handover=handover
    )


def _train_own(lesson: _Lesson) -> Challenger:
    strategy, rows = lesson.priced.strategy, lesson.own_rows
    model_vector, decoding_vector = lesson.encoder.encode([strategy.model_text, strategy.decoding_text])
    pair = train_pair(
        lesson.vectors.of([row.payload for row in rows]),
        np.array([row.correct for row in rows], dtype=np.float32),
        np.array([row.output_tokens for row in rows], dtype=np.float32),
        model_vector=model_vector,
        decoding_vector=decoding_vector,
        config=PredictorConfig(),
        seed=SEED,
        weight=np.array([row.weight for row in rows]),
    )
    return Challenger(
        strategy=strategy,
        encoder=lesson.encoder.name,
        pair=fold_pair(pair),
        figures=pair.figures,
        rows=rows,
        later_prompt_share=learn_later_share(rows, lesson.priced),
    )
