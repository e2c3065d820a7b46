"""Of the batches of one group: which have failed, and which failure decides how the group ends."""

import asyncio
from collections.abc import Sequence

from db.errors import JobHalted, StaleFence
from worker.engines.errors import EngineDied, EngineError, EngineMisconfigured
from worker.errors import StrategyLeftAlone

# Whoever lost the lease may write nothing; an engine that is gone is gone for every group.
DECISIVE_FIRST = (
    StaleFence, EngineMisconfigured, EngineDied, EngineError, StrategyLeftAlone, JobHalted, BaseException
)  # fmt: skip


def has_failed(batch: asyncio.Task[None]) -> bool:
    """Whether this batch ended otherwise than well."""
    return batch.done() and (batch.cancelled() or batch.exception() is not None)


def raise_decisive(failures: Sequence[BaseException]) -> None:
    """Raise the one that decides, if there is any."""
    for kind in DECISIVE_FIRST:
        for failure in failures:
            if isinstance(failure, kind):
                raise failure
