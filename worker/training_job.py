"""Training: every strategy's graded outcomes become its predictor pair, and nothing else changes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from db.jobs import read_job
from db.predictors import StoredPredictor, read_champions, store_champion
from db.session import run_in_transaction, session_scope
from db.training_rows import TrainingRow, read_training_rows
from router.artefact import PairMetadata, dump_pair, load_pair
from router.errors import PredictorArtefactError
from router.figures import TrainingFigures
from router.fold import fold_pair
from router.predictor import PredictorConfig
from router.strategy import Strategy
from router.training import train_pair
from worker.errors import NothingToTrain
from worker.pool import ServingPool
from worker.progress import Progress, Stage, Watch
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line

SEED = 0


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training did for one strategy."""

    strategy: str
    outcomes: int
    figures: TrainingFigures | None  # None: nothing new to learn from, the champion stays


def train_predictors(
    database: Database, *, pool: ServingPool, strategy_ids: Sequence[int], encoder: TaskEncoder, watch: Watch
) -> list[Trained]:
    """One line for each strategy; those without new outcomes are left alone. NothingToTrain when none has any."""
    with session_scope(database) as session:
        rows = {key: read_training_rows(session, strategy_id=key) for key in strategy_ids}
        champions = read_champions(session, strategy_ids=strategy_ids, encoder=encoder.name)
    if not any(rows.values()):
        raise NothingToTrain(
            f"no graded outcomes of {', '.join(pool.names)}: run `apportion calibrate` with a graded file first"
        )
    due = {
        key
        for key in strategy_ids
        if rows[key] and not _is_current(champions.get(key), rows[key], encoder=encoder.name)
    }
    embeddings = _Embeddings(encoder, [row.payload for key in due for row in rows[key]], watch=watch) if due else None
    trained = []
    for number, (key, priced) in enumerate(zip(strategy_ids, pool.strategies, strict=True)):
        watch(Progress(stage=Stage.TRAINING, done=number, total=len(strategy_ids)))
        figures = None
        if key in due:
            assert embeddings is not None
            learnt = _Learning(strategy=priced.strategy, rows=rows[key], embeddings=embeddings, encoder=encoder)
            figures = _train_one(database, strategy_id=key, learning=learnt)
        trained.append(Trained(strategy=priced.strategy.name, outcomes=len(rows[key]), figures=figures))
    return trained


class _Embeddings:
    """Each text is encoded once, however many strategies answered it."""

    def __init__(self, encoder: TaskEncoder, payloads: Sequence[str], *, watch: Watch) -> None:
        self._encoder = encoder
        texts = list(dict.fromkeys(parse_task_line(payload).embedded_text for payload in payloads))
        vectors = encoder.encode(
            texts, progress=lambda done, total: watch(Progress(stage=Stage.ENCODING, done=done, total=total))
        )
        self._rows = dict(zip(texts, vectors, strict=True))

    def of(self, payloads: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings (tasks, d)."""
        return np.stack([self._rows[parse_task_line(payload).embedded_text] for payload in payloads])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Learning:
    """A strategy with what there is to learn about it."""

    strategy: Strategy
    rows: Sequence[TrainingRow]
    embeddings: _Embeddings
    encoder: TaskEncoder


def _train_one(database: Database, *, strategy_id: int, learning: _Learning) -> TrainingFigures:
    strategy, rows, encoder = learning.strategy, learning.rows, learning.encoder
    model_vector, decoding_vector = encoder.encode([strategy.model_text, strategy.decoding_text])
    pair = train_pair(
        learning.embeddings.of([row.payload for row in rows]),
        np.array([row.correct for row in rows], dtype=np.float32),
        np.array([row.output_tokens for row in rows], dtype=np.float32),
        model_vector=model_vector,
        decoding_vector=decoding_vector,
        config=PredictorConfig(),
        seed=SEED,
    )
    metadata = PairMetadata(
        strategy=strategy.name,
        strategy_hash=strategy.spec_hash,
        encoder=encoder.name,
        seed=SEED,
        figures=pair.figures,
    )
    artefact = dump_pair(fold_pair(pair), metadata)
    run_in_transaction(
        database,
        lambda session: store_champion(
            session,
            strategy_id=strategy_id,
            encoder=encoder.name,
            artefact=artefact,
            meta={
                "figures": asdict(pair.figures),
                "engines": _list_engines(database, rows),
                "learnt_from": _fingerprint(rows),
            },
        ),
    )
    return pair.figures


def _is_current(champion: StoredPredictor | None, rows: Sequence[TrainingRow], *, encoder: str) -> bool:
    """Whether the champion learnt from these very outcomes, and this release can still load it."""
    if champion is None or champion.meta.get("learnt_from") != _fingerprint(rows):
        return False
    try:
        load_pair(champion.artefact, encoder=encoder)
    except PredictorArtefactError:
        return False
    return True


def _fingerprint(rows: Sequence[TrainingRow]) -> Mapping[str, Any]:
    """Outcomes are insert-only, so their number, the last of them and their grades say whether there is news."""
    return {"outcomes": len(rows), "last": [rows[-1].job_id, rows[-1].seq], "correct": sum(row.correct for row in rows)}


def _list_engines(database: Database, rows: Sequence[TrainingRow]) -> list[Mapping[str, Any]]:
    """The distinct engines behind these outcomes, latest last."""
    engines: dict[str, Mapping[str, Any]] = {}
    with session_scope(database) as session:
        for job_id in dict.fromkeys(row.job_id for row in rows):
            for identity in read_job(session, job_id=job_id).meta.get("engines", {}).values():
                engines.pop(str(identity), None)
                engines[str(identity)] = identity
    return list(engines.values())
