"""Who answered a job: kept in its meta, under the engines' names."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from db.jobs import lock_job, update_meta


def note_engines(session: Session, *, job_id: int, identities: Mapping[str, Any]) -> None:
    """Add these engines to those that are noted; one that is another now keeps its earlier note beside the new one."""
    earlier = lock_job(session, job_id=job_id).meta.get("engines", {})
    others = [name for name in identities if earlier.get(name, identities[name]) != identities[name]]
    changed = {f"{name} (earlier)": earlier[name] for name in others}
    if changed or identities.keys() - earlier.keys():
        update_meta(session, job_id=job_id, meta={"engines": {**earlier, **changed, **identities}})
