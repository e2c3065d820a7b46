"""Promises: what a budget keeps free so that tasks which wait can still have their least worst case."""

from sqlalchemy import case, exists, update
from sqlalchemy.orm import Session

from db.tables import BudgetRow, JobRow

_COMMITTED = BudgetRow.spent + BudgetRow.burned + BudgetRow.reserved


def promise_answers(session: Session, *, job_id: int, least: int) -> bool:
    """Whether the job's budget can keep `least` quanta free for its tasks, and does so from now on.

    It can when all of it fits beside what is committed and what was promised to other jobs.
    """
    promised = update(BudgetRow).where(
        BudgetRow.id == JobRow.budget_id, JobRow.id == job_id, _COMMITTED + BudgetRow.kept + least <= BudgetRow.cap
    )
    kept = session.execute(promised.values(kept=BudgetRow.kept + least).returning(BudgetRow.id)).one_or_none()
    if kept is None:
        return False
    session.execute(update(JobRow).where(JobRow.id == job_id).values(promised=True))
    return True


def keep_again(session: Session, *, job_id: int, least: int) -> None:
    """Keep `least` quanta for tasks that have to be started again, if they were promised an answer.

    In the budget that the job draws on now, which may be of a later period than the one they were started in. Where too
    little is left for that, nothing is kept any more.
    """
    kept = case((_COMMITTED + BudgetRow.kept + least <= BudgetRow.cap, BudgetRow.kept + least), else_=None)
    own = update(BudgetRow).where(BudgetRow.id == JobRow.budget_id, JobRow.id == job_id, JobRow.promised)
    session.execute(own.values(kept=kept))


def take_back_promise(session: Session, *, job_id: int, least: int) -> None:
    """Keep `least` quanta less: these tasks of the job will never be started."""
    less = update(BudgetRow).where(BudgetRow.id == JobRow.budget_id, JobRow.id == job_id, JobRow.promised)
    session.execute(less.values(kept=BudgetRow.kept - least))


def end_broken_promise(session: Session, *, budget_id: int) -> bool:
    """Keep nothing any more when less is left than was promised; whether it came to that.

    Attempts that were paid for and gave no answer can do this. To go on keeping would deny everybody everything.
    """
    short = (BudgetRow.id == budget_id, _COMMITTED + BudgetRow.kept > BudgetRow.cap)
    return bool(session.execute(update(BudgetRow).where(*short).values(kept=None).returning(BudgetRow.id)).all())


def begin_anew(session: Session, *, budget_id: int) -> None:
    """Promise again, once no job that may have been disappointed is left."""
    open_jobs = exists().where(JobRow.budget_id == budget_id, JobRow.finished_at.is_(None))
    rest = update(BudgetRow).where(BudgetRow.id == budget_id, BudgetRow.cap.is_not(None), ~open_jobs)
    session.execute(rest.values(kept=0))
