"""Everything a report shows. Costs are quanta of the job's unit; accuracies are mean shares of right answers, 0..1."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from router.units import Unit


@dataclass(frozen=True, kw_only=True)
class BudgetReport:
    """The budget row as it stands; `cap_quanta` is None for a job that runs without a cap."""

    unit: Unit
    cap_quanta: int | None
    spent_quanta: int
    reserved_quanta: int = 0
    burned_quanta: int = 0  # charged for work whose answer was lost (a killed worker)
    overrun_quanta: int = 0  # charged by an engine above what it had been allowed to use

    @property
    def used_quanta(self) -> int:
        """Everything that was really paid."""
        return self.spent_quanta + self.burned_quanta + self.overrun_quanta


@dataclass(frozen=True, kw_only=True)
class EngineReport:
    """Which engine answered: the words of its identity, and why it was chosen over another one."""

    name: str
    kind: str
    model: str
    version: str
    device: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskCounts:
    """How the job's tasks ended."""

    total: int
    answered: int
    shared: int  # of those answered, with the answer of an identical task
    failed: int  # refused by the engine, one by one
    beyond_budget: int  # not run: nothing that may serve them fitted what was left
    not_eligible: int  # not run: no strategy can serve them
    cancelled: int  # not run: the job was cancelled before
    waiting: int  # not ended yet: the job is under way
    graded: int  # with a grader, whether they were answered or not


@dataclass(frozen=True, kw_only=True)
class ExplorationReport:
    """What was tried beside the best, and what it comes to."""

    explored: int  # tasks that were drawn to another strategy than their best
    spent_quanta: int  # what these cost so far
    set_aside_quanta: int  # what exploring was allowed to cost at its worst, over what was best
    accuracy_given_up: float  # of all tasks' mean accuracy, as predicted, in the mean over the draws
    extra_cost_quanta: float  # as predicted, in the mean over the draws


@dataclass(frozen=True, kw_only=True)
class JudgingReport:
    """What judges were paid in one unit, from budgets of their own."""

    unit: Unit
    readings: int  # replies, whether they could be read or not
    cost_quanta: int


@dataclass(frozen=True, kw_only=True)
class StrategyReport:
    """One strategy: what it would do alone on every task, and what it did on the tasks it was given."""

    name: str
    description: str
    eligible_tasks: int
    alone_accuracy: float  # predicted for all tasks; a task it may not serve counts as wrong
    alone_cost_quanta: float  # predicted, over the tasks it may serve
    tasks: int
    predicted_accuracy: float | None  # on the tasks it was given
    observed_accuracy: float | None  # on those of them with a grade
    graded: int
    predicted_cost_quanta: float
    cost_quanta: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole job allocated at once: nothing within the budget is predicted above the bound."""

    accuracy: float
    cost_quanta: float
    upper_bound: float | None  # mean accuracy; None where no budget bounds the choice (a weight)
    shadow_price: float | None  # right answers per quantum


@dataclass(frozen=True, kw_only=True)
class Point:
    """A cost and the mean accuracy that goes with it."""

    cost_quanta: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class SpendPoint:
    """The budget at one moment; `seconds` since the job started."""

    seconds: float
    spent_quanta: int  # with what was burned
    reserved_quanta: int


@dataclass(frozen=True, kw_only=True)
class AccuracyBin:
    """Tasks with similar predicted accuracy: the mean prediction beside the share that was right."""

    predicted: float
    observed: float
    tasks: int
    low: float  # 95% Wilson interval of the share
    high: float


@dataclass(frozen=True, kw_only=True)
class CostPair:
    """One task's predicted and actual cost."""

    strategy: str
    predicted_quanta: float
    actual_quanta: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the run and how long it took."""

    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Where the time went, without installation; `overhead_ms_per_task` is everything but encoding and generation."""

    wall_seconds: float
    encoding_seconds: float
    generation_seconds: float
    overhead_ms_per_task: float
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Option:
    """What one strategy was predicted to do for one task."""

    strategy: str
    accuracy: float
    cost_quanta: float


@dataclass(frozen=True, kw_only=True)
class Example:
    """One decision in words."""

    custom_id: str
    prompt: str
    chosen: str
    options: tuple[Option, ...]  # cheapest first
    reason: str
    answer: str
    grade: float | None


@dataclass(frozen=True, kw_only=True)
class DecisionRow:
    """One task in the report's table."""

    custom_id: str
    prompt: str
    strategy: str | None
    predicted_accuracy: float | None
    predicted_cost_quanta: float | None
    cost_quanta: int | None
    grade: float | None
    answer: str  # or why there is none


@dataclass(frozen=True, kw_only=True)
class SecondChanceReport:
    """What it came to that tasks with invalid answers were asked once more."""

    failures: Mapping[str, int]  # tasks, by what was wrong with their first answers
    asked: int  # once more
    replaced: int  # by their second answer
    cost_quanta: int  # of asking once more
    graded: int  # of those replaced
    turned_right: float  # right answers among those, more than before

    @property
    def invalid(self) -> int:
        """How many first answers were."""
        return sum(self.failures.values())

    @property
    def quanta_per_right(self) -> float | None:
        """What one more right answer cost; None where there is none."""
        return self.cost_quanta / self.turned_right if self.turned_right > 0 else None


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """One job, ready to be shown."""

    job_id: int
    job_file: str
    state: str
    objective: str  # in words: "budget 3.50e+14 FLOPs (25%)"
    started_at: datetime
    finished_at: datetime | None
    budget: BudgetReport
    tasks: TaskCounts
    plan: Plan
    predicted_accuracy: float  # for what was done, over all tasks: one without an answer counts as not right
    observed_accuracy: float | None  # over all tasks with a grader: one without an answer counts as not right
    engines: tuple[EngineReport, ...]
    strategies: tuple[StrategyReport, ...]
    frontier: tuple[Point, ...]  # cheapest first
    spend: tuple[SpendPoint, ...]
    accuracy_bins: tuple[AccuracyBin, ...]
    cost_pairs: tuple[CostPair, ...]
    timings: Timings
    examples: tuple[Example, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    exploration: ExplorationReport | None = None  # None: everybody got what was best
    second_chances: SecondChanceReport | None = None  # None: every task was to be answered once
    judging: tuple[JudgingReport, ...] = ()  # none: no judge was asked
    continues: int | None = None  # the job whose budget did not reach these tasks
    continued_by: int | None = None  # the job that asks what the budget of this one did not reach

    @property
    def unit(self) -> Unit:
        """The unit of every cost in the report."""
        return self.budget.unit

    @property
    def ran_predicted_quanta(self) -> float:
        """What the tasks that ran were predicted to cost."""
        return sum(strategy.predicted_cost_quanta for strategy in self.strategies)

    @property
    def ran_cost_quanta(self) -> int:
        """What the tasks that ran cost."""
        return sum(strategy.cost_quanta for strategy in self.strategies)

    @property
    def gap(self) -> float | None:
        """How far what was done may at most be from the optimum, as predicted; None where no budget bounds it."""
        bound = self.plan.upper_bound
        return None if bound is None else max(0.0, bound - self.predicted_accuracy)
