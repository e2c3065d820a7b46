"""What an engine worker has to know of the jobs whose groups it runs, and what they have to know of it."""

import threading
from collections.abc import Mapping

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.engine_notes import note_engines
from db.jobs import read_job, update_meta
from db.predictors import read_champions
from db.session import run_in_transaction, session_scope
from router.units import Unit
from worker.engine_warnings import find_engine_changes
from worker.engines.identity import EngineIdentity
from worker.objective import Objective


class JobFacts:
    """Read once a job; called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._units: dict[int, Unit] = {}
        self._noted: dict[int, Mapping[str, EngineIdentity]] = {}

    def unit_of(self, job_id: int) -> Unit:
        """The unit in which the job is charged."""
        with self._lock:
            if job_id not in self._units:
                with session_scope(self._database) as session:
                    job = read_job(session, job_id=job_id)
                self._units[job_id] = Objective.from_json(job.objective).unit
            return self._units[job_id]

    def note_engines(self, job_id: int, identities: Mapping[str, EngineIdentity]) -> None:
        """Keep with the job who answers it, where that is news."""
        with self._lock:
            if self._noted.get(job_id) == identities:
                return
            run_in_transaction(self._database, lambda session: _note(session, job_id, identities))
            self._noted[job_id] = dict(identities)


def _note(session: Session, job_id: int, identities: Mapping[str, EngineIdentity]) -> None:
    """The job is locked by the first call, so that notes of several workers add up."""
    known = {name: identity.to_json() for name, identity in identities.items()}
    note_engines(session, job_id=job_id, identities=known)
    job = read_job(session, job_id=job_id)
    champions = read_champions(session, strategy_ids=job.strategy_ids, encoder=job.encoder)
    earlier = job.meta.get("warnings", [])
    warnings = list(dict.fromkeys([*earlier, *find_engine_changes(list(champions.values()), identities)]))
    if warnings != earlier:
        update_meta(session, job_id=job_id, meta={"warnings": warnings})
