"""The settlement bell: whoever waits for money is woken by a settlement, and never waits in vain."""

import asyncio

from worker.settlement_bell import SettlementBell


async def begin_to_wait(bell: SettlementBell) -> "asyncio.Task[bool]":
    waiting = asyncio.create_task(bell.listen().wait_unless_idle())
    await asyncio.sleep(0)
    return waiting


def test_nothing_in_flight_is_nothing_to_wait_for() -> None:
    assert asyncio.run(SettlementBell().listen().wait_unless_idle()) is False


def test_a_settlement_wakes_everyone_who_waits() -> None:
    async def scene() -> list[bool]:
        bell = SettlementBell()
        bell.open()
        waiting = [await begin_to_wait(bell) for _ in range(3)]
        assert not any(task.done() for task in waiting)
        bell.settle()
        return await asyncio.gather(*waiting)

    assert asyncio.run(scene()) == [True, True, True]


def test_a_settlement_between_asking_and_waiting_is_not_missed() -> None:
    async def scene() -> bool:
        bell = SettlementBell()
        bell.open()
        bell.open()
        listening = bell.listen()
        bell.settle()
        return await listening.wait_unless_idle()

    assert asyncio.run(scene()) is True


def test_while_another_asks_for_money_the_house_is_not_idle() -> None:
    async def scene() -> bool:
        bell = SettlementBell()
        bell.open()  # it asks, and will get what we were denied because of it
        waiting = await begin_to_wait(bell)
        assert not waiting.done()
        bell.settle()
        return await waiting

    assert asyncio.run(scene()) is True


def test_when_all_others_were_denied_too_nobody_waits_on() -> None:
    async def scene() -> list[bool]:
        bell = SettlementBell()
        bell.open()
        bell.open()
        waiting = [await begin_to_wait(bell) for _ in range(2)]
        bell.withdraw()
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        bell.withdraw()
        return await asyncio.gather(*waiting)

    assert asyncio.run(scene()) == [False, False]


def test_of_two_batches_in_flight_the_first_settlement_is_enough() -> None:
    async def scene() -> tuple[bool, int]:
        bell = SettlementBell()
        bell.open()
        bell.open()
        waiting = await begin_to_wait(bell)
        bell.settle()
        return await waiting, bell.open_batches

    assert asyncio.run(scene()) == (True, 1)
