"""What a lost worker left is begun again at once, however many groups are under way."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine as Database

from db.groups import claim_group
from db.session import session_scope
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker.engine_desk import GROUPS_IN_FLIGHT

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


class FullEngine(FakeEngine):
    """Answers nothing until it was asked by one more group than are claimed at a time."""

    def __init__(self, *, on_full: Callable[[], None]) -> None:
        super().__init__(answer_with("yes", tokens=3))
        self._on_full = on_full
        self._waiting = 0
        self._enough = asyncio.Event()
        self.gave_up = False

    async def generate(self, request: GenerationRequest) -> Completion:
        self._waiting += 1
        if self._waiting == GROUPS_IN_FLIGHT:
            await asyncio.to_thread(self._on_full)
        if self._waiting > GROUPS_IN_FLIGHT:
            self._enough.set()
        try:
            await asyncio.wait_for(self._enough.wait(), timeout=15)
        except TimeoutError:
            self.gave_up = True
        return await super().generate(request)


def test_a_lost_workers_group_waits_for_no_group_to_end(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(12, **FLAT), objective=budget(1_000))

    def lose_one() -> None:
        with session_scope(db_engine) as session:
            assert claim_group(session, owner="gone", lease_seconds=0.001) is not None

    engine, settings = FullEngine(on_full=lose_one), make_settings(tmp_path, group_tasks=1, batch_tasks=1)
    assert drive(db_engine, job_id, [engine], settings)
    assert not engine.gave_up
