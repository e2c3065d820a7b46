"""Reservations: the worst case of a batch is held before its tasks are started."""

from collections.abc import Sequence

from sqlalchemy.orm import Session


def reserve_batch(session: Session, *, group_id: int, fence: int, seqs: Sequence[int], amounts: Sequence[int]) -> int:
    """The number of the batch, whose tasks count as started once the caller commits.

    BudgetDenied changes nothing, and the transaction stays usable; StaleFence; BatchMismatch for tasks that are not
    open members of the group.
    """
    raise NotImplementedError
