"""From an error to what the person at the terminal is told, and the exit code."""

import errno
from typing import NamedTuple

import psycopg
from psycopg.errors import DiskFull, OutOfMemory
from sqlalchemy.exc import OperationalError

from db.errors import NoSuchRow
from gateway.errors import JobFileError, NoSuchKey, OutputError, ServerError, UsageError
from gateway.exit_codes import ExitCode
from router.errors import (
    AmountError,
    FieldError,
    InfeasibleTarget,
    PredictorArtefactError,
    StrategyFileError,
    TariffError,
)
from worker.encoder import EncoderError
from worker.engines.errors import EngineError
from worker.errors import (
    BudgetTooSmall,
    BudgetUnusable,
    CutoffAhead,
    DatabaseTooNew,
    JobNotDriveable,
    NoSuchBudget,
    NoSuchPredictor,
    NoSuchStrategy,
    NothingServes,
    NothingToProbe,
    NothingToTrain,
    RecordingError,
    SettingError,
    StrategyFileUnreadable,
    StrategyUnusable,
    UntrainedStrategies,
    WorkersFailed,
)
from worker.postgres.errors import EmbeddedPostgresError
from worker.redis.errors import PrivateRedisError

STOPPED = (
    "stopped at once; if a job was under way, `apportion continue JOB` goes on (`apportion status` lists the jobs)"
)


class Failure(NamedTuple):
    """What to say and how to end; an unexpected error also shows its traceback."""

    message: str
    exit_code: ExitCode
    expected: bool


def describe_failure(error: BaseException) -> Failure:
    """The failure behind an error; groups are described by their first member."""
    if isinstance(error, BaseExceptionGroup):
        return describe_failure(error.exceptions[0])
    if isinstance(error, KeyboardInterrupt):
        return Failure(STOPPED, ExitCode.ABORTED, True)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = error.filename or "this machine"
        return Failure(f"{place}: the disk is full; free some space and run the command again", ExitCode.OUTPUT, True)
    if isinstance(error, OperationalError | psycopg.OperationalError):  # SQLAlchemy does not wrap those of a COPY
        return _describe_database_failure(getattr(error, "orig", None) or error)
    exit_code = _find_exit_code(error)
    if exit_code is None:
        return Failure(f"{type(error).__name__}: {error}", ExitCode.INTERNAL, False)
    return Failure(str(error), exit_code, True)


def _find_exit_code(error: BaseException) -> ExitCode | None:
    """The one of the first row that fits, or what a server's answer stands for; None for what nobody foresaw."""
    if isinstance(error, ServerError):
        return error.exit_code
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), None)


def _describe_database_failure(cause: BaseException) -> Failure:
    """What Postgres said, or what kept us from asking it."""
    reason = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    if isinstance(cause, DiskFull):
        remedy = "free some space and run the command again (`apportion continue JOB` where a job was under way)"
        return Failure(f"the database's disk is full: {reason}; {remedy}", ExitCode.OUTPUT, True)
    if isinstance(cause, OutOfMemory):
        return Failure(f"the database is out of memory: {reason}", ExitCode.DATABASE, True)
    return Failure(f"the database does not answer: {reason}", ExitCode.DATABASE, True)


# The first row that fits decides, so a narrower error stands before the wider one it belongs to.
EXIT_CODES: dict[type[Exception], ExitCode] = {
    UsageError: ExitCode.USAGE,
    AmountError: ExitCode.USAGE,
    SettingError: ExitCode.USAGE,
    CutoffAhead: ExitCode.USAGE,
    JobFileError: ExitCode.JOB_FILE,
    RecordingError: ExitCode.JOB_FILE,
    NothingToProbe: ExitCode.JOB_FILE,
    StrategyFileUnreadable: ExitCode.STRATEGIES,
    StrategyFileError: ExitCode.STRATEGIES,
    FieldError: ExitCode.STRATEGIES,
    StrategyUnusable: ExitCode.STRATEGIES,
    NothingServes: ExitCode.STRATEGIES,
    TariffError: ExitCode.STRATEGIES,
    EngineError: ExitCode.ENGINE,
    EncoderError: ExitCode.ENGINE,
    WorkersFailed: ExitCode.ENGINE,
    PrivateRedisError: ExitCode.DATABASE,
    BudgetTooSmall: ExitCode.BUDGET,
    BudgetUnusable: ExitCode.BUDGET,
    InfeasibleTarget: ExitCode.BUDGET,
    OutputError: ExitCode.OUTPUT,
    EmbeddedPostgresError: ExitCode.DATABASE,
    DatabaseTooNew: ExitCode.DATABASE,
    NoSuchRow: ExitCode.NOT_FOUND,
    JobNotDriveable: ExitCode.NOT_FOUND,
    NoSuchBudget: ExitCode.NOT_FOUND,
    NoSuchPredictor: ExitCode.NOT_FOUND,
    NoSuchStrategy: ExitCode.NOT_FOUND,
    NoSuchKey: ExitCode.NOT_FOUND,
    UntrainedStrategies: ExitCode.UNTRAINED,
    NothingToTrain: ExitCode.UNTRAINED,
    PredictorArtefactError: ExitCode.UNTRAINED,
}
