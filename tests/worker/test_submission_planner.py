"""A job's tasks are read by their numbers from its first second on, whatever the database knew of earlier jobs."""

from pathlib import Path

from sqlalchemy import Engine as Database
from sqlalchemy import text

from db.session import session_scope
from db.tasks import read_tasks
from tests.faults.load import submit_load, write_strategies

ENTRIES_READ = text("""
    SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index WHERE indrelid = 'task'::regclass
""")


def test_a_group_of_a_new_job_reads_its_own_tasks_alone(db_engine: Database, tmp_path: Path) -> None:
    strategies = write_strategies(tmp_path)
    submit_load(db_engine, tasks=3, cap=1000, strategies=strategies)
    with session_scope(db_engine) as session:
        session.execute(text("ANALYZE task"))
    job_id = submit_load(db_engine, tasks=2000, cap=1_000_000, strategies=strategies)
    with session_scope(db_engine) as session:
        before = session.execute(ENTRIES_READ).scalar_one()
        assert [task.seq for task in read_tasks(session, job_id=job_id, seqs=[1, 1999])] == [1, 1999]
        entries = session.execute(ENTRIES_READ).scalar_one() - before
    assert entries == 2
