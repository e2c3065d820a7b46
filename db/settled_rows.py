"""Settlements read in turn: outcomes of runs, each once, without ever looking through all of them."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class SettledRow:
    """One answer of a run as it was settled."""

    entry_id: int
    job_id: int
    seq: int
    strategy_id: int
    correct: float | None
    cost: int  # quanta
    propensity: float | None


# A reader begins with what is settled after it has first looked.
_TAKE_CURSOR = text("""
    INSERT INTO settlement_cursor (reader, entry_id)
    SELECT :reader, coalesce((SELECT id FROM ledger_entry ORDER BY id DESC LIMIT 1), 0)
    ON CONFLICT DO NOTHING
""")
_HOLD_CURSOR = text("SELECT entry_id FROM settlement_cursor WHERE reader = :reader FOR UPDATE SKIP LOCKED")
_MOVE_CURSOR = text("UPDATE settlement_cursor SET entry_id = :entry_id WHERE reader = :reader")

# Entries of two budgets may be committed in another order than they were numbered in: the youngest are left for the
# next look. One that takes longer still is missed, which a statistic can bear.
_READ = text("""
    SELECT entry.id AS entry_id, entry.job_id, outcome.seq, outcome.strategy_id, outcome.correct,
           outcome.cost::text AS cost, outcome.propensity
    FROM (
        SELECT id, job_id, seqs FROM ledger_entry
        WHERE id > :after AND kind = 'settle' AND created_at < clock_timestamp() - make_interval(secs => :young)
        ORDER BY id LIMIT :entries
    ) AS entry
    CROSS JOIN LATERAL unnest(entry.seqs) WITH ORDINALITY AS asked (seq, place)
    JOIN outcome ON outcome.job_id = entry.job_id AND outcome.seq = asked.seq AND outcome.arm = 0
    WHERE outcome.kind = 'run' AND outcome.error_code IS NULL
    ORDER BY entry.id, asked.place
""")


def hold_cursor(session: Session, *, reader: str) -> int | None:
    """How far the reader has come; None while another of its kind reads."""
    session.execute(_TAKE_CURSOR, {"reader": reader})
    return session.execute(_HOLD_CURSOR, {"reader": reader}).scalar_one_or_none()


def move_cursor(session: Session, *, reader: str, entry_id: int) -> None:
    """The reader has come so far; the caller holds its cursor."""
    session.execute(_MOVE_CURSOR, {"reader": reader, "entry_id": entry_id})


def read_settled(session: Session, *, after: int, young_seconds: float, entries: int) -> list[SettledRow]:
    """Answers of the next settlements, as they were settled."""
    rows = session.execute(_READ, {"after": after, "young": young_seconds, "entries": entries})
    return [SettledRow(**(row._asdict() | {"cost": int(row.cost)})) for row in rows]
