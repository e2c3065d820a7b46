"""Expiry: what lost workers held is burned or given back, and is ready for others."""

from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class Expired:
    """What one sweep took back."""

    groups: int
    windows: int
    burned: int  # quanta, over all budgets
    burned_tasks: int


def expire_leases(session: Session, *, job_id: int | None = None) -> Expired:
    """Take back every group and window whose lease is over, burning batches that were started and never settled."""
    raise NotImplementedError
