"""The states and kinds that rows can have: one enum per question."""

from enum import StrEnum


class JobKind(StrEnum):
    """What a job is for."""

    RUN = "run"  # every task is answered once, by the strategy that the router chose
    CALIBRATION = "calibration"  # every task is answered once by each strategy
    PROBE = "probe"  # some tasks of a file, chosen to stand for the rest, are answered by one strategy
    JUDGING = "judging"  # answers of another job, which no program can grade, are read by one strategy


class JobState(StrEnum):
    """How far a job is."""

    SUBMITTED = "submitted"  # stored whole; no window was cut yet
    RUNNING = "running"  # at least one window was claimed
    COMPLETED = "completed"  # every task has an outcome or a stated reason for having none; final
    CANCELLING = "cancelling"  # nothing new is started; what is with engines is still settled
    CANCELLED = "cancelled"  # every task without an outcome has `cancelled`, or an earlier reason, for it; final


# A job in one of these never changes again.
FINAL_STATES = frozenset({JobState.COMPLETED, JobState.CANCELLED})


class BudgetPeriod(StrEnum):
    """How often a budget begins anew."""

    NIGHTLY = "nightly"  # at noon, so that a night is in one period
    MONTHLY = "monthly"  # on the first of the month


class WindowState(StrEnum):
    """How far a window is."""

    CLAIMED = "claimed"  # a router worker holds its lease
    READY = "ready"  # given back or expired: to be claimed again
    ROUTED = "routed"  # its groups are committed; final


class GroupState(StrEnum):
    """How far a group is."""

    READY = "ready"  # waits for an engine worker
    CLAIMED = "claimed"  # an engine worker holds its lease
    DONE = "done"  # every member has an outcome or went back to routing; final


class EntryKind(StrEnum):
    """What a ledger entry does to its budget."""

    RAISE = "raise"  # the cap grows (opening a budget raises it from zero)
    LOWER = "lower"  # the cap shrinks, at most by what is left
    RESERVE = "reserve"  # the worst case of a batch is held
    SETTLE = "settle"  # the true cost of a batch is charged
    RELEASE = "release"  # what a settled batch had held too much is given back
    BURN = "burn"  # a batch was started and its worker lost: its worst case is charged


class RequeueReason(StrEnum):
    """Why a task is not in a group."""

    DENIED = "denied"  # its reservation did not fit the budget at that moment
    RETRY = "retry"  # its attempt failed in a way that may pass
    RECALLED = "recalled"  # its strategy keeps failing: routed to another before it was started
    SECOND_CHANCE = "second_chance"  # its answer is invalid, and kept: another strategy may do better
    BUDGET_EXHAUSTED = "budget_exhausted"  # nothing that may serve it fits the budget; final
    NOT_ELIGIBLE = "not_eligible"  # no strategy may serve it; final
    CANCELLED = "cancelled"  # it was given up on request; final


# A task with one of these waits for nothing: the reason stands in place of its outcome.
FINAL_REASONS = frozenset({RequeueReason.BUDGET_EXHAUSTED, RequeueReason.NOT_ELIGIBLE, RequeueReason.CANCELLED})


class OutcomeSource(StrEnum):
    """Where an outcome comes from."""

    ENGINE = "engine"  # a group of this database was executed
    RECORDING = "recording"  # it was imported from a recording made elsewhere
    TWIN = "twin"  # an identical task of the same job was executed


class StrategyMode(StrEnum):
    """What a strategy is used for."""

    ENABLED = "enabled"  # tasks are routed to it
    SHADOW = "shadow"  # it is predicted for and shown in decisions; no task is routed to it
    DISABLED = "disabled"  # nothing is routed to it, and new jobs do without it
    RETIRED = "retired"  # disabled for good; its history is kept


class PredictorState(StrEnum):
    """Whether a predictor version serves."""

    CANDIDATE = "candidate"  # passed the gate: waits for a trial
    ON_TRIAL = "on_trial"  # some tasks on which it and the champion disagree go by what it says
    CHAMPION = "champion"  # the version that predicts
    RETIRED = "retired"  # an earlier champion, kept for rollback
    HELD = "held"  # nothing spoke for it, at the gate or in its trial
    REJECTED = "rejected"  # found worse than the champion, or to predict worse than was promised


class TrainingScope(StrEnum):
    """Which strategies a training takes on."""

    ENOUGH = "enough"  # those with so many new labels that another predictor is worth it
    NEWS = "news"  # those with any
    ALL = "all"  # every one that has outcomes


class FilePurpose(StrEnum):
    """What a file is for."""

    BATCH = "batch"  # uploaded: one request a line
    BATCH_OUTPUT = "batch_output"  # written at the end of a batch: what became of its requests


class BatchStatus(StrEnum):
    """How far a batch is: OpenAI's eight, for which callers poll."""

    VALIDATING = "validating"  # its file is read and planned; nothing is stored or spent yet
    FAILED = "failed"  # its file, its money or its strategies did not do; final
    IN_PROGRESS = "in_progress"  # it is a job
    FINALIZING = "finalizing"  # its job is at its end, its files are being written
    COMPLETED = "completed"  # every request has its line in one of the two files; final
    EXPIRED = "expired"  # the same, and some requests were not begun in time; final
    CANCELLING = "cancelling"  # nothing new of it is started
    CANCELLED = "cancelled"  # as completed, and some requests were given up; final


# A batch in one of these never changes again.
FINAL_STATUSES = frozenset({BatchStatus.FAILED, BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED})


class LabelSource(StrEnum):
    """Who says whether an answer is right; the first of these that has spoken counts, whenever the others did."""

    PERSON = "person"  # somebody looked at it
    JUDGE = "judge"  # a model was asked about it
    GRADER = "grader"  # a program compared it with a reference
