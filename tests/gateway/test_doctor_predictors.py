"""Predictors that serve and can not be used are found, by name."""

import numpy as np
from sqlalchemy import Engine

from db.predictors import store_champion
from db.session import session_scope
from gateway.doctor.predictors import look_at_predictors
from router.artefact import PairMetadata, dump_pair
from router.fold import fold_pair
from router.predictor import PredictorConfig
from router.training import train_pair
from tests.db.building import build_job
from tests.gateway.findings import find, is_ill


def make_artefact(encoder: str) -> bytes:
    """A pair that was learnt from one outcome."""
    embedding = np.ones((1, 4), dtype=np.float32)
    once = np.ones(1)
    pair = train_pair(
        embedding,
        once,
        once,
        model_vector=embedding[0],
        decoding_vector=embedding[0],
        config=PredictorConfig(),
        seed=0,
    )
    metadata = PairMetadata(strategy="s0", strategy_hash="hash0", encoder=encoder, seed=0, figures=pair.figures)
    return dump_pair(fold_pair(pair), metadata)


def test_a_damaged_champion_is_told_until_another_serves(db_engine: Engine) -> None:
    sound = make_artefact("minilm")
    with session_scope(db_engine) as session:
        first, _ = build_job(session, tasks=0).strategy_ids
        for artefact, words in ((sound, ()), (sound[:-8], ("version 2: the predictor of strategy s0 is damaged",))):
            store_champion(session, strategy_id=first, encoder="minilm", artefact=artefact, meta={})
            found = find(look_at_predictors, session)
            assert is_ill(found, *words) if words else found == []
        store_champion(session, strategy_id=first, encoder="minilm", artefact=sound, meta={})
        assert find(look_at_predictors, session) == []
