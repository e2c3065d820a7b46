"""Settlements and labels read in turn: outcomes of runs, each once, without ever looking through all of them."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session


class SettledRow(msgspec.Struct, frozen=True):
    """One answer of a run as it was settled, or as it was graded later."""

    job_id: int
    seq: int
    strategy_id: int
    correct: float | None
    cost: int | None  # quanta; None: it was known before, and only the grade is new
    propensity: float | None


class SettledRows(NamedTuple):
    """What was read, and how far: what is of no interest is passed over, and leaves no row."""

    rows: Sequence[SettledRow]
    last_entry_id: int


SETTLEMENTS, LABELS = "settlements", "labels"  # what is read by a cursor of its own

# Reading begins with what is settled, or said, after the first look.
_TAKE_CURSORS = text("""
    INSERT INTO settlement_cursor (reader, entry_id)
    SELECT 'settlements', coalesce((SELECT id FROM ledger_entry ORDER BY id DESC LIMIT 1), 0)
    UNION ALL SELECT 'labels', coalesce((SELECT id FROM label ORDER BY id DESC LIMIT 1), 0)
    ON CONFLICT DO NOTHING
""")
_HOLD_CURSORS = text("SELECT reader, entry_id FROM settlement_cursor ORDER BY reader FOR UPDATE SKIP LOCKED")
_MOVE_CURSOR = text("UPDATE settlement_cursor SET entry_id = :entry_id WHERE reader = :reader")

# Entries of two budgets may be committed in another order than they were numbered in: the youngest are left for the
# next look. One that takes longer still is missed, which a statistic can bear. A task with a kept answer counts by that
# one, which was given by the prediction as it is; what was asked after it was asked because it had failed.
# A job without second chances has none: there nobody looks for it.
_FIND_LAST_SETTLED = text("""
    SELECT max(id) FROM (
        SELECT id, sum(cardinality(seqs)) OVER (ORDER BY id) - cardinality(seqs) AS answers_before
        FROM (
            SELECT id, seqs FROM ledger_entry
            WHERE id > :after AND kind = 'settle' AND created_at < clock_timestamp() - make_interval(secs => :young)
            ORDER BY id LIMIT :answers
        ) AS coming
    ) AS counted WHERE answers_before < :answers
""")
_READ = text("""
    SELECT entry.job_id, outcome.seq, outcome.strategy_id, outcome.correct, outcome.cost::text AS cost,
           outcome.propensity
    FROM ledger_entry AS entry
    JOIN job ON job.id = entry.job_id
    CROSS JOIN LATERAL unnest(entry.seqs) WITH ORDINALITY AS asked (seq, place)
    CROSS JOIN LATERAL (
        SELECT seq, strategy_id, correct, cost, propensity, kind, error_code FROM kept_answer
        WHERE job.second_chances
          AND job_id = entry.job_id AND kept_answer.seq = asked.seq AND grp_id = entry.grp_id
        UNION ALL
        SELECT seq, strategy_id, correct, cost, propensity, kind, error_code FROM outcome
        WHERE job_id = entry.job_id AND outcome.seq = asked.seq AND arm = 0 AND grp_id = entry.grp_id
          AND NOT (job.second_chances AND EXISTS (
              SELECT FROM kept_answer AS kept WHERE kept.job_id = entry.job_id AND kept.seq = asked.seq
          ))
    ) AS outcome
    WHERE entry.id > :after AND entry.id <= :last AND entry.kind = 'settle'
      AND outcome.kind = 'run' AND outcome.error_code IS NULL
    ORDER BY entry.id, asked.place
""")


# What graders said at once was read with the settlement. Of what people and judges say of an answer that none of them
# had graded, the first counts: a correction afterwards would count it twice.
_FIND_LAST_LABEL = text("""
    SELECT max(id) FROM (
        SELECT id FROM label
        WHERE id > :after AND created_at < clock_timestamp() - make_interval(secs => :young)
        ORDER BY id LIMIT :labels
    ) AS coming
""")
_READ_LABELS = text("""
    SELECT label.job_id, outcome.seq, outcome.strategy_id, label.correct, NULL AS cost, outcome.propensity
    FROM label
    JOIN outcome ON outcome.job_id = label.job_id AND outcome.seq = label.seq AND outcome.arm = label.arm
    WHERE label.id > :after AND label.id <= :last
      AND outcome.kind = 'run' AND outcome.error_code IS NULL AND outcome.correct IS NULL AND outcome.source = 'engine'
      AND NOT EXISTS (
          SELECT FROM label AS earlier
          WHERE earlier.job_id = label.job_id AND earlier.seq = label.seq AND earlier.arm = label.arm
            AND earlier.id < label.id
      )
    ORDER BY label.id
""")


def hold_cursors(session: Session) -> dict[str, int] | None:
    """How far settlements and labels were read; None while somebody else reads."""
    session.execute(_TAKE_CURSORS)
    held = {row.reader: row.entry_id for row in session.execute(_HOLD_CURSORS)}
    return held if held.keys() == {SETTLEMENTS, LABELS} else None  # two that begin at once may get one each


def move_cursor(session: Session, *, reader: str, entry_id: int) -> None:
    """The reader has come so far; the caller holds its cursor."""
    session.execute(_MOVE_CURSOR, {"reader": reader, "entry_id": entry_id})


def read_settled(session: Session, *, after: int, young_seconds: float, answers: int) -> SettledRows:
    """The next so many answers as they were settled, and the rest of the settlement that the last one is in."""
    limits = {"after": after, "young": young_seconds, "answers": answers}
    last = session.execute(_FIND_LAST_SETTLED, limits).scalar_one()
    if last is None:
        return SettledRows((), after)
    rows = session.execute(_READ, {"after": after, "last": last})
    return SettledRows(
        [
            SettledRow(job_id, seq, strategy_id, correct, int(cost), propensity)
            for job_id, seq, strategy_id, correct, cost, propensity in rows
        ],
        last,
    )


def read_labelled(session: Session, *, after: int, young_seconds: float, labels: int) -> SettledRows:
    """Answers that the next so many labels are the first to grade."""
    limits = {"after": after, "young": young_seconds, "labels": labels}
    last = session.execute(_FIND_LAST_LABEL, limits).scalar_one()
    if last is None:
        return SettledRows((), after)
    rows = session.execute(_READ_LABELS, {"after": after, "last": last})
    return SettledRows([SettledRow(*row) for row in rows], last)
