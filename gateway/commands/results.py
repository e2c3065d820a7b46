"""`apportion results`: the answers of a job, a JSON object a line, for other programs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from sqlalchemy.orm import Session

from db.jobs import Job
from db.session import session_scope
from gateway.commands.report_job import require_run
from gateway.console import write_out
from gateway.exit_codes import ExitCode
from gateway.job_files import iterate_error_lines, iterate_result_lines
from worker.bootstrap import read_known_job
from worker.database import open_database
from worker.settings import read_settings


def print_results(console: Console, *, job_id: int, errors: bool) -> ExitCode:
    """What `results.jsonl` holds, or `errors.jsonl`, as the job stands."""
    with open_database(read_settings()) as database:
        job = read_known_job(database, job_id=job_id)
        require_run(job)
        with session_scope(database) as session:
            write_out(console, _iterate_texts(session, job, errors=errors))
    return ExitCode.DONE


def _iterate_texts(session: Session, job: Job, *, errors: bool) -> Iterator[str]:
    iterate = iterate_error_lines if errors else iterate_result_lines
    lines: Iterator[Mapping[str, Any]] = iterate(session, job=job)
    return (json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
