"""A job under fire: every mishap once, in random order at random moments, and what became of the job."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from db.invariants import find_violations
from db.jobs import read_job
from db.progress import read_progress
from db.tables import AttemptRow
from tests.brokers import Broker
from tests.faults.fire_report import FireReport
from tests.faults.load import LEAST_WORST, submit_load
from tests.faults.mishaps import MISHAPS, Mishap, Trace
from tests.faults.recovery import measure_recovery
from tests.faults.script import Fault, FaultKind, Script
from tests.faults.stage import POSTS, Stage, set_stage
from tests.waiting import wait_until

SCRIPT = Script(
    faults=(
        Fault(kind=FaultKind.OVERRUN, prompts="^task-777$"),
        Fault(kind=FaultKind.BUSY, share=0.002),
        Fault(kind=FaultKind.ERROR, share=0.0005),
        Fault(kind=FaultKind.UNCOUNTED, share=0.0005),
        Fault(kind=FaultKind.REFUSE, share=0.0005),
    ),
    shortest_delay_seconds=0.12,  # so that a job lasts until the last mishap
    longest_delay_seconds=0.25,
    most_output_tokens=40,
)
LONGEST_SECONDS = 240.0  # for all of a job to be answered once the last mishap is over


def run_fire(
    broker: Broker,
    *,
    folder: Path,
    seed: int,
    tasks: int,
    lease_seconds: float,
    mishaps: Sequence[Mishap] = tuple(Mishap),
) -> FireReport:
    """Set the stage, disturb it, and wait until the job is done."""
    dice = random.Random(seed)
    with set_stage(broker, folder=folder, script=SCRIPT, lease_seconds=lease_seconds) as stage:
        database = create_engine(stage.url, pool_pre_ping=True)
        try:
            fire = Fire(stage, database, dice=dice, tasks=tasks, seed=seed)
            fire.disturb(mishaps)
            wait_until(fire.is_over, seconds=LONGEST_SECONDS)
            return fire.report()
        finally:
            database.dispose()


class Fire:
    """One job and what happens while it runs."""

    def __init__(self, stage: Stage, database: Database, *, dice: random.Random, tasks: int, seed: int) -> None:
        assert stage.settings.strategies is not None
        self._stage, self._database, self._dice, self._seed, self._tasks = stage, database, dice, seed, tasks
        self._cap = 13 * tasks * LEAST_WORST // 10  # enough for all at worst, and not for the dearest as predicted
        self._job_id = submit_load(
            database, tasks=tasks, cap=self._cap, strategies=stage.settings.strategies, seed=seed
        )
        self._began = time.monotonic()
        self._traces: list[Trace] = []
        self._beginnings: list[float] = []  # of mishaps, on the monotonic clock
        self._late: list[Mishap] = []

    def disturb(self, mishaps: Sequence[Mishap]) -> None:
        """Each of them once, in random order, with random pauses between them, from the first answer on."""
        wait_until(lambda: self._stage.observer.settled > 0)
        for mishap in self._dice.sample(mishaps, len(mishaps)):
            time.sleep(self._choose_pause())
            if self.is_over():
                self._late.append(mishap)
                continue
            self._beginnings.append(time.monotonic())
            self._traces.append(MISHAPS[mishap](self._stage, self._dice))

    def _choose_pause(self) -> float:
        """Half of the workers that are lost are missed before the next mishap comes, half are not."""
        short = self._dice.uniform(0.2, 1.5)
        was_lost = bool(self._traces) and self._traces[-1].loss is not None
        long = self._stage.settings.lease_seconds + self._stage.settings.stall_seconds + short
        return long if was_lost and self._dice.random() < 0.5 else short

    def is_over(self) -> bool:
        """Whether the job is at its end; workers that died are replaced meanwhile."""
        self._stage.fleet.restart_dead()
        with Session(self._database) as session:
            return read_job(session, job_id=self._job_id).finished_at is not None

    def report(self) -> FireReport:
        """What became of it, once it is over."""
        seconds = time.monotonic() - self._began
        stage = self._stage
        exit_codes = {name: stage.fleet.drain(name) for name in POSTS}
        with Session(self._database) as session:
            progress = read_progress(session, job_id=self._job_id)
            repeated = session.execute(select(func.count()).select_from(AttemptRow)).scalar_one()
            violations = [f"{row.invariant}: {row.row}" for row in find_violations(session)]
        return FireReport(
            seed=self._seed,
            tasks=self._tasks,
            seconds=seconds,
            outcomes=progress.outcomes,
            reasons=sum(progress.requeued.values()),
            errors=progress.errors,
            repeated=repeated,
            looks=len(stage.observer.looks),
            worst_excess=stage.observer.worst_excess,
            share_committed=stage.observer.looks[-1].committed / self._cap,
            violations=violations,
            late=self._late,
            recoveries=[
                recovery
                for trace in self._traces
                for recovery in measure_recovery(stage, trace, beginnings=self._beginnings)
            ],
            deaths=stage.fleet.deaths,
            exit_codes=exit_codes,
        )
