"""`celery -A tests.faults.faulty_app worker ...`: the workers of `worker.app`, with engines that follow a script.

In FAULTS_FOLDER, `script.json` is what engines do; a file `hang-NAME` lets the engine of worker NAME hang, once; and
`clock` holds the seconds by which the process's wall clock is wrong.
"""

import asyncio
import os
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from celery.worker import request as celery_request

from router.generation import Completion, GenerationRequest
from tests.faults.faulty_engine import FaultyEngine
from tests.faults.script import Script, read_script
from worker import app as real_app
from worker import station_bootstrap
from worker.engines.protocol import Engine
from worker.pool import ServedModel

FOLDER = Path(os.environ["FAULTS_FOLDER"])
HANG = FOLDER / f"hang-{os.environ['FAULTS_WORKER']}"
CLOCK = FOLDER / "clock"


class HangingEngine(FaultyEngine):
    """From the moment that its file is there nothing is answered any more, by this engine: its successor works."""

    def __init__(self, name: str, script: Script) -> None:
        super().__init__(name, script)
        self._hangs = False

    async def generate(self, request: GenerationRequest) -> Completion:
        """The script's answer, or nothing, ever."""
        if not self._hangs and HANG.exists():
            HANG.unlink()
            self._hangs = True
        if self._hangs:
            await asyncio.Event().wait()
        return await super().generate(request)


def build_engine(model: ServedModel, **_: object) -> Engine:
    return HangingEngine(model.spec.name, read_script(FOLDER / "script.json"))


def error_seconds() -> float:
    return float(CLOCK.read_text()) if CLOCK.exists() else 0.0


class WrongDatetime(datetime):
    """Now is what a wrong clock shows."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "WrongDatetime":
        shown = datetime.now(tz) + timedelta(seconds=error_seconds())
        return cls.fromtimestamp(shown.timestamp(), tz)


def set_wrong_clock() -> None:
    """Both ways in which this process reads a wall clock: Celery judges by it whether a ring is too old."""
    right = time.time
    time.time = lambda: right() + error_seconds()
    celery_request.datetime = WrongDatetime  # type: ignore[attr-defined, assignment]  # a module that we stand in for


station_bootstrap.build_engine = build_engine  # type: ignore[attr-defined]  # as above
set_wrong_clock()


def __getattr__(name: str) -> Any:
    return getattr(real_app, name)
