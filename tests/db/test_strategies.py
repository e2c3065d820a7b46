from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from db.errors import NoSuchRow
from db.predictors import read_champions, store_champion
from db.session import session_scope
from db.strategies import StoredStrategy, read_strategies, register_strategy
from tests.db.building import TENANT


def register(engine: Engine, *, name: str = "direct", spec_hash: str = "h1", price: int = 1) -> StoredStrategy:
    with session_scope(engine) as session:
        return register_strategy(
            session,
            tenant_id=TENANT,
            name=name,
            spec_hash=spec_hash,
            spec={"method": "direct"},
            tariff={"FLOPs": f"{price}/1"},
        )


def test_the_same_strategy_keeps_its_version_and_a_change_makes_the_next(db_engine: Engine) -> None:
    first = register(db_engine)
    assert register(db_engine) == first
    dearer = register(db_engine, price=2)
    other = register(db_engine, spec_hash="h2", price=2)
    assert [first.version, dearer.version, other.version] == [1, 2, 3]
    with session_scope(db_engine) as session:
        assert read_strategies(session, strategy_ids=[other.id, first.id]) == [other, first]


def test_two_commands_that_register_at_once_agree(db_engine: Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        stored = {future.result().id for future in [pool.submit(register, db_engine) for _ in range(12)]}
    assert len(stored) == 1


def test_an_unknown_strategy_is_named(db_engine: Engine) -> None:
    with pytest.raises(NoSuchRow, match="there is no strategy 99"), session_scope(db_engine) as session:
        read_strategies(session, strategy_ids=[99])


def test_the_newest_predictor_serves_and_the_one_before_is_kept(db_engine: Engine) -> None:
    strategy = register(db_engine)
    with session_scope(db_engine) as session:
        versions = [
            store_champion(
                session, strategy_id=strategy.id, encoder="minilm", artefact=bytes([0, 255, n]), meta={"n": n}
            )
            for n in range(2)
        ]
        champions = read_champions(session, strategy_ids=[strategy.id], encoder="minilm")
        assert read_champions(session, strategy_ids=[strategy.id], encoder="another") == {}
    champion = champions[strategy.id]
    assert (champion.id, champion.version, champion.artefact, champion.meta) == (
        versions[1],
        2,
        b"\x00\xff\x01",
        {"n": 1},
    )


def test_a_predictor_serves_every_version_that_answers_alike(db_engine: Engine) -> None:
    first = register(db_engine)
    dearer = register(db_engine, price=2)
    changed = register(db_engine, spec_hash="h2")
    with session_scope(db_engine) as session:
        stored = store_champion(session, strategy_id=first.id, encoder="minilm", artefact=b"a", meta={})
        champions = read_champions(session, strategy_ids=[first.id, dearer.id, changed.id], encoder="minilm")
    assert {strategy_id: champion.id for strategy_id, champion in champions.items()} == {
        first.id: stored,
        dearer.id: stored,
    }
