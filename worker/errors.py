"""What can go wrong in the worker package, beside its engines and its embedded database.

WorkerError
├── SettingError            an environment variable holds what can not be used
├── DatabaseTooNew          the database's schema is a newer release's
├── StrategyFileUnreadable  the strategy file is missing or is not YAML
├── BudgetTooSmall          the budget is below the cheapest total
├── BudgetUnusable          what a budget is asked for, it can not do
├── NoSuchBudget            a name that no budget has
├── NothingToTrain          no graded outcomes of any strategy
├── CutoffAhead             a moment to train up to that is still to come
├── NothingToProbe          no task that the strategy could be asked
├── UntrainedStrategies     strategies without predictors
├── NoSuchPredictor         a version that was never trained, or is not there any more
├── NoSuchStrategy          a name that no strategy of this database has
├── StrategyUnusable        what a strategy is asked for, it can not do
├── NothingServes           no strategy that is at hand can answer a request
├── RecordingError          a recording can not be read
├── SandboxUnavailable      programs can not be run safely on this machine
├── StrategyLeftAlone       a strategy keeps failing, so nothing more is asked of it for a while
├── WorkersFailed           workers that were started here end again and again
└── JobNotDriveable         this command can not be used on this job
"""


class WorkerError(Exception):
    """Anything this package raises on purpose."""


class SettingError(WorkerError):
    """An environment variable holds what can not be used."""


class DatabaseTooNew(WorkerError):
    """The database was migrated by a newer release; nothing was changed."""


class StrategyFileUnreadable(WorkerError):
    """The strategy file is missing, unreadable or not YAML."""


class BudgetTooSmall(WorkerError):
    """Even the cheapest strategy for every task costs more than the budget, as predicted. Amounts are quanta."""

    def __init__(self, message: str, *, cap: int, smallest_feasible: int) -> None:
        super().__init__(message)
        self.cap = cap
        self.smallest_feasible = smallest_feasible


class BudgetUnusable(WorkerError):
    """A budget has a cap, a unit and what is committed: something else is asked of it."""


class NoSuchBudget(WorkerError):
    """No shared budget has that name."""


class NothingToTrain(WorkerError):
    """There are no graded outcomes to learn from."""


class CutoffAhead(WorkerError):
    """Not everything is stored yet up to the moment that a training is to stop at."""


class NothingToProbe(WorkerError):
    """A file has no graded task that the strategy can serve."""


class UntrainedStrategies(WorkerError):
    """Strategies have no predictor, so nothing can be said about them."""


class RecordingError(WorkerError):
    """A recording of outcomes can not be read."""


class StrategyLeftAlone(WorkerError):
    """A strategy keeps failing: what runs is settled, the rest is for others."""


class WorkersFailed(WorkerError):
    """A worker that was started here ends again and again; the message ends with what it printed."""


class SandboxUnavailable(WorkerError):
    """Programs that models wrote can not be run safely on this machine, so they are not run."""


class JobNotDriveable(WorkerError):
    """The job does not exist, is of another kind or cancelled, or has other strategies than this command."""


class NothingServes(WorkerError):
    """No strategy that is at hand can answer a request; the message says why, and what would."""


class NoSuchPredictor(WorkerError):
    """No such trained version."""


class NoSuchStrategy(WorkerError):
    """No strategy of this database has that name."""


class StrategyUnusable(WorkerError):
    """A strategy that is retired, or that nothing is known of, is asked to serve."""
