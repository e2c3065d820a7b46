"""Builds what commands work with; nothing is built anywhere else, and nothing when a module is imported."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine as Database

from db.errors import NoSuchRow
from db.jobs import Job, read_job
from db.session import run_in_transaction, session_scope
from db.strategies import StoredStrategy, read_strategies
from worker.collector import spare_collector
from worker.database import open_database
from worker.doorbell import Doorbell, LocalDoorbell
from worker.encoder import SentenceEncoder
from worker.engines.prompt_counter import PromptCounter
from worker.engines.protocol import Engine
from worker.engines.select import make_engine
from worker.errors import JobNotDriveable
from worker.pool import PricedStrategy, ServedModel, ServingPool, load_pool, register_pool
from worker.progress import Progress, Stage, Watch
from worker.settings import Settings, read_secret
from worker.submission import TENANT
from worker.task_encoder import TaskEncoder


@dataclass(frozen=True, kw_only=True, eq=False)
class Workshop:
    """A database and a pool of strategies, ready to plan, run, calibrate and train."""

    settings: Settings
    database: Database
    pool: ServingPool
    strategy_ids: Sequence[int]  # in the pool's order
    watch: Watch

    @cached_property
    def encoder(self) -> TaskEncoder:
        """The encoder, loaded when it is first needed."""
        sentences = SentenceEncoder(self.settings.encoder_model, threads=self.settings.torch_threads)
        return TaskEncoder(sentences, cache_directory=self.settings.cache_directory)

    def keep(self, positions: Sequence[int]) -> "Workshop":
        """The same with these strategies of the pool alone."""
        return Workshop(
            settings=self.settings,
            database=self.database,
            pool=self.pool.keep(positions),
            strategy_ids=[self.strategy_ids[position] for position in positions],
            watch=self.watch,
        )

    def load_models(self) -> None:
        """Load encoder and tokenizers now: an engine imports the same packages, and no two threads may at once."""
        _ = self.encoder.dimension
        for model in self.pool.models.values():
            if isinstance(model.counter, PromptCounter):
                model.counter.load()
        spare_collector()


@contextmanager
def open_workshop(settings: Settings, *, strategy_file: Path, watch: Watch) -> Iterator[Workshop]:
    """A workshop for the strategies of a file."""
    watch(Progress(stage=Stage.MODELS))
    pool = load_pool(strategy_file, cache_directory=settings.cache_directory)
    watch(Progress(stage=Stage.DATABASE))
    with open_database(settings) as database:
        strategy_ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id=TENANT, pool=pool))
        yield Workshop(settings=settings, database=database, pool=pool, strategy_ids=strategy_ids, watch=watch)


def reopen_workshop(settings: Settings, *, database: Database, job: Job, watch: Watch) -> Workshop:
    """The workshop of a stored job; JobNotDriveable when its strategies are others now, or cost other amounts."""
    source = Path(job.meta["strategy_file"])
    watch(Progress(stage=Stage.MODELS))
    pool = load_pool(source, cache_directory=settings.cache_directory)
    with session_scope(database) as session:
        stored = read_strategies(session, strategy_ids=job.strategy_ids)
    current = {priced.strategy.name: priced for priced in pool.strategies}
    changed = [row.name for row in stored if row.name not in current or not _is_as_stored(current[row.name], row)]
    if changed:
        raise JobNotDriveable(
            f"job {job.id} was submitted with other versions of {', '.join(changed)} than {source} has now: "
            "restore the file as it was, or submit the job again"
        )
    own = ServingPool(source=source, strategies=tuple(current[row.name] for row in stored))
    return Workshop(settings=settings, database=database, pool=own, strategy_ids=list(job.strategy_ids), watch=watch)


def build_engine(model: ServedModel, *, settings: Settings) -> Engine:
    """An engine for a model, not started yet."""
    key_name = model.spec.api_key_env
    return make_engine(
        model.spec,
        folder=model.folder,
        counter=model.counter if isinstance(model.counter, PromptCounter) else None,
        api_key=read_secret(key_name) if key_name else None,
        log_dir=settings.cache_directory / "logs",
        threads=settings.torch_threads,
    )


def build_doorbell() -> Doorbell:
    """The doorbell of this process, for the running loop."""
    return LocalDoorbell(asyncio.get_running_loop())


def _is_as_stored(priced: PricedStrategy, stored: StoredStrategy) -> bool:
    """Whether answers and prices are what the job's reservations were made for."""
    return priced.strategy.spec_hash == stored.spec_hash and priced.tariff.to_json() == stored.tariff


def read_known_job(database: Database, *, job_id: int) -> Job:
    """The job; JobNotDriveable when this database has none of that number."""
    try:
        with session_scope(database) as session:
            return read_job(session, job_id=job_id)
    except NoSuchRow:
        raise JobNotDriveable(f"there is no job {job_id} in this database: `apportion status` lists the jobs") from None
