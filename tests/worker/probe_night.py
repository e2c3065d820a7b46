"""A pool of known strategies, each good at some kinds of task, and a new one that nobody has asked yet."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Engine as Database

from db.predictors import StoredPredictor, read_champions
from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from router.generation import Completion, GenerationRequest
from router.units import Unit
from tests.worker.fake_night import FakeEngine, drive, make_pool, make_settings
from worker.bootstrap import Workshop
from worker.calibration import submit_recorded
from worker.placement import Placement, Reception, offer
from worker.pool import ServingPool, register_pool
from worker.probing import ProbeRequest, Probing
from worker.recording import RecordedOutcome, Recording
from worker.training_job import Trained, train_predictors

MAX_TOKENS = {"sums": 10, "capitals": 12, "spells": 14, "new": 40}
TEXTS = {
    "sums": "How much is {} plus {}?",
    "capitals": "Which city is the capital of the land number {}, {} miles wide?",
    "spells": "Spell the word w{} backwards {} times.",
}
KINDS = tuple(TEXTS)


def make_kinds(count: int, *, grader: bool = True) -> list[NewTask]:
    """Graded tasks of three kinds in turn, named sums-0, capitals-1, spells-2, sums-3, ..."""
    tasks = []
    for number in range(count):
        kind = KINDS[number % 3]
        line = {
            "custom_id": f"{kind}-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "auto",
                "messages": [{"role": "user", "content": TEXTS[kind].format(number, number * 7 + 3)}],
            },
        }
        graded = {"grader": {"kind": "exact", "reference": "yes"}} if grader else {}
        tasks.append(NewTask(custom_id=f"{kind}-{number}", payload=json.dumps(line | graded)))
    return tasks


def probe_pool() -> ServingPool:
    """Three strategies that are each right on the kind they are named after, and the new one."""
    return make_pool(MAX_TOKENS)


def answer_kinds(*right: str) -> Callable[[GenerationRequest], Completion]:
    """Answers rightly, and at length, on tasks of these kinds alone."""
    starts = tuple(TEXTS[kind].split("{")[0] for kind in right)

    def answer(request: GenerationRequest) -> Completion:
        good = request.messages[-1].content.startswith(starts)
        text, tokens = ("yes", 20) if good else ("no", 4)
        return Completion(texts=(text,), finish_reasons=("stop",), prompt_tokens=5, output_tokens=tokens)

    return answer


def calibrate(database: Database, *, tasks: Sequence[NewTask], names: Sequence[str], digest: str = "a") -> int:
    """The id of a calibration in which these strategies were right on their own kinds, "new" on sums."""
    pool = probe_pool()
    kept = pool.keep([pool.names.index(name) for name in names])
    outcomes = [
        RecordedOutcome(
            custom_id=task.custom_id,
            strategy=name,
            answer="yes",
            texts=["yes"],
            finish_reasons=["stop"],
            prompt_tokens=5,
            output_tokens=4,
            cost=4,
            correct=float(task.custom_id.startswith("sums" if name == "new" else name)),
        )
        for name in names
        for task in tasks
    ]
    recording = Recording(tasks_sha256=digest, unit=Unit.TOKENS, engines={}, strategy_hashes={}, outcomes=outcomes)
    return run_in_transaction(
        database,
        lambda session: submit_recorded(
            session,
            tasks=tasks,
            tasks_sha256=digest,
            pool=kept,
            strategy_ids=register_pool(session, tenant_id="default", pool=kept),
            recording=recording,
        ),
    )


def open_probe_workshop(database: Database, folder: Path) -> Workshop:
    """The workshop that a command would have."""
    pool = probe_pool()
    ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id="default", pool=pool))
    return Workshop(
        settings=make_settings(folder), database=database, pool=pool, strategy_ids=ids, watch=lambda _: None
    )


def drive_own(workshop: Workshop, job_id: int, engine: FakeEngine) -> bool:
    """Whether the job of a workshop with one strategy was completed."""
    return drive(workshop.database, job_id, [engine], workshop.settings, pool=workshop.pool)


class ProbeNight:
    """One `apportion probe` without its screen."""

    def __init__(self, workshop: Workshop, *, tasks: Sequence[NewTask], count: int = 45, **asked: bool) -> None:
        request = ProbeRequest(
            tasks=tasks, tasks_sha256="f", count=count, adaptive=asked.get("adaptive", False), seed=0
        )
        self.told: list[str] = []
        self.workshop = workshop
        self.probing = Probing(
            workshop, position=workshop.pool.names.index("new"), request=request, tell=self.told.append
        )
        self.engine = FakeEngine(answer_kinds("sums"))
        self.jobs: list[int] = []

    def ask(self) -> "ProbeNight":
        """Bring every job to its end."""
        for store in self.probing.jobs():
            self.jobs.append(store())
            assert drive_own(self.probing.own, self.jobs[-1], self._restarted())
        return self

    def place(self) -> tuple[Placement, Reception]:
        """Place the strategy, and let it serve if it may."""
        placement = self.probing.place()
        key = self.probing.strategy_id
        return placement, run_in_transaction(
            self.workshop.database, lambda session: offer(session, strategy_id=key, placement=placement)
        )

    def _restarted(self) -> FakeEngine:
        self.engine.stopped = False
        return self.engine


def champions(workshop: Workshop) -> dict[int, StoredPredictor]:
    """What serves, by strategy."""
    with session_scope(workshop.database) as session:
        return read_champions(session, strategy_ids=workshop.strategy_ids, encoder=workshop.encoder.name)


def train(workshop: Workshop) -> list[Trained]:
    """One `apportion train` without its screen."""
    return train_predictors(
        workshop.database,
        pool=workshop.pool,
        strategy_ids=workshop.strategy_ids,
        encoder=workshop.encoder,
        watch=workshop.watch,
    )
