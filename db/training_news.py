"""News: how many of a strategy's outcomes got a label since its predictor was trained."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.training_rows import TEACHES

# An outcome that was graded when it was stored is news once; a label that was given later is news of its own.
_COUNT = text(f"""
    WITH alike AS (
        SELECT alike.id FROM strategy AS wanted
        JOIN strategy AS alike ON alike.tenant_id = wanted.tenant_id AND alike.spec_hash = wanted.spec_hash
        WHERE wanted.id = :strategy_id
    )
    SELECT count(*) FROM (
        SELECT outcome.job_id, outcome.seq, outcome.arm FROM alike JOIN outcome ON outcome.strategy_id = alike.id
        WHERE outcome.created_at > coalesce(:since, CAST('-infinity' AS timestamptz))
          AND outcome.created_at <= :cutoff AND outcome.correct IS NOT NULL AND {TEACHES}
          AND outcome.created_at >= coalesce(:answered_since, CAST('-infinity' AS timestamptz))
        UNION
        SELECT outcome.job_id, outcome.seq, outcome.arm FROM label
        JOIN outcome ON outcome.job_id = label.job_id AND outcome.seq = label.seq AND outcome.arm = label.arm
        WHERE label.created_at > coalesce(:since, CAST('-infinity' AS timestamptz)) AND label.created_at <= :cutoff
          AND outcome.strategy_id IN (SELECT id FROM alike) AND {TEACHES}
          AND outcome.created_at >= coalesce(:answered_since, CAST('-infinity' AS timestamptz))
    ) AS news
""")  # noqa: S608 - made of our own constant

_FIRST = text(f"""
    WITH alike AS (
        SELECT alike.id FROM strategy AS wanted
        JOIN strategy AS alike ON alike.tenant_id = wanted.tenant_id AND alike.spec_hash = wanted.spec_hash
        WHERE wanted.id = ANY(:strategy_ids)
    )
    SELECT min(told_at) FROM (
        SELECT outcome.created_at AS told_at FROM alike JOIN outcome ON outcome.strategy_id = alike.id
        WHERE outcome.correct IS NOT NULL AND {TEACHES}
        UNION ALL
        SELECT label.created_at FROM label
        JOIN outcome ON outcome.job_id = label.job_id AND outcome.seq = label.seq AND outcome.arm = label.arm
        WHERE outcome.strategy_id IN (SELECT id FROM alike) AND {TEACHES}
    ) AS told
""")  # noqa: S608 - as above


def count_news(
    session: Session,
    *,
    strategy_id: int,
    since: datetime | None,
    cutoff: datetime,
    answered_since: datetime | None = None,
) -> int:
    """Outcomes whose label came between the two moments; all that have one where `since` is None.

    Those that were answered before `answered_since` are no news, whatever is said of them now.
    """
    asked = {"strategy_id": strategy_id, "since": since, "cutoff": cutoff, "answered_since": answered_since}
    count: int = session.execute(_COUNT, asked).scalar_one()
    return count


def read_first_label(session: Session, *, strategy_ids: Sequence[int]) -> datetime | None:
    """When it was first known of an outcome of these strategies whether it is right; None where it never was."""
    first: datetime | None = session.execute(_FIRST, {"strategy_ids": list(strategy_ids)}).scalar_one()
    return first
