"""What an engine worker has to know of the jobs whose groups it runs, and what they have to know of it."""

import threading
from collections.abc import Mapping

from sqlalchemy import Engine as Database

from db.engine_notes import note_engines
from db.jobs import read_job
from db.session import run_in_transaction, session_scope
from router.units import Unit
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
            known = {name: identity.to_json() for name, identity in identities.items()}
            run_in_transaction(self._database, lambda session: note_engines(session, job_id=job_id, identities=known))
            self._noted[job_id] = dict(identities)
