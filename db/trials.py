"""Trials: predictor versions that are tried together against the champions of their lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import any_, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from db.predictors import set_state
from db.states import PredictorState
from db.tables import PredictorVersionRow, TrialRow


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Versions on trial, and what was seen of them."""

    id: int
    tenant_id: str
    encoder: str
    predictor_version_ids: Sequence[int]
    looks: Sequence[Mapping[str, Any]]  # oldest first
    verdict: str | None  # None: it goes on
    created_at: datetime


_COLUMNS = [getattr(TrialRow, name) for name in Trial.__dataclass_fields__]
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('trials of ' || :tenant_id, 0))")


def open_trials(session: Session, *, tenant_id: str) -> list[int]:
    """The ids of new trials: of all versions that wait, for each encoder that has no open one."""
    session.execute(_LOCK, {"tenant_id": tenant_id})
    waiting = select(PredictorVersionRow.encoder, func.array_agg(PredictorVersionRow.id)).where(
        PredictorVersionRow.tenant_id == tenant_id, PredictorVersionRow.state == PredictorState.CANDIDATE
    )
    busy = {trial.encoder for trial in list_open_trials(session, tenant_id=tenant_id)}
    opened = []
    for encoder, version_ids in session.execute(waiting.group_by(PredictorVersionRow.encoder)).all():
        if encoder in busy:
            continue
        row = insert(TrialRow).values(tenant_id=tenant_id, encoder=encoder, predictor_version_ids=sorted(version_ids))
        opened.append(session.execute(row.returning(TrialRow.id)).scalar_one())
        waits, tried = PredictorState.CANDIDATE, PredictorState.ON_TRIAL
        set_state(session, predictor_ids=version_ids, before=waits, to=tried)
    return opened


def list_open_trials(session: Session, *, tenant_id: str) -> list[Trial]:
    """The tenant's open trials, at most one an encoder."""
    query = select(*_COLUMNS).where(TrialRow.tenant_id == tenant_id, TrialRow.ended_at.is_(None))
    return [Trial(**row._mapping) for row in session.execute(query.order_by(TrialRow.id))]


def read_trial(session: Session, *, trial_id: int) -> Trial:
    """The trial, as it stands or ended."""
    return Trial(**session.execute(select(*_COLUMNS).where(TrialRow.id == trial_id)).one()._mapping)


def lock_open_trial(session: Session, *, trial_id: int) -> Trial | None:
    """The trial, which nobody else judges until the caller commits; None once it has ended."""
    query = select(*_COLUMNS).where(TrialRow.id == trial_id, TrialRow.ended_at.is_(None)).with_for_update()
    row = session.execute(query).one_or_none()
    return None if row is None else Trial(**row._mapping)


def add_look(session: Session, *, trial: Trial, look: Mapping[str, Any]) -> None:
    """Keep what was seen of a trial that the caller has locked."""
    own = update(TrialRow).where(TrialRow.id == trial.id)
    session.execute(own.values(looks=[*trial.looks, dict(look)]))


def end_trial(session: Session, *, trial: Trial, verdict: str) -> None:
    """Nothing more is tried in it; what becomes of its versions is for the caller to say."""
    own = update(TrialRow).where(TrialRow.id == trial.id)
    session.execute(own.values(verdict=verdict, ended_at=func.clock_timestamp()))


def find_trial_of(session: Session, *, predictor_id: int) -> Trial | None:
    """The latest trial of a version, open or not."""
    query = select(*_COLUMNS).where(literal(predictor_id) == any_(TrialRow.predictor_version_ids))
    row = session.execute(query.order_by(TrialRow.id.desc()).limit(1)).one_or_none()
    return None if row is None else Trial(**row._mapping)
