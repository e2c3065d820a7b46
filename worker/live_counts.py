"""Running counts of a job for those who watch it; the database stays the truth."""

import threading
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import Job
from db.session import session_scope
from db.settlements import NewOutcome
from db.strategy_counts import count_by_strategy
from router.units import Unit
from worker.progress import Progress, Stage, Watch


class LiveCounts:
    """Counts answers as they are settled, beginning with those that an earlier command settled."""

    def __init__(self, database: Database, *, job: Job, unit: Unit, names: dict[int, str], watch: Watch) -> None:
        self._database = database
        self._job = job
        self._unit = unit
        self._names = names
        self._watch = watch
        self._lock = threading.Lock()
        self._mix: Counter[str] = Counter(dict.fromkeys(names.values(), 0))  # all names, in the pool's order
        self._correct = 0.0
        self._graded = 0
        with session_scope(database) as session:
            for count in count_by_strategy(session, job_id=job.id):
                self._mix[names[count.strategy_id]] += count.outcomes
                self._correct += count.correct
                self._graded += count.graded

    @property
    def answered(self) -> int:
        """How many answers there are."""
        with self._lock:
            return self._mix.total()

    def note(self, strategy_id: int, outcomes: Sequence[NewOutcome], budget: Budget | None) -> None:
        """Some tasks of a strategy were settled, which left the budget so; called from any thread."""
        with self._lock:
            self._mix[self._names[strategy_id]] += len(outcomes)
            grades = [outcome.correct for outcome in outcomes if outcome.correct is not None]
            self._graded += len(grades)
            self._correct += sum(grades)
        self.show(budget)

    def show(self, budget: Budget | None = None) -> None:
        """Tell the watcher, of the budget as the database has it where it is not given."""
        if budget is None:
            with session_scope(self._database) as session:
                budget = read_budget(session, budget_id=self._job.budget_id)
        with self._lock:
            progress = Progress(
                stage=Stage.ANSWERING,
                done=self._mix.total(),
                total=self._job.task_count * len(self._job.arms),
                unit=self._unit,
                spent=budget.spent + budget.burned,
                reserved=budget.reserved,
                cap=budget.cap,
                mix=dict(self._mix),
                correct=self._correct,
                graded=self._graded,
            )
        self._watch(progress)
