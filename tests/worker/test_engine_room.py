"""The engine room: engines started together or not at all, replaced when they die, stopped whatever happens."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from router.generation import Capability
from router.strategy_file import parse_strategies
from tests.worker.fake_night import FakeEngine, answer_with, make_pool
from worker.engine_room import MAX_RESTARTS, EngineRoom
from worker.engines.errors import EngineDied, EngineError, EngineMisconfigured, EngineUnavailable
from worker.engines.prompt_bound import PromptBound
from worker.pool import PricedStrategy, ServedModel, ServingPool


class BadStart(FakeEngine):
    async def start(self) -> None:
        raise EngineUnavailable("no server")


class BadStop(FakeEngine):
    async def stop(self) -> None:
        await super().stop()
        raise RuntimeError("will not stop")


def make_engine(kind: type[FakeEngine] = FakeEngine) -> FakeEngine:
    return kind(answer_with("yes", tokens=1))


def make_room(engines: Sequence[FakeEngine], *, pool: ServingPool | None = None) -> EngineRoom:
    spare: Iterator[FakeEngine] = iter(engines)
    return EngineRoom(pool or make_pool(), build=lambda _: next(spare))


def pool_of_two() -> ServingPool:
    """Two engines, the second without a capability that its strategy needs."""
    remote = {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "description": "d"}
    decoding = {"method": "choice", "max_tokens": 5}
    document = {
        "engines": {"fake": remote, "other": remote},
        "strategies": [
            {"name": "one", "engine": "fake", "decoding": {"method": "direct", "max_tokens": 5}},
            {"name": "two", "engine": "other", "decoding": decoding},
        ],
    }
    declared = parse_strategies(document, source="test")
    strategies = []
    for own in declared.strategies:
        model = ServedModel(spec=own.engine, folder=None, counter=PromptBound(), context_tokens=100)
        strategies.append(PricedStrategy(strategy=own, tariff=make_pool().strategies[0].tariff, model=model))
    return ServingPool(source=Path("two.yaml"), strategies=tuple(strategies))


def test_an_engine_that_does_not_start_is_stopped_and_so_are_the_others() -> None:
    first, second = make_engine(), make_engine(BadStart)
    room = make_room([first, second], pool=pool_of_two())
    with pytest.raises(EngineUnavailable, match="no server"):
        asyncio.run(room.start())
    assert (first.stopped, second.stopped) == (True, True)


def test_a_strategy_whose_needs_are_not_met_is_named() -> None:
    first, second = make_engine(), make_engine()
    second.name = "other"
    second.capabilities = frozenset({Capability.SAMPLES})
    with pytest.raises(EngineMisconfigured, match=r"strategy two needs choice, which engine other .* two\.yaml"):
        asyncio.run(make_room([first, second], pool=pool_of_two()).start())
    assert (first.stopped, second.stopped) == (True, True)


def test_one_engine_that_can_not_be_stopped_does_not_keep_the_others() -> None:
    first, second = make_engine(BadStop), make_engine()
    room = make_room([first, second], pool=pool_of_two())

    async def scene() -> None:
        await room.start()
        await room.stop()

    with pytest.raises(RuntimeError, match="will not stop"):
        asyncio.run(scene())
    assert second.stopped


def test_a_dead_engine_is_replaced_once_however_many_groups_report_it() -> None:
    dead, fresh = make_engine(), make_engine()
    room = make_room([dead, fresh])

    async def scene() -> None:
        await room.start()
        before = room.activity_of("fake")
        await asyncio.gather(*(room.restart(dead) for _ in range(5)))
        assert room.get("fake") is fresh
        assert room.activity_of("fake") is not before  # what the dead one left open is nobody's business

    asyncio.run(scene())
    assert (dead.stopped, fresh.started) == (True, 1)


def test_while_an_engine_is_replaced_it_says_so() -> None:
    dead, fresh = make_engine(), make_engine()
    room = make_room([dead, fresh])

    async def scene() -> list[bool]:
        await room.start()
        seen = [room.is_restarting("fake")]
        restarting = asyncio.create_task(room.restart(dead))
        await asyncio.sleep(0)
        seen.append(room.is_restarting("fake"))
        await restarting
        return [*seen, room.is_restarting("fake")]

    assert asyncio.run(scene()) == [False, True, False]


def test_an_engine_that_dies_again_and_again_is_given_up() -> None:
    engines = [make_engine() for _ in range(MAX_RESTARTS + 2)]
    room = make_room(engines)

    async def scene() -> None:
        await room.start()
        for engine in engines:
            await room.restart(engine)

    with pytest.raises(EngineError, match="died 4 times: see its log, then continue the job"):
        asyncio.run(scene())
    assert [engine.started for engine in engines] == [1] * (MAX_RESTARTS + 1) + [0]


def test_a_dead_engine_is_not_asked_until_it_is_replaced_or_can_not_be() -> None:
    """In the latter case whoever asks, after its strategies were left alone for a while, tries to replace it again."""
    first, third = make_engine(), make_engine()
    room = make_room([first, make_engine(BadStart), third])

    async def scene() -> list[bool]:
        await room.start()
        asked = [room.can_be_asked("fake")]
        with pytest.raises(EngineDied), room.activity_of("fake").asking():
            raise EngineDied("gone")
        asked.append(room.can_be_asked("fake"))
        with pytest.raises(EngineUnavailable, match="no server"):
            await room.restart(first)
        asked.append(room.can_be_asked("fake"))
        await room.restart(first)
        return asked

    assert asyncio.run(scene()) == [True, False, True]
    assert room.get("fake") is third
    assert room.can_be_asked("fake")
