"""Who passes when: in order, never more than there are places, and nobody is lost who leaves while waiting."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from worker.engines.errors import EngineUnavailable, PromptRefused
from worker.engines.turnstile import Turnstile


class Crowd:
    """Requests that each stay until they are told how to end."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.turnstile = turnstile
        self.inside: dict[int, asyncio.Future[None]] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.entered = asyncio.Event()

    async def add(self, count: int) -> None:
        self.tasks += [asyncio.create_task(self._pass(len(self.tasks) + number)) for number in range(count)]
        await self.settle()

    async def end(self, number: int, error: Exception | None = None) -> None:
        ending = self.inside.pop(number)
        if error is None:
            ending.set_result(None)
        else:
            ending.set_exception(error)
        await self.settle()

    async def settle(self) -> None:
        """Let everybody move who can."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def _pass(self, number: int) -> None:
        async with self.turnstile.passage():
            self.inside[number] = asyncio.get_running_loop().create_future()
            self.entered.set()
            await self.inside[number]


def play(scene: Callable[[Crowd], Awaitable[None]], *, most: int = 100, timeout_seconds: float = 60.0) -> None:
    async def run() -> None:
        crowd = Crowd(Turnstile(most=most, timeout_seconds=timeout_seconds))
        await scene(crowd)
        for task in crowd.tasks:
            task.cancel()
        await asyncio.gather(*crowd.tasks, return_exceptions=True)
        assert crowd.turnstile.in_flight == 0

    asyncio.run(run())


def test_they_pass_in_order_and_more_of_them_after_each_answer() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(10)
        assert list(crowd.inside) == [0, 1, 2, 3]
        await crowd.end(2)
        assert list(crowd.inside) == [0, 1, 3, 4, 5]
        assert crowd.turnstile.places == 5

    play(scene)


def test_no_more_than_the_most_ever_pass() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(20)
        for number in range(10):
            assert len(crowd.inside) == crowd.turnstile.in_flight == 3
            await crowd.end(number)

    play(scene, most=3)


def test_those_turned_away_together_halve_the_places_once() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(16)
        for number in range(4):
            await crowd.end(number)
        assert crowd.turnstile.places == 8
        for number in range(4, 12):
            await crowd.end(number, EngineUnavailable("busy"))
        assert crowd.turnstile.places == 4
        await crowd.end(12, EngineUnavailable("busy"))
        assert crowd.turnstile.places == 2

    play(scene)


def test_a_refused_prompt_says_nothing_about_the_server() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(5)
        await crowd.end(0, PromptRefused("too long"))
        assert crowd.turnstile.places == 4
        assert list(crowd.inside) == [1, 2, 3, 4]

    play(scene)


def test_an_answer_that_nearly_came_too_late_halves_the_places() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(4)
        await asyncio.sleep(0.002)  # longer than half of the timeout: the clock is what is tested
        await crowd.end(0)
        assert crowd.turnstile.places == 2

    play(scene, timeout_seconds=0.002)


def test_who_leaves_while_waiting_takes_no_place() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(7)
        crowd.tasks[4].cancel()
        await crowd.settle()
        await crowd.end(0, PromptRefused("x"))
        assert list(crowd.inside) == [1, 2, 3, 5]

    play(scene)


def test_who_is_cancelled_just_as_it_is_admitted_gives_its_place_back() -> None:
    async def scene(crowd: Crowd) -> None:
        async with crowd.turnstile.passage():
            await crowd.add(2)
        crowd.tasks[0].cancel()  # it has the place and has not run since
        await crowd.settle()
        assert list(crowd.inside) == [1]

    play(scene, most=1)


def test_a_server_that_asks_for_a_pause_is_left_alone_by_everybody() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(6)
        await crowd.end(0, EngineUnavailable("busy", retry_after_seconds=0.05))
        for number in (1, 2, 3):
            await crowd.end(number)
        assert list(crowd.inside) == []
        crowd.entered.clear()
        async with asyncio.timeout(10):
            await crowd.entered.wait()
        await crowd.settle()
        assert list(crowd.inside) == [4, 5]

    play(scene)


def test_a_queue_in_the_server_takes_places_away_until_it_is_gone() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.add(30)
        for number in range(4):
            await crowd.end(number)
        assert crowd.turnstile.in_flight == 8
        crowd.turnstile.note_queue(3)
        assert crowd.turnstile.places == 5
        await crowd.end(4)
        assert (crowd.turnstile.places, crowd.turnstile.in_flight) == (5, 7)
        crowd.turnstile.note_queue(0)
        await crowd.end(5)
        assert crowd.turnstile.places == 5
        assert crowd.turnstile.in_flight == 6

    play(scene)


def test_errors_pass_as_they_are() -> None:
    async def fail() -> None:
        async with Turnstile(most=1, timeout_seconds=1.0).passage():
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(fail())
