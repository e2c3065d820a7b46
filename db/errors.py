"""What can go wrong in the database package.

DbError
├── NoSuchRow            an id that names nothing
├── StaleFence           the lease was lost: somebody else owns the group or window now
├── BudgetDenied         a reservation does not fit the budget
├── BudgetCommitted      a budget can not be lowered under what is spent and reserved
├── JobHalted            the job is paused or cancelled: nothing of it may be started
├── AlreadySettled       the batch was settled before: the earlier settlement stands
├── BatchMismatch        a batch names the wrong tasks
├── WindowMismatch       a window's groups do not cover exactly its tasks
├── UnfinishedGroup      a group can not end while it has open batches or unanswered tasks
├── UnstorableText       Postgres can not hold the text
└── DuplicateCustomId    two tasks of a job share a custom_id
"""


class DbError(Exception):
    """Anything this package raises on purpose."""


class NoSuchRow(DbError):
    """An id that names nothing."""

    def __init__(self, *, table: str, row_id: int) -> None:
        super().__init__(f"there is no {table} {row_id}")
        self.table = table
        self.row_id = row_id


class StaleFence(DbError):
    """The lease was lost: every later write under this fence is refused."""

    def __init__(self, *, table: str, row_id: int, fence: int) -> None:
        super().__init__(f"{table} {row_id} is no longer held under fence {fence}: its lease expired or was given back")
        self.table = table
        self.row_id = row_id
        self.fence = fence


class BudgetDenied(DbError):
    """A reservation does not fit; nothing was changed. Amounts are quanta of `unit`."""

    def __init__(self, *, budget_id: int, budget_name: str, unit: str, left: int, needed: int, kept: int = 0) -> None:
        super().__init__(
            f"budget {budget_name} has {left} quanta ({unit}) left, the batch needs {needed}: "
            f"wait for settlements or raise the budget"
        )
        self.budget_id = budget_id
        self.unit = unit
        self.left = left
        self.kept = kept  # of what is left, for tasks that were promised an answer
        self.needed = needed


class BudgetCommitted(DbError):
    """A cap can not be lowered so far; nothing was changed. Amounts are quanta of `unit`."""

    def __init__(self, *, budget_id: int, budget_name: str, unit: str, committed: int, wanted: int) -> None:
        super().__init__(
            f"budget {budget_name} has {committed} quanta ({unit}) spent, burned or reserved, so its cap can not be "
            f"{wanted}: lower it to {committed} or more, or wait for what is running to settle"
        )
        self.budget_id = budget_id
        self.unit = unit
        self.committed = committed
        self.wanted = wanted


class JobHalted(DbError):
    """The job is paused or cancelled: what runs is settled, and nothing more may be started."""

    def __init__(self, *, job_id: int, cancelled: bool) -> None:
        super().__init__(f"job {job_id} is {'cancelled' if cancelled else 'paused'}: nothing more of it is started")
        self.job_id = job_id
        self.cancelled = cancelled


class AlreadySettled(DbError):
    """The batch was settled before (a commit whose answer was lost looks like this)."""

    def __init__(self, *, group_id: int, batch_no: int) -> None:
        super().__init__(f"batch {batch_no} of group {group_id} is settled already: keep the earlier settlement")
        self.group_id = group_id
        self.batch_no = batch_no


class BatchMismatch(DbError):
    """A batch names tasks it may not name, or leaves out some that it must name."""


class WindowMismatch(DbError):
    """Groups and unserved tasks together are not exactly the tasks of the window."""


class UnfinishedGroup(DbError):
    """A group can not end while it has open batches or tasks without outcome or requeue."""


class UnstorableText(DbError):
    """Postgres text holds neither NUL characters nor lone surrogates."""

    def __init__(self, *, name: str, problem: str, position: int) -> None:
        super().__init__(f"{name} has a {problem} at character {position}, which Postgres can not store: remove it")
        self.name = name
        self.position = position


class DuplicateCustomId(DbError):
    """Two tasks of a job share a custom_id."""

    def __init__(self, *, job_id: int, detail: str) -> None:
        super().__init__(f"job {job_id} has two tasks with the same custom_id: {detail} Give each its own.")
        self.job_id = job_id
