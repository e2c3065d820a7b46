"""Looks of the gate: what challengers of a champion were judged by, as their reports keep it."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# Champions of before their time was kept serve since they were stored.
_COUNT = text("""
    SELECT coalesce(max(CAST(challenger.report #>> '{gate,report,look,labels}' AS bigint)), 0)
    FROM predictor_version AS champion
    JOIN predictor_version AS challenger ON challenger.tenant_id = champion.tenant_id
        AND challenger.spec_hash = champion.spec_hash AND challenger.encoder = champion.encoder
        AND challenger.id <> champion.id
        AND challenger.created_at > coalesce(champion.crowned_at, champion.created_at)
        AND challenger.created_at > coalesce(:since, CAST('-infinity' AS timestamptz))
    WHERE champion.id = :champion_id AND challenger.report #>> '{gate,report,challenger}' IS NOT NULL
""")


def read_looked_at(session: Session, *, champion_id: int, since: datetime | None) -> int:
    """How many labels the last look at this champion had, of those after `since`; 0 where there was none."""
    labels: int = session.execute(_COUNT, {"champion_id": champion_id, "since": since}).scalar_one()
    return labels
