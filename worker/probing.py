"""Probing: a new strategy answers chosen tasks of a graded file, and is predicted from those at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from sqlalchemy.orm import Session

from db.probes import list_unfinished_probes, read_answered
from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from router.cold_start.item_response import ItemResponse, learn_item_response
from router.cold_start.probes import ProbeSet
from worker.bootstrap import Workshop
from worker.champions import SEED
from worker.errors import NothingToTrain
from worker.known_outcomes import PoolRows, gather_past, list_others, read_pool_rows
from worker.placement import Placement, place
from worker.probe_choice import ProbeChoice
from worker.runs import StoreJob
from worker.submission import submit_probe
from worker.task_line import identify_task
from worker.task_vectors import TaskVectors


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """What a new strategy is asked."""

    tasks: Sequence[NewTask]  # graded
    tasks_sha256: str  # of their file
    count: int  # of probes
    adaptive: bool  # half of them are chosen by what the other half says of the strategy
    seed: int


class Probing:
    """One strategy of a workshop, met by its probes; no other strategy is touched."""

    def __init__(
        self, workshop: Workshop, *, position: int, request: ProbeRequest, tell: Callable[[str], None]
    ) -> None:
        self.own = workshop.keep([position])
        (self._priced,), (self.strategy_id,) = self.own.pool.strategies, self.own.strategy_ids
        self._workshop, self._request, self._tell = workshop, request, tell
        self._vectors = TaskVectors(workshop.encoder, watch=workshop.watch)

    def jobs(self) -> Iterator[StoreJob]:
        """Jobs to bring to their end in turn: what an earlier command left, then what has no answer yet."""
        choice = self._choice  # what can not be probed is refused before anything is asked
        with session_scope(self.own.database) as session:
            unfinished = list_unfinished_probes(session, strategy_id=self.strategy_id)
        for job_id in unfinished:
            self._tell(f"probe {job_id} was not finished: it comes first")
            yield _known(job_id)
        if choice.distinct_tasks < self._request.count:
            self._tell(
                f"{self._request.count:,} probes were asked for, but {self._priced.strategy.name} can serve "
                f"{choice.distinct_tasks:,} distinct tasks of the file: all of them are asked"
            )
        model = self._learn_abilities() if self._request.adaptive else None
        more = 0 if model is None else self._request.count // 2
        cover = choice.cover(count=self._request.count - more, seed=self._request.seed)
        yield from self._ask(cover)
        if model is not None:
            own = self._read_rows()[self.strategy_id]
            correct = {identify_task(row.payload): row.correct for row in own}
            yield from self._ask(choice.choose_informative(model, cover, count=more, correct=correct))

    def place(self) -> Placement:
        """What the probes make of the strategy."""
        rows = self._read_rows()
        if not rows[self.strategy_id]:
            raise NothingToTrain(
                f"no probe of {self._priced.strategy.name} got a grade: `apportion status` counts them"
            )
        return place(
            rows,
            priced=self._priced,
            strategy_id=self.strategy_id,
            encoder=self._workshop.encoder.name,
            vectors=self._vectors,
            file_tasks=[task.payload for task in self._choice.tasks],
        )

    @cached_property
    def _choice(self) -> ProbeChoice:
        return ProbeChoice(self._request.tasks, pool=self.own.pool, vectors=self._vectors)

    def _learn_abilities(self) -> ItemResponse | None:
        """An item response model of the other strategies; None, and a word about it, where it can not be learnt."""
        others = list_others(self._read_rows(), strategy_id=self.strategy_id)
        known = gather_past(others, least=0, spare=(), vectors=self._vectors).outcomes
        if known is None:
            self._tell("fewer than 3 other strategies have 200 graded tasks in common: all probes cover the file")
            return None
        return learn_item_response(known.embeddings, known.correct, seed=SEED)

    def _ask(self, probes: ProbeSet) -> Iterator[StoreJob]:
        """A job of those tasks that the strategy has not answered yet, if there are any."""
        with session_scope(self.own.database) as session:
            answered = set(map(identify_task, read_answered(session, strategy_id=self.strategy_id)))
        due = [
            (self._choice.tasks[row], float(weight))
            for row, weight in zip(probes.rows, probes.weight, strict=True)
            if self._choice.identities[row] not in answered
        ]
        if len(due) < len(probes.rows):
            self._tell(f"{len(probes.rows) - len(due):,} of {len(probes.rows):,} probes are answered already")
        if due:
            yield partial(self._store, due)

    def _store(self, due: Sequence[tuple[NewTask, float]]) -> int:
        job_id = run_in_transaction(self.own.database, lambda session: self._submit(session, due))
        self._tell(f"probe {job_id}: {len(due):,} tasks; should it stop, the same command goes on")
        return job_id

    def _submit(self, session: Session, due: Sequence[tuple[NewTask, float]]) -> int:
        return submit_probe(
            session,
            tasks=[task for task, _ in due],
            weights=[weight for _, weight in due],
            pool=self.own.pool,
            strategy_ids=self.own.strategy_ids,
            meta={
                "tasks_sha256": self._request.tasks_sha256,
                "strategy_file": str(self.own.pool.source.resolve()),
                "spec_hashes": [self._priced.strategy.spec_hash],
            },
        )

    def _read_rows(self) -> PoolRows:
        with session_scope(self.own.database) as session:
            return read_pool_rows(session, strategy_ids=self._workshop.strategy_ids)


def _known(job_id: int) -> StoreJob:
    return lambda: job_id
