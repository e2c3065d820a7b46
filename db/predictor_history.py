"""Every version of a tenant's predictors, without their weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import PredictorState
from db.tables import PredictorVersionRow


@dataclass(frozen=True, kw_only=True)
class PredictorVersion:
    """A predictor that serves, once did, or was to."""

    id: int
    spec_hash: str
    version: int
    encoder: str
    state: PredictorState
    meta: Mapping[str, Any]
    report: Mapping[str, Any]  # why it serves, or does not
    created_at: datetime
    crowned_at: datetime | None  # when it last began to serve
    retired_at: datetime | None  # until when it did; None while it does


_COLUMNS = [getattr(PredictorVersionRow, name) for name in PredictorVersion.__dataclass_fields__]


def list_predictor_versions(session: Session, *, tenant_id: str, spec_hash: str, limit: int) -> list[PredictorVersion]:
    """The versions for strategies with this hash, the latest first."""
    own = (PredictorVersionRow.tenant_id == tenant_id, PredictorVersionRow.spec_hash == spec_hash)
    rows = session.execute(select(*_COLUMNS).where(*own).order_by(PredictorVersionRow.id.desc()).limit(limit))
    return [PredictorVersion(**row._mapping) for row in rows]
