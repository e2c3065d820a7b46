"""Work that is routed and not started: nothing is reserved for it yet."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Unstarted(NamedTuple):
    """Members of a job's groups that wait for their reservation."""

    tasks: int
    worst_cost: int  # quanta, if every one of them costs the most it can


# Outcomes and requeue rows end a member's wait, and so does a reservation under the fence that holds the group now.
_READ = text("""
    SELECT count(*) AS tasks, CAST(coalesce(sum(member.amount), 0) AS text) AS worst_cost
    FROM grp CROSS JOIN unnest(grp.seqs, grp.amounts) AS member (seq, amount)
    WHERE grp.job_id = :job_id AND grp.state <> 'done'
      AND NOT EXISTS (SELECT FROM outcome WHERE job_id = grp.job_id AND seq = member.seq AND arm = grp.arm)
      AND NOT EXISTS (SELECT FROM requeue WHERE from_grp_id = grp.id AND seq = member.seq)
      AND NOT EXISTS (SELECT FROM ledger_entry
                      WHERE grp_id = grp.id AND fence = grp.fence AND kind = 'reserve' AND member.seq = ANY (seqs))
""")


def read_unstarted(session: Session, *, job_id: int) -> Unstarted:
    """How much of the job is routed and not started."""
    row = session.execute(_READ, {"job_id": job_id}).one()
    return Unstarted(tasks=row.tasks, worst_cost=int(row.worst_cost))


# Tasks that were never cut into a window are unstarted as well. A task whose batch is settled without an outcome
# failed in a way that may pass: it has to be started again, even while its old group is still at work.
_LIST = text("""
    SELECT task.seq FROM task JOIN job ON job.id = task.job_id
    WHERE task.job_id = :job_id
      AND NOT EXISTS (SELECT FROM outcome WHERE job_id = task.job_id AND seq = task.seq)
      AND NOT EXISTS (SELECT FROM requeue WHERE job_id = task.job_id AND seq = task.seq AND routed_at IS NULL
                      AND reason IN ('budget_exhausted', 'not_eligible', 'cancelled'))
      AND task.seq NOT IN (
          SELECT unnest(held.seqs) FROM grp
          JOIN ledger_entry AS held ON held.grp_id = grp.id AND held.fence = grp.fence AND held.kind = 'reserve'
          WHERE grp.job_id = :job_id AND grp.state = 'claimed'
            AND NOT EXISTS (SELECT FROM ledger_entry AS settled
                            WHERE settled.grp_id = held.grp_id AND settled.fence = held.fence
                              AND settled.batch_no = held.batch_no AND settled.kind = 'settle'))
    ORDER BY task.seq
""")


def list_unstarted(session: Session, *, job_id: int) -> list[int]:
    """The tasks of a run that have no outcome, no final reason and no reservation, ascending."""
    return list(session.execute(_LIST, {"job_id": job_id}).scalars())
