"""When a strategy began to answer otherwise, as alarms about its predictors tell it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.drift import IN_LINE, WITHDRAWN


class AnswerChange(NamedTuple):
    """What was known of a strategy before it began says what it was, not what it is."""

    began_at: datetime  # when the first answer of the stretch was given that the alarm rests on
    told_at: datetime  # of the alarm

    def is_unknown_to(self, since: datetime | None) -> bool:
        """Whether a predictor that learnt up to this moment has not learnt of it; None: nobody knows up to when."""
        return since is None or since < self.told_at


# An alarm counts labelled answers. Of those that were known to it, so many are the latest; where labels are fewer (some
# answers taught nothing), the stretch is all of them. Alarms about costs say nothing about what is right, nor do those
# that were withdrawn up to the cutoff.
_WHICH = """strategy_id IN (SELECT id FROM alike)
          AND created_at <= coalesce(:cutoff, CAST('infinity' AS timestamptz))"""
_FIND = text(f"""
    WITH alike AS (
        SELECT alike.id FROM strategy AS wanted
        JOIN strategy AS alike ON alike.tenant_id = wanted.tenant_id AND alike.spec_hash = wanted.spec_hash
        WHERE wanted.id = :strategy_id
    ), told AS (
        SELECT outcomes, created_at FROM ({IN_LINE.format(which=_WHICH)}) AS alarm
        WHERE broken IN ('worse', 'better') AND broken_after IS DISTINCT FROM '{WITHDRAWN}'
        ORDER BY id DESC LIMIT 1
    )
    SELECT coalesce(min(stretch.created_at), told.created_at) AS began_at, told.created_at AS told_at
    FROM told LEFT JOIN LATERAL (
        SELECT outcome.created_at FROM outcome
        WHERE outcome.strategy_id IN (SELECT id FROM alike) AND outcome.created_at <= told.created_at
          AND outcome.kind = 'run' AND outcome.error_code IS NULL AND outcome.source <> 'twin'
          AND (outcome.correct IS NOT NULL OR EXISTS (
              SELECT FROM label
              WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
                AND label.created_at <= told.created_at))
        ORDER BY outcome.created_at DESC LIMIT CAST(ceil(told.outcomes) AS int)
    ) AS stretch ON true
    GROUP BY told.created_at
""")  # noqa: S608 - our own constants


def find_change(session: Session, *, strategy_id: int, cutoff: datetime | None) -> AnswerChange | None:
    """The latest that was told up to the cutoff, of all versions that answer alike; None: no alarm that stands says so.

    The same before a settled cutoff whenever it is asked for, whatever serves by then.
    """
    row = session.execute(_FIND, {"strategy_id": strategy_id, "cutoff": cutoff}).one_or_none()
    return None if row is None else AnswerChange(*row)
